//! What no store may take.

use cronlet_core::run::BackfillEnd;

use super::*;

impl Model {
    /// A record that no store may take, now or a little later.
    pub(in crate::store::conformance) fn wrong(&mut self) -> Record {
        let absent = RunId(self.next_run + 100);
        let ended = if self.ended.is_empty() {
            absent
        } else {
            let ended = self.ended.clone();
            self.pick(&ended)
        };
        let run = if self.chance(3) { absent } else { ended };
        match self.below(10) {
            9 => Record::JobNotOverdue { job: job("absent") },
            8 => Record::BackfillStopped {
                id: RequestId(self.random()),
                why: BackfillEnd::Stopped,
                actor: None,
            },
            0 => {
                // A number that was used, or never comes.
                let used = self.below_u64(self.next_run);
                Record::RunQueued(Arc::new(NewRun {
                    run: RunId(if self.chance(2) { u64::MAX } else { used }),
                    ..new_run(1, "a")
                }))
            }
            1 => Record::AttemptStarted {
                run,
                attempt: u32::MAX,
                component: None,
                starts_at: self.now,
            },
            2 => Record::AttemptDisarmed { run, attempt: 1 },
            3 => Record::AttemptEnded {
                run,
                attempt: 1,
                status: AttemptStatus::Crashed,
                reason: None,
                report: None,
            },
            4 => Record::RunRequeued { run },
            5 => Record::RunEnded {
                run,
                end: RunEnd::Cancelled,
                message: None,
            },
            6 => Record::JobRemoved { job: job("absent") },
            _ => Record::Watermark {
                job: job("absent"),
                to: self.now,
            },
        }
    }
}

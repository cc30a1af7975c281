//! What jobs remember, as far as the engine must know it: how much it is, and who wrote what since
//! whose start.
//!
//! A guest starts when the record of its start is on disk, so what it reads holds every end that was
//! decided before its start was, and perhaps some later ones. What *recent* ends of its job have written
//! is kept here while attempts overlap: where a key is recent, this is what it holds now, and anywhere
//! else the attempt has read what it holds now. So a compare-and-set is checked against all that was
//! decided, on disk or not, and no commit has to refuse one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Engine, Step, state::Run};
use crate::{
    digest::Digest,
    name::JobName,
    record::Record,
    report::{AttemptReport, ErrorKind, Failure, Verdict},
    run::RunId,
    state::{ENTRY, Key, StateChanges},
    units::format_size,
};

/// What is kept of the recent writes of one job, counted as entries without values. What one attempt
/// can write by default fits.
const RECENT: u64 = 16 << 20;

/// The state of all jobs.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// How many ends have written state in this engine's life.
    ends: u64,
    /// What the state of each job that has any counts for.
    totals: BTreeMap<JobName, u64>,
    /// Of each job with attempts that overlap.
    recent: BTreeMap<JobName, Recent>,
}

/// What an attempt's changes are held against.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Terms {
    /// How many ends had written state when its start was decided.
    pub(super) began: u64,
    /// The job's `max_state`, as the attempt knows it.
    pub(super) max: u64,
}

/// The recent writes of one job.
#[derive(Debug, Default)]
struct Recent {
    keys: BTreeMap<Key, Latest>,
    by_age: BTreeSet<(u64, Key)>,
    bytes: u64,
    /// Writes up to this end were forgotten though an older attempt may run.
    forgotten: u64,
}

/// What a key holds now.
#[derive(Clone, Copy, Debug)]
struct Latest {
    /// By this end.
    end: u64,
    digest: Option<Digest>,
    size: u64,
}

/// Why an attempt's changes cannot be kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// What a compare-and-set found is not there any more.
    Race(Key),
    /// Nobody knows any more whether it is.
    Forgotten,
    /// It would be too much.
    Full { total: u64, max: u64 },
}

impl Engine {
    /// Takes over what an attempt that succeeded did to its job's state. It holds no slot any more.
    pub(super) fn keep_state(
        &mut self,
        step: &mut Step,
        (run, job): (RunId, &JobName),
        changes: Arc<StateChanges>,
        total: u64,
    ) {
        let others = self.slots.in_use(job);
        self.ledger.keep(job, &changes, total, others);
        if self.ledger.is_crowded(job)
            && let Some(oldest) = self.oldest_start(job)
        {
            self.ledger.thin_out(job, oldest);
        }
        step.records.push(Record::StateWritten {
            run,
            job: job.clone(),
            changes,
            total,
        });
    }

    /// How many ends had written state when the oldest attempt of the job started that is under way.
    fn oldest_start(&self, job: &JobName) -> Option<u64> {
        let open = self.jobs.get(job)?.runs();
        let terms = open.filter_map(|run| self.runs.get(&run)?.terms());
        terms.map(|terms| terms.began).min()
    }
}

/// Takes what the attempt did to its job's state out of its report: it is kept only if the attempt
/// succeeds. If it cannot be, the attempt has failed, and its report says so.
pub(super) fn take_state(
    ledger: &Ledger,
    run: &Run,
    terms: Terms,
    report: Arc<AttemptReport>,
) -> (Arc<AttemptReport>, Option<(Arc<StateChanges>, u64)>) {
    if report.state.is_none() {
        return (report, None);
    }
    let mut report = Arc::unwrap_or_clone(report);
    let changes = report.state.take();
    let succeeded = matches!(report.verdict, Verdict::Succeeded(_)) && !run.cancel_requested;
    let mut kept = None;
    if let Some(changes) = changes.filter(|_| succeeded) {
        match ledger.check(&run.new.job, terms, &changes) {
            Ok(total) if !changes.writes().is_empty() => kept = Some((changes, total)),
            Ok(_) => {}
            Err(lost) => report.verdict = lost.verdict(),
        }
    }
    (Arc::new(report), kept)
}

impl Ledger {
    /// What the store knows.
    pub(super) fn recover(&mut self, totals: BTreeMap<JobName, u64>) {
        self.totals = totals;
    }

    /// The terms of an attempt whose start is decided now.
    pub(super) fn terms(&self, max: u64) -> Terms {
        Terms {
            began: self.ends,
            max,
        }
    }

    /// What the job's state will count for with these changes, if they can be kept.
    pub(super) fn check(
        &self,
        job: &JobName,
        terms: Terms,
        changes: &StateChanges,
    ) -> Result<u64, Lost> {
        let before = self.totals.get(job).copied().unwrap_or(0);
        let mut replaced = changes.replaced();
        if let Some(recent) = self.recent.get(job) {
            if terms.began < recent.forgotten {
                return Err(Lost::Forgotten);
            }
            let lost = changes.found().iter().find(|(key, found)| {
                let latest = recent.keys.get(*key);
                latest.is_some_and(|latest| latest.digest != **found)
            });
            if let Some((key, _)) = lost {
                return Err(Lost::Race(key.clone()));
            }
            for (key, write) in changes.writes() {
                if let Some(latest) = recent.keys.get(key) {
                    replaced = replaced.saturating_sub(write.replaced) + latest.size;
                }
            }
        }
        let total = before.saturating_sub(replaced) + changes.written();
        // What was more than the limit before may become less.
        if total > terms.max && total > before {
            let max = terms.max;
            return Err(Lost::Full { total, max });
        }
        Ok(total)
    }

    /// Takes changes over that were checked. Others of the job's attempts may be under way.
    pub(super) fn keep(&mut self, job: &JobName, changes: &StateChanges, total: u64, others: bool) {
        self.ends += 1;
        if total == 0 {
            self.totals.remove(job);
        } else if let Some(known) = self.totals.get_mut(job) {
            *known = total;
        } else {
            self.totals.insert(job.clone(), total);
        }
        if others {
            let recent = self.recent.entry(job.clone()).or_default();
            recent.add(self.ends, changes);
        }
    }

    /// Whether so much is recent that [`Ledger::thin_out`] is called for.
    pub(super) fn is_crowded(&self, job: &JobName) -> bool {
        let recent = self.recent.get(job);
        recent.is_some_and(|recent| recent.bytes > RECENT)
    }

    /// Forgets what the job's oldest attempt has read anyway; and if that is not enough, more than that:
    /// then nothing that such an attempt changes can be kept.
    pub(super) fn thin_out(&mut self, job: &JobName, oldest: u64) {
        if let Some(recent) = self.recent.get_mut(job) {
            recent.thin_out(oldest);
        }
    }

    /// No attempt of the job is under way.
    pub(super) fn rest(&mut self, job: &JobName) {
        self.recent.remove(job);
    }

    /// Whether [`Ledger::rest`] has something to do, for any job.
    pub(super) fn is_watching(&self) -> bool {
        !self.recent.is_empty()
    }
}

impl Recent {
    fn add(&mut self, end: u64, changes: &StateChanges) {
        for (key, write) in changes.writes() {
            let latest = Latest {
                end,
                digest: write.value.as_ref().map(crate::state::Value::digest),
                size: write.size(key),
            };
            if let Some(before) = self.keys.insert(key.clone(), latest) {
                self.by_age.remove(&(before.end, key.clone()));
            } else {
                self.bytes += cost(key);
            }
            self.by_age.insert((end, key.clone()));
        }
    }

    fn thin_out(&mut self, oldest: u64) {
        while let Some((end, _)) = self.by_age.first() {
            let end = *end;
            if end > oldest && self.bytes <= RECENT / 2 {
                return;
            }
            if end > oldest {
                self.forgotten = end;
            }
            self.drop_end(end);
        }
    }

    /// Forgets what one end wrote.
    fn drop_end(&mut self, end: u64) {
        while let Some((first, key)) = self.by_age.pop_first() {
            if first != end {
                self.by_age.insert((first, key));
                return;
            }
            self.bytes -= cost(&key);
            self.keys.remove(&key);
        }
    }
}

fn cost(key: &str) -> u64 {
    ENTRY + key.len() as u64
}

impl Lost {
    /// How the attempt ends.
    pub(super) fn verdict(&self) -> Verdict {
        let (code, message) = match self {
            Self::Race(key) => (
                "state-conflict",
                format!(
                    "another run changed `{key}` of the job's state after this attempt had started"
                ),
            ),
            Self::Forgotten => (
                "state-conflict",
                "other runs changed too much of the job's state after this attempt had started"
                    .to_owned(),
            ),
            Self::Full { total, max } => (
                "state-full",
                format!(
                    "with what other runs wrote meanwhile the job's state would be {}, its limit is {}",
                    format_size(*total),
                    format_size(*max)
                ),
            ),
        };
        Verdict::Error {
            kind: ErrorKind::Retryable,
            failure: Failure {
                code: code.to_owned(),
                message,
                ..Failure::default()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Value, Write};

    fn job() -> JobName {
        JobName::new("a").unwrap()
    }

    fn write(value: Option<&str>, replaced: u64) -> Write {
        Write {
            value: value.map(|text| Value::new(text.as_bytes().into())),
            replaced,
        }
    }

    fn changes<const N: usize>(writes: [(&str, Write); N]) -> StateChanges {
        let writes = writes.map(|(key, write)| (key.into(), write));
        StateChanges::new(writes.into(), BTreeMap::new())
    }

    fn found(key: &str, value: Option<&str>) -> StateChanges {
        let digest = value.map(|text| Digest::of(text.as_bytes()));
        StateChanges::new(BTreeMap::new(), [(key.into(), digest)].into())
    }

    /// Keeps what is fine.
    fn keep(ledger: &mut Ledger, terms: Terms, changes: &StateChanges) -> Result<u64, Lost> {
        let total = ledger.check(&job(), terms, changes)?;
        ledger.keep(&job(), changes, total, true);
        Ok(total)
    }

    #[test]
    fn a_race_is_lost_by_the_second() {
        let mut ledger = Ledger::default();
        let terms = ledger.terms(1000);
        keep(&mut ledger, terms, &changes([("k", write(Some("1"), 0))])).unwrap();
        let lost = Err(Lost::Race("k".into()));
        assert_eq!(ledger.check(&job(), terms, &found("k", None)), lost);
        assert_eq!(ledger.check(&job(), terms, &found("k", Some("0"))), lost);
        assert_eq!(ledger.check(&job(), terms, &found("other", None)), Ok(66));
        // What it had read may be younger than its start.
        assert_eq!(ledger.check(&job(), terms, &found("k", Some("1"))), Ok(66));
        keep(&mut ledger, terms, &changes([("k", write(None, 66))])).unwrap();
        assert_eq!(ledger.check(&job(), terms, &found("k", None)), Ok(0));
    }

    #[test]
    fn the_total_counts_what_is_replaced_now_and_not_what_was_read() {
        let mut ledger = Ledger::default();
        ledger.recover([(job(), 100)].into());
        let terms = ledger.terms(1000);
        // Both have read an entry of 100 bytes.
        let [first, second] = ["aaaa", "b"].map(|text| changes([("k", write(Some(text), 100))]));
        assert_eq!(keep(&mut ledger, terms, &first), Ok(64 + 1 + 4));
        assert_eq!(keep(&mut ledger, terms, &second), Ok(64 + 1 + 1));
        let gone = changes([("k", write(None, 100))]);
        assert_eq!(keep(&mut ledger, terms, &gone), Ok(0));
        assert!(ledger.totals.is_empty());
    }

    #[test]
    fn two_that_fit_alone_may_be_too_much_together() {
        let mut ledger = Ledger::default();
        let terms = ledger.terms(140);
        let [one, two, three] = ["k", "l", "m"].map(|key| changes([(key, write(Some(""), 0))]));
        assert_eq!(keep(&mut ledger, terms, &one), Ok(65));
        assert_eq!(keep(&mut ledger, terms, &two), Ok(130));
        let full = Lost::Full {
            total: 195,
            max: 140,
        };
        assert_eq!(keep(&mut ledger, terms, &three), Err(full));
        let less = Terms { max: 1, ..terms };
        let smaller = changes([("k", write(None, 0))]);
        assert_eq!(keep(&mut ledger, less, &smaller), Ok(65));
    }

    #[test]
    fn what_the_oldest_attempt_has_read_is_forgotten_first() {
        let mut recent = Recent::default();
        recent.add(1, &changes([("a", write(None, 0)), ("b", write(None, 0))]));
        recent.add(2, &changes([("b", write(None, 0)), ("c", write(None, 0))]));
        recent.thin_out(1);
        let keys: Vec<_> = recent.keys.keys().map(AsRef::as_ref).collect();
        assert_eq!(keys, ["b", "c"]);
        assert_eq!((recent.bytes, recent.forgotten), (2 * 65, 0));
        assert_eq!(recent.by_age.len(), 2);
    }

    #[test]
    fn who_started_before_what_was_forgotten_keeps_nothing() {
        let mut ledger = Ledger::default();
        let early = ledger.terms(u64::MAX);
        let many = |from: u32| {
            let keys = (from..from + 100_000).map(|n| (Key::from(n.to_string()), write(None, 0)));
            StateChanges::new(keys.collect(), BTreeMap::new())
        };
        let mut terms = early;
        for round in 0..4 {
            terms = ledger.terms(u64::MAX);
            keep(&mut ledger, terms, &many(round * 100_000)).unwrap();
            if ledger.is_crowded(&job()) {
                ledger.thin_out(&job(), early.began);
            }
        }
        assert!(!ledger.is_crowded(&job()));
        let any = changes([("k", write(None, 0))]);
        assert_eq!(ledger.check(&job(), early, &any), Err(Lost::Forgotten));
        assert_eq!(ledger.check(&job(), terms, &any), Ok(0));
        ledger.rest(&job());
        assert!(!ledger.is_watching());
        assert_eq!(ledger.check(&job(), early, &any), Ok(0));
    }
}

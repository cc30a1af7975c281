//! The words of an instant of which the history has nothing: the job was paused, was another, or was not
//! there, or the history of then is gone.

use jiff::Timestamp;

use super::{
    answer::{Kind, Told},
    facts::Facts,
};
use crate::store::history::JobTurn;

/// What follows the schedule of a job that the file disables, in its fingerprint.
const DISABLED: &str = ", disabled";

/// Why nothing became of an instant that is accounted for.
pub(super) fn told(facts: &Facts, head: &str) -> Told {
    let head = format!("{head}, by the schedule as it is now");
    let stand = facts.stand(facts.at);
    if let Some(removed) = stand.removed {
        let back = facts.first_after(|turn| matches!(turn, JobTurn::Accepted { .. }));
        let back = back.map(|event| format!(" to {}", facts.clock(event.at)));
        let (from, to) = (facts.clock(removed), back.unwrap_or_default());
        let sentence = format!("{head}; the job was not in the file from {from}{to}");
        return Told::new(Kind::Removed, sentence);
    }
    if let Some(paused) = stand.paused {
        let resumed = facts.first_after(|turn| matches!(turn, JobTurn::Resumed { .. }));
        let resumed = resumed.map(|event| format!(" to {}", facts.clock(event.at)));
        let (from, why) = (facts.clock(paused.since), paused.why);
        let to = resumed.unwrap_or_default();
        let sentence = format!("{head}; the job was paused {why} from {from}{to}");
        return Told::new(Kind::Paused, sentence);
    }
    match stand.accepted {
        None => match facts.events.first() {
            Some(first) => Told::new(
                Kind::New,
                format!("{head}; the job is known since {}", facts.clock(first.at)),
            ),
            None => Told::new(
                Kind::Unknown,
                format!("{head}; what the job was then is not known any more"),
            ),
        },
        Some(then) if !is_the_same(facts, &then.fingerprint) => {
            another(facts, &head, &then.fingerprint)
        }
        Some(then) if facts.at <= then.watermark => Told::new(
            Kind::New,
            format!(
                "{head}; this schedule counts since {}",
                facts.clock(then.watermark)
            ),
        ),
        Some(_) => Told::new(
            Kind::Unknown,
            format!("{head}; it is older than the history that is kept (`[runtime] history`)"),
        ),
    }
}

fn is_the_same(facts: &Facts, fingerprint: &str) -> bool {
    let job = facts.defined();
    job.is_some_and(|job| job.fingerprint() == fingerprint)
}

/// The job had another schedule then.
fn another(facts: &Facts, head: &str, fingerprint: &str) -> Told {
    let changed = facts.first_after(|turn| matches!(turn, JobTurn::Accepted { .. }));
    let until = changed.map_or(String::new(), |event| {
        format!(" until {}", facts.clock(event.at))
    });
    match fingerprint.strip_suffix(DISABLED) {
        Some(_) => Told::new(Kind::Paused, format!("{head}; the job was disabled{until}")),
        None => Told::new(
            Kind::New,
            format!("{head}; its schedule was another{until}: `{fingerprint}`"),
        ),
    }
}

/// What keeps an instant of the job from being due, if something does that holds now.
pub(super) fn halted_now(facts: &Facts, head: &str) -> Option<Told> {
    let halt = halt(facts)?;
    // What was due before it was looked at before it.
    let is_then = halt.since.is_none_or(|since| facts.at > since);
    is_then.then(|| Told::new(Kind::Paused, format!("{head}, but {}", halt.why)))
}

/// Why the job is due no more.
pub(super) struct Halt {
    since: Option<Timestamp>,
    pub(super) why: String,
}

/// What keeps the job from being due now, if something does.
pub(super) fn halt(facts: &Facts) -> Option<Halt> {
    let stored = facts.known.job.as_ref();
    let paused = stored.and_then(|job| job.paused.as_ref());
    let disabled = facts.defined().is_some_and(|job| !job.enabled);
    match paused {
        Some(paused) => {
            let (since, why, job) = (facts.clock(paused.since), &paused.why, &facts.job);
            let is = format!("the job is paused {why} since {since}");
            Some(Halt {
                since: Some(paused.since),
                why: format!("{is}: `cronlet resume {job}` ends that"),
            })
        }
        None if disabled => Some(Halt {
            since: stored.map(|job| job.watermark),
            why: "the job is disabled: the file says `enabled = false`".to_owned(),
        }),
        None => None,
    }
}

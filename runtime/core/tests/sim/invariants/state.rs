//! What jobs remember: who may change it, and what it comes to.

use std::collections::BTreeMap;

use cronlet_core::{
    digest::Digest,
    engine::Event,
    name::JobName,
    record::Record,
    report::{AttemptReport, Verdict},
    state::{Entries, StateChanges},
};

use super::{Check, ensure};
use crate::{
    deeds::{Deed, total},
    runner::AttemptKey,
    tables::{RunRow, Tables},
    watch::{Step, Watch},
};

/// Only the end of an attempt changes what its job remembers.
pub(super) fn only_ends_write_state(_: &Watch, step: &Step, record: &Record) -> Check {
    let Record::StateWritten { run, .. } = record else {
        return Ok(());
    };
    let ends = matches!(step.event, Event::AttemptEnded { run: ended, .. } if ended == run);
    ensure(ends, || format!("{record:?}"))
}

/// What is to become of what an attempt did to its job's state.
pub(super) enum Fate {
    /// There is nothing to keep.
    Nothing,
    /// It is kept, and the state counts for this from then on.
    Kept(u64),
    /// It cannot be: the attempt ends with an error of this code.
    Lost(&'static str),
}

/// Held against all that was ever decided, which a naive table has in full.
pub(super) fn fate(watch: &Watch, row: &RunRow, report: &AttemptReport) -> Fate {
    let succeeded = matches!(report.verdict, Verdict::Succeeded(_)) && !row.cancel_requested;
    let Some(changes) = report.state.as_ref().filter(|_| succeeded) else {
        return Fate::Nothing;
    };
    let empty = Entries::default();
    let before = watch.before.states.get(&row.new.job).unwrap_or(&empty);
    let there = |key| before.get(key).map(|value| Digest::of(value));
    if changes
        .found()
        .iter()
        .any(|(key, found)| there(key) != *found)
    {
        return Fate::Lost("state-conflict");
    }
    let after = total(&written(before, changes));
    if after > watch.before.max_state.max(total(before)) {
        return Fate::Lost("state-full");
    }
    if changes.writes().is_empty() {
        return Fate::Nothing;
    }
    Fate::Kept(after)
}

/// A state with these changes.
pub(crate) fn written(before: &Entries, changes: &StateChanges) -> Entries {
    let mut entries = before.clone();
    for (key, write) in changes.writes() {
        entries.remove(key);
        if let Some(value) = &write.value {
            entries.insert(key.clone(), value.bytes().clone());
        }
    }
    entries
}

/// What is on disk is what the attempts left that succeeded, one after the other, and each of them found
/// what it compared with as it had read it.
pub(super) fn history_explains_every_state(
    deeds: &BTreeMap<AttemptKey, Vec<Deed>>,
    disk: &Tables,
) -> Check {
    let mut states: BTreeMap<&JobName, Entries> = BTreeMap::new();
    for key in &disk.succeeded {
        let row = disk.runs.get(key.0).ok_or("there is no such run")?;
        let job = &row.new.job;
        let state = states.entry(job).or_default();
        let deeds = deeds.get(key).map_or(&[][..], Vec::as_slice);
        for deed in deeds {
            if let Some(found) = &deed.found {
                ensure(state.get(&deed.key) == found.as_ref(), || {
                    format!("{key:?}: {deed:?}, but there was {state:?}")
                })?;
            }
        }
        for deed in deeds {
            match &deed.left {
                Some(Some(value)) => drop(state.insert(deed.key.clone(), value.clone())),
                Some(None) => drop(state.remove(&deed.key)),
                None => {}
            }
        }
    }
    let empty = Entries::default();
    for job in states.keys().copied().chain(disk.states.keys()) {
        let expected = states.get(job).unwrap_or(&empty);
        let found = disk.states.get(job).unwrap_or(&empty);
        ensure(found == expected, || {
            format!("{job} remembers {found:?}, not {expected:?}")
        })?;
    }
    Ok(())
}

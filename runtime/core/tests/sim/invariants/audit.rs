//! The audit: the whole history, read from the disk as a stranger would.

use std::collections::{BTreeMap, BTreeSet};

use cronlet_core::{name::JobName, run::Cause, schedule::Schedule};
use jiff::Timestamp;

use super::{
    Check, Violation, backfills::history_explains_every_backfill,
    chains::ends_and_what_they_caused, ensure, state::history_explains_every_state,
};
use crate::{
    deeds::Deed,
    oracle::{before, instants, next_after},
    runner::AttemptKey,
    tables::{Stretch, Tables},
    watch::Watch,
};

type OnHistory = fn(&Watch, &Tables) -> Check;

/// Holds what is on disk against the rules, however often the daemon died on the way.
pub(crate) fn audit(
    watch: &Watch,
    disk: &Tables,
    deeds: &BTreeMap<AttemptKey, Vec<Deed>>,
) -> Result<(), Violation> {
    let rules: [(&'static str, OnHistory); 4] = [
        (
            "history_accounts_for_every_instant_once",
            every_instant_once,
        ),
        ("history_has_no_other_instants", no_other_instants),
        ("history_never_goes_back", stretches_do_not_overlap),
        (
            "history_has_what_each_end_caused",
            ends_and_what_they_caused,
        ),
    ];
    rules.into_iter().try_for_each(|(invariant, rule)| {
        rule(watch, disk).map_err(|detail| Violation { invariant, detail })
    })?;
    history_explains_every_backfill(disk).map_err(|detail| Violation {
        invariant: "history_explains_every_backfill",
        detail,
    })?;
    history_explains_every_state(deeds, disk).map_err(|detail| Violation {
        invariant: "history_explains_every_state",
        detail,
    })
}

/// Every instant that a watermark has passed over is one run or in one range of skips.
fn every_instant_once(watch: &Watch, disk: &Tables) -> Check {
    let accounted = accounted(watch, disk)?;
    for stretch in &disk.stretches {
        let due = schedule(watch, stretch).map_or_else(Vec::new, |schedule| {
            instants(schedule, stretch.after, stretch.through)
        });
        for at in due {
            let times = accounted.get(&(&stretch.job, at)).copied().unwrap_or(0);
            ensure(times == 1, || {
                format!("{} at {at} is accounted for {times} times", stretch.job)
            })?;
        }
    }
    Ok(())
}

/// No run and no range is for an instant that no watermark has passed over, but for the runs that were
/// there when it was pulled back.
fn no_other_instants(watch: &Watch, disk: &Tables) -> Check {
    let ahead: BTreeSet<_> = armed_ahead(disk).collect();
    for (job, at) in accounted(watch, disk)?.into_keys() {
        if ahead.contains(&(job, at)) || disk.ahead.contains(&(job.clone(), at)) {
            continue;
        }
        let stretch = disk.stretch_of(job, at);
        let stretch = stretch.ok_or_else(|| format!("{job} at {at}: no watermark was there"))?;
        let next = schedule(watch, stretch).and_then(|schedule| next_after(schedule, before(at)));
        ensure(next == Some(at), || {
            format!("{job} at {at} was not due, {next:?} was")
        })?;
    }
    Ok(())
}

/// The instants whose runs were recorded ahead of their time: it may not have come.
fn armed_ahead(disk: &Tables) -> impl Iterator<Item = (&JobName, Timestamp)> {
    disk.runs.values().filter_map(|row| match row.new.cause {
        Cause::Time(at) if row.was_armed_ahead => Some((&row.new.job, at)),
        _ => None,
    })
}

/// What a watermark has passed over once, none passes over again.
fn stretches_do_not_overlap(_: &Watch, disk: &Tables) -> Check {
    let mut ends: BTreeMap<&JobName, Timestamp> = BTreeMap::new();
    for stretch in &disk.stretches {
        let end = ends.insert(&stretch.job, stretch.through);
        ensure(end.is_none_or(|end| end <= stretch.after), || {
            format!("{stretch:?} begins before {end:?}")
        })?;
    }
    Ok(())
}

/// How often each instant is accounted for, by runs and by ranges.
fn accounted<'a>(
    watch: &Watch,
    disk: &'a Tables,
) -> Result<BTreeMap<(&'a JobName, Timestamp), u32>, String> {
    let mut accounted = BTreeMap::new();
    for row in disk.runs.values() {
        if let Cause::Time(at) = row.new.cause {
            *accounted.entry((&row.new.job, at)).or_default() += 1;
        }
    }
    for ((job, first), row) in &disk.skips {
        let stretch = disk.stretch_of(job, *first);
        let schedule = stretch.and_then(|stretch| schedule(watch, stretch));
        let schedule = schedule.ok_or_else(|| format!("{job}: a range from nowhere, {first}"))?;
        let range = instants(schedule, before(*first), row.last);
        ensure(row.guessed || range.len() as u64 == row.count, || {
            format!("{job}: {row:?} from {first} has {} instants", range.len())
        })?;
        for at in range {
            *accounted.entry((job, at)).or_default() += 1;
        }
    }
    Ok(accounted)
}

fn schedule<'a>(watch: &'a Watch, stretch: &Stretch) -> Option<&'a Schedule> {
    let key = (stretch.job.clone(), stretch.fingerprint.clone());
    watch.schedules.get(&key)
}

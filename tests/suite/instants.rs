//! The history held against what a trigger names: nothing due is lost, nothing is twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Result, ensure};
use cronlet::store::history::Entry;
use cronlet_core::{
    run::Cause,
    schedule::{Every, Trigger},
};
use jiff::Timestamp;

/// Each instant that `every = "1s"` names is one run of the job, or in one range of its skips.
pub(crate) fn check(
    entries: &[Entry],
    name: &str,
    since: Timestamp,
    through: Timestamp,
) -> Result<()> {
    let trigger = Trigger::Every(Every::new(Duration::from_secs(1), Duration::ZERO)?);
    let mut due = BTreeSet::new();
    let mut next = trigger.next_after(since);
    while let Some(instant) = next.filter(|instant| *instant <= through) {
        due.insert(instant);
        next = trigger.next_after(instant);
    }
    let mut seen = BTreeMap::<Timestamp, Vec<String>>::new();
    for entry in entries {
        match entry {
            Entry::Run(run) if run.job.as_str() == name => {
                if let Cause::Time(instant) = run.cause {
                    seen.entry(instant)
                        .or_default()
                        .push(format!("run {}", run.run));
                }
            }
            Entry::Skips(skips) if skips.job.as_str() == name => {
                let what = format!("{} {}–{}", skips.reason, skips.first, skips.last);
                let mut instant = Some(skips.first);
                let mut count = 0;
                while let Some(at) = instant.filter(|at| *at <= skips.last) {
                    seen.entry(at).or_default().push(what.clone());
                    count += 1;
                    instant = trigger.next_after(at);
                }
                ensure!(
                    count == skips.count,
                    "it counts {} and is {count}: {what}",
                    skips.count
                );
            }
            _ => {}
        }
    }
    for instant in &due {
        match seen.get(instant).map(Vec::as_slice) {
            Some([_]) => {}
            None => anyhow::bail!("{instant} is lost"),
            Some(twice) => anyhow::bail!("{instant} is {}", twice.join(" and ")),
        }
    }
    let early = seen.keys().find(|instant| **instant > through);
    ensure!(early.is_none(), "{early:?} is ahead of the watermark");
    Ok(())
}

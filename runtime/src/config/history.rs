//! `history = { … }`, in `[runtime]`: how long history is kept.

use std::{ops::RangeInclusive, time::Duration};

use cronlet_core::retention::Retention;

use super::table::{Field, Kind, Table, Walk};

const TABLE: Kind = Kind::table("{ keep = \"90d\" }");
const KEEP: Kind = Kind::measure("a duration", "\"90d\"", "d");
const RUNS: Kind = Kind::number("a whole number", "10000");
const LOGS: Kind = Kind::measure("a duration", "\"7d\"", "d");

/// Zero is no length here: to some it means nothing, to others for ever, and what is deleted is gone.
pub(super) const SPANS: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_hours(100 * 365 * 24);
pub(super) const COUNTS: RangeInclusive<u32> = 1..=1_000_000_000;

/// The keys of the table, for advice.
pub(super) const KEYS: [&str; 3] = ["keep", "keep_runs", "keep_logs"];

/// Reads the table over what holds when nothing is written.
pub(super) fn read<'a>(walk: &mut Walk<'a>, field: &Field<'a>, history: &mut Retention) {
    let Some(table) = walk.table(field, &TABLE) else {
        return;
    };
    let mut table = Table::new("`history`", "history.", table);
    let [keep, keep_runs, keep_logs] = KEYS.map(|key| table.take(key));
    if let Some(keep) = keep.and_then(|field| walk.duration(&field, &KEEP, SPANS)) {
        history.keep = keep;
    }
    if let Some(runs) = keep_runs.and_then(|field| walk.integer(&field, &RUNS, COUNTS)) {
        history.keep_runs = runs;
    }
    if let Some(keep) = keep_logs.and_then(|field| walk.duration(&field, &LOGS, SPANS)) {
        history.keep_logs = keep;
    }
    table.finish(walk, |_| None);
}

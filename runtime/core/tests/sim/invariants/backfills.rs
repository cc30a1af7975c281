//! Backfills: each instant that was asked for runs once, in its lane, and touches nothing else.

use std::collections::BTreeSet;

use cronlet_core::{
    backfill::{MAX_OPEN, NewBackfill, Tally},
    engine::Event,
    record::Record,
    run::{BackfillEnd, Cause, RequestId, RunEnd, SkipReason},
};
use jiff::Timestamp;

use super::{Check, ends::records, ensure};
use crate::{
    tables::{BackfillRow, RunRow, Tables, backfill_of, run_of},
    watch::{Step, Watch},
};

/// A backfill is what somebody has asked for in this step, of a job that is there.
pub(super) fn backfills_are_made_as_asked(watch: &Watch, step: &Step, record: &Record) -> Check {
    let Record::BackfillCreated(new) = record else {
        return Ok(());
    };
    let Event::BackfillRequested(request) = step.event else {
        return Err(format!("{new:?}: nobody asked"));
    };
    let expected = NewBackfill {
        id: request.id,
        job: request.job.clone(),
        instants: request.instants.clone(),
        max_concurrent: request.max_concurrent,
        reverse: request.reverse,
        actor: request.actor.clone(),
        created_at: step.now,
    };
    let may =
        watch.serves() && watch.job(&new.job).is_some() && watch.under_way().count() < MAX_OPEN;
    ensure(may && **new == expected, || {
        format!("{new:?}, not {expected:?}")
    })
}

/// A backfill's next run is for its next instant, while it is not stopped and has room.
pub(super) fn a_backfill_makes_each_instant_once(
    watch: &Watch,
    _: &Step,
    record: &Record,
) -> Check {
    let Record::RunQueued(new) = record else {
        return Ok(());
    };
    let Cause::Backfill(id, at) = new.cause else {
        return Ok(());
    };
    let row = watch
        .view
        .backfills
        .get(&id)
        .ok_or("there is no such backfill")?;
    ensure(row.stopped.is_none() && row.ended.is_none(), || {
        format!("{new:?}: {row:?} makes no more")
    })?;
    let made = runs_of(&watch.view, id).count();
    let next = row.wanted.get(made).copied();
    ensure(next == Some(at), || {
        format!("{new:?}: after {made} runs comes {next:?}")
    })?;
    let open = open_of(watch, id);
    ensure(open < row.new.max_concurrent.get() as usize, || {
        format!("{new:?}: {open} are open already")
    })
}

/// After a step, what a backfill has said of itself is what its runs say.
pub(super) fn a_backfill_keeps_its_place(watch: &Watch, step: &Step) -> Check {
    // Nothing else can have changed.
    let touched: BTreeSet<_> = step.records().filter_map(|it| touches(watch, it)).collect();
    let mut rows = touched.iter().filter_map(|id| watch.view.backfills.get(id));
    let lost = rows.find(|row| (row.made, row.tally) != counted(&watch.view, row.new.id));
    ensure(lost.is_none(), || format!("{lost:?}"))
}

/// The backfill that a record is about, or that the run is of that it is about.
fn touches(watch: &Watch, record: &Record) -> Option<RequestId> {
    let run = match record {
        Record::BackfillCreated(new) => return Some(new.id),
        Record::RunQueued(new) => Some(new.run),
        record => run_of(record),
    };
    let row = run.and_then(|run| watch.view.runs.get(run));
    backfill_of(record).or_else(|| row?.backfill())
}

/// Overlap does nothing to a backfill's run: it is skipped only with its job, and cancelled only by
/// somebody, by itself, or with its job.
pub(super) fn overlap_leaves_backfills_alone(watch: &Watch, step: &Step, record: &Record) -> Check {
    let (run, end) = match record {
        Record::RunEnded { run, end, .. } => (run, Some(*end)),
        Record::CancelRequested { run, .. } => (run, None),
        _ => return Ok(()),
    };
    let row = watch.view.runs.get(*run).ok_or("there is no such run")?;
    let Some(id) = row.backfill() else {
        return Ok(());
    };
    let asked = matches!(step.event, Event::CancelRequested(request) if request.run == *run);
    let over = matches!(step.event, Event::AttemptEnded { run: ended, .. } if ended == run);
    let stopped = watch.view.backfills.get(&id).and_then(|row| row.stopped);
    let removed = watch.job(&row.new.job).is_none();
    let fine = match end {
        None => asked,
        Some(RunEnd::Skipped(reason)) => reason == SkipReason::Removed && removed,
        Some(RunEnd::Cancelled) => {
            let stops = matches!(step.event, Event::BackfillStopRequested(request) if request.job == row.new.job);
            let waited = stopped.is_some() && stops;
            asked || over || waited || removed || row.cancel_requested
        }
        Some(RunEnd::Succeeded | RunEnd::Failed(_)) => true,
    };
    ensure(fine, || {
        format!("{record:?} of {row:?} at {:?}", step.event)
    })
}

/// A backfill is stopped once: by somebody, or because its job is gone.
pub(super) fn a_backfill_stops_for_a_reason(watch: &Watch, step: &Step, record: &Record) -> Check {
    let Record::BackfillStopped { id, why, actor } = record else {
        return Ok(());
    };
    let row = watch
        .view
        .backfills
        .get(id)
        .ok_or("there is no such backfill")?;
    ensure(row.stopped.is_none() && row.ended.is_none(), || {
        format!("{record:?}: it was {row:?}")
    })?;
    let fits = match (why, step.event) {
        (BackfillEnd::Stopped, Event::BackfillStopRequested(request)) => {
            request.job == row.new.job && request.actor == *actor
        }
        (BackfillEnd::Removed, Event::Started { .. } | Event::PlanReplaced(_)) => {
            watch.job(&row.new.job).is_none() && actor.is_none()
        }
        _ => false,
    };
    ensure(fits, || format!("{record:?} at {:?}", step.event))
}

/// A backfill ends when it makes no more runs and none of them is open, and not before.
pub(super) fn a_backfill_ends_with_its_last_run(watch: &Watch, _: &Step, record: &Record) -> Check {
    let Record::BackfillEnded { id, how } = record else {
        return Ok(());
    };
    let row = watch
        .view
        .backfills
        .get(id)
        .ok_or("there is no such backfill")?;
    let over = end_of(watch, row);
    ensure(row.ended.is_none() && over == Some(*how), || {
        format!("{record:?}: it is {row:?}")
    })
}

/// A backfill that is asked for is made if it may be; a stop leaves nothing of it waiting.
pub(super) fn requests_for_backfills_have_their_effect(watch: &Watch, step: &Step) -> Check {
    match step.event {
        Event::BackfillRequested(request) => {
            let under_way = watch.under_way().filter(|row| row.new.id != request.id);
            let ended = records(step).filter(|it| matches!(it, Record::BackfillEnded { .. }));
            let room = under_way.count() + ended.count() < MAX_OPEN;
            let may = watch.serves() && watch.job(&request.job).is_some();
            let made = watch.view.backfills.contains_key(&request.id);
            ensure(made == may || !made && !room, || {
                format!("{request:?}: it is made: {made}")
            })
        }
        Event::BackfillStopRequested(request) => {
            let refused = watch
                .asked
                .get(&request.id)
                .is_some_and(|asked| asked.answered);
            let of_job = |row: &&BackfillRow| row.new.job == request.job;
            let active = watch
                .under_way()
                .filter(of_job)
                .find(|row| row.stopped.is_none());
            ensure(refused || active.is_none(), || {
                format!("{active:?} goes on")
            })?;
            let waits = watch.view.open_runs().find(|row| {
                let started = watch.started.contains(&(row.new.run, row.last_attempt));
                row.backfill().is_some() && row.new.job == request.job && !started
            });
            ensure(refused || waits.is_none(), || format!("{waits:?} waits"))
        }
        _ => Ok(()),
    }
}

/// After a step, of the backfills that are not over, one that may make runs has as many as may be open, unless the engine asked to be
/// woken at once; one whose job is gone is stopped; one that is over has ended.
pub(super) fn no_backfill_rests(watch: &Watch, step: &Step) -> Check {
    let awake = watch.wish.is_some_and(|wish| wish <= step.now);
    for row in watch.under_way() {
        ensure(end_of(watch, row).is_none(), || format!("{row:?} is over"))?;
        if watch.stopping() || row.stopped.is_some() {
            continue;
        }
        let planned = watch.job(&row.new.job).is_some();
        ensure(planned, || format!("{row:?}: its job is gone"))?;
        let left = row.wanted.len() - runs_of(&watch.view, row.new.id).count();
        let room = row.new.max_concurrent.get() as usize - open_of(watch, row.new.id);
        ensure(!watch.serves() || awake || left.min(room) == 0, || {
            format!("{row:?}: {left} are left, {room} may be open")
        })?;
    }
    Ok(())
}

/// Read from the disk: a backfill that is done has one run for each instant, one that was stopped for its
/// first ones, and none has any other.
pub(super) fn history_explains_every_backfill(disk: &Tables) -> Check {
    let mut known = 0;
    for (id, row) in &disk.backfills {
        let mut runs: Vec<_> = runs_of(disk, *id).collect();
        known += runs.len();
        runs.sort_by_key(|run| run.new.run);
        let made: Vec<Timestamp> = runs.iter().map(|run| run.new.nominal).collect();
        let wanted = &row.wanted;
        ensure(wanted.starts_with(&made), || {
            format!("{row:?} made {made:?}")
        })?;
        let all = made.len() == wanted.len();
        let open = runs
            .iter()
            .any(|run| disk.runs.open.contains_key(&run.new.run));
        let fine = match row.ended {
            Some(BackfillEnd::Done) => all && !open && row.stopped.is_none(),
            Some(how) => !open && row.stopped == Some(how),
            None => open || !all,
        };
        ensure(fine, || format!("{row:?} made {made:?}"))?;
    }
    let all = disk.runs.values().filter(|row| row.backfill().is_some());
    ensure(all.count() == known, || "a run has no backfill".to_owned())
}

/// How it is to end, if it is over.
fn end_of(watch: &Watch, row: &BackfillRow) -> Option<BackfillEnd> {
    let made = runs_of(&watch.view, row.new.id).count();
    if open_of(watch, row.new.id) > 0 {
        None
    } else if row.stopped.is_some() {
        row.stopped
    } else {
        (made == row.wanted.len()).then_some(BackfillEnd::Done)
    }
}

fn runs_of(tables: &Tables, id: RequestId) -> impl Iterator<Item = &RunRow> {
    let runs = tables.lanes.get(&id).into_iter().flatten();
    runs.filter_map(|run| tables.runs.get(*run))
}

fn open_of(watch: &Watch, id: RequestId) -> usize {
    let runs = watch.view.lanes.get(&id).into_iter().flatten();
    runs.filter(|run| watch.view.runs.open.contains_key(run))
        .count()
}

/// How many runs there are, and how they ended.
fn counted(tables: &Tables, id: RequestId) -> (u32, Tally) {
    let (mut made, mut tally) = (0, Tally::default());
    for row in runs_of(tables, id) {
        made += 1;
        match row.end {
            Some(RunEnd::Succeeded) => tally.succeeded += 1,
            Some(RunEnd::Failed(_)) => tally.failed += 1,
            Some(RunEnd::Cancelled) => tally.cancelled += 1,
            Some(RunEnd::Skipped(_)) => tally.skipped += 1,
            None => {}
        }
    }
    (made, tally)
}

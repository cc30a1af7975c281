//! Lies: what an engine with a defect would say. The watch has to notice each of them.

use std::{sync::Arc, time::Duration};

use cronlet_core::{
    engine::{Answer, Effect},
    name::JobName,
    pause::PauseReason,
    record::{Batch, Record},
    run::{AttemptStatus, BackfillEnd, Cause, Origin, RunEnd, RunId, SkipReason, Turn},
};
use jiff::Timestamp;

use crate::{options::Options, watch::Ailing};

/// A way to say something else than the engine did.
pub(crate) type Lie = fn(&mut Vec<Effect>, Timestamp);

/// Each lie, and a rule that it breaks.
pub(crate) const LIES: &[(&str, Lie)] = &[
    ("at_most_one_commit_and_first", |said, _| {
        let first = said.len().min(1);
        said.rotate_left(first);
    }),
    ("batches_are_numbered_and_not_empty", |said, _| {
        records(said, Vec::clear);
    }),
    ("batches_are_numbered_and_not_empty", |said, _| {
        if let Some(Effect::Commit(batch)) = said.first_mut() {
            batch.seq.0 += 1;
        }
    }),
    ("every_instant_is_accounted_for_once", |said, _| {
        records(said, |records| {
            records.retain(|r| !matches!(r, Record::Skipped { .. }));
        });
    }),
    ("every_instant_is_accounted_for_once", |said, _| {
        records(said, |records| {
            records.retain(|r| !matches!(r, Record::Watermark { .. }));
        });
    }),
    ("every_instant_is_accounted_for_once", |said, _| {
        each(said, |record| {
            if let Record::Skipped { count, .. } = record {
                *count += 1;
            }
        });
    }),
    ("catch_up_is_respected", |said, _| {
        each(said, |record| {
            if let Record::Skipped { reason, .. } = record {
                *reason = SkipReason::Overlap;
            }
        });
    }),
    ("the_calendar_is_respected", |said, _| {
        each(said, |record| {
            if let Record::Skipped { reason, .. } = record {
                *reason = match *reason {
                    SkipReason::OutsideHours => SkipReason::Blackout,
                    SkipReason::Blackout => SkipReason::OutsideHours,
                    other => other,
                };
            }
        });
    }),
    ("the_calendar_is_respected", |said, _| {
        each(said, |record| {
            if let Record::Skipped { reason, .. } = record
                && *reason == SkipReason::Missed
            {
                *reason = SkipReason::OutsideHours;
            }
        });
    }),
    ("only_an_outage_makes_a_run_missed", |said, _| {
        each(said, |record| {
            if let Record::RunEnded { end, .. } = record {
                *end = RunEnd::Skipped(SkipReason::Missed);
            }
        });
    }),
    ("watermarks_move_forward", |said, now| {
        each(said, |record| {
            if let Record::Watermark { to, .. } = record {
                *to = now + Duration::from_secs(1);
            }
        });
    }),
    ("every_jump_is_recorded", |said, _| {
        records(said, |records| {
            records.retain(|r| !matches!(r, Record::ClockJumped { .. }));
        });
    }),
    ("no_job_stays_silent", |said, _| {
        said.retain(|effect| !matches!(effect, Effect::Recall(_)));
    }),
    ("only_what_is_far_ahead_is_pulled_back", |said, _| {
        each(said, |record| {
            if let Record::WatermarkPulledBack { to, .. } = record {
                *to -= Duration::from_millis(1);
            }
        });
    }),
    ("what_ran_stays_accounted_for", |said, _| {
        each(said, |record| {
            if let Record::WatermarkPulledBack { ran, .. } = record {
                *ran = ran.iter().skip(1).copied().collect();
            }
        });
    }),
    ("ranges_are_cut_where_the_watermark_is", |said, _| {
        each(said, |record| {
            if let Record::WatermarkPulledBack { cuts, .. } = record {
                cuts.clear();
            }
        });
    }),
    ("ranges_are_cut_where_the_watermark_is", |said, _| {
        each(said, |record| {
            if let Record::WatermarkPulledBack { cuts, .. } = record {
                for cut in cuts {
                    cut.count += 1;
                }
            }
        });
    }),
    ("no_time_stays_far_ahead", |said, _| {
        records(said, |records| {
            records.retain(|r| !matches!(r, Record::TimesPulledBack { .. }));
        });
    }),
    ("only_times_to_come_are_pulled_back", |said, _| {
        each(said, |record| {
            if let Record::TimesPulledBack { to } = record {
                *to -= Duration::from_millis(1);
            }
        });
    }),
    ("moves_are_legal", |said, _| {
        // A run that waits for its backoff is told anew, though nobody has set the clock.
        twice(said, |record| matches!(record, Record::RunRetrying { .. }));
    }),
    ("no_backoff_outlives_a_wrong_clock", |said, _| {
        each(said, |record| {
            if let Record::RunRetrying { until, .. } = record {
                *until += Duration::from_hours(30 * 24);
            }
        });
    }),
    ("backoffs_keep_their_length", |said, _| {
        records(said, |records| {
            let jumps = |r: &Record| matches!(r, Record::ClockJumped { .. });
            if records.iter().any(jumps) {
                records.retain(|r| !matches!(r, Record::RunRetrying { .. }));
            }
        });
    }),
    ("nothing_due_is_left", |said, _| {
        said.retain(|effect| !matches!(effect, Effect::WakeAt(_)));
    }),
    ("no_slot_is_idle", |said, _| {
        records(said, |records| {
            records.retain(|r| !matches!(r, Record::AttemptStarted { .. }));
        });
    }),
    ("the_first_in_line_starts_first", |said, _| {
        records(said, |records| {
            let starts = |r: &Record| matches!(r, Record::AttemptStarted { .. });
            let first = records.iter().position(starts);
            let last = records.iter().rposition(starts);
            if let Some((first, last)) = first.zip(last) {
                records.swap(first, last);
            }
        });
    }),
    ("nobody_jumps_the_queue", |said, now| {
        records(said, |records| {
            let waits = |r: &Record| match r {
                Record::RunQueued(new) if new.turn != Turn::Now => Some(new.run),
                _ => None,
            };
            let jumps = records.iter().find_map(waits);
            records.extend(jumps.map(|run| Record::AttemptStarted {
                run,
                attempt: 1,
                component: None,
                starts_at: now,
            }));
        });
    }),
    ("overlap_is_respected", |said, _| {
        each(said, |record| {
            if let Record::RunQueued(new) = record {
                Arc::make_mut(new).turn = Turn::Queue;
            }
        });
    }),
    ("nothing_starts_early", |said, now| {
        each(said, |record| {
            if let Record::AttemptStarted { starts_at, .. } = record {
                *starts_at = now + Duration::from_secs(1);
            }
        });
    }),
    ("attempt_numbers_rise", |said, _| {
        each(said, |record| {
            if let Record::AttemptStarted { attempt, .. } = record {
                *attempt += 1;
            }
        });
    }),
    ("moves_are_legal", |said, _| {
        twice(said, |record| matches!(record, Record::RunEnded { .. }));
    }),
    ("moves_are_legal", |said, _| {
        each(said, |record| {
            if let Record::AttemptStarted { run, .. } = record {
                *run = RunId(u64::MAX);
            }
        });
    }),
    ("run_numbers_rise", |said, _| {
        twice(said, |record| matches!(record, Record::RunQueued(_)));
    }),
    ("an_attempt_ends_as_its_verdict_says", |said, _| {
        each(said, |record| {
            if let Record::AttemptEnded { status, .. } = record {
                *status = AttemptStatus::Succeeded;
            }
        });
    }),
    ("an_attempt_ends_as_its_verdict_says", |said, _| {
        records(said, |records| {
            records.retain(|r| !matches!(r, Record::StateWritten { .. }));
        });
    }),
    ("an_attempt_ends_as_its_verdict_says", |said, _| {
        each(said, |record| {
            if let Record::StateWritten { total, .. } = record {
                *total += 1;
            }
        });
    }),
    ("only_ends_write_state", |said, _| {
        records(said, |records| {
            let run = RunId(1);
            let job = JobName::new("job-0").expect("it is a name");
            let changes = Arc::default();
            let written = Record::StateWritten {
                run,
                job,
                changes,
                total: 0,
            };
            records.insert(0, written);
        });
    }),
    ("what_follows_an_attempt_is_said_at_once", |said, _| {
        records(said, |records| {
            let is_end = |r: &Record| matches!(r, Record::AttemptEnded { .. });
            if let Some(end) = records.iter().position(is_end) {
                records.insert(end + 1, Record::Stopped);
            }
        });
    }),
    ("cancel_wins", |said, _| {
        each(said, |record| {
            if let Record::RunEnded { end, .. } = record
                && *end == RunEnd::Cancelled
            {
                *end = RunEnd::Succeeded;
            }
        });
    }),
    ("an_attempt_starts_once", |said, _| {
        let starts = said
            .iter()
            .filter(|effect| matches!(effect, Effect::Start(_)));
        said.extend(starts.cloned().collect::<Vec<_>>());
    }),
    ("starts_are_on_disk", |said, _| {
        for effect in said {
            if let Effect::Start(start) = effect {
                start.attempt += 1;
            }
        }
    }),
    ("an_attempt_keeps_its_definition", |said, _| {
        for effect in said {
            if let Effect::Start(start) = effect {
                start.params = "{}".into();
            }
        }
    }),
    ("answers_are_true", |said, _| {
        for effect in said {
            if let Effect::Reply { answer, .. } = effect {
                *answer = Answer::Cancelled;
            }
        }
    }),
    ("answers_are_true", |said, _| {
        let replies = said
            .iter()
            .filter(|effect| matches!(effect, Effect::Reply { .. }));
        said.extend(replies.cloned().collect::<Vec<_>>());
    }),
    ("every_question_is_answered", |said, _| {
        said.retain(|effect| !matches!(effect, Effect::Reply { .. }));
    }),
    ("only_guests_are_told_to_end", |said, _| {
        for effect in said {
            if let Effect::Cancel { attempt, .. } = effect {
                *attempt += 1;
            }
        }
    }),
    ("the_stop_is_graceful", |said, _| said.push(Effect::Stop)),
    ("backfills_are_made_as_asked", |said, _| {
        each(said, |record| {
            if let Record::BackfillCreated(new) = record {
                let new = Arc::make_mut(new);
                new.reverse = !new.reverse;
            }
        });
    }),
    ("a_backfill_makes_each_instant_once", |said, _| {
        each(said, |record| {
            if let Record::RunQueued(new) = record
                && let Cause::Backfill(id, at) = new.cause
            {
                let new = Arc::make_mut(new);
                new.nominal = at + Duration::from_secs(1);
                new.cause = Cause::Backfill(id, new.nominal);
            }
        });
    }),
    ("a_backfill_keeps_its_place", |said, _| {
        each(said, |record| {
            if let Record::BackfillMoved { made, .. } = record {
                *made += 1;
            }
        });
    }),
    ("a_backfill_keeps_its_place", |said, _| {
        records(said, |records| {
            records.retain(|r| !matches!(r, Record::BackfillMoved { .. }));
        });
    }),
    ("overlap_leaves_backfills_alone", |said, _| {
        records(said, |records| {
            let follows = |r: &Record| matches!(r, Record::BackfillMoved { .. });
            for at in 1..records.len() {
                if follows(&records[at])
                    && let Record::RunEnded { end, .. } = &mut records[at - 1]
                    && matches!(end, RunEnd::Skipped(_))
                {
                    *end = RunEnd::Skipped(SkipReason::Missed);
                }
            }
        });
    }),
    ("a_backfill_stops_for_a_reason", |said, _| {
        each(said, |record| {
            if let Record::BackfillStopped { why, .. } = record {
                *why = BackfillEnd::Done;
            }
        });
    }),
    ("a_backfill_ends_with_its_last_run", |said, _| {
        each(said, |record| {
            if let Record::BackfillEnded { how, .. } = record {
                *how = match how {
                    BackfillEnd::Done => BackfillEnd::Stopped,
                    _ => BackfillEnd::Done,
                };
            }
        });
    }),
    ("a_backfill_ends_with_its_last_run", |said, _| {
        records(said, |records| {
            let created = records.iter().find_map(|r| match r {
                Record::BackfillCreated(new) if new.instants.count() > 0 => Some(new.id),
                _ => None,
            });
            records.extend(created.map(|id| Record::BackfillEnded {
                id,
                how: BackfillEnd::Done,
            }));
        });
    }),
    ("no_backfill_rests", |said, _| {
        records(said, |records| {
            records.retain(|r| !matches!(r, Record::BackfillEnded { .. }));
        });
    }),
    ("no_backfill_rests", |said, _| {
        records(said, |records| {
            records.retain(|r| match r {
                Record::BackfillMoved { .. } => false,
                Record::RunQueued(new) => !matches!(new.cause, Cause::Backfill(..)),
                _ => true,
            });
        });
    }),
    ("requests_for_backfills_have_their_effect", |said, _| {
        records(said, |records| {
            let stops = |r: &Record| matches!(r, Record::BackfillStopped { actor: Some(_), .. });
            if records.iter().any(stops) {
                records.retain(stops);
            }
        });
    }),
    ("plans_are_taken_over", |said, _| {
        records(said, |records| {
            records.retain(|r| !matches!(r, Record::JobAccepted { .. }));
        });
    }),
    ("only_changes_are_accepted", |said, _| {
        each(said, |record| {
            if let Record::JobAccepted { watermark, .. } = record {
                *watermark += Duration::from_nanos(1);
            }
        });
    }),
    ("a_halted_job_is_not_due", |said, now| {
        records(said, |records| {
            let paused = |r: &Record| match r {
                Record::JobPaused { job, .. } => Some(job.clone()),
                _ => None,
            };
            let skips = records.iter().find_map(paused).map(|job| Record::Skipped {
                job,
                reason: SkipReason::Missed,
                first: now,
                last: now,
                count: 1,
            });
            records.extend(skips);
        });
    }),
    ("what_was_due_comes_first", |said, _| {
        records(said, |records| {
            // What it was due for is said afterwards, or not at all.
            let pauses = |r: &Record| matches!(r, Record::JobPaused { .. });
            if let Some(at) = records.iter().position(pauses) {
                let pause = records.remove(at);
                records.insert(0, pause);
            }
        });
    }),
    ("pauses_have_a_reason", |said, _| {
        each(said, |record| {
            if let Record::JobPaused { why, .. } = record {
                *why = PauseReason::Failures(1);
            }
        });
    }),
    ("pauses_have_a_reason", |said, _| {
        twice(said, |record| matches!(record, Record::JobPaused { .. }));
    }),
    ("pauses_have_their_effect", |said, _| {
        each(said, |record| {
            if let Record::JobPaused { job, .. } = record {
                let (job, failures) = (job.clone(), 0);
                *record = Record::FailuresCounted { job, failures };
            }
        });
    }),
    ("pauses_have_their_effect", |said, _| {
        each(said, |record| {
            if let Record::JobResumed { job, .. } = record {
                let (job, failures) = (job.clone(), 0);
                *record = Record::FailuresCounted { job, failures };
            }
        });
    }),
    ("a_resume_begins_now", |said, _| {
        each(said, |record| {
            if let Record::JobResumed { watermark, .. } = record {
                *watermark -= Duration::from_secs(1);
            }
        });
    }),
    ("only_a_halt_disables", |said, _| {
        each(said, |record| {
            if let Record::RunEnded { end, .. } = record
                && *end == RunEnd::Skipped(SkipReason::Superseded)
            {
                *end = RunEnd::Skipped(SkipReason::Disabled);
            }
        });
    }),
    ("nothing_waits_for_a_halted_job", |said, _| {
        records(said, |records| {
            let end = RunEnd::Skipped(SkipReason::Disabled);
            let disables = |r: &Record| matches!(r, Record::RunEnded { end: it, .. } if *it == end);
            while let Some(at) = records.iter().position(disables) {
                let withdrawn = at > 0 && matches!(records[at - 1], Record::AttemptDisarmed { .. });
                // What is withdrawn for it stays, too.
                records.drain(at - usize::from(withdrawn)..=at);
            }
        });
    }),
    ("failures_are_counted", |said, _| {
        each(said, |record| {
            if let Record::FailuresCounted { failures, .. } = record {
                *failures += 1;
            }
        });
    }),
    ("failures_are_counted", |said, _| {
        records(said, |records| {
            let counted =
                |r: &Record| matches!(r, Record::JobPaused { why, .. } if why.is_by_failures());
            records.retain(|r| !counted(r));
        });
    }),
    ("recovery_closes_every_attempt", |said, _| {
        records(said, |records| {
            let is_crash = |r: &Record| matches!(r, Record::AttemptEnded { status, .. } if *status == AttemptStatus::Crashed);
            while let Some(crash) = records.iter().position(is_crash) {
                // What follows the attempt goes with it.
                records.drain(crash..=crash + 1);
            }
        });
    }),
    ("who_waits_too_long_is_overdue", |said, _| {
        records(said, |records| {
            records.retain(|r| !matches!(r, Record::JobOverdue { .. }));
        });
    }),
    ("who_waits_too_long_is_overdue", |said, _| {
        records(said, |records| {
            records.retain(|r| !matches!(r, Record::JobNotOverdue { .. }));
        });
    }),
    ("only_who_waits_too_long_is_overdue", |said, _| {
        each(said, |record| {
            if let Record::JobOverdue { since, .. } = record {
                *since += Duration::from_nanos(1);
            }
        });
    }),
    ("only_who_waits_too_long_is_overdue", |said, _| {
        twice(said, |record| matches!(record, Record::JobOverdue { .. }));
    }),
    ("only_who_waits_too_long_is_overdue", |said, _| {
        twice(said, |record| {
            matches!(record, Record::JobNotOverdue { .. })
        });
    }),
    ("each_end_is_one_occurrence_of_each_dependent", |said, _| {
        records(said, |records| {
            let follows =
                |r: &Record| matches!(r, Record::RunQueued(new) if new.origin == Origin::After);
            records.retain(|r| !follows(r));
        });
    }),
    ("each_end_is_one_occurrence_of_each_dependent", |said, _| {
        records(said, |records| {
            let again = records.iter().find_map(|record| match record {
                Record::RunQueued(new) if new.origin == Origin::After => Some(new.clone()),
                _ => None,
            });
            if let Some(mut again) = again {
                let new = Arc::make_mut(&mut again);
                new.run.0 += 1_000_000;
                new.job = JobName::new("job-0").expect("it is a name");
                records.push(Record::RunQueued(again));
            }
        });
    }),
    ("an_end_that_does_not_fit_is_skipped", |said, _| {
        let wrong = RunEnd::Skipped(SkipReason::DependencyFailed);
        records(said, |records| {
            records.retain(|r| !matches!(r, Record::RunEnded { end, .. } if *end == wrong));
        });
    }),
    ("an_end_that_does_not_fit_is_skipped", |said, _| {
        each(said, |record| {
            if let Record::RunEnded { end, .. } = record
                && *end == RunEnd::Skipped(SkipReason::Removed)
            {
                *end = RunEnd::Skipped(SkipReason::DependencyFailed);
            }
        });
    }),
    ("new_runs_are_as_described", |said, _| {
        each(said, |record| {
            if let Record::RunQueued(new) = record
                && new.origin == Origin::After
            {
                Arc::make_mut(new).input_of = None;
            }
        });
    }),
    ("what_a_guest_gets_as_input_is_on_disk", |said, _| {
        for effect in said {
            if let Effect::Start(start) = effect {
                Arc::make_mut(&mut start.run).input_of = Some(RunId(u64::MAX));
            }
        }
    }),
    ("it_never_spins", |said, now| {
        if said
            .iter()
            .all(|effect| matches!(effect, Effect::WakeAt(_)))
        {
            said.push(Effect::WakeAt(now));
        }
    }),
];

/// A way to say something else of the jobs than the engine does when it is asked.
pub(crate) type Slander = fn(&mut Vec<Ailing>);

/// Each slander, and a rule that it breaks.
pub(crate) const SLANDERS: &[(&str, Slander)] = &[
    ("jobs_ail_as_history_tells", Vec::clear),
    ("jobs_ail_as_history_tells", |jobs| {
        jobs.retain(|job| job.failing.is_none());
    }),
    ("jobs_ail_as_history_tells", |jobs| {
        for job in jobs {
            if let Some(overdue) = &mut job.overdue {
                *overdue += Duration::from_nanos(1);
            }
        }
    }),
];

/// A world with enough in it for every lie to be told.
pub(crate) fn options(seed: u64) -> Options {
    let mut options = Options::of(seed);
    options.failing = 50;
    options.chained = 60;
    // What is due is often met by something else before it is looked at.
    options.wake = options.wake.max(options.pace / 4);
    let every = &mut options.every;
    let often = Some(options.pace);
    every.edit = often;
    every.request = often;
    every.cancel = often;
    every.backfill = often;
    every.stop_backfill = Some(options.pace * 3);
    every.wrong_clock = Some(options.pace * 5);
    options.stopped = 20;
    every.pause = often;
    every.crash = Some(options.pace * 10);
    every.needless_wake = often;
    options
}

fn records(said: &mut [Effect], change: impl FnOnce(&mut Vec<Record>)) {
    if let Some(Effect::Commit(Batch { records, .. })) = said.first_mut() {
        change(records);
    }
}

fn each(said: &mut [Effect], change: impl FnMut(&mut Record)) {
    records(said, |records| records.iter_mut().for_each(change));
}

/// Says again what was said already.
fn twice(said: &mut [Effect], what: impl Fn(&Record) -> bool) {
    records(said, |records| {
        let again: Vec<_> = records.iter().filter(|r| what(r)).cloned().collect();
        records.extend(again);
    });
}

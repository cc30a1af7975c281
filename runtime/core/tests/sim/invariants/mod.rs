//! The rules, one named function each, read as naively as they are written.
//!
//! `chains` is about jobs that run after others, `due` about instants, `backfills` about those of the past,
//! `clocks` about clocks that lie, `slots` about who may start, `runs` about the states of runs
//! and attempts, `ends` about what follows an attempt, `plans` about reloads and
//! restarts, `pauses` about jobs that nothing makes due, `effects` about what the engine asks of the
//! world, `audit` about the whole history afterwards, `state` about what jobs remember, `health` about
//! jobs that do not go well.

pub(crate) mod audit;
pub(crate) mod backfills;
mod chains;
mod clocks;
mod due;
mod effects;
mod ends;
mod health;
mod pauses;
mod plans;
mod runs;
mod slots;
pub(crate) mod state;

use std::fmt;

use cronlet_core::{engine::Effect, record::Record};

pub(crate) use effects::is_idle_wake;

use crate::watch::{Step, Watch};

/// Whether a rule holds, and if not, why one thinks so.
pub(crate) type Check<E = String> = Result<(), E>;

/// A rule does not hold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Violation {
    pub(crate) invariant: &'static str,
    pub(crate) detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.invariant, self.detail)
    }
}

/// A rule and its name.
pub(crate) struct Rule<F> {
    pub(crate) name: &'static str,
    check: F,
}

impl<F> Rule<F> {
    /// Applies the rule.
    pub(crate) fn hold(&self, apply: impl FnOnce(&F) -> Check) -> Result<(), Violation> {
        apply(&self.check).map_err(|detail| Violation {
            invariant: self.name,
            detail,
        })
    }
}

/// Fails with what `detail` says unless `holds`.
pub(crate) fn ensure(holds: bool, detail: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(detail()) }
}

type OnStep = Rule<fn(&Watch, &Step) -> Check>;
type OnRecord = Rule<fn(&Watch, &Step, &Record) -> Check>;
type OnEffect = Rule<fn(&Watch, &Step, &Effect) -> Check>;

macro_rules! rules {
    ($($room:ident::$name:ident),* $(,)?) => {
        &[$(Rule { name: stringify!($name), check: $room::$name }),*]
    };
}

/// Held against a step before its records are read.
pub(crate) const ON_STEP_BEFORE: &[OnStep] = rules![
    effects::at_most_one_commit_and_first,
    effects::batches_are_numbered_and_not_empty,
    effects::nothing_follows_the_stop,
];

/// Held against each record, on top of those before it.
pub(crate) const ON_RECORD: &[OnRecord] = rules![
    state::only_ends_write_state,
    slots::slots_are_respected,
    slots::instances_are_respected,
    slots::groups_are_respected,
    slots::the_first_in_line_starts_first,
    slots::nothing_is_admitted_while_stopping_or_failing,
    slots::expired_runs_do_not_start,
    slots::nothing_starts_early,
    slots::arming_is_for_the_next_time,
    slots::arming_takes_nobodys_place,
    slots::an_armed_run_overtakes_nobody,
    slots::what_comes_disarms_what_is_ahead,
    slots::a_removed_job_starts_nothing,
    runs::moves_are_legal,
    runs::run_numbers_rise,
    runs::causes_are_unique,
    runs::new_runs_are_as_described,
    runs::overlap_is_respected,
    runs::held_runs_meet_when_they_arrive,
    runs::nobody_jumps_the_queue,
    runs::attempt_numbers_rise,
    runs::attempts_are_closed_once,
    runs::what_follows_an_attempt_is_said_at_once,
    runs::a_withdrawn_attempt_changes_nothing,
    runs::skipped_runs_had_no_attempt,
    runs::cancel_wins,
    backfills::backfills_are_made_as_asked,
    backfills::a_backfill_makes_each_instant_once,
    backfills::overlap_leaves_backfills_alone,
    backfills::a_backfill_stops_for_a_reason,
    backfills::a_backfill_ends_with_its_last_run,
    due::watermarks_move_forward,
    due::only_an_outage_makes_a_run_missed,
    clocks::nothing_is_due_while_the_clock_is_not_set,
    clocks::only_what_is_far_ahead_is_pulled_back,
    clocks::what_ran_stays_accounted_for,
    clocks::ranges_are_cut_where_the_watermark_is,
    clocks::only_times_to_come_are_pulled_back,
    plans::only_changes_are_accepted,
    health::only_who_waits_too_long_is_overdue,
    pauses::a_halted_job_is_not_due,
    pauses::pauses_have_a_reason,
    pauses::what_was_due_comes_first,
    pauses::a_resume_begins_now,
    pauses::only_a_halt_disables,
];

/// Held against each effect.
pub(crate) const ON_EFFECT: &[OnEffect] = rules![
    chains::what_a_guest_gets_as_input_is_on_disk,
    effects::starts_are_on_disk,
    effects::no_guest_starts_early,
    effects::an_attempt_starts_once,
    effects::nothing_starts_while_the_store_fails,
    due::an_outage_leaves_nothing_late,
    clocks::what_is_recalled_is_on_disk,
    effects::an_attempt_keeps_its_definition,
    effects::only_guests_are_told_to_end,
    effects::answers_are_true,
    effects::the_stop_is_graceful,
];

/// Held against a step when all of it is known.
pub(crate) const ON_STEP_AFTER: &[OnStep] = rules![
    due::every_instant_is_accounted_for_once,
    due::the_calendar_is_respected,
    due::catch_up_is_respected,
    due::ranges_grow,
    due::nothing_due_is_left,
    chains::each_end_is_one_occurrence_of_each_dependent,
    chains::an_end_that_does_not_fit_is_skipped,
    clocks::every_jump_is_recorded,
    clocks::no_job_stays_silent,
    clocks::no_time_stays_far_ahead,
    clocks::backoffs_keep_their_length,
    clocks::no_backoff_outlives_a_wrong_clock,
    slots::no_slot_is_idle,
    slots::what_is_armed_ahead_is_of_the_plan,
    slots::held_runs_arrive_in_time,
    slots::retries_are_not_forgotten,
    ends::an_attempt_ends_as_its_verdict_says,
    ends::requests_have_their_effect,
    ends::what_is_newer_cancels_what_runs,
    ends::nothing_is_left_in_between,
    backfills::requests_for_backfills_have_their_effect,
    backfills::a_backfill_keeps_its_place,
    backfills::no_backfill_rests,
    plans::plans_are_taken_over,
    plans::a_fingerprint_is_that_of_one_definition,
    plans::removed_jobs_have_no_waiting_runs,
    plans::recovery_closes_every_attempt,
    plans::shutdown_ends_what_is_armed,
    pauses::pauses_have_their_effect,
    pauses::nothing_waits_for_a_halted_job,
    pauses::failures_are_counted,
    effects::it_never_spins,
    health::who_waits_too_long_is_overdue,
    health::jobs_ail_as_history_tells,
];

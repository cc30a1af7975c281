//! Effects: what the engine asks of the world is asked in order, and is true.

use cronlet_core::{
    backfill::MAX_OPEN,
    engine::{Answer, Effect, Event, Start},
    name::JobName,
    record::Batch,
    run::{Cause, RequestId, RunEnd, RunId, RunStatus},
};

use super::{Check, ensure};
use crate::{
    tables::RunRow,
    watch::{Asked, Named, Question, Stage, Step, Watch},
};

/// A step writes at most one batch, before anything else.
pub(super) fn at_most_one_commit_and_first(_: &Watch, step: &Step) -> Check {
    let late = step.effects.iter().skip(1);
    let late = late.filter(|effect| matches!(effect, Effect::Commit(_)));
    ensure(late.count() == 0, || format!("{:?}", step.effects))
}

/// Batches are numbered from 1 in each life, carry their step's time, and are not empty.
pub(super) fn batches_are_numbered_and_not_empty(watch: &Watch, step: &Step) -> Check {
    let Some(Effect::Commit(Batch { seq, at, records })) = step.effects.first() else {
        return Ok(());
    };
    ensure(seq.0 == watch.last_seq.0 + 1, || {
        format!("{seq:?} after {:?}", watch.last_seq)
    })?;
    ensure(*at == step.now, || format!("{at} is not {}", step.now))?;
    ensure(!records.is_empty(), || "it is empty".to_owned())
}

/// An engine that has stopped says nothing more.
pub(super) fn nothing_follows_the_stop(watch: &Watch, said: &Step) -> Check {
    ensure(watch.stage != Stage::Stopped, || {
        format!("{:?}", said.event)
    })?;
    let stop = said.effects.iter().position(|e| *e == Effect::Stop);
    ensure(stop.is_none_or(|at| at + 1 == said.effects.len()), || {
        format!("{:?}", said.effects)
    })
}

/// A guest starts only when the record of its start is on disk, and is the last word on its run.
pub(super) fn starts_are_on_disk(watch: &Watch, step: &Step, effect: &Effect) -> Check {
    let Effect::Start(Start { run, attempt, .. }) = effect else {
        return Ok(());
    };
    for tables in [step.disk, &watch.view] {
        let live = tables.runs.get(run.run).and_then(|row| row.live);
        ensure(live.is_some_and(|live| live.attempt == *attempt), || {
            format!("{:?} attempt {attempt}: {live:?} is recorded", run.run)
        })?;
    }
    Ok(())
}

/// No guest starts before the time that its attempt is recorded for. A clock that was set back does not
/// make early what was not.
pub(super) fn no_guest_starts_early(watch: &Watch, _: &Step, effect: &Effect) -> Check {
    let Effect::Start(Start { run, .. }) = effect else {
        return Ok(());
    };
    let live = watch.view.runs.get(run.run).and_then(|row| row.live);
    ensure(
        live.is_some_and(|live| live.starts_at <= watch.latest),
        || format!("{effect:?}: {live:?}, it is {}", watch.latest),
    )
}

/// An attempt's guest starts once, in all lives of the daemon.
pub(super) fn an_attempt_starts_once(watch: &Watch, step: &Step, effect: &Effect) -> Check {
    let Effect::Start(Start { run, attempt, .. }) = effect else {
        return Ok(());
    };
    let key = (run.run, *attempt);
    ensure(
        !step.ever.contains(&key) && !watch.started.contains(&key),
        || format!("{key:?} has started before"),
    )
}

/// While the store cannot write, no guest starts, even if the record of its start got through.
pub(super) fn nothing_starts_while_the_store_fails(
    watch: &Watch,
    _: &Step,
    effect: &Effect,
) -> Check {
    let starts = matches!(effect, Effect::Start(_));
    ensure(!starts || !watch.store_fails, || format!("{effect:?}"))
}

/// A guest starts with the definition that its attempt was armed with, whatever a reload has changed.
pub(super) fn an_attempt_keeps_its_definition(
    watch: &Watch,
    step: &Step,
    effect: &Effect,
) -> Check {
    let Effect::Start(start) = effect else {
        return Ok(());
    };
    let row = step.disk.runs.get(start.run.run).ok_or("no such run")?;
    let job = watch.armed.get(&(start.run.run, start.attempt));
    let job = job.ok_or("it was never armed")?;
    let params = row.new.params.as_ref().unwrap_or(&job.params);
    let last = start.attempt + job.retry.max.saturating_sub(row.failures);
    let expected = Start {
        run: row.new.clone(),
        attempt: start.attempt,
        max_attempts: last.try_into().map_err(|_| "there is no attempt 0")?,
        job: job.clone(),
        params: params.clone(),
    };
    ensure(*start == expected, || {
        format!("{start:?}, not {expected:?}")
    })?;
    let recorded = row.live.map(|live| live.component);
    ensure(recorded == Some(job.component.digest()), || {
        format!("{recorded:?} is recorded, {:?} starts", job.component)
    })
}

/// Only a guest that runs is told to end.
pub(super) fn only_guests_are_told_to_end(watch: &Watch, _: &Step, effect: &Effect) -> Check {
    let Effect::Cancel { run, attempt, .. } = effect else {
        return Ok(());
    };
    ensure(watch.started.contains(&(*run, *attempt)), || {
        format!("{effect:?}: it does not run")
    })
}

/// Every question is answered once, and what the answer claims is on disk.
pub(super) fn answers_are_true(watch: &Watch, step: &Step, effect: &Effect) -> Check {
    let Effect::Reply { request, answer } = effect else {
        return Ok(());
    };
    let asked = watch.asked.get(request).ok_or("nobody asked")?;
    ensure(!asked.answered, || format!("{asked:?} was answered"))?;
    let holds = match (&asked.what, answer) {
        (_, Answer::StoreFailed) => asked.store_failed,
        (_, Answer::Stopping) => asked.stopping,
        (Question::Run { job, .. }, Answer::Queued(run)) => {
            run_exists(step, *run, *request).is_some_and(|row| row.new.job == *job)
        }
        (Question::Run { job, .. }, Answer::Skipped(run, reason)) => {
            run_exists(step, *run, *request)
                .is_some_and(|row| row.new.job == *job && row.end == Some(RunEnd::Skipped(*reason)))
        }
        (
            Question::Run { exists, .. }
            | Question::Backfill { exists, .. }
            | Question::StopBackfill { exists, .. },
            Answer::NoSuchJob,
        ) => !exists,
        (Question::Backfill { under_way, .. }, Answer::TooManyBackfills) => *under_way >= MAX_OPEN,
        (Question::Backfill { job, under_way, .. }, Answer::BackfillCreated) => {
            let row = step.disk.backfills.get(request);
            *under_way < MAX_OPEN && row.is_some_and(|row| row.new.job == *job)
        }
        (Question::StopBackfill { under_way, .. }, Answer::NotOpen) => *under_way == 0,
        (Question::StopBackfill { job, under_way, .. }, Answer::BackfillsStopped(found)) => {
            let rows = step.disk.backfills.values();
            let stopped = rows.filter(|row| row.new.job == *job && row.stopped.is_some());
            let count = (found.stopped + found.already) as usize;
            count == *under_way && stopped.count() >= *under_way
        }
        (
            Question::Pause { pauses, jobs },
            Answer::Paused {
                jobs: some,
                already,
            },
        ) => *pauses && jobs_turned(step, jobs, *some, *already),
        (
            Question::Pause { pauses, jobs },
            Answer::Resumed {
                jobs: some,
                already,
            },
        ) => !*pauses && jobs_turned(step, jobs, *some, *already),
        (Question::Pause { jobs, .. }, Answer::NoSuchJob) => jobs.turns.is_empty(),
        (Question::Cancel { open, .. }, Answer::NotOpen) => !open,
        (Question::Cancel { run, open }, Answer::Cancelled) => {
            let row = step.disk.runs.get(*run);
            *open && row.is_some_and(|row| row.status == RunStatus::Cancelled)
        }
        (Question::Cancel { run, open }, Answer::Cancelling) => {
            let row = step.disk.runs.get(*run);
            *open && row.is_some_and(|row| row.cancel_requested) && watch.told.contains(run)
        }
        _ => false,
    };
    ensure(holds, || answer_is_false(asked, *answer))
}

/// Whether so many jobs were paused or resumed, so many were before, and all that is on disk.
fn jobs_turned(step: &Step, jobs: &Named, some: usize, already: usize) -> bool {
    let on_disk = |(job, turns): (&JobName, &u64)| {
        let row = step.disk.jobs.get(job);
        row.is_some_and(|row| row.turns >= *turns)
    };
    already == jobs.already && some + already == jobs.turns.len() && jobs.turns.iter().all(on_disk)
}

fn run_exists<'a>(step: &'a Step, run: RunId, request: RequestId) -> Option<&'a RunRow> {
    let row = step.disk.runs.get(run)?;
    (row.new.cause == Cause::Manual(request)).then_some(row)
}

fn answer_is_false(asked: &Asked, answer: Answer) -> String {
    format!("{asked:?} is answered {answer:?}")
}

/// The engine stops when it was asked to, when no guest runs, when every question is answered and when
/// everything is on disk, the last record saying so; a store that fails is not waited for.
pub(super) fn the_stop_is_graceful(watch: &Watch, step: &Step, effect: &Effect) -> Check {
    if *effect != Effect::Stop {
        return Ok(());
    }
    ensure(watch.stopping() && watch.started.is_empty(), || {
        format!("guests run: {:?}", watch.started)
    })?;
    let said = watch.holders().next().is_none() && watch.view.stopped;
    ensure(said, || "it does not say that it stopped".to_owned())?;
    if watch.store_fails {
        return Ok(());
    }
    let silent = watch.asked.values().find(|asked| !asked.answered);
    ensure(silent.is_none(), || {
        format!("{silent:?} waits for an answer")
    })?;
    ensure(*step.disk == watch.view, || {
        "not everything is on disk".to_owned()
    })
}

/// The engine never asks twice in a row to be woken at once without having done anything, unless a
/// crowd of runs waits that it looks at part by part.
pub(super) fn it_never_spins(watch: &Watch, step: &Step) -> Check {
    let allowed = watch.view.runs.open.len() / 100;
    ensure(
        !is_idle_wake(watch, step) || watch.idle_wakes <= allowed,
        || format!("it woke at {} for nothing", step.now),
    )
}

/// Whether this step is a wake that came to nothing and asks for another at once.
pub(crate) fn is_idle_wake(watch: &Watch, step: &Step) -> bool {
    matches!(step.event, Event::Woke)
        && watch.wish.is_some_and(|wish| wish <= step.now)
        && step.effects.iter().all(|e| matches!(e, Effect::WakeAt(_)))
}

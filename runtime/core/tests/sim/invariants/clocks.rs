//! Clocks: every jump is recorded, a clock that cannot be right makes nothing due, and a watermark that
//! a wrong one has left in the future is pulled back, once and to the right place.

use std::time::Duration;

use cronlet_core::{
    engine::{Effect, Event, Recall},
    name::JobName,
    record::{Record, Span},
    run::{Cause, RunStatus},
};
use jiff::{SignedDuration, Timestamp};

use super::{Check, due::span, ends::records, ensure};
use crate::{
    oracle::{before, instants},
    tables::Tables,
    watch::{Step, Watch},
};

/// No guest may ask for a longer delay.
const RETRY_AFTER: Duration = Duration::from_hours(7 * 24);

/// A watermark may be ahead of the clock by so much.
const AHEAD: SignedDuration = SignedDuration::from_hours(1);

/// A jump of the clock is recorded in the step that hears of it, and no other is.
pub(super) fn every_jump_is_recorded(watch: &Watch, step: &Step) -> Check {
    let recorded: Vec<_> = records(step)
        .filter_map(|record| match record {
            Record::ClockJumped { by } => Some(*by),
            _ => None,
        })
        .collect();
    let expected = match step.event {
        // That the engine stopped is the last record.
        Event::ClockJumped { by } if !watch.view.stopped => vec![*by],
        _ => Vec::new(),
    };
    ensure(recorded == expected, || {
        format!("{recorded:?} is recorded, not {expected:?}")
    })
}

/// While the clock shows a time before the engine was built, nothing is due and nothing is pulled back.
pub(super) fn nothing_is_due_while_the_clock_is_not_set(
    watch: &Watch,
    _: &Step,
    record: &Record,
) -> Check {
    let by_the_clock = match record {
        Record::Watermark { .. } | Record::Skipped { .. } | Record::WatermarkPulledBack { .. } => {
            true
        }
        Record::RunQueued(new) => matches!(new.cause, Cause::Time(_)),
        _ => false,
    };
    ensure(watch.clock_is_set || !by_the_clock, || {
        format!("{record:?}")
    })
}

/// Only a watermark that is more than an hour ahead is pulled back, to a time that has been.
pub(super) fn only_what_is_far_ahead_is_pulled_back(
    watch: &Watch,
    step: &Step,
    record: &Record,
) -> Check {
    let Record::WatermarkPulledBack { job, from, to, .. } = record else {
        return Ok(());
    };
    ensure(watch.serves() && watch.job(job).is_some(), || {
        format!("{record:?}: it is not served")
    })?;
    let row = watch.view.jobs.get(job).ok_or("the job is not stored")?;
    let ahead = is_ahead(*from, step.now);
    ensure(row.watermark == *from && ahead, || {
        format!("{record:?} at {}, it was {row:?}", step.now)
    })?;
    let asked = watch.recalled.contains(to);
    ensure(asked && *to <= watch.latest, || {
        format!("{record:?}: nobody asked for {to}")
    })
}

/// Every instant after the new watermark that has a run keeps it.
pub(super) fn what_ran_stays_accounted_for(watch: &Watch, _: &Step, record: &Record) -> Check {
    let Record::WatermarkPulledBack { job, to, ran, .. } = record else {
        return Ok(());
    };
    let expected: Vec<_> = ran_after(&watch.view, job, *to).collect();
    ensure(ran[..] == expected, || {
        format!("{record:?}: those that ran are {expected:?}")
    })
}

/// A range of skips that ended after the new watermark ends before it now, and has the instants of the
/// job up to there. If the job may have been due at other times when it was recorded, because it was
/// accepted or resumed since, their number is a guess.
pub(super) fn ranges_are_cut_where_the_watermark_is(
    watch: &Watch,
    _: &Step,
    record: &Record,
) -> Check {
    let Record::WatermarkPulledBack { job, to, cuts, .. } = record else {
        return Ok(());
    };
    let of_job = watch.view.skips.iter().filter(|((of, _), _)| of == job);
    let crossing = of_job.filter(|((_, first), row)| first <= to && *to < row.last);
    let mut cuts = cuts.iter();
    for ((_, first), row) in crossing {
        let cut = cuts.next().ok_or("a range is not cut")?;
        let kept = cut.first == *first && cut.last <= *to && cut.count <= row.count;
        ensure(kept && cut.count > 0, || {
            format!("{row:?} from {first} is cut to {cut:?}")
        })?;
        if watch.view.may_be_of_another_trigger(job, *first) {
            continue;
        }
        let schedule = watch.schedule(job).ok_or("it is not there")?;
        let left = instants(schedule, before(*first), *to);
        let expected = Span {
            first: *first,
            last: left.last().copied().ok_or("nothing is left")?,
            count: left.len() as u64,
        };
        ensure(*cut == expected, || format!("{cut:?}, not {expected:?}"))?;
    }
    let more = cuts.next();
    ensure(more.is_none(), || format!("{more:?} was no such range"))
}

/// The store is asked only when it has all that it is asked about.
pub(super) fn what_is_recalled_is_on_disk(watch: &Watch, step: &Step, effect: &Effect) -> Check {
    let Effect::Recall(Recall { after, jobs, .. }) = effect else {
        return Ok(());
    };
    for (job, watermark) in jobs.iter() {
        let lost = ran_after(&watch.view, job, *after)
            .filter(|at| at <= watermark)
            .find(|at| !step.disk.causes.contains(&(job.clone(), Cause::Time(*at))));
        ensure(lost.is_none(), || {
            format!("{job}: {lost:?} is not on disk yet")
        })?;
    }
    Ok(())
}

/// A job whose watermark is more than an hour ahead does not stay silent: the store is asked about it as
/// soon as everything that was said is on disk, and asked again if that came to nothing.
pub(super) fn no_job_stays_silent(watch: &Watch, step: &Step) -> Check {
    let Some(plan) = watch.plan.as_ref().filter(|_| watch.looks()) else {
        return Ok(());
    };
    if watch.stored != watch.last_seq {
        return Ok(());
    }
    for job in plan.jobs.keys() {
        let row = watch.view.jobs.get(job).ok_or("the job is not stored")?;
        let key = (job.clone(), row.watermark);
        let asked = watch.recalling.contains_key(&key);
        ensure(asked || !is_ahead(row.watermark, step.now), || {
            format!("{job}: {row:?}, now is {}", step.now)
        })?;
    }
    Ok(())
}

/// Times are pulled back to now, by a clock that is believed, and only if one is more than an hour ahead.
pub(super) fn only_times_to_come_are_pulled_back(
    watch: &Watch,
    step: &Step,
    record: &Record,
) -> Check {
    let Record::TimesPulledBack { to } = record else {
        return Ok(());
    };
    let found = watch.view.times().any(|at| is_ahead(at, *to));
    ensure(watch.looks() && *to == step.now && found, || {
        format!("{record:?} at {}", step.now)
    })
}

/// Of no job is it noted that it was accepted, or last succeeded, at a time that is more than an hour ahead.
pub(super) fn no_time_stays_far_ahead(watch: &Watch, step: &Step) -> Check {
    if !watch.looks() {
        return Ok(());
    }
    let ahead = watch.view.times().find(|at| is_ahead(*at, step.now));
    ensure(ahead.is_none(), || {
        format!("{ahead:?} is noted at {}", step.now)
    })
}

/// When the clock goes back, what is left of a backoff is what it was. One that was over stays so.
pub(super) fn backoffs_keep_their_length(watch: &Watch, step: &Step) -> Check {
    let Event::ClockJumped { by } = step.event else {
        return Ok(());
    };
    let retrying = watch.before.open.values();
    let retrying = retrying.filter(|row| row.status == RunStatus::Retrying);
    for row in retrying.filter(|_| by.is_negative() && !watch.stopping()) {
        let Some(until) = row.until else { continue };
        let now = watch.view.runs.get(row.new.run).and_then(|row| row.until);
        let shifted = (until + *by).max(step.now);
        let waits = until > step.now && !watch.before.over.contains(&row.new.run);
        // A step that ends a backoff may start the next attempt.
        let kept = now == Some(shifted) || now.is_none() && shifted <= step.now;
        ensure(kept || !waits, || {
            format!("{row:?} waits until {now:?}, not {shifted}")
        })?;
    }
    Ok(())
}

/// What a wrong clock has begun does not keep a run from its next attempt for ever: after a restart no
/// backoff is longer than the longest that there is. One that is not longer is what it was.
pub(super) fn no_backoff_outlives_a_wrong_clock(watch: &Watch, step: &Step) -> Check {
    if !matches!(step.event, Event::Started { .. }) || !watch.looks() {
        return Ok(());
    }
    let retrying = watch.view.open_runs();
    for row in retrying.filter(|row| row.status == RunStatus::Retrying) {
        let job = watch.job(&row.new.job).ok_or("its job is gone")?;
        let longest = job.retry.max_delay.max(RETRY_AFTER);
        let left = row.until.map(|until| until.duration_since(step.now));
        ensure(left.is_none_or(|left| left <= span(longest)), || {
            format!("{row:?} at {}", step.now)
        })?;
        let before = watch.before.open.get(&row.new.run);
        let before = before.filter(|row| row.status == RunStatus::Retrying);
        let was = before.and_then(|row| row.until);
        let kept = |until: &Timestamp| until.duration_since(step.now) <= span(longest);
        ensure(
            was.filter(kept).is_none_or(|was| row.until == Some(was)),
            || format!("{row:?} waited until {was:?}"),
        )?;
    }
    Ok(())
}

/// The instants of a job after `t` that have a run.
fn ran_after<'a>(
    tables: &'a Tables,
    job: &'a JobName,
    t: Timestamp,
) -> impl Iterator<Item = Timestamp> + 'a {
    let of_job = tables.causes.iter().filter(move |(of, _)| of == job);
    of_job.filter_map(move |(_, cause)| match cause {
        Cause::Time(at) if *at > t => Some(*at),
        _ => None,
    })
}

fn is_ahead(at: Timestamp, now: Timestamp) -> bool {
    at.duration_since(now) > AHEAD
}

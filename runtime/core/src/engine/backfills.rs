//! Backfills under way: each a lane of its own beside its job's other runs.
//!
//! A run of a backfill meets nobody: overlap neither skips, delays nor cancels it, and no occurrence waits
//! for it or is skipped for it. It has the caps of any run, its job's priority, retries and limits. As many
//! runs of a backfill are made as may be open at one time, so what waits for a slot stays little; the
//! others are made as these end. No watermark moves for it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;

use super::{
    Answer, BackfillsStopped, Engine, Phase, Step,
    event::{BackfillRequest, BackfillStopRequest},
    requests::{cancelled_by, reply},
    state::{Run, RunPhase},
    storing::Release,
};
use crate::{
    backfill::{MAX_CONCURRENT, MAX_OPEN, NewBackfill, Tally},
    name::JobName,
    record::{NewRun, Record, StoredBackfill},
    run::{BackfillEnd, Cause, Origin, RequestId, RunEnd, RunId, Turn},
};

/// All that are not over.
#[derive(Debug, Default)]
pub(super) struct Backfills {
    all: BTreeMap<RequestId, Backfill>,
    /// Those that may have another run to make.
    ready: BTreeSet<RequestId>,
}

/// One that is not over.
#[derive(Debug)]
struct Backfill {
    new: Arc<NewBackfill>,
    /// How many runs it has made.
    made: u32,
    /// Those of them that are not final.
    open: BTreeSet<RunId>,
    tally: Tally,
    /// Why it makes no more, if it does not.
    stopped: Option<BackfillEnd>,
}

/// A backfill that is not over, for those who ask what is going on.
#[derive(Clone, Copy, Debug)]
pub struct OpenBackfill<'a> {
    /// As it was created.
    pub new: &'a Arc<NewBackfill>,
    /// How many runs it has made.
    pub made: u32,
    /// What became of those that are over.
    pub tally: Tally,
    /// Why it makes no more, if it does not.
    pub stopped: Option<BackfillEnd>,
}

impl Backfills {
    /// Takes over an open run of a backfill.
    pub(super) fn adopt(&mut self, id: RequestId, run: RunId) {
        if let Some(backfill) = self.all.get_mut(&id) {
            backfill.open.insert(run);
        }
    }

    /// Those of a job.
    fn of(&self, job: &JobName) -> Vec<RequestId> {
        let all = self.all.iter();
        all.filter(|(_, backfill)| backfill.new.job == *job)
            .map(|(id, _)| *id)
            .collect()
    }
}

impl Backfill {
    fn is_full(&self) -> bool {
        let most = self.new.max_concurrent.min(MAX_CONCURRENT).get();
        self.open.len() >= most as usize
    }

    /// How it ended, if it is over.
    fn end(&self) -> Option<BackfillEnd> {
        let all_made = self.made >= self.new.instants.count();
        let why = self.stopped.or(all_made.then_some(BackfillEnd::Done));
        why.filter(|_| self.open.is_empty())
    }

    fn moved(&self) -> Record {
        Record::BackfillMoved {
            id: self.new.id,
            made: self.made,
            tally: self.tally,
        }
    }
}

impl Engine {
    /// Every backfill that is not over, by its name.
    pub fn open_backfills(&self) -> impl Iterator<Item = OpenBackfill<'_>> {
        self.backfills.all.values().map(|backfill| OpenBackfill {
            new: &backfill.new,
            made: backfill.made,
            tally: backfill.tally,
            stopped: backfill.stopped,
        })
    }

    /// A paused job is backfilled like any other.
    pub(super) fn backfill_requested(&mut self, step: &mut Step, request: BackfillRequest) {
        if let Some(refusal) = self.refusal() {
            return reply(step, request.id, refusal);
        }
        let state = self.jobs.get(&request.job);
        if state.is_none_or(|state| state.job.is_none()) {
            return reply(step, request.id, Answer::NoSuchJob);
        }
        if self.backfills.all.len() >= MAX_OPEN {
            return reply(step, request.id, Answer::TooManyBackfills);
        }
        let id = request.id;
        let new = Arc::new(NewBackfill {
            id,
            job: request.job,
            instants: request.instants,
            max_concurrent: request.max_concurrent,
            reverse: request.reverse,
            actor: request.actor,
            created_at: step.now,
        });
        step.records.push(Record::BackfillCreated(new.clone()));
        let backfill = Backfill {
            new,
            made: 0,
            open: BTreeSet::new(),
            tally: Tally::default(),
            stopped: None,
        };
        self.backfills.all.insert(id, backfill);
        self.rest_or_end(step, id);
        step.releases.push(Release::Reply {
            request: id,
            answer: Answer::BackfillCreated,
        });
    }

    /// Stops the backfills of a job: those of their runs that wait end, guests that run go on and are
    /// retried. Asked again, it ends those that wait for that.
    pub(super) fn backfill_stop_requested(
        &mut self,
        step: &mut Step,
        request: BackfillStopRequest,
    ) {
        if !matches!(self.phase, Phase::Serving | Phase::Stopping) {
            return reply(step, request.id, Answer::Stopping);
        }
        let BackfillStopRequest {
            id: request,
            job,
            actor,
        } = request;
        let state = self.jobs.get(&job);
        if state.is_none_or(|state| state.job.is_none()) {
            return reply(step, request, Answer::NoSuchJob);
        }
        let all = self.backfills.of(&job);
        if all.is_empty() {
            return reply(step, request, Answer::NotOpen);
        }
        let reason = cancelled_by(actor.as_deref());
        let mut found = BackfillsStopped::default();
        for id in &all {
            let backfill = self.backfills.all.get(id);
            match backfill.and_then(|backfill| backfill.stopped) {
                None => found.stopped += 1,
                Some(_) => found.already += 1,
            }
        }
        self.stop_backfills(step, &job, BackfillEnd::Stopped, actor.as_ref());
        for id in &all {
            self.cancel_waiting_of_backfill(step, *id, reason.as_deref(), &mut found);
        }
        self.answer(step, request, Answer::BackfillsStopped(found));
    }

    /// Has the backfills of a job make no more runs. What becomes of the runs that are open is for the
    /// caller to say.
    pub(super) fn stop_backfills(
        &mut self,
        step: &mut Step,
        job: &JobName,
        why: BackfillEnd,
        actor: Option<&Arc<str>>,
    ) {
        for id in self.backfills.of(job) {
            let backfill = self.backfills.all.get_mut(&id);
            if let Some(backfill) = backfill.filter(|it| it.stopped.is_none()) {
                backfill.stopped = Some(why);
                step.records.push(Record::BackfillStopped {
                    id,
                    why,
                    actor: actor.cloned(),
                });
                self.rest_or_end(step, id);
            }
        }
    }

    fn cancel_waiting_of_backfill(
        &mut self,
        step: &mut Step,
        id: RequestId,
        reason: Option<&str>,
        found: &mut BackfillsStopped,
    ) {
        let backfill = self.backfills.all.get(&id);
        let open: Vec<RunId> =
            backfill.map_or_else(Vec::new, |it| it.open.iter().copied().collect());
        for run in open {
            match self.runs.get(&run).map(|run| &run.phase) {
                None => {}
                Some(RunPhase::Running { .. }) => found.running += 1,
                Some(_) => {
                    found.cancelled += 1;
                    self.disarm(step, run);
                    self.end_run(step, run, RunEnd::Cancelled, reason.map(str::to_owned));
                }
            }
        }
    }

    /// Takes over what the last engine has left. Its runs follow.
    pub(super) fn adopt_backfills(&mut self, stored: Vec<StoredBackfill>) {
        for stored in stored {
            let id = stored.new.id;
            let backfill = Backfill {
                new: stored.new,
                made: stored.made,
                open: BTreeSet::new(),
                tally: stored.tally,
                stopped: stored.stopped,
            };
            self.backfills.all.insert(id, backfill);
            self.backfills.ready.insert(id);
        }
    }

    /// Stops the backfills of jobs that went while no engine was there to see it.
    pub(super) fn drop_backfills_of_removed(&mut self, step: &mut Step) {
        let jobs: BTreeSet<JobName> = self
            .backfills
            .all
            .values()
            .map(|backfill| backfill.new.job.clone())
            .collect();
        for job in jobs {
            if self.jobs.get(&job).is_none_or(|state| state.job.is_none()) {
                self.stop_backfills(step, &job, BackfillEnd::Removed, None);
            }
        }
    }

    /// Makes the runs that may be made.
    pub(super) fn go_on_with_backfills(&mut self, step: &mut Step) {
        while step.looks > 0
            && let Some(id) = self.backfills.ready.first().copied()
        {
            if let Some((new, nominal)) = self.next_of_backfill(id) {
                step.looks -= 1;
                self.queue_for_backfill(step, &new, nominal);
            } else {
                self.backfills.ready.remove(&id);
                self.end_backfill_if_over(step, id);
            }
        }
    }

    /// The instant that a backfill may make a run for now.
    fn next_of_backfill(&self, id: RequestId) -> Option<(Arc<NewBackfill>, Timestamp)> {
        let backfill = self.backfills.all.get(&id)?;
        if backfill.stopped.is_some() || backfill.is_full() {
            return None;
        }
        let nominal = backfill.new.nth(backfill.made)?;
        Some((backfill.new.clone(), nominal))
    }

    fn queue_for_backfill(&mut self, step: &mut Step, backfill: &NewBackfill, nominal: Timestamp) {
        let new = Arc::new(NewRun {
            run: self.next_run(),
            job: backfill.job.clone(),
            cause: Cause::Backfill(backfill.id, nominal),
            nominal,
            origin: Origin::Backfill,
            actor: backfill.actor.clone(),
            params: None,
            input_of: None,
            queued_at: step.now,
            not_before: None,
            turn: Turn::Now,
        });
        let id = new.run;
        step.records.push(Record::RunQueued(new.clone()));
        if let Some(state) = self.jobs.get_mut(&new.job) {
            state.lane.insert(id);
        }
        if let Some(backfill) = self.backfills.all.get_mut(&backfill.id) {
            backfill.made += 1;
            backfill.open.insert(id);
            step.records.push(backfill.moved());
        }
        self.runs
            .insert(id, Run::new(new, RunPhase::Waiting { retried: None }));
        self.wait_for_slot(id);
    }

    /// A run of a backfill is over.
    pub(super) fn backfill_run_ended(
        &mut self,
        step: &mut Step,
        id: RequestId,
        run: RunId,
        end: RunEnd,
    ) {
        if let Some(backfill) = self.backfills.all.get_mut(&id) {
            backfill.open.remove(&run);
            backfill.tally.count(end);
            step.records.push(backfill.moved());
        }
        self.rest_or_end(step, id);
    }

    /// Ends a backfill that is over; another may have a run to make.
    fn rest_or_end(&mut self, step: &mut Step, id: RequestId) {
        self.backfills.ready.insert(id);
        self.end_backfill_if_over(step, id);
    }

    fn end_backfill_if_over(&mut self, step: &mut Step, id: RequestId) {
        let backfill = self.backfills.all.get(&id);
        if let Some(how) = backfill.and_then(Backfill::end) {
            self.backfills.all.remove(&id);
            self.backfills.ready.remove(&id);
            step.records.push(Record::BackfillEnded { id, how });
        }
    }
}

//! The one admission point: which waiting run may start next.
//!
//! Every start passes here, whatever made the run. A run waits until the engine's cap, its group's and
//! its job's have room; of those that may start, the one whose [`Place`] is first does.
//!
//! Who waits is offered upwards: a job that has room offers the first of its runs to its group, a group
//! that has room the first of its offers to the engine, and a job without a group its own. So a change
//! at one place costs O(log n), however many runs wait behind a full job or a full group.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
    time::Duration,
};

use jiff::Timestamp;

use crate::{
    job::Job,
    name::{GroupName, JobName},
    plan::Settings,
    run::RunId,
};

/// A point of priority is worth this much waiting.
const POINT: Duration = Duration::from_mins(1);

/// Where a run stands among those that wait: its priority plus the minutes it has waited, then its age.
/// All who wait grow older alike, so the order of two of them never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// Since when it has waited, moved back by a minute for each point of priority.
    since: Timestamp,
    run: RunId,
}

impl Place {
    fn new(run: RunId, since: Timestamp, priority: i8) -> Self {
        let moved = POINT * u32::from(priority.unsigned_abs());
        let since = if priority < 0 {
            since.checked_add(moved).unwrap_or(Timestamp::MAX)
        } else {
            since.checked_sub(moved).unwrap_or(Timestamp::MIN)
        };
        Self { since, run }
    }
}

/// Who has a slot and who waits for one.
#[derive(Debug)]
pub(super) struct Slots {
    cap: NonZeroU32,
    group_caps: BTreeMap<GroupName, NonZeroU32>,
    used: u32,
    /// The runs that may start, one of each job without a group and one of each group.
    offers: BTreeMap<Place, JobName>,
    /// Of the groups that have a run here.
    groups: BTreeMap<GroupName, Group>,
    /// Of the jobs that have a run here.
    jobs: BTreeMap<JobName, Queue>,
    /// The runs that have a slot, or that are armed ahead of their time.
    held: BTreeMap<RunId, Held>,
}

/// What a run counts for.
#[derive(Debug)]
struct Held {
    group: Option<GroupName>,
    /// Whether it counts for the engine's cap: not yet, if it is armed ahead of its time.
    slot: bool,
}

#[derive(Debug, Default)]
struct Group {
    used: u32,
    /// One of each job that has room.
    offers: BTreeMap<Place, JobName>,
    /// What it has offered to the engine.
    offered: Option<Place>,
}

/// The runs of one job.
#[derive(Debug, Default)]
struct Queue {
    cap: Option<NonZeroU32>,
    group: Option<GroupName>,
    priority: i8,
    used: u32,
    /// Since when each run that waits has.
    waiting: BTreeMap<RunId, Timestamp>,
    places: BTreeSet<Place>,
    /// What it has offered to its group, or to the engine.
    offered: Option<Place>,
}

impl Queue {
    fn is_full(&self) -> bool {
        self.cap.is_some_and(|cap| self.used >= cap.get())
    }

    fn offer(&self) -> Option<Place> {
        self.places.first().copied().filter(|_| !self.is_full())
    }

    /// A run waits no more.
    fn leave(&mut self, run: RunId) {
        if let Some(since) = self.waiting.remove(&run) {
            self.places.remove(&Place::new(run, since, self.priority));
        }
    }

    /// Takes what the job's definition says.
    fn define(&mut self, job: &Job) {
        self.cap = job.max_instances;
        self.group.clone_from(&job.group);
        if self.priority != job.priority {
            self.priority = job.priority;
            self.line_up();
        }
    }

    /// Nobody has waited since a later time than this.
    fn wait_since_at_most(&mut self, now: Timestamp) {
        for since in self.waiting.values_mut() {
            *since = now.min(*since);
        }
        self.line_up();
    }

    /// Gives everybody who waits his place.
    fn line_up(&mut self) {
        let waiting = self.waiting.iter();
        let place = |(run, since): (&RunId, &Timestamp)| Place::new(*run, *since, self.priority);
        self.places = waiting.map(place).collect();
    }
}

impl Default for Slots {
    fn default() -> Self {
        Self {
            cap: Settings::default().max_concurrent_runs,
            group_caps: BTreeMap::new(),
            used: 0,
            offers: BTreeMap::new(),
            groups: BTreeMap::new(),
            jobs: BTreeMap::new(),
            held: BTreeMap::new(),
        }
    }
}

impl Slots {
    /// The caps of the engine and of the groups.
    pub(super) fn configure(&mut self, settings: &Settings) {
        self.cap = settings.max_concurrent_runs;
        self.group_caps.clone_from(&settings.groups);
        for name in self.groups.keys().cloned().collect::<Vec<_>>() {
            self.offer_group(&name);
        }
    }

    /// The definition of a job has changed.
    pub(super) fn redefine(&mut self, job: &Job) {
        if self.jobs.contains_key(&job.name) {
            self.withdraw(&job.name);
            self.with(&job.name, |queue| queue.define(job));
        }
    }

    /// The clock was set back: nobody has waited since a time that is still to come.
    pub(super) fn wait_since_at_most(&mut self, now: Timestamp) {
        let later = |queue: &Queue| queue.waiting.values().any(|since| *since > now);
        let jobs = self.jobs.iter().filter(|(_, queue)| later(queue));
        let jobs: Vec<JobName> = jobs.map(|(name, _)| name.clone()).collect();
        for job in jobs {
            self.with(&job, |queue| queue.wait_since_at_most(now));
        }
    }

    /// A run of `job` waits from now on; it counts as waiting since `since`.
    pub(super) fn wait(&mut self, run: RunId, job: &Job, since: Timestamp) {
        self.queue_of(job);
        self.with(&job.name, |queue| {
            queue.waiting.insert(run, since);
            queue.places.insert(Place::new(run, since, queue.priority));
        });
    }

    /// Makes sure that a job has a queue.
    fn queue_of(&mut self, job: &Job) {
        if !self.jobs.contains_key(&job.name) {
            let mut queue = Queue::default();
            queue.define(job);
            self.jobs.insert(job.name.clone(), queue);
        }
    }

    /// A run of `job` waits no more, and has no slot.
    pub(super) fn forget(&mut self, run: RunId, job: &JobName) {
        self.with(job, |queue| queue.leave(run));
    }

    /// Gives a slot to the run whose turn it is, of those that may have one.
    pub(super) fn take(&mut self) -> Option<RunId> {
        if self.used >= self.cap.get() {
            return None;
        }
        let (place, job) = self.offers.first_key_value()?;
        let (run, job) = (place.run, job.clone());
        self.used += 1;
        let group = self.jobs.get(&job).and_then(|queue| queue.group.clone());
        if let Some(group) = &group {
            self.groups.entry(group.clone()).or_default().used += 1;
        }
        self.held.insert(run, Held { group, slot: true });
        self.with(&job, |queue| {
            queue.leave(run);
            queue.used += 1;
        });
        Some(run)
    }

    /// Takes the places of its job and of its group for a run that is armed ahead of its time, if they are
    /// free and nobody waits for them.
    pub(super) fn reserve(&mut self, run: RunId, job: &Job) -> bool {
        if !self.has_room_for(job) {
            return false;
        }
        let group = job.group.clone();
        if let Some(group) = &group {
            self.groups.entry(group.clone()).or_default().used += 1;
        }
        self.held.insert(run, Held { group, slot: false });
        self.queue_of(job);
        self.with(&job.name, |queue| queue.used += 1);
        true
    }

    /// Gives a slot to a run that was armed ahead of its time, if one is free and nobody waits for it.
    pub(super) fn promote(&mut self, run: RunId) -> bool {
        let free = self.used < self.cap.get() && self.offers.is_empty();
        let held = self.held.get_mut(&run).filter(|held| free && !held.slot);
        let Some(held) = held else { return false };
        held.slot = true;
        self.used += 1;
        true
    }

    /// Whether a run of `job` could start at once as far as its job and its group go, and would overtake
    /// nobody there.
    fn has_room_for(&self, job: &Job) -> bool {
        let queue = self.jobs.get(&job.name);
        let in_job = queue.is_none_or(|queue| queue.places.is_empty() && !queue.is_full());
        let Some(name) = &job.group else {
            return in_job;
        };
        let Some((cap, group)) = self.group_caps.get(name).zip(self.groups.get(name)) else {
            return in_job;
        };
        in_job && group.offers.is_empty() && group.used < cap.get()
    }

    /// Gives back what a run of `job` counts for.
    pub(super) fn release(&mut self, run: RunId, job: &JobName) {
        let Some(Held { group, slot }) = self.held.remove(&run) else {
            return;
        };
        self.used = self.used.saturating_sub(u32::from(slot));
        if let Some(name) = group {
            if let Some(group) = self.groups.get_mut(&name) {
                group.used = group.used.saturating_sub(1);
            }
            self.offer_group(&name);
        }
        self.with(job, |queue| queue.used = queue.used.saturating_sub(1));
    }

    /// Whether a run of `job` has a slot.
    pub(super) fn in_use(&self, job: &JobName) -> bool {
        self.jobs.get(job).is_some_and(|queue| queue.used > 0)
    }

    /// Changes a job's queue, and offers what it has to offer then.
    fn with(&mut self, job: &JobName, change: impl FnOnce(&mut Queue)) {
        let Some(queue) = self.jobs.get_mut(job) else {
            return;
        };
        change(queue);
        let (before, now) = (queue.offered, queue.offer());
        queue.offered = now;
        let group = queue.group.clone();
        if queue.used == 0 && queue.places.is_empty() {
            self.jobs.remove(job);
        }
        let offers = match &group {
            Some(group) => &mut self.groups.entry(group.clone()).or_default().offers,
            None => &mut self.offers,
        };
        if let Some(before) = before {
            offers.remove(&before);
        }
        if let Some(now) = now {
            offers.insert(now, job.clone());
        }
        if let Some(group) = &group {
            self.offer_group(group);
        }
    }

    /// Takes back what a job has offered.
    fn withdraw(&mut self, job: &JobName) {
        let Some(queue) = self.jobs.get_mut(job) else {
            return;
        };
        let Some(place) = queue.offered.take() else {
            return;
        };
        match queue.group.clone() {
            None => drop(self.offers.remove(&place)),
            Some(name) => {
                if let Some(group) = self.groups.get_mut(&name) {
                    group.offers.remove(&place);
                }
                self.offer_group(&name);
            }
        }
    }

    /// Offers what a group has to offer.
    fn offer_group(&mut self, name: &GroupName) {
        let Some(group) = self.groups.get_mut(name) else {
            return;
        };
        if let Some(before) = group.offered.take() {
            self.offers.remove(&before);
        }
        let cap = self.group_caps.get(name);
        if cap.is_none_or(|cap| group.used < cap.get())
            && let Some((place, job)) = group.offers.first_key_value()
        {
            group.offered = Some(*place);
            self.offers.insert(*place, job.clone());
        }
        if group.used == 0 && group.offers.is_empty() {
            self.groups.remove(name);
        }
    }
}

#[cfg(test)]
mod tests;

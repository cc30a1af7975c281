//! Random legal streams of records: what two stores and a model must agree on.
//!
//! The model makes the records, as an engine would, and keeps what an engine must know
//! about as an engine keeps it: while it goes, not from rows. So it is a third opinion on
//! [`Recovery`]. History is held against the twin in memory. Now and then the engine is
//! replaced, or a batch has a record in it that must be refused.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
    time::Duration,
};

use cronlet_core::{
    backfill::{Instants, NewBackfill, Tally},
    health::{Failing, JobHealth},
    pause::{PauseReason, Paused},
    record::{Span, StoredBackfill, StoredJob, StoredRun, StoredState},
    report::{ErrorKind, Failure, Level, LogLine},
    run::{BackfillEnd, FailReason, RunStatus, SkipReason, Turn},
    state::{Key, StateChanges, Value, Write},
};

use jiff::SignedDuration;

use super::*;
use crate::store::{
    precision::{cut, cut_cause},
    retention::STEP,
};

const SEEDS: u64 = 16;
const GROUPS: usize = 40;
const JOBS: [&str; 4] = ["a", "b", "backup", "z-9"];
const STATUSES: [RunStatus; 2] = [RunStatus::Skipped, RunStatus::Failed];

#[test]
fn random_streams_are_kept_alike() {
    for seed in 0..SEEDS {
        let mut trial = Trial {
            seed,
            model: Model::new(seed),
            memory: Memory::new(),
            sqlite: Sqlite::new(),
        };
        for group in 0..GROUPS {
            trial.write_group(group);
            if trial.model.chance(8) {
                trial.write_something_wrong();
            }
            if trial.model.chance(8) {
                trial.prune();
            }
            if trial.model.chance(8) {
                trial.memory.restart();
                trial.sqlite.restart();
            }
        }
        trial.compare_history();
        assert!(!trial.model.ended.is_empty(), "seed {seed} ends no run");
    }
}

struct Trial {
    seed: u64,
    model: Model,
    memory: Memory,
    sqlite: Sqlite,
}

impl Trial {
    fn write_group(&mut self, group: usize) {
        let batches: Vec<Batch> = (0..self.model.below(4))
            .map(|_| self.model.batch())
            .collect();
        self.memory.store().commit(&batches).unwrap();
        self.sqlite.store().commit(&batches).unwrap();
        let seed = self.seed;
        let expected = self.model.recovery();
        assert_eq!(
            self.memory.recovery(),
            expected,
            "seed {seed}, group {group}"
        );
        assert_eq!(
            self.sqlite.recovery(),
            expected,
            "seed {seed}, group {group}"
        );
        if group.is_multiple_of(8) {
            self.compare_history();
        }
    }

    /// A good batch and one with a wrong record in it: both stores refuse both, for the same reason.
    fn write_something_wrong(&mut self) {
        let wrong = self.model.wrong();
        let mut model = self.model.clone();
        let (good, mut bad) = (model.batch(), model.batch());
        let place = model.below(bad.records.len() + 1);
        bad.records.insert(place, wrong.clone());
        self.model.rng = model.rng;
        let group = [good, bad];
        let refused = self.memory.store().commit(&group).unwrap_err();
        let also = self.sqlite.store().commit(&group).unwrap_err();
        let seed = self.seed;
        assert_eq!(
            refused.to_string(),
            also.to_string(),
            "seed {seed}, {wrong:?}"
        );
        let expected = self.model.recovery();
        assert_eq!(self.memory.recovery(), expected, "seed {seed}, {wrong:?}");
        assert_eq!(self.sqlite.recovery(), expected, "seed {seed}, {wrong:?}");
    }

    /// Both stores let the same go, and what an engine must know stays. By number only: a clock that
    /// was set back may keep something longer than its age.
    fn prune(&mut self) {
        let limit = Limit {
            before: Timestamp::MIN,
            logs_before: Timestamp::MIN,
            keep_runs: u32::try_from(self.model.below(6)).unwrap(),
            gone_before: self.model.now,
        };
        let seed = self.seed;
        let names = self.memory.history().names().unwrap();
        assert_eq!(self.sqlite.history().names().unwrap(), names, "seed {seed}");
        for name in names {
            let old = |history: &dyn History| {
                let mut old = history.old_runs(&name, &limit, STEP).unwrap();
                old.skips.sort_by_key(|skips| skips.first);
                old
            };
            let found = old(self.memory.history());
            assert_eq!(old(self.sqlite.history()), found, "seed {seed}, {limit:?}");
            let removed = self.memory.store().remove(&found).unwrap();
            assert_eq!(removed, found.count(), "seed {seed}");
            let also = self.sqlite.store().remove(&found).unwrap();
            assert_eq!(also, removed, "seed {seed}");
        }
        self.model.look(self.memory.entries());
        let expected = self.model.recovery();
        assert_eq!(self.memory.recovery(), expected, "seed {seed}");
        assert_eq!(self.sqlite.recovery(), expected, "seed {seed}");
    }

    fn compare_history(&mut self) {
        let seed = self.seed;
        let (memory, sqlite) = (self.memory.history(), self.sqlite.history());
        for query in self.model.queries() {
            let expected = memory.entries(&query).unwrap();
            let found = sqlite.entries(&query).unwrap();
            assert_eq!(found, expected, "seed {seed}, {query:?}");
        }
        assert_eq!(
            sqlite.backfills().unwrap(),
            memory.backfills().unwrap(),
            "seed {seed}"
        );
        assert_eq!(
            sqlite.jobs().unwrap(),
            memory.jobs().unwrap(),
            "seed {seed}"
        );
        assert_eq!(
            sqlite.clock_jumps(usize::MAX).unwrap(),
            memory.clock_jumps(usize::MAX).unwrap(),
            "seed {seed}"
        );
        for name in JOBS.map(job) {
            let all = (Timestamp::MIN, Timestamp::MAX);
            let expected = memory.standing(&name, all.0, all.1).unwrap();
            let found = sqlite.standing(&name, all.0, all.1).unwrap();
            assert_eq!(found, expected, "seed {seed}");
            let after = self.model.now;
            let expected = memory.beyond(&name, after).unwrap();
            assert_eq!(
                sqlite.beyond(&name, after).unwrap(),
                expected,
                "seed {seed}"
            );
            let now = self.model.now;
            let events = memory.job_events(&name, now).unwrap();
            assert_eq!(
                sqlite.job_events(&name, now).unwrap(),
                events,
                "seed {seed}"
            );
            let expected = memory.state(&name).unwrap();
            assert_eq!(sqlite.state(&name).unwrap(), expected, "seed {seed}");
        }
        let jobs = self.model.recovery().jobs;
        assert_eq!(memory.stored_jobs().unwrap(), jobs, "seed {seed}");
        assert_eq!(sqlite.stored_jobs().unwrap(), jobs, "seed {seed}");
        self.compare_instants();
        for run in (0..=self.model.next_run).map(RunId) {
            let expected = memory.run(run).unwrap();
            assert_eq!(sqlite.run(run).unwrap(), expected, "seed {seed}");
            for attempt in [None, Some(1), Some(2)] {
                let expected = memory.log(run, attempt).unwrap();
                assert_eq!(sqlite.log(run, attempt).unwrap(), expected, "seed {seed}");
            }
        }
    }
}

impl Trial {
    /// What became of each instant that is known, and what was beside each moment at which something
    /// was.
    fn compare_instants(&self) {
        let seed = self.seed;
        let (memory, sqlite) = (self.memory.history(), self.sqlite.history());
        for entry in memory.entries(&Query::default()).unwrap() {
            let (name, run, instants, moments) = match &entry {
                Entry::Run(row) => {
                    let moments = [Some(row.queued_at), row.ended_at];
                    (&row.job, Some(row.run), [row.nominal; 2], moments)
                }
                Entry::Skips(row) => {
                    let moments = [Some(row.recorded_at), Some(row.last)];
                    (&row.job, None, [row.first, row.last], moments)
                }
            };
            for at in instants {
                let expected = memory.instant(name, at).unwrap();
                assert_eq!(
                    sqlite.instant(name, at).unwrap(),
                    expected,
                    "seed {seed}, {at}"
                );
            }
            for at in moments.into_iter().flatten() {
                let expected = memory.beside(name, run, at).unwrap();
                let found = sqlite.beside(name, run, at).unwrap();
                assert_eq!(found, expected, "seed {seed}, {run:?}, {at}");
            }
        }
    }
}

/// An engine that does anything it may.
#[derive(Clone)]
struct Model {
    rng: u64,
    now: Timestamp,
    next_run: u64,
    jobs: BTreeMap<JobName, StoredJob>,
    open: BTreeMap<RunId, StoredRun>,
    ended: Vec<RunId>,
    occurrences: Vec<(JobName, Cause)>,
    /// The last range of skips of each job.
    skips: BTreeMap<JobName, (Timestamp, Timestamp, u64)>,
    /// What was last said of how much each job remembers.
    totals: BTreeMap<JobName, u64>,
    backfills: BTreeMap<RequestId, StoredBackfill>,
    /// The instants that watermarks were pulled back before.
    ahead: BTreeSet<(JobName, Timestamp)>,
    /// The jobs that have runs in the history.
    ran: BTreeSet<JobName>,
    /// The ranges of skips in it.
    ranges: BTreeSet<(JobName, Timestamp)>,
}

impl Model {
    fn new(seed: u64) -> Self {
        Self {
            rng: seed,
            now: at(0),
            next_run: 1,
            jobs: BTreeMap::new(),
            open: BTreeMap::new(),
            ended: Vec::new(),
            occurrences: Vec::new(),
            skips: BTreeMap::new(),
            totals: BTreeMap::new(),
            backfills: BTreeMap::new(),
            ahead: BTreeSet::new(),
            ran: BTreeSet::new(),
            ranges: BTreeSet::new(),
        }
    }

    fn recovery(&self) -> Recovery {
        Recovery {
            next_run: self.next_run,
            jobs: self.jobs.values().cloned().collect(),
            runs: self.open.values().cloned().collect(),
            states: self.totals.clone(),
            backfills: self.backfills.values().cloned().collect(),
            ahead: self.ahead(),
        }
    }

    /// Looks at what is left of the history.
    fn look(&mut self, entries: Vec<Entry>) {
        self.ran.clear();
        self.ranges.clear();
        for entry in entries {
            match entry {
                Entry::Run(run) => {
                    self.ran.insert(run.job);
                }
                Entry::Skips(row) => {
                    self.ranges.insert((row.job, row.first));
                }
            }
        }
    }

    /// Several steps' decisions, in one batch.
    fn batch(&mut self) -> Batch {
        // The clock goes on, by anything, and now and then back.
        let nanos = 1 + self.random() % 1_000_000_000_000;
        let step = Duration::from_nanos(nanos);
        self.now = if self.chance(10) {
            self.now - step
        } else {
            self.now + step
        };
        let mut records = Vec::new();
        for _ in 0..=self.below(5) {
            self.act(&mut records);
        }
        if records.is_empty() {
            records.push(self.plan_accepted());
        }
        Batch {
            seq: Seq(1),
            at: self.now,
            records,
        }
    }

    fn act(&mut self, records: &mut Vec<Record>) {
        match self.below(28) {
            27 => records.push(self.times_pulled_back()),
            24..=26 => self.backfill(records),
            18 => records.extend(self.pulled_back()),
            19 => records.push(Record::ClockJumped {
                by: SignedDuration::from_nanos(self.random().cast_signed()),
            }),
            20 => records.extend(self.paused()),
            21 => records.extend(self.resumed()),
            22 => records.extend(self.failures_counted()),
            23 => records.extend(self.overdue()),
            16 | 17 => records.push(self.state_written()),
            0 => records.push(self.job_accepted()),
            1 => records.extend(self.job_removed()),
            2 => records.extend(self.watermark()),
            3 => records.push(self.plan_accepted()),
            4 | 5 => records.push(self.skipped()),
            6..=8 => records.push(self.run_queued()),
            9 => records.push(Record::Stopped),
            _ => self.advance(records),
        }
    }

    fn job_accepted(&mut self) -> Record {
        let job = self.job();
        let watermark = self.time();
        let fingerprint = self.text();
        let before = self.jobs.get(&job);
        let stored = StoredJob {
            job: job.clone(),
            watermark: cut(watermark),
            fingerprint: fingerprint.clone(),
            removed_at: None,
            health: self.health_of_accepted(&job),
            paused: before.and_then(|job| job.paused.clone()),
            failures: before.map_or(0, |job| job.failures),
        };
        self.jobs.insert(job.clone(), stored);
        Record::JobAccepted {
            job,
            watermark,
            fingerprint,
        }
    }

    /// What is known of a job that was there within the hour stays known.
    fn health_of_accepted(&self, job: &JobName) -> JobHealth {
        let now = cut(self.now);
        let old = self.jobs.get(job).filter(|old| {
            old.removed_at
                .is_none_or(|at| now.duration_since(at).as_micros() < 3_600_000_000)
        });
        JobHealth {
            watched_since: now,
            last_success: old.and_then(|old| old.health.last_success),
            failing: old.and_then(|old| old.health.failing),
            overdue: old.is_some_and(|old| old.health.overdue),
        }
    }

    fn overdue(&mut self) -> Option<Record> {
        let job = self.job();
        let health = &mut self.jobs.get_mut(&job)?.health;
        health.overdue = !health.overdue;
        Some(if health.overdue {
            let since = health.watched_since;
            Record::JobOverdue { job, since }
        } else {
            Record::JobNotOverdue { job }
        })
    }

    fn job_removed(&mut self) -> Option<Record> {
        let job = self.job();
        self.jobs.get_mut(&job)?.removed_at = Some(cut(self.now));
        Some(Record::JobRemoved { job })
    }

    fn paused(&mut self) -> Option<Record> {
        let (job, since) = (self.job(), cut(self.now));
        let why = match self.below(3) {
            0 => PauseReason::Asked(None),
            1 => PauseReason::Asked(Some(self.text().into())),
            _ => PauseReason::Failures(u32::try_from(self.below(9)).unwrap()),
        };
        let stored = self.jobs.get_mut(&job)?;
        if let PauseReason::Failures(failures) = why {
            stored.failures = failures;
        }
        stored.paused = Some(Paused {
            since,
            why: why.clone(),
        });
        Some(Record::JobPaused { job, why })
    }

    fn resumed(&mut self) -> Option<Record> {
        let (job, watermark) = (self.job(), self.time());
        let actor = self.chance(2).then(|| self.text().into());
        let now = cut(self.now);
        let stored = self.jobs.get_mut(&job)?;
        stored.health.watched_since = now;
        stored.watermark = cut(watermark);
        stored.health.watched_since = now;
        stored.paused = None;
        stored.failures = 0;
        stored.health.watched_since = now;
        Some(Record::JobResumed {
            job,
            watermark,
            actor,
        })
    }

    fn failures_counted(&mut self) -> Option<Record> {
        let (job, failures) = (self.job(), u32::try_from(self.below(9)).unwrap());
        self.jobs.get_mut(&job)?.failures = failures;
        Some(Record::FailuresCounted { job, failures })
    }

    fn watermark(&mut self) -> Option<Record> {
        let (job, to) = (self.job(), self.time());
        self.jobs.get_mut(&job)?.watermark = cut(to);
        Some(Record::Watermark { job, to })
    }

    fn plan_accepted(&mut self) -> Record {
        let now = cut(self.now);
        let (ran, ranges) = (&self.ran, &self.ranges);
        self.jobs.retain(|name, job| {
            let removed = job.removed_at;
            job.watermark > now
                || removed.is_none_or(|at| now.duration_since(at).as_micros() <= 3_600_000_000)
                || ran.contains(name)
                || ranges.iter().any(|(job, _)| job == name)
        });
        let kept = self.ahead();
        self.ahead = kept
            .into_iter()
            .flat_map(|(job, ahead)| ahead.into_iter().map(move |at| (job.clone(), at)))
            .collect();
        let digest = Digest::of(&[u8::from(self.chance(2))]);
        Record::PlanAccepted { digest }
    }

    fn ahead(&self) -> BTreeMap<JobName, BTreeSet<Timestamp>> {
        let mut ahead: BTreeMap<JobName, BTreeSet<Timestamp>> = BTreeMap::new();
        for (job, at) in &self.ahead {
            if self.jobs.get(job).is_some_and(|job| job.watermark < *at) {
                ahead.entry(job.clone()).or_default().insert(*at);
            }
        }
        ahead
    }

    fn pulled_back(&mut self) -> Option<Record> {
        let (job, from, to) = (self.job(), self.time(), self.time());
        self.jobs.get_mut(&job)?.watermark = cut(to);
        let ran: Vec<_> = (0..self.below(4)).map(|_| self.time()).collect();
        let ahead = ran.iter().map(|at| (job.clone(), cut(*at)));
        self.ahead.extend(ahead);
        self.ranges
            .retain(|(of, first)| *of != job || *first <= cut(to));
        let crossing = self.skips.get(&job).copied();
        let cuts = crossing.filter(|(first, ..)| *first <= to);
        let cuts = cuts.map(|(first, _, count)| Span {
            first,
            last: to,
            count,
        });
        Some(Record::WatermarkPulledBack {
            job,
            from,
            to,
            ran: ran.into(),
            cuts: cuts.into_iter().collect(),
        })
    }

    fn times_pulled_back(&mut self) -> Record {
        let to = self.time();
        for job in self.jobs.values_mut() {
            let health = &mut job.health;
            health.watched_since = health.watched_since.min(cut(to));
            health.last_success = health.last_success.map(|at| at.min(cut(to)));
            if let Some(failing) = &mut health.failing {
                failing.at = failing.at.min(cut(to));
            }
            job.removed_at = job.removed_at.map(|at| at.min(cut(to)));
        }
        for run in self.open.values_mut() {
            let new = Arc::make_mut(&mut run.new);
            if new.queued_at > cut(to) {
                new.queued_at = cut(to);
                new.not_before = new.not_before.map(|at| at.min(cut(to)));
            }
        }
        Record::TimesPulledBack { to }
    }

    fn skipped(&mut self) -> Record {
        let job = self.job();
        let old = self.skips.get(&job).copied();
        let (first, last, count) = match old {
            Some((first, last, count)) if self.chance(2) => {
                (first, last + Duration::from_mins(1), count + 1)
            }
            _ => (self.now, self.now, self.count()),
        };
        self.skips.insert(job.clone(), (first, last, count));
        self.ranges.insert((job.clone(), cut(first)));
        let reason = self.pick(&SkipReason::ALL);
        Record::Skipped {
            job,
            reason,
            first,
            last,
            count,
        }
    }

    fn run_queued(&mut self) -> Record {
        let job = self.job();
        let time = self.time();
        let cause = match self.below(4) {
            0 if !self
                .occurrences
                .contains(&(job.clone(), cut_cause(Cause::Time(time)))) =>
            {
                Cause::Time(time)
            }
            1 => Cause::Manual(RequestId(self.random())),
            2 => Cause::Backfill(RequestId(self.random()), time),
            // Of a run that nobody knows, so that it is another one each time.
            _ => Cause::After(RunId(self.random() >> 1)),
        };
        let text = |model: &mut Self| model.chance(3).then(|| model.text().into());
        let new = NewRun {
            run: RunId(self.next_run + self.below_u64(2)),
            job: job.clone(),
            cause,
            nominal: time,
            origin: self.pick(&Origin::ALL),
            actor: text(self),
            params: text(self),
            input_of: self.chance(3).then(|| RunId(self.below_u64(self.next_run))),
            queued_at: self.now,
            not_before: self.chance(5).then(|| self.time()),
            turn: self.pick(&Turn::ALL),
        };
        self.next_run = new.run.0 + 1;
        self.ran.insert(job.clone());
        self.occurrences.push((job, cut_cause(cause)));
        let kept = NewRun {
            cause: cut_cause(cause),
            nominal: cut(time),
            queued_at: cut(self.now),
            not_before: new.not_before.map(cut),
            ..new.clone()
        };
        let run = StoredRun {
            new: Arc::new(kept),
            state: StoredState::Queued,
            last_attempt: 0,
            failures: 0,
            crashes: 0,
            attempted: false,
            last_failure: None,
            cancel_requested: false,
        };
        self.open.insert(new.run, run);
        Record::RunQueued(Arc::new(new))
    }

    /// Something happens to an open run.
    fn advance(&mut self, records: &mut Vec<Record>) {
        let open: Vec<RunId> = self.open.keys().copied().collect();
        if open.is_empty() {
            return;
        }
        let run = self.pick(&open);
        let state = self.open[&run].state;
        match state {
            StoredState::Running { .. } => match self.below(5) {
                0 => self.disarm(run, records),
                1 => {
                    self.open(run).cancel_requested = true;
                    let actor = self.chance(2).then(|| self.text().into());
                    records.push(Record::CancelRequested { run, actor });
                }
                _ => self.end_attempt(run, records),
            },
            _ if self.chance(6) => self.end(run, None, records),
            _ if self.open[&run].new.not_before.is_some() => self.arrive(run, records),
            _ => self.start_attempt(run, records),
        }
    }

    fn open(&mut self, run: RunId) -> &mut StoredRun {
        self.open.get_mut(&run).unwrap()
    }

    fn start_attempt(&mut self, run: RunId, records: &mut Vec<Record>) {
        let (starts_at, recorded_at) = (self.time(), cut(self.now));
        let component = self
            .chance(4)
            .then(|| Digest::of(&self.random().to_le_bytes()));
        let stored = self.open(run);
        stored.last_attempt += 1;
        let attempt = stored.last_attempt;
        stored.state = StoredState::Running {
            starts_at: cut(starts_at),
            recorded_at,
        };
        records.push(Record::AttemptStarted {
            run,
            attempt,
            component: component
                .or(Some(Digest::of(b"usual")))
                .filter(|_| attempt != 3),
            starts_at,
        });
    }

    fn arrive(&mut self, run: RunId, records: &mut Vec<Record>) {
        let turn = self.pick(&Turn::ALL);
        let new = Arc::make_mut(&mut self.open(run).new);
        (new.not_before, new.turn) = (None, turn);
        records.push(Record::RunArrived { run, turn });
    }

    /// As if the run had never been created: the same occurrence may become another one.
    fn withdraw(&mut self, run: RunId, records: &mut Vec<Record>) {
        let stored = self.open.remove(&run).unwrap();
        let key = (stored.new.job.clone(), stored.new.cause);
        self.occurrences.retain(|occurrence| *occurrence != key);
        records.push(Record::RunWithdrawn { run });
    }

    fn disarm(&mut self, run: RunId, records: &mut Vec<Record>) {
        if !self.open[&run].attempted && self.chance(3) {
            return self.withdraw(run, records);
        }
        let attempt = self.open[&run].last_attempt;
        records.push(Record::AttemptDisarmed { run, attempt });
        match self.below(3) {
            0 => self.end(run, None, records),
            1 => self.retry(run, records),
            _ => self.requeue(run, records),
        }
    }

    fn end_attempt(&mut self, run: RunId, records: &mut Vec<Record>) {
        let status = self.pick(&AttemptStatus::ALL);
        let reason = (status == AttemptStatus::Failed).then(|| self.pick(&FailReason::ALL));
        let report = (status != AttemptStatus::Crashed).then(|| Arc::new(self.report()));
        let stored = self.open(run);
        let attempt = stored.last_attempt;
        stored.attempted = true;
        match status {
            AttemptStatus::Failed => {
                stored.failures += 1;
                stored.last_failure = reason;
            }
            AttemptStatus::Crashed => {
                stored.crashes += 1;
                stored.last_failure = Some(FailReason::Crash);
            }
            _ => {}
        }
        records.push(Record::AttemptEnded {
            run,
            attempt,
            status,
            reason,
            report,
        });
        match status {
            AttemptStatus::Succeeded => self.end(run, Some(RunEnd::Succeeded), records),
            AttemptStatus::Cancelled => self.end(run, Some(RunEnd::Cancelled), records),
            AttemptStatus::Interrupted => self.requeue(run, records),
            _ if self.chance(2) => self.end(run, None, records),
            _ => self.retry(run, records),
        }
    }

    fn retry(&mut self, run: RunId, records: &mut Vec<Record>) {
        let until = self.time();
        self.open(run).state = StoredState::Retrying { until: cut(until) };
        records.push(Record::RunRetrying { run, until });
    }

    fn requeue(&mut self, run: RunId, records: &mut Vec<Record>) {
        self.open(run).state = StoredState::Queued;
        records.push(Record::RunRequeued { run });
    }

    fn end(&mut self, run: RunId, end: Option<RunEnd>, records: &mut Vec<Record>) {
        let stored = self.open.remove(&run).unwrap();
        let end = end.unwrap_or(match stored.last_failure {
            _ if !stored.attempted => RunEnd::Skipped(self.pick(&SkipReason::ALL)),
            Some(reason) => RunEnd::Failed(reason),
            None => RunEnd::Cancelled,
        });
        self.ended.push(run);
        let at = cut(self.now);
        if let Some(StoredJob { health, .. }) = self.jobs.get_mut(&stored.new.job) {
            match end {
                _ if stored.new.origin == Origin::Backfill => {}
                RunEnd::Succeeded => {
                    health.last_success = Some(at);
                    health.failing = None;
                }
                RunEnd::Failed(_) if stored.new.origin != Origin::Manual => {
                    health.failing = Some(Failing { run, at });
                }
                _ => {}
            }
        }
        let message = self.chance(3).then(|| self.text());
        records.push(Record::RunEnded { run, end, message });
    }

    fn report(&mut self) -> AttemptReport {
        let verdict = match self.below(4) {
            0 => Verdict::Succeeded(Outcome {
                summary: self.text(),
                output: self.chance(2).then(|| self.text()),
                attributes: self.pairs(),
            }),
            1 => Verdict::Error {
                kind: ErrorKind::Retryable,
                failure: self.failure(),
            },
            2 => Verdict::Failed {
                reason: self.pick(&FailReason::ALL),
                failure: self.failure(),
            },
            _ => Verdict::Stopped,
        };
        let line = |model: &mut Self| LogLine {
            at: model.time(),
            level: model.pick(&Level::ALL),
            message: model.text(),
            fields: model.pairs(),
        };
        AttemptReport {
            started_at: self.chance(2).then(|| self.time()),
            ended_at: self.time(),
            duration: Duration::from_nanos(self.random() >> self.below(64)),
            verdict,
            usage: Usage {
                cpu: Duration::from_nanos(self.random() >> self.below(64)),
                memory_peak: self.count(),
                log_lines: self.count(),
                log_dropped: self.count(),
            },
            log: (0..self.below(4)).map(|_| line(self)).collect(),
            state: None,
        }
    }

    /// A backfill begins, or something happens to one that is there.
    fn backfill(&mut self, records: &mut Vec<Record>) {
        let ids: Vec<RequestId> = self.backfills.keys().copied().collect();
        if ids.is_empty() || self.chance(3) {
            records.push(self.backfill_created());
            return;
        }
        let id = self.pick(&ids);
        match self.below(4) {
            0 => {
                self.backfills.remove(&id);
                let how = self.pick(&BackfillEnd::ALL);
                records.push(Record::BackfillEnded { id, how });
            }
            1 => {
                let why = self.pick(&BackfillEnd::ALL);
                let actor = self.chance(2).then(|| self.text().into());
                let stored = self.backfills.get_mut(&id).unwrap();
                stored.stopped = Some(why);
                records.push(Record::BackfillStopped { id, why, actor });
            }
            _ => {
                let mut number = || u32::try_from(self.random() >> 32).unwrap();
                let (made, succeeded, failed) = (number(), number(), number());
                let tally = Tally {
                    succeeded,
                    failed,
                    cancelled: number(),
                    skipped: number(),
                };
                let stored = self.backfills.get_mut(&id).unwrap();
                (stored.made, stored.tally) = (made, tally);
                records.push(Record::BackfillMoved { id, made, tally });
            }
        }
    }

    fn backfill_created(&mut self) -> Record {
        let instants = (0..self.below(5)).map(|_| cut(self.time())).collect();
        let new = NewBackfill {
            id: RequestId(self.random()),
            job: self.job(),
            instants: Instants::new(instants).unwrap(),
            max_concurrent: NonZeroU32::new(1 + u32::try_from(self.below(9)).unwrap()).unwrap(),
            reverse: self.chance(2),
            actor: self.chance(2).then(|| self.text().into()),
            created_at: self.now,
        };
        let kept = NewBackfill {
            created_at: cut(self.now),
            ..new.clone()
        };
        let stored = StoredBackfill {
            new: Arc::new(kept),
            made: 0,
            tally: Tally::default(),
            stopped: None,
        };
        self.backfills.insert(new.id, stored);
        Record::BackfillCreated(Arc::new(new))
    }

    fn state_written(&mut self) -> Record {
        let write = |model: &mut Self| {
            let key = Key::from(format!("{}{}", model.text(), model.below(4)));
            let value = (!model.chance(3)).then(|| Value::new(model.text().into_bytes().into()));
            (key, Write { value, replaced: 0 })
        };
        let writes = (0..self.below(6)).map(|_| write(self)).collect();
        let job = self.job();
        let total = if self.chance(4) {
            self.totals.remove(&job);
            0
        } else {
            let total = 1 + (self.random() >> (1 + self.below(60)));
            self.totals.insert(job.clone(), total);
            total
        };
        Record::StateWritten {
            run: RunId(1),
            job,
            changes: Arc::new(StateChanges::new(writes, BTreeMap::new())),
            total,
        }
    }

    fn failure(&mut self) -> Failure {
        Failure {
            code: self.text(),
            message: self.text(),
            backtrace: self.chance(2).then(|| self.text()),
            attributes: self.pairs(),
        }
    }

    /// A record that no store may take, now or a little later.
    fn wrong(&mut self) -> Record {
        let absent = RunId(self.next_run + 100);
        let ended = if self.ended.is_empty() {
            absent
        } else {
            let ended = self.ended.clone();
            self.pick(&ended)
        };
        let run = if self.chance(3) { absent } else { ended };
        match self.below(10) {
            9 => Record::JobNotOverdue { job: job("absent") },
            8 => Record::BackfillStopped {
                id: RequestId(self.random()),
                why: BackfillEnd::Stopped,
                actor: None,
            },
            0 => {
                // A number that was used, or never comes.
                let used = self.below_u64(self.next_run);
                Record::RunQueued(Arc::new(NewRun {
                    run: RunId(if self.chance(2) { u64::MAX } else { used }),
                    ..new_run(1, "a")
                }))
            }
            1 => Record::AttemptStarted {
                run,
                attempt: u32::MAX,
                component: None,
                starts_at: self.now,
            },
            2 => Record::AttemptDisarmed { run, attempt: 1 },
            3 => Record::AttemptEnded {
                run,
                attempt: 1,
                status: AttemptStatus::Crashed,
                reason: None,
                report: None,
            },
            4 => Record::RunRequeued { run },
            5 => Record::RunEnded {
                run,
                end: RunEnd::Cancelled,
                message: None,
            },
            6 => Record::JobRemoved { job: job("absent") },
            _ => Record::Watermark {
                job: job("absent"),
                to: self.now,
            },
        }
    }

    fn queries(&mut self) -> Vec<Query> {
        let mut queries = vec![Query::default()];
        for name in JOBS {
            let query = Query {
                job: Some(job(name)),
                limit: self.below(20),
                ..Query::default()
            };
            queries.push(query);
        }
        for _ in 0..10 {
            let name = self.job();
            queries.push(Query {
                job: self.chance(2).then_some(name),
                statuses: STATUSES[..self.below(3)].to_vec(),
                since: self.chance(3).then(|| self.time()),
                until: self.chance(3).then(|| self.time()),
                limit: self.below(40),
            });
        }
        queries
    }

    /// The generator that is called `SplitMix64`.
    fn random(&mut self) -> u64 {
        self.rng = self.rng.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.rng;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below_u64(&mut self, n: u64) -> u64 {
        self.random() % n
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.below_u64(n as u64)).unwrap()
    }

    /// One in `n`.
    fn chance(&mut self, n: u64) -> bool {
        self.below_u64(n) == 0
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    fn job(&mut self) -> JobName {
        job(self.pick(&JOBS))
    }

    /// Near now, mostly, to the nanosecond.
    fn time(&mut self) -> Timestamp {
        match self.below(20) {
            0 => Timestamp::MIN,
            1 => Timestamp::MAX,
            _ => self.now + Duration::from_nanos(self.random() % 1_000_000_000_000),
        }
    }

    fn count(&mut self) -> u64 {
        self.random() >> self.below(64)
    }

    fn text(&mut self) -> String {
        match self.below(8) {
            0 => String::new(),
            1 => "ü → 🦀 \u{2028}".to_owned(),
            2 => "a\0b\r\n\t".to_owned(),
            3 => r#"'quoted' "twice" \ and {"json": [1]}"#.to_owned(),
            4 => "long ".repeat(self.below(3_000)),
            _ => format!("text {}", self.random()),
        }
    }

    fn pairs(&mut self) -> Vec<(String, String)> {
        (0..self.below(3))
            .map(|_| (self.text(), self.text()))
            .collect()
    }
}

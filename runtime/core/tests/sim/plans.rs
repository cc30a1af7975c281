//! The schedules file and whoever edits it.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use cronlet_core::{
    after::{After, On},
    digest::Digest,
    job::{Component, Job},
    limits::Limits,
    name::{GroupName, JobName},
    plan::{Plan, Settings},
    policy::{Backoff, CatchUp, CatchUpMode, OnCrash, Overlap, Retry},
    retention::Retention,
    run::FailReason,
    schedule::{At, Calendar, Cron, Every, Schedule, Trigger, Triggers, Zone},
};
use jiff::Timestamp;

use crate::{
    calendar,
    options::{Millis, Options},
    prng::Prng,
};

/// Writes plans.
pub(crate) struct Editor {
    rng: Prng,
    pace: Millis,
    /// When the world began: `at` names instants after it.
    epoch: Timestamp,
    length: Millis,
    overlapping: u64,
    chained: u64,
    several: u64,
    edits: u64,
    /// How many names there are: more than jobs, so that some are absent.
    names: u64,
    /// Those whose clocks jump.
    zones: [Zone; 2],
    /// Jobs that were removed, as they were: some come back.
    removed: BTreeMap<JobName, Arc<Job>>,
}

impl Editor {
    pub(crate) fn new(rng: Prng, options: &Options, epoch: Timestamp) -> Self {
        Self {
            rng,
            pace: options.pace,
            epoch,
            length: options.length,
            overlapping: options.overlapping,
            chained: options.chained,
            several: options.several,
            edits: 0,
            names: options.jobs + 4,
            zones: ["Europe/Berlin", "Australia/Lord_Howe"]
                .map(|name| Zone::named(name).expect("it is in the database")),
            removed: BTreeMap::new(),
        }
    }

    /// The first plan.
    pub(crate) fn first(&mut self, options: &Options) -> Plan {
        let mut plan = Plan {
            digest: self.digest(),
            settings: self.settings(options.slots),
            jobs: BTreeMap::new(),
        };
        for number in 0..options.jobs {
            self.add(&mut plan, number);
        }
        plan
    }

    /// The next plan: one to three edits of `plan`, or the same jobs in another text.
    pub(crate) fn edit(&mut self, plan: &Plan) -> Plan {
        let mut next = Plan {
            digest: self.digest(),
            ..plan.clone()
        };
        for _ in 0..self.rng.below(4) {
            match self.rng.below(14) {
                0 => {
                    let number = self.rng.below(self.names);
                    self.add(&mut next, number);
                }
                1 | 2 => self.remove(&mut next),
                3 | 4 => self.put_back(&mut next),
                5 | 6 => self.reschedule(&mut next),
                7 => self.respell(&mut next),
                8 => next.settings = self.some_settings(),
                9 | 10 => self.rechain(&mut next),
                _ => self.change(&mut next),
            }
        }
        next
    }

    /// `plan` with nothing due in it, so that what is open can end.
    pub(crate) fn drained(&mut self, plan: &Plan) -> Plan {
        let mut next = Plan {
            digest: self.digest(),
            ..plan.clone()
        };
        for job in next.jobs.values_mut() {
            Arc::make_mut(job).schedule = Schedule::default();
        }
        next
    }

    fn digest(&mut self) -> Digest {
        self.edits += 1;
        Digest::of(&self.edits.to_be_bytes())
    }

    fn settings(&mut self, slots: u32) -> Settings {
        let grace = self.rng.one_of([0, self.pace / 4, self.pace * 2]);
        let cap = self.rng.small(1, 3);
        let group = GroupName::new("g").expect("it is a name");
        Settings {
            max_concurrent_runs: NonZeroU32::new(slots).expect("there is a slot"),
            groups: [(group, NonZeroU32::new(cap).expect("it has a cap"))].into(),
            shutdown_grace: Duration::from_millis(grace),
            history: Retention::default(),
        }
    }

    fn some_settings(&mut self) -> Settings {
        let slots = self.rng.small(1, 6);
        self.settings(slots)
    }

    fn add(&mut self, plan: &mut Plan, number: u64) {
        let name = JobName::new(&format!("job-{number}")).expect("it is a name");
        plan.jobs
            .entry(name.clone())
            .or_insert_with(|| Arc::new(self.job(name, number)));
    }

    fn remove(&mut self, plan: &mut Plan) {
        if let Some(job) = self.any(plan) {
            plan.jobs.remove(&job.name);
            self.removed.insert(job.name.clone(), job);
        }
    }

    fn put_back(&mut self, plan: &mut Plan) {
        let gone: Vec<_> = self.removed.values().cloned().collect();
        if let Some(job) = self.rng.pick(&gone) {
            plan.jobs
                .entry(job.name.clone())
                .or_insert_with(|| job.clone());
        }
    }

    fn reschedule(&mut self, plan: &mut Plan) {
        let zone = self.zone();
        let schedule = self.schedule(&zone);
        self.alter(plan, |_, job| {
            job.schedule = schedule;
            job.zone = zone;
        });
    }

    fn rechain(&mut self, plan: &mut Plan) {
        self.alter(plan, |editor, job| {
            let number = job.name.as_str().trim_start_matches("job-");
            job.after = editor.after(number.parse().expect("it is numbered"));
        });
    }

    /// The same instants in other words: not a change of when the job is due.
    fn respell(&mut self, plan: &mut Plan) {
        self.alter(plan, |_, job| {
            let respelled = job
                .schedule
                .triggers
                .as_slice()
                .iter()
                .rev()
                .map(|trigger| {
                    let Trigger::Cron(cron) = trigger else {
                        return trigger.clone();
                    };
                    let fields = cron.as_str().split(' ').count();
                    let longer = match fields {
                        5 => format!("0 {cron}"),
                        6 => format!("{cron} *"),
                        _ => cron.to_string(),
                    };
                    let longer = Cron::parse(&longer).expect("it is a cron");
                    Trigger::Cron(longer.in_zone(job.zone.clone()))
                });
            job.schedule.triggers = Triggers::new(respelled.collect()).expect("they are few");
        });
    }

    fn change(&mut self, plan: &mut Plan) {
        self.alter(plan, |editor, job| match editor.rng.below(19) {
            0 => job.component = editor.component(),
            1 | 2 => job.overlap = editor.overlap(),
            3 | 4 => job.max_instances = editor.max_instances(),
            5 => job.group = editor.group(),
            6 => job.priority = editor.priority(),
            7 => job.retry = editor.retry(),
            8 => job.on_crash = editor.on_crash(),
            9 => job.catch_up = editor.catch_up(),
            10 => job.limits = editor.limits(),
            11 => job.critical = !job.critical,
            12 => job.overdue_after = editor.overdue_after(),
            13 | 14 => job.schedule.calendar = editor.calendar(&job.zone),
            15 | 16 => job.enabled = !job.enabled,
            17 => job.disable_after = editor.disable_after(),
            _ => job.params = editor.params(),
        });
    }

    fn alter(&mut self, plan: &mut Plan, how: impl FnOnce(&mut Self, &mut Job)) {
        if let Some(mut job) = self.any(plan) {
            how(self, Arc::make_mut(&mut job));
            plan.jobs.insert(job.name.clone(), job);
        }
    }

    fn any(&mut self, plan: &Plan) -> Option<Arc<Job>> {
        let jobs: Vec<_> = plan.jobs.values().cloned().collect();
        self.rng.pick(&jobs).cloned()
    }

    fn job(&mut self, name: JobName, number: u64) -> Job {
        let zone = self.zone();
        Job {
            name,
            description: None,
            component: self.component(),
            schedule: self.schedule(&zone),
            after: self.after(number),
            enabled: !self.rng.percent(8),
            catch_up: self.catch_up(),
            overlap: self.overlap(),
            max_instances: self.max_instances(),
            group: self.group(),
            priority: self.priority(),
            retry: self.retry(),
            on_crash: self.on_crash(),
            disable_after: self.disable_after(),
            grace: Duration::from_millis(self.rng.one_of([1, self.pace / 2, 10_000])),
            critical: self.rng.percent(30),
            overdue_after: self.overdue_after(),
            limits: self.limits(),
            zone,
            allow: Arc::default(),
            params: self.params(),
        }
    }

    fn disable_after(&mut self) -> Option<NonZeroU32> {
        NonZeroU32::new(self.rng.one_of([0, 1, 2, 3]))
    }

    /// Some are overdue before their next instant, some only when several of their runs failed.
    fn overdue_after(&mut self) -> Option<Duration> {
        let pace = self.pace;
        let after = self
            .rng
            .one_of([0, pace / 2, pace, pace * 2, pace * 4, pace * 12]);
        (after > 0).then(|| Duration::from_millis(after))
    }

    /// Each job is after one with a smaller number, so that they never go round in circles. That one may be
    /// no job of the plan.
    fn after(&mut self, number: u64) -> Option<After> {
        if number == 0 || !self.rng.percent(self.chained) {
            return None;
        }
        let any = self.rng.below(number);
        // Many hang on one, or on some.
        let upstream = self.rng.one_of([0, any, any]);
        Some(After {
            job: JobName::new(&format!("job-{upstream}")).expect("it is a name"),
            on: self.rng.one_of([On::Success, On::Failure, On::End]),
        })
    }

    /// In some jobs there is room for one entry, or two.
    fn limits(&mut self) -> Limits {
        let default = Limits::default();
        Limits {
            max_state: self.rng.one_of([66, 66, 140, default.max_state]),
            ..default
        }
    }

    fn component(&mut self) -> Component {
        if self.rng.percent(6) {
            Component::Unusable("it is broken".to_owned())
        } else {
            Component::Ready(Digest::of(&self.rng.below(4).to_be_bytes()))
        }
    }

    fn params(&mut self) -> Arc<str> {
        format!("{{\"n\":{}}}", self.rng.below(5)).into()
    }

    fn overlap(&mut self) -> Overlap {
        if self.rng.percent(self.overlapping) {
            return Overlap::Allow;
        }
        match self.rng.below(6) {
            0 => Overlap::QueueOne,
            1 => Overlap::QueueAll {
                max: NonZeroU32::new(self.rng.small(1, 4)).expect("there is a place"),
            },
            2 => Overlap::CancelRunning { kill: false },
            3 => Overlap::CancelRunning { kill: true },
            _ => Overlap::Skip,
        }
    }

    fn group(&mut self) -> Option<GroupName> {
        // One has a cap, the other has none.
        let name = self.rng.one_of(["g", "g", "h", ""]);
        GroupName::new(name).ok()
    }

    fn priority(&mut self) -> i8 {
        self.rng.one_of([0, 0, 0, 1, 5, -1, 100, -100])
    }

    fn on_crash(&mut self) -> OnCrash {
        self.rng
            .one_of([OnCrash::Retry, OnCrash::Retry, OnCrash::Fail])
    }

    fn max_instances(&mut self) -> Option<NonZeroU32> {
        NonZeroU32::new(self.rng.small(0, 3))
    }

    fn catch_up(&mut self) -> CatchUp {
        let pace = self.pace;
        let grace = self.rng.one_of([0, pace / 3, pace, pace * 3]);
        // More than one look finds.
        let most = if self.rng.percent(3) {
            300
        } else {
            self.rng.one_of([1, 3, 20])
        };
        let window = self.rng.one_of([pace, pace * 4, pace * 50, 86_400_000]);
        CatchUp {
            mode: self
                .rng
                .one_of([CatchUpMode::Latest, CatchUpMode::None, CatchUpMode::All]),
            max: NonZeroU32::new(most).expect("it is not zero"),
            grace: Duration::from_millis(grace),
            window: Duration::from_millis(window.max(grace).max(1)),
        }
    }

    fn retry(&mut self) -> Retry {
        let delay = self.rng.one_of([0, self.pace / 5, self.pace]);
        let reasons = FailReason::ALL.into_iter();
        let all = self.rng.percent(70);
        Retry {
            max: self.rng.small(0, 3),
            backoff: match self.rng.below(3) {
                0 => Backoff::Fixed,
                1 => Backoff::Exponential { factor: 1.5 },
                _ => Backoff::Exponential { factor: 2.0 },
            },
            delay: Duration::from_millis(delay),
            max_delay: Duration::from_millis(self.pace * 2),
            jitter: self.rng.percent(50),
            on: reasons
                .filter(|_| all || self.rng.percent(50))
                .collect::<BTreeSet<_>>(),
        }
    }

    /// One whose clocks jump, now and then.
    fn zone(&mut self) -> Zone {
        let zone = self.rng.below(5);
        self.zones
            .get(usize::try_from(zone).expect("it is small"))
            .cloned()
            .unwrap_or_default()
    }

    fn schedule(&mut self, zone: &Zone) -> Schedule {
        let count = if self.rng.percent(self.several) {
            self.rng.between(2, 3)
        } else {
            u64::from(!self.rng.percent(12))
        };
        let triggers = (0..count).map(|_| self.trigger(zone)).collect();
        let (start, end) = self.window();
        Schedule {
            triggers: Triggers::new(triggers).expect("they are few"),
            start,
            end,
            calendar: self.calendar(zone),
            jitter: self.jitter(),
        }
    }

    fn jitter(&mut self) -> Duration {
        let pace = self.pace;
        Duration::from_millis(self.rng.one_of([0, 0, 0, pace / 3, pace * 2]))
    }

    /// From when to when it is due; mostly always.
    fn window(&mut self) -> (Option<Timestamp>, Option<Timestamp>) {
        let pace = i64::try_from(self.pace).expect("it is short");
        let mut bound = || {
            let some = self.rng.percent(15);
            let at = self.epoch + Duration::from_millis(self.rng.below(self.length));
            // Often that is an instant.
            let whole = at.as_millisecond() / pace * pace;
            let at = if self.rng.percent(50) {
                Timestamp::from_millisecond(whole).expect("it is a time")
            } else {
                at
            };
            some.then_some(at)
        };
        match (bound(), bound()) {
            (Some(a), Some(b)) => (Some(a.min(b)), Some(a.max(b))),
            window => window,
        }
    }

    fn calendar(&mut self, zone: &Zone) -> Calendar {
        if self.rng.percent(70) {
            return Calendar::default();
        }
        calendar::write(&mut self.rng, zone, self.epoch, self.length)
    }

    fn trigger(&mut self, zone: &Zone) -> Trigger {
        match self.rng.below(9) {
            0 => Trigger::At(self.at()),
            1..=4 => Trigger::Every(self.every()),
            _ => Trigger::Cron(self.cron().in_zone(zone.clone())),
        }
    }

    fn at(&mut self) -> At {
        let instants = (0..self.rng.between(1, 8))
            .map(|_| self.epoch + Duration::from_millis(self.rng.below(self.length)))
            .collect();
        At::new(instants).expect("there is an instant")
    }

    fn every(&mut self) -> Every {
        let period = self.pace * self.rng.one_of([5, 10, 10, 17, 40]) / 10;
        let offset = self.rng.below(2) * self.rng.below(period);
        Every::new(
            Duration::from_millis(period.max(1_000)),
            Duration::from_millis(offset.min(period - 1)),
        )
        .expect("it is a period")
    }

    fn cron(&mut self) -> Cron {
        let text = match self.pace {
            ..=2_000 => self.rng.one_of(["*/2 * * * * *", "*/3 * * * * *"]),
            2_001..=5_000 => self.rng.one_of(["*/5 * * * * *", "1,9,30-40/3 * * * * *"]),
            5_001..=10_000 => self.rng.one_of(["*/10 * * * * *", "7-59/15 * * * * *"]),
            10_001..=60_000 => self.rng.one_of([
                "* * * * *",
                "*/2 * * * *",
                "30 * * * * *",
                "0-59 0-23 * * *",
            ]),
            _ => self.rng.one_of([
                "*/10 * * * *",
                "7,37 * * * *",
                "@hourly",
                "0/10 0-23 * * *",
                "15,45 22-4 * * *",
            ]),
        };
        Cron::parse(text).expect("it is a cron")
    }
}

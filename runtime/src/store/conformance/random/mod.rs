//! Random legal streams of records: what two stores and a model must agree on.
//!
//! The model makes the records, as an engine would, and keeps what an engine must know
//! about as an engine keeps it: while it goes, not from rows. So it is a third opinion on
//! [`Recovery`]. History is held against the twin in memory. Now and then the engine is
//! replaced, or a batch has a record in it that must be refused.

use super::*;
use crate::store::retention::STEP;

mod model;

use model::Model;

const SEEDS: u64 = 16;
const GROUPS: usize = 40;
const JOBS: [&str; 4] = ["a", "b", "backup", "z-9"];

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

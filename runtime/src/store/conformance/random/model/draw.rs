//! Random values, and random questions.

use std::time::Duration;

use cronlet_core::run::RunStatus;

use super::*;

const STATUSES: [RunStatus; 2] = [RunStatus::Skipped, RunStatus::Failed];

impl Model {
    pub(in crate::store::conformance) fn queries(&mut self) -> Vec<Query> {
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
    pub(super) fn random(&mut self) -> u64 {
        self.rng = self.rng.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.rng;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below_u64(&mut self, n: u64) -> u64 {
        self.random() % n
    }

    pub(in crate::store::conformance) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.below_u64(n as u64)).unwrap()
    }

    /// One in `n`.
    pub(in crate::store::conformance) fn chance(&mut self, n: u64) -> bool {
        self.below_u64(n) == 0
    }

    pub(super) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    pub(super) fn job(&mut self) -> JobName {
        job(self.pick(&JOBS))
    }

    /// Near now, mostly, to the nanosecond.
    pub(super) fn time(&mut self) -> Timestamp {
        match self.below(20) {
            0 => Timestamp::MIN,
            1 => Timestamp::MAX,
            _ => self.now + Duration::from_nanos(self.random() % 1_000_000_000_000),
        }
    }

    pub(super) fn count(&mut self) -> u64 {
        self.random() >> self.below(64)
    }

    pub(super) fn text(&mut self) -> String {
        match self.below(8) {
            0 => String::new(),
            1 => "ü → 🦀 \u{2028}".to_owned(),
            2 => "a\0b\r\n\t".to_owned(),
            3 => r#"'quoted' "twice" \ and {"json": [1]}"#.to_owned(),
            4 => "long ".repeat(self.below(3_000)),
            _ => format!("text {}", self.random()),
        }
    }

    pub(super) fn pairs(&mut self) -> Vec<(String, String)> {
        (0..self.below(3))
            .map(|_| (self.text(), self.text()))
            .collect()
    }
}

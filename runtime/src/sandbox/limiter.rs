//! Linear memory, summed: a limit for each memory would be no limit, since a guest
//! can have several.

use wasmtime::{ResourceLimiter, Result, bail};

use super::engine;

/// Watches the memories of one attempt.
pub(super) struct Limiter {
    limit: u64,
    live: u64,
    peak: u64,
    /// What the last growth added, to take it back if it then fails.
    last: u64,
    wanted: Option<u64>,
}

impl Limiter {
    /// At most `limit` bytes.
    pub(super) fn new(limit: u64) -> Self {
        Self {
            limit,
            live: 0,
            peak: 0,
            last: 0,
            wanted: None,
        }
    }

    /// The most there was at one time.
    pub(super) fn peak(&self) -> u64 {
        self.peak
    }

    /// How much there would have been with the growth that was refused.
    pub(super) fn refused(&self) -> Option<u64> {
        self.wanted
    }
}

impl ResourceLimiter for Limiter {
    /// Called for the initial size of a memory too, with a `current` of zero.
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        let more = desired.saturating_sub(current) as u64;
        let wanted = self.live.saturating_add(more);
        if wanted > self.limit {
            self.wanted = Some(wanted);
            // An error traps at this very growth. A refusal that the guest can see would come
            // back as its own panic, and hide what happened.
            bail!("memory limit reached");
        }
        if maximum.is_some_and(|maximum| desired > maximum) {
            self.last = 0;
            return Ok(false);
        }
        self.last = more;
        self.live = wanted;
        self.peak = self.peak.max(wanted);
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> Result<()> {
        self.live -= self.last;
        self.last = 0;
        Ok(())
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        Ok(desired <= engine::TABLE_ELEMENTS)
    }

    fn instances(&self) -> usize {
        engine::CORE_INSTANCES as usize
    }

    fn memories(&self) -> usize {
        engine::MEMORIES as usize
    }

    fn tables(&self) -> usize {
        engine::TABLES as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: usize = 1024;

    #[test]
    fn all_memories_count_together() {
        let mut limiter = Limiter::new(100 * KIB as u64);
        assert!(limiter.memory_growing(0, 64 * KIB, None).unwrap());
        assert_eq!(limiter.refused(), None);
        assert!(limiter.memory_growing(0, 64 * KIB, None).is_err());
        assert_eq!(limiter.refused(), Some(128 * KIB as u64));
        assert_eq!(limiter.peak(), 64 * KIB as u64);
    }

    #[test]
    fn the_limit_itself_is_allowed() {
        let mut limiter = Limiter::new(128 * KIB as u64);
        assert!(limiter.memory_growing(0, 64 * KIB, None).unwrap());
        assert!(limiter.memory_growing(64 * KIB, 128 * KIB, None).unwrap());
        assert!(limiter.memory_growing(128 * KIB, 192 * KIB, None).is_err());
    }

    #[test]
    fn a_growth_that_fails_is_taken_back() {
        let mut limiter = Limiter::new(128 * KIB as u64);
        assert!(limiter.memory_growing(0, 64 * KIB, None).unwrap());
        assert!(limiter.memory_growing(64 * KIB, 128 * KIB, None).unwrap());
        limiter
            .memory_grow_failed(wasmtime::Error::msg("no"))
            .unwrap();
        assert!(limiter.memory_growing(0, 64 * KIB, None).unwrap());
    }

    #[test]
    fn a_memorys_own_maximum_is_not_our_limit() {
        let mut limiter = Limiter::new(1 << 30);
        assert!(
            !limiter
                .memory_growing(64 * KIB, 128 * KIB, Some(64 * KIB))
                .unwrap()
        );
        limiter
            .memory_grow_failed(wasmtime::Error::msg("maximum"))
            .unwrap();
        assert_eq!(limiter.refused(), None);
        assert_eq!(limiter.peak(), 0);
    }

    #[test]
    fn absurd_sizes_are_refused_and_do_not_wrap() {
        let mut limiter = Limiter::new(u64::MAX - 1);
        assert!(limiter.memory_growing(0, usize::MAX - 1, None).unwrap());
        assert!(limiter.memory_growing(0, usize::MAX, None).is_err());
        assert!(!limiter.table_growing(0, usize::MAX, None).unwrap());
    }
}

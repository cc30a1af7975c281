//! How long a retry waits.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::{
    name::JobName,
    policy::{Backoff, Retry},
    run::Cause,
};

/// A guest that asks for a longer delay gets this one: seven days.
pub const MAX_RETRY_AFTER: Duration = Duration::from_hours(168);

/// The delay before the retry that follows the `failures`-th failure (1 for the
/// first) of the run that `job` and `cause` name.
///
/// The jitter is a hash of these three and not random, so that a replay agrees.
pub fn delay(retry: &Retry, job: &JobName, cause: &Cause, failures: u32) -> Duration {
    if retry.delay.is_zero() {
        return Duration::ZERO;
    }
    let full = match retry.backoff {
        Backoff::Fixed => retry.delay,
        Backoff::Exponential { factor } => {
            let exponent = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
            let seconds = retry.delay.as_secs_f64() * factor.powi(exponent);
            Duration::try_from_secs_f64(seconds).unwrap_or(retry.max_delay)
        }
    }
    .min(retry.max_delay);
    if !retry.jitter {
        return full;
    }
    let half = full / 2;
    half + full
        .saturating_sub(half)
        .mul_f64(fraction(job, cause, failures))
}

/// A stable number in `[0, 1)`.
fn fraction(job: &JobName, cause: &Cause, failures: u32) -> f64 {
    let mut hash = Sha256::new();
    hash.update(job.as_str());
    hash.update([0]);
    hash.update(cause.to_string());
    hash.update([0]);
    hash.update(failures.to_be_bytes());
    let hash = hash.finalize();
    f64::from(u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]))
        / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::RequestId;

    fn retry() -> Retry {
        Retry {
            max: 9,
            jitter: false,
            ..Retry::default()
        }
    }

    fn millis(retry: &Retry, failures: u32) -> u128 {
        let job = JobName::new("a").unwrap();
        delay(retry, &job, &Cause::Manual(RequestId(7)), failures).as_millis()
    }

    #[test]
    fn exponential_grows_to_the_maximum() {
        let r = retry();
        let delays: Vec<_> = (1..=9).map(|n| millis(&r, n) / 1000).collect();
        assert_eq!(delays, [5, 10, 20, 40, 80, 160, 320, 600, 600]);
        assert_eq!(millis(&r, u32::MAX), 600_000);
    }

    #[test]
    fn fixed_stays() {
        let r = Retry {
            backoff: Backoff::Fixed,
            ..retry()
        };
        assert_eq!([millis(&r, 1), millis(&r, 5)], [5000, 5000]);
    }

    #[test]
    fn jitter_is_stable_and_within_half() {
        let r = Retry {
            jitter: true,
            ..retry()
        };
        let mut seen = std::collections::BTreeSet::new();
        for n in 1..=9 {
            let full = millis(&retry(), n);
            let spread = millis(&r, n);
            assert!((full / 2..=full).contains(&spread), "{spread} of {full}");
            assert_eq!(spread, millis(&r, n));
            seen.insert(spread * 1000 / full);
        }
        assert!(seen.len() > 7, "the jitter differs from attempt to attempt");
    }

    #[test]
    fn zero_delay_is_allowed() {
        let r = Retry {
            delay: Duration::ZERO,
            jitter: true,
            ..retry()
        };
        assert_eq!(millis(&r, 3), 0);
        assert_eq!(
            millis(&r, u32::MAX),
            0,
            "though zero times infinity is no number"
        );
    }
}

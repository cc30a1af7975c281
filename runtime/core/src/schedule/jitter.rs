//! `jitter`: how far the start of an occurrence is put off, which differs from job to job and from
//! instant to instant and never changes.

use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::name::JobName;

/// A whole number of microseconds below `room`; of the same job and instant always the same share of it.
pub(super) fn part_of(room: Duration, job: &JobName, nominal: Timestamp) -> Duration {
    let digest = Sha256::new()
        .chain_update(job.as_str())
        .chain_update([0])
        .chain_update(nominal.as_microsecond().to_string())
        .finalize();
    let first = digest.iter().take(8);
    let share = first.fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    // Longer than time is long, at most.
    let room = u64::try_from(room.as_micros()).unwrap_or(u64::MAX);
    let micros = (u128::from(share) * u128::from(room)) >> 64;
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

//! `H`: a value that differs from job to job and never changes, so that a
//! hundred jobs with `H * * * *` do not all start on the hour.

use sha2::{Digest as _, Sha256};

/// A number below `size` that is the same for the same job and field.
pub(super) fn below(size: u32, job: &str, field: &str) -> u32 {
    let mut hasher = Sha256::new();
    hasher.update(job);
    hasher.update([0]);
    hasher.update(field);
    let digest = hasher.finalize();
    let first = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    let product = u64::from(first) * u64::from(size);
    // Less than `size`, which is 32 bits wide.
    u32::try_from(product >> 32).unwrap_or(0)
}

//! Takes memory and keeps it: `mib`, or all there is.

use cronlet_plugin::prelude::*;

#[derive(Deserialize, JsonSchema)]
struct Params {
    mib: Option<usize>,
}

/// Eats memory.
#[job]
fn eat_memory(cx: &Context, params: Params) -> Result<Outcome, JobError> {
    const MIB: usize = 1 << 20;
    let mut eaten: Vec<Vec<u8>> = Vec::new();
    while params.mib.is_none_or(|mib| eaten.len() < mib) {
        let mut piece = Vec::new();
        if piece.try_reserve_exact(MIB).is_err() {
            let message = format!("refused after {} MiB", eaten.len());
            return Err(JobError::retryable(message).code("refused"));
        }
        piece.resize(MIB, 1);
        eaten.push(std::hint::black_box(piece));
    }
    Ok(Outcome::summary(format!("ate {} MiB", eaten.len())))
}

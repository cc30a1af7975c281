//! Nothing, without the SDK: what a run costs at least with no library between the
//! host and the guest. Its world is `job`, so it does not describe itself.
#![expect(unsafe_code, reason = "generated: the canonical ABI passes pointers")]
#![expect(
    clippy::same_length_and_capacity,
    reason = "generated: the canonical ABI hands over allocations of exactly their length"
)]

wit_bindgen::generate!({ path: "../../wit", world: "job" });

use cronlet::job::types::{JobError, Outcome};

struct Bare;

impl exports::cronlet::job::runner::Guest for Bare {
    fn run(_params: String) -> Result<Outcome, JobError> {
        Ok(Outcome {
            summary: String::new(),
            output: None,
            attributes: Vec::new(),
        })
    }
}

export!(Bare);

//! Computes for ever when it is asked what it is. Without `#[job]`, since the SDK
//! answers that question by itself.

use cronlet_plugin::bindings::cronlet::job::types::{JobError, Outcome};
use cronlet_plugin::bindings::exports::cronlet::job::{describe, runner};

struct Endless;

impl describe::Guest for Endless {
    fn describe() -> describe::Metadata {
        loop {
            std::hint::spin_loop();
        }
    }
}

impl runner::Guest for Endless {
    fn run(_params: String) -> Result<Outcome, JobError> {
        Ok(Outcome {
            summary: String::from("nobody should get here"),
            output: None,
            attributes: Vec::new(),
        })
    }
}

cronlet_plugin::bindings::export!(Endless with_types_in cronlet_plugin::bindings);

//! What wit-bindgen makes of `wit/job.wit`, once for all jobs.
//!
//! A job never names this module: the rest of the crate wraps it, and `#[job]`
//! reaches its export macro. So a job's own crate generates nothing, and the
//! generated shapes can change without breaking one.
#![expect(
    clippy::same_length_and_capacity,
    reason = "generated: the canonical ABI hands over allocations of exactly their length"
)]

wit_bindgen::generate!({
    path: "../wit",
    world: "described-job",
    pub_export_macro: true,
    default_bindings_module: "::cronlet_plugin::bindings",
});

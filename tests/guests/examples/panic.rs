//! Panics with a message, after an ordinary line of output.

use cronlet_plugin::prelude::*;

#[derive(Deserialize, JsonSchema)]
struct Params {
    message: String,
}

/// Panics.
#[job]
#[expect(clippy::print_stdout, reason = "a guest's output is part of its log")]
fn panic(cx: &Context, params: Params) -> Result<(), JobError> {
    println!("before the panic");
    panic!("{}", params.message);
}

//! Calls itself until the stack is full.

use std::hint::black_box;

use cronlet_plugin::prelude::*;

/// Overflows the stack.
#[job]
fn stack_overflow(cx: &Context) -> Result<Outcome, JobError> {
    Ok(Outcome::summary(format!("{}", deeper(0))))
}

fn deeper(depth: u64) -> u64 {
    let room = black_box([depth; 64]);
    if black_box(depth) == u64::MAX {
        return depth;
    }
    deeper(depth + 1) + room[0]
}

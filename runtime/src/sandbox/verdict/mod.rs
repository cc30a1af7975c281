//! What came out of an attempt: a value or a trap of the guest, made into a
//! [`Verdict`]. Whatever the guest did, there is one.

mod json;
mod panic;

use std::{error::Error, time::Duration};

use cronlet_core::{
    limits::Limits,
    report::{ErrorKind, Failure, LogLine, Outcome, Verdict},
    run::FailReason,
    units::{format_duration, format_size},
};
use wasmtime::{FrameInfo, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use super::{
    NoInput, clip,
    host::types::{self, JobError},
    state::CALL_BYTES,
};

/// The longest backtrace, in bytes.
const BACKTRACE: usize = 16 << 10;

/// The code of an attempt that left by the back door.
const EXIT: &str = "exit";
/// How often a function is on top of the stack before that is a recursion.
const RECURSION: usize = 8;

/// What the guest returned.
pub(super) fn of_value(value: Result<types::Outcome, JobError>, limits: &Limits) -> Verdict {
    match value {
        Ok(outcome) => of_outcome(outcome, limits),
        Err(error) => of_job_error(error),
    }
}

/// What ended the guest before it returned. `refused` is how much memory it wanted to have when
/// it was refused some; `called` is whether it had been instantiated.
pub(super) fn of_error(
    error: &wasmtime::Error,
    limits: &Limits,
    refused: Option<u64>,
    called: bool,
) -> Verdict {
    let frames = error.downcast_ref::<WasmBacktrace>();
    let backtrace = frames.map(backtrace);
    if let Some(wanted) = refused {
        return failed(
            FailReason::Memory,
            "memory",
            memory(limits, wanted),
            backtrace,
        );
    }
    if let Some(&I32Exit(code)) = error.downcast_ref::<I32Exit>() {
        return exit(code);
    }
    if let Some(&trap) = error.downcast_ref::<Trap>() {
        if trap == Trap::Interrupt {
            return of_timeout(limits, backtrace);
        }
        let (code, message) = if trap == Trap::MemoryOutOfBounds && frames.is_some_and(recursing) {
            let message = format!("{}, deep in a recursion: no stack is left", sentence(trap));
            ("stack-overflow", message)
        } else {
            (code(trap), sentence(trap))
        };
        return failed(FailReason::Trap, code, message, backtrace);
    }
    of_host_error(error, limits, backtrace, called)
}

/// The host refused something that the guest did. If no frame of the guest is on the stack, it
/// was not running: it had not begun, or it had returned.
fn of_host_error(
    error: &wasmtime::Error,
    limits: &Limits,
    backtrace: Option<String>,
    called: bool,
) -> Verdict {
    let reason = clip::text(error.root_cause().to_string(), clip::MESSAGE);
    let running = backtrace.is_some();
    if !running && !called {
        return of_load(reason);
    }
    // The type of this error is private to wasmtime.
    let message = match (reason.contains("fuel allocated for hostcalls"), running) {
        (true, false) => return output(limits, None),
        (true, true) => {
            let most = format_size(CALL_BYTES);
            format!("it passed more than {most} to the host in one call")
        }
        (false, _) => reason,
    };
    failed(FailReason::Trap, "bad-call", message, backtrace)
}

/// It took too long.
pub(super) fn of_timeout(limits: &Limits, backtrace: Option<String>) -> Verdict {
    let limit = format_duration(limits.timeout);
    let message = format!("ran longer than its timeout of {limit}");
    failed(FailReason::Timeout, "timeout", message, backtrace)
}

/// It never started.
pub(super) fn of_load(message: String) -> Verdict {
    failed(FailReason::Load, "load", message, None)
}

/// What its job remembers could not be read. The disk may be better at the next attempt.
pub(super) fn of_unreadable_state(error: &dyn Error) -> Verdict {
    unavailable("state-unavailable", ErrorKind::Retryable, error)
}

/// What the guest was to get from another run could not be read. No guest runs without it.
pub(super) fn of_missing_input(error: &NoInput) -> Verdict {
    let kind = match error {
        NoInput::Gone(_) => ErrorKind::Permanent,
        NoInput::Unread(_) => ErrorKind::Retryable,
    };
    unavailable("input-unavailable", kind, error)
}

fn unavailable(code: &str, kind: ErrorKind, error: &dyn Error) -> Verdict {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let text = error.to_string();
        if !message.ends_with(&text) {
            message = format!("{message}: {text}");
        }
        source = error.source();
    }
    Verdict::Error {
        kind,
        failure: Failure {
            code: code.to_owned(),
            message: clip::text(message, clip::MESSAGE),
            ..Failure::default()
        },
    }
}

/// The host failed while it served the guest, which is our mistake and ends this attempt alone.
pub(super) fn of_host_panic() -> Verdict {
    let message = "the host failed while it served the guest, see its own log".to_owned();
    failed(FailReason::Trap, "host", message, None)
}

/// Adds what the guest last said of its own death, which a trap or an exit does not know.
pub(super) fn explain(verdict: &mut Verdict, log: &[LogLine]) {
    let failure = match verdict {
        Verdict::Failed {
            reason: FailReason::Trap,
            failure,
        } => failure,
        Verdict::Error { failure, .. } if failure.code == EXIT => failure,
        _ => return,
    };
    // This is what an abort comes to, and a panic aborts.
    let aborted = failure.code == code(Trap::UnreachableCodeReached);
    if let Some(message) = panic::message(log).filter(|_| aborted) {
        "panic".clone_into(&mut failure.code);
        failure.message = clip::text(message, clip::MESSAGE);
    } else if let Some(last) = panic::last_words(log) {
        failure.attributes.push(("stderr".to_owned(), last));
    }
}

fn of_outcome(outcome: types::Outcome, limits: &Limits) -> Verdict {
    if let Some(text) = &outcome.output {
        if text.len() as u64 > limits.max_output {
            return output(limits, Some(text.len() as u64));
        }
        if let Err(error) = json::check(text) {
            // The work is done: another attempt would do it twice.
            return Verdict::Error {
                kind: ErrorKind::Permanent,
                failure: Failure {
                    code: "bad-output".to_owned(),
                    message: format!("its output is not JSON: {error}"),
                    ..Failure::default()
                },
            };
        }
    }
    Verdict::Succeeded(Outcome {
        summary: clip::text(outcome.summary, clip::SUMMARY),
        output: outcome.output,
        attributes: clip::attributes(outcome.attributes),
    })
}

fn of_job_error(error: JobError) -> Verdict {
    let (kind, failure) = match error {
        JobError::Retryable(failure) => (ErrorKind::Retryable, failure),
        JobError::RetryAfter(delayed) => {
            let delay = Duration::from_millis(delayed.delay);
            (ErrorKind::RetryAfter(delay), delayed.failure)
        }
        JobError::Permanent(failure) => (ErrorKind::Permanent, failure),
        JobError::Cancelled(failure) => (ErrorKind::Cancelled, failure),
    };
    let types::Failure {
        code,
        message,
        attributes,
    } = failure;
    Verdict::Error {
        kind,
        failure: Failure {
            code: clip::text(code, clip::NAME),
            message: clip::text(message, clip::MESSAGE),
            backtrace: None,
            attributes: clip::attributes(attributes),
        },
    }
}

/// An exit is how a program fails, and a job that leaves with success has still not returned.
fn exit(code: i32) -> Verdict {
    Verdict::Error {
        kind: ErrorKind::Retryable,
        failure: Failure {
            code: EXIT.to_owned(),
            // The interface of WASI 0.2 tells success from failure, and loses the code.
            message: match code {
                0 => "exited, as succeeded, instead of returning".to_owned(),
                _ => "exited, as failed, instead of returning".to_owned(),
            },
            ..Failure::default()
        },
    }
}

fn memory(limits: &Limits, wanted: u64) -> String {
    let (limit, wanted) = (format_size(limits.memory), format_size(wanted));
    format!("wanted {wanted} of memory, its limit is {limit}")
}

fn output(limits: &Limits, size: Option<u64>) -> Verdict {
    let limit = format_size(limits.max_output);
    let message = match size.map(format_size) {
        Some(size) => format!("its output of {size} is over its limit of {limit}"),
        None => format!("its output is over its limit of {limit}"),
    };
    failed(FailReason::Output, "output", message, None)
}

fn failed(reason: FailReason, code: &str, message: String, backtrace: Option<String>) -> Verdict {
    Verdict::Failed {
        reason,
        failure: Failure {
            code: code.to_owned(),
            message,
            backtrace,
            attributes: Vec::new(),
        },
    }
}

fn backtrace(backtrace: &WasmBacktrace) -> String {
    let text = backtrace.to_string();
    // The first line says that this is a backtrace.
    let frames = text
        .split_once('\n')
        .map_or(text.as_str(), |(_, rest)| rest);
    clip::text(frames.to_owned(), BACKTRACE)
}

/// Whether a function calls itself. Compilers keep a second stack in linear memory, below
/// everything else, and a guest that leaves that one is out of bounds to wasmtime.
fn recursing(backtrace: &WasmBacktrace) -> bool {
    let frames = backtrace.frames();
    let same = |frame: &FrameInfo| frame.func_index() == frames[0].func_index();
    frames.len() >= RECURSION && frames[..RECURSION].iter().all(same)
}

/// The class of a trap.
fn code(trap: Trap) -> &'static str {
    match trap {
        Trap::StackOverflow => "stack-overflow",
        Trap::UnreachableCodeReached => "unreachable",
        Trap::MemoryOutOfBounds | Trap::HeapMisaligned => "out-of-bounds",
        Trap::TableOutOfBounds | Trap::IndirectCallToNull | Trap::BadSignature => {
            "bad-indirect-call"
        }
        Trap::IntegerDivisionByZero | Trap::IntegerOverflow | Trap::BadConversionToInteger => {
            "arithmetic"
        }
        _ => "trap",
    }
}

fn sentence(trap: Trap) -> String {
    let text = trap.to_string();
    text.strip_prefix("wasm trap: ").unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests;

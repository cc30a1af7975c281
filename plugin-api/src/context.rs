//! The facts about a run, and what a job can tell its host while it works.

use serde::de::DeserializeOwned;

use crate::JobError;
use crate::bindings::cronlet::job::{cancellation, context, progress};

#[doc(inline)]
pub use crate::bindings::cronlet::job::types::UnixMillis;

/// The run that a job is called for.
///
/// Every method asks the host, so a value that is needed often is better kept.
/// There is a host only inside a component: a native unit test that calls one of
/// these methods panics. Keep the work in functions that take plain values, and
/// they can be tested anywhere.
#[derive(Debug)]
pub struct Context(());

impl Context {
    pub(crate) fn new() -> Self {
        Self(())
    }

    /// The job's name in `schedules.toml`.
    pub fn job(&self) -> String {
        context::job()
    }

    /// The run's number, `1042`; `local` under `cronlet run`.
    ///
    /// It is the same in every attempt of the run, so it serves as an
    /// idempotency key.
    pub fn run_id(&self) -> String {
        context::run_id()
    }

    /// 1 for the first attempt of the run. It always rises; an attempt that the
    /// host interrupted has a number too.
    pub fn attempt(&self) -> u32 {
        context::attempt()
    }

    /// The number of the last attempt that the job's `retry` allows, if all of
    /// them fail. Attempts that the host interrupted are not charged, so it may
    /// rise from one attempt to the next.
    pub fn max_attempts(&self) -> u32 {
        context::max_attempts()
    }

    /// Why the run exists: `schedule`, `catch-up`, `manual`, `after`. More may be
    /// added.
    pub fn trigger(&self) -> String {
        context::trigger()
    }

    /// The instant the run is for, which is not the time it started.
    pub fn nominal(&self) -> UnixMillis {
        context::nominal()
    }

    /// The host ends the attempt at this time, whatever the job does.
    pub fn deadline(&self) -> UnixMillis {
        context::deadline()
    }

    /// The output of the run whose end caused this one, for a job that is
    /// `after` another; `None` if no run did, or if it did not succeed or left
    /// none.
    ///
    /// It is the same in every attempt, and in a run that repeats this one.
    /// An output that is not a `T` is a permanent error with the code
    /// `bad-input`.
    pub fn input<T: DeserializeOwned>(&self) -> Result<Option<T>, JobError> {
        context::input()
            .map(|json| {
                crate::json::parse(&json, "bad-input", "the input is not what this job reads")
            })
            .transpose()
    }

    /// Any other fact by its name; `None` when the host does not know it.
    pub fn attribute(&self, name: &str) -> Option<String> {
        context::attribute(name)
    }

    /// Whether the host wants the run to end: someone cancelled it, or the host
    /// is stopping.
    ///
    /// It is cheap: ask in every loop, and return [`JobError::cancelled`] soon
    /// after it turned true. A job that does not is killed after a grace period.
    pub fn cancelled(&self) -> bool {
        cancellation::requested()
    }

    /// Tells those who watch how far the run has come, in the job's own unit.
    ///
    /// The total is `None` while it is not known, the message empty if there is
    /// nothing to say: `cx.progress(3, 10, "third page")`,
    /// `cx.progress(3, None, "")`.
    pub fn progress(&self, done: u64, total: impl Into<Option<u64>>, message: &str) {
        let message = (!message.is_empty()).then_some(message);
        progress::update(done, total.into(), message);
    }
}

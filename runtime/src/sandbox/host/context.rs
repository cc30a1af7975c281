//! `context`: the facts of the run.

use jiff::Timestamp;
use wasmtime::{
    Result,
    component::{HasData, Linker},
};

use super::bindings::cronlet::job::context::{self, Host};
use crate::sandbox::{Facts, state::State};

/// What the interface sees of the attempt.
struct View<'a> {
    facts: &'a Facts,
    deadline: Timestamp,
}

struct Data;

impl HasData for Data {
    type Data<'a> = View<'a>;
}

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    context::add_to_linker::<_, Data>(linker, |state| View {
        facts: &state.facts,
        deadline: state.deadline,
    })
}

impl Host for View<'_> {
    async fn job(&mut self) -> String {
        self.facts.job.to_string()
    }

    async fn run_id(&mut self) -> String {
        self.facts.run.clone()
    }

    async fn attempt(&mut self) -> u32 {
        self.facts.attempt
    }

    async fn max_attempts(&mut self) -> u32 {
        self.facts.max_attempts.get()
    }

    async fn trigger(&mut self) -> String {
        self.facts.origin.to_string()
    }

    async fn nominal(&mut self) -> i64 {
        self.facts.nominal.as_millisecond()
    }

    async fn deadline(&mut self) -> i64 {
        self.deadline.as_millisecond()
    }

    async fn input(&mut self) -> Option<String> {
        self.facts.input.as_deref().map(str::to_owned)
    }

    /// Every fact there is has a function of its own so far.
    async fn attribute(&mut self, _name: String) -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use cronlet_core::{name::JobName, run::Origin};

    use super::*;

    #[tokio::test]
    async fn facts_are_passed_on_and_times_are_milliseconds() {
        let facts = Facts {
            job: JobName::new("fetch-papers").unwrap(),
            run: "1042".to_owned(),
            attempt: u32::MAX,
            max_attempts: NonZeroU32::MAX,
            origin: Origin::CatchUp,
            nominal: Timestamp::MIN,
            input: Some("{}".into()),
        };
        let mut view = View {
            facts: &facts,
            deadline: Timestamp::MAX,
        };
        assert_eq!(view.job().await, "fetch-papers");
        assert_eq!(view.run_id().await, "1042");
        assert_eq!(view.attempt().await, u32::MAX);
        assert_eq!(view.max_attempts().await, u32::MAX);
        assert_eq!(view.trigger().await, "catch-up");
        assert_eq!(view.nominal().await, Timestamp::MIN.as_millisecond());
        assert_eq!(view.deadline().await, Timestamp::MAX.as_millisecond());
        assert_eq!(view.input().await.as_deref(), Some("{}"));
        assert_eq!(view.attribute("x".repeat(1 << 20)).await, None);
    }
}

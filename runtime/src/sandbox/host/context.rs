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

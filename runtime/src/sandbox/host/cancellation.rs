//! `cancellation`: whether the run should stop.

use wasmtime::{
    Result,
    component::{HasData, Linker},
};

use super::bindings::cronlet::job::cancellation::{self, Host};
use crate::sandbox::{Control, state::State};

/// What the interface sees of the attempt.
struct View<'a>(&'a Control);

struct Data;

impl HasData for Data {
    type Data<'a> = View<'a>;
}

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    cancellation::add_to_linker::<_, Data>(linker, |state| View(state.transcript.control()))
}

impl Host for View<'_> {
    async fn requested(&mut self) -> bool {
        self.0.stop_requested()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sandbox::control;

    #[tokio::test]
    async fn it_turns_true_and_stays() {
        let (handle, control) = control::pair();
        let mut view = View(&control);
        assert!(!view.requested().await);
        handle.stop_within(Duration::from_hours(1));
        assert!(view.requested().await);
        drop(handle);
        assert!(view.requested().await);
    }
}

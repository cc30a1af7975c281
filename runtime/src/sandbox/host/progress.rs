//! `progress`: how far the run has come.

use wasmtime::{
    Result,
    component::{HasData, Linker},
};

use super::bindings::cronlet::job::progress::{self, Host};
use crate::sandbox::{Control, Progress, clip, state::State};

/// What the interface sees of the attempt.
struct View<'a>(&'a Control);

struct Data;

impl HasData for Data {
    type Data<'a> = View<'a>;
}

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    progress::add_to_linker::<_, Data>(linker, |state| View(state.transcript.control()))
}

impl Host for View<'_> {
    /// The numbers are the guest's own: nothing promises that they rise, or that `done` is at
    /// most `total`.
    async fn update(&mut self, done: u64, total: Option<u64>, message: Option<String>) {
        self.0.set_progress(Progress {
            done,
            total,
            message: message.map(|message| clip::text(message, clip::SUMMARY)),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::control;

    #[tokio::test]
    async fn the_last_word_counts_however_odd() {
        let (handle, control) = control::pair();
        let mut view = View(&control);
        view.update(1, Some(2), Some("x".repeat(1 << 20))).await;
        let message = handle.progress().and_then(|progress| progress.message);
        assert!(message.is_some_and(|message| message.len() < 2000));
        view.update(u64::MAX, Some(0), None).await;
        let odd = Progress {
            done: u64::MAX,
            total: Some(0),
            message: None,
        };
        assert_eq!(handle.progress(), Some(odd));
    }
}

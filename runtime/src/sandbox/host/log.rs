//! `log`: lines with a level and fields, kept in the history.

use cronlet_core::report;
use wasmtime::{
    Result,
    component::{HasData, Linker},
};

use super::bindings::cronlet::job::log::{self, Host, Level};
use crate::sandbox::{state::State, transcript::Transcript};

/// What the interface sees of the attempt.
struct View<'a>(&'a Transcript);

struct Data;

impl HasData for Data {
    type Data<'a> = View<'a>;
}

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    log::add_to_linker::<_, Data>(linker, |state| View(&state.transcript))
}

impl Host for View<'_> {
    async fn emit(&mut self, level: Level, message: String, fields: Vec<(String, String)>) {
        self.0.emit(level.into(), message, fields);
    }
}

impl From<Level> for report::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Trace => Self::Trace,
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
            Level::Error => Self::Error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::control;

    fn field(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[tokio::test]
    async fn a_line_is_kept_as_it_is() {
        let transcript = Transcript::new(control::pair().1);
        let text = "two\nlines and \u{1b}[2J";
        let fields = vec![field("n", "1"), field("", "")];
        let mut view = View(&transcript);
        view.emit(Level::Warn, text.to_owned(), fields.clone())
            .await;
        let finished = transcript.finish();
        assert_eq!(finished.log[0].level, report::Level::Warn);
        assert_eq!(finished.log[0].message, text);
        assert_eq!(finished.log[0].fields, fields);
    }

    #[tokio::test]
    async fn absurd_lines_are_cut() {
        let transcript = Transcript::new(control::pair().1);
        let mut view = View(&transcript);
        let fields = (0..10_000).map(|n| (n.to_string(), "v".repeat(10_000)));
        view.emit(Level::Info, "m".repeat(1 << 22), fields.collect())
            .await;
        let finished = transcript.finish();
        assert_eq!((finished.lines, finished.dropped), (1, 0));
        let line = &finished.log[0];
        let fields = line.fields.iter();
        let bytes = line.message.len() + fields.map(|(n, v)| n.len() + v.len()).sum::<usize>();
        assert!(bytes < 192 << 10, "{bytes}");
    }
}

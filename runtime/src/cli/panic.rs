//! A panic is a bug in cronlet, and says so.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    fmt::Write as _,
    io::Write as _,
    panic::{self, AssertUnwindSafe, PanicHookInfo},
};

use tracing::dispatcher;

use super::{
    escape,
    exit::Exit,
    style::{ERROR, HELP},
};

/// Runs `main`. If it panics, the code is that of a bug.
pub fn report_as_bug(main: impl FnOnce() -> Exit) -> Exit {
    panic::set_hook(Box::new(report));
    panic::catch_unwind(AssertUnwindSafe(main)).unwrap_or(Exit::Bug)
}

/// Says it, whichever thread it is: a daemon in its log, which nobody waits for, and anything else on
/// standard error.
fn report(info: &PanicHookInfo<'_>) {
    let message = info
        .payload_as_str()
        .map_or("no message".into(), escape::line);
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let version = env!("CARGO_PKG_VERSION");
    let said = format!("this is a bug in cronlet {version}: {message}, at {place}");
    let backtrace = Backtrace::capture();
    let backtrace =
        (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    if dispatcher::has_been_set() {
        let backtrace = backtrace.as_deref();
        tracing::error!(backtrace, "{said}; please report it, with these lines");
        return;
    }
    let mut text = format!(
        "{ERROR}error:{ERROR:#} {said}\n\
         {HELP}help:{HELP:#} please report it, with what you typed and these lines\n"
    );
    match backtrace {
        Some(backtrace) => text.push_str(&backtrace),
        None => {
            let _ = writeln!(
                text,
                "{HELP}help:{HELP:#} `RUST_BACKTRACE=1` in front of the command says more"
            );
        }
    }
    // At once, so that no other thread waits for the backtrace.
    let _ = anstream::stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_with_the_code_of_a_bug() {
        assert_eq!(report_as_bug(|| panic!("on purpose")), Exit::Bug);
        assert_eq!(report_as_bug(|| Exit::NotFound), Exit::NotFound);
    }
}

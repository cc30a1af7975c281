//! A panic is a bug in cronlet, and says so.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    io::Write as _,
    panic::{self, AssertUnwindSafe, PanicHookInfo},
};

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

/// Says it on standard error, whichever thread it is.
fn report(info: &PanicHookInfo<'_>) {
    let message = info
        .payload_as_str()
        .map_or("no message".into(), escape::line);
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    let version = env!("CARGO_PKG_VERSION");
    let mut err = anstream::stderr().lock();
    let _ = writeln!(
        err,
        "{ERROR}error:{ERROR:#} this is a bug in cronlet {version}: {message}, at {place}\n\
         {HELP}help:{HELP:#} please report it, with what you typed and these lines"
    );
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        let _ = writeln!(err, "{backtrace}");
    } else {
        let _ = writeln!(
            err,
            "{HELP}help:{HELP:#} `RUST_BACKTRACE=1` in front of the command says more"
        );
    }
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

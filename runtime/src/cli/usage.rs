//! What was typed, read. Where an environment variable stands in for an option and is refused, its name is
//! said: clap would speak of an option that nobody typed.

use std::{env, ffi::OsString};

use clap::{
    Arg, Command, CommandFactory as _, FromArgMatches as _,
    builder::StyledStr,
    error::{ContextKind, ContextValue},
};

use super::{Cli, CliError};

/// A line of help from this length on ends where it does because it is full.
const FULL: usize = 80;

/// What was typed. Help, and what makes no sense, end the program here.
pub(super) fn parse() -> Result<Cli, CliError> {
    read(env::args_os()).or_else(|error| {
        let typed: Vec<_> = env::args_os().skip(1).collect();
        match refused(&error, &Cli::command(), &typed, |name| env::var_os(name)) {
            Some(refused) => Err(refused),
            // Help is no error.
            None if wants_json() && error.use_stderr() => Err(plain(&error)),
            None => error.exit(),
        }
    })
}

fn read(words: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<Cli, clap::Error> {
    let mut command = command();
    let mut matches = command.try_get_matches_from_mut(words)?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

/// What may be typed, with help that is as wide as there is room.
fn command() -> Command {
    Cli::command().mut_subcommands(|command| match command.get_after_help() {
        Some(help) => {
            let help = flowing(&help.to_string());
            command.after_help(StyledStr::from(help))
        }
        None => command,
    })
}

/// Lines that were broken only because the line was full are one again: clap breaks them where the
/// terminal ends, and would leave the rest of each as a line of its own.
fn flowing(text: &str) -> String {
    let mut flowing = String::new();
    let mut full = false;
    for line in text.lines() {
        let prose = line.starts_with(|first: char| !first.is_whitespace());
        if !flowing.is_empty() {
            flowing.push(if full && prose { ' ' } else { '\n' });
        }
        flowing.push_str(line);
        full = prose && line.chars().count() >= FULL;
    }
    flowing
}

/// Whether JSON was asked for, in a line that may make no sense otherwise.
pub(super) fn wants_json() -> bool {
    env::args_os().any(|word| word == "--json")
}

/// What clap says, without its layout.
fn plain(error: &clap::Error) -> CliError {
    let text = error.render().to_string();
    let mut parts = text.split("\n\n").map(str::trim);
    let message = parts.next().unwrap_or_default();
    let message = message.strip_prefix("error: ").unwrap_or(message);
    let advice = |part: &str| {
        let advice = part.strip_prefix("tip: ").or(part.strip_prefix("help: "));
        advice.map(str::to_owned)
    };
    let plain = CliError::user(message);
    parts.filter_map(advice).fold(plain, CliError::hint)
}

/// What to say if it is the value of a variable that is refused.
fn refused(
    error: &clap::Error,
    command: &Command,
    typed: &[OsString],
    variable: impl Fn(&str) -> Option<OsString>,
) -> Option<CliError> {
    let ContextValue::String(option) = error.get(ContextKind::InvalidArg)? else {
        return None;
    };
    let long = option.strip_prefix("--")?.split([' ', '=']).next()?;
    let mut arguments = std::iter::once(command)
        .chain(command.get_subcommands())
        .flat_map(Command::get_arguments);
    let argument = arguments.find(|it| it.get_long() == Some(long) && it.get_env().is_some())?;
    // What is typed goes over the variable.
    if typed.iter().any(|word| spells(argument, word)) {
        return None;
    }
    let name = argument.get_env()?.to_str()?;
    let value = variable(name)?;
    let value = match value.to_string_lossy() {
        value if value.is_empty() => "empty".to_owned(),
        value => format!("`{value}`"),
    };
    let words = match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(words)) => words.clone(),
        _ => Vec::new(),
    };
    let expected = match &words[..] {
        [] => "a value".to_owned(),
        words => format!("`{}`", words.join("` or `")),
    };
    let message = format!("the environment variable `{name}` is {value}, expected {expected}");
    Some(CliError::user(message).hint(format!("set `{name}` to another value, or unset it")))
}

/// Whether `word` is this option: `--config`, `--config=FILE`, `-c`, `-cFILE`.
fn spells(argument: &Arg, word: &OsString) -> bool {
    let word = word.to_string_lossy();
    match word.strip_prefix("--") {
        Some(long) => long.split('=').next() == argument.get_long(),
        None => word
            .strip_prefix('-')
            .is_some_and(|short| short.chars().next() == argument.get_short()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMATS: &str = "CRONLET_LOG_FORMAT";

    #[test]
    fn help_is_broken_only_where_the_terminal_ends() {
        for verb in Cli::command().get_subcommands() {
            let verb = verb.get_name();
            for width in [80, 100] {
                let mut command = command().term_width(width);
                let error = command
                    .try_get_matches_from_mut(["cronlet", verb, "--help"])
                    .unwrap_err();
                let help = error.render().to_string();
                for (line, next) in help.lines().zip(help.lines().skip(1)) {
                    let is_prose = |line: &str| line.starts_with(|it: char| !it.is_whitespace());
                    let ends = line.ends_with(['.', ':', '`']) || line.starts_with("Usage");
                    if ends || !is_prose(line) || !is_prose(next) {
                        continue;
                    }
                    let word = next.split(' ').next().unwrap();
                    let room = width - line.chars().count();
                    assert!(word.chars().count() >= room, "{verb}: {line:?}, {next:?}");
                }
            }
        }
    }

    #[test]
    fn what_clap_says_is_said_without_its_layout() {
        let said = |typed: &[&str]| {
            let typed = ["cronlet"].iter().chain(typed);
            plain(&read(typed).unwrap_err())
        };
        let error = said(&["histroy"]);
        assert_eq!(error.message, "unrecognized subcommand 'histroy'");
        assert_eq!(error.hints, ["a similar subcommand exists: 'history'"]);
        let error = said(&["run", "a", "--timeout", "5"]);
        assert_eq!(error.hints, ["write `5s`"]);
    }

    /// What is said when this is typed and the variable has this value.
    fn said(typed: &[&str], name: &'static str, value: &str) -> Option<String> {
        let (words, value) = (typed.iter().map(OsString::from), OsString::from(value));
        let typed: Vec<_> = words.collect();
        // clap reads the real environment, which a test must not touch, so the value is typed here.
        let option = if name == FORMATS {
            "--log-format="
        } else {
            "--config="
        };
        let mut option = OsString::from(option);
        option.push(&value);
        let error = read([&OsString::from("cronlet"), &"serve".into(), &option]).unwrap_err();
        let variable = |asked: &str| (asked == name).then(|| value.clone());
        let refused = refused(&error, &Cli::command(), &typed, variable)?;
        Some(refused.message)
    }

    #[test]
    fn the_variable_is_named() {
        assert_eq!(
            said(&["serve"], FORMATS, "xml").unwrap(),
            "the environment variable `CRONLET_LOG_FORMAT` is `xml`, expected `human` or `json`"
        );
        assert_eq!(
            said(&["check", "-n5"], "CRONLET_CONFIG", "").unwrap(),
            "the environment variable `CRONLET_CONFIG` is empty, expected a value"
        );
    }

    #[test]
    fn what_is_typed_is_not_the_fault_of_a_variable() {
        assert_eq!(said(&["serve", "--log-format", "x"], FORMATS, "x"), None);
        assert_eq!(said(&["serve", "--log-format=x"], FORMATS, "x"), None);
        for typed in ["-c", "-cx", "--config", "--config="] {
            assert_eq!(
                said(&["check", typed], "CRONLET_CONFIG", ""),
                None,
                "{typed}"
            );
        }
        assert_eq!(said(&["serve"], "CRONLET_OTHER", ""), None);
    }
}

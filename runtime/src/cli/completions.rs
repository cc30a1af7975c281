//! `cronlet completions`: a shell completes what is typed, and the names of jobs too.
//!
//! What is printed here is only a hook: at every TAB the shell runs this program once more, with a
//! variable and with what is typed so far, and [`answer`] says what may come next. So it never falls
//! behind the program, and it knows the jobs of the schedules file as it is.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use clap::{Command, CommandFactory as _, ValueEnum};
use clap_complete::{ArgValueCompleter, CompleteEnv, CompletionCandidate, env::Shells};

use super::{Cli, console::Console, error::CliError, escape, exit::Exit, place};
use crate::config;

/// The variable that tells a shell's question from a command.
const VARIABLE: &str = "CRONLET_COMPLETE";
const NAME: &str = "cronlet";

/// Arguments that are the name of a job.
const JOBS: [&str; 2] = ["job", "what"];

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Install it once, for the shells that are started from then on:
  bash        echo 'source <(cronlet completions bash)' >> ~/.bashrc
  zsh         echo 'source <(cronlet completions zsh)' >> ~/.zshrc
  fish        cronlet completions fish > ~/.config/fish/completions/cronlet.fish
  elvish      echo 'eval (cronlet completions elvish | slurp)' >> ~/.config/elvish/rc.elv
  powershell  cronlet completions powershell >> $PROFILE

In bash and zsh, `source <(cronlet completions bash)` is for this shell alone. The names of jobs are
those of the schedules file that the command would read.")]
pub struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
    Elvish,
    Powershell,
}

impl Shell {
    const fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
            Self::Elvish => "elvish",
            Self::Powershell => "powershell",
        }
    }
}

pub fn run(args: &Args, console: &mut Console) -> Result<Exit, CliError> {
    let (shells, name) = (Shells::builtins(), args.shell.name());
    let shell = shells
        .completer(name)
        .ok_or_else(|| CliError::internal(format!("no completions for `{name}`")))?;
    let mut script = Vec::new();
    shell.write_registration(VARIABLE, NAME, NAME, &program(), &mut script)?;
    console.line(String::from_utf8_lossy(&script).trim_end())?;
    Ok(Exit::Done)
}

/// What a shell runs to ask: the word that was typed if it is found by its name, else the whole path,
/// which stays right in other folders.
fn program() -> String {
    let typed = env::args_os()
        .next()
        .map_or_else(|| NAME.into(), PathBuf::from);
    let path = if typed.components().count() > 1 {
        std::path::absolute(&typed).unwrap_or(typed)
    } else {
        typed
    };
    path.to_string_lossy().into_owned()
}

/// Answers a shell's question, and then ends the program; comes back if there is none.
pub fn answer() {
    CompleteEnv::with_factory(command).var(VARIABLE).complete();
}

/// What may be typed, with what is known of values.
fn command() -> Command {
    let mut command = Cli::command();
    let verbs: Vec<_> = command
        .get_subcommands()
        .map(|verb| verb.get_name().to_owned())
        .collect();
    for verb in verbs {
        command = command.mut_subcommand(verb, |verb| {
            verb.mut_args(|argument| {
                if JOBS.contains(&argument.get_id().as_str()) {
                    argument.add(ArgValueCompleter::new(jobs))
                } else {
                    argument
                }
            })
        });
    }
    command
}

/// The jobs whose names begin with `typed`. A file that has problems has jobs all the same.
fn jobs(typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    let words: Vec<_> = env::args_os().collect();
    let variable = env::var_os("CRONLET_CONFIG").filter(|file| !file.is_empty());
    let file = file(&words).or_else(|| variable.map(PathBuf::from));
    let file = file.unwrap_or_else(|| Path::new("schedules.toml").to_owned());
    let Ok(text) = config::read(&file) else {
        return Vec::new();
    };
    let (draft, _) = config::survey(&file.to_string_lossy(), &text, &place::environment());
    let jobs = draft.names_and_descriptions();
    let matching = jobs.filter(|(name, _)| name.starts_with(&*typed));
    matching
        .map(|(name, description)| {
            CompletionCandidate::new(name)
                .help(description.map(|it| escape::line(it).to_string().into()))
        })
        .collect()
}

/// The schedules file that is named by what is typed.
fn file(words: &[OsString]) -> Option<PathBuf> {
    let pairs = words
        .iter()
        .zip(words.iter().skip(1).map(Some).chain([None]));
    let named = pairs.filter_map(|(word, next)| {
        let word = word.to_str()?;
        match word {
            "-c" | "--config" => next.map(PathBuf::from),
            word => word
                .strip_prefix("--config=")
                .or_else(|| word.strip_prefix("-c").filter(|rest| !rest.is_empty()))
                .map(PathBuf::from),
        }
    });
    named.last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_has_a_hook_that_runs_the_program() {
        for shell in Shell::value_variants() {
            let shells = Shells::builtins();
            let hook = shells.completer(shell.name()).unwrap();
            let mut script = Vec::new();
            hook.write_registration(VARIABLE, NAME, NAME, "/opt/cronlet", &mut script)
                .unwrap();
            let script = String::from_utf8(script).unwrap();
            assert!(
                script.contains("/opt/cronlet") && script.contains(VARIABLE),
                "{script}"
            );
        }
    }

    #[test]
    fn the_file_is_the_one_that_is_typed_last() {
        let file = |words: &[&str]| {
            let words: Vec<_> = words.iter().map(OsString::from).collect();
            file(&words).map(|path| path.to_string_lossy().into_owned())
        };
        assert_eq!(file(&["cronlet", "run", ""]), None);
        assert_eq!(
            file(&["cronlet", "-c", "a.toml", "run", ""]).unwrap(),
            "a.toml"
        );
        assert_eq!(file(&["cronlet", "-ca.toml", "run"]).unwrap(), "a.toml");
        assert_eq!(
            file(&["--config=a.toml", "--config", "b.toml"]).unwrap(),
            "b.toml"
        );
        assert_eq!(file(&["cronlet", "-c"]), None);
    }

    #[test]
    fn the_names_of_jobs_are_asked_for_wherever_there_are_some() {
        let command = command();
        let verbs = command.get_subcommands().filter(|verb| {
            let mut arguments = verb.get_arguments();
            arguments.any(|it| it.get::<ArgValueCompleter>().is_some())
        });
        let verbs: Vec<_> = verbs.map(Command::get_name).collect();
        for verb in ["next", "run", "history", "trigger"] {
            assert!(verbs.contains(&verb), "{verb} is not among {verbs:?}");
        }
    }
}

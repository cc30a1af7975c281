//! Grants from the command line: `--allow-dir` and `--env`.

use std::{path::PathBuf, sync::Arc};

use cronlet_core::{
    capability::{self, Capabilities, DirGrant, EnvGrant, GuestPathError},
    catalog::Directory,
};

use super::super::error::CliError;
use crate::sandbox::directory;

/// What the flags grant, over what the job has: of two directories at one guest path, and of two
/// variables of one name, the later one counts.
#[derive(Debug, clap::Args)]
pub(super) struct Grants {
    /// Grant it a directory to read, such as `data::/data`; with `:rw` to change it too
    #[arg(long = "allow-dir", value_name = "HOST::GUEST[:rw]", value_parser = dir)]
    dirs: Vec<DirGrant>,

    /// Grant it an environment variable, as it is here or with another value
    #[arg(long = "env", value_name = "NAME[=VALUE]", value_parser = env)]
    env: Vec<EnvGrant>,
}

impl Grants {
    /// What the job is granted in all. A directory that is not there is an error here, and not a
    /// failed run.
    pub(super) fn over(&self, own: &Arc<Capabilities>) -> Result<Arc<Capabilities>, CliError> {
        let mut all = Capabilities::clone(own);
        for dir in &self.dirs {
            all.dirs.retain(|other| other.guest != dir.guest);
            all.dirs.push(dir.clone());
        }
        for variable in &self.env {
            all.env.retain(|other| other.name != variable.name);
            all.env.push(variable.clone());
        }
        for dir in &all.dirs {
            let wanted = Directory {
                path: dir.host.clone(),
                write: dir.write,
            };
            directory::look(&wanted)
                .map_err(|it| CliError::config(it.message).maybe_hint(it.help))?;
        }
        Ok(all.into())
    }
}

fn dir(text: &str) -> Result<DirGrant, String> {
    let expected = "\n\nhelp: write it as `data::/data`, or `data::/data:rw` to let it be changed";
    let Some((host, rest)) = text.split_once("::") else {
        return Err(format!("there is no `::` in it{expected}"));
    };
    if host.is_empty() {
        return Err(format!("there is no directory before the `::`{expected}"));
    }
    let (guest, write) = match rest.strip_suffix(":rw") {
        Some(guest) => (guest, true),
        None => (rest.strip_suffix(":ro").unwrap_or(rest), false),
    };
    let guest = capability::guest_path(guest).map_err(|error| match error {
        GuestPathError::Relative(_) => format!("{error}{expected}"),
        GuestPathError::Part { .. } | GuestPathError::Zero => error.to_string(),
    })?;
    Ok(DirGrant {
        host: PathBuf::from(host),
        guest,
        write,
    })
}

fn env(text: &str) -> Result<EnvGrant, String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    capability::variable_name(name).map_err(|error| error.to_string())?;
    Ok(EnvGrant {
        name: name.to_owned(),
        value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(host: &str, guest: &str, write: bool) -> DirGrant {
        DirGrant {
            host: host.into(),
            guest: guest.to_owned(),
            write,
        }
    }

    #[test]
    fn directories_are_read_as_they_are_documented() {
        assert_eq!(dir("data::/data"), Ok(granted("data", "/data", false)));
        assert_eq!(dir("/a:b::/data/:rw"), Ok(granted("/a:b", "/data", true)));
        assert_eq!(dir(".::/x:ro"), Ok(granted(".", "/x", false)));
        for wrong in [
            "data",
            "data:/data",
            "::/data",
            "data::data",
            "data::/a/../b",
        ] {
            assert!(dir(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn variables_have_a_value_or_are_passed_on() {
        let variable = |name: &str, value: Option<&str>| EnvGrant {
            name: name.to_owned(),
            value: value.map(str::to_owned),
        };
        assert_eq!(env("LANG"), Ok(variable("LANG", None)));
        assert_eq!(env("A=b=c"), Ok(variable("A", Some("b=c"))));
        assert_eq!(env("A="), Ok(variable("A", Some(""))));
        assert!(env("=b").is_err());
    }

    #[test]
    fn a_flag_goes_over_what_the_job_has() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().to_str().unwrap();
        let own = Capabilities {
            dirs: vec![
                granted("nowhere", "/data", true),
                granted(here, "/more", false),
            ],
            env: vec![env("LANG=C").unwrap(), env("TZ").unwrap()],
        };
        let grants = Grants {
            dirs: vec![granted(here, "/data", false)],
            env: vec![env("LANG").unwrap()],
        };
        let all = grants.over(&own.clone().into()).unwrap();
        assert_eq!(
            all.dirs,
            [granted(here, "/more", false), granted(here, "/data", false)]
        );
        assert_eq!(all.env, [env("TZ").unwrap(), env("LANG").unwrap()]);
        let nothing = Grants {
            dirs: Vec::new(),
            env: Vec::new(),
        };
        let error = nothing.over(&own.into()).unwrap_err();
        assert_eq!(error.message, "there is no directory `nowhere`");
    }
}

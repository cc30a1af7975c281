//! Does to files what its params say, one thing after the other, and reports what came of each.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File, FileTimes, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::time::SystemTime;

use cronlet_plugin::prelude::*;
use serde_json::{Value, json};

#[derive(Deserialize, JsonSchema)]
struct Params {
    steps: Vec<Step>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(tag = "do", rename_all = "kebab-case")]
enum Step {
    Env,
    List {
        path: String,
    },
    Read {
        path: String,
    },
    Stat {
        path: String,
    },
    ReadLink {
        path: String,
    },
    Write {
        path: String,
        text: String,
    },
    Append {
        path: String,
        text: String,
    },
    CreateNew {
        path: String,
    },
    /// Opens it for reading and writing, and changes nothing.
    OpenBoth {
        path: String,
    },
    /// Opens it for reading, and cuts it.
    Truncate {
        path: String,
    },
    SetLength {
        path: String,
        length: u64,
    },
    Touch {
        path: String,
    },
    MakeDir {
        path: String,
    },
    RemoveDir {
        path: String,
    },
    Remove {
        path: String,
    },
    Rename {
        path: String,
        to: String,
    },
    Link {
        path: String,
        to: String,
    },
    Symlink {
        path: String,
        to: String,
    },
}

/// Does what it is told to files.
#[job]
fn files(cx: &Context, params: Params) -> Result<Outcome, JobError> {
    let said: Vec<_> = params
        .steps
        .iter()
        .map(|step| {
            info!("step");
            match done(step) {
                Ok(value) => json!({ "ok": value }),
                Err(error) => json!({ "error": error.to_string() }),
            }
        })
        .collect();
    Ok(Outcome::summary(format!("{} steps", said.len())).output(said))
}

fn done(step: &Step) -> io::Result<Value> {
    match step {
        Step::Env => return Ok(json!(env::vars().collect::<BTreeMap<_, _>>())),
        Step::List { path } => return Ok(json!(list(path)?)),
        Step::Read { path } => return Ok(json!(read(path)?)),
        Step::Stat { path } => return Ok(json!(fs::metadata(path)?.len())),
        Step::ReadLink { path } => return Ok(json!(fs::read_link(path)?)),
        Step::Write { path, text } => fs::write(path, text)?,
        Step::Append { path, text } => {
            let mut file = OpenOptions::new().append(true).open(path)?;
            file.write_all(text.as_bytes())?;
        }
        Step::CreateNew { path } => drop(File::create_new(path)?),
        Step::OpenBoth { path } => drop(OpenOptions::new().read(true).write(true).open(path)?),
        Step::Truncate { path } => drop(OpenOptions::new().write(true).truncate(true).open(path)?),
        Step::SetLength { path, length } => File::open(path)?.set_len(*length)?,
        Step::Touch { path } => {
            let times = FileTimes::new().set_modified(SystemTime::UNIX_EPOCH);
            File::open(path)?.set_times(times)?;
        }
        Step::MakeDir { path } => fs::create_dir(path)?,
        Step::RemoveDir { path } => fs::remove_dir(path)?,
        Step::Remove { path } => fs::remove_file(path)?,
        Step::Rename { path, to } => fs::rename(path, to)?,
        Step::Link { path, to } => fs::hard_link(path, to)?,
        Step::Symlink { path, to } => symlink(path, to)?,
    }
    Ok(Value::Null)
}

#[expect(deprecated, reason = "the one that is not is not for this target yet")]
fn symlink(path: &str, to: &str) -> io::Result<()> {
    fs::soft_link(to, path)
}

fn read(path: &str) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.read_to_string(&mut text)?;
    Ok(text)
}

fn list(path: &str) -> io::Result<Vec<String>> {
    let mut names = fs::read_dir(path)?
        .map(|entry| Ok(entry?.file_name().display().to_string()))
        .collect::<io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

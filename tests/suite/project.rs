//! A folder with a schedules file and plugins, and the built `cronlet` at work in it.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// A folder of its own.
pub(crate) struct Project {
    folder: TempDir,
}

/// What a command said, and its exit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A command under way. It is killed when it is dropped.
pub(crate) struct Running {
    child: Child,
    err: BufReader<ChildStderr>,
}

impl Project {
    /// A folder with nothing in it.
    pub(crate) fn empty() -> Result<Self> {
        let folder = TempDir::new().context("a folder for the project")?;
        Ok(Self { folder })
    }

    /// A folder with a schedules file, and with these components as plugins.
    pub(crate) fn new(schedules: &str, plugins: &[(&str, &str)]) -> Result<Self> {
        let project = Self::empty()?;
        project.write("schedules.toml", schedules)?;
        fs::create_dir(project.path("plugins"))?;
        for (name, component) in plugins {
            let file = project.path("plugins").join(name).with_extension("wasm");
            fs::copy(component, file).with_context(|| format!("the component {component}"))?;
        }
        Ok(project)
    }

    /// A folder with the shipped schedules file and all that it names.
    pub(crate) fn shipped() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let schedules = fs::read_to_string(root.join("schedules.toml"))?;
        let plugins = [("hello", tests::HELLO), ("csv-import", tests::CSV_IMPORT)];
        let project = Self::new(&schedules, &plugins)?;
        for folder in ["plugins/csv-import/sample", "plugins/csv-import/out"] {
            fs::create_dir_all(project.path(folder))?;
        }
        let sample = "plugins/csv-import/sample";
        for entry in fs::read_dir(root.join(sample))? {
            let entry = entry?;
            let copy = project.path(sample).join(entry.file_name());
            fs::copy(entry.path(), copy).context("the sample")?;
        }
        Ok(project)
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file in it.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<()> {
        fs::write(self.path(name), text).with_context(|| format!("write {name}"))
    }

    /// `cronlet` in this folder, with an environment that has nothing of the tester's.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .stdin(Stdio::null());
        command
    }

    /// Runs `cronlet` to its end. What it says of this folder is said of `[folder]`.
    pub(crate) fn cronlet(&self, arguments: &[&str]) -> Result<Said> {
        self.run(&mut self.command(arguments))
    }

    /// The same, of a command that has more than text in it.
    pub(crate) fn run(&self, command: &mut Command) -> Result<Said> {
        let output = command
            .output()
            .context("run the built cronlet; `cargo xtask test` builds it")?;
        let text = |bytes| -> Result<String> {
            let folder = self.folder.path().to_string_lossy().into_owned();
            Ok(String::from_utf8(bytes)?.replace(&folder, "[folder]"))
        };
        Ok(Said {
            code: output.status.code().context("it was killed")?,
            out: text(output.stdout)?,
            err: text(output.stderr)?,
        })
    }

    /// Starts `cronlet` and goes on; its standard output is not kept.
    pub(crate) fn start(&self, arguments: &[&str]) -> Result<Running> {
        Self::start_command(&mut self.command(arguments))
    }

    /// The same, of a command that has more than text in it.
    pub(crate) fn start_command(command: &mut Command) -> Result<Running> {
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("start the built cronlet; `cargo xtask test` builds it")?;
        let err = child.stderr.take().context("it has a standard error")?;
        Ok(Running {
            child,
            err: BufReader::new(err),
        })
    }

    /// A daemon that answers.
    pub(crate) fn serve(&self) -> Result<Running> {
        let mut daemon = self.start(&["serve"])?;
        daemon.wait_for("serving")?;
        Ok(daemon)
    }
}

impl Said {
    /// The one JSON document that standard output is.
    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.out).with_context(|| format!("not one document: {self:?}"))
    }
}

impl Running {
    /// Waits for a line on standard error with this text.
    pub(crate) fn wait_for(&mut self, text: &str) -> Result<()> {
        let mut said = String::new();
        loop {
            let before = said.len();
            let read = self.err.read_line(&mut said)?;
            ensure!(read > 0, "it ended without saying `{text}`:\n{said}");
            if said[before..].contains(text) {
                return Ok(());
            }
        }
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    /// Whether it has not ended.
    pub(crate) fn lives(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Waits for its end, and gives its exit code.
    pub(crate) fn end(mut self) -> Result<i32> {
        // Read to the end first, as a full pipe would hold it.
        std::io::copy(&mut self.err, &mut std::io::sink())?;
        self.child.wait()?.code().context("it was killed")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // After `end` there is nothing left to kill, and that is no error here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// It stands beside the folder of the test's own executable.
pub(crate) fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test has an executable");
    let folder = test.ancestors().nth(2).unwrap_or(Path::new(""));
    folder.join("cronlet")
}

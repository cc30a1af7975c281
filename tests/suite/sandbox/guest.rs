//! A guest in the real sandbox, as tests start it and hear of its end.

use std::{
    error::Error,
    num::NonZeroU32,
    path::Path,
    sync::{
        Arc, Mutex,
        mpsc::{self, Receiver},
    },
    time::Duration,
};

use cronlet::sandbox::{
    Attempt, Facts, Handle, InputSource, NoInput, Runner, Sandbox, SandboxOptions, StateSource,
    control::{self, Control},
};
use cronlet_core::{
    capability::Capabilities,
    catalog::Loaded,
    limits::Limits,
    name::JobName,
    report::{AttemptReport, ErrorKind, Failure, Level, LogLine, Outcome, Verdict},
    run::{FailReason, Origin, RunId},
    state::Entries,
};
use serde_json::{Value, json};

/// Nothing here takes that long, however busy the machine is.
pub(super) const PATIENCE: Duration = Duration::from_mins(3);
/// How late a guest may be stopped before it is a mistake, on a machine that builds things too.
pub(super) const LATE: Duration = Duration::from_secs(5);

/// A sandbox with one guest in it.
pub(crate) struct Guest {
    pub(super) sandbox: Sandbox,
    pub(super) loaded: Loaded,
    pub(super) limits: Limits,
    pub(super) allow: Capabilities,
    pub(super) params: Value,
    pub(super) attempt: u32,
    pub(super) state: Option<Arc<dyn StateSource>>,
    pub(super) input_of: Option<Arc<dyn InputSource>>,
}

/// What a job remembers, as a test has it.
#[derive(Debug)]
pub(super) enum Remembered {
    Entries(Entries),
    Broken,
    Panics,
    /// Never to be read, or not while the test lasts.
    Stuck(Mutex<Receiver<()>>),
}

impl StateSource for Remembered {
    fn read(&self, job: &JobName) -> Result<Entries, Box<dyn Error + Send + Sync>> {
        assert_eq!(job.as_str(), "fetch-papers");
        match self {
            Self::Entries(entries) => Ok(entries.clone()),
            Self::Broken => Err("the disk is on fire".into()),
            Self::Panics => panic!("a mistake of ours"),
            Self::Stuck(end) => {
                let _ = end.lock().unwrap().recv();
                Ok(Entries::default())
            }
        }
    }
}

/// What another run has left, as a test has it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Left {
    Output,
    Nothing,
    Gone,
    Unread,
}

impl InputSource for Left {
    fn read(&self, run: RunId) -> Result<Option<Arc<str>>, NoInput> {
        match self {
            Self::Output => Ok(Some(format!("{{\"by\": {run}}}").into())),
            Self::Nothing => Ok(None),
            Self::Gone => Err(NoInput::Gone(run)),
            Self::Unread => Err(NoInput::Unread("the disk is on fire".into())),
        }
    }
}

/// A guest that runs.
pub(crate) struct Running {
    pub(super) handle: Handle,
    pub(super) log: Receiver<LogLine>,
    pub(super) report: Receiver<AttemptReport>,
}

impl Guest {
    pub(crate) fn new(path: &str) -> Self {
        Self::with(path, SandboxOptions::default())
    }

    pub(crate) fn with(path: &str, options: SandboxOptions) -> Self {
        let sandbox = Sandbox::new(options).unwrap();
        let loaded = sandbox.load(Path::new(path)).unwrap();
        Self {
            sandbox,
            loaded,
            limits: Limits {
                timeout: PATIENCE,
                ..Limits::default()
            },
            allow: Capabilities::default(),
            params: json!({}),
            attempt: 1,
            state: None,
            input_of: None,
        }
    }

    pub(crate) fn params(mut self, params: Value) -> Self {
        self.params = params;
        self
    }

    pub(crate) fn allow(mut self, allow: Capabilities) -> Self {
        self.allow = allow;
        self
    }

    /// What its job remembers.
    pub(super) fn state(mut self, state: Remembered) -> Self {
        self.state = Some(Arc::new(state));
        self
    }

    /// What the run has left that caused this one.
    pub(super) fn input_of(mut self, left: Left) -> Self {
        self.input_of = Some(Arc::new(left));
        self
    }

    pub(crate) fn timeout_ms(mut self, ms: u64) -> Self {
        self.limits.timeout = Duration::from_millis(ms);
        self
    }

    pub(crate) fn start(&self) -> Running {
        let (sender, log) = mpsc::channel();
        let (handle, control) = control::pair_with_log(move |line| {
            // Nobody listens any more when a test is over.
            let _ = sender.send(line.clone());
        });
        Running {
            handle,
            log,
            report: self.start_with(control),
        }
    }

    pub(super) fn start_with(&self, control: Control) -> Receiver<AttemptReport> {
        let (sender, receiver) = mpsc::channel();
        let attempt = Attempt {
            component: Ok(self.loaded.digest),
            limits: self.limits.clone(),
            allow: self.allow.clone().into(),
            params: self.params.to_string().into(),
            facts: Facts {
                job: JobName::new("fetch-papers").unwrap(),
                run: "1042".to_owned(),
                attempt: self.attempt,
                max_attempts: NonZeroU32::new(4).unwrap(),
                origin: Origin::CatchUp,
                nominal: "2026-03-01T06:00:00Z".parse().unwrap(),
                input: Some("{\"from\":\"upstream\"}".into()),
            },
            state: self.state.clone(),
            input_of: self.input_of.clone().map(|source| (RunId(41), source)),
        };
        let done = Box::new(move |report| {
            let _ = sender.send(report);
        });
        self.sandbox.start(attempt, control, done);
        receiver
    }

    pub(crate) fn run(&self) -> AttemptReport {
        self.start().end()
    }

    pub(crate) fn outcome(&self) -> Outcome {
        outcome(self.run())
    }

    pub(super) fn error(&self) -> (ErrorKind, Failure) {
        match self.run().verdict {
            Verdict::Error { kind, failure } => (kind, failure),
            verdict => panic!("{verdict:?}"),
        }
    }

    pub(crate) fn failed(&self) -> (FailReason, Failure) {
        failed(self.run())
    }
}

impl Running {
    pub(crate) fn end(self) -> AttemptReport {
        self.report.recv_timeout(PATIENCE).unwrap()
    }

    pub(crate) fn wait_for(&self, message: &str) {
        while self.log.recv_timeout(PATIENCE).unwrap().message != message {}
    }
}

pub(crate) fn outcome(report: AttemptReport) -> Outcome {
    match report.verdict {
        Verdict::Succeeded(outcome) => outcome,
        verdict => panic!("{verdict:?}"),
    }
}

pub(crate) fn failed(report: AttemptReport) -> (FailReason, Failure) {
    match report.verdict {
        Verdict::Failed { reason, failure } => (reason, failure),
        verdict => panic!("{verdict:?}"),
    }
}

pub(crate) fn output(outcome: &Outcome) -> Value {
    serde_json::from_str(outcome.output.as_deref().unwrap()).unwrap()
}

/// It ended no sooner than its timeout and not much later.
pub(crate) fn timed_out(report: AttemptReport, timeout_ms: u64) -> Failure {
    let timeout = Duration::from_millis(timeout_ms);
    let duration = report.duration;
    assert!(duration >= timeout, "cut early: {duration:?}");
    assert!(duration < timeout + LATE, "{duration:?}");
    let (reason, failure) = failed(report);
    assert_eq!(reason, FailReason::Timeout);
    let message = format!("ran longer than its timeout of {timeout_ms}ms");
    assert_eq!(failure.message, message);
    failure
}

pub(super) fn text_of(log: &[LogLine], level: Level) -> usize {
    let lines = log.iter().filter(|line| line.level == level);
    lines.map(|line| line.message.len()).sum()
}

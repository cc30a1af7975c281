//! Everything one entry of `schedules.toml` means, resolved.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use crate::{
    capability::Capabilities,
    digest::Digest,
    limits::Limits,
    name::{GroupName, JobName},
    policy::{CatchUp, OnCrash, Overlap, Retry},
    schedule::{Schedule, Zone},
};

/// One job. Plain data: two are equal when nothing about the job has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its identity.
    pub name: JobName,
    /// For people.
    pub description: Option<String>,
    /// What it runs.
    pub component: Component,
    /// When it is due.
    pub schedule: Schedule,
    /// The zone whose clocks its schedule is read on, and its times are shown in.
    pub zone: Zone,
    /// Whether its trigger makes it due. Default true.
    pub enabled: bool,
    /// What it does when it is late.
    pub catch_up: CatchUp,
    /// What it does when it meets itself.
    pub overlap: Overlap,
    /// How many of its attempts may exist at one time; none is no limit of its own.
    pub max_instances: Option<NonZeroU32>,
    /// The group whose cap its attempts count for, too.
    pub group: Option<GroupName>,
    /// From -100 to 100: how many minutes of waiting it has ahead of others. Default 0.
    pub priority: i8,
    /// What it does when it fails.
    pub retry: Retry,
    /// What it does when the daemon dies with it.
    pub on_crash: OnCrash,
    /// After so many failed runs in a row it is paused; none is never.
    pub disable_after: Option<NonZeroU32>,
    /// How long a cancelled guest has to end by itself. Default 10 s.
    pub grace: Duration,
    /// Whether its failures make the whole daemon unhealthy, and never disable it. Default no.
    pub critical: bool,
    /// After how long without a success it is overdue; none is never.
    pub overdue_after: Option<Duration>,
    /// What one attempt may use.
    pub limits: Limits,
    /// What it may reach of the world.
    pub allow: Arc<Capabilities>,
    /// What the guest gets, as JSON text. Keys are sorted, so equal params are equal text.
    pub params: Arc<str>,
}

/// The component of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Component {
    /// It is loaded.
    Ready(Digest),
    /// The one in the plugin's file cannot be used, for this reason: the last one that could be takes its
    /// place.
    LastGood(Digest, String),
    /// It cannot be used, for this reason: every attempt fails with `load`.
    Unusable(String),
}

/// The default of [`Job::grace`].
pub const DEFAULT_GRACE: Duration = Duration::from_secs(10);

impl Component {
    /// The digest of a component that can be used.
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Self::Ready(digest) | Self::LastGood(digest, _) => Some(*digest),
            Self::Unusable(_) => None,
        }
    }
}

impl Job {
    /// A job that nothing makes due, with the default of every policy.
    pub fn new(name: JobName, component: Component) -> Self {
        Self {
            name,
            description: None,
            component,
            schedule: Schedule::default(),
            zone: Zone::UTC,
            enabled: true,
            catch_up: CatchUp::default(),
            overlap: Overlap::default(),
            max_instances: None,
            group: None,
            priority: 0,
            retry: Retry::default(),
            on_crash: OnCrash::default(),
            disable_after: None,
            grace: DEFAULT_GRACE,
            critical: false,
            overdue_after: None,
            limits: Limits::default(),
            allow: Arc::default(),
            params: "{}".into(),
        }
    }

    /// Whether no occurrence of it ever starts twice: nothing is retried, whatever went wrong.
    pub fn is_at_most_once(&self) -> bool {
        self.on_crash == OnCrash::Fail && self.retry.max == 0
    }

    /// What resets the watermark when it changes: the definition of when the job is due, the zone that
    /// it is read in, and whether it is enabled. UTC is not named, whatever it is called.
    pub fn fingerprint(&self) -> String {
        let mut text = match self.schedule.fingerprint() {
            Some(mut text) => {
                if !self.zone.is_utc() {
                    text.push_str(" in ");
                    text.push_str(self.zone.name());
                }
                text
            }
            None => "manual".to_owned(),
        };
        if !self.enabled {
            text.push_str(", disabled");
        }
        text
    }
}

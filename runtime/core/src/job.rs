//! Everything one entry of `schedules.toml` means, resolved.

use std::{num::NonZeroU32, sync::Arc};

use crate::{
    capability::Capabilities,
    digest::Digest,
    limits::Limits,
    name::JobName,
    policy::{CatchUp, Overlap, Retry},
    schedule::{Trigger, Zone},
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
    /// What makes it due; none is manual only.
    pub trigger: Option<Trigger>,
    /// The zone whose clocks its trigger is read on, and its times are shown in.
    pub zone: Zone,
    /// What it does when it is late.
    pub catch_up: CatchUp,
    /// What it does when it meets itself.
    pub overlap: Overlap,
    /// How many of its attempts may exist at one time; none is no limit of its own.
    pub max_instances: Option<NonZeroU32>,
    /// What it does when it fails.
    pub retry: Retry,
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
    /// What resets the watermark when it changes: the definition of when the job is due, and the zone
    /// that it is read in. UTC is not named, whatever it is called.
    pub fn fingerprint(&self) -> String {
        let Some(trigger) = &self.trigger else {
            return "manual".to_owned();
        };
        let mut text = trigger.fingerprint();
        if !self.zone.is_utc() {
            text.push_str(" in ");
            text.push_str(self.zone.name());
        }
        text
    }
}

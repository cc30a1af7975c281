//! Backfills in memory: their rows, and what only an engine asks for.

use std::{collections::BTreeMap, sync::Arc};

use cronlet_core::{
    backfill::{NewBackfill, Tally},
    name::JobName,
    record::{Record, StoredBackfill},
    run::RunStatus,
};
use jiff::Timestamp;

use super::State;
use crate::store::{Refused, history::BackfillRow, precision::cut};

#[derive(Clone, Debug)]
pub(super) struct Backfill {
    pub(super) row: BackfillRow,
    new: Arc<NewBackfill>,
}

impl Backfill {
    fn new(new: &NewBackfill) -> Self {
        let instants = new.instants.as_slice();
        let row = BackfillRow {
            id: new.id,
            job: new.job.clone(),
            created_at: cut(new.created_at),
            actor: new.actor.as_deref().map(str::to_owned),
            instants: new.instants.count(),
            first: instants.first().copied(),
            last: instants.last().copied(),
            max_concurrent: new.max_concurrent,
            reverse: new.reverse,
            made: 0,
            tally: Tally::default(),
            stopped: None,
            ended: None,
            ended_at: None,
        };
        let new = NewBackfill {
            created_at: row.created_at,
            ..new.clone()
        };
        let new = Arc::new(new);
        Self { row, new }
    }

    pub(super) fn stored(&self) -> StoredBackfill {
        StoredBackfill {
            new: self.new.clone(),
            made: self.row.made,
            tally: self.row.tally,
            stopped: self.row.stopped,
        }
    }
}

impl State {
    pub(super) fn open_backfills(&self) -> impl Iterator<Item = &Backfill> {
        let all = self.backfills.values();
        all.filter(|backfill| backfill.row.ended.is_none())
    }

    /// Does what a record says of a backfill.
    pub(super) fn backfill(&mut self, at: Timestamp, record: &Record) -> Result<(), Refused> {
        let id = match record {
            Record::BackfillCreated(new) => {
                return match self.backfills.insert(new.id, Backfill::new(new)) {
                    Some(_) => Err(Refused::Backfill(new.id)),
                    None => Ok(()),
                };
            }
            Record::BackfillMoved { id, .. }
            | Record::BackfillStopped { id, .. }
            | Record::BackfillEnded { id, .. } => *id,
            _ => return Ok(()),
        };
        let backfill = self.backfills.get_mut(&id);
        let row = backfill.map(|backfill| &mut backfill.row);
        let row = row.filter(|row| row.ended.is_none());
        let row = row.ok_or(Refused::Backfill(id))?;
        match record {
            Record::BackfillMoved { made, tally, .. } => {
                row.made = *made;
                row.tally = *tally;
            }
            Record::BackfillStopped { why, .. } => row.stopped = Some(*why),
            Record::BackfillEnded { how, .. } => {
                row.ended = Some(*how);
                row.ended_at = Some(at);
            }
            _ => {}
        }
        Ok(())
    }

    /// See [`crate::store::History::standing`].
    pub(super) fn standing(
        &self,
        job: &JobName,
        from: Timestamp,
        to: Timestamp,
    ) -> BTreeMap<Timestamp, RunStatus> {
        let mut standing = BTreeMap::new();
        for run in self.runs.values() {
            let row = &run.row;
            let here = row.job == *job && from <= row.nominal && row.nominal < to;
            let own = row.origin.as_str() != "after";
            let stands = match row.status {
                RunStatus::Skipped => false,
                RunStatus::Cancelled => !row.attempts.is_empty(),
                _ => true,
            };
            if here && own && stands {
                standing.insert(row.nominal, row.status);
            }
        }
        standing
    }
}

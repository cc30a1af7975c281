//! What becomes of backfills.

use std::num::NonZeroU32;

use cronlet_core::{
    backfill::{Instants, NewBackfill, Tally},
    record::StoredBackfill,
    run::BackfillEnd,
};

use super::*;
use crate::store::precision::cut;

impl Model {
    /// A backfill begins, or something happens to one that is there.
    pub(super) fn backfill(&mut self, records: &mut Vec<Record>) {
        let ids: Vec<RequestId> = self.backfills.keys().copied().collect();
        if ids.is_empty() || self.chance(3) {
            records.push(self.backfill_created());
            return;
        }
        let id = self.pick(&ids);
        match self.below(4) {
            0 => {
                self.backfills.remove(&id);
                let how = self.pick(&BackfillEnd::ALL);
                records.push(Record::BackfillEnded { id, how });
            }
            1 => {
                let why = self.pick(&BackfillEnd::ALL);
                let actor = self.chance(2).then(|| self.text().into());
                let stored = self.backfills.get_mut(&id).unwrap();
                stored.stopped = Some(why);
                records.push(Record::BackfillStopped { id, why, actor });
            }
            _ => {
                let mut number = || u32::try_from(self.random() >> 32).unwrap();
                let (made, succeeded, failed) = (number(), number(), number());
                let tally = Tally {
                    succeeded,
                    failed,
                    cancelled: number(),
                    skipped: number(),
                };
                let stored = self.backfills.get_mut(&id).unwrap();
                (stored.made, stored.tally) = (made, tally);
                records.push(Record::BackfillMoved { id, made, tally });
            }
        }
    }

    pub(super) fn backfill_created(&mut self) -> Record {
        let instants = (0..self.below(5)).map(|_| cut(self.time())).collect();
        let new = NewBackfill {
            id: RequestId(self.random()),
            job: self.job(),
            instants: Instants::new(instants).unwrap(),
            max_concurrent: NonZeroU32::new(1 + u32::try_from(self.below(9)).unwrap()).unwrap(),
            reverse: self.chance(2),
            actor: self.chance(2).then(|| self.text().into()),
            created_at: self.now,
        };
        let kept = NewBackfill {
            created_at: cut(self.now),
            ..new.clone()
        };
        let stored = StoredBackfill {
            new: Arc::new(kept),
            made: 0,
            tally: Tally::default(),
            stopped: None,
        };
        self.backfills.insert(new.id, stored);
        Record::BackfillCreated(Arc::new(new))
    }
}

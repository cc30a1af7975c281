-- Before this a run that is late is held back: its share of the jitter.
ALTER TABLE runs ADD COLUMN not_before INTEGER;

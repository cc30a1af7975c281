-- What a run waits for before it waits for capacity: now, queue or catch-up.
ALTER TABLE runs ADD COLUMN turn TEXT NOT NULL DEFAULT 'now';

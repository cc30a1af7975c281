-- What keeps a job from being due until somebody resumes it: since when, who asked or how many failed
-- runs in a row it was. And so many have failed in a row so far, where that is counted.
ALTER TABLE jobs ADD COLUMN paused_at INTEGER; -- set while the job is paused
ALTER TABLE jobs ADD COLUMN paused_by TEXT;
ALTER TABLE jobs ADD COLUMN paused_after INTEGER;
ALTER TABLE jobs ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;

-- What became of jobs, and not of their runs, in the order of `id`.
CREATE TABLE job_events (
    id          INTEGER PRIMARY KEY AUTOINCREMENT, -- none comes twice, whatever is deleted
    job         TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    kind        TEXT    NOT NULL, -- accepted, removed, paused or resumed
    watermark   INTEGER,          -- accepted, resumed: from here on it is due
    fingerprint TEXT,             -- accepted: when it is due
    actor       TEXT,             -- paused, resumed: who asked
    failures    INTEGER           -- paused: so many failed runs in a row paused it
) STRICT;
CREATE INDEX job_events_by_job ON job_events (job); -- in it, by `id`

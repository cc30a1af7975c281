-- How each job is doing. What the history says stands at first; a job of which it says nothing waits for
-- its first success from now on.
ALTER TABLE jobs ADD COLUMN watched_since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN last_success INTEGER;                -- when a run last ended so
ALTER TABLE jobs ADD COLUMN failed_run INTEGER;                  -- none has succeeded since
ALTER TABLE jobs ADD COLUMN failed_at INTEGER;
ALTER TABLE jobs ADD COLUMN overdue INTEGER NOT NULL DEFAULT 0;  -- whether that was said
UPDATE jobs SET
    watched_since = CAST(unixepoch('subsec') * 1000000 AS INTEGER),
    last_success = (
        SELECT max(r.ended_at) FROM runs AS r WHERE r.job = jobs.job AND r.status = 'succeeded'
    );
UPDATE jobs SET (failed_run, failed_at) = (
    SELECT r.run, r.ended_at FROM runs AS r
    WHERE r.job = jobs.job AND r.status = 'failed' AND r.origin <> 'manual'
        AND r.ended_at > coalesce(jobs.last_success, -9223372036854775808)
    ORDER BY r.ended_at DESC LIMIT 1
);

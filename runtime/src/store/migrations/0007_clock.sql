-- How far the wall clock moved by itself, and the time after it; the newest thousand.
CREATE TABLE clock_jumps (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    by INTEGER NOT NULL -- forward is positive
) STRICT;

-- Instants that have a run although the watermark of their job is before them: it was pulled back,
-- or they were armed ahead of their time. They outlive their runs, and go when the watermark has
-- passed them.
CREATE TABLE ahead (
    job     TEXT    NOT NULL,
    nominal INTEGER NOT NULL,
    PRIMARY KEY (job, nominal)
) STRICT, WITHOUT ROWID;

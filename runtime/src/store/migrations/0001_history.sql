-- Times are microseconds since 1970, UTC; durations are microseconds. Names of states, reasons
-- and causes are those that users see.

-- Things of which there is one.
CREATE TABLE meta (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    next_run INTEGER NOT NULL -- rises only, so that no number is used twice, whatever is deleted
) STRICT;
INSERT INTO meta (id, next_run) VALUES (1, 1);

-- The engine that owns the database, or the last one that did. Whether it still does, the lock
-- file says, not this row.
CREATE TABLE lease (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    epoch       INTEGER NOT NULL, -- rises by one with every engine
    instance    TEXT    NOT NULL, -- drawn at random
    pid         INTEGER NOT NULL,
    socket      BLOB,             -- a path, its bytes as they are
    acquired_at INTEGER NOT NULL,
    stopped_at  INTEGER           -- when the engine said that it stopped gracefully
) STRICT;

-- The plans that took effect, each time the digest was another.
CREATE TABLE plans (
    id          INTEGER PRIMARY KEY,
    digest      TEXT    NOT NULL,
    accepted_at INTEGER NOT NULL
) STRICT;

CREATE TABLE jobs (
    job         TEXT    PRIMARY KEY,
    watermark   INTEGER NOT NULL,
    fingerprint TEXT    NOT NULL,
    removed_at  INTEGER
) STRICT, WITHOUT ROWID;

-- Thousands of attempts run the same few components.
CREATE TABLE components (
    id     INTEGER PRIMARY KEY,
    sha256 TEXT    NOT NULL UNIQUE
) STRICT;

-- Newest first is the order of `run`.
CREATE TABLE runs (
    run                 INTEGER PRIMARY KEY,
    job                 TEXT    NOT NULL,
    cause               TEXT    NOT NULL,
    nominal             INTEGER NOT NULL,
    origin              TEXT    NOT NULL,
    queued_at           INTEGER NOT NULL,
    actor               TEXT,
    params              TEXT,
    status              TEXT    NOT NULL,
    last_attempt        INTEGER NOT NULL DEFAULT 0, -- withdrawn ones included
    reason              TEXT,
    retry_at            INTEGER,
    cancel_requested_at INTEGER,
    cancel_requested_by TEXT,
    ended_at            INTEGER,                    -- set when the run is final
    message             TEXT,
    UNIQUE (job, cause)
) STRICT;
CREATE INDEX runs_by_job ON runs (job); -- in it, by number
CREATE INDEX runs_open ON runs (ended_at) WHERE ended_at IS NULL;

CREATE TABLE attempts (
    run             INTEGER NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
    number          INTEGER NOT NULL,
    component       INTEGER REFERENCES components (id),
    starts_at       INTEGER NOT NULL, -- when it was to start
    started_at      INTEGER NOT NULL, -- when it did; until it ends, when that was recorded
    status          TEXT,             -- set when it ended
    reason          TEXT,
    ended_at        INTEGER,
    duration        INTEGER,
    cpu             INTEGER,
    memory_peak     INTEGER,
    log_lines       INTEGER,
    log_dropped     INTEGER,
    summary         TEXT,
    error_code      TEXT,
    error_message   TEXT,
    error_backtrace TEXT,
    attributes      TEXT,             -- JSON, a list of pairs
    output          TEXT,             -- JSON
    PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;

-- One row for what an attempt said, not one for each line: it comes at once, is read at once and
-- goes at once, and a row costs more than the few lines that most attempts have. `lines` is JSON,
-- a list of [time, level, message, [[name, value], …]].
CREATE TABLE logs (
    run     INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    lines   TEXT    NOT NULL,
    PRIMARY KEY (run, attempt),
    FOREIGN KEY (run, attempt) REFERENCES attempts (run, number) ON DELETE CASCADE
) STRICT;

-- Ranges of instants that were skipped on arrival. Newest first is the order of `after_run`,
-- the last run that existed when the range was recorded or last grew.
CREATE TABLE skips (
    job         TEXT    NOT NULL,
    first       INTEGER NOT NULL,
    last        INTEGER NOT NULL,
    count       INTEGER NOT NULL,
    reason      TEXT    NOT NULL,
    recorded_at INTEGER NOT NULL,
    after_run   INTEGER NOT NULL,
    PRIMARY KEY (job, first)
) STRICT, WITHOUT ROWID;
CREATE INDEX skips_newest ON skips (after_run, recorded_at);
CREATE INDEX skips_newest_by_job ON skips (job, after_run, recorded_at);

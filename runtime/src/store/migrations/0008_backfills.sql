-- Parts of the past that somebody wants to run, and how far each has come.
CREATE TABLE backfills (
    id             TEXT    PRIMARY KEY, -- as the causes of its runs name it
    job            TEXT    NOT NULL,
    created_at     INTEGER NOT NULL,
    actor          TEXT,
    instants       INTEGER NOT NULL,           -- how many
    first          INTEGER,
    last           INTEGER,
    max_concurrent INTEGER NOT NULL,
    reverse        INTEGER NOT NULL,
    made           INTEGER NOT NULL DEFAULT 0, -- so many of its instants have a run, the first in its order
    succeeded      INTEGER NOT NULL DEFAULT 0, -- of its runs
    failed         INTEGER NOT NULL DEFAULT 0,
    cancelled      INTEGER NOT NULL DEFAULT 0,
    skipped        INTEGER NOT NULL DEFAULT 0,
    stopped        TEXT,                       -- why it makes no more runs though some instants have none
    stopped_by     TEXT,
    ended          TEXT,                       -- how it ended
    ended_at       INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX backfills_open ON backfills (id) WHERE ended_at IS NULL;
CREATE INDEX backfills_by_job ON backfills (job, ended_at);

-- The instants themselves, only while they are needed: in order, each as eight bytes, the highest first.
-- They are not beside the counters above, which are written with every run.
CREATE TABLE backfill_instants (
    backfill TEXT PRIMARY KEY REFERENCES backfills (id) ON DELETE CASCADE,
    instants BLOB NOT NULL
) STRICT;

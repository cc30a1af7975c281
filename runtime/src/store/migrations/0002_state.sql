-- What jobs remember from run to run. It outlives a job that is removed from the file. Keys are
-- compared by their bytes.
CREATE TABLE state (
    job   TEXT NOT NULL,
    key   TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (job, key)
) STRICT, WITHOUT ROWID;

-- What the state of each job that has any counts for, as the engine says with each write: a start
-- reads a row a job and not a row a key.
CREATE TABLE state_totals (
    job   TEXT    PRIMARY KEY,
    bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The engines that owned the database, so that it can be told when there was none.
CREATE TABLE daemons (
    epoch      INTEGER PRIMARY KEY, -- as in `lease`
    started_at INTEGER NOT NULL,
    stopped_at INTEGER,             -- when it said that it stopped gracefully
    last_seen  INTEGER              -- of one that never said so: the time of the last thing it recorded
) STRICT;
INSERT INTO daemons (epoch, started_at, stopped_at) SELECT epoch, acquired_at, stopped_at FROM lease;

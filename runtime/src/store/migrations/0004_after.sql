-- The run whose output a run's guest gets; it may be gone when that run is over.
ALTER TABLE runs ADD COLUMN input_of INTEGER;
-- What stays, however old, because a run that is not over needs it.
CREATE INDEX runs_needed ON runs (input_of) WHERE ended_at IS NULL AND input_of IS NOT NULL;

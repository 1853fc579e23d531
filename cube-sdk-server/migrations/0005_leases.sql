-- A run is held until `lease_until` by whoever claimed it; `fence` grows with each claim, and what an earlier holder still
-- writes is refused by it. How many runs of a workspace may be in flight is a setting.
ALTER TABLE runs ADD COLUMN fence INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN holder TEXT;
ALTER TABLE runs ADD COLUMN lease_until INTEGER;
DROP INDEX one_active_run_per_workspace;
CREATE INDEX runs_in_flight ON runs (workspace_id, seq) WHERE completed_at IS NULL;

-- The probe that runs: with what, until when, and what it said where that was no verdict.
ALTER TABLE grants ADD COLUMN probe_fence INTEGER NOT NULL DEFAULT 0;
ALTER TABLE grants ADD COLUMN probe_until INTEGER;
ALTER TABLE grants ADD COLUMN probe_with TEXT;
ALTER TABLE grants ADD COLUMN probe_fault TEXT;

CREATE UNIQUE INDEX users_by_lower_email ON users (lower(email));

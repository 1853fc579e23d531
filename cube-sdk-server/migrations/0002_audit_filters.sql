-- `latest` is the latest time of a workspace's rows up to and including this one. Times need not grow with ids (calls end
-- in another order than they are stored in, clocks are set back), `latest` does: so the rows after a time are a range of
-- ids, and a filter by time goes well with the order by id.
ALTER TABLE audit ADD COLUMN latest INTEGER NOT NULL DEFAULT 0;

-- This once: the rows of earlier versions have none yet.
DROP TRIGGER audit_is_never_updated;
UPDATE audit SET latest = filled.latest
FROM (SELECT id, max(ts) OVER (PARTITION BY workspace_id ORDER BY id) AS latest FROM audit) AS filled
WHERE audit.id = filled.id;
CREATE TRIGGER audit_is_never_updated BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only: UPDATE refused');
END;

-- One index for each filter; a page is a range of it, in its order.
DROP INDEX audit_of_run;
CREATE INDEX audit_of_run ON audit (workspace_id, run_id, id) WHERE run_id IS NOT NULL;
CREATE INDEX audit_of_artifact ON audit (workspace_id, artifact_id, id) WHERE artifact_id IS NOT NULL;
CREATE INDEX audit_of_run_and_artifact ON audit (workspace_id, run_id, artifact_id, id)
    WHERE run_id IS NOT NULL AND artifact_id IS NOT NULL;
CREATE INDEX audit_by_time ON audit (workspace_id, latest, id);

CREATE INDEX runs_of_pipeline ON runs (workspace_id, pipeline_id, seq);

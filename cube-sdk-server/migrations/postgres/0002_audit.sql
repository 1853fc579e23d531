-- The audit: one partition a month, by the time of the call. A row whose month has no partition goes to `audit_other`, so
-- that none is ever refused.
CREATE SEQUENCE audit_ids AS BIGINT;
CREATE TABLE audit (
    id              BIGINT NOT NULL DEFAULT nextval('audit_ids'),
    workspace_id    UUID NOT NULL,
    grant_id        UUID,
    event_type      TEXT NOT NULL,
    operation       TEXT,
    aws_request_id  TEXT NOT NULL,
    attempt_id      TEXT NOT NULL,
    probe_id        TEXT,
    role_arn        TEXT NOT NULL,
    bucket          TEXT NOT NULL,
    s3_key          TEXT,
    bytes_read      BIGINT,
    worker_hostname TEXT,
    outcome         TEXT NOT NULL,
    error_code      TEXT,
    artifact_id     UUID,
    run_id          UUID,
    ts              BIGINT NOT NULL,
    latest          BIGINT NOT NULL
) PARTITION BY RANGE (ts);

-- One index for each filter; a page is a range of it, in its order.
CREATE INDEX audit_of_workspace ON audit (workspace_id, id);
CREATE INDEX audit_of_attempt ON audit (attempt_id);
CREATE INDEX audit_of_run ON audit (workspace_id, run_id, id) WHERE run_id IS NOT NULL;
CREATE INDEX audit_of_artifact ON audit (workspace_id, artifact_id, id) WHERE artifact_id IS NOT NULL;
CREATE INDEX audit_of_run_and_artifact ON audit (workspace_id, run_id, artifact_id, id)
    WHERE run_id IS NOT NULL AND artifact_id IS NOT NULL;
CREATE INDEX audit_by_time ON audit (workspace_id, latest, id);

-- Append-only, whoever holds the connection: by triggers, which bind a superuser too, and by the rights of the role.
CREATE FUNCTION audit_refuses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit is append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_refuses();
CREATE TRIGGER audit_is_never_emptied BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuses();
REVOKE ALL ON audit FROM PUBLIC, CURRENT_USER;
GRANT SELECT ON audit TO CURRENT_USER;
-- Ids come from the sequence alone.
GRANT INSERT (workspace_id, grant_id, event_type, operation, aws_request_id, attempt_id, probe_id, role_arn, bucket,
    s3_key, bytes_read, worker_hostname, outcome, error_code, artifact_id, run_id, ts, latest) ON audit TO CURRENT_USER;

-- What each partition needs beside what it has from its parent.
CREATE FUNCTION audit_guard(part TEXT) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER audit_is_never_emptied BEFORE TRUNCATE ON %I
        FOR EACH STATEMENT EXECUTE FUNCTION audit_refuses()', part);
    EXECUTE format('REVOKE ALL ON %I FROM PUBLIC, CURRENT_USER', part);
    EXECUTE format('GRANT SELECT ON %I TO CURRENT_USER', part);
END $$;

CREATE TABLE audit_other PARTITION OF audit DEFAULT;
SELECT audit_guard('audit_other');

-- The partition of the month of a time, made if absent. One whose rows lie in `audit_other` already is left there.
CREATE FUNCTION audit_make_partitions(at TIMESTAMPTZ) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    first TIMESTAMP := date_trunc('month', at AT TIME ZONE 'UTC');
    part  TEXT := 'audit_' || to_char(first, 'YYYY_MM');
BEGIN
    IF to_regclass(quote_ident(part)) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(1701279603, 0);
    IF to_regclass(quote_ident(part)) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE %I PARTITION OF audit FOR VALUES FROM (%s) TO (%s)', part,
        (extract(epoch FROM first) * 1000)::BIGINT, (extract(epoch FROM first + interval '1 month') * 1000)::BIGINT);
    PERFORM audit_guard(part);
EXCEPTION
WHEN duplicate_table THEN
    -- Another process was faster, and this one did not hear of it by an advisory lock.
    NULL;
WHEN check_violation THEN
    RAISE WARNING 'the rows of % stay in audit_other', part;
END $$;

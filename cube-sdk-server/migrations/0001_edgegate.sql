-- Times are milliseconds since 1970 UTC; ids are lower-case UUIDs.

CREATE TABLE users (
    id         TEXT PRIMARY KEY,
    email      TEXT NOT NULL UNIQUE COLLATE NOCASE,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE workspaces (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    owner_id   TEXT NOT NULL REFERENCES users (id),
    plan       TEXT NOT NULL CHECK (plan IN ('free', 'pro', 'team', 'enterprise')),
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE members (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    user_id      TEXT NOT NULL REFERENCES users (id),
    role         TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'viewer')),
    PRIMARY KEY (workspace_id, user_id)
) STRICT, WITHOUT ROWID;

-- Only the SHA-256 of a key is kept; keys are 256 random bits, so no salt is needed.
CREATE TABLE api_keys (
    id           TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    user_id      TEXT NOT NULL REFERENCES users (id),
    name         TEXT NOT NULL,
    hash         BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    prefix       TEXT NOT NULL,
    suffix       TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    revoked_at   INTEGER,
    last_used_at INTEGER
) STRICT;
CREATE INDEX api_keys_of_workspace ON api_keys (workspace_id, created_at);

-- `version` grows with each change: the outcome of a probe is stored only if nothing changed meanwhile.
CREATE TABLE grants (
    id                TEXT PRIMARY KEY,
    workspace_id      TEXT NOT NULL REFERENCES workspaces (id),
    role_arn          TEXT,
    external_id       TEXT NOT NULL UNIQUE,
    bucket            TEXT NOT NULL,
    region            TEXT NOT NULL,
    kms_key_id        TEXT,
    status            TEXT NOT NULL CHECK (status IN ('pending_role', 'active', 'failed', 'revoked')),
    last_verified_at  INTEGER,
    last_verify_error TEXT,
    last_probed_at    INTEGER,
    version           INTEGER NOT NULL DEFAULT 1,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX one_grant_per_workspace ON grants (workspace_id) WHERE status <> 'revoked';

CREATE TABLE artifacts (
    id                TEXT PRIMARY KEY,
    workspace_id      TEXT NOT NULL REFERENCES workspaces (id),
    kind              TEXT NOT NULL,
    storage_url       TEXT NOT NULL,
    sha256            TEXT NOT NULL,
    size_bytes        INTEGER NOT NULL,
    original_filename TEXT,
    expected_sha256   TEXT,
    etag              TEXT,
    content           BLOB,
    created_at        INTEGER NOT NULL,
    expires_at        INTEGER,
    deleted_at        INTEGER
) STRICT;
CREATE INDEX artifacts_of_workspace ON artifacts (workspace_id, storage_url);

CREATE TABLE promptpacks (
    id           TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    promptpack_id TEXT NOT NULL,
    version      TEXT NOT NULL,
    sha256       TEXT NOT NULL,
    case_count   INTEGER NOT NULL,
    content      TEXT NOT NULL,
    published    INTEGER NOT NULL DEFAULT 0,
    created_at   INTEGER NOT NULL,
    UNIQUE (workspace_id, promptpack_id, version)
) STRICT;

CREATE TABLE pipelines (
    id           TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    name         TEXT NOT NULL,
    definition   TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX pipelines_of_workspace ON pipelines (workspace_id, created_at);

-- `definition` is the pipeline as it was when the run began.
CREATE TABLE runs (
    seq                INTEGER PRIMARY KEY AUTOINCREMENT,
    id                 TEXT NOT NULL UNIQUE,
    workspace_id       TEXT NOT NULL REFERENCES workspaces (id),
    pipeline_id        TEXT NOT NULL REFERENCES pipelines (id),
    pipeline_name      TEXT NOT NULL,
    definition         TEXT NOT NULL,
    status             TEXT NOT NULL,
    trigger_source     TEXT NOT NULL,
    model_artifact_id  TEXT,
    model_filename     TEXT,
    error_code         TEXT,
    error_detail       TEXT,
    normalized_metrics TEXT,
    gates_eval         TEXT,
    bundle_artifact_id TEXT,
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL,
    completed_at       INTEGER
) STRICT;
CREATE UNIQUE INDEX one_active_run_per_workspace ON runs (workspace_id) WHERE completed_at IS NULL;
CREATE INDEX runs_of_workspace ON runs (workspace_id, seq);

CREATE TABLE cells (
    run_id            TEXT NOT NULL REFERENCES runs (id),
    position          INTEGER NOT NULL,
    model_label       TEXT,
    model_artifact_id TEXT NOT NULL,
    device            TEXT NOT NULL,
    status            TEXT NOT NULL CHECK (status IN ('queued', 'running', 'passed', 'failed')),
    error_code        TEXT,
    error_detail      TEXT,
    metrics           TEXT,
    gates             TEXT,
    sha256            TEXT,
    size_bytes        INTEGER,
    started_at        INTEGER,
    completed_at      INTEGER,
    PRIMARY KEY (run_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace_id    TEXT NOT NULL,
    grant_id        TEXT,
    event_type      TEXT NOT NULL,
    operation       TEXT,
    aws_request_id  TEXT NOT NULL,
    attempt_id      TEXT NOT NULL,
    probe_id        TEXT,
    role_arn        TEXT NOT NULL,
    bucket          TEXT NOT NULL,
    s3_key          TEXT,
    bytes_read      INTEGER,
    worker_hostname TEXT,
    outcome         TEXT NOT NULL,
    error_code      TEXT,
    artifact_id     TEXT,
    run_id          TEXT,
    ts              INTEGER NOT NULL
) STRICT;
CREATE INDEX audit_of_workspace ON audit (workspace_id, id);
CREATE INDEX audit_of_attempt ON audit (attempt_id);
CREATE INDEX audit_of_run ON audit (run_id, id) WHERE run_id IS NOT NULL;

-- The audit is append-only, whoever holds the connection. REPLACE deletes without firing delete triggers,
-- so an insert with an id that is not new is refused too (a generated id shows as -1 before the insert).
CREATE TRIGGER audit_is_never_updated BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only: UPDATE refused');
END;
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only: DELETE refused');
END;
CREATE TRIGGER audit_ids_only_grow BEFORE INSERT ON audit
WHEN NEW.id <> -1 AND NEW.id <= (SELECT coalesce(max(id), 0) FROM audit)
BEGIN
    SELECT RAISE(ABORT, 'the audit is append-only: its ids only grow');
END;

-- cube-cloud: who may come in. Times are milliseconds since 1970 UTC; ids are lower-case UUIDs; names of users are lower-case.

-- `groups` is a JSON list in the order of the identity provider; `password` is an argon2id text, null for those who
-- sign in elsewhere or never.
CREATE TABLE cloud_users (
    name       TEXT PRIMARY KEY,
    groups     TEXT NOT NULL,
    password   TEXT,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Only the SHA-256 of a key is kept; keys are 256 random bits, so no salt is needed.
CREATE TABLE cloud_keys (
    id           TEXT PRIMARY KEY,
    hash         BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    prefix       TEXT NOT NULL,
    owner        TEXT NOT NULL REFERENCES cloud_users (name),
    label        TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    revoked_at   INTEGER,
    last_used_at INTEGER
) STRICT;
CREATE INDEX cloud_keys_of_owner ON cloud_keys (owner, created_at);

-- Browser logins under the SHA-256 of their id, which only the client that waits and its browser know. `sealed` is the
-- minted key, encrypted under a key that is derived from that id.
CREATE TABLE cloud_sessions (
    id_hash      BLOB PRIMARY KEY CHECK (length(id_hash) = 32),
    state        TEXT NOT NULL CHECK (state IN ('opened', 'signed_in', 'allowed', 'denied', 'used')),
    opened_at    INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    user         TEXT,
    profile      TEXT,
    browser      BLOB,
    poll_address TEXT,
    poll_program TEXT,
    polled_at    INTEGER,
    sealed       BLOB,
    sealed_until INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX cloud_sessions_by_end ON cloud_sessions (expires_at);

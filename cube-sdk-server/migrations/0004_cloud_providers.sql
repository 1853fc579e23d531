-- Sign-in elsewhere. `provider` is the issuer whose word a user's groups are; null for users and services that were made
-- here, which no provider may speak for.
ALTER TABLE cloud_users ADD COLUMN provider TEXT;

-- Sign-ins that are under way at a provider, under the SHA-256 of their state and bound to one browser. `sealed` opens
-- only with the state itself.
CREATE TABLE cloud_sign_ins (
    state_hash BLOB PRIMARY KEY CHECK (length(state_hash) = 32),
    browser    BLOB NOT NULL CHECK (length(browser) = 32),
    sealed     BLOB NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX cloud_sign_ins_by_end ON cloud_sign_ins (expires_at);

//! Which database keeps EdgeGate's rows. A statement is one text for both: [`reading`], [`writing`] and [`transaction`]
//! send it to the one that is there.

#[cfg(feature = "postgres")]
use super::Postgres;
use super::Store;

#[derive(Clone, Debug)]
pub(crate) enum Engine {
    /// A file of one process.
    Sqlite(Store),
    /// A server that many processes share.
    #[cfg(feature = "postgres")]
    Postgres(Postgres),
}

/// What the engines have different words for.
pub(crate) struct Dialect {
    /// The database's own clock, in milliseconds since 1970 UTC.
    pub(crate) now: &'static str,
    /// Ends a sub-select of `r` whose row nobody else may take meanwhile.
    pub(crate) skip_locked: &'static str,
    /// Milliseconds that a process may go without a word and still hold what it claimed.
    pub(crate) lease: &'static str,
}

const SQLITE: Dialect = Dialect {
    now: "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
    skip_locked: "",
    // The file is claimed by one process: what it holds ends with it.
    lease: "1000000000000000",
};

#[cfg(feature = "postgres")]
const POSTGRES: Dialect = Dialect {
    now: "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
    skip_locked: "FOR UPDATE OF r SKIP LOCKED",
    lease: "15000",
};

impl Engine {
    pub(crate) fn dialect(&self) -> &'static Dialect {
        match self {
            Self::Sqlite(_) => &SQLITE,
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => &POSTGRES,
        }
    }
}

/// An expression over a pool that need not write.
macro_rules! reading {
    ($store:expr, $pool:ident => $body:expr) => {
        match $store.engine() {
            $crate::store::engine::Engine::Sqlite(sqlite) => {
                let $pool = &sqlite.reader;
                $body
            }
            #[cfg(feature = "postgres")]
            $crate::store::engine::Engine::Postgres(postgres) => {
                let $pool = &postgres.pool;
                $body
            }
        }
    };
}

/// An expression over a pool that writes one statement at a time.
macro_rules! writing {
    ($store:expr, $pool:ident => $body:expr) => {
        match $store.engine() {
            $crate::store::engine::Engine::Sqlite(sqlite) => {
                let $pool = &sqlite.writer;
                $body
            }
            #[cfg(feature = "postgres")]
            $crate::store::engine::Engine::Postgres(postgres) => {
                let $pool = &postgres.pool;
                $body
            }
        }
    };
}

/// A block in a transaction that has a workspace to itself; it commits by its own `commit`.
macro_rules! transaction {
    ($store:expr, $workspace:expr, $doing:expr, $tx:ident => $body:block) => {
        match $store.engine() {
            $crate::store::engine::Engine::Sqlite(sqlite) => {
                // One writer: it has every workspace to itself.
                let _ = $workspace;
                let mut $tx = sqlite.immediate().await.map_err($doing)?;
                $body
            }
            #[cfg(feature = "postgres")]
            $crate::store::engine::Engine::Postgres(postgres) => {
                let mut $tx = postgres.holding(&[$workspace]).await.map_err($doing)?;
                $body
            }
        }
    };
}

pub(crate) use {reading, transaction, writing};

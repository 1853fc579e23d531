//! `cube-server edgegate migrate-db` and `export-audit`: rows that leave a database.

use std::path::PathBuf;

use clap::Args;
use cube_sdk_core::SecretString;

use crate::database::Database;
#[cfg(feature = "postgres")]
use crate::database::open;
#[cfg(not(feature = "postgres"))]
use crate::database::without_postgres;
#[cfg(feature = "postgres")]
use crate::file::{self, Absent};
#[cfg(feature = "postgres")]
use crate::say;

#[derive(Args)]
pub(crate) struct MigrateDb {
    /// The file; no service may run on it.
    #[arg(value_name = "FROM")]
    from: PathBuf,
    /// postgres://USER:PASSWORD@HOST/NAME, without rows. Set EDGEGATE_DB instead of writing a password where others can
    /// read it.
    #[arg(value_name = "TO", env = "EDGEGATE_DB", hide_env_values = true)]
    to: SecretString,
}

#[derive(Args)]
pub(crate) struct ExportAudit {
    #[command(flatten)]
    database: Database,
    /// Only months that ended before this time, such as 2026-01-01T00:00:00Z.
    #[arg(long, value_name = "TIME")]
    before: String,
    /// Where to write audit_YYYY_MM.ndjson, one row a line.
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
}

#[cfg(feature = "postgres")]
impl MigrateDb {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let from = file::open(&self.from, Absent::Refuse).await?;
        let to = open(&self.to, Absent::Refuse).await?;
        for (table, rows) in to.copy_from(&from).await? {
            say(&format!("{rows:>10}  {table}"))?;
        }
        from.close().await;
        to.close().await;
        say("every row was read back and is what it was")
    }
}

#[cfg(feature = "postgres")]
impl ExportAudit {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let before = self.before.parse()?;
        let store = self.database.open(Absent::Refuse).await?;
        for month in store.export_audit(before, &self.to).await? {
            say(&format!("{} rows in {}; {} may be dropped", month.rows, month.file.display(), month.table))?;
        }
        store.close().await;
        Ok(())
    }
}

#[cfg(not(feature = "postgres"))]
impl MigrateDb {
    #[allow(clippy::unused_async, reason = "the other build waits for a server")]
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let Self { from, to: _ } = self;
        Err(without_postgres().with_target(from.display().to_string()).into())
    }
}

#[cfg(not(feature = "postgres"))]
impl ExportAudit {
    #[allow(clippy::unused_async, reason = "the other build waits for a server")]
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let Self { database: _, before: _, to } = self;
        Err(without_postgres().with_target(to.display().to_string()).into())
    }
}

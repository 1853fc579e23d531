//! Where cube-cloud keeps users, keys and logins, as an option.

use std::path::PathBuf;

use clap::Args;
use cube_sdk_server::store::CloudStore;

use crate::file::{self, Absent};

/// The file's name where none is given.
const FILE: &str = "cloud.sqlite";

#[derive(Args)]
#[group(multiple = false)]
pub(crate) struct Kept {
    /// The database, a file. Default: cloud.sqlite in systemd's StateDirectory, else in cube-server of the user's folder of
    /// data, such as ~/.local/share.
    #[arg(long, value_name = "FILE")]
    db: Option<PathBuf>,
    /// `dynamodb://TABLE`, for many machines: keys in that table, logins in `TABLE-sessions`, with AWS's own settings.
    #[arg(long, value_name = "URL", value_parser = Tables::parse)]
    store: Option<Tables>,
}

/// Two tables of DynamoDB.
#[derive(Clone, Debug)]
pub(crate) struct Tables {
    pub(crate) keys: String,
    pub(crate) sessions: String,
}

impl Tables {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let name = text.strip_prefix("dynamodb://").ok_or("only dynamodb://TABLE is known")?;
        let fits = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if !(3..=246).contains(&name.len()) || !name.chars().all(fits) {
            return Err("a table's name has 3 to 246 letters, digits, `_`, `.` or `-`".to_owned());
        }
        Ok(Self { keys: name.to_owned(), sessions: format!("{name}-sessions") })
    }
}

impl Kept {
    /// Opens it; `absent` is of a file that is not there.
    pub(crate) async fn open(&self, absent: Absent) -> anyhow::Result<CloudStore> {
        match (&self.db, &self.store) {
            (Some(path), _) => Ok(file::open(path, absent).await?.into()),
            (None, Some(tables)) => dynamodb(tables).await,
            (None, None) => Ok(file::open_default(FILE, absent).await?.into()),
        }
    }

    /// Opens it for the service or for its first rows: in its default place it is made then, elsewhere only by who says so.
    pub(crate) async fn open_to_begin(&self, create: bool) -> anyhow::Result<CloudStore> {
        self.open(Absent::made_if(create || self.db.is_none())).await
    }
}

#[cfg(feature = "dynamodb")]
async fn dynamodb(tables: &Tables) -> anyhow::Result<CloudStore> {
    Ok(CloudStore::dynamodb(&tables.keys, &tables.sessions).await?)
}

#[cfg(not(feature = "dynamodb"))]
#[allow(clippy::unused_async)]
async fn dynamodb(tables: &Tables) -> anyhow::Result<CloudStore> {
    anyhow::bail!("{} and {}: this program was built without the feature `dynamodb`", tables.keys, tables.sessions)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_tables_are_taken() {
        let tables = Tables::parse("dynamodb://cube-keys").unwrap();
        assert_eq!((tables.keys.as_str(), tables.sessions.as_str()), ("cube-keys", "cube-keys-sessions"));
        for bad in
            ["cube-keys", "dynamodb://", "dynamodb://ab", "dynamodb://a/b", "redis://cube-keys", "dynamodb://a b c"]
        {
            assert!(Tables::parse(bad).is_err(), "{bad}");
        }
    }
}

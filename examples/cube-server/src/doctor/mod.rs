//! `cube-server edgegate doctor`: what the service needs, checked before it is started.

mod aws;
mod trust;

use clap::Args;
use cube_sdk_core::config::Environment;
use cube_sdk_core::{Clock, Error, ErrorKind, Result, Timestamp};
use cube_sdk_server::edgegate::settings::ACCOUNT_ID;
use cube_sdk_server::edgegate::{OperatorSettings, WorkspaceLimits};

use crate::database::Database;
use crate::file::Absent;
use crate::say;

/// Seconds that this host's clock and the database's may differ.
const DRIFT: u64 = 5;

#[derive(Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    database: Database,
}

/// How a check ended: what was found, or what is wrong.
type Finding = anyhow::Result<String>;

impl Doctor {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let environment = Environment::process();
        let mut well = true;
        let (database, clock) = self.database().await;
        let aws = aws::look(&environment).await;
        for (what, finding) in [
            ("settings", settings(&environment).map_err(Into::into)),
            ("limits", limits(&environment).map_err(Into::into)),
            ("trust store", trust::look(&environment)),
            ("AWS settings", aws.settings),
            ("AWS identity", aws.identity),
            ("clock and AWS's", aws.clock),
            ("database", database),
            ("clock and the database's", clock),
        ] {
            match finding {
                Ok(found) => say(&format!("ok     {what}: {found}"))?,
                Err(error) => {
                    well = false;
                    say(&format!("wrong  {what}: {error:#}"))?;
                }
            }
        }
        if well { Ok(()) } else { Err(Error::new(ErrorKind::Config, "the service would not run well").into()) }
    }

    async fn database(&self) -> (Finding, Finding) {
        let store = match self.database.open(Absent::Refuse).await {
            Ok(store) => store,
            Err(error) => return (Err(error), Err(anyhow::anyhow!("not compared: the database did not open"))),
        };
        let clock = match store.clock().await {
            Ok(theirs) => drift(theirs, Clock::system().now(), DRIFT),
            Err(error) => Err(error.into()),
        };
        store.close().await;
        (Ok("opens, and its tables are up to date".to_owned()), clock)
    }
}

/// How far apart two clocks are, and whether that is too far.
fn drift(theirs: Timestamp, ours: Timestamp, most: u64) -> Finding {
    let apart = ours.as_millisecond().abs_diff(theirs.as_millisecond()) / 1000;
    if apart <= most {
        return Ok(format!("{apart} s apart"));
    }
    let way = if ours < theirs { "behind" } else { "ahead" };
    let message = format!("this machine's is {apart} s {way}, at most {most} s are allowed");
    Err(Error::new(ErrorKind::Config, message).advice("set it by NTP; AWS refuses signatures beyond 300 s").into())
}

fn settings(environment: &Environment) -> Result<String> {
    if OperatorSettings::from_env(environment)?.names_account() {
        return Ok("complete".to_owned());
    }
    Err(Error::new(ErrorKind::Config, format!("{} is not set", ACCOUNT_ID.env)).advice(ACCOUNT_ID.doc))
}

fn limits(environment: &Environment) -> Result<String> {
    WorkspaceLimits::from_env(environment).map(|_| "can be read".to_owned())
}

//! What the service stands on: its database, and keys that AWS takes for those of the account that customers trust.

use std::sync::Arc;
use std::time::Duration;

use cube_sdk_byo::CallerIdentity;
use cube_sdk_core::cached::{Cached, Fresh, Renewal};
use cube_sdk_core::{Clock, Error, ErrorKind, Result};

use super::app::App;
use super::settings::{ACCOUNT_ID, OperatorSettings};
use crate::health::Check;

/// How long AWS's word on the keys is good.
const GOOD_FOR: Duration = Duration::from_secs(5 * 60);
/// So long before its end it is asked for again, beside whoever looks.
const AHEAD: Duration = Duration::from_secs(4 * 60);
/// The longest that AWS is waited for.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long a failure is the answer, so that those who look do not become as many calls.
const PAUSE: Duration = Duration::from_secs(10);

/// An empty cell.
pub(crate) fn cell(clock: Clock) -> Cached<CallerIdentity> {
    Cached::new(clock).renewal(Renewal::before_end(AHEAD)).patience(PATIENCE).pause(PAUSE)
}

/// What is looked at, by name.
pub(crate) fn checks(app: &Arc<App>) -> Vec<(&'static str, Check)> {
    let (of_database, of_identity) = (Arc::clone(app), Arc::clone(app));
    let database: Check = Arc::new(move || {
        let app = Arc::clone(&of_database);
        Box::pin(async move { app.store.ping().await })
    });
    let identity: Check = Arc::new(move || {
        let app = Arc::clone(&of_identity);
        Box::pin(async move { app.own_account().await })
    });
    vec![("database", database), ("aws identity", identity)]
}

impl App {
    async fn own_account(&self) -> Result<()> {
        let (aws, counted, clock) = (self.aws.clone(), self.counted.clone(), self.clock);
        let caller = self.caller.get(|| async move {
            let caller = aws.caller_identity().await;
            counted.asked_who(caller.is_ok());
            Ok(Fresh::new(caller?, Some(clock.now().saturating_add(GOOD_FOR))))
        });
        self.settings.check_account(&caller.await?)
    }
}

impl OperatorSettings {
    /// Do the keys belong to the account that customers are told to trust? Without an account anything goes.
    ///
    /// ```
    /// use cube_sdk_byo::PrincipalArn;
    /// use cube_sdk_server::edgegate::OperatorSettings;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let world = cube_sdk_testkit::aws::AwsWorld::builder().start().await?;
    /// # let card = world.card();
    /// # let storage = cube_sdk_byo::Storage::builder()
    /// #     .keys(&card.worker.access_key_id, card.worker.secret_access_key.clone(), None)
    /// #     .endpoint_url(card.endpoint_url.parse()?)
    /// #     .build()?;
    /// let worker: PrincipalArn = card.principal_arn.parse()?;
    /// let settings = OperatorSettings::for_principal(&worker); // or OperatorSettings::from_env(…)
    /// let caller = storage.caller_identity().await?; // whom the workers' keys belong to
    /// settings.check_account(&caller)?;
    /// settings.check_principal(&caller)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Config`, naming both accounts.
    pub fn check_account(&self, caller: &CallerIdentity) -> Result<()> {
        match &self.account_id {
            Some(account) if *account != caller.account => Err(Error::new(
                ErrorKind::Config,
                format!("the keys belong to account {}, {} says {account}", caller.account, ACCOUNT_ID.env),
            )
            .advice("use keys of that account, or set the variable to the account that the workers call from")),
            _ => Ok(()),
        }
    }

    /// Do the keys belong to the user or role that trust policies are written for?
    ///
    /// # Errors
    /// `Config`, naming both, and as [`Self::check_account`].
    pub fn check_principal(&self, caller: &CallerIdentity) -> Result<()> {
        self.check_account(caller)?;
        let principal = self.principal();
        match principal.parse() {
            Ok(named) if !caller.acts_as(&named) => Err(Error::new(
                ErrorKind::Config,
                format!("the keys are those of {}, trust policies are written for {principal}", caller.arn),
            )
            .advice("set BYO_EDGEGATE_PRINCIPAL_KIND and BYO_EDGEGATE_PRINCIPAL_NAME to what the workers call as")),
            // A placeholder, which is told of elsewhere.
            _ => Ok(()),
        }
    }
}

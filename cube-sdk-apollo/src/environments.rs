//! Environments: the cubes and fleets that Apollo looks after.
//!
//! ```
//! # cube_sdk_testkit::apollo::tour(async |world| {
//! # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
//! let mut list = apollo.environments().list();
//! while let Some(environment) = list.try_next().await? {
//!     println!("{} {}", environment.name, environment.id);
//! }
//! let overview = apollo.environments().overview().collect_up_to(100).await?;
//! assert!(overview[0].agents.iter().any(|agent| agent.is_reporting()));
//!
//! let created = apollo
//!     .environments()
//!     .create("cube-9")
//!     .accreditation("DEV")
//!     .contact_team("platform")
//!     .control_plane("module:builtin-control-plane-minimal:0.0.40")
//!     .control_plane_variable("tier", "edge".to_owned().into())
//!     .patch_input(|input| assert_eq!(input["name"], "cube-9"))
//!     .await?;
//! let environment = apollo.environments().get("cube-9").await?;
//! assert_eq!(environment.id, created.environment.id);
//!
//! let shown = apollo.environments().delete(&environment).dry_run().await?;
//! assert_eq!(shown.target.as_deref(), Some("cube-9"));
//! let change = apollo.environments().delete(&environment).await?;
//! apollo.change_requests().approve(change.rid()).await?;
//! # Ok::<(), cube_sdk_core::Error>(()) });
//! ```

use cube_sdk_core::listing::Listing;
use cube_sdk_core::{Error, ErrorKind, Result, SecretString, names};
use serde::Serialize;

use crate::choice::Match;
use crate::client::Apollo;
use crate::graphql::{
    ConsoleListEnvs, CreateEnv, DeleteEnv, MyTeams, Patch, Request, console_list_envs, create_env, delete_env,
    my_teams, wire,
};
use crate::ids::{MavenCoordinate, Rid};
use crate::listing::{BY_ID, Shape, Source, list};
use crate::mode::Mode;
pub use crate::model::{Agent, Environment, EnvironmentOverview};
use crate::model::{ChangeRequest, ModuleInstallation, Subject, VariableInput, refuse_masked};
use crate::modules::{installing, read_installed};
use crate::mutation::{Mutation, Prepared, mutation};
use crate::query::Query;
use crate::references::EnvironmentRef;
use crate::resolve::all_environments;

/// Environments of the fleet. From [`Apollo::environments`].
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// let mut list = apollo.environments().list();
/// while let Some(environment) = list.try_next().await? {
///     println!("{} {}", environment.name, environment.id);
/// }
/// assert_eq!(apollo.environments().get("cube-7").await?.name, "cube-7");
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[derive(Clone, Debug)]
pub struct Environments {
    apollo: Apollo,
}

impl Apollo {
    /// Environments: list, get, create, delete.
    pub fn environments(&self) -> Environments {
        Environments { apollo: self.clone() }
    }

    /// The teams of this client's credentials.
    pub fn my_teams(&self) -> Query<Vec<String>> {
        Query::new(self, |mode| async move {
            let answer = mode.ask::<MyTeams>(my_teams::Variables {}).await?;
            let teams: Option<wire::List<wire::Team>> = answer.read("/me/apolloTeams")?;
            let teams = answer.whole(teams, "/me/apolloTeams")?;
            let named = teams.into_iter().map(|team| answer.need(team.name, "/me/apolloTeams/name"));
            named.collect()
        })
    }
}

/// The list with labels and agents.
pub(crate) fn all_overviews() -> Source<EnvironmentOverview> {
    let shape = Shape { page: "/apollo/environments", list: "environments", identity: BY_ID };
    Source::items(
        shape,
        |token| {
            let page_token = token.map(str::to_owned);
            Request::of::<ConsoleListEnvs>(console_list_envs::Variables { page_size: 500, page_token })
        },
        |value, answer| EnvironmentOverview::from_wire(answer.parse(value)?, answer),
    )
}

impl Environments {
    /// Every environment that this client may see, 500 to a page.
    pub fn list(&self) -> Listing<Environment> {
        list(&self.apollo, |_| async { Ok(all_environments()) })
    }

    /// The same with labels and agents; measured slower by two thirds on a fleet of 166.
    pub fn overview(&self) -> Listing<EnvironmentOverview> {
        list(&self.apollo, |_| async { Ok(all_overviews()) })
    }

    /// One environment by name, id or RID. A RID is asked for directly; a name is looked up in the whole list: exact,
    /// else without case, else as the only one that contains it.
    pub fn get(&self, environment: impl Into<EnvironmentRef>) -> Query<Environment> {
        let environment = environment.into();
        Query::new(&self.apollo, |mode| async move { mode.environment(&environment, Match::Free).await })
    }

    /// Creates an environment.
    pub fn create(&self, name: impl Into<String>) -> CreateEnvironment {
        CreateEnvironment {
            apollo: self.apollo.clone(),
            name: name.into(),
            accreditation: Some("DEV".into()),
            contact_team: None,
            control_plane: None,
            variables: Vec::new(),
            patch: None,
        }
    }

    /// Opens the change request that deletes an environment with its entities, modules and config. Takes the exact
    /// name, the id or the RID only.
    pub fn delete(&self, environment: impl Into<EnvironmentRef>) -> Mutation<ChangeRequest> {
        let (apollo, environment) = (self.apollo.clone(), environment.into());
        Mutation::new(|_| async move {
            let environment = Mode::strict(&apollo).environment(&environment, Match::Exact).await?;
            let rid = environment.need(environment.rid.as_ref(), "RID")?.to_string();
            let request = Request::of::<DeleteEnv>(delete_env::Variables { rid })?.about(environment.name.as_str());
            Ok(Prepared::one(&apollo.clone(), request, move |answer| {
                ChangeRequest::opened(&apollo, answer, "/apollo/deleteEnvironment", &environment, Subject::Deletion)
            }))
        })
    }
}

/// An environment that was just created.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct CreatedEnvironment {
    /// The environment.
    pub environment: Environment,
    /// The control-plane module, when one was asked for.
    pub control_plane: Option<ModuleInstallation>,
}

/// Creates an environment when awaited, then installs the control-plane module if one is named.
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// let create = || apollo.environments().create("cube-9").accreditation("DEV").contact_team("platform");
/// println!("{}", create().dry_run().await?); // what would be sent
/// let created = create().await?;
/// assert_eq!(created.environment.name, "cube-9");
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[must_use = "awaiting it creates the environment"]
pub struct CreateEnvironment {
    apollo: Apollo,
    name: String,
    accreditation: Option<String>,
    contact_team: Option<String>,
    control_plane: Option<Result<MavenCoordinate>>,
    variables: Vec<VariableInput>,
    patch: Option<Patch>,
}

impl CreateEnvironment {
    /// The accreditation level. Default `DEV`.
    pub fn accreditation(mut self, level: impl Into<String>) -> Self {
        self.accreditation = Some(level.into());
        self
    }

    /// The team to contact.
    pub fn contact_team(mut self, team: impl Into<String>) -> Self {
        self.contact_team = Some(team.into());
        self
    }

    /// The module that runs Apollo's own agent, such as `module:builtin-control-plane-minimal:0.0.40`. Its variable
    /// `environmentId` is set to the new environment's id unless given.
    pub fn control_plane(mut self, module: impl TryInto<MavenCoordinate, Error: Into<Error>>) -> Self {
        self.control_plane = Some(names::taken(module));
        self
    }

    /// A variable of the control-plane module.
    pub fn control_plane_variable(mut self, name: impl Into<String>, value: SecretString) -> Self {
        self.variables.push(VariableInput::text(name, value));
        self
    }

    async fn prepare(self) -> Result<Prepared<CreatedEnvironment>> {
        if self.name.trim().is_empty() || Rid::is_rid(&self.name) {
            return Err(Error::new(ErrorKind::InvalidInput, "an environment needs a name that is no RID"));
        }
        let module = self.control_plane.transpose()?;
        refuse_masked(&self.variables)?;
        let input = create_env::CreateApolloEnvironmentRequest {
            name: self.name.clone(),
            accreditation: self.accreditation,
            contact_team: self.contact_team,
        };
        let request = Request::of::<CreateEnv>(create_env::Variables { request: input })?
            .patch("request", self.patch)
            .about(self.name.as_str());
        let (apollo, variables) = (self.apollo, self.variables);
        let Some(module) = module else {
            return Ok(Prepared::one(&apollo, request, |answer| {
                let environment = Environment::from_wire(answer.require("/apollo/createEnvironment")?, answer)?;
                Ok(CreatedEnvironment { environment, control_plane: None })
            }));
        };
        // The new id is not known before.
        let unborn = Environment::by_id("(the new environment's id)".into());
        let then = installing(
            &Environment { name: self.name, ..unborn.clone() },
            &module,
            None,
            own_id(&variables, &unborn),
            false,
            None,
        )?;
        let first = request.clone();
        let prepared = Prepared::of(&request, move || async move {
            let answer = apollo.send(&first, false).await?;
            let environment = Environment::from_wire(answer.require("/apollo/createEnvironment")?, &answer)?;
            let variables = own_id(&variables, &environment);
            let installed = async {
                let request = installing(&environment, &module, None, variables, false, None)?;
                read_installed(&apollo.send(&request, false).await?)
            };
            let control_plane = installed.await.map_err(|error| {
                let next = format!("environment {} exists: install the module on it", environment.id);
                error.advice(next)
            })?;
            Ok(CreatedEnvironment { environment, control_plane: Some(control_plane) })
        });
        Ok(prepared.followed_by(&then))
    }
}

mutation!(CreateEnvironment => CreatedEnvironment);

/// The variables with `environmentId`, which is the environment's own unless given.
fn own_id(variables: &[VariableInput], environment: &Environment) -> Vec<VariableInput> {
    let mut variables = variables.to_vec();
    if !variables.iter().any(|variable| variable.name == "environmentId") {
        variables.push(VariableInput::text("environmentId", SecretString::from(environment.id.as_str())));
    }
    variables
}

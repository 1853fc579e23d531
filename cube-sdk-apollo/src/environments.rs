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
//!     .control_plane("module:builtin-control-plane-minimal:0.0.40".parse()?)
//!     .control_plane_variable("tier", "edge".to_owned().into())
//!     .patch_input(|input| assert_eq!(input["name"], "cube-9"))
//!     .await?;
//! let environment = apollo.environments().get("cube-9").await?;
//! assert_eq!(environment.id, created.environment.id);
//!
//! let change = apollo.environments().delete(&environment).await?;
//! apollo.change_requests().approve(change.rid()).await?;
//! # Ok::<(), cube_sdk_core::Error>(()) });
//! ```

use cube_sdk_core::{Error, ErrorKind, Result, SecretString, Timestamp};
use serde::Serialize;

use crate::change_requests::ChangeRequest;
use crate::client::{Answer, Apollo};
use crate::drain::{Listing, Shape, Source};
use crate::graphql::{
    ConsoleListEnvs, CreateEnv, DeleteEnv, MyTeams, Patch, Request, console_list_envs, create_env, delete_env,
    my_teams, wire,
};
use crate::ids::{AgentId, EnvironmentId, MavenCoordinate, Rid};
use crate::modules::{ModuleInstallation, VariableInput, install_on};
use crate::read::{Read, Session};
use crate::resolve::{EnvironmentRef, Match, Named, all_environments};
use crate::write::{Write, awaited};

/// An environment.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Environment {
    /// The id that other calls take.
    pub id: EnvironmentId,
    /// The RID; deleting needs it.
    pub rid: Option<Rid>,
    /// The name; the id when it has none.
    pub name: String,
    /// The space; config updates need it.
    pub space_id: Option<String>,
    /// The namespace; installing and uninstalling need it.
    pub namespace_id: Option<String>,
    /// The accreditation, told only when the environment was just created.
    pub accreditation: Option<String>,
    /// Teams with a role.
    pub teams: Vec<String>,
}

impl Environment {
    pub(crate) fn from_wire(wire: wire::Environment, answer: &Answer) -> Result<Self> {
        let id = wire.id.filter(|id| !id.is_empty()).ok_or_else(|| answer.absent("/environment/id"))?;
        Ok(Self {
            name: wire.name.filter(|name| !name.is_empty()).unwrap_or_else(|| id.clone()),
            id: id.into(),
            rid: wire.rid.map(Rid::from),
            space_id: wire.space_id,
            namespace_id: wire.namespace_id,
            accreditation: wire.accreditation,
            teams: teams(wire.role_policy),
        })
    }

    /// Of which only the id is known.
    pub(crate) fn by_id(id: EnvironmentId) -> Self {
        Self {
            name: id.to_string(),
            id,
            rid: None,
            space_id: None,
            namespace_id: None,
            accreditation: None,
            teams: Vec::new(),
        }
    }

    /// A part that a call needs and a reply may lack.
    pub(crate) fn need<'a, T: ?Sized>(&self, part: Option<&'a T>, name: &str) -> Result<&'a T> {
        part.ok_or_else(|| {
            Error::new(ErrorKind::Decode, format!("Apollo tells no {name} of this environment"))
                .with_target(self.name.clone())
                .advice("check that the client's team has a role on it")
        })
    }
}

fn teams(policy: Option<wire::RolePolicy>) -> Vec<String> {
    let statements = policy.map(|policy| policy.team_role_statements.0).unwrap_or_default();
    statements.into_iter().filter_map(|statement| statement.team?.name).collect()
}

impl Named for Environment {
    fn ids(&self) -> Vec<&str> {
        self.rid.iter().map(Rid::as_str).chain([self.id.as_str()]).collect()
    }

    fn names(&self) -> Vec<&str> {
        vec![&self.name]
    }
}

/// An environment with its label and agents: slower to list than the environment alone.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EnvironmentOverview {
    /// The environment.
    pub environment: Environment,
    /// A label for people, never a key.
    pub display_name: Option<String>,
    /// Its agents.
    pub agents: Vec<Agent>,
}

/// An agent of an environment.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Agent {
    /// Its id, if told.
    pub id: Option<AgentId>,
    /// The connection status in the server's word; the words are not published.
    pub connection_status: Option<String>,
    /// When it last reported.
    pub last_updated: Option<Timestamp>,
    /// The name of its union member, such as `ApolloAgent_Reporting`.
    pub type_name: String,
}

impl Agent {
    /// Has it ever reported?
    pub fn is_reporting(&self) -> bool {
        self.type_name == "ApolloAgent_Reporting"
    }

    pub(crate) fn from_wire(wire: wire::Agent) -> Self {
        Self {
            id: wire.agent_id.map(AgentId::from),
            connection_status: wire.connection_status,
            last_updated: wire.last_updated.0,
            type_name: wire.type_name.unwrap_or_default(),
        }
    }
}

/// Environments of the fleet. From [`Apollo::environments`].
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
    pub fn my_teams(&self) -> Read<Vec<String>> {
        Read::new(self, |session| async move {
            let answer = session.ask::<MyTeams>(my_teams::Variables {}).await?;
            let teams: wire::List<wire::Team> = answer.read("/me/apolloTeams")?.unwrap_or_default();
            Ok(teams.0.into_iter().filter_map(|team| team.name).collect())
        })
    }
}

impl Environments {
    /// Every environment that this client may see, 500 to a page.
    pub fn list(&self) -> Listing<Environment> {
        all_environments(&self.apollo)
    }

    /// The same with labels and agents; measured slower by two thirds on a fleet of 166.
    pub fn overview(&self) -> Listing<EnvironmentOverview> {
        let shape = Shape { page: "/apollo/environments", list: "environments", identity: &["id", "rid"] };
        Listing::new(&self.apollo, shape, |_| async {
            Ok(Source {
                request: Box::new(|token| {
                    let page_token = token.map(str::to_owned);
                    Request::of::<ConsoleListEnvs>(console_list_envs::Variables { page_size: 500, page_token })
                }),
                item: Box::new(|value, answer| {
                    let mut wire: wire::Environment = answer.parse(value)?;
                    Ok(EnvironmentOverview {
                        display_name: wire.display_metadata.take().and_then(|metadata| metadata.display_name),
                        agents: std::mem::take(&mut wire.agents).0.into_iter().map(Agent::from_wire).collect(),
                        environment: Environment::from_wire(wire, answer)?,
                    })
                }),
            })
        })
    }

    /// One environment by name or RID. A RID is asked for directly; a name is looked up in the whole list: exact,
    /// else without case, else as the only one that contains it.
    pub fn get(&self, environment: impl Into<EnvironmentRef>) -> Read<Environment> {
        let environment = environment.into();
        Read::new(&self.apollo, |session| async move { session.environment(&environment, Match::Free).await })
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
    /// name or the RID only.
    pub fn delete(&self, environment: impl Into<EnvironmentRef>) -> Write<ChangeRequest> {
        let (apollo, environment) = (self.apollo.clone(), environment.into());
        Write::new(|_| async move {
            let session = Session::strict(apollo.clone());
            let environment = session.environment(&environment, Match::Exact).await?;
            let rid = environment.need(environment.rid.as_ref(), "RID")?.to_string();
            let request = Request::of::<DeleteEnv>(delete_env::Variables { rid })?.about(environment.name.as_str());
            let answer = session.send(request).await?;
            ChangeRequest::opened(&apollo, &answer, "/apollo/deleteEnvironment", &environment, None)
        })
    }
}

/// An environment that was just created.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CreatedEnvironment {
    /// The environment.
    pub environment: Environment,
    /// The control-plane module, when one was asked for.
    pub control_plane: Option<ModuleInstallation>,
}

/// Creates an environment when awaited, then installs the control-plane module if one is named.
#[must_use = "awaiting it creates the environment"]
pub struct CreateEnvironment {
    apollo: Apollo,
    name: String,
    accreditation: Option<String>,
    contact_team: Option<String>,
    control_plane: Option<MavenCoordinate>,
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
    pub fn control_plane(mut self, module: MavenCoordinate) -> Self {
        self.control_plane = Some(module);
        self
    }

    /// A variable of the control-plane module.
    pub fn control_plane_variable(mut self, name: impl Into<String>, value: SecretString) -> Self {
        self.variables.push(VariableInput::text(name, value));
        self
    }

    async fn send(mut self) -> Result<CreatedEnvironment> {
        if self.name.trim().is_empty() || Rid::is_rid(&self.name) {
            return Err(Error::new(ErrorKind::InvalidInput, "an environment needs a name that is no RID"));
        }
        let input = create_env::CreateApolloEnvironmentRequest {
            name: self.name.clone(),
            accreditation: self.accreditation.take(),
            contact_team: self.contact_team.take(),
        };
        let request = Request::of::<CreateEnv>(create_env::Variables { request: input })?
            .patch("request", self.patch.take())
            .about(self.name.as_str());
        let answer = self.apollo.send(request, false).await?;
        let environment = Environment::from_wire(answer.require("/apollo/createEnvironment")?, &answer)?;
        let Some(module) = self.control_plane.take() else {
            return Ok(CreatedEnvironment { environment, control_plane: None });
        };
        if !self.variables.iter().any(|variable| variable.name == "environmentId") {
            let id = SecretString::from(environment.id.as_str());
            self.variables.push(VariableInput::text("environmentId", id));
        }
        let installed = install_on(&self.apollo, &environment, &module, None, self.variables, false, None).await;
        let control_plane = installed.map_err(|error| {
            let next = format!("environment {} exists: install the module on it", environment.id);
            error.advice(next)
        })?;
        Ok(CreatedEnvironment { environment, control_plane: Some(control_plane) })
    }
}

awaited!(CreateEnvironment -> CreatedEnvironment);

//! Environments and their agents.

use cube_sdk_core::{Error, ErrorKind, Result, Timestamp};
use serde::Serialize;

use crate::answer::Answer;
use crate::choice::Named;
use crate::graphql::wire;
use crate::ids::{AgentId, EnvironmentId, Rid};

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
    /// Teams with a role, as far as they are told.
    pub teams: Vec<String>,
    /// Are these all of them?
    #[serde(skip)]
    pub(crate) teams_are_known: bool,
}

impl Environment {
    pub(crate) fn from_wire(wire: wire::Environment, answer: &Answer) -> Result<Self> {
        let id = wire.id.filter(|id| !id.is_empty()).ok_or_else(|| answer.absent("/environment/id"))?;
        let policy = wire.role_policy.and_then(|policy| policy.team_role_statements);
        let (told, missing) = policy.map_or((Vec::new(), 1), |policy| (policy.items, policy.nulls));
        let all = told.len();
        let teams: Vec<_> = told.into_iter().filter_map(|statement| statement.team?.name).collect();
        Ok(Self {
            name: wire.name.filter(|name| !name.is_empty()).unwrap_or_else(|| id.clone()),
            id: id.into(),
            rid: wire.rid.map(Rid::from),
            space_id: wire.space_id,
            namespace_id: wire.namespace_id,
            accreditation: wire.accreditation,
            teams_are_known: missing == 0 && teams.len() == all,
            teams,
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
            teams_are_known: false,
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

impl EnvironmentOverview {
    pub(crate) fn from_wire(mut wire: wire::Environment, answer: &Answer) -> Result<Self> {
        let agents = answer.whole(Some(std::mem::take(&mut wire.agents)), "/environment/agents")?;
        Ok(Self {
            display_name: wire.display_metadata.take().and_then(|metadata| metadata.display_name),
            agents: agents.into_iter().map(Agent::from_wire).collect(),
            environment: Environment::from_wire(wire, answer)?,
        })
    }
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

    fn from_wire(wire: wire::Agent) -> Self {
        Self {
            id: wire.agent_id.map(AgentId::from),
            connection_status: wire.connection_status,
            last_updated: wire.last_updated.0,
            type_name: wire.type_name.unwrap_or_default(),
        }
    }
}

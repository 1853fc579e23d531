//! All tools of the agent, and the one door that they go through.

use std::sync::{Arc, OnceLock};

use cube_sdk::Cube;

use crate::choice::Choice;
use crate::cloud::CloudTools;
use crate::tool::Tool;
use crate::{byo, local};

/// The agent. Cheap to clone; making one does no I/O.
///
/// ```
/// use cube_agent::{Agent, Choice};
/// use cube_sdk::Cube;
///
/// let agent = Agent::new(Cube::builder().build(), Choice::default());
/// assert!(agent.tools().iter().any(|tool| tool.name == "app_proxy"));
/// ```
#[derive(Clone)]
pub struct Agent(Arc<Parts>);

struct Parts {
    cube: Cube,
    choice: Choice,
    cloud: CloudTools,
    tools: OnceLock<Vec<Tool>>,
}

impl Agent {
    /// An agent that goes through this door and offers these tools.
    pub fn new(cube: Cube, choice: Choice) -> Self {
        let cloud = CloudTools::new(cube.clone());
        Self(Arc::new(Parts { cube, choice, cloud, tools: OnceLock::new() }))
    }

    /// The door to every service.
    pub fn cube(&self) -> &Cube {
        &self.0.cube
    }

    /// Which tools are offered.
    pub fn choice(&self) -> &Choice {
        &self.0.choice
    }

    /// cube-cloud's own tools.
    pub fn cloud(&self) -> &CloudTools {
        &self.0.cloud
    }

    /// The agent's own tools, those that are not offered too.
    pub fn tools(&self) -> &[Tool] {
        self.0.tools.get_or_init(|| [local::tools(), byo::tools()].concat())
    }

    /// One of the agent's own tools.
    pub fn tool(&self, name: &str) -> Option<&Tool> {
        self.tools().iter().find(|tool| tool.name == name)
    }
}

//! Modules: bundles of entities that are installed and configured together.
//!
//! ```
//! # cube_sdk_testkit::apollo::tour(async |world| {
//! # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
//! let modules = apollo.modules("cube-7");
//! for module in modules.list().await? {
//!     println!("{} {:?}", module.coordinate, module.state);
//!     for variable in &module.variables {
//!         println!("  {} = {}", variable.name, variable.shown());
//!     }
//! }
//! let installed = modules
//!     .install(&"com.example:mqtt-stack:2.0.0".parse()?)
//!     .display_name("mqtt")
//!     .variable("region", "north".to_owned().into())
//!     .option("tier", "edge".to_owned().into())
//!     .ignore_secret_requirements()
//!     .patch_input(|input| assert_eq!(input["displayName"], "mqtt"))
//!     .await?;
//! modules
//!     .update("mqtt")
//!     .set("region", "south".to_owned().into())
//!     .set_option("tier", "core".to_owned().into())
//!     .patch_input(|input| assert_eq!(input["variables"].as_array().map(Vec::len), Some(2)))
//!     .await?;
//! let current = modules.get("mqtt").await?;
//! assert_eq!(current.rid, installed.rid);
//! assert_eq!(current.variables[0].expose(), "south");
//! let gone = modules.uninstall("mqtt").await?;
//! assert!(gone.left_behind.is_empty()); // entities stay; nothing here was installed by it
//! # Ok::<(), cube_sdk_core::Error>(()) });
//! ```

mod installation;

use cube_sdk_core::{Result, SecretString};

pub(crate) use installation::VariableInput;
pub use installation::{ModuleInstallation, ModuleVariable, VariableKind};
use installation::{held, refuse_masked};

use crate::client::Apollo;
use crate::entities::DeployedEntity;
use crate::entities::reads::managed_by;
use crate::environments::Environment;
use crate::graphql::{
    InstallModule, ListModules, Patch, Request, UninstallModule, UpdateModuleInstallation, install_module,
    list_modules, uninstall_module, update_module_installation, wire,
};
use crate::ids::{MavenCoordinate, Rid};
use crate::read::{Read, Session};
use crate::resolve::{EnvironmentRef, Match, pick};
use crate::write::{Write, awaited};

/// Modules of one environment. From [`Apollo::modules`].
#[derive(Clone, Debug)]
pub struct Modules {
    apollo: Apollo,
    environment: EnvironmentRef,
}

impl Apollo {
    /// Modules of an environment.
    pub fn modules(&self, environment: impl Into<EnvironmentRef>) -> Modules {
        Modules { apollo: self.clone(), environment: environment.into() }
    }
}

impl Modules {
    /// The installed modules with their variables.
    pub fn list(&self) -> Read<Vec<ModuleInstallation>> {
        let reference = self.environment.clone();
        Read::new(&self.apollo, |session| async move {
            let environment = session.environment(&reference, Match::Free).await?;
            session.modules(&environment).await
        })
    }

    /// One installed module by display name, coordinate or RID.
    pub fn get(&self, module: impl Into<String>) -> Read<ModuleInstallation> {
        let (reference, module) = (self.environment.clone(), module.into());
        Read::new(&self.apollo, |session| async move {
            let environment = session.environment(&reference, Match::Free).await?;
            session.module(&environment, &module).await
        })
    }

    /// Installs a module.
    pub fn install(&self, module: &MavenCoordinate) -> InstallModuleRequest {
        InstallModuleRequest {
            apollo: self.apollo.clone(),
            environment: self.environment.clone(),
            module: module.clone(),
            display_name: None,
            variables: Vec::new(),
            ignore_secret_requirements: false,
            patch: None,
        }
    }

    /// Changes variables of an installed module; those not named keep their values.
    pub fn update(&self, module: impl Into<String>) -> UpdateModule {
        UpdateModule {
            apollo: self.apollo.clone(),
            environment: self.environment.clone(),
            module: module.into(),
            changes: Vec::new(),
            patch: None,
        }
    }

    /// Unlinks a module. Its entities stay as entities of their own; they are read before and told in the result.
    pub fn uninstall(&self, module: impl Into<String>) -> Write<UninstalledModule> {
        let (apollo, reference, module) = (self.apollo.clone(), self.environment.clone(), module.into());
        Write::new(|_| async move {
            let session = Session::strict(apollo);
            let environment = session.environment(&reference, Match::Free).await?;
            let module = session.module(&environment, &module).await?;
            let left_behind = managed_by(&session, (&environment).into(), &module.rid).await?;
            let variables = uninstall_module::Variables { installation_rid: module.rid.to_string() };
            let request = Request::of::<UninstallModule>(variables)?.about(environment.name.as_str());
            let answer = session.send(request).await?;
            let wire: wire::Module = answer.require("/apollo/unlinkModule")?;
            let state = wire.state.and_then(|state| state.type_name);
            Ok(UninstalledModule { rid: module.rid, state, left_behind })
        })
    }
}

/// A module that was unlinked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UninstalledModule {
    /// The RID of the installation.
    pub rid: Rid,
    /// The name of the state's type.
    pub state: Option<String>,
    /// Entities that it had installed and that go on running.
    pub left_behind: Vec<DeployedEntity>,
}

/// Installs a module when awaited.
#[must_use = "awaiting it installs the module"]
pub struct InstallModuleRequest {
    apollo: Apollo,
    environment: EnvironmentRef,
    module: MavenCoordinate,
    display_name: Option<String>,
    variables: Vec<VariableInput>,
    ignore_secret_requirements: bool,
    patch: Option<Patch>,
}

impl InstallModuleRequest {
    /// A display name.
    pub fn display_name(mut self, name: impl Into<String>) -> Self {
        self.display_name = Some(name.into());
        self
    }

    /// Sets a text variable.
    pub fn variable(mut self, name: impl Into<String>, value: SecretString) -> Self {
        self.variables.push(VariableInput::text(name, value));
        self
    }

    /// Sets a variable that is one of the module's options.
    pub fn option(mut self, name: impl Into<String>, value: SecretString) -> Self {
        self.variables.push(VariableInput::option(name, value));
        self
    }

    /// Installs although secrets that the module requires are not set.
    pub fn ignore_secret_requirements(mut self) -> Self {
        self.ignore_secret_requirements = true;
        self
    }

    async fn send(self) -> Result<ModuleInstallation> {
        refuse_masked(&self.variables)?;
        let session = Session::strict(self.apollo.clone());
        let environment = session.environment(&self.environment, Match::Free).await?;
        let ignore = self.ignore_secret_requirements;
        let name = self.display_name;
        install_on(&self.apollo, &environment, &self.module, name, self.variables, ignore, self.patch).await
    }
}

awaited!(InstallModuleRequest -> ModuleInstallation);

/// Sends an installation.
pub(crate) async fn install_on(
    apollo: &Apollo,
    environment: &Environment,
    module: &MavenCoordinate,
    display_name: Option<String>,
    variables: Vec<VariableInput>,
    ignore_secret_requirements: bool,
    patch: Option<Patch>,
) -> Result<ModuleInstallation> {
    refuse_masked(&variables)?;
    let hidden: Vec<_> = variables.iter().map(|variable| variable.value.clone()).collect();
    let inputs = variables.into_iter().map(|variable| {
        let (text, choice) = held(variable.kind, variable.value);
        install_module::ApolloProductModuleVariableInput {
            variable_name: variable.name,
            string_value: text,
            option_value: choice,
        }
    });
    let input = install_module::InstallApolloProductModuleInputV2 {
        apollo_environment_id: environment.id.to_string(),
        module_maven_coordinate: module.to_string(),
        display_name,
        variables: inputs.collect(),
        ignore_secret_requirements: ignore_secret_requirements.then_some(true),
    };
    let request = Request::of::<InstallModule>(install_module::Variables { request: input })?
        .patch("request", patch)
        .hides(hidden)
        .about(format!("{}/{module}", environment.name));
    let answer = apollo.send(request, false).await?;
    ModuleInstallation::from_wire(answer.require("/apollo/installModuleV2")?, &answer)
}

/// Changes a module's variables when awaited: reads the current ones, overlays the changes, sends the whole set,
/// because Apollo replaces all of them. A variable cannot be unset.
#[must_use = "awaiting it changes the module"]
pub struct UpdateModule {
    apollo: Apollo,
    environment: EnvironmentRef,
    module: String,
    changes: Vec<VariableInput>,
    patch: Option<Patch>,
}

impl UpdateModule {
    /// Sets a variable. One that exists keeps its kind; a new one is a text.
    pub fn set(mut self, name: impl Into<String>, value: SecretString) -> Self {
        self.changes.push(VariableInput::text(name, value));
        self
    }

    /// Sets a variable; a new one is one of the module's options.
    pub fn set_option(mut self, name: impl Into<String>, value: SecretString) -> Self {
        self.changes.push(VariableInput::option(name, value));
        self
    }

    async fn send(self) -> Result<ModuleInstallation> {
        refuse_masked(&self.changes)?;
        let session = Session::strict(self.apollo.clone());
        let environment = session.environment(&self.environment, Match::Free).await?;
        let module = session.module(&environment, &self.module).await?;
        let mut variables = module.variables.iter().map(VariableInput::of).collect::<Result<Vec<_>>>()?;
        for change in self.changes {
            match variables.iter_mut().find(|variable| variable.name == change.name) {
                Some(variable) => variable.value = change.value,
                None => variables.push(change),
            }
        }
        let hidden: Vec<_> = variables.iter().map(|variable| variable.value.clone()).collect();
        let inputs = variables.into_iter().map(|variable| {
            let (text, choice) = held(variable.kind, variable.value);
            update_module_installation::ApolloProductModuleVariableInput {
                variable_name: variable.name,
                string_value: text,
                option_value: choice,
            }
        });
        let variables = update_module_installation::Variables {
            module_installation_rid: module.rid.to_string(),
            update: update_module_installation::UpdateApolloProductModuleInstallationInputV2 {
                module_maven_coordinate: module.coordinate.clone(),
                display_name: module.display_name.clone(),
                variables: inputs.collect(),
            },
        };
        let request = Request::of::<UpdateModuleInstallation>(variables)?
            .patch("update", self.patch)
            .hides(hidden)
            .about(format!("{}/{}", environment.name, module.coordinate));
        let answer = self.apollo.send(request, false).await?;
        let updated = ModuleInstallation::from_wire(answer.require("/apollo/updateModuleInstallationV2")?, &answer)?;
        Ok(ModuleInstallation { coordinate: module.coordinate, ..updated })
    }
}

awaited!(UpdateModule -> ModuleInstallation);

impl Session {
    pub(crate) async fn modules(&self, environment: &Environment) -> Result<Vec<ModuleInstallation>> {
        let variables = list_modules::Variables { id: environment.id.to_string() };
        let request = Request::of::<ListModules>(variables)?.about(environment.name.as_str());
        let answer = self.send(request).await?;
        answer.at("/apollo/environmentById").ok_or_else(|| answer.not_found("environment"))?;
        let list = "/apollo/environmentById/moduleInstallationsV2/moduleInstallations";
        let modules: wire::List<wire::Module> = answer.read(list)?.unwrap_or_default();
        modules.0.into_iter().map(|module| ModuleInstallation::from_wire(module, &answer)).collect()
    }

    pub(crate) async fn module(&self, environment: &Environment, wanted: &str) -> Result<ModuleInstallation> {
        let modules = self.modules(environment).await?;
        pick("module", wanted, &modules, Match::Free)
            .cloned()
            .map_err(|error| error.with_target(environment.name.clone()))
    }
}

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
//!     .install("com.example:mqtt-stack:2.0.0")
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
//! assert!(current.variables[0].is_set());
//! assert_eq!(current.variables[0].expose(), "south");
//! let gone = modules.uninstall("mqtt").await?;
//! assert!(gone.left_behind.is_empty()); // entities stay; nothing here was installed by it
//! # Ok::<(), cube_sdk_core::Error>(()) });
//! ```

use cube_sdk_core::{Error, Result, SecretString, names};

use crate::answer::Answer;
use crate::choice::Match;
use crate::client::Apollo;
use crate::entities::managed_by;
use crate::graphql::{
    InstallModule, ListModules, Patch, Request, UninstallModule, UpdateModuleInstallation, install_module,
    list_modules, uninstall_module, update_module_installation, wire,
};
use crate::ids::MavenCoordinate;
use crate::mode::Mode;
use crate::model::{Environment, VariableInput, refuse_masked};
pub use crate::model::{ModuleInstallation, ModuleVariable, UninstalledModule, VariableKind};
use crate::mutation::{Mutation, Prepared, mutation};
use crate::query::Query;
use crate::references::{EnvironmentRef, ModuleRef};
use crate::resolve::chosen;

/// Modules of one environment. From [`Apollo::modules`].
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// for module in apollo.modules("cube-7").list().await? {
///     println!("{} {:?}", module.coordinate, module.state);
/// }
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
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
    pub fn list(&self) -> Query<Vec<ModuleInstallation>> {
        let reference = self.environment.clone();
        Query::new(&self.apollo, |mode| async move {
            let environment = mode.environment(&reference, Match::Free).await?;
            mode.modules(&environment).await
        })
    }

    /// One installed module by display name, coordinate or RID.
    pub fn get(&self, module: impl Into<ModuleRef>) -> Query<ModuleInstallation> {
        let (reference, module) = (self.environment.clone(), module.into());
        Query::new(&self.apollo, |mode| async move {
            let environment = mode.environment(&reference, Match::Free).await?;
            mode.module(&environment, &module, Match::Free).await
        })
    }

    /// Installs a module. Takes the environment's exact name, its id or RID only.
    pub fn install(&self, module: impl TryInto<MavenCoordinate, Error: Into<Error>>) -> InstallModuleRequest {
        InstallModuleRequest {
            apollo: self.apollo.clone(),
            environment: self.environment.clone(),
            module: names::taken(module),
            display_name: None,
            variables: Vec::new(),
            ignore_secret_requirements: false,
            patch: None,
        }
    }

    /// Changes variables of an installed module; those not named keep their values. Takes exact names, ids or RIDs
    /// only.
    pub fn update(&self, module: impl Into<ModuleRef>) -> UpdateModule {
        UpdateModule {
            apollo: self.apollo.clone(),
            environment: self.environment.clone(),
            module: module.into(),
            changes: Vec::new(),
            patch: None,
        }
    }

    /// Unlinks a module. Its entities stay as entities of their own; they are read before and told in the result.
    /// Takes exact names, ids or RIDs only.
    pub fn uninstall(&self, module: impl Into<ModuleRef>) -> Mutation<UninstalledModule> {
        let (apollo, reference, module) = (self.apollo.clone(), self.environment.clone(), module.into());
        Mutation::new(|_| async move {
            let mode = Mode::strict(&apollo);
            let environment = mode.environment(&reference, Match::Exact).await?;
            let module = mode.module(&environment, &module, Match::Exact).await?;
            let left_behind = managed_by(&mode, &environment, &module.rid).await?;
            let variables = uninstall_module::Variables { installation_rid: module.rid.to_string() };
            let request = Request::of::<UninstallModule>(variables)?.about(environment.name.as_str());
            Ok(Prepared::one(&apollo, request, move |answer| {
                let wire: wire::Module = answer.require("/apollo/unlinkModule")?;
                let state = wire.state.and_then(|state| state.type_name);
                Ok(UninstalledModule { rid: module.rid, state, left_behind })
            }))
        })
    }
}

/// Installs a module when awaited.
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// use cube_sdk_core::SecretString;
///
/// let installed = apollo
///     .modules("cube-7")
///     .install("com.example:mqtt-stack:2.0.0")
///     .display_name("mqtt")
///     .variable("region", SecretString::from("north"))
///     .ignore_secret_requirements()
///     .await?;
/// assert_eq!(apollo.modules("cube-7").get("mqtt").await?.rid, installed.rid);
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[must_use = "awaiting it installs the module"]
pub struct InstallModuleRequest {
    apollo: Apollo,
    environment: EnvironmentRef,
    module: Result<MavenCoordinate>,
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

    async fn prepare(self) -> Result<Prepared<ModuleInstallation>> {
        let module = self.module?;
        refuse_masked(&self.variables)?;
        let environment = Mode::strict(&self.apollo).environment(&self.environment, Match::Exact).await?;
        let ignore = self.ignore_secret_requirements;
        let request = installing(&environment, &module, self.display_name, self.variables, ignore, self.patch)?;
        Ok(Prepared::one(&self.apollo, request, read_installed))
    }
}

mutation!(InstallModuleRequest => ModuleInstallation);

/// The request of an installation.
pub(crate) fn installing(
    environment: &Environment,
    module: &MavenCoordinate,
    display_name: Option<String>,
    variables: Vec<VariableInput>,
    ignore_secret_requirements: bool,
    patch: Option<Patch>,
) -> Result<Request> {
    refuse_masked(&variables)?;
    let hidden: Vec<_> = variables.iter().map(|variable| variable.value.clone()).collect();
    let inputs = variables.into_iter().map(|variable| {
        let (variable_name, string_value, option_value) = variable.into_fields();
        install_module::ApolloProductModuleVariableInput { variable_name, string_value, option_value }
    });
    let input = install_module::InstallApolloProductModuleInputV2 {
        apollo_environment_id: environment.id.to_string(),
        module_maven_coordinate: module.to_string(),
        display_name,
        variables: inputs.collect(),
        ignore_secret_requirements: ignore_secret_requirements.then_some(true),
    };
    Ok(Request::of::<InstallModule>(install_module::Variables { request: input })?
        .patch("request", patch)
        .hides(hidden)
        .about(format!("{}/{module}", environment.name)))
}

/// What an installation made.
pub(crate) fn read_installed(answer: &Answer) -> Result<ModuleInstallation> {
    ModuleInstallation::from_wire(answer.require("/apollo/installModuleV2")?, answer)
}

/// Changes a module's variables when awaited: reads the current ones, overlays the changes, sends the whole set,
/// because Apollo replaces all of them. A variable cannot be unset.
///
/// ```
/// # cube_sdk_testkit::apollo::tour(async |world| {
/// # let apollo = cube_sdk_apollo::Apollo::from_environment(&world.environment())?;
/// # let modules = apollo.modules("cube-7");
/// # let install = modules.install("com.example:mqtt-stack:2.0.0").display_name("mqtt").ignore_secret_requirements();
/// # install.variable("region", "north".to_owned().into()).await?;
/// use cube_sdk_core::SecretString;
///
/// modules.update("mqtt").set("region", SecretString::from("south")).await?; // the others keep their values
/// assert_eq!(modules.get("mqtt").await?.variables[0].expose(), "south");
/// # Ok::<(), cube_sdk_core::Error>(()) });
/// ```
#[must_use = "awaiting it changes the module"]
pub struct UpdateModule {
    apollo: Apollo,
    environment: EnvironmentRef,
    module: ModuleRef,
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

    async fn prepare(self) -> Result<Prepared<ModuleInstallation>> {
        refuse_masked(&self.changes)?;
        let mode = Mode::strict(&self.apollo);
        let environment = mode.environment(&self.environment, Match::Exact).await?;
        let module = mode.module(&environment, &self.module, Match::Exact).await?;
        environment.need((!module.coordinate.is_empty()).then_some(&()), "coordinate of the module")?;
        let mut variables = module.inputs()?;
        for change in self.changes {
            let kind = module.variables.iter().find(|variable| variable.name == change.name).map(|found| &found.kind);
            match variables.iter_mut().find(|variable| variable.name == change.name) {
                Some(variable) => variable.value = change.value,
                None => variables.push(match kind {
                    // It is there without a value; its kind is told all the same.
                    Some(VariableKind::Choice) => VariableInput { kind: VariableKind::Choice, ..change },
                    _ => change,
                }),
            }
        }
        let hidden: Vec<_> = variables.iter().map(|variable| variable.value.clone()).collect();
        let inputs = variables.into_iter().map(|variable| {
            let (variable_name, string_value, option_value) = variable.into_fields();
            update_module_installation::ApolloProductModuleVariableInput { variable_name, string_value, option_value }
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
        Ok(Prepared::one(&self.apollo, request, move |answer| {
            let updated = ModuleInstallation::from_wire(answer.require("/apollo/updateModuleInstallationV2")?, answer)?;
            Ok(ModuleInstallation { coordinate: module.coordinate, ..updated })
        }))
    }
}

mutation!(UpdateModule => ModuleInstallation);

impl Mode {
    pub(crate) async fn modules(&self, environment: &Environment) -> Result<Vec<ModuleInstallation>> {
        let variables = list_modules::Variables { id: environment.id.to_string() };
        let request = Request::of::<ListModules>(variables)?.about(environment.name.as_str());
        let answer = self.send(&request).await?;
        answer.at("/apollo/environmentById").ok_or_else(|| answer.not_found("environment"))?;
        let list = "/apollo/environmentById/moduleInstallationsV2/moduleInstallations";
        let modules: Option<wire::List<wire::Module>> = answer.read(list)?;
        let modules = answer.listed(modules, list)?;
        if modules.nulls > 0 && answer.fault.is_none() {
            return Err(answer.absent(list));
        }
        modules.items.into_iter().map(|module| ModuleInstallation::from_wire(module, &answer)).collect()
    }

    async fn module(&self, environment: &Environment, wanted: &ModuleRef, how: Match) -> Result<ModuleInstallation> {
        let modules = self.modules(environment).await?;
        chosen("module", &wanted.0, &modules, how, environment)
    }
}

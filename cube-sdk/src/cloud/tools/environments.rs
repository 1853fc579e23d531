//! Environments, and what is on them: entities, modules, secrets.

use super::{taken, tools};

tools! {
    /// Environments (cubes) with id and RID.
    list_environments ListEnvironments () {
        /// Only those with this in their name, in any case.
        search: text,
        /// To go on with a long list: the cursor of the last answer.
        cursor: text,
    } reads -> Environments;

    /// Makes an environment and installs Apollo's control-plane module on it.
    create_environment CreateEnvironment (name: text) {
        /// Accreditation level. Default `DEV`.
        accreditation: text,
        /// Only tell what would be sent: [`Answer::dry_run`](super::Answer::dry_run) has it. Nothing is changed.
        dry_run: flag,
    } writes -> EnvironmentMade;

    /// Copies modules, entities and config of one environment into another. Values of secrets cannot be read: they are named
    /// in the answer.
    replicate_environment ReplicateEnvironment (source: text, target: text) {
        /// Accreditation level of a target that is made. Default `DEV`.
        accreditation: text,
    } writes -> Replicated;

    /// Opens a change request that deletes an environment with all that is on it.
    delete_environment DeleteEnvironment (environment: text) {
        /// Only tell what would be sent: [`Answer::dry_run`](super::Answer::dry_run) has it. Nothing is changed.
        dry_run: flag,
    } writes -> Opened;

    /// Resets every agent of an environment, so that all entities are looked at anew.
    reset_environment_agents ResetEnvironmentAgents (environment: text) {
        /// Only tell what would be sent: [`Answer::dry_run`](super::Answer::dry_run) has it. Nothing is changed.
        dry_run: flag,
    } writes -> EnvironmentDone;

    /// Opens a change request that installs a Helm-chart product (`group:artifact`) as an entity.
    install_entity InstallEntity (environment: text, entity_name: text, product_id: text) {
        /// Kubernetes namespace. Default `default`.
        k8s_namespace: text,
        /// Config overrides: an object.
        config_overrides: object,
        /// Version label of the override block. Default `0.0.0`.
        version: text,
        /// Break-glass: write the config although a module manages the entity of that name.
        force: flag,
        /// Only tell what would be sent: [`Answer::dry_run`](super::Answer::dry_run) has it. Nothing is changed.
        dry_run: flag,
    } writes -> Opened;

    /// Opens a change request that removes an entity.
    uninstall_entity UninstallEntity (environment: text, entity_name: text) {
        /// Only tell what would be sent: [`Answer::dry_run`](super::Answer::dry_run) has it. Nothing is changed.
        dry_run: flag,
    } writes -> Opened;

    /// Health, rollout, config and plans of the entities of an environment. Secret values are masked.
    entity_health EntityHealth (environment: text) {
        /// Only entities with this in their name.
        entity_id: text,
        /// To go on with a long list: the cursor of the last answer.
        cursor: text,
    } reads -> Entities;

    /// One plan of an entity with tasks, events and error texts.
    plan_details PlanDetails (environment: text, entity_name: text) {
        /// 0, the default, is the most recent; at most 9.
        plan_index: number,
    } reads -> PlanFound;

    /// Opens a change request that replaces all config overrides of an entity by this object. Masked values are refused.
    update_entity_config UpdateEntityConfig (environment: text, entity_name: text, config_overrides: object) {
        /// Version label of the override block. Default: the reported version.
        version: text,
        /// Break-glass: write although a module manages the entity.
        force: flag,
        /// Only tell what would be sent: [`Answer::dry_run`](super::Answer::dry_run) has it. Nothing is changed.
        dry_run: flag,
    } writes -> ConfigChanged;

    /// Opens a change request that has the current config applied again.
    enforce_entity_config EnforceEntityConfig (environment: text, entity_name: text) {
        /// Only tell what would be sent: [`Answer::dry_run`](super::Answer::dry_run) has it. Nothing is changed.
        dry_run: flag,
    } writes -> Opened;

    /// Interrupts the running plan of an entity by deleting the agent that runs it; the agent comes back by itself.
    cancel_active_plan CancelActivePlan (environment: text, entity_name: text) {} writes -> Interrupted;

    /// Installs a module (`group:artifact:version`) on an environment.
    install_module InstallModule (environment: text, maven_coordinate: text) {
        /// Variables by name: an object.
        variables: object,
        /// Display name of the installation.
        display_name: text,
        /// Install although secrets that it needs are unset.
        ignore_secret_requirements: flag,
        /// Only tell what would be sent: [`Answer::dry_run`](super::Answer::dry_run) has it. Nothing is changed.
        dry_run: flag,
    } writes -> ModuleDone;

    /// Unlinks a module; its entities go on running and are named in the answer.
    uninstall_module UninstallModule (environment: text, module_name: text) {
        /// Only tell what would be sent: [`Answer::dry_run`](super::Answer::dry_run) has it. Nothing is changed.
        dry_run: flag,
    } writes -> ModuleDone;

    /// Modules of an environment with coordinate, state and variables. Secret values are masked.
    list_modules ListModules (environment: text) {
        /// Only those with this in their name or coordinate, in any case.
        search: text,
    } reads -> Modules;

    /// Sets variables of an installed module, given as an object; the others stay as they are.
    update_module_variables UpdateModuleVariables (environment: text, module_name: text, variables: object) {
        /// Only tell what would be sent: [`Answer::dry_run`](super::Answer::dry_run) has it. Nothing is changed.
        dry_run: flag,
    }
        writes -> ModuleDone;

    /// Makes a secret for an entity, with [`secret_value`](CreateSecret::secret_value) or
    /// [`secret_keys`](CreateSecret::secret_keys).
    create_secret CreateSecret (environment: text, entity_name: text, secret_name: text) {
        /// A single value, kept under the secret's own name.
        secret_value: secret,
        /// Values by key.
        secret_keys: secrets,
        /// What it is for.
        description: text,
        /// Only tell what would be sent: [`Answer::dry_run`](super::Answer::dry_run) has it. Nothing is changed.
        dry_run: flag,
    } writes -> SecretDone;

    /// Overwrites keys of a secret.
    update_secret UpdateSecret (environment: text, entity_name: text, secret_name: text) {
        /// A value for the key that is called like the secret.
        secret_value: secret,
        /// A key to set, with [`secret_key_value`](Self::secret_key_value).
        secret_key: text,
        /// The value for [`secret_key`](Self::secret_key).
        secret_key_value: secret,
        /// What it is for.
        description: text,
        /// Only tell what would be sent: [`Answer::dry_run`](super::Answer::dry_run) has it. Nothing is changed.
        dry_run: flag,
    } writes -> SecretDone;
}

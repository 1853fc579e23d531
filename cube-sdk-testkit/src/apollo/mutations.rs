//! What mutations do. Each that gets here is counted as run.

use serde_json::{Value, json};

use super::world::{Effect, Execution, Module, Product, Refusal, Release, Secret, World};
use super::yaml;

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

impl World {
    /// Runs one mutation.
    pub(crate) fn mutate(&mut self, field: &str, arguments: &Value) -> Result<Value, Refusal> {
        self.executions.push(Execution { field: field.to_owned(), arguments: arguments.clone() });
        self.act(field, arguments)
    }

    /// Runs one mutation, whoever asked for it.
    pub(crate) fn act(&mut self, field: &str, arguments: &Value) -> Result<Value, Refusal> {
        let arg = |name: &str| text(arguments, name);
        match field {
            "createEnvironment" => self.create_environment(&arguments["request"]),
            "deleteEnvironment" => {
                let id = self.environment_id(|env| env.rid == arg("rid"), arg("rid"))?;
                Ok(self.open(&id, "Delete environment".into(), Effect::DeleteEnvironment))
            }
            "resetAgentsByEnvironmentId" => {
                self.environment_id(|env| env.id == arg("apolloEnvironmentId"), arg("apolloEnvironmentId"))?;
                Ok(json!({"__typename": "ApolloResetAgentsResult_Placeholder"}))
            }
            "deleteAgentById" => self.delete_agent(arg("apolloEnvironmentId"), arg("agentId")),
            "installEntitiesOnEnvironmentV2" | "installEntitiesOnEnvironment" => {
                self.install_entities(arg("apolloEnvironmentId"), &arguments["entities"]["entities"])
            }
            "uninstallEntityV2" => self.about_entity(|id, _| id == arg("entityId"), "Uninstall", Effect::Uninstall),
            "uninstallEntity" => self.about_entity(|_, rid| rid == arg("rid"), "Uninstall", Effect::Uninstall),
            "enforceEntityConfig" => self.about_entity(|_, rid| rid == arg("rid"), "Enforce", Effect::Enforce),
            "updateConfigByResource" => self.update_config(&arguments["update"]),
            "updateConfigByResourceV2" => self.update_config_v2(&arguments["update"]),
            "installModuleV2" => self.install_module(&arguments["request"]),
            "unlinkModule" => self.unlink(arg("installationRid")),
            "unlinkModuleV2" => self.unlink(arg("rid")),
            "updateModuleInstallationV2" => {
                self.update_module(arg("moduleInstallationRid"), &arguments["update"]["variables"])
            }
            "updateModuleVariablesV2" => self.update_module(arg("rid"), &arguments["variables"]),
            "createSecrets" => self.create_secrets(arg("apolloEntityId"), &arguments["secrets"]),
            "updateSecretsByEntityId" => self.update_secrets(arg("apolloEntityId"), &arguments["secrets"]),
            "createProduct" => Ok(self.create_product(arg("productId"))),
            "createProductReleaseFromManifestV2" => Ok(self.create_release(arg("productReleaseManifest"))),
            "addProductReleaseToChannels" => {
                let names = strings(&arguments["releaseChannelIds"]);
                self.channels(arg("rid"), |channels| {
                    channels.extend(names);
                    channels.sort();
                    channels.dedup();
                })
            }
            "deleteProductReleaseFromChannels" => {
                let names = strings(&arguments["releaseChannels"]);
                self.channels(arg("rid"), |channels| channels.retain(|name| !names.contains(name)))
            }
            "setLabelOnProduct" => {
                let (id, value) = (arg("labelId").to_owned(), arg("labelValue").to_owned());
                self.labels(arg("productId"), |labels| {
                    labels.retain(|label| label.0 != id);
                    labels.push((id, value));
                })
            }
            "removeLabelFromProduct" => {
                self.labels(arg("productId"), |labels| labels.retain(|label| label.0 != arg("labelId")))
            }
            "approveChangeRequest" => self.review(arg("rid"), "APPROVED"),
            "rejectChangeRequest" if arg("comment").is_empty() => Err(Refusal::invalid("a comment is needed".into())),
            "rejectChangeRequest" => self.review(arg("rid"), "REJECTED"),
            "cancelChangeRequest" => self.review(arg("rid"), "CANCELLED"),
            other => Err(Refusal::invalid(format!("the double does not know {other}"))),
        }
    }

    fn environment_id(
        &self,
        test: impl Fn(&super::world::Environment) -> bool,
        wanted: &str,
    ) -> Result<String, Refusal> {
        let found = self.environments.iter().find(|environment| test(environment));
        found.map(|environment| environment.id.clone()).ok_or_else(|| Refusal::not_found("environment", wanted))
    }

    fn create_environment(&mut self, request: &Value) -> Result<Value, Refusal> {
        let name = text(request, "name");
        if self.environments.iter().any(|environment| environment.name == name) {
            return Err(Refusal::conflict(format!("environment {name} exists")));
        }
        let accreditation = request["accreditation"].as_str().unwrap_or("DEV");
        self.add_environment(name, accreditation);
        Ok(self.environments.last().map_or(Value::Null, Self::environment))
    }

    fn delete_agent(&mut self, environment: &str, agent: &str) -> Result<Value, Refusal> {
        let known = self.environments.iter().find(|found| found.id == environment);
        if !known.is_some_and(|found| found.agents.iter().any(|found| found.id == agent)) {
            return Err(Refusal::not_found("agent", agent));
        }
        let now = self.now();
        for plan in self.entities.iter_mut().flat_map(|entity| &mut entity.plans) {
            if plan.agent == agent && plan.times[2].is_none() {
                plan.interrupted = true;
                plan.times[2] = Some(now.clone());
            }
        }
        Ok(json!(true))
    }

    fn install_entities(&mut self, environment: &str, inputs: &Value) -> Result<Value, Refusal> {
        self.environment_id(|env| env.id == environment, environment)?;
        let names: Vec<_> = inputs.as_array().into_iter().flatten().map(|input| text(input, "entityName")).collect();
        if let Some(name) = names
            .iter()
            .find(|name| self.entities.iter().any(|entity| entity.environment == environment && entity.name == **name))
        {
            return Err(Refusal::conflict(format!("entity {name} exists")));
        }
        let title = format!("Install {}", names.join(", "));
        Ok(self.open(environment, title, Effect::Install(inputs.clone())))
    }

    fn about_entity(
        &mut self,
        test: impl Fn(&str, &str) -> bool,
        verb: &str,
        effect: impl FnOnce(String) -> Effect,
    ) -> Result<Value, Refusal> {
        let found = self.entities.iter().find(|entity| test(&entity.id, &entity.rid));
        let Some((id, name, environment)) =
            found.map(|entity| (entity.id.clone(), entity.name.clone(), entity.environment.clone()))
        else {
            return Err(Refusal::not_found("entity", ""));
        };
        Ok(self.open(&environment, format!("{verb} {name}"), effect(id)))
    }

    fn update_config(&mut self, update: &Value) -> Result<Value, Refusal> {
        let (rid, content) = (text(update, "resourceRid"), text(update, "content"));
        if yaml::read(content).is_none() {
            return Err(Refusal::invalid(format!("the content is no YAML: {content}")));
        }
        self.about_entity(|_, found| found == rid, "Update config of", |id| Effect::Config(id, content.to_owned()))
    }

    fn update_config_v2(&mut self, update: &Value) -> Result<Value, Refusal> {
        let (rid, content) = (text(update, "resourceRid"), text(update, "content"));
        let entity = self.entities.iter().find(|entity| entity.rid == rid);
        if entity.is_some_and(|entity| entity.config.first().is_some_and(|current| current == content)) {
            return Ok(json!({"error": {"__typename": "ApolloOpenChangeRequestError_NoChanges"}}));
        }
        Ok(json!({"changeRequest": self.update_config(update)?}))
    }

    fn install_module(&mut self, request: &Value) -> Result<Value, Refusal> {
        let environment = text(request, "apolloEnvironmentId").to_owned();
        self.environment_id(|env| env.id == environment, &environment)?;
        let coordinate = text(request, "moduleMavenCoordinate").to_owned();
        if self.modules.iter().any(|module| module.environment == environment && module.coordinate == coordinate) {
            return Err(Refusal::conflict(format!("module {coordinate} is installed")));
        }
        let variables = variables(&request["variables"])?;
        let rid = self.rid("module");
        let display_name = request["displayName"].as_str().map(str::to_owned);
        self.modules.push(Module { rid, environment, display_name, coordinate, variables });
        Ok(self.modules.last().map_or(Value::Null, Self::module))
    }

    fn update_module(&mut self, rid: &str, inputs: &Value) -> Result<Value, Refusal> {
        let variables = variables(inputs)?;
        let module = self.modules.iter_mut().find(|module| module.rid == rid);
        let module = module.ok_or_else(|| Refusal::not_found("module", rid))?;
        module.variables = variables;
        Ok(Self::module(module))
    }

    fn unlink(&mut self, rid: &str) -> Result<Value, Refusal> {
        let index = self.modules.iter().position(|module| module.rid == rid);
        let index = index.ok_or_else(|| Refusal::not_found("module", rid))?;
        for entity in &mut self.entities {
            entity.managed_by.take_if(|manager| manager == rid);
        }
        Ok(Self::module(&self.modules.remove(index)))
    }

    fn create_secrets(&mut self, entity: &str, inputs: &Value) -> Result<Value, Refusal> {
        for input in inputs.as_array().into_iter().flatten() {
            let secret = Secret { rid: self.rid("secret"), name: text(input, "name").to_owned(), keys: keys(input) };
            let entity = self.entities.iter_mut().find(|found| found.id == entity);
            let entity = entity.ok_or_else(|| Refusal::not_found("entity", ""))?;
            if entity.secrets.iter().any(|found| found.name == secret.name) {
                return Err(Refusal::conflict(format!("secret {} exists", secret.name)));
            }
            entity.secrets.push(secret);
        }
        Ok(json!(true))
    }

    fn update_secrets(&mut self, entity: &str, inputs: &Value) -> Result<Value, Refusal> {
        let entity = self.entities.iter_mut().find(|found| found.id == entity);
        let entity = entity.ok_or_else(|| Refusal::not_found("entity", ""))?;
        for input in inputs.as_array().into_iter().flatten() {
            let rid = text(input, "rid");
            let secret = entity.secrets.iter_mut().find(|secret| secret.rid == rid);
            let secret = secret.ok_or_else(|| Refusal::not_found("secret", rid))?;
            for (key, value) in keys(input) {
                secret.keys.retain(|pair| pair.0 != key);
                secret.keys.push((key, value));
            }
        }
        Ok(json!(true))
    }

    fn create_product(&mut self, id: &str) -> Value {
        if self.products.iter().any(|product| product.id == id) {
            return json!({"__typename": "ApolloProductAlreadyExists", "dummy": true});
        }
        self.products.push(Product { id: id.to_owned(), labels: Vec::new(), releases: Vec::new() });
        self.products.last().map_or(Value::Null, Self::product)
    }

    fn create_release(&mut self, manifest: &str) -> Value {
        let Some(parsed) = yaml::read(manifest) else {
            return json!({
                "__typename": "ApolloProductReleaseFailedToDeserializeManifest", "message": "not YAML",
            });
        };
        let id = format!("{}:{}", text(&parsed, "product-group"), text(&parsed, "product-name"));
        let coordinate = format!("{id}:{}", text(&parsed, "product-version"));
        let rid = self.rid("release");
        let Some(product) = self.products.iter_mut().find(|product| product.id == id) else {
            return json!({
                "__typename": "ApolloProductReleaseRejected", "mavenCoordinate": coordinate,
                "rejectionReasons": [{"message": "no such product", "metadata": [{"key": "product", "value": id}]}],
            });
        };
        product.releases.insert(0, Release { rid, coordinate, channels: vec!["DEV".into()] });
        product.releases.first().map_or(Value::Null, Self::release)
    }

    fn channels(&mut self, rid: &str, change: impl FnOnce(&mut Vec<String>)) -> Result<Value, Refusal> {
        let mut releases = self.products.iter_mut().flat_map(|product| &mut product.releases);
        let release = releases.find(|release| release.rid == rid);
        let release = release.ok_or_else(|| Refusal::not_found("release", rid))?;
        change(&mut release.channels);
        Ok(Self::release(release))
    }

    fn labels(&mut self, id: &str, change: impl FnOnce(&mut Vec<(String, String)>)) -> Result<Value, Refusal> {
        let product = self.products.iter_mut().find(|product| product.id == id);
        let product = product.ok_or_else(|| Refusal::not_found("product", id))?;
        change(&mut product.labels);
        Ok(Self::product(product))
    }

    fn review(&mut self, rid: &str, status: &'static str) -> Result<Value, Refusal> {
        let index = self.changes.iter().position(|change| change.rid == rid);
        let index = index.ok_or_else(|| Refusal::not_found("change request", rid))?;
        let change = &mut self.changes[index];
        if change.status != "PENDING_APPROVALS" && !(status == "CANCELLED" && change.status == "APPROVED") {
            return Err(Refusal::conflict(format!("the change request is {}", change.status)));
        }
        change.status = status;
        Ok(self.change(&self.changes[index]))
    }
}

fn keys(input: &Value) -> Vec<(String, String)> {
    let pairs = input["keys"].as_array().into_iter().flatten();
    pairs.map(|pair| (text(pair, "key").to_owned(), text(pair, "value").to_owned())).collect()
}

/// Inputs as the read side shows them; exactly one of the two values must be given.
fn variables(inputs: &Value) -> Result<Vec<Value>, Refusal> {
    let shown = inputs.as_array().into_iter().flatten().map(|input| {
        let name = text(input, "variableName");
        let (kind, value) = match (&input["stringValue"], &input["optionValue"]) {
            (Value::String(value), Value::Null) => ("StringValue", value),
            (Value::Null, Value::String(value)) => ("OptionValue", value),
            _ => return Err(Refusal::invalid(format!("variable {name} needs exactly one value"))),
        };
        let kind = format!("ApolloProductModuleVariableValue_{kind}");
        Ok(json!({"variableName": name, "variableValue": {"__typename": kind, "value": value}}))
    });
    shown.collect()
}

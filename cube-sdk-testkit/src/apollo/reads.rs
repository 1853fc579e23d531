//! What queries see: the world as JSON in the schema's words.

use serde_json::{Map, Value, json};

use super::world::{Change, DONE, Entity, Environment, Module, Plan, Product, Release, World};

type Arguments = Map<String, Value>;

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// The bounds of a page, and the token of the next.
fn window(count: usize, arguments: &Arguments) -> (std::ops::Range<usize>, Value) {
    let size =
        arguments.get("pageSize").and_then(Value::as_u64).map_or(count, |size| usize::try_from(size).unwrap_or(count));
    let token = arguments.get("pageToken").and_then(Value::as_str);
    let from: usize = token.and_then(|token| token.strip_prefix("cursor-")?.parse().ok()).unwrap_or(0).min(count);
    let to = from.saturating_add(size.max(1)).min(count);
    (from..to, if to < count { json!(format!("cursor-{to}")) } else { Value::Null })
}

fn page<T>(list: &str, items: &[T], arguments: &Arguments, show: impl Fn(&T) -> Value) -> Value {
    let (range, next) = window(items.len(), arguments);
    let shown: Vec<_> = items.get(range).unwrap_or_default().iter().map(show).collect();
    let mut page = Map::new();
    page.insert(list.to_owned(), shown.into());
    page.insert("nextPageToken".to_owned(), next);
    page.into()
}

impl World {
    /// Resolves one field. Fields with lists behind them look into the world, all others into the parent.
    pub(crate) fn read(&self, owner: &str, field: &str, parent: &Value, arguments: &Arguments) -> Value {
        let argument = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
        match (owner, field) {
            ("Query" | "Mutation", "apollo") => json!({}),
            ("Query", "me") => json!({"apolloTeams": [{"name": "platform"}]}),
            ("ApolloQuery", "environment") => self.find_environment(|env| env.rid == argument("rid")),
            ("ApolloQuery", "environmentById") => self.find_environment(|env| env.id == argument("id")),
            ("ApolloQuery", "environments") => page("environments", &self.environments, arguments, Self::environment),
            ("ApolloQuery", "entityById") => {
                let id = argument("apolloEntityId");
                self.entities.iter().find(|entity| entity.id == id).map_or(Value::Null, |entity| self.entity(entity))
            }
            ("ApolloQuery", "products") => page("products", &self.products, arguments, Self::product),
            ("ApolloQuery", "productByProductIdV2") => {
                let id = argument("productId");
                self.products.iter().find(|product| product.id == id).map_or(Value::Null, Self::product)
            }
            ("ApolloQuery", "productReleases") => {
                let all: Vec<_> = self.products.iter().flat_map(|product| &product.releases).collect();
                page("productReleases", &all, arguments, |release| Self::release(release))
            }
            ("ApolloProduct", "productReleases") => {
                let product = self.products.iter().find(|product| product.id == text(parent, "productId"));
                let releases = product.map(|product| product.releases.as_slice()).unwrap_or_default();
                page("productReleases", releases, arguments, Self::release)
            }
            ("ApolloQuery", "changeRequests") => {
                page("changeRequests", &self.changes, arguments, |change| self.change(change))
            }
            ("ApolloEnvironment", "changeRequests") => {
                let own: Vec<_> =
                    self.changes.iter().filter(|change| change.environment == text(parent, "id")).collect();
                page("changeRequests", &own, arguments, |change| self.change(change))
            }
            ("ApolloEnvironment", "entities") => {
                let own: Vec<_> =
                    self.entities.iter().filter(|entity| entity.environment == text(parent, "id")).collect();
                page("entities", &own, arguments, |entity| self.entity(entity))
            }
            ("ApolloEnvironment", "moduleInstallationsV2") => {
                let own = self.modules.iter().filter(|module| module.environment == text(parent, "id"));
                json!({"moduleInstallations": own.map(Self::module).collect::<Vec<_>>()})
            }
            ("ApolloEntity", "nonGenericPlans") => {
                let plans = self.entity_of(parent).map(|entity| entity.plans.as_slice()).unwrap_or_default();
                page("plans", plans, arguments, Self::plan_json)
            }
            ("ApolloEntity", "nodeHealths") => {
                let nodes = self.entity_of(parent).map(|entity| entity.nodes.as_slice()).unwrap_or_default();
                page("nodeHealths", nodes, arguments, Value::clone)
            }
            _ => parent.get(field).cloned().unwrap_or_default(),
        }
    }

    fn entity_of(&self, node: &Value) -> Option<&Entity> {
        self.entities.iter().find(|entity| entity.id == text(node, "id"))
    }

    fn find_environment(&self, test: impl Fn(&Environment) -> bool) -> Value {
        self.environments.iter().find(|environment| test(environment)).map_or(Value::Null, Self::environment)
    }

    pub(crate) fn environment(environment: &Environment) -> Value {
        let agents = environment.agents.iter().map(|agent| {
            let kind = if agent.last_updated.is_some() { "ApolloAgent_Reporting" } else { "ApolloAgent_NeverReported" };
            json!({
                "__typename": kind, "agentId": agent.id, "connectionStatus": "UNREVEALED",
                "lastUpdated": agent.last_updated,
            })
        });
        json!({
            "id": environment.id, "rid": environment.rid, "name": environment.name, "spaceId": environment.space,
            "namespaceId": environment.namespace, "accreditation": environment.accreditation,
            "displayMetadataV2": {"displayName": environment.name.to_uppercase()},
            "agents": agents.collect::<Vec<_>>(),
            "rolePolicy": {"teamRoleStatements": [{"team": {"name": "platform"}}]},
        })
    }

    fn entity(&self, entity: &Entity) -> Value {
        let environment = self.environments.iter().find(|environment| environment.id == entity.environment);
        let manager = self.modules.iter().find(|module| Some(&module.rid) == entity.managed_by.as_ref());
        let secrets = entity.secrets.iter().map(|secret| {
            let keys: Vec<_> = secret.keys.iter().map(|(key, _)| json!({ "key": key })).collect();
            json!({
                "rid": secret.rid, "name": secret.name,
                "specification": {"__typename": "ApolloSecretSpecification_MultiKey", "keys": keys},
            })
        });
        json!({
            "id": entity.id, "rid": entity.rid, "displayName": entity.name, "lifecycleStatus": "UNREVEALED",
            "environment": environment.map(Self::environment),
            "product": {"productId": entity.product},
            "entityLocator": {
                "__typename": "ApolloEntityLocator_ApolloEntity", "entityName": entity.name, "type": "HELM_CHART",
            },
            "reportedStatus": entity.reported,
            "declaredState": {"config": entity.config, "releaseChannel": entity.channel},
            "reportedConfigOverrides": {
                "__typename": "ApolloEntityReportedConfigOverrides_Default", "overrides": entity.overrides,
            },
            "installedByModuleV2": manager.map(Self::module),
            "planStatus": entity.blocked.map(|count| json!({
                "__typename": "ApolloEntityPlanStatus_Blocked", "blockedChangesCount": count,
            })),
            "secrets": secrets.collect::<Vec<_>>(),
        })
    }

    pub(crate) fn module(module: &Module) -> Value {
        json!({
            "rid": module.rid, "displayName": module.display_name, "moduleMavenCoordinate": module.coordinate,
            "state": {"__typename": "ApolloProductModuleInstallationState_Placeholder"},
            "variables": module.variables,
        })
    }

    pub(crate) fn product(product: &Product) -> Value {
        let labels = product.labels.iter().map(|(id, value)| json!({"labelId": id, "labelValue": value}));
        json!({"__typename": "ApolloProduct", "productId": product.id, "labels": labels.collect::<Vec<_>>()})
    }

    pub(crate) fn release(release: &Release) -> Value {
        let channels = release.channels.iter().map(|name| {
            json!({
                "rid": format!("ri.apollo.1.channel.{name}"), "name": name,
                "metadata": {"description": format!("the {name} channel"), "type": "PRODUCT"},
            })
        });
        json!({
            "__typename": "ApolloProductRelease", "rid": release.rid, "mavenCoordinate": release.coordinate,
            "releaseChannels": channels.collect::<Vec<_>>(),
        })
    }

    pub(crate) fn change(&self, change: &Change) -> Value {
        let environment = self.environments.iter().find(|environment| environment.id == change.environment);
        json!({
            "rid": change.rid, "title": change.title, "requestStatus": change.status, "createdAt": change.created_at,
            "environment": environment.map(Self::environment),
        })
    }

    fn plan_json(plan: &Plan) -> Value {
        let state = match plan.stage {
            _ if plan.interrupted => "INTERRUPTED",
            DONE => "SUCCESSFUL",
            _ => "ACTIVE",
        };
        let task = |number: u8, summary: &str| {
            let (state, words) = match plan.stage {
                stage if stage > number => ("SUCCEEDED", "done"),
                _ if plan.interrupted => ("INTERRUPTED", "stopped"),
                _ => ("ACTIVE", "working"),
            };
            (plan.stage >= number).then(|| {
                let event = json!({"timestamp": plan.times[1], "description": {"summary": words}});
                json!({
                    "rid": format!("{}.task-{number}", plan.rid), "origin": "AGENT", "createdAt": plan.times[1],
                    "description": {"type": "TASK", "summary": summary},
                    "status": {
                        "type": state, "updatedAt": plan.times[2].as_ref().or(plan.times[1].as_ref()),
                        "description": {"type": "STATUS", "summary": words, "metadataMap": {"message": words}},
                    },
                    "latestEvent": event, "events": [event],
                    "subtasks": [{
                        "origin": "AGENT", "createdAt": plan.times[1],
                        "description": {"type": "SUBTASK", "summary": format!("{summary}: part 1")},
                        "status": {"type": state, "updatedAt": plan.times[1]}, "events": [],
                    }],
                })
            })
        };
        let tasks: Vec<_> = [task(1, "Fetch chart"), task(2, "Move to target state")].into_iter().flatten().collect();
        json!({
            "rid": plan.rid, "agentId": (plan.stage > 0).then_some(&plan.agent), "proposedTime": plan.times[0],
            "startTime": plan.times[1], "endTime": plan.times[2],
            "status": {
                "type": state,
                "result": (plan.stage == DONE).then(|| json!({
                    "type": "SUCCESS", "summary": "done", "metadataMap": {"details": "all good", "authToken": "t0p"},
                })),
                "reason": {"type": "PROPOSED", "summary": "asked for", "metadataMap": null},
            },
            "stateChanges": [{"entityType": "ENTITY", "changeType": plan.change}],
            "tasks": tasks,
        })
    }
}

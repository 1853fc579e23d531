//! Other people on the same Apollo: reviewers, and strangers who work on the same environment at the same time.

use std::collections::{BTreeMap, BTreeSet};

use cube_sdk_testkit::apollo::{Double, Requested};
use fastrand::Rng;
use serde_json::{Value, json};

use crate::weather::Storm;

const ENDED_OTHERWISE: [&str; 3] = ["REJECTED", "CANCELLED", "ERROR"];

/// Who else works here.
pub(crate) struct Crowd {
    rng: Rng,
    target: &'static str,
    /// Strangers who may still come.
    strangers: usize,
    /// Requests of ours that reviewers may still reject.
    rejections: usize,
    /// What strangers opened.
    pub(crate) opened: BTreeSet<String>,
    /// Those of them that ask for exactly what a step asks for, by that step: nobody can tell them from its own.
    pub(crate) alike: BTreeMap<String, String>,
    /// Did a stranger put something of their own where a step puts its own?
    settled: bool,
}

impl Crowd {
    pub(crate) fn new(seed: u64, target: &'static str) -> Self {
        let mut rng = Rng::with_seed(seed ^ 0xc0ffee);
        let strangers = if rng.bool() { rng.usize(1..4) } else { 0 };
        let rejections = usize::from(rng.u8(..4) == 0);
        Self { rng, target, strangers, rejections, opened: BTreeSet::new(), alike: BTreeMap::new(), settled: false }
    }

    /// Between any two requests: perhaps somebody does something.
    pub(crate) fn act(&mut self, storm: &Storm) {
        if self.strangers > 0 && !storm.is_calm() && self.rng.u8(..12) == 0 {
            let (kind, name) = (self.rng.u8(..14), self.rng.usize(..2));
            self.interfere(storm, kind, ["mosquitto", "bridge-000"][name]);
        }
        if storm.is_calm() || self.rng.u8(..4) == 0 {
            self.review(storm);
        }
    }

    /// A request of ours was lost: perhaps a stranger opens one with the same title just now.
    pub(crate) fn imitate(&mut self, storm: &Storm, body: &[u8]) {
        if self.strangers == 0 {
            return;
        }
        let sent: Value = serde_json::from_slice(body).unwrap();
        let installed = sent.pointer("/variables/entities/entities/0/entityName").and_then(Value::as_str);
        let configured = sent.pointer("/variables/update/resourceRid").and_then(Value::as_str);
        let is_it =
            |name: &&str| storm.double.entity_ids(self.target, name).is_some_and(|(_, rid)| Some(&*rid) == configured);
        let name = ["mosquitto", "bridge-000"].into_iter().find(is_it);
        match (installed, name) {
            (Some(name), _) => {
                let kind = [0, 0, 8, 9, 13][self.rng.usize(..5)];
                self.interfere(storm, kind, name);
            }
            (None, Some(name)) => {
                let kind = [7, 7, 10, 11, 12][self.rng.usize(..5)];
                self.interfere(storm, kind, name);
            }
            (None, None) => {}
        }
    }

    fn interfere(&mut self, storm: &Storm, kind: u8, name: &str) {
        self.strangers -= 1;
        let double = &storm.double;
        let id = double.environment_id(self.target);
        let entity = double.entity_ids(self.target, name);
        let install = |entities: Value| {
            let arguments = json!({"apolloEnvironmentId": id, "namespaceId": "n", "entities": {"entities": entities}});
            ("installEntitiesOnEnvironmentV2", arguments)
        };
        let other = |name: &str| json!({"entityName": name, "productId": "com.example:telemetry"});
        // The product of the step itself.
        let own = |channel: &str| {
            let product = double.entity_product("cube-7", name);
            json!({"entityName": name, "productId": product, "releaseChannel": channel})
        };
        let rid = entity.as_ref().map(|(_, rid)| rid.clone());
        let source = double.declared_config("cube-7", name).concat();
        let config =
            |content: &str| ("updateConfigByResource", json!({"update": {"resourceRid": rid, "content": content}}));
        let (field, arguments) = match (kind, &id, &entity) {
            // The target itself, of another level.
            (0, None, _) => ("createEnvironment", json!({"request": {"name": self.target, "accreditation": "PROD"}})),
            (_, None, _) => return,
            // The same entity of another product, alone or beside others.
            (0 | 1, Some(_), None) => install(json!([other(name)])),
            // The step's own product: on another channel, just as the step has it, or with a config.
            (8, Some(_), None) => install(json!([own("STABLE")])),
            (9, Some(_), None) => install(json!([own("DEV")])),
            (13, Some(_), None) => {
                let mut entity = own("DEV");
                entity["configOverrides"] = json!(["1.10:\n  overrides:\n    theirs: true\n"]);
                install(json!([entity]))
            }
            // The step's own text, one that differs in a little, and the entity taken away.
            (10, Some(_), Some(_)) => config(&source),
            (11, Some(_), Some((entity, _))) => ("uninstallEntityV2", json!({"namespaceId": "n", "entityId": entity})),
            (12, Some(_), Some(_)) => config(&format!("{source}# theirs\n")),
            (2, Some(_), None) => install(json!([other("zigbee"), other(name)])),
            // Something whose name only looks alike.
            (3, Some(_), _) => install(json!([other(&format!("{name}-{}", self.rng.u16(..)))])),
            (4, Some(id), _) => {
                let module = json!({
                    "apolloEnvironmentId": id, "moduleMavenCoordinate": "module:builtin-control-plane-minimal:0.0.40",
                    "variables": [{"variableName": "tier", "optionValue": "theirs"}],
                });
                ("installModuleV2", json!({"request": module}))
            }
            (5, Some(_), Some(_)) => ("enforceEntityConfig", json!({"rid": rid})),
            (6, Some(_), Some((entity, _))) => {
                let secret = json!([{"name": "admin", "keys": [{"key": "theirs", "value": "theirs"}]}]);
                ("createSecrets", json!({"apolloEntityId": entity, "secrets": secret}))
            }
            (_, Some(_), Some(_)) => config("1.10:\n  overrides:\n    theirs: true\n"),
            (_, Some(_), None) => return,
        };
        let done = double.act(field, &arguments);
        storm.note(format!("a stranger: {field} {arguments} {done:?}"));
        match (field, done) {
            ("createEnvironment" | "installModuleV2", Ok(_)) => self.settled = true,
            ("createSecrets", Ok(_)) => self.settled |= name == "mosquitto",
            (_, Ok(change)) => {
                let rid = change["rid"].as_str().unwrap().to_owned();
                let step = [(9, "entity"), (10, "config")].iter().find(|(alike, _)| *alike == kind);
                if let Some((_, step)) = step {
                    self.alike.insert(rid.clone(), format!("{step} {name}"));
                }
                self.opened.insert(rid);
            }
            (_, Err(_)) => {}
        }
    }

    /// Reviews what is open. Strangers' requests are rejected, withdrawn or approved; ours approved, once in a while not.
    fn review(&mut self, storm: &Storm) {
        for change in storm.double.change_requests() {
            if change.status != "PENDING_APPROVALS" || (!storm.is_calm() && self.rng.bool()) {
                continue;
            }
            let is_strange = self.opened.contains(&change.rid);
            let field = match self.rng.u8(..6) {
                0..3 if is_strange && !storm.is_calm() => "approveChangeRequest",
                3 if is_strange => "cancelChangeRequest",
                _ if is_strange => "rejectChangeRequest",
                0 if self.rejections > 0 && !storm.is_calm() => {
                    self.rejections -= 1;
                    "rejectChangeRequest"
                }
                _ => "approveChangeRequest",
            };
            let done = storm.double.act(field, &json!({"rid": change.rid, "comment": "reviewed"}));
            storm.note(format!("{field} {} {} {}", change.rid, change.title, done.is_ok()));
        }
    }

    /// May a stranger have taken a step's place, so that the plan cannot be carried out?
    pub(crate) fn is_in_the_way(&self, double: &Double) -> bool {
        let merged = |change: &Requested| {
            self.opened.contains(&change.rid) && !ENDED_OTHERWISE.contains(&change.status.as_str())
        };
        self.settled || double.change_requests().iter().any(merged)
    }

    /// Was what a step asks for carried out for a stranger who asked for the same?
    pub(crate) fn did(&self, double: &Double, step: &str) -> bool {
        let merged = |change: &Requested| {
            let same = self.alike.get(&change.rid).is_some_and(|alike| alike == step);
            same && !ENDED_OTHERWISE.contains(&change.status.as_str())
        };
        double.change_requests().iter().any(merged)
    }

    /// How many requests of ours ended without doing anything, by step.
    pub(crate) fn ended_otherwise(&self, double: &Double) -> BTreeMap<String, usize> {
        let mut ended = BTreeMap::new();
        for change in double.change_requests() {
            if self.opened.contains(&change.rid) || !ENDED_OTHERWISE.contains(&change.status.as_str()) {
                continue;
            }
            let step = ["Install ", "Update config of "]
                .iter()
                .zip(["entity ", "config "])
                .find_map(|(title, step)| change.title.strip_prefix(title).map(|name| format!("{step}{name}")));
            *ended.entry(step.unwrap()).or_default() += 1;
        }
        ended
    }
}

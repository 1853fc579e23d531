//! A small fleet to begin with.

use serde_json::json;

use super::world::{Module, Product, Release, Secret, World};

impl World {
    pub(crate) fn seed(&mut self) {
        for (id, version) in
            [("com.example:mosquitto", "1.10"), ("com.example:bridge", "1.0.0"), ("com.example:telemetry", "3.1.4")]
        {
            let rid = self.rid("release");
            let release = Release { rid, coordinate: format!("{id}:{version}"), channels: vec!["DEV".into()] };
            self.products.push(Product { id: id.into(), labels: Vec::new(), releases: vec![release] });
        }
        let cube = self.add_environment("cube-7", "DEV");
        self.add_environment("cube-8", "DEV");
        let module = self.rid("module");
        let value = |kind: &str, value: &str| json!({"__typename": format!("ApolloProductModuleVariableValue_{kind}"), "value": value});
        self.modules.push(Module {
            rid: module.clone(),
            environment: cube.clone(),
            display_name: Some("Control plane".into()),
            coordinate: "module:builtin-control-plane-minimal:0.0.40".into(),
            variables: vec![
                json!({"variableName": "environmentId", "variableValue": value("StringValue", &cube)}),
                json!({"variableName": "tier", "variableValue": value("OptionValue", "edge")}),
                json!({"variableName": "apiToken", "variableValue": value("StringValue", "canary-module-variable")}),
            ],
        });
        let reported = |version: &str, health: &str| {
            json!({
                "version": version, "rolloutStatus": "UP_TO_DATE", "configStatus": "UP_TO_DATE",
                "healthStatus": health, "upgradeBlockerTypes": [],
            })
        };
        let broker = self.add_entity(&cube, "mosquitto", "com.example:mosquitto");
        let admin = Secret {
            rid: self.rid("secret"),
            name: "admin".into(),
            keys: vec![("user".into(), "root".into()), ("pass".into(), "canary-secret-value".into())],
        };
        if let Some(entity) = self.entities.get_mut(broker) {
            entity.reported = Some(reported("1.10", "WARNING"));
            entity.declare("1.10:\n  overrides:\n    persistence: false\n    password: canary-config-value\n");
            entity.secrets.push(admin);
            entity.nodes = vec![json!({
                "nodeId": "node-1", "updatedTimestamp": "2026-07-01T08:00:00Z",
                "heartbeatTimestamp": "2026-07-01T08:00:05.5+00:00",
                "containerHealth": [{
                    "containerId": "broker", "liveness": true, "readiness": "READY",
                    "checks": [
                        {"name": "LISTENER", "type": "LISTENER", "message": "listening", "state": "HEALTHY", "params": {}},
                        {
                            "name": "BRIDGE", "type": "HEALTH_CHECK_ERRORED", "message": "check failed", "state": "ERROR",
                            "params": {"errorMessage": "no route to north", "host": "canary-check-param"},
                        },
                    ],
                }],
            })];
        }
        let telemetry = self.add_entity(&cube, "telemetry", "com.example:telemetry");
        if let Some(entity) = self.entities.get_mut(telemetry) {
            entity.reported = Some(reported("3.1.4", "HEALTHY"));
            entity.managed_by = Some(module);
            entity.blocked = Some(2);
        }
    }
}

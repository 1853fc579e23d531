//! No secret of a config, variable or secret value shows in Debug, logs or errors, whatever the server says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io::Write;
use std::sync::{Arc, Mutex};

use cube_sdk_apollo::{Apollo, ApolloErrorExt};
use cube_sdk_core::{Error, SecretString};
use cube_sdk_testkit::apollo::{Double, Fault, On};
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

const CANARY: &str = "canary-91f3 \"quoted\"";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn clean(text: &str) {
    for word in ["canary", "token-0001", "a secret of the service"] {
        assert!(!text.contains(word), "{word} in {text}");
    }
}

/// Replies that repeat what was sent, as servers do.
fn echoes() -> Vec<Fault> {
    let quoted = |value: &str| {
        json!({"errors": [{
            "message": format!("cannot coerce {value}"),
            "extensions": {"errorCode": "INVALID_ARGUMENT", "parameters": {"given": value, "list": [value]}},
        }]})
    };
    let status = |status: u16, body: String| Fault::Status { status, retry_after: None, body };
    vec![
        status(200, quoted(CANARY).to_string()),
        status(400, quoted(CANARY).to_string()),
        status(500, format!("<html>{CANARY}</html>")),
        status(422, json!({"given": CANARY}).to_string()),
        status(200, format!("{{\"data\": {{\"apollo\": \"{CANARY}\"")),
        status(200, json!({"data": {"apollo": {"x": CANARY}}}).to_string()),
    ]
}

async fn every_write(apollo: &Apollo) -> Vec<Error> {
    let value = || SecretString::from(CANARY);
    let product = "com.example:bridge";
    let config = || json!({"db": {"password": CANARY, "url": format!("redis://:{}@h", "canary-url")}});
    vec![
        apollo.entities("cube-7").update_config("mosquitto", config()).await.unwrap_err(),
        apollo.entities("cube-7").install("x", product).config(config()).await.unwrap_err(),
        apollo.modules("cube-7").install("a:b:1").variable("v", value()).await.unwrap_err(),
        apollo.modules("cube-7").update("Control plane").set("v", value()).await.unwrap_err(),
        apollo.secrets("cube-7").create("mosquitto", "s").value(value()).await.unwrap_err(),
        apollo.secrets("cube-7").update("mosquitto", "admin").key("pass", value()).await.unwrap_err(),
        apollo
            .environments()
            .create("y")
            .control_plane("a:b:1")
            .control_plane_variable("v", value())
            .await
            .unwrap_err(),
    ]
}

#[tokio::test(start_paused = true)]
async fn nothing_secret_is_shown() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    for fault in echoes() {
        let double = Double::seeded().unwrap();
        let apollo = support::client(&double);
        for name in [
            "UpdateEntityConfigV2",
            "InstallEntities",
            "InstallModule",
            "UpdateModuleInstallation",
            "CreateSecrets",
            "UpdateSecrets",
        ] {
            double.inject(On::operation(name), 0, 99, fault.clone());
        }
        for error in every_write(&apollo).await {
            let mut text = format!("{error} {error:?} {:?} {:?}", error.apollo(), error.next_step());
            let mut cause = std::error::Error::source(&error);
            while let Some(inner) = cause {
                text += &format!("{inner} {inner:?}");
                cause = inner.source();
            }
            clean(&text);
            let parameters = error.apollo().map(|fault| fault.errors[0].parameters()).unwrap_or(Value::Null);
            clean(&parameters.to_string());
        }
    }
    let (_double, apollo) = support::seeded();
    let health = apollo.entities("cube-7").health().collect_up_to(9).await.unwrap();
    let settings = apollo.entities("cube-7").settings("mosquitto").await.unwrap();
    let modules = apollo.modules("cube-7").list().await.unwrap();
    let report = apollo.health_checks("cube-7").of("mosquitto").await.unwrap();
    let secrets = apollo.secrets("cube-7").list("mosquitto").await.unwrap();
    let config = apollo.entities("cube-7").config("mosquitto").await.unwrap();
    clean(&format!(
        "{health:?} {settings:?} {modules:?} {report:?} {secrets:?} {config:?} {} {apollo:?}",
        config.shown()
    ));
    assert!(format!("{health:?}").contains("<hidden, 19 chars>"));
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("call failed"), "the log was captured");
    clean(&logged);
}

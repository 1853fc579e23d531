//! The published agent itself, both versions of the facts, as they are installed from PyPI. Runs with `CUBE_REAL=1`;
//! `CUBE_REAL_BIN` says where their Pythons are.

use std::process::Stdio;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::login::{Browser, ID_LENGTH};
use crate::support::{Cloud, PASSWORD};

/// The agent's versions, and what Pythons with them are called.
const VERSIONS: [(&str, &str); 2] = [("0.3.30", "python3-agent"), ("0.3.65", "python")];

/// A Python with the agent; none when real components are not asked for.
fn python(name: &str, cloud: &Cloud, config: &std::path::Path, script: &str) -> Option<Command> {
    if std::env::var("CUBE_REAL").ok().as_deref() != Some("1") {
        return None;
    }
    let bin = std::env::var("CUBE_REAL_BIN").expect("CUBE_REAL_BIN names the folder with python");
    let mut command = Command::new(std::path::Path::new(&bin).join(name));
    command.args(["-c", script]).env("CUBE_CLOUD_URL", &cloud.url).env("CUBE_AGENT_CONFIG_DIR", config);
    command.env("NO_PROXY", "127.0.0.1").stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    Some(command)
}

const CALL: &str = "
import asyncio, json, sys
from importlib.metadata import version
from cube_agent.main import call_tool
print(json.dumps(version('edgescaleai-cube-mcp')))
for name, arguments in json.loads(sys.argv[1]):
    print(json.dumps(asyncio.run(call_tool(name, arguments))[0].text))
";

#[tokio::test]
async fn it_calls_tools_and_tells_what_was_refused() {
    let cloud = Cloud::start().await;
    let calls = json!([
        ["list_environments", { "search": "cube-7" }],
        ["list_modules", { "environment": "no-such-cube" }],
        ["install_entity", { "environment": "cube-7", "entity_name": "x", "product_id": "a:b" }],
        ["agent_status", {}],
    ]);
    for (version, name) in VERSIONS {
        let config = tempfile::tempdir().unwrap();
        let Some(mut command) = python(name, &cloud, config.path(), CALL) else { return };
        command.arg(calls.to_string()).env("CUBE_API_KEY", cloud.key("readers").await);
        let output = command.output().await.unwrap();
        let lines: Vec<String> =
            String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 5, "{version}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(lines[0], version);
        assert!(lines[1].starts_with("cube-7  id "), "{lines:?}");
        assert!(lines[2].starts_with("Error: ") && lines[2].contains("no-such-cube"), "{lines:?}");
        assert!(lines[3].starts_with("Error: ") && lines[3].to_lowercase().contains("denied"), "{lines:?}");
        assert!(lines[4].contains("connected"), "{lines:?}");
    }
}

const LOGIN: &str = "
import asyncio, webbrowser
webbrowser.open = lambda url, *rest: print(url, flush=True)
from cube_agent.auth.login import login_browser
print(asyncio.run(login_browser()), flush=True)
";

#[tokio::test]
async fn it_logs_in_and_keeps_a_key_that_works() {
    let cloud = Cloud::start().await;
    cloud.user("ann", &["readers"]).await;
    for (version, name) in VERSIONS {
        let config = tempfile::tempdir().unwrap();
        let Some(mut command) = python(name, &cloud, config.path(), LOGIN) else { return };
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines.next_line().await.unwrap().expect("the page that it opens");
        let id = url.strip_prefix(&format!("{}/auth/login?session_id=", cloud.url)).expect(&url).to_owned();
        assert_eq!(id.len(), ID_LENGTH);
        let mut browser = Browser::default();
        browser.sign_in(&cloud, &id, "ann", PASSWORD).await;
        assert_eq!(browser.decide(&cloud, &id, "allow").await.status, 200);
        child.wait().await.unwrap();
        let key = std::fs::read_to_string(config.path().join("api_key")).unwrap();
        assert!(cloud.agent_call(key.trim(), "app_list", json!({})).await.is_ok(), "{version}");
    }
}

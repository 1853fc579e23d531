//! Prompts: the two ways that everybody walks once.

use rmcp::model::{ErrorData, GetPromptResult, Prompt, PromptArgument, PromptMessage, Role};
use serde_json::{Map, Value};

const FIRST_LOGIN: &str = "first_login";
const BYO_ONBOARDING: &str = "byo_onboarding";

pub(super) fn all() -> Vec<Prompt> {
    let optional = |name: &str, about: &str| PromptArgument::new(name).with_description(about).with_required(false);
    vec![
        Prompt::new(FIRST_LOGIN, Some("Sign in to cube-cloud and look around."), None).with_title("First login"),
        Prompt::new(
            BYO_ONBOARDING,
            Some("Give EdgeGate read access to a bucket of the customer's own, and run a first gate on a model in it."),
            Some(vec![
                optional("workspace_id", "The workspace, a UUID."),
                optional("bucket", "The bucket's name."),
                optional("region", "The bucket's region."),
            ]),
        )
        .with_title("Bring your own storage"),
    ]
}

pub(super) fn get(name: &str, arguments: Map<String, Value>) -> Result<GetPromptResult, ErrorData> {
    let text = match name {
        FIRST_LOGIN => first_login(),
        BYO_ONBOARDING => byo_onboarding(&arguments),
        _ => {
            let message = format!("there is no prompt `{}`; prompts/list names them", name.escape_debug());
            return Err(ErrorData::invalid_params(message, None));
        }
    };
    Ok(GetPromptResult::new(vec![PromptMessage::new_text(Role::User, text)]))
}

fn first_login() -> String {
    "Help me to sign in to cube-cloud, one step at a time, and tell me what came of each.\n\
     1. Call agent_status. Where it says connected, go on with step 3.\n\
     2. Tell me that a page will open in my browser, then call agent_login_browser. The page shows a code: I compare it and \
     allow the login. If nobody can use a browser here, ask me for a key and call agent_login.\n\
     3. Call cube_list and list_environments, and show me both as short lists.\n\
     4. Ask which cluster I want to work with. Call cube_status for it and say in one sentence whether all is well.\n\
     5. Tell me what else can be done there: kubectl on my machine by cube_cluster_login, a tunnel to an app by app_list and \
     app_proxy. Do neither before I say so."
        .to_owned()
}

fn byo_onboarding(arguments: &Map<String, Value>) -> String {
    let known = |name: &str| arguments.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    let facts: Vec<_> = ["workspace_id", "bucket", "region"]
        .into_iter()
        .map(|name| format!("- {name}: {}", known(name).unwrap_or("not known yet: ask me")))
        .collect();
    format!(
        "Help me to connect my own bucket to EdgeGate, so that models stay in my AWS account. What is known:\n{}\n\n\
         1. Call edgegate_check_byo_bucket. Where the grant is active, go on with step 5.\n\
         2. Ask me for the ARN of a role in my account that may read the bucket, and for the KMS key if the objects are \
         encrypted with one. Then call edgegate_register_byo_bucket.\n\
         3. Show me the External ID that came back, and the place for it in the role's trust policy: Condition, \
         StringEquals, sts:ExternalId. Wait until I say that it is there. IAM needs some seconds after that.\n\
         4. Call edgegate_check_byo_bucket. Where the probe fails, tell me the first item of its checklist in plain words, \
         and probe again when I have mended it. Never remove or rotate a grant without my word.\n\
         5. Ask me for the model's s3:// address, and for its SHA-256 if I have it. Call edgegate_register_byo_artifact.\n\
         6. Ask me for the pipeline, and call edgegate_run_gate with the artifact. Look once a minute with \
         edgegate_check_status until it has ended, then tell me the verdict and each gate.\n\
         7. Call edgegate_get_byo_audit for the run and tell me how I find its request ids in my CloudTrail.",
        facts.join("\n")
    )
}

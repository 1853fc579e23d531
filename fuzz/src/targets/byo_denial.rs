//! AWS's refusals: action and policy are those that were said, whatever the resource's name says.

use super::input::Input;
use crate::denial::{action, is_bare, policy};

const ACTIONS: [&str; 5] = ["s3:GetObject", "s3:ListBucket", "sts:AssumeRole", "kms:Decrypt", "s3:*"];
const POLICIES: [(&str, &str); 7] = [
    ("n", "identity-based policy"),
    ("", "resource-based policy"),
    ("", "service control policy"),
    ("", "resource control policy"),
    ("", "permissions boundary"),
    ("", "session policy"),
    ("", "VPC endpoint policy"),
];

pub fn run(data: &[u8]) {
    let mut input = Input(data);
    let denied = ACTIONS[input.below(ACTIONS.len())];
    let (n, kind) = POLICIES[input.below(POLICIES.len())];
    let form = input.below(4);
    let Ok(text) = std::str::from_utf8(input.0) else { return };
    // Any text whatever is borne.
    for part in [action(text), policy(text)].into_iter().flatten() {
        assert!(text.contains(part));
    }
    let _ = is_bare(text);
    let end = match form {
        0 => format!(" because no {kind} allows the {denied} action"),
        1 => format!(" with an explicit deny in a{n} {kind}"),
        2 => format!(" with an explicit deny in a{n} {kind}."),
        _ => format!(" with an explicit deny in a{n} {kind}: arn:aws:organizations::1:policy/o/p"),
    };
    let said = format!(
        "User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform: {denied} on resource: \"{text}\"{end}"
    );
    assert_eq!(action(&said), Some(denied), "{said}");
    assert_eq!(policy(&said), Some(kind), "{said}");
    assert!(!is_bare(&said));
}

//! What is served: verbs that read, and for each the flags that it may have.

/// How a flag is given.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Takes {
    /// Nothing; `=true` and `=false` are taken.
    Nothing,
    /// Any text that a name or a selector may be.
    Text,
    /// A whole number up to this.
    Number(u32),
    /// One of these.
    OneOf(&'static [&'static str]),
}

/// A flag: its long name, its letter, and its value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flag {
    pub(super) long: &'static str,
    pub(super) short: Option<char>,
    pub(super) takes: Takes,
}

/// One verb.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verb {
    /// Its words: `rollout status` has two.
    pub(super) words: &'static [&'static str],
    pub(super) flags: &'static [Flag],
    /// What is added to every call.
    pub(super) always: &'static [&'static str],
    /// How many arguments it may have.
    pub(super) arguments: (usize, usize),
}

const fn flag(long: &'static str, short: Option<char>, takes: Takes) -> Flag {
    Flag { long, short, takes }
}

const NAMESPACE: Flag = flag("namespace", Some('n'), Takes::Text);
const EVERYWHERE: Flag = flag("all-namespaces", Some('A'), Takes::Nothing);
const SELECTOR: Flag = flag("selector", Some('l'), Takes::Text);
const NO_HEADERS: Flag = flag("no-headers", None, Takes::Nothing);

const GET: &[Flag] = &[
    NAMESPACE,
    EVERYWHERE,
    SELECTOR,
    NO_HEADERS,
    // Templates and paths could read what a table hides.
    flag("output", Some('o'), Takes::OneOf(&["wide", "name", "json", "yaml"])),
    flag("field-selector", None, Takes::Text),
    flag("show-labels", None, Takes::Nothing),
    flag("show-kind", None, Takes::Nothing),
    flag("label-columns", Some('L'), Takes::Text),
    flag("ignore-not-found", None, Takes::Nothing),
    flag("sort-by", None, Takes::OneOf(&[".metadata.name", ".metadata.creationTimestamp", ".lastTimestamp"])),
];
const DESCRIBE: &[Flag] = &[NAMESPACE, EVERYWHERE, SELECTOR, flag("show-events", None, Takes::Nothing)];
const LOGS: &[Flag] = &[
    NAMESPACE,
    SELECTOR,
    flag("container", Some('c'), Takes::Text),
    flag("previous", Some('p'), Takes::Nothing),
    flag("timestamps", None, Takes::Nothing),
    flag("all-containers", None, Takes::Nothing),
    flag("prefix", None, Takes::Nothing),
    flag("tail", None, Takes::Number(5_000)),
    flag("since", None, Takes::Text),
    flag("since-time", None, Takes::Text),
];
const TOP: &[Flag] = &[
    NAMESPACE,
    EVERYWHERE,
    SELECTOR,
    NO_HEADERS,
    flag("containers", None, Takes::Nothing),
    flag("sort-by", None, Takes::OneOf(&["cpu", "memory"])),
];
const TOP_NODE: &[Flag] = &[SELECTOR, NO_HEADERS, flag("sort-by", None, Takes::OneOf(&["cpu", "memory"]))];
const EVENTS: &[Flag] = &[
    NAMESPACE,
    EVERYWHERE,
    NO_HEADERS,
    flag("types", None, Takes::OneOf(&["Normal", "Warning", "Normal,Warning", "Warning,Normal"])),
    flag("for", None, Takes::Text),
];
const RESOURCES: &[Flag] = &[
    NO_HEADERS,
    flag("namespaced", None, Takes::Nothing),
    flag("verbs", None, Takes::Text),
    flag("api-group", None, Takes::Text),
    flag("output", Some('o'), Takes::OneOf(&["wide", "name"])),
    flag("sort-by", None, Takes::OneOf(&["name", "kind"])),
];
const EXPLAIN: &[Flag] = &[flag("recursive", None, Takes::Nothing), flag("api-version", None, Takes::Text)];
const HISTORY: &[Flag] = &[NAMESPACE, flag("revision", None, Takes::Number(u32::MAX))];
const CAN_I: &[Flag] =
    &[NAMESPACE, EVERYWHERE, NO_HEADERS, flag("list", None, Takes::Nothing), flag("subresource", None, Takes::Text)];

const fn verb(words: &'static [&'static str], flags: &'static [Flag], arguments: (usize, usize)) -> Verb {
    Verb { words, flags, always: &[], arguments }
}

/// Every verb that is served.
pub(super) const VERBS: [Verb; 17] = [
    verb(&["get"], GET, (1, 64)),
    verb(&["describe"], DESCRIBE, (1, 64)),
    verb(&["logs"], LOGS, (0, 2)),
    verb(&["top", "pod"], TOP, (0, 1)),
    verb(&["top", "pods"], TOP, (0, 1)),
    verb(&["top", "node"], TOP_NODE, (0, 1)),
    verb(&["top", "nodes"], TOP_NODE, (0, 1)),
    verb(&["events"], EVENTS, (0, 0)),
    verb(&["version"], &[flag("output", Some('o'), Takes::OneOf(&["json", "yaml"]))], (0, 0)),
    verb(&["cluster-info"], &[], (0, 0)),
    verb(&["api-resources"], RESOURCES, (0, 0)),
    verb(&["api-versions"], &[], (0, 0)),
    verb(&["explain"], EXPLAIN, (1, 1)),
    Verb { always: &["--watch=false"], ..verb(&["rollout", "status"], &[NAMESPACE], (1, 2)) },
    verb(&["rollout", "history"], HISTORY, (1, 2)),
    verb(&["auth", "can-i"], CAN_I, (0, 3)),
    verb(&["auth", "whoami"], &[], (0, 0)),
];

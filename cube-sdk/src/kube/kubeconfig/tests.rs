#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use cube_sdk_core::{ErrorKind, SecretString};
use serde_json::Value;

use super::edit::{Edited, edited};
use super::incoming::{Entry, Incoming};
use super::place::shared;

/// What the service gives.
fn incoming(server: &str) -> Incoming {
    let text = format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: cube-7\n  cluster:\n    server: {server}\n    certificate-authority-data: Q0E=\n\
         users:\n- name: bot\n  user:\n    client-certificate-data: Y2VydA==\n    client-key-data: a2V5\n\
         contexts:\n- name: cube-7\n  context:\n    cluster: cube-7\n    user: bot\ncurrent-context: cube-7\n"
    );
    Incoming::read(&text.into()).unwrap()
}

fn merge(text: &str) -> Edited {
    let incoming = incoming("https://new:443");
    let entries: Vec<&Entry> = incoming.entries.iter().collect();
    edited(text, &entries, Some(&incoming.context)).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn value(text: &str) -> Value {
    serde_saphyr::from_str(text.trim_start_matches('\u{feff}')).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

/// Every form has our entries once, everything of others, and is the same when merged again.
fn check(text: &str) -> Edited {
    let edited = merge(text);
    let (new, old) = (value(&edited.text), value(if text.trim().is_empty() { "{}" } else { text }));
    assert_eq!(new["current-context"], "cube-7", "{}", edited.text);
    assert_eq!((&new["apiVersion"], &new["kind"]), (&"v1".into(), &"Config".into()), "{}", edited.text);
    for (section, name) in [("clusters", "cube-7"), ("users", "bot"), ("contexts", "cube-7")] {
        let list = new[section].as_array().unwrap_or_else(|| panic!("no {section}: {}", edited.text));
        assert_eq!(list.iter().filter(|it| it["name"] == name).count(), 1, "{section}: {}", edited.text);
        let others: Vec<_> = list.iter().filter(|it| it["name"] != name).collect();
        let before = old[section].as_array().into_iter().flatten().filter(|it| it["name"] != name);
        assert_eq!(others, before.collect::<Vec<_>>(), "{section}: {}", edited.text);
    }
    let ours = new["clusters"].as_array().unwrap().iter().find(|it| it["name"] == "cube-7").unwrap();
    assert_eq!(ours["cluster"]["server"], "https://new:443");
    for (key, before) in old.as_object().into_iter().flatten() {
        if !["clusters", "users", "contexts", "current-context"].contains(&key.as_str()) && !before.is_null() {
            assert_eq!(&new[key.as_str()], before, "{key}: {}", edited.text);
        }
    }
    let again = merge(&edited.text);
    assert_eq!((again.text.as_str(), again.losses.len()), (edited.text.as_str(), 0), "merged again");
    edited
}

const OWN: &str = "# my clusters, do not touch
apiVersion: v1
kind: Config
preferences: {colors: true}   # I like them
clusters:
  # the first
  - cluster: {server: \"https://a\"}
    name: a

  - name: b # the second
    cluster:
      server: https://b
users:
- name: a
  user: {token: 'se#cret'}
contexts:
- context:
    cluster: a
    namespace: mine
    user: a
  name: a
current-context: a # for now
x-own:
  - 1
# the end
";

#[test]
fn what_is_others_stays_byte_for_byte() {
    let edited = check(OWN);
    assert_eq!(edited.losses, Vec::<String>::new());
    let new: Vec<_> = edited.text.lines().collect();
    let mut at = 0;
    for line in OWN.lines() {
        // The lines come in their order; only the current context is another.
        let wanted = line.replace("current-context: a #", "current-context: cube-7 #");
        at += new[at..].iter().position(|it| *it == wanted).unwrap_or_else(|| panic!("{line}\n{}", edited.text)) + 1;
    }
    assert_eq!(new.len(), OWN.lines().count() + 4 + 4 + 4, "{}", edited.text);
    // The list that was indented stays so.
    assert!(
        edited.text.contains("\n  - name: cube-7\n    cluster:\n      server: https://new:443\n"),
        "{}",
        edited.text
    );
}

#[test]
fn each_form_of_a_file_keeps_everything() {
    let entry = "- name: a\n  cluster: {server: https://a}\n";
    for text in [
        "",
        "\n\n",
        "# only a comment\n",
        "# only a comment",
        "apiVersion: v1\n",
        "apiVersion: v1\nkind: Config\nclusters: null\nusers: ~\ncontexts:\ncurrent-context: \"\"\n",
        "apiVersion: v1\nkind: Config\nclusters: []\nusers: [] # nobody\ncontexts: []\ncurrent-context: ''\npreferences: {}\n",
        "apiVersion: v1\nclusters:\nusers: # soon\ncontexts:   \n\ncurrent-context:\nkind: Config\n",
        &format!("clusters:\n{entry}contexts: null\nusers:\n"),
        &format!("clusters:\n{entry}# tail"),
        &format!("---\nclusters:\n{entry}"),
        "clusters: [{name: a, cluster: {server: 'https://a'}}]\nusers: [ ]\ncontexts: []\n",
        "{apiVersion: v1, clusters: [{name: a, cluster: {}}], users: [], contexts: null}\n",
        "{}\n",
        "{\"apiVersion\":\"v1\",\"kind\":\"Config\",\"clusters\":[{\"name\":\"a\",\"cluster\":{\"server\":\"https://a\"}}],\"users\":null,\"contexts\":[],\"current-context\":\"\"}",
        "{\n  \"clusters\": [\n    {\n      \"name\": \"a\",\n      \"cluster\": {}\n    }\n  ],\n  \"users\": []\n}\n",
        "  apiVersion: v1\n  clusters:\n  - name: a\n    cluster: {}\n",
        "x: &shared {server: https://a}\nclusters:\n- name: a\n  cluster: *shared\n",
        "clusters:\n- name: a\n  cluster:\n    certificate-authority-data: |\n      abc\n      def\nusers:\n-\n  name: a\n  user: {}\n",
        "clusters:\n- name: a\n  cluster:\n    certificate-authority-data: >-\n      abc",
        "\"clusters\":\n- \"name\": \"a\"\n  \"cluster\": {}\n",
        "clusters:\n- name: a\n  cluster: {}\n\n\n\nusers:\n- name: a\n  user: {}\n\n\n",
        OWN,
    ] {
        for (form, text) in
            [("as it is", text.to_owned()), ("CRLF", text.replace('\n', "\r\n")), ("BOM", format!("\u{feff}{text}"))]
        {
            let edited = check(&text);
            assert_eq!(edited.losses, Vec::<String>::new(), "{form}: {text:?}\n{}", edited.text);
            if form == "CRLF" && text.contains("\r\n") && !text.starts_with('{') {
                assert_eq!(edited.text.matches('\n').count(), edited.text.matches("\r\n").count(), "{:?}", edited.text);
            }
            assert_eq!(form == "BOM", edited.text.starts_with('\u{feff}'));
        }
    }
}

fn ours(cluster: &str) -> String {
    format!("clusters:\n- name: a\n  cluster: {{}}\n{cluster}- name: z # last\n  cluster: {{}}\n")
}

#[test]
fn our_entries_are_replaced_where_they_stand() {
    for cluster in [
        "- name: cube-7\n  cluster:\n    server: https://old\n",
        "- cluster:\n    server: https://old\n    insecure-skip-tls-verify: true\n  name: cube-7\n",
        "- {name: cube-7, cluster: {server: https://old}}\n",
        "-   name: cube-7\n    cluster:\n        server: https://old\n",
        "- name: 'cube-7'\n  cluster:\n    certificate-authority-data: |\n      old\n",
    ] {
        let text = ours(cluster);
        let edited = check(&text);
        assert_eq!(edited.losses, Vec::<String>::new(), "{text}");
        let names: Vec<_> =
            value(&edited.text)["clusters"].as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
        assert_eq!(names, ["a", "cube-7", "z"], "{}", edited.text);
        assert!(edited.text.contains("- name: z # last\n"), "{}", edited.text);
        assert!(!edited.text.contains("old"), "{}", edited.text);
    }
}

#[test]
fn what_is_not_kept_is_told() {
    for (text, loss) in [
        (ours("- name: cube-7 # mine\n  cluster: {}\n"), "comments in clusters[cube-7]"),
        (ours("- name: cube-7\n  # mine\n  cluster: {}\n"), "comments in clusters[cube-7]"),
        (ours("- name: cube-7\n  cluster: {}\n- name: cube-7\n  cluster: {}\n"), "there twice"),
        (
            "clusters: [{name: cube-7, cluster: {}}, {name: q, cluster: {}}, {name: cube-7, cluster: {}}]\n".into(),
            "twice",
        ),
        (
            "contexts:\n- name: cube-7\n  context: {cluster: cube-7, user: bot, namespace: mine}\n".into(),
            "contexts[cube-7].context.namespace",
        ),
        ("users:\n- name: bot\n  extra: 1\n  user: {token: t}\n".into(), "users[bot].extra"),
        (
            "clusters:\n- &mine\n  name: cube-7\n  cluster: {}\n- name: b\n  cluster: {}\nx: 1 # kept?\n".into(),
            "whole file",
        ),
        ("x: &c {server: a}\nclusters:\n- name: cube-7\n  cluster: *c\n".into(), "whole file"),
        ("clusters: &all\n- name: a\n  cluster: {}\n".into(), "whole file"),
        ("x: &list [{name: a, cluster: {}}]\nclusters: *list\n".into(), "whole file"),
        ("current-context: &c a\nx: *c\n".into(), "whole file"),
        ("current-context: |\n  a\n".into(), "whole file"),
    ] {
        let edited = merge(&text);
        assert!(edited.losses.iter().any(|it| it.contains(loss)), "{text}\n{:?}\n{}", edited.losses, edited.text);
        check(&text);
    }
}

#[test]
fn what_is_no_kubeconfig_is_left_alone_and_shows_nothing() {
    let incoming = incoming("https://new");
    let entries: Vec<&Entry> = incoming.entries.iter().collect();
    for text in [
        "just text canary\n",
        "- canary\n",
        "clusters: canary\n",
        "clusters: {a: canary}\n",
        "a: [canary\n",
        "a: 1\n---\nb: canary\n",
        "a: 1\na: canary\n",
        "\ta: canary\n",
    ] {
        let error = edited(text, &entries, None).expect_err(text);
        assert_eq!(error.kind(), ErrorKind::Config, "{text}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}

#[test]
fn only_a_kubeconfig_that_stands_by_itself_is_taken() {
    let good = "clusters: [{name: c, cluster: {server: 's'}}]\nusers: [{name: u, user: {token: t}}]\n\
                contexts: [{name: x, context: {cluster: c, user: u}}]\n";
    assert_eq!(Incoming::read(&good.into()).unwrap().context, "x", "the only context is the current one");
    let exec = good.replace("{token: t}", "{exec: {command: tbot}}");
    let error = Incoming::read(&exec.into()).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("disable_exec_plugin"), "{error}");
    for (from, to) in [
        ("{token: t}", "{auth-provider: {name: x}}"),
        ("{token: t}", "{client-key: /k}"),
        ("{token: t}", "{client-certificate: /k}"),
        ("{token: t}", "{tokenFile: /k}"),
        ("{server: 's'}", "{certificate-authority: /k}"),
    ] {
        let error = Incoming::read(&good.replace(from, to).into()).map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{to}: {error}");
    }
    for bad in [
        String::new(),
        "canary: [".into(),
        "canary".into(),
        good.replace("clusters", "x-clusters"),
        good.replace("name: u", "name: ''"),
        good.replace("user: {token: t}", "x: canary"),
        good.replace("user: u", "user: other"),
        good.replace("[{name: u, user: {token: t}}]", "[{name: u, user: {}}, {name: u, user: {}}]"),
        format!("{good}current-context: other\n"),
        good.replace("contexts: [", "contexts: [{name: y, context: {cluster: c, user: u}}, "),
    ] {
        let error = Incoming::read(&SecretString::from(bad.as_str())).map(|_| ()).expect_err(&bad);
        assert_eq!(error.kind(), ErrorKind::Decode, "{bad}: {error}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}

#[test]
fn of_several_files_the_one_that_holds_an_entry_gets_it() {
    let incoming = incoming("https://new");
    let place = |texts: &[Option<&str>]| {
        let texts: Vec<_> = texts.iter().map(|text| text.map(str::to_owned)).collect();
        let shares = shared(&texts, &incoming.entries);
        let shown = |section: &str| {
            shares.iter().position(|share| share.entries.iter().any(|entry| entry.section == section)).unwrap()
        };
        let context = shares.iter().position(|share| share.sets_context).unwrap();
        [shown("clusters"), shown("users"), shown("contexts"), context]
    };
    let (cluster, user) = ("clusters: [{name: cube-7}]", "users: [{name: bot}]");
    let (context, current) = ("contexts: [{name: cube-7}]", "current-context: a");
    assert_eq!(place(&[None]), [0, 0, 0, 0]);
    assert_eq!(place(&[None, Some("clusters: []")]), [0, 0, 0, 0], "new ones go into the first");
    assert_eq!(place(&[Some(""), Some(context)]), [1, 1, 1, 1]);
    assert_eq!(place(&[Some(cluster), Some(user), Some(context)]), [0, 1, 2, 2]);
    assert_eq!(place(&[Some(""), Some(cluster), Some(current)]), [1, 1, 1, 2]);
    assert_eq!(place(&[Some(context), Some(context)]), [0, 0, 0, 0], "kubectl reads the first");
    assert_eq!(place(&[Some("{broken"), Some(user)]), [1, 1, 1, 1]);
}

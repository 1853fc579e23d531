//! Completion in real shells: names that the service tells, at a key's press.

use std::process::Command;

use crate::terminal::Screen;
use crate::world::Place;

/// How a shell is started without anybody's settings, and takes the code.
const SHELLS: [(&str, &str, &str); 3] = [
    ("bash", "bash --norc --noprofile", "source <(cube completions bash)"),
    ("zsh", "zsh -f", "autoload -U compinit && compinit -u -D && source <(cube completions zsh)"),
    ("fish", "fish --no-config", "cube completions fish | source"),
];

#[test]
fn names_are_completed_in_bash_zsh_and_fish() {
    let place = Place::new();
    place.good(&["env", "create", "depot-1"]);
    let cluster = place.card().kube.cluster.clone();
    for (shell, start, load) in SHELLS {
        if Command::new(shell).arg("--version").output().is_err() {
            assert!(crate::world::real("kubectl").is_none(), "{shell} is not installed: tests/real/install");
            eprintln!("SKIPPED: {shell} is not installed");
            continue;
        }
        let Some(screen) = Screen::new(&place, 100) else { return };
        screen.types(start);
        screen.types("echo st''arted");
        screen.shows("started");
        screen.types(load);
        screen.types("clear");
        screen.types("echo lo''aded");
        screen.shows("loaded");
        // A command, an app, an environment, a cluster.
        for (begun, whole) in [
            ("cube tun", "cube tunnel"),
            ("cube tunnel open ec", "cube tunnel open echo"),
            ("cube entity health dep", "cube entity health depot-1"),
            (&format!("cube cluster status {}", &cluster[..4]), &format!("cube cluster status {cluster}")),
        ] {
            screen.begins(begun);
            screen.presses_until("Tab", whole);
            // Takes the line away, which a Ctrl-C in the midst of a completion does not.
            screen.presses("C-u");
            screen.types("clear");
            screen.shows_cleared(whole);
        }
    }
}

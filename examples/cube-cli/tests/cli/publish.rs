//! publish.

use crate::world::{Place, ended};

fn chart(place: &Place) -> String {
    let folder = place.home.path().join("web");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("Chart.yaml"), "apiVersion: v2\nname: web\nversion: 1.4.2\n").unwrap();
    folder.to_str().unwrap().to_owned()
}

#[test]
fn a_dry_run_tells_the_steps_and_changes_nothing() {
    let place = Place::new();
    let folder = chart(&place);
    let shown = place.data(&["publish", &folder, "--bump", "minor", "--dry-run"]);
    assert_eq!(shown["plan"]["version"], "1.5.0");
    assert!(place.good(&["publish", &folder, "--release", "2.0.0", "--dry-run"]).contains("2.0.0"));
    let text = std::fs::read_to_string(place.home.path().join("web/Chart.yaml")).unwrap();
    assert!(text.contains("version: 1.4.2"), "{text}");

    place.bad(&["publish", "/no/such", "--dry-run"], 2, "/no/such");
    place.bad(&["publish", &folder, "--release", "not a version", "--dry-run"], 2, "version");
    std::fs::write(place.home.path().join("web/Dockerfile"), "FROM scratch\n").unwrap();
    place.bad(&["publish", &folder, "--build-arg", "NOT_SET_HERE", "--dry-run"], 2, "NOT_SET_HERE");
    let bare = place.command(&["publish", &folder, "--dry-run"]).env_remove("CUBE_APOLLO_CLIENT_ID").output().unwrap();
    let bare = ended(bare);
    assert!(bare.code == 2 && bare.err.contains("CUBE_APOLLO_CLIENT_ID"), "{bare:?}");
}

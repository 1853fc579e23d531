//! publish.

use cube_sdk::core::secret::ExposeSecret as _;
use cube_sdk_testkit::apollo::{Fault, On};

use crate::world::{Place, ended, fits};

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

#[test]
fn a_release_needs_no_more_than_a_key_of_cube_cloud() {
    let place = Place::new();
    let folder = chart(&place);
    let by_key = |key: Option<&str>| {
        let mut command =
            place.command(&["publish", &folder, "--bump", "minor", "--channel", "BETA", "--output", "json"]);
        command.env_remove("CUBE_APOLLO_CLIENT_ID").env_remove("CUBE_APOLLO_CLIENT_SECRET");
        if let Some(key) = key {
            command.env("CUBE_API_KEY", key);
        }
        ended(command.output().unwrap())
    };
    let readonly = place.card().cloud.readonly_api_key.expose_secret().to_owned();
    let refused = by_key(Some(&readonly));
    assert_eq!((refused.code, refused.out.as_str()), (5, ""), "{refused:?}");

    place.world.apollo().inject(On::operation("CreateProductRelease"), 0, 1, Fault::status(500));
    let failed = by_key(None);
    assert!(failed.code != 0 && failed.out.is_empty(), "{failed:?}");
    // The next run goes on with the version that was begun.
    let released = by_key(None);
    assert_eq!(released.code, 0, "{released:?}");
    let document: serde_json::Value = serde_json::from_str(&released.out).unwrap();
    fits(&document);
    let released = &document["data"]["released"];
    assert_eq!(released["release"], "com.edgescaleai-cube:web:1.5.0", "{document}");
    assert_eq!(released["channels"][0], "BETA", "{document}");
    let registry = place.world.apollo().registry().unwrap();
    assert!(registry.manifest("charts/com.edgescaleai-cube/web", "1.5.0").is_some());
}

#[test]
fn a_release_with_apollo_credentials_goes_straight_to_apollo() {
    let place = Place::new();
    let folder = chart(&place);
    let mut command = place.command(&["publish", &folder]);
    let done = ended(command.env("CUBE_API_KEY", "cube_of-nobody").output().unwrap());
    assert!(done.code == 0 && done.out.contains("com.edgescaleai-cube:web:1.4.3"), "{done:?}");
}

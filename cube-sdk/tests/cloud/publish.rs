//! Releases with a key of cube-cloud and nothing else.

use std::path::{Path, PathBuf};

use cube_sdk::apollo::publish::{Bump, Chart};
use cube_sdk::core::config::Environment;
use cube_sdk::core::secret::ExposeSecret as _;
use cube_sdk::prelude::*;
use cube_sdk::release::Release;
use cube_sdk_server::local::World;
use cube_sdk_testkit::apollo::{Fault, On};

/// The world as one sees it who has a key of cube-cloud alone.
fn signed_in(world: &World, key: &str) -> Cube {
    let mut pairs: Vec<_> =
        world.env().into_iter().map(|(name, value)| (name, value.expose_secret().to_owned())).collect();
    pairs.retain(|(name, _)| !name.starts_with("CUBE_APOLLO_CLIENT") && name != "CUBE_API_KEY");
    pairs.push(("CUBE_API_KEY".to_owned(), key.to_owned()));
    Cube::builder().environment(Environment::from_pairs(pairs)).build()
}

fn chart(folder: &Path) -> PathBuf {
    let folder = folder.join("web");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("Chart.yaml"), "apiVersion: v2\nname: web\nversion: 1.4.2\n").unwrap();
    folder
}

fn asked(folder: &Path) -> Release {
    Release::new().chart(folder).bump(Bump::Minor).channels(["BETA"])
}

const PUBLISH: &str = "createProductReleaseFromManifestV2";

#[tokio::test]
async fn a_key_of_cube_cloud_is_all_that_a_release_needs() {
    let (world, dir) = (World::start().await.unwrap(), tempfile::tempdir().unwrap());
    let folder = chart(dir.path());
    let cube = signed_in(&world, world.card().cloud.api_key.expose_secret());
    assert_eq!(cube.apollo().unwrap_err().kind(), ErrorKind::Config, "there are no credentials of one's own");
    let plan = cube.release(&asked(&folder)).unwrap();
    assert_eq!(world.apollo().requests().len(), 0, "nothing is sent for a plan");
    let report = plan.run().await.unwrap();
    assert_eq!((report.release.as_str(), report.existed), ("com.edgescaleai-cube:web:1.5.0", false));
    assert_eq!(report.channels, ["BETA"]);
    let registry = world.apollo().registry().unwrap();
    assert!(registry.manifest("charts/com.edgescaleai-cube/web", "1.5.0").is_some());
    // A new product was made first.
    assert_eq!((world.apollo().executed("createProduct"), world.apollo().executed(PUBLISH)), (1, 1));
    let listed = cube.cloud().unwrap().get_product_releases("com.edgescaleai-cube:web").await.unwrap();
    let found = listed.into_data().unwrap().releases;
    assert_eq!(
        (found[0].coordinate.as_str(), found[0].channels.contains(&"BETA".into())),
        ("com.edgescaleai-cube:web:1.5.0", true)
    );
}

#[tokio::test]
async fn a_key_without_the_right_releases_nothing() {
    let (world, dir) = (World::start().await.unwrap(), tempfile::tempdir().unwrap());
    let folder = chart(dir.path());
    for (key, kind) in [
        (world.card().cloud.readonly_api_key.expose_secret(), ErrorKind::PermissionDenied),
        ("cube_of-nobody", ErrorKind::Unauthenticated),
    ] {
        let error = signed_in(&world, key).release(&asked(&folder)).unwrap().run().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.next_step().is_some(), "{error:?}");
    }
    assert_eq!(world.apollo().executed(PUBLISH), 0);
    assert_eq!(Chart::find(Some(&folder)).unwrap().version().as_str(), "1.4.2");
    let registry = world.apollo().registry().unwrap();
    assert!(registry.came().is_empty(), "the registry met somebody without a token: {:?}", registry.came());
}

#[tokio::test]
async fn a_manifest_that_apollo_refuses_is_told_and_the_next_run_goes_on() {
    let (world, dir) = (World::start().await.unwrap(), tempfile::tempdir().unwrap());
    let folder = chart(dir.path());
    let cube = signed_in(&world, world.card().cloud.api_key.expose_secret());
    let refused = serde_json::json!({ "data": { "apollo": { "createProductReleaseFromManifestV2": {
        "__typename": "ApolloProductReleaseRejected", "mavenCoordinate": "com.edgescaleai-cube:web:1.5.0",
        "rejectionReasons": [{ "message": "the chart is quarantined", "metadata": [] }],
    } } } });
    let refuse = Fault::Status { status: 200, retry_after: None, body: refused.to_string() };
    world.apollo().inject(On::operation("CreateProductRelease"), 0, 1, refuse);
    let error = cube.release(&asked(&folder)).unwrap().run().await.unwrap_err();
    assert!(error.to_string().contains("the chart is quarantined"), "{error}");
    // In no further channel: the release is there, and the next run goes on with it.
    world.apollo().inject(On::operation("AddToChannel"), 0, 1, Fault::status(500));
    let error = cube.release(&asked(&folder)).unwrap().run().await.unwrap_err();
    assert!(error.to_string().contains("is released, but in no further channel"), "{error}");
    let report = cube.release(&asked(&folder)).unwrap().run().await.unwrap();
    assert_eq!((report.release.as_str(), report.existed), ("com.edgescaleai-cube:web:1.5.0", true));
    assert_eq!(report.channels, ["BETA"]);
}

#[tokio::test]
async fn no_token_goes_to_another_registry_than_it_is_for() {
    let (world, dir) = (World::start().await.unwrap(), tempfile::tempdir().unwrap());
    let folder = chart(dir.path());
    let elsewhere = cube_sdk_testkit::apollo::Double::empty().unwrap().serve().await.unwrap();
    let mut pairs: Vec<_> =
        world.env().into_iter().map(|(name, value)| (name, value.expose_secret().to_owned())).collect();
    pairs.retain(|(name, _)| !name.starts_with("CUBE_APOLLO"));
    pairs.push(("CUBE_APOLLO_URL".to_owned(), elsewhere.url()));
    let other = Cube::builder().environment(Environment::from_pairs(pairs)).build();
    let error = other.release(&asked(&folder)).unwrap().run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
    assert!(error.to_string().contains("not for"), "{error}");
    assert!(elsewhere.registry().unwrap().came().is_empty());
}

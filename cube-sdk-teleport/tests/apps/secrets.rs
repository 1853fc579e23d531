//! The private key is shown nowhere.

use cube_sdk_teleport::tbot::{Bundle, OutputRoot};
use cube_sdk_testkit::teleport::{KeyForm, Tear};

use crate::world::{APP, World, app};

/// Lines of the key's PEM body: none may occur in any text.
fn canaries(pem: &str) -> Vec<String> {
    pem.lines().filter(|line| !line.starts_with("-----") && line.len() > 8).map(str::to_owned).collect()
}

#[tokio::test]
async fn no_text_shows_the_key() {
    let world = World::bare().await;
    for form in [KeyForm::EcPkcs8, KeyForm::EcSec1, KeyForm::RsaPkcs1] {
        let credential = world.tbot().key_form(form).rotate().await.unwrap();
        let canaries = canaries(&credential.key_pem);
        assert!(!canaries.is_empty());
        let mut texts = Vec::new();
        let identity = std::fs::read(world.path(APP).join("identity")).unwrap();
        texts.push(format!("{:?}", Bundle::from_identity(&identity).unwrap()));
        let identities = world.identities();
        texts.push(format!("{:?}", identities.current(APP).await.unwrap()));
        let dialer = world.quick();
        texts.push(format!("{:?}", dialer.connect(&app(APP)).await.unwrap()));
        texts.push(format!("{dialer:?} {identities:?} {:?}", OutputRoot::new(world.root.path())));
        for cut in [40, 90, 150, 400, 900] {
            world.tbot().write(&credential).await.unwrap();
            for file in ["identity", "tlscert", "key"] {
                world.tbot().tear(file, Tear::Cut(cut)).unwrap();
            }
            if let Err(error) = world.impatient().current(APP).await {
                texts.push(format!("{error} {error:?} {:?}", std::error::Error::source(&error)));
            }
        }
        // The key where the certificate should be: the text says so without quoting it.
        world.tbot().tear("tlscert", Tear::Gone).unwrap();
        std::fs::write(world.path(APP).join("identity"), credential.key_pem.repeat(2)).unwrap();
        let error = world.impatient().current(APP).await.unwrap_err();
        texts.push(format!("{error} {error:?}"));
        for text in texts {
            assert!(!canaries.iter().any(|canary| text.contains(canary)), "{form:?}: {text}");
        }
    }
}

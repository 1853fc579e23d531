//! Certificates rotate in place while flows run and dials go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use cube_sdk_teleport::AppFault;
use cube_sdk_teleport::tbot::WatchState;
use cube_sdk_testkit::teleport::{KeyForm, Life, Pauses, Tear};

use crate::world::{APP, World, app, echoed, noise};

const SIZE: usize = 64 * 1024 * 1024;
const ROUND: usize = 4 * 1024 * 1024 + 7;

/// Rotations that dawdle at every step, alternating key forms, until told to stop.
async fn keep_rotating(world: &World, stop: &AtomicBool, rotations: &AtomicUsize) {
    for form in [KeyForm::EcPkcs8, KeyForm::EcSec1].into_iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let pauses = Pauses::all(Duration::from_millis(3));
        world.tbot().key_form(form).pauses(pauses).rotate().await.unwrap();
        rotations.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_survives_rotations_and_dials_go_on_beside_it() {
    let world = World::start().await;
    let dialer = world.quick();
    let mut stream = dialer.connect(&app(APP)).await.unwrap();
    let (stop, rotations) = (AtomicBool::new(false), AtomicUsize::new(0));
    let transfer = async {
        let (block, mut done) = (noise(ROUND), 0);
        while done < SIZE || rotations.load(Ordering::Relaxed) < 3 {
            assert!(echoed(&mut stream, &block).await == block, "bytes differ after {done}");
            done += block.len();
        }
        stop.store(true, Ordering::Relaxed);
    };
    let dials = async {
        let mut made = 0;
        while !stop.load(Ordering::Relaxed) {
            let mut stream = dialer.connect(&app(APP)).await.unwrap();
            assert_eq!(echoed(&mut stream, b"beside").await, b"beside");
            made += 1;
        }
        made
    };
    let ((), (), made) = tokio::join!(transfer, keep_rotating(&world, &stop, &rotations), dials);
    assert!(made > 0);
}

#[tokio::test]
async fn the_next_dial_uses_what_is_on_disk() {
    let world = World::start().await;
    let dialer = world.quick();
    for _ in 0..4 {
        let newest = world.tbot().rotate().await.unwrap();
        let mut stream = dialer.connect(&app(APP)).await.unwrap();
        assert_eq!(echoed(&mut stream, b"hi").await, b"hi");
        assert!(world.proxy.seen().sessions.contains(&newest.session));
    }
    assert_eq!(world.proxy.seen().sessions.len(), 4);
}

#[tokio::test]
async fn a_first_read_in_the_middle_of_a_rotation_waits_for_its_end() {
    let world = World::start().await;
    world.tbot().tear("identity", Tear::Empty).unwrap();
    world.tbot().tear("key", Tear::Empty).unwrap();
    let healing = async {
        tokio::time::sleep(Duration::from_millis(70)).await;
        world.tbot().rotate().await.unwrap()
    };
    let (identity, _) = tokio::join!(async { world.identities().current(APP).await }, healing);
    assert_eq!(identity.unwrap().subject().app.as_deref(), Some(APP));
}

#[tokio::test]
async fn a_valid_credential_serves_on_while_the_directory_is_unusable() {
    let world = World::start().await;
    let identities = world.identities();
    let first = identities.current(APP).await.unwrap();
    for tear in [Tear::Empty, Tear::Cut(100), Tear::Gone] {
        for file in ["identity", "tlscert"] {
            world.tbot().tear(file, tear).unwrap();
        }
        assert!(Arc::ptr_eq(&first, &identities.current(APP).await.unwrap()), "{tear:?}");
        world.tbot().write(&world.cluster.issue(APP, KeyForm::EcPkcs8, Life::over()).unwrap()).await.unwrap();
        assert!(Arc::ptr_eq(&first, &identities.current(APP).await.unwrap()), "an expired one does not replace it");
    }
    std::fs::remove_dir_all(world.path(APP)).unwrap();
    assert!(Arc::ptr_eq(&first, &identities.current(APP).await.unwrap()));
    world.tbot().rotate().await.unwrap();
    assert!(!Arc::ptr_eq(&first, &identities.current(APP).await.unwrap()), "a usable one replaces it at once");
}

#[tokio::test]
async fn an_unchanged_directory_is_read_once() {
    let world = World::start().await;
    let identities = world.identities();
    let first = identities.current(APP).await.unwrap();
    for _ in 0..3 {
        assert!(Arc::ptr_eq(&first, &identities.current(APP).await.unwrap()));
    }
}

#[tokio::test]
async fn the_watch_sees_renewals_and_failures() {
    let world = World::start().await;
    let identities = world.identities();
    let mut watch = identities.watch(Duration::from_millis(10));
    let states = watch.changed().await;
    let WatchState::Ready { not_after, stale } = states[APP] else { panic!("{states:?}") };
    assert!(!stale);
    world.tbot().life(Life::left(Duration::from_secs(7200))).rotate().await.unwrap();
    let states = watch.changed().await;
    assert!(matches!(states[APP], WatchState::Ready { not_after: later, .. } if later > not_after), "{states:?}");
    std::fs::create_dir(world.path("new")).unwrap();
    let states = watch.changed().await;
    assert!(
        matches!(&states["new"], WatchState::Failed { fault: AppFault::CredentialMissing, .. }),
        "one broken directory does not take another: {states:?}"
    );
    assert!(states[APP].is_ready());
    drop(watch);
}

#[tokio::test]
async fn a_credential_near_its_end_is_stale() {
    let world = World::bare().await;
    let old = Life::left(Duration::from_secs(120));
    world.tbot().life(old).rotate().await.unwrap();
    let fresh = world.identities().survey().await.unwrap();
    assert!(matches!(fresh[APP], WatchState::Ready { stale: false, .. }), "two thirds are left");
    let mut aged = Life::default();
    aged.age = Duration::from_secs(3000);
    world.tbot().life(aged).rotate().await.unwrap();
    let states = world.identities().survey().await.unwrap();
    assert!(matches!(states[APP], WatchState::Ready { stale: true, .. }), "{states:?}");
}

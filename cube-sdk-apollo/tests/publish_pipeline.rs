//! From a chart to a release: killed at every step, failed at every step, run again.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cube_sdk_apollo::Apollo;
use cube_sdk_apollo::publish::{
    Bump, Chart, ImageBuild, Platform, Progress, PublishErrorExt, PublishFault, Registry, RegistryHost, ReleaseOf,
};
use cube_sdk_core::config::Environment;
use cube_sdk_core::retry::Retrier;
use cube_sdk_core::{Error, ErrorKind, Result};
use cube_sdk_testkit::apollo::registry::{Fault, Guard, Registry as Double};
use cube_sdk_testkit::apollo::{self, CLIENT_ID, CLIENT_SECRET};

const CHART: &str = "# by hand\napiVersion: v2\nname: web\nversion: 1.4.2 # now\nappVersion: \"1\"\n";
const REPOSITORY: &str = "charts/com.example/web";

/// The world that a child process sees, by its environment.
fn world(apollo: &str, registry: &str) -> (Apollo, Registry) {
    let environment = Environment::from_pairs([
        ("CUBE_APOLLO_URL", apollo),
        ("CUBE_APOLLO_CLIENT_ID", CLIENT_ID),
        ("CUBE_APOLLO_CLIENT_SECRET", CLIENT_SECRET),
        ("NO_PROXY", "*"),
    ]);
    let registry = Registry::builder(RegistryHost::parse(registry).unwrap()).plain_http().anonymous();
    let registry = registry.environment(&environment).retrier(Retrier::never()).build().unwrap();
    (Apollo::builder().environment(&environment).retrier(Retrier::never()).build().unwrap(), registry)
}

fn chart(folder: &Path) -> PathBuf {
    let folder = folder.join("web");
    fs::create_dir_all(folder.join("templates")).unwrap();
    fs::write(folder.join("Chart.yaml"), CHART).unwrap();
    fs::write(folder.join("templates/a.yaml"), "kind: Service\n").unwrap();
    folder
}

fn release(folder: &Path, apollo: &Apollo, registry: &Registry) -> ReleaseOf {
    let chart = Chart::find(Some(folder)).unwrap();
    apollo.publish().release(&chart).group("com.example").registry(registry.clone()).bump(Bump::Minor).app_version("7")
}

/// This test program again, as another process, for one of its tests.
fn child(test: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env("CUBE_TEST_CHILD", "1");
    command.envs(variables.iter().copied()).output().unwrap()
}

fn is_child() -> bool {
    std::env::var_os("CUBE_TEST_CHILD").is_some()
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap()
}

/// Nothing that a run makes is left: no archive, no half file.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_every_step_the_next_run_goes_on_with_the_same_version() {
    if is_child() {
        let (apollo, registry) = world(&variable("APOLLO"), &variable("REGISTRY"));
        let at: usize = variable("AT").parse().unwrap();
        let seen = std::sync::atomic::AtomicUsize::new(0);
        let run = release(Path::new(&variable("CHART")), &apollo, &registry).plan().unwrap().run();
        let run = run.progress(move |_| {
            if seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == at {
                // As kill -9: nothing of this process runs any more.
                let _ = Command::new("kill").args(["-9", &std::process::id().to_string()]).status();
                std::thread::sleep(Duration::from_secs(60));
            }
        });
        run.await.unwrap();
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let mut killed = 0;
    for at in 0.. {
        let dir = tempfile::tempdir().unwrap();
        let folder = chart(dir.path());
        let apollo = apollo::Double::empty().unwrap().serve().await.unwrap();
        let double = Double::start(Guard::Open).await.unwrap();
        let (url, host, number) = (apollo.url(), double.host(), at.to_string());
        let (chart_folder, tmp) = (folder.display().to_string(), scratch.path().display().to_string());
        let variables = [
            ("APOLLO", url.as_str()),
            ("REGISTRY", &host),
            ("CHART", &chart_folder),
            ("AT", &number),
            ("TMPDIR", &tmp),
        ];
        let test = "killed_at_every_step_the_next_run_goes_on_with_the_same_version";
        let output = tokio::task::spawn_blocking({
            let variables: Vec<_> = variables.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
            move || child(test, &variables.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect::<Vec<_>>())
        });
        let output = output.await.unwrap();
        let text = fs::read_to_string(folder.join("Chart.yaml")).unwrap();
        let new = CHART.replace("1.4.2", "1.5.0").replace("\"1\"", "\"7\"");
        assert!(text == CHART || text == new, "step {at}: {text}");
        assert!(!names(&folder).iter().any(|name| name.ends_with(".tgz")), "step {at}: {:?}", names(&folder));
        if output.status.success() {
            assert_eq!((text, names(&folder).len()), (new, 2), "{:?}", names(&folder));
            break;
        }
        killed += 1;
        // Nothing is released before its chart is there.
        assert!(
            double.manifest(REPOSITORY, "1.5.0").is_some()
                || apollo.executed("createProductReleaseFromManifestV2") == 0
        );

        let (client, registry) = world(&url, &host);
        let plan = release(&folder, &client, &registry).plan().unwrap();
        assert_eq!(plan.version().as_str(), "1.5.0", "step {at}: the version grows once");
        let report = plan.run().await.unwrap_or_else(|error| panic!("step {at}: {error:?}"));
        assert_eq!(report.release, "com.example:web:1.5.0");
        assert_eq!(fs::read_to_string(folder.join("Chart.yaml")).unwrap(), new, "step {at}");
        assert_eq!(names(&folder), ["Chart.yaml", "templates"], "step {at}");
        assert!(apollo.executed("createProductReleaseFromManifestV2") <= 1);
        assert!(double.manifest(REPOSITORY, "1.5.0").is_some());
    }
    assert!(killed >= 5, "{killed}");
}

#[tokio::test]
async fn failed_at_every_request_the_next_run_goes_on() {
    for on in [
        "HEAD",
        "POST",
        "PUT /v2/charts/com.example/web/blobs",
        "/manifests/1.5.0",
        "PUT /v2/charts/com.example/web/manifests",
    ] {
        let dir = tempfile::tempdir().unwrap();
        let folder = chart(dir.path());
        let apollo = apollo::Double::empty().unwrap().serve().await.unwrap();
        let double = Double::start(Guard::Open).await.unwrap();
        let (client, registry) = world(&apollo.url(), &double.host());
        double.inject(on, Fault::Status(500));
        let error = release(&folder, &client, &registry).plan().unwrap().run().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server, "{on}: {error}");
        assert_eq!(apollo.executed("createProductReleaseFromManifestV2"), 0, "{on}");
        let report = release(&folder, &client, &registry).plan().unwrap().run().await.unwrap();
        assert_eq!(report.chart.tag.as_str(), "1.5.0", "{on}");
        assert_eq!(names(&folder), ["Chart.yaml", "templates"], "{on}");
    }
}

#[tokio::test]
async fn a_plan_tells_all_and_does_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let folder = chart(dir.path());
    let (client, registry) = world("http://127.0.0.1:1", "127.0.0.1:1");
    let plan = release(&folder, &client, &registry).plan().unwrap();
    let shown = plan.to_string().replace(&folder.canonicalize().unwrap().display().to_string(), "CHART");
    assert_eq!(
        shown,
        "chart web in CHART
1. see that 127.0.0.1:1/charts/com.example/web:1.5.0 is free
2. write version 1.4.2 -> 1.5.0, appVersion 1 -> 7 into CHART/Chart.yaml
3. pack web-1.5.0.tgz
4. push it to oci://127.0.0.1:1/charts/com.example/web:1.5.0
5. release com.example:web:1.5.0 in Apollo
"
    );
    assert_eq!(names(&folder), ["Chart.yaml", "templates"]);
    assert_eq!(fs::read_to_string(folder.join("Chart.yaml")).unwrap(), CHART);
    // What is wrong is told by the plan.
    fs::write(folder.join(".helmignore"), "**\n").unwrap();
    let error = release(&folder, &client, &registry).plan().map(drop).unwrap_err();
    assert_eq!(error.publish_fault(), Some(&PublishFault::BadRule { line: 1 }));
    fs::remove_file(folder.join(".helmignore")).unwrap();
    let error = release(&folder, &client, &registry).version("one").plan().map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let error = release(&folder, &client, &registry).group("Com.Example").plan().map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_version_that_is_published_is_not_published_again() {
    let dir = tempfile::tempdir().unwrap();
    let folder = chart(dir.path());
    let apollo = apollo::Double::empty().unwrap().serve().await.unwrap();
    let double = Double::start(Guard::Open).await.unwrap();
    let (client, registry) = world(&apollo.url(), &double.host());
    release(&folder, &client, &registry).plan().unwrap().run().await.unwrap();
    // The same again, whole: all of it is found.
    let again = release(&folder, &client, &registry).version("1.5.0").plan().unwrap().run().await.unwrap();
    assert!(again.existed && again.chart.existed);
    // Other files under the same version.
    fs::write(folder.join("templates/a.yaml"), "kind: Ingress\n").unwrap();
    let error = release(&folder, &client, &registry).version("1.5.0").plan().unwrap().run().await.unwrap_err();
    assert_eq!((error.kind(), error.publish_fault()), (ErrorKind::Conflict, Some(&PublishFault::Taken)), "{error}");
    assert_eq!(names(&folder), ["Chart.yaml", "templates"]);
    assert_eq!(apollo.executed("createProductReleaseFromManifestV2"), 1);
    // Two at once: one waits for nobody.
    let gate = Arc::new(Mutex::new(None));
    let (held, other) = (Arc::clone(&gate), folder.clone());
    let (c, r) = (client.clone(), registry.clone());
    let run = release(&folder, &client, &registry).plan().unwrap().run().progress(move |event| {
        if matches!(event, Progress::Step { number: 1, .. }) {
            let run = release(&other, &c, &r).plan().unwrap().run();
            let outcome = std::thread::spawn(move || {
                tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap()
                    .block_on(async { run.await })
            });
            *held.lock().unwrap() = Some(outcome.join().unwrap().map(drop));
        }
    });
    run.await.unwrap();
    let second: Result<(), Error> = gate.lock().unwrap().take().unwrap();
    let error = second.unwrap_err();
    assert!(error.message().contains("another run"), "{error}");
}

/// A stand-in for docker that notes what it is called with: arguments, input, and the variable `NPM_TOKEN`.
fn stand_in(dir: &Path, then: &str) -> String {
    let bin = dir.join("bin");
    fs::create_dir_all(&bin).unwrap();
    let script = format!(
        "#!/bin/sh\nlog=\"{0}/docker.log\"\nfor a in \"$@\"; do echo \"arg:$a\" >> \"$log\"; done\n\
         case \"$1\" in login) echo \"in:$(cat)\" >> \"$log\";; *) echo \"env:$NPM_TOKEN\" >> \"$log\"; {then};; esac\n",
        dir.display()
    );
    let file = bin.join("docker");
    fs::write(&file, script).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:/usr/bin:/bin", bin.display())
}

/// The child's part of the tests with a stand-in: one release with an image.
async fn with_image(limit: Duration) -> Result<Vec<Progress>> {
    let (apollo, registry) = world(&variable("APOLLO"), &variable("REGISTRY"));
    let folder = PathBuf::from(variable("CHART"));
    let build = ImageBuild::of_chart(&folder)?.unwrap().platform(Platform::parse("linux/arm64")?).target("release");
    let build = build.build_arg("VERSION", "7".to_owned().into())?;
    let build = build.build_arg("NPM_TOKEN", "canary-arg".to_owned().into())?.time_limit(limit);
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&events);
    let run = release(&folder, &apollo, &registry).local_image(build);
    let run = run.docker_login("ci", "canary-password".to_owned().into()).plan()?.run();
    let outcome = run.progress(move |event| seen.lock().unwrap().push(event)).await;
    let events = events.lock().unwrap().clone();
    outcome.map(|report| {
        assert!(report.image.is_some());
        events
    })
}

async fn run_with_image(test: &'static str, dir: &Path, then: &str) -> (Output, apollo::Double, Double) {
    let folder = chart(dir);
    fs::write(folder.join("Dockerfile"), "FROM scratch\n").unwrap();
    let path = stand_in(dir, then);
    let apollo = apollo::Double::empty().unwrap().serve().await.unwrap();
    let double = Double::start(Guard::Open).await.unwrap();
    let variables = [
        ("APOLLO".to_owned(), apollo.url()),
        ("REGISTRY".to_owned(), double.host()),
        ("CHART".to_owned(), folder.display().to_string()),
        ("PATH".to_owned(), path),
    ];
    let output = tokio::task::spawn_blocking(move || {
        child(test, &variables.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect::<Vec<_>>())
    });
    (output.await.unwrap(), apollo, double)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_local_build_shows_no_secret_in_its_arguments() {
    const TEST: &str = "a_local_build_shows_no_secret_in_its_arguments";
    if is_child() {
        let events = with_image(Duration::from_secs(60)).await.unwrap();
        let said = events.iter().filter_map(|event| match event {
            Progress::Line(line) => Some(line.as_str()),
            _ => None,
        });
        let said: Vec<_> = said.collect();
        assert!(said.iter().any(|line| line.contains("step one")), "{said:?}");
        assert!(!format!("{events:?}").contains("canary"), "{events:?}");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (output, apollo, double) = run_with_image(TEST, dir.path(), "echo \"step one $NPM_TOKEN\" >&2").await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let log = fs::read_to_string(dir.path().join("docker.log")).unwrap();
    let arguments: Vec<_> = log.lines().filter_map(|line| line.strip_prefix("arg:")).collect();
    let (host, folder) = (double.host(), dir.path().join("web").canonicalize().unwrap());
    let (file, image) = (folder.join("Dockerfile").display().to_string(), format!("{host}/com.example/web:7"));
    let folder = folder.display().to_string();
    let wanted = [
        &["login", &host, "--username", "ci", "--password-stdin"][..],
        &["buildx", "build", "--platform", "linux/arm64", "--tag", &image, "--output", "type=image,push=true"],
        &["--progress", "plain", "--build-arg", "VERSION=7", "--build-arg", "NPM_TOKEN", "--file", &file],
        &["--target", "release", &folder],
    ];
    assert_eq!(arguments, wanted.concat());
    assert!(log.contains("in:canary-password") && log.contains("env:canary-arg"), "{log}");
    let manifest = apollo.requests().into_iter().find(|request| request.operation == "CreateProductRelease").unwrap();
    assert!(manifest.body.to_string().contains(&image), "{}", manifest.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_that_fails_stops_everything_before_anything_is_published() {
    const TEST: &str = "an_image_that_fails_stops_everything_before_anything_is_published";
    if is_child() {
        let error = with_image(Duration::from_secs(60)).await.unwrap_err();
        assert_eq!(error.publish_fault(), Some(&PublishFault::BuildFailed), "{error}");
        let line = error.to_string();
        assert!(line.contains("nothing was published") && line.contains("no such stage"), "{line}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (output, apollo, double) =
        run_with_image(TEST, dir.path(), "echo \"no such stage $NPM_TOKEN\" >&2; exit 17").await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(double.came().iter().all(|came| came.line == "GET /v2/" || came.line.starts_with("HEAD")));
    assert_eq!(apollo.requests().len(), 0);
    let folder = dir.path().join("web");
    assert_eq!(fs::read_to_string(folder.join("Chart.yaml")).unwrap(), CHART);
    assert_eq!(names(&folder), ["Chart.yaml", "Dockerfile", "templates"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_build_that_takes_too_long_is_killed_with_all_it_started() {
    const TEST: &str = "a_build_that_takes_too_long_is_killed_with_all_it_started";
    if is_child() {
        let error = with_image(Duration::from_secs(2)).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.publish_fault()),
            (ErrorKind::Timeout, Some(&PublishFault::BuildFailed)),
            "{error}"
        );
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let then = format!("sleep 300 & echo $! > {}/pid; wait", dir.path().display());
    let (output, ..) = run_with_image(TEST, dir.path(), &then).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let pid = fs::read_to_string(dir.path().join("pid")).unwrap();
    // Killed, and taken away by whoever is its parent now.
    let gone = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        stat.map_or(true, |stat| stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')))
    };
    for _ in 0..500 {
        if gone() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{pid} still runs");
}

#[test]
fn arguments_of_a_build_are_checked() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("Dockerfile"), "FROM scratch\n").unwrap();
    let build = || ImageBuild::of_chart(dir.path()).unwrap().unwrap();
    for (name, value) in
        [("A=B", "x"), ("", "x"), ("-A", "x"), ("1A", "x"), ("A", "x\0y"), ("DOCKER_TOKEN", "x"), ("A B", "x")]
    {
        assert!(build().build_arg(name, value.to_owned().into()).is_err(), "{name:?}");
    }
    assert!(build().build_arg("DOCKER_VERSION", "27".to_owned().into()).is_ok());
    for bad in ["", "linux", "--rm", "linux/amd64,", "linux/amd64 x"] {
        assert!(Platform::parse(bad).is_err(), "{bad}");
    }
    assert!(Platform::parse("linux/amd64,linux/arm64/v8").is_ok());
}

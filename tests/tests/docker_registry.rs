//! Charts in Debian's docker-registry, pushed by us, pulled and shown by helm 3 and 4 and looked at by skopeo.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::{Command, Output};

use cube_sdk::apollo::publish::{Chart, Digest, Package, Registry, RegistryHost, Repository, Tag};
use cube_sdk::core::config::Environment;
use cube_sdk_testkit::apollo::charts::Tree;
use cube_sdk_tests::real::{DockerRegistry, PYTHON, Proof, SYSTEM, component};
use serde_json::Value;

const REPOSITORY: &str = "charts/com.example/web";

fn package(dir: &Path, bytes: usize) -> Package {
    let mut tree = Tree::default();
    tree.file("Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.4.2+b.7\ndescription: The site of it\n");
    tree.file("values.yaml", "replicas: 3\n");
    let mut noise = vec![0; bytes];
    fastrand::Rng::with_seed(3).fill(&mut noise);
    tree.file("noise.bin", noise);
    tree.write(&dir.join("web")).unwrap();
    Chart::find(Some(&dir.join("web"))).unwrap().contents().unwrap().package(dir).unwrap()
}

fn registry(real: &DockerRegistry, proof: Proof) -> Registry {
    let builder = Registry::builder(RegistryHost::parse(&real.host).unwrap()).plain_http();
    let builder = builder.environment(Environment::from_pairs([("NO_PROXY", "*")]));
    match proof {
        Proof::None => builder.anonymous(),
        _ => builder.user(DockerRegistry::USER, DockerRegistry::PASSWORD.to_owned().into()),
    }
    .build()
    .unwrap()
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}{}", text(&output.stdout), text(&output.stderr));
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

async fn exercise(proof: Proof) {
    let Some(real) = DockerRegistry::start(proof) else { return };
    let (Some(helm3), Some(helm4)) = (component("helm3", PYTHON), component("helm4", PYTHON)) else { return };
    let Some(skopeo) = component("skopeo", SYSTEM) else { return };
    let dir = tempfile::tempdir().unwrap();
    // Past what goes in one request.
    let package = package(dir.path(), 6_000_000);
    let (registry, repository) = (registry(&real, proof), Repository::parse(REPOSITORY).unwrap());
    let pushed = registry.push_chart(&repository, &package).await.unwrap();
    assert_eq!((pushed.tag.as_str(), pushed.existed), ("1.4.2_b.7", false));
    assert!(registry.push_chart(&repository, &package).await.unwrap().existed);
    assert_eq!(registry.verify_chart(&repository, &package).await.unwrap(), pushed.manifest);
    let pulled =
        registry.pull_chart(&repository, &Tag::parse("1.4.2_b.7").unwrap(), &dir.path().join("ours")).await.unwrap();
    assert_eq!(std::fs::read(&pulled.path).unwrap(), std::fs::read(package.path()).unwrap());

    let place = format!("{}/{REPOSITORY}", real.host);
    let mut look = Command::new(skopeo);
    look.args(["inspect", "--raw", "--tls-verify=false"]);
    if proof != Proof::None {
        look.args(["--creds", &format!("{}:{}", DockerRegistry::USER, DockerRegistry::PASSWORD)]);
    }
    let raw = run(look.arg(format!("docker://{place}:1.4.2_b.7"))).stdout;
    assert_eq!(Digest::of(&raw), pushed.manifest);
    let manifest: Value = serde_json::from_slice(&raw).unwrap();
    assert_eq!(manifest["mediaType"], "application/vnd.oci.image.manifest.v1+json");
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.cncf.helm.config.v1+json");
    let config = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    assert_eq!((&manifest["config"]["digest"], &manifest["config"]["size"]), (&config.into(), &2.into()));
    assert_eq!(manifest["layers"][0]["mediaType"], "application/vnd.cncf.helm.chart.content.v1.tar+gzip");
    assert_eq!(manifest["layers"][0]["digest"], package.digest().as_str());

    for (at, program) in [helm3, helm4].iter().enumerate() {
        let home = tempfile::tempdir().unwrap();
        let out = dir.path().join(format!("helm-{at}"));
        std::fs::create_dir(&out).unwrap();
        let helm = |arguments: &[&str]| {
            let mut command = Command::new(program);
            command.args(arguments).args(["--plain-http", "--version", "1.4.2+b.7"]);
            if proof != Proof::None {
                command.args(["--username", DockerRegistry::USER, "--password", DockerRegistry::PASSWORD]);
            }
            run(command.env("HOME", home.path()).env("XDG_CONFIG_HOME", home.path()).env("XDG_CACHE_HOME", home.path()))
        };
        let oci = format!("oci://{place}");
        helm(&["pull", &oci, "-d", out.to_str().unwrap()]);
        assert_eq!(std::fs::read(out.join("web-1.4.2+b.7.tgz")).unwrap(), std::fs::read(package.path()).unwrap());
        assert!(text(&helm(&["show", "chart", &oci]).stdout).contains("description: The site of it"));
        assert!(text(&helm(&["show", "values", &oci]).stdout).contains("replicas: 3"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_proof() {
    exercise(Proof::None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_password() {
    exercise(Proof::Basic).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_tokens() {
    exercise(Proof::Token).await;
}

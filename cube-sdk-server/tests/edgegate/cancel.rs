//! Cancel anywhere: runs cancelled, callers that hang up, a service that ends, and still a row for each call that AWS
//! served.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use cube_sdk_server::local::World;
use cube_sdk_testkit::aws::{Effect, Fault, Object};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{self, ARTIFACTS, Client, GRANTS, uri};

const KEY: &str = "cancelled.bin";
const CANCELLATIONS: u64 = 300;

async fn world() -> World {
    let world = support::world().await.aws(|aws| aws.request_log()).start().await.unwrap();
    world.aws().put_object(&world.card().aws.bucket, KEY, Object::generated(50, 3 << 20)).unwrap();
    world
}

/// Every row of the workspace, page by page.
async fn rows(client: &Client) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, page) = client.get(&format!("/byo-storage/audit?limit=500{cursor}")).await;
        assert_eq!(status, 200, "{page}");
        all.extend(page["entries"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_i64() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

/// Request ids that do not stand once in the double's log and once in the audit, with how often they do; the requests
/// without an answer, and the rows of such.
fn difference(world: &World, rows: &[Value]) -> (BTreeMap<String, (u64, u64)>, u64, u64) {
    let (mut both, mut unanswered, mut without_id) = (BTreeMap::<String, (u64, u64)>::new(), 0, 0);
    // The world itself asks once whether the double answers.
    let calls = world.aws().requests().into_iter().filter(|request| request.operation != "ListBuckets");
    for request in calls {
        match request.was_served() {
            true => both.entry(request.request_id).or_default().0 += 1,
            false => unanswered += 1,
        }
    }
    let mut attempts = BTreeSet::new();
    for row in rows {
        // A body that broke leaves a second row under the same attempt.
        if !attempts.insert(row["attempt_id"].as_str().unwrap()) {
            continue;
        }
        match row["aws_request_id"].as_str().unwrap() {
            "" => without_id += 1,
            id => both.entry(id.to_owned()).or_default().1 += 1,
        }
    }
    both.retain(|_, (served, rows)| (*served, *rows) != (1, 1));
    (both, unanswered, without_id)
}

async fn settled(world: &World, client: &Client, when: &str) {
    let mut last = None;
    for _ in 0..300 {
        let (odd, unanswered, without_id) = difference(world, &rows(client).await);
        if odd.is_empty() && unanswered == without_id {
            return;
        }
        last = Some((odd, unanswered, without_id));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{when}: (served, rows), requests without an answer, rows of such: {last:#?}");
}

/// Whether the caller hung up before the answer.
async fn hang_up<T>(call: impl Future<Output = T>, after: Duration) -> bool {
    tokio::time::timeout(after, call).await.is_err()
}

fn trouble(world: &World, seed: u64) {
    let faults = world.aws().faults();
    faults.clear();
    for (number, (effect, probability)) in [
        (Effect::Latency(Duration::from_millis(4)), 0.3),
        (Effect::SlowBody { bytes_per_second: 8 << 20 }, 0.2),
        (Effect::InternalError, 0.02),
        (Effect::ResetBody { after: 100_000 }, 0.05),
        (Effect::DropConnection, 0.02),
    ]
    .into_iter()
    .enumerate()
    {
        faults.add(Fault::new(effect).probability(probability, seed * 31 + number as u64));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_cancellations_leave_a_row_for_each_call_that_was_served() {
    let world = world().await;
    let owner = Client::owner(&world);
    owner.active(&world).await;
    let (_, artifact) = owner.post(ARTIFACTS, uri(&world, KEY)).await;
    let artifact = artifact["id"].as_str().unwrap().to_owned();
    let pipeline = world.card().edgegate.pipeline.clone();
    let (mut cancelled, mut runs_cancelled, mut seed) = (0, 0, 0);
    while cancelled < CANCELLATIONS {
        trouble(&world, seed);
        let mut dice = fastrand::Rng::with_seed(seed);
        let moment = |dice: &mut fastrand::Rng| Duration::from_micros(dice.u64(0..40_000));
        let after = [moment(&mut dice), moment(&mut dice), moment(&mut dice), moment(&mut dice)];
        let verify = format!("{GRANTS}/verify");
        let run = async {
            let body = json!({ "pipeline_id": pipeline, "model_artifact_id": artifact });
            let (status, run) = owner.post("/runs", body).await;
            assert_eq!(status, 202, "{run}");
            let run = run["id"].as_str().unwrap().to_owned();
            tokio::time::sleep(after[0] * 8).await;
            let (status, _) = owner.call(Method::POST, &format!("/runs/{run}/cancel"), None).await;
            owner.ended(&run).await;
            u64::from(status == 200)
        };
        let (run, a, b, c) = tokio::join!(
            run,
            hang_up(owner.post_empty(&verify), after[1]),
            hang_up(owner.post(ARTIFACTS, uri(&world, KEY)), after[2]),
            hang_up(owner.post(ARTIFACTS, uri(&world, "no/such")), after[3]),
        );
        runs_cancelled += run;
        cancelled += run + [a, b, c].into_iter().map(u64::from).sum::<u64>();
        seed += 1;
        if seed.is_multiple_of(20) || cancelled >= CANCELLATIONS {
            settled(&world, &owner, &format!("seed {seed}")).await;
        }
        assert!(seed < 2_000, "too few were cancelled: {cancelled}");
    }
    assert!(runs_cancelled > 30, "runs among them: {runs_cancelled}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_ends_in_the_middle_of_calls_keeps_their_rows() {
    for after in [0, 20, 60] {
        let dir = tempfile::tempdir().unwrap();
        let aws = cube_sdk_testkit::aws::AwsWorld::builder().request_log().start().await.unwrap();
        let card = aws.card().clone();
        let storage = cube_sdk_byo::Storage::builder()
            .keys(&card.worker.access_key_id, card.worker.secret_access_key.clone(), None)
            .endpoint_url(aws.endpoint_url().parse().unwrap())
            .build()
            .unwrap();
        let start = async || {
            let builder =
                cube_sdk_server::local::LocalEdgeGate::builder(storage.clone(), card.principal_arn.parse().unwrap());
            builder.seed(1).data_dir(dir.path()).start().await.unwrap()
        };
        let local = start().await;
        let (url, key) = (local.card().url.clone(), local.card().api_key.clone());
        let workspace = local.card().workspace.clone();
        let http = support::http();
        let send = |path: &str, body: Value| {
            use cube_sdk_core::secret::ExposeSecret;
            let request = http.post(format!("{url}/v1/workspaces/{workspace}{path}"));
            request.bearer_auth(key.expose_secret()).json(&body).send()
        };
        let grant = json!({ "role_arn": card.role_arn, "bucket": card.bucket, "region": card.region });
        assert_eq!(send(GRANTS, grant).await.unwrap().status(), 201);
        aws.faults().add(Fault::new(Effect::Latency(Duration::from_millis(200))));
        let verifying = tokio::spawn(send(&format!("{GRANTS}/verify"), json!({})));
        tokio::time::sleep(Duration::from_millis(after)).await;
        local.shutdown(Duration::from_millis(30)).await;
        let _ = verifying.await;
        // Calls that were given up are served all the same, be it after the service's end.
        while aws.requests().iter().any(|request| !request.was_served()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        aws.faults().clear();

        // What it wrote, the next service shows.
        let again = start().await;
        use cube_sdk_core::secret::ExposeSecret;
        let page: Value = http
            .get(format!("{}/v1/workspaces/{workspace}/byo-storage/audit?limit=500", again.card().url))
            .bearer_auth(again.card().api_key.expose_secret())
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let entries = page["entries"].as_array().unwrap();
        let known: BTreeSet<_> = entries.iter().map(|row| row["aws_request_id"].as_str().unwrap().to_owned()).collect();
        let served: BTreeSet<_> = aws
            .requests()
            .into_iter()
            .filter(|request| request.was_served())
            .map(|request| request.request_id)
            .collect();
        assert_eq!(known, served, "after {after} ms");
    }
}

//! Any document, promotion in bulk, and a token of one's own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use cube_sdk_apollo::{Apollo, ApolloErrorExt};
use cube_sdk_core::{ErrorKind, Idempotency};
use cube_sdk_testkit::apollo::{Fault, On};
use serde_json::{Value, json};

const CREATE: &str = "mutation($id: String!) { apollo { createProduct(productId: $id) { __typename } } }";
const TEAMS: &str = "query { me { apolloTeams { name } } }";

#[tokio::test(start_paused = true)]
async fn any_document_keeps_the_rules_of_all_others() {
    let (double, apollo) = support::seeded();
    // What may run once is not sent again after anything that leaves open whether it ran.
    for fault in [Fault::status(502), Fault::Hang, Fault::ResetAfter, Fault::answer_after(200, "<html>")] {
        let before = double.requests().len();
        double.inject(On::Mutation, 0, 9, fault.clone());
        let run = apollo.execute::<Value>(CREATE, json!({"id": "a:b"}), Idempotency::Once);
        run.await.unwrap_err();
        assert_eq!(double.requests().len() - before, 1, "{fault:?}");
        double.heal();
    }
    // What proves that nothing ran, and what may run twice, is.
    let before = double.requests().len();
    double.inject(On::Mutation, 0, 1, Fault::throttle(1));
    apollo.execute::<Value>(CREATE, json!({"id": "c:d"}), Idempotency::Once).await.unwrap();
    double.inject(On::Any, 0, 2, Fault::status(503));
    apollo.execute::<Value>(TEAMS, json!({}), Idempotency::Read).await.unwrap();
    double.inject(On::Mutation, 0, 1, Fault::status(503));
    apollo.execute::<Value>(CREATE, json!({"id": "e:f"}), Idempotency::Repeatable).await.unwrap();
    assert_eq!(double.requests().len() - before, 2 + 3 + 2);
    // Errors beside data fail it, or stand beside it.
    let beside = || Fault::errors("/data/me/apolloTeams/0/name", json!([{"message": "one is away"}]));
    double.inject(On::Query, 0, 9, beside());
    let error = apollo.execute::<Value>(TEAMS, json!({}), Idempotency::Read).await.unwrap_err();
    assert_eq!(error.apollo().unwrap().errors[0].message, "one is away");
    let partial = apollo.execute::<Value>(TEAMS, json!({}), Idempotency::Read).partial().await.unwrap();
    assert!(partial.value["me"].is_object() && !partial.is_whole());
    double.heal();
    // Another type than the reply's is told so, without the reply's values.
    let error = apollo.execute::<Vec<u8>>(TEAMS, json!({}), Idempotency::Read).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(!format!("{error} {error:?}").contains("platform"));
    let error = apollo.execute::<Value>("query { nothing }", json!({}), Idempotency::Read).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[tokio::test(start_paused = true)]
async fn a_document_that_cannot_be_meant_is_refused_before_sending() {
    let (double, apollo) = support::seeded();
    for (document, idempotency, kind) in [
        ("", Idempotency::Read, ErrorKind::InvalidInput),
        ("no document", Idempotency::Read, ErrorKind::InvalidInput),
        ("query A { me { id } } query B { me { id } }", Idempotency::Read, ErrorKind::InvalidInput),
        ("subscription { x }", Idempotency::Read, ErrorKind::Unsupported),
        (CREATE, Idempotency::Read, ErrorKind::InvalidInput),
    ] {
        let error = apollo.execute::<Value>(document, json!({}), idempotency).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{document}: {error}");
    }
    assert!(double.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_a_document_carries_in_secret_is_not_repeated() {
    let (double, apollo) = support::seeded();
    let variables = || json!({"id": "canary-named", "password": "canary-masked"});
    let run = || apollo.execute::<Value>(CREATE, variables(), Idempotency::Once).hides(["canary-named".into()]);
    let shown = run().dry_run().unwrap();
    assert!(!format!("{shown} {shown:?} {}", serde_json::to_string(&shown).unwrap()).contains("canary-masked"));
    let words = json!({"errors": [{"message": "cannot take canary-named with canary-masked"}]});
    double.inject(On::Any, 0, 1, Fault::Status { status: 200, retry_after: None, body: words.to_string() });
    let error = run().await.unwrap_err();
    assert!(!format!("{error} {error:?} {:?}", error.apollo()).contains("canary"), "{error}");
}

/// Putting a release into a channel twice is the same as once, so each failure may be looked behind.
#[tokio::test(start_paused = true)]
async fn a_promotion_goes_on_where_it_was_broken_off() {
    let (double, apollo) = support::seeded();
    let plan =
        || apollo.plan_promotion(["STABLE"]).coordinates_in("com.example:bridge:1.0.0\ncom.example:telemetry:3.1.4");
    for (fault, whole) in [
        (Fault::ResetAfter, true),
        (Fault::answer_after(502, ""), true),
        (Fault::answer_after(200, "<html>"), true),
        (Fault::answer_after(200, r#"{"data": null}"#), true),
        (Fault::status(502), false),
    ] {
        double.inject(On::operation("AddToChannel"), 0, 1, fault.clone());
        let planned = plan().await.unwrap();
        assert_eq!(planned.steps.len(), 2, "{fault:?}");
        let before = double.executed("addProductReleaseToChannels");
        let run = apollo.promote(&planned).await;
        assert_eq!(run.is_ok(), whole, "{fault:?} {run:?}");
        assert!(apollo.promote(&planned).await.unwrap().is_complete());
        assert_eq!(double.executed("addProductReleaseToChannels") - before, 2, "{fault:?}");
        assert!(plan().await.unwrap().is_empty());
        for release in ["com.example:bridge:1.0.0", "com.example:telemetry:3.1.4"] {
            apollo.channels().remove(release, ["STABLE"]).await.unwrap();
        }
    }
    let error = apollo.plan_promotion(["STABLE"]).coordinates_in("a:b:1\n\nodd # x").await.unwrap_err();
    assert!(error.kind() == ErrorKind::InvalidInput && error.to_string().contains("line 3"), "{error}");
    assert_eq!(apollo.plan_promotion([""]).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    // What is refused for one release is told, and the others go on.
    let denied = json!({"errors": [{"message": "no", "extensions": {"errorCode": "PERMISSION_DENIED"}}]});
    let denied = Fault::Status { status: 200, retry_after: None, body: denied.to_string() };
    double.inject(On::operation("AddToChannel"), 0, 1, denied);
    let report = apollo.promote(&plan().await.unwrap()).await.unwrap();
    assert_eq!((report.is_complete(), report.promoted()), (false, 1));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_has_ended_is_not_renewed() {
    let (double, _) = support::seeded();
    let token = double.token();
    let apollo =
        Apollo::builder().url(double.url()).token(token.clone().into()).transport(double.transport()).build().unwrap();
    apollo.my_teams().await.unwrap();
    assert_eq!(double.tokens_issued(), 1);
    double.revoke_tokens();
    let error = apollo.my_teams().await.unwrap_err();
    assert_eq!((error.kind(), double.tokens_issued()), (ErrorKind::Unauthenticated, 1), "{error}");
    assert!(!format!("{error} {error:?} {apollo:?} {:?}", apollo.describe()).contains(&token));
}

//! Requests by route, method and status, and how long until the head of the answer.

use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use http::Method;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Answered {
    route: String,
    method: &'static str,
    status: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Route {
    route: String,
}

#[derive(Clone)]
pub(super) struct Http {
    answered: Family<Answered, Counter>,
    seconds: Family<Route, Histogram, fn() -> Histogram>,
}

impl Http {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let http = Self {
            answered: Family::default(),
            seconds: Family::new_with_constructor(super::seconds as fn() -> Histogram),
        };
        registry.register("http_requests", "Requests that were answered", http.answered.clone());
        registry.register("http_seconds", "From a request to the head of its answer", http.seconds.clone());
        http
    }

    pub(super) fn counted(&self, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state(self.clone(), count))
    }
}

async fn count(State(http): State<Http>, request: Request<Body>, next: Next) -> Response {
    // The route and never the path, of which a stranger can make up any number.
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    let method = known(request.method());
    let began = Instant::now();
    let response = next.run(request).await;
    http.seconds.get_or_create(&Route { route: route.clone() }).observe(began.elapsed().as_secs_f64());
    let status = response.status().as_str().to_owned();
    http.answered.get_or_create(&Answered { route, method, status }).inc();
    response
}

fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        _ => "other",
    }
}

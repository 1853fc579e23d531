//! A provider of identities as strict as a real one, which lies where a test tells it to.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub const CLIENT: &str = "cube cloud";
pub const SECRET: &str = "s3cret/of:the+client";
/// The one address that is registered.
pub const REDIRECT: &str = "http://cube.example/auth/callback";

type Change<T> = Arc<dyn Fn(&mut T) + Send + Sync>;
type Make = Arc<dyn Fn(&Provider, &Value) -> String + Send + Sync>;

/// What it lies about.
#[derive(Clone, Default)]
pub struct Lies {
    pub claims: Option<Change<Value>>,
    /// The whole token in place of an honest one, made from the honest claims.
    pub token: Option<Make>,
    pub discovery: Option<Change<Value>>,
    /// The query that the browser is sent back with.
    pub answer: Option<Change<Vec<(String, String)>>>,
}

struct Asked {
    challenge: String,
    nonce: String,
}

/// One key pair with its id.
pub struct Key {
    pub kid: String,
    pub algorithm: Algorithm,
    pub signing: EncodingKey,
    pub public: Jwk,
}

pub struct Provider {
    pub issuer: String,
    pub lies: Mutex<Lies>,
    pub keys: Mutex<Vec<Arc<Key>>>,
    pub person: Mutex<Value>,
    pub jwks_asked: Mutex<u32>,
    codes: Mutex<HashMap<String, Asked>>,
}

fn pem(kind: &str, der: &[u8]) -> String {
    let lines: Vec<String> =
        STANDARD.encode(der).as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", lines.join("\n"))
}

impl Key {
    pub fn rsa(kid: &str) -> Arc<Self> {
        use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
        let pair = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let signing = EncodingKey::from_rsa_pem(pem("PRIVATE KEY", der.as_ref()).as_bytes()).unwrap();
        Self::new(kid, Algorithm::RS256, signing)
    }

    pub fn p256(kid: &str) -> Arc<Self> {
        let random = aws_lc_rs::rand::SystemRandom::new();
        let rules = &aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
        let der = aws_lc_rs::signature::EcdsaKeyPair::generate_pkcs8(rules, &random).unwrap();
        let signing = EncodingKey::from_ec_pem(pem("PRIVATE KEY", der.as_ref()).as_bytes()).unwrap();
        Self::new(kid, Algorithm::ES256, signing)
    }

    fn new(kid: &str, algorithm: Algorithm, signing: EncodingKey) -> Arc<Self> {
        let mut public = Jwk::from_encoding_key(&signing, algorithm).unwrap();
        public.common.key_id = Some(kid.to_owned());
        Arc::new(Self { kid: kid.to_owned(), algorithm, signing, public })
    }

    pub fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(self.algorithm) };
        jsonwebtoken::encode(&header, claims, &self.signing).unwrap()
    }
}

pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

impl Provider {
    pub async fn start(key: Arc<Key>) -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let provider = Arc::new(Self {
            issuer: format!("http://{address}"),
            lies: Mutex::default(),
            keys: Mutex::new(vec![key]),
            person: Mutex::new(json!({ "sub": "user-1", "email": "Ann@Example.com", "email_verified": true,
                "cognito:groups": ["unknown", "readers", "admin"], "groups": ["admin"] })),
            jwks_asked: Mutex::default(),
            codes: Mutex::default(),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/jwks", get(jwks))
            .with_state(Arc::clone(&provider));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        provider
    }

    /// The lines of the service's settings.
    pub fn settings(&self, more: &str) -> String {
        format!("oidc: {{ issuer: '{}', client_id: '{CLIENT}', client_secret: '{SECRET}'{more} }}", self.issuer)
    }

    pub fn lie(&self, lies: Lies) {
        *self.lies.lock().unwrap() = lies;
    }
}

type Shared = State<Arc<Provider>>;

async fn discovery(State(provider): Shared) -> Json<Value> {
    let issuer = &provider.issuer;
    let mut document = json!({ "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/jwks"),
        "authorization_response_iss_parameter_supported": true });
    if let Some(change) = &provider.lies.lock().unwrap().discovery {
        change(&mut document);
    }
    Json(document)
}

async fn jwks(State(provider): Shared) -> Json<Value> {
    *provider.jwks_asked.lock().unwrap() += 1;
    let mut keys: Vec<Value> =
        provider.keys.lock().unwrap().iter().map(|key| serde_json::to_value(&key.public).unwrap()).collect();
    keys.insert(0, json!({ "kty": "of a kind that nobody knows", "kid": "strange" }));
    Json(json!({ "keys": keys }))
}

async fn authorize(State(provider): Shared, Query(asked): Query<HashMap<String, String>>) -> Response {
    let text = |name: &str| asked.get(name).map(String::as_str).unwrap_or_default();
    let good = text("response_type") == "code"
        && text("client_id") == CLIENT
        && text("redirect_uri") == REDIRECT
        && text("scope").split(' ').any(|scope| scope == "openid")
        && text("code_challenge_method") == "S256"
        && text("code_challenge").len() == 43
        && text("state").len() >= 22
        && text("nonce").len() >= 22;
    if !good {
        return (StatusCode::BAD_REQUEST, format!("{asked:?}")).into_response();
    }
    let code = format!("code-{}", fastrand::u64(..));
    let kept = Asked { challenge: text("code_challenge").to_owned(), nonce: text("nonce").to_owned() };
    provider.codes.lock().unwrap().insert(code.clone(), kept);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut answer = vec![pair("code", &code), pair("state", text("state")), pair("iss", &provider.issuer)];
    if let Some(change) = &provider.lies.lock().unwrap().answer {
        change(&mut answer);
    }
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(answer).finish();
    (StatusCode::FOUND, [("location", format!("{REDIRECT}?{query}"))]).into_response()
}

async fn token(State(provider): Shared, headers: HeaderMap, Form(form): Form<HashMap<String, String>>) -> Response {
    let refused = |status: u16, word: &str| {
        (StatusCode::from_u16(status).unwrap(), Json(json!({ "error": word }))).into_response()
    };
    let text = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let basic = format!("Basic {}", STANDARD.encode(format!("{}:{}", encoded(CLIENT), encoded(SECRET))));
    let by_header = headers.get("authorization").is_some_and(|value| value == basic.as_str());
    let by_body = text("client_id") == CLIENT && text("client_secret") == SECRET;
    if by_header == by_body {
        return refused(401, "invalid_client");
    }
    // Single use: out it goes, whatever comes next.
    let Some(asked) = provider.codes.lock().unwrap().remove(text("code")) else { return refused(400, "invalid_grant") };
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(text("code_verifier").as_bytes()));
    if text("grant_type") != "authorization_code" || text("redirect_uri") != REDIRECT || challenge != asked.challenge {
        return refused(400, "invalid_grant");
    }
    let mut claims = json!({ "iss": provider.issuer, "aud": CLIENT, "exp": now() + 300, "iat": now(),
        "nonce": asked.nonce });
    for (name, value) in provider.person.lock().unwrap().as_object().unwrap() {
        claims[name] = value.clone();
    }
    let lies = provider.lies.lock().unwrap().clone();
    if let Some(change) = &lies.claims {
        change(&mut claims);
    }
    let signed = match &lies.token {
        Some(make) => make(&provider, &claims),
        None => provider.keys.lock().unwrap()[0].sign(&claims),
    };
    Json(json!({ "access_token": "x", "token_type": "Bearer", "id_token": signed })).into_response()
}

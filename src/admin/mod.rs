//! The admin API: consents, blocks, decisions, health and metrics as JSON over HTTP on a loopback
//! address.
//!
//! | request | what |
//! |---|---|
//! | `GET /health` | whether the ledger can be written, and its size; open to all |
//! | `GET /metrics` | counters in the `OpenMetrics` text format |
//! | `GET /checkpoint` | the newest signed checkpoint |
//! | `GET /rules` | the rules in force, and the newest attempt to change them if it was refused |
//! | `POST /rules/reload` | reads the rules again and puts them into force |
//! | `GET /decisions/{id}` | one decision, field by field, with its clause and outcome |
//! | `POST /consents` | records a consent |
//! | `GET /consents/{record}` | shows a consent record |
//! | `POST /consents/search` | shows a subject's consent records; the identifier is in the body |
//! | `POST /consents/{record}/withdraw` | withdraws a consent |
//! | `POST /blocks` | blocks transfers of a subject, to a partner, for a purpose |
//! | `GET /blocks` | shows every block |
//! | `POST /blocks/{block}/lift` | lifts a block by a decision |
//!
//! What is wrong with rules is told in the language that `Accept-Language` asks for.
//!
//! Everything but `/health` asks for an officer's token: `Authorization: Bearer …`. No URL holds a
//! personal value.

mod blocks;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::activation::{Activation, NotActivated, Reloaded, report};
use crate::config;
use crate::consent::Identifier;
use crate::explain;
use crate::gateway::StartError;
use crate::reason::Language;
use crate::store::consents::Changed;
use crate::store::{Blocks, Consents, Reader, Recorder, Unchanged, Withdrawal};
use crate::telemetry::Metrics;
use crate::tls::read_secret;
use crate::vocabulary::Name;

/// What the admin API serves from.
#[derive(Clone)]
pub struct Admin {
    /// The consents.
    pub consents: Consents,
    /// The blocks.
    pub blocks: Blocks,
    /// The read side of the store.
    pub reader: Reader,
    /// The way into the ledger.
    pub recorder: Recorder,
    /// What puts rules into force.
    pub activation: Activation,
    /// The counters.
    pub metrics: Metrics,
    /// Who may use it.
    pub officers: Arc<Vec<Officer>>,
}

/// Someone who may use the admin API.
pub struct Officer {
    name: Name,
    token_sha256: [u8; 32],
}

/// Reads the tokens of the officers.
///
/// # Errors
/// A file that cannot be read, is open to others, or holds a token below 32 characters.
pub fn officers(configured: &[config::Officer]) -> Result<Vec<Officer>, StartError> {
    let officer = |officer: &config::Officer| {
        let path = &officer.token_file;
        let secret = read_secret(path)?;
        let token = secret.expose_secret().trim_ascii();
        if token.len() < TOKEN_BYTES_MIN {
            return Err(StartError::Unfit(format!(
                "the token in `{}` is too short: write at least {TOKEN_BYTES_MIN} random \
                 characters, for example with `openssl rand -hex 32`",
                path.display()
            )));
        }
        Ok(Officer { name: officer.name.clone(), token_sha256: Sha256::digest(token).into() })
    };
    configured.iter().map(officer).collect()
}

/// Serves the admin API until told to stop.
pub async fn serve(listener: TcpListener, admin: Admin, stop: CancellationToken) {
    let router = router(admin);
    let connections = TaskTracker::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = stream else {
            // Out of file descriptors, say: not a reason to spin.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let service = TowerToHyperService::new(router.clone());
        let stop = stop.clone();
        connections.spawn(async move {
            let mut http = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            http.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
            let connection = http.serve_connection(TokioIo::new(stream), service);
            tokio::select! {
                _ = connection => {}
                () = stop.cancelled() => {}
                () = tokio::time::sleep(CONNECTION_TIME) => {}
            }
            drop(place);
        });
    }
    connections.close();
    connections.wait().await;
}

fn router(admin: Admin) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/checkpoint", get(checkpoint))
        .route("/rules", get(rules))
        .route("/rules/reload", post(reload))
        .route("/decisions/{id}", get(decision))
        .route("/consents", post(grant))
        .route("/consents/search", post(search))
        .route("/consents/{record}", get(show))
        .route("/consents/{record}/withdraw", post(withdraw))
        .route("/blocks", post(blocks::add).get(blocks::list))
        .route("/blocks/{block}/lift", post(blocks::lift))
        .layer(middleware::from_fn_with_state(admin.clone(), authorize))
        .route("/health", get(health))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(admin)
}

async fn authorize(State(admin): State<Admin>, mut request: Request, next: Next) -> Response {
    let token = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    // Digests are compared, so the time it takes says nothing about the token.
    let digest: [u8; 32] = Sha256::digest(token.unwrap_or_default()).into();
    let officer = admin.officers.iter().find(|officer| officer.token_sha256 == digest);
    let Some(officer) = officer else {
        let cure = "send `Authorization: Bearer` with the token that the configuration names";
        let mut response = problem(StatusCode::UNAUTHORIZED, "no officer's token", cure);
        let challenge = HeaderValue::from_static("Bearer");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        return response;
    };
    request.extensions_mut().insert(officer.name.clone());
    next.run(request).await
}

async fn health(State(admin): State<Admin>) -> Response {
    let stopped = admin.recorder.is_stopped();
    let status = if stopped { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let word = if stopped { "the ledger cannot be written" } else { "ok" };
    (status, Json(json!({"status": word, "entries": admin.reader.size()}))).into_response()
}

async fn metrics(State(admin): State<Admin>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], admin.metrics.text()).into_response()
}

async fn checkpoint(State(admin): State<Admin>) -> Response {
    match admin.reader.latest_checkpoint() {
        Ok(Some(note)) => {
            ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], note).into_response()
        }
        Ok(None) => problem(StatusCode::NOT_FOUND, "no checkpoint yet", "wait a second"),
        Err(error) => failed(&error.into()),
    }
}

async fn rules(State(admin): State<Admin>, headers: HeaderMap) -> Response {
    Json(report::in_force(&admin.activation.status(), language(&headers))).into_response()
}

async fn reload(
    State(admin): State<Admin>,
    Extension(officer): Extension<Name>,
    headers: HeaderMap,
) -> Response {
    let why = match admin.activation.reload(officer.as_str()).await {
        Ok(reloaded) => {
            let status = admin.activation.status();
            let (changed, digest) = (reloaded != Reloaded::Unchanged, &status.policy.digest);
            let told = json!({"changed": changed, "digest": digest, "entry": status.entry});
            return Json(told).into_response();
        }
        Err(why) => why,
    };
    let status = match *why {
        NotActivated::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
        NotActivated::Unrecorded(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let (title, cure) = ("the rules before stay in force", "mend what is named and try again");
    problem_with(
        status,
        title,
        cure,
        json!({"problems": report::problems(&why, language(&headers))}),
    )
}

/// The language in which an officer would like to be told of rules.
fn language(headers: &HeaderMap) -> Language {
    let asked = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    Language::accepted(asked)
}

async fn decision(State(admin): State<Admin>, Path(id): Path<String>) -> Response {
    let Ok(did) = Uuid::parse_str(&id) else {
        return problem(StatusCode::BAD_REQUEST, "not a decision id", "give the UUID");
    };
    let reader = admin.reader;
    let explain = move || explain::decision(&mut *reader.snapshot()?, &did);
    match tokio::task::spawn_blocking(explain).await {
        Ok(Ok(Some(explained))) => Json(explained).into_response(),
        Ok(Ok(None)) => problem(
            StatusCode::NOT_FOUND,
            "no such decision",
            "give the id of `Otkel-Decision`, or of `decision` in a refusal",
        ),
        Ok(Err(explain::Unexplained::Store(error))) => failed(&error.into()),
        Ok(Err(explain::Unexplained::Entry(_))) | Err(_) => failed(&Unchanged::Unreadable),
    }
}

async fn grant(
    State(admin): State<Admin>,
    Extension(officer): Extension<Name>,
    body: Bytes,
) -> Response {
    let Ok(text) = String::from_utf8(body.to_vec()) else {
        return problem(StatusCode::BAD_REQUEST, "the body is not UTF-8", "send JSON");
    };
    let change = move || admin.consents.grant(&text, officer.as_str());
    changed(StatusCode::CREATED, blocking(change).await)
}

async fn withdraw(
    State(admin): State<Admin>,
    Extension(officer): Extension<Name>,
    Path(record): Path<String>,
    body: Bytes,
) -> Response {
    let Ok(record) = Uuid::parse_str(&record) else {
        return problem(StatusCode::BAD_REQUEST, "not a record id", "give the UUID");
    };
    let Ok(withdrawal) = serde_json::from_slice::<Withdrawal>(&body) else {
        return problem(
            StatusCode::BAD_REQUEST,
            "not a withdrawal",
            "send {\"channel\": \"written\"}, with `scope` (`all`, `third-party`, `cross-border`) \
             and `evidence` (`reference`, `sha256`) where there are any",
        );
    };
    let change = move || admin.consents.withdraw(record, &withdrawal, officer.as_str());
    changed(StatusCode::OK, blocking(change).await)
}

async fn show(State(admin): State<Admin>, Path(record): Path<String>) -> Response {
    let Ok(record) = Uuid::parse_str(&record) else {
        return problem(StatusCode::BAD_REQUEST, "not a record id", "give the UUID");
    };
    match admin.consents.show(record) {
        Ok(Some(record)) => Json(record).into_response(),
        Ok(None) => failed(&Unchanged::Unknown),
        Err(error) => failed(&error),
    }
}

async fn search(State(admin): State<Admin>, body: Bytes) -> Response {
    let Ok(subject) = serde_json::from_slice::<Identifier>(&body) else {
        return problem(
            StatusCode::BAD_REQUEST,
            "not a subject",
            "send {\"scheme\": \"kz-iin\", \"id\": …} in the body, never in the URL",
        );
    };
    match admin.consents.of_subject(&subject) {
        Ok(records) => Json(Value::Array(records)).into_response(),
        Err(error) => failed(&error),
    }
}

async fn blocking(
    change: impl FnOnce() -> Result<Changed, Unchanged> + Send + 'static,
) -> Result<Changed, Unchanged> {
    tokio::task::spawn_blocking(change).await.unwrap_or(Err(Unchanged::Unreadable))
}

fn changed(status: StatusCode, result: Result<Changed, Unchanged>) -> Response {
    match result {
        Ok(Changed { record, seq }) => {
            (status, Json(json!({"record": record, "entry": seq}))).into_response()
        }
        Err(error) => failed(&error),
    }
}

fn failed(error: &Unchanged) -> Response {
    let (status, cure) = match error {
        Unchanged::Bad(_) => (StatusCode::UNPROCESSABLE_ENTITY, "mend what is named"),
        Unchanged::Exists(_) => (StatusCode::CONFLICT, "give the new consent its own `record_id`"),
        Unchanged::Withdrawn(_) => (StatusCode::CONFLICT, "nothing needs to be done"),
        Unchanged::Unknown => (StatusCode::NOT_FOUND, "search by subject to find record ids"),
        Unchanged::Unreadable | Unchanged::Store(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "tell the operator; `otkel verify` names the damage")
        }
        Unchanged::Unrecorded(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "try again when the store is well")
        }
    };
    problem(status, &error.to_string(), cure)
}

fn problem(status: StatusCode, title: &str, cure: &str) -> Response {
    problem_with(status, title, cure, json!({}))
}

/// A problem with members of its own.
fn problem_with(status: StatusCode, title: &str, cure: &str, mut body: Value) -> Response {
    if let Some(body) = body.as_object_mut() {
        body.insert("title".into(), title.into());
        body.insert("status".into(), status.as_u16().into());
        body.insert("cure".into(), cure.into());
    }
    let kind = HeaderValue::from_static("application/problem+json");
    let mut response = (status, Json(body)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

const TOKEN_BYTES_MIN: usize = 32;
const BODY_BYTES_MAX: usize = 256 << 10;
const CONNECTIONS_MAX: usize = 64;
const HEAD_TIME: Duration = Duration::from_secs(5);
const CONNECTION_TIME: Duration = Duration::from_mins(1);

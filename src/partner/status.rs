//! Health and counters, over plain HTTP/1.1 on a loopback address.
//!
//! | request | what |
//! |---|---|
//! | `GET /health` | 200 where messages can be taken, 503 where they cannot be written down |
//! | `GET /metrics` | counters in the `OpenMetrics` text format |

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::taken::Taken;
use super::telemetry::Metrics;

/// Tells until it is told to stop.
pub async fn serve(listener: TcpListener, taken: Taken, metrics: Metrics, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = stream else {
            // Out of file descriptors, say: not a reason to spin.
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let (is_well, metrics) = (taken.health(), metrics.clone());
        let stop = stop.clone();
        tokio::spawn(async move {
            let answer = service_fn(|request| {
                let answer = answer(&request, is_well(), &metrics);
                async move { Ok::<_, Infallible>(answer) }
            });
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME).keep_alive(false);
            tokio::select! {
                _ = http.serve_connection(TokioIo::new(stream), answer) => {}
                () = tokio::time::sleep(CONNECTION_TIME) => {}
                () = stop.cancelled() => {}
            }
            drop(place);
        });
    }
}

fn answer(request: &Request<Incoming>, is_well: bool, metrics: &Metrics) -> Response<Full<Bytes>> {
    let (status, media, text) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/health") if is_well => {
            (StatusCode::OK, JSON, r#"{"status":"well"}"#.to_owned())
        }
        (&Method::GET, "/health") => {
            let told = r#"{"status":"messages cannot be written down"}"#;
            (StatusCode::SERVICE_UNAVAILABLE, JSON, told.to_owned())
        }
        (&Method::GET, "/metrics") => (StatusCode::OK, OPEN_METRICS, metrics.text()),
        _ => (StatusCode::NOT_FOUND, JSON, r#"{"status":"not found"}"#.to_owned()),
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
    response
}

const JSON: &str = "application/json";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const CONNECTIONS_MAX: usize = 16;
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const HEAD_TIME: Duration = Duration::from_secs(5);
const CONNECTION_TIME: Duration = Duration::from_secs(10);

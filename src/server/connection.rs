//! One connection, from its handshake to its end.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{HttpService, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::flight::{Carried, Due, Flights};
use super::{Limits, Service};
use crate::proxy::front::{Front, HeadFault, check_h2};
use crate::tls::Peer;

/// What every connection of a listener shares.
pub(super) struct Host<S> {
    pub(super) acceptor: TlsAcceptor,
    pub(super) limits: Limits,
    pub(super) service: S,
    pub(super) shutdown: CancellationToken,
}

impl<S: Service> Host<S> {
    /// Carries one connection to its end.
    pub(super) async fn carry(&self, stream: TcpStream) {
        let accepted = tokio::select! {
            biased;
            () = self.shutdown.cancelled() => return,
            accepted = self.accept(stream) => accepted,
        };
        let end = match accepted {
            Ok((stream, peer)) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
                self.carry_h2(stream, peer).await
            }
            Ok((stream, peer)) => self.carry_h1(stream, peer).await,
            Err(end) => end,
        };
        match end {
            End::Closed => {}
            end => tracing::debug!(reason = end.word(), "connection ended by the gateway"),
        }
    }

    async fn accept(&self, stream: TcpStream) -> Result<(TlsStream<TcpStream>, Arc<Peer>), End> {
        let wait = Duration::from_millis(self.limits.handshake_ms);
        stream.set_nodelay(true).map_err(|_| End::Handshake)?;
        let stream = timeout(wait, self.acceptor.accept(stream))
            .await
            .map_err(|_| End::HandshakeSlow)?
            .map_err(|_| End::Handshake)?;
        let peer = Peer::of(stream.get_ref().1).map_err(|_| End::Handshake)?;
        Ok((stream, Arc::new(peer)))
    }

    async fn carry_h1(&self, stream: TlsStream<TcpStream>, peer: Arc<Peer>) -> End {
        let (front, verdict) = Front::new(stream);
        let flights = Flights::new();
        let answer = self.answerer(peer, &flights, move |number, _| verdict.of(number));
        let connection = http1::Builder::new()
            .half_close(true)
            .header_read_timeout(None)
            .max_buf_size(BUFFER_BYTES_MAX)
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(front), service_fn(answer));
        self.supervise(connection, &flights).await
    }

    async fn carry_h2(&self, stream: TlsStream<TcpStream>, peer: Arc<Peer>) -> End {
        let flights = Flights::new();
        let answer = self.answerer(peer, &flights, |_, request| check_h2(request).err());
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.limits.streams_max)
            .max_header_list_size(HEAD_BYTES_MAX)
            .max_pending_accept_reset_streams(RESETS_MAX)
            .max_local_error_reset_streams(RESETS_MAX)
            .max_frame_size(FRAME_BYTES_MAX)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_send_buf_size(BUFFER_BYTES_MAX)
            .keep_alive_interval(Duration::from_millis(self.limits.idle_ms / 3))
            .keep_alive_timeout(Duration::from_millis(self.limits.idle_ms / 3))
            .serve_connection(TokioIo::new(stream), service_fn(answer));
        self.supervise(connection, &flights).await
    }

    /// What hyper calls for each request of a connection.
    fn answerer(
        &self,
        peer: Arc<Peer>,
        flights: &Arc<Flights>,
        fault_of: impl Fn(u64, &Request<Incoming>) -> Option<HeadFault>,
    ) -> impl Fn(Request<Incoming>) -> Answer {
        let service = self.service.clone();
        let flights = Arc::clone(flights);
        move |mut request| {
            let (lease, flight) = flights.begin();
            let fault = fault_of(lease.number, &request);
            request.extensions_mut().insert(lease);
            let (service, peer) = (service.clone(), Arc::clone(&peer));
            Box::pin(async move {
                let answer = service.call(request, peer, fault).await;
                Ok(answer.map(|body| Carried::new(body, flight)))
            })
        }
    }

    async fn supervise<C: Connection>(&self, connection: C, flights: &Flights) -> End {
        let age = Instant::now() + Duration::from_millis(self.limits.connection_ms);
        let mut connection = pin!(connection);
        let mut stop = pin!(self.shutdown.cancelled());
        let mut clock = pin!(sleep_until(age));
        let mut watch = Watch { limits: &self.limits, flights, age, closing: None };
        poll_fn(|cx| {
            if connection.as_mut().poll(cx).is_ready() {
                return Poll::Ready(watch.end());
            }
            let is_stopped = watch.closing.is_none() && stop.as_mut().poll(cx).is_ready();
            let order = if is_stopped { Order::Drain } else { watch.poll(clock.as_mut(), cx) };
            let is_idle = match order {
                Order::Wait => return Poll::Pending,
                Order::End(end) => return Poll::Ready(end),
                Order::Close => true,
                Order::Drain => false,
            };
            watch.closing = Some(Closing { since: Instant::now(), is_idle });
            connection.as_mut().close();
            // The next turn polls what the close set going, and sets the clock anew.
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Carried>, Infallible>> + Send>>;

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Abandoned,
    Closed,
    Drain,
    Handshake,
    HandshakeSlow,
    Head,
    Idle,
    Request,
}

impl End {
    const fn word(self) -> &'static str {
        match self {
            Self::Abandoned => "abandoned_max",
            Self::Closed => "closed",
            Self::Drain => "drain_ms",
            Self::Handshake => "handshake",
            Self::HandshakeSlow => "handshake_ms",
            Self::Head => "head_ms",
            Self::Idle => "idle_ms",
            Self::Request => "request_ms",
        }
    }
}

/// What the clock of a connection asks for.
enum Order {
    /// Nothing yet.
    Wait,
    /// To say goodbye: nothing has been asked for too long.
    Close,
    /// To take no more requests and finish the open ones.
    Drain,
    /// To drop everything.
    End(End),
}

/// The clock of one connection.
struct Watch<'a> {
    limits: &'a Limits,
    flights: &'a Flights,
    age: Instant,
    closing: Option<Closing>,
}

/// The state of a connection that takes no more requests.
#[derive(Clone, Copy)]
struct Closing {
    since: Instant,
    is_idle: bool,
}

impl Watch<'_> {
    fn poll(&self, mut clock: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Order {
        if self.flights.abandoned() > self.limits.abandoned_max {
            return Order::End(End::Abandoned);
        }
        loop {
            let now = Instant::now();
            let (due, order) = self.due();
            if due <= now {
                return order;
            }
            // An answer can end without waking this task, so it looks up now and then.
            let look = due.min(now + Duration::from_millis(self.limits.idle_ms / 4 + 1));
            if look < clock.deadline() || clock.deadline() <= now {
                clock.as_mut().reset(look);
            }
            if clock.as_mut().poll(cx).is_pending() {
                return Order::Wait;
            }
        }
    }

    /// The next moment at which something is to be done, and what.
    fn due(&self) -> (Instant, Order) {
        let end = match self.closing {
            None => (self.age, Order::Drain),
            Some(closing) => (closing.since + self.grace(closing), Order::End(self.end())),
        };
        let next = match (self.flights.due(self.limits), self.closing) {
            (Due::Request(at), _) => (at, Order::End(End::Request)),
            (Due::Head(at), None) => (at, Order::End(End::Head)),
            (Due::Idle(at), None) => (at, Order::Close),
            (Due::Head(_) | Due::Idle(_), Some(_)) => return end,
        };
        if next.0 < end.0 { next } else { end }
    }

    fn grace(&self, closing: Closing) -> Duration {
        if closing.is_idle && self.flights.is_quiet() {
            GOODBYE
        } else {
            Duration::from_millis(self.limits.drain_ms)
        }
    }

    /// How the connection has ended, if it ends now.
    const fn end(&self) -> End {
        match self.closing {
            None => End::Closed,
            Some(Closing { is_idle: true, .. }) => End::Idle,
            Some(Closing { is_idle: false, .. }) => End::Drain,
        }
    }
}

/// A connection that can be told to take no more requests.
trait Connection: Future<Output = hyper::Result<()>> {
    fn close(self: Pin<&mut Self>);
}

impl<I, S> Connection for http1::Connection<I, S>
where
    S: HttpService<Incoming, ResBody = Carried, Error = Infallible>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
{
    fn close(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<I, S> Connection for http2::Connection<I, S, TokioExecutor>
where
    S: HttpService<Incoming, ResBody = Carried, Error = Infallible>,
    S::Future: Send + 'static,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
{
    fn close(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// How long a quiet connection has to take its leave.
const GOODBYE: Duration = Duration::from_secs(1);
const HEAD_BYTES_MAX: u32 = 16 * 1024;
const BUFFER_BYTES_MAX: usize = 64 * 1024;
const FRAME_BYTES_MAX: u32 = 16 * 1024;
const STREAM_WINDOW_BYTES: u32 = 128 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 512 * 1024;
const RESETS_MAX: usize = 16;

//! One connection: requests in, planned answers out, and the ways to break it off. It decides nothing.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use crate::delivery::Step;
use crate::journal::RecordedRequest;
use crate::routes::{Answer, State, answer};

/// Whose connection it is.
pub(crate) struct Guest {
    pub(crate) state: Arc<State>,
    pub(crate) number: usize,
    pub(crate) started: Instant,
}

pub(crate) async fn serve(stream: TcpStream, guest: Guest) {
    // Without it small events wait for one another; a test that fails to set it is only slower.
    let _ = stream.set_nodelay(true);
    let end = Arc::new(End::default());
    let service = service_fn(|request| respond(request, &guest, end.clone()));
    let socket = TokioIo::new(Socket { stream, end: end.clone() });
    // An error here is a client that went away or an answer that was broken off on purpose.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(socket, service).await;
}

async fn respond(request: Request<Incoming>, guest: &Guest, end: Arc<End>) -> io::Result<Response<Played>> {
    let (head, body) = request.into_parts();
    let at = guest.started.elapsed();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let answer = answer(&guest.state, &head, &body);
    let header = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    guest.state.journal.record(RecordedRequest {
        method: head.method.to_string(),
        path: head.uri.path_and_query().map_or_else(String::new, ToString::to_string),
        headers: head.headers.iter().map(header).collect(),
        body,
        status: answer.status(),
        at,
        connection: guest.number,
    });
    let planned = match answer {
        Answer::Respond(planned) => planned,
        Answer::Reset => {
            end.set(End::RESET);
            return Err(io::ErrorKind::ConnectionReset.into());
        }
    };
    if !planned.before_headers.is_zero() {
        tokio::time::sleep(planned.before_headers).await;
    }
    let mut response = Response::builder().status(planned.status);
    for (name, value) in planned.headers {
        response = response.header(name, value);
    }
    response.body(Played::new(planned.steps, end)).map_err(io::Error::other)
}

/// How a connection ends, told by an answer to the socket beneath it.
#[derive(Default)]
struct End(AtomicU8);

impl End {
    /// Close once everything written so far is sent.
    const CLOSE: u8 = 1;
    /// RST instead of FIN.
    const RESET: u8 = 2;

    fn set(&self, end: u8) {
        self.0.store(end, Ordering::Relaxed);
    }

    fn is(&self, end: u8) -> bool {
        self.0.load(Ordering::Relaxed) == end
    }
}

/// A body that plays its steps.
struct Played {
    steps: VecDeque<Step>,
    sleep: Option<Pin<Box<Sleep>>>,
    end: Arc<End>,
}

impl Played {
    fn new(steps: Vec<Step>, end: Arc<End>) -> Played {
        Played { steps: steps.into(), sleep: None, end }
    }
}

impl Body for Played {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        loop {
            if let Some(sleep) = &mut self.sleep {
                std::task::ready!(sleep.as_mut().poll(context));
                self.sleep = None;
            }
            match self.steps.pop_front() {
                None => return Poll::Ready(None),
                Some(Step::Send(bytes)) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Some(Step::Wait(duration)) => self.wait(duration),
                Some(Step::Stall) => {
                    self.steps.push_front(Step::Stall);
                    return Poll::Pending;
                }
                Some(Step::Cut) => {
                    // Pending makes hyper flush what it holds, and the socket's flush is where the cut happens.
                    self.end.set(End::CLOSE);
                    self.steps.push_front(Step::Cut);
                    return Poll::Pending;
                }
            }
        }
    }

    /// A body that is one piece gets a `content-length`, as with the real server.
    fn size_hint(&self) -> hyper::body::SizeHint {
        match (self.steps.front(), self.steps.len()) {
            (Some(Step::Send(bytes)), 1) => hyper::body::SizeHint::with_exact(bytes.len() as u64),
            (None, _) => hyper::body::SizeHint::with_exact(0),
            _ => hyper::body::SizeHint::default(),
        }
    }
}

impl Played {
    fn wait(&mut self, duration: Duration) {
        self.sleep = Some(Box::pin(tokio::time::sleep(duration)));
    }
}

/// The TCP stream, which can be told to break off.
struct Socket {
    stream: TcpStream,
    end: Arc<End>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.end.is(End::RESET) {
            // If the peer has closed already there is nothing left to reset.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    /// Hyper calls this when all it had to write is written.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        if self.end.is(End::CLOSE) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

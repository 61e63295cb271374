//! Requests on one open connection.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{Request, Uri, Version, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use super::connect::{Handshake, alert_name, snake_case, tls_error};
use super::last_words::{Heard, LastWords};
use crate::verdict::Protocol;

/// How requests name their sender.
const USER_AGENT: &str = concat!("wrongway/", env!("CARGO_PKG_VERSION"), " check");
/// Most that is read of an answer's body, in bytes, where the rest can be declined.
const MOST_MULTIPLEXED: usize = 64 << 10;
/// The same over HTTP/1.1, where a body that is not read to its end costs the connection.
const MOST_SEQUENTIAL: usize = 1 << 20;

/// How rustls tells of an alert.
const ALERT: &str = "received fatal alert: ";

/// Why a request on an open connection has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoAnswer {
    /// Nothing came in time.
    #[error("no answer within {} s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// What came is no HTTP.
    #[error("the answer is no HTTP: {0}")]
    NotHttp(String),
    /// TLS ended with an alert.
    #[error("the server ends the connection with the alert {0}")]
    Alert(String),
    /// The connection, or the request, was ended.
    #[error("the server ends the request without an answer: {0}")]
    Ended(String),
}

/// An open connection.
pub(super) struct Connection {
    sender: Sender,
    handshake: Handshake,
    /// What the server said last.
    heard: Heard,
    asked: Vec<String>,
    /// A body was left unread.
    spent: bool,
}

enum Sender {
    Sequential(http1::SendRequest<Empty<Bytes>>),
    Multiplexed(http2::SendRequest<Empty<Bytes>>),
}

impl Connection {
    /// Begins to speak HTTP.
    pub(super) async fn open(
        stream: TlsStream<TcpStream>,
        handshake: Handshake,
        protocol: Protocol,
    ) -> Result<Self, NoAnswer> {
        let stream = LastWords::new(stream);
        let heard = stream.heard();
        let stream = TokioIo::new(stream);
        // The tasks end with the connection: when its sender is dropped, or the server closes it.
        let sender = if protocol.is_multiplexed() {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), stream)
                .await
                .map_err(|error| no_answer(&error))?;
            tokio::spawn(connection);
            Sender::Multiplexed(sender)
        } else {
            let (sender, connection) = http1::handshake(stream)
                .await
                .map_err(|error| no_answer(&error))?;
            tokio::spawn(connection);
            Sender::Sequential(sender)
        };
        Ok(Self {
            sender,
            handshake,
            heard,
            asked: Vec::new(),
            spent: false,
        })
    }

    /// What its handshake told.
    pub(super) fn handshake(&self) -> &Handshake {
        &self.handshake
    }

    /// The authorities that were asked for on it, in order.
    pub(super) fn asked(&self) -> &[String] {
        &self.asked
    }

    /// Waits until another request may be sent; `false` if none may.
    pub(super) async fn is_usable(&mut self, limit: Duration) -> bool {
        let ready = async {
            match &mut self.sender {
                Sender::Sequential(sender) => sender.ready().await,
                Sender::Multiplexed(sender) => sender.ready().await,
            }
        };
        !self.spent && matches!(timeout(limit, ready).await, Ok(Ok(())))
    }

    /// Asks for `authority`, spelled as it is, and returns the status. The body is read and dropped.
    pub(super) async fn ask(
        &mut self,
        authority: &str,
        path: &PathAndQuery,
        limit: Duration,
    ) -> Result<u16, NoAnswer> {
        self.asked.push(authority.to_owned());
        let request = self
            .request(authority, path)
            .map_err(|error| NoAnswer::Ended(error.to_string()))?;
        let response = async {
            match &mut self.sender {
                Sender::Sequential(sender) => sender.send_request(request).await,
                Sender::Multiplexed(sender) => sender.send_request(request).await,
            }
        };
        let response = timeout(limit, response)
            .await
            .map_err(|_| NoAnswer::TimedOut(limit))?
            .map_err(|error| match self.heard.alert() {
                Some(alert) => NoAnswer::Alert(alert.to_owned()),
                None => no_answer(&error),
            })?;
        let status = response.status().as_u16();
        let (most, sequential) = match self.sender {
            Sender::Sequential(_) => (MOST_SEQUENTIAL, true),
            Sender::Multiplexed(_) => (MOST_MULTIPLEXED, false),
        };
        let whole = timeout(limit, drained(response.into_body(), most)).await;
        self.spent |= sequential && whole != Ok(true);
        Ok(status)
    }

    fn request(&self, authority: &str, path: &PathAndQuery) -> Result<Request<Empty<Bytes>>, http::Error> {
        let request = match self.sender {
            Sender::Sequential(_) => Request::get(Uri::from(path.clone())).header(header::HOST, authority),
            Sender::Multiplexed(_) => {
                let uri = Uri::builder()
                    .scheme("https")
                    .authority(authority)
                    .path_and_query(path.clone())
                    .build()?;
                Request::get(uri).version(Version::HTTP_2)
            }
        };
        request
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::ACCEPT, "*/*")
            .body(Empty::new())
    }
}

/// Whether all of the body came, in no more than `most` bytes.
async fn drained(mut body: Incoming, most: usize) -> bool {
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => read += frame.data_ref().map_or(0, Bytes::len),
            Err(_) => return false,
        }
        if read > most {
            return false;
        }
    }
    true
}

fn no_answer(error: &hyper::Error) -> NoAnswer {
    let mut cause: &(dyn StdError + 'static) = error;
    loop {
        let alert = cause.downcast_ref::<io::Error>().and_then(tls_error);
        if let Some(rustls::Error::AlertReceived(alert)) = alert {
            return NoAnswer::Alert(alert_name(*alert));
        }
        match cause.source() {
            Some(deeper) => cause = deeper,
            None => break,
        }
    }
    if error.is_parse() {
        return NoAnswer::NotHttp(cause.to_string());
    }
    let cause = cause.to_string();
    // Over HTTP/2 the error of TLS arrives as text.
    match cause.split_once(ALERT) {
        Some((_, alert)) => NoAnswer::Alert(snake_case(alert)),
        None => NoAnswer::Ended(cause),
    }
}

//! The agent's end of the control socket. No client can hold up the agent or another client.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::bind::ControlSocket;
use super::protocol::{Command, End, Loss, MAX_REQUEST, Refusal, Request};
use crate::alert::Notice;
use crate::export::query::Page;
use crate::export::view::Coverage;
use crate::export::{Shared, present};

/// Clients served at a time; others are refused.
const MAX_CLIENTS: usize = 32;
/// For the whole request to arrive.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
/// For the client to take one chunk of the answer.
const CHUNK_TIMEOUT: Duration = Duration::from_secs(5);
/// For the whole conversation.
const LIFETIME: Duration = Duration::from_mins(1);
/// Bytes of an answer that are prepared at a time.
const CHUNK: usize = 64 * 1024;
/// Pause after an accept that failed for want of resources.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until the future is dropped, which ends every conversation and removes the socket's file.
///
/// # Errors
/// If the socket cannot be handed to the runtime.
pub async fn serve(socket: ControlSocket, shared: Shared) -> io::Result<()> {
    let listener = UnixListener::from_std(socket.listener.try_clone()?)?;
    let places = Arc::new(Semaphore::new(MAX_CLIENTS));
    let mut clients = JoinSet::new();
    loop {
        while clients.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            refuse_at_once(&stream);
            continue;
        };
        let shared = shared.clone();
        clients.spawn(async move {
            match timeout(LIFETIME, converse(stream, &shared)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "a control client was dropped"),
                Err(_) => tracing::debug!(limit = ?LIFETIME, "a control client took too long"),
            }
            drop(place);
        });
    }
}

/// Says that there are too many clients, if the socket takes the line without waiting.
fn refuse_at_once(stream: &UnixStream) {
    let refusal = line_of(&Refusal::new("too many clients at a time; try again"));
    if let Err(error) = stream.try_write(&refusal) {
        tracing::debug!(%error, "a control client was dropped unanswered");
    }
}

async fn converse(stream: UnixStream, shared: &Shared) -> io::Result<()> {
    let (reader, writer) = stream.into_split();
    let mut out = Writer {
        stream: writer,
        chunk: Vec::new(),
    };
    let request = match timeout(REQUEST_TIMEOUT, read_request(reader)).await {
        Ok(request) => request?.and_then(|line| Request::parse(&line)),
        Err(_) => Err(Refusal::new(format!(
            "no complete request within {} s",
            REQUEST_TIMEOUT.as_secs()
        ))),
    };
    match request {
        Ok(request) => answer(&request, shared, &mut out).await?,
        Err(refusal) => out.line(&refusal).await?,
    }
    out.flush().await
}

/// One line, or what came before the client closed its side.
async fn read_request(stream: impl AsyncReadExt + Unpin) -> io::Result<Result<Vec<u8>, Refusal>> {
    let mut line = Vec::new();
    let limit = MAX_REQUEST as u64 + 1;
    BufReader::new(stream.take(limit))
        .read_until(b'\n', &mut line)
        .await?;
    if line.len() > MAX_REQUEST {
        let refusal = format!("the request is longer than {MAX_REQUEST} bytes");
        return Ok(Err(Refusal::new(refusal)));
    }
    Ok(Ok(line))
}

async fn answer(request: &Request, shared: &Shared, out: &mut Writer) -> io::Result<()> {
    // Each page is pointers, copied under the lock; objects and their text are made afterwards, one at a time.
    let query = &request.query;
    match request.command {
        Command::Summary => {
            let page = shared.store().summary(query);
            send(page, present::summary_line, shared, out).await
        }
        Command::Exchanges => {
            let page = shared.store().exchanges(query);
            send(page, present::exchange, shared, out).await
        }
        Command::Findings => {
            let page = shared.store().findings(query);
            send(page, present::exchange, shared, out).await
        }
        Command::Connections => {
            let page = shared.store().connections(query);
            send(page, present::connection, shared, out).await
        }
        Command::Coverage => {
            let page = shared.store().coverage(query);
            send(page, |coverage| Coverage::clone(coverage), shared, out).await
        }
        Command::Alerts => {
            let page = shared.store().alerts(query);
            send(page, |notice| Notice::clone(notice), shared, out).await
        }
    }
}

async fn send<T, V: Serialize>(
    page: Page<T>,
    present: impl Fn(&T) -> V,
    shared: &Shared,
    out: &mut Writer,
) -> io::Result<()> {
    for item in &page.items {
        out.line(&present(item)).await?;
    }
    let losses = shared.metrics().losses().into_iter();
    let end = End {
        end: true,
        matched: page.matched,
        losses: losses
            .map(|(stage, reason, count)| Loss { stage, reason, count })
            .collect(),
    };
    out.line(&end).await
}

struct Writer {
    stream: tokio::net::unix::OwnedWriteHalf,
    chunk: Vec<u8>,
}

impl Writer {
    async fn line(&mut self, item: &impl Serialize) -> io::Result<()> {
        self.chunk.extend(line_of(item));
        if self.chunk.len() >= CHUNK {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> io::Result<()> {
        timeout(CHUNK_TIMEOUT, self.stream.write_all(&self.chunk)).await??;
        self.chunk.clear();
        Ok(())
    }
}

fn line_of(item: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(item).expect("the contract's objects are plain data");
    line.push(b'\n');
    line
}

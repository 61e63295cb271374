//! The agent's end of the control socket. No client can hold up the agent or another client.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::bind::ControlSocket;
use super::protocol::{Command, End, Loss, MAX_REQUEST, Refusal, Request};
use crate::alert::Notice;
use crate::export::explain::{Material, explain};
use crate::export::privacy::Named as _;
use crate::export::query::Page;
use crate::export::view::{Coverage, Exchange};
use crate::export::{Shared, present};

/// Clients served at a time; others are refused.
const MAX_CLIENTS: usize = 32;
/// For the whole request to arrive.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(2);
/// For the client to take one chunk of the answer.
const CHUNK_TIMEOUT: Duration = Duration::from_secs(5);
/// For the observer to say what it knows of listeners; it looks several times a second.
const OBSERVER_TIMEOUT: Duration = Duration::from_secs(3);
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
    let policy = &*shared.policy();
    match request.command {
        Command::Summary => {
            let page = shared.store().summary(query);
            let now = now();
            send(
                page,
                |line| present::summary_line(line, now).masked(policy),
                shared,
                out,
            )
            .await
        }
        Command::Exchanges => {
            let page = shared.store().exchanges(query);
            send(
                page,
                |recent| present::exchange(recent).masked(policy),
                shared,
                out,
            )
            .await
        }
        Command::Findings => {
            let page = shared.store().findings(query);
            send(
                page,
                |finding| present::finding(finding).masked(policy),
                shared,
                out,
            )
            .await
        }
        Command::Connections => {
            let page = shared.store().connections(query);
            send(
                page,
                |connection| present::connection(connection).masked(policy),
                shared,
                out,
            )
            .await
        }
        Command::Coverage => {
            let page = shared.store().coverage(query);
            send(page, |coverage| Some(Coverage::clone(coverage)), shared, out).await
        }
        Command::Listeners => {
            // An observer that does not answer in time has seen nothing yet, or is stopping.
            let asked = timeout(OBSERVER_TIMEOUT, shared.ask_listeners()).await;
            let listeners = asked.ok().and_then(Result::ok).unwrap_or_default();
            let names: Vec<_> = listeners.iter().flat_map(present::listener).collect();
            let matching = names.iter().filter(|name| query.keeps_listener(name));
            send(
                Page::newest(matching, query.limit),
                |name| name.clone().masked(policy),
                shared,
                out,
            )
            .await
        }
        Command::Explain => {
            let material = query.id.and_then(|id| material(shared, id)?.masked(policy));
            let Some(material) = material else {
                return out.line(&Refusal::new(unknown(query.id))).await;
            };
            let page = Page {
                items: vec![material],
                matched: 1,
            };
            send(page, |material| Some(explain(material.clone())), shared, out).await
        }
        Command::Alerts => {
            let page = shared.store().alerts(query);
            send(page, |notice| Some(Notice::clone(notice)), shared, out).await
        }
    }
}

/// What an exchange of this run, or a finding of an earlier one, can be explained with.
fn material(shared: &Shared, id: u64) -> Option<Material> {
    let kept = shared.store().material(id);
    if let Some(kept) = kept {
        return Some(kept.present());
    }
    let past = shared.store().past(id).cloned()?;
    Some(Material {
        exchange: Exchange::clone(&past),
        connection: None,
        neighbours: Vec::new(),
        retry: None,
    })
}

fn unknown(id: Option<u64>) -> String {
    let id = id.map(|id| id.to_string()).unwrap_or_default();
    format!(
        "no exchange {id} is kept; 'wrongway inspect exchanges' and 'wrongway inspect findings' show those that are"
    )
}

/// Nanoseconds since the Unix epoch.
fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

async fn send<T, V: Serialize>(
    page: Page<T>,
    present: impl Fn(&T) -> Option<V>,
    shared: &Shared,
    out: &mut Writer,
) -> io::Result<()> {
    for item in page.items.iter().filter_map(present) {
        out.line(&item).await?;
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

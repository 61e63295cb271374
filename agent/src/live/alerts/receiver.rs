//! A receiver of webhooks, for tests.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

/// For anything to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request that was received.
#[derive(Clone, Debug)]
struct Request {
    /// Request line and headers.
    head: Vec<String>,
    body: Value,
}

#[derive(Debug, Default)]
struct State {
    requests: Mutex<Vec<Request>>,
    arrived: Condvar,
    stopped: AtomicBool,
}

/// An HTTP server that notes what it is told.
#[derive(Debug)]
pub(super) struct Receiver {
    address: SocketAddr,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

impl Receiver {
    /// Answers the first requests with these statuses, and all others with 200.
    pub(super) fn start(statuses: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let theirs = Arc::clone(&state);
        let statuses = statuses.to_vec();
        let thread = thread::spawn(move || {
            let mut statuses = statuses.into_iter();
            for stream in listener.incoming() {
                if theirs.stopped.load(Ordering::Relaxed) {
                    return;
                }
                let status = statuses.next().unwrap_or(200);
                let request = answer(stream.unwrap(), status);
                theirs.requests.lock().unwrap().push(request);
                theirs.arrived.notify_all();
            }
        });
        Self {
            address,
            state,
            thread: Some(thread),
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://user:password@{}{path}", self.address)
    }

    /// The bodies of all requests, as soon as there are this many.
    pub(super) fn wait_for(&self, count: usize) -> Vec<Value> {
        let requests = self.state.requests.lock().unwrap();
        let (requests, _) = self
            .state
            .arrived
            .wait_timeout_while(requests, PATIENCE, |requests| requests.len() < count)
            .unwrap();
        assert!(requests.len() >= count, "not {count} requests: {requests:?}");
        requests.iter().map(|request| request.body.clone()).collect()
    }

    /// The values of a header, where a request has it.
    pub(super) fn headers(&self, name: &str) -> Vec<String> {
        let start = format!("{name}: ");
        let requests = self.state.requests.lock().unwrap();
        let lines = requests.iter().flat_map(|request| &request.head);
        lines
            .filter_map(|line| {
                let found = line.get(..start.len())?.eq_ignore_ascii_case(&start);
                found.then(|| line[start.len()..].to_owned())
            })
            .collect()
    }

    /// Refuses connections from now on.
    pub(super) fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.state.stopped.store(true, Ordering::Relaxed);
        // Wakes it.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if self.thread.is_some() && !thread::panicking() {
            self.end();
        }
    }
}

fn answer(stream: TcpStream, status: u16) -> Request {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        head.push(line.to_owned());
    }
    let length = head.iter().find_map(|line| {
        line.to_ascii_lowercase()
            .strip_prefix("content-length: ")?
            .parse()
            .ok()
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).unwrap();
    let mut stream = stream;
    let head_line = format!("HTTP/1.1 {status} Told");
    write!(
        stream,
        "{head_line}\r\nContent-Length: 0\r\nLocation: /elsewhere\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    Request {
        head,
        body: serde_json::from_slice(&body).unwrap(),
    }
}

use std::io::{Read, Write};
use std::net::TcpStream;

use super::*;

struct Server {
    address: SocketAddr,
    shared: Shared,
    _runtime: tokio::runtime::Runtime,
}

fn server() -> Server {
    let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let shared = Shared::default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.spawn(serve(listener, shared.clone()));
    Server {
        address,
        shared,
        _runtime: runtime,
    }
}

impl Server {
    fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: agent\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer[9..12].parse().unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        (status, body.to_owned())
    }
}

#[test]
fn readiness_waits_for_the_targets() {
    let server = server();
    assert_eq!(
        server.get("/readyz"),
        (503, "not ready: the agent is starting\n".to_owned())
    );
    server.shared.health().set_pending("1 of 3 libraries attached");
    assert_eq!(
        server.get("/readyz"),
        (503, "not ready: 1 of 3 libraries attached\n".to_owned())
    );
    server.shared.health().set_ready();
    assert_eq!(server.get("/readyz"), (200, "ready\n".to_owned()));
}

#[test]
fn health_metrics_and_the_list_of_paths() {
    let server = server();
    assert_eq!(server.get("/healthz"), (200, "ok\n".to_owned()));
    let (status, text) = server.get("/metrics");
    assert_eq!(status, 200);
    assert!(text.contains("wrongway_build_info{"), "{text}");
    assert_eq!(server.get("/nothing"), (404, PATHS.to_owned()));
}

#[test]
fn a_silent_event_loop_is_not_healthy() {
    assert_eq!(liveness(MAX_SILENCE).0, StatusCode::OK);
    assert_eq!(
        liveness(MAX_SILENCE + Duration::from_secs(5)),
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the event loop has been silent for 20 s\n".to_owned()
        )
    );
}

#[test]
fn silent_clients_lose_their_places() {
    let server = server();
    let silent: Vec<_> = (0..MAX_CLIENTS)
        .map(|_| {
            let mut stream = TcpStream::connect(server.address).unwrap();
            stream.write_all(b"GET /metrics HTTP/1.1\r\nhost").unwrap();
            stream
        })
        .collect();
    assert_eq!(server.get("/healthz").0, 200);
    drop(silent);
}

#[test]
fn a_taken_port_is_named_with_the_remedy() {
    let first = bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = first.local_addr().unwrap();
    assert_eq!(
        bind(address).unwrap_err().to_string(),
        format!("cannot listen on {address}: address already in use; choose another with --listen")
    );
}

#[test]
fn a_foreign_address_is_named_with_the_remedy() {
    let error = bind("192.0.2.1:9421".parse().unwrap()).unwrap_err();
    assert!(matches!(error, ListenError::NoSuchAddress(_)), "{error}");
}

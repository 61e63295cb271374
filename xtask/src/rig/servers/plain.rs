//! A server without TLS, in threads of this process, for programs that only pass requests on.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context as _, Result};

/// Answers 200, or 404 for `/missing`; connections are kept alive. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Plain {
    address: SocketAddr,
    over: Arc<AtomicBool>,
}

impl Plain {
    /// Starts to listen on a port of 127.0.0.1.
    pub(super) fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port for the plain server")?;
        let address = listener.local_addr()?;
        let over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&over);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ends.load(Ordering::Relaxed) {
                    break;
                }
                // A client that breaks off is none of the server's business.
                thread::spawn(move || drop(serve(&stream)));
            }
        });
        Ok(Self { address, over })
    }

    /// Its port.
    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes the listener; if nobody listens any more, it has ended already.
        drop(TcpStream::connect(self.address));
    }
}

/// Answers the requests of one connection. None of them has a body.
fn serve(stream: &TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    while let Some(request) = lines.next() {
        let request = request?;
        for line in lines.by_ref() {
            if line?.is_empty() {
                break;
            }
        }
        (&*stream).write_all(answer(&request).as_bytes())?;
    }
    Ok(())
}

fn answer(request: &str) -> String {
    let status = if request.contains(" /missing ") {
        "404 Not Found"
    } else {
        "200 OK"
    };
    let body = if request.starts_with("HEAD ") { "" } else { "ok\n" };
    format!("HTTP/1.1 {status}\r\nContent-Length: 3\r\n\r\n{body}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::http;

    #[test]
    fn it_answers_until_it_is_dropped() {
        let plain = Plain::start().unwrap();
        let port = plain.port();
        let mut stream = TcpStream::connect(plain.address).unwrap();
        stream
            .write_all(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET /missing HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap();
        let mut lines = BufReader::new(&stream).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "HTTP/1.1 200 OK");
        assert_eq!(lines.nth(2).unwrap().unwrap(), "HTTP/1.1 404 Not Found");
        drop(plain);
        assert!(http::get(port, "/").is_err());
    }
}

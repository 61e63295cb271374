//! Asks the agent's HTTP endpoints.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result};

const TIMEOUT: Duration = Duration::from_secs(10);

/// Status and body of `GET path` on a port of 127.0.0.1.
///
/// # Errors
///
/// When nobody listens there or the answer is no HTTP.
pub fn get(port: u16, path: &str) -> Result<(u16, String)> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)
        .with_context(|| format!("nobody listens on {address}"))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .with_context(|| format!("no answer from http://{address}{path}"))?;
    parse(&answer).with_context(|| format!("no HTTP answer from http://{address}{path}"))
}

/// Status and body. The endpoints asked here never answer in chunks.
fn parse(answer: &str) -> Option<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some((status, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_and_body_are_told_apart() {
        let answer = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nwait";
        assert_eq!(parse(answer), Some((503, "wait".to_owned())));
        assert_eq!(parse("SSH-2.0-OpenSSH"), None);
    }
}

//! Free TCP ports on 127.0.0.1.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Result, bail};

/// Below the range from which the kernel picks ports for clients (`net.ipv4.ip_local_port_range`), so that
/// no client takes one between here and the server's start.
const FIRST: u16 = 20_000;
const LAST: u16 = 32_000;

static HANDED_OUT: AtomicU16 = AtomicU16::new(0);

/// A port that nobody listens on; never the same twice in a process.
///
/// # Errors
///
/// When every port of the range is taken.
pub fn free() -> Result<u16> {
    for _ in FIRST..LAST {
        let port = FIRST + offset();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port on 127.0.0.1 between {FIRST} and {LAST}")
}

/// Starts at a place of this process's own: two runs at once rarely meet.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the remainder is below the range's width"
)]
fn offset() -> u16 {
    let width = LAST - FIRST;
    let start = (std::process::id().wrapping_mul(97) % u32::from(width)) as u16;
    (start + HANDED_OUT.fetch_add(1, Ordering::Relaxed) % width) % width
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_differ() {
        assert_ne!(free().unwrap(), free().unwrap());
    }
}

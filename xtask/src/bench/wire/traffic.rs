//! Requests and answers over plain TCP: what the network stack does with them is all that is measured.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::rig::network::Namespace;

/// A kind of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Load {
    /// Answers of 100 octets.
    Small,
    /// Answers of 100 kB.
    Large,
}

/// Connections at once.
const CONNECTIONS: usize = 4;
const REQUEST: usize = 100;
const LARGEST: usize = 100_000;

impl Load {
    pub(super) const ALL: [Self; 2] = [Self::Small, Self::Large];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Small => "100 octets",
            Self::Large => "100 kB",
        }
    }

    const fn answer(self) -> usize {
        match self {
            Self::Small => 100,
            Self::Large => LARGEST,
        }
    }
}

/// Requests a second, from `client` to `server`, which has this address.
///
/// # Errors
///
/// When a connection fails.
pub(super) fn measure(
    load: Load,
    server: &Namespace,
    client: &Namespace,
    address: &str,
    duration: Duration,
) -> Result<f64> {
    let listener = server.inside(|| TcpListener::bind((address, 0)).context("cannot listen"))?;
    let address = listener.local_addr().context("the listener has no address")?;
    let answered = AtomicU64::new(0);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let streams = client.inside(|| {
            let dial = |_| TcpStream::connect(address).context("cannot connect");
            (0..CONNECTIONS).map(dial).collect::<Result<Vec<_>>>()
        })?;
        for stream in streams {
            let (accepted, _) = listener.accept().context("cannot accept")?;
            scope.spawn(move || serve(accepted, load));
            scope.spawn(|| request(stream, load, &answered, &over));
        }
        let started = Instant::now();
        thread::sleep(duration);
        let count = answered.load(Ordering::Relaxed);
        let elapsed = started.elapsed();
        over.store(true, Ordering::Relaxed);
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
        Ok(count as f64 / elapsed.as_secs_f64())
    })
}

/// Answers until the client is gone.
fn serve(mut stream: TcpStream, load: Load) {
    let answer = vec![b'x'; load.answer()];
    let mut request = [0; REQUEST];
    while stream.read_exact(&mut request).is_ok() && stream.write_all(&answer).is_ok() {}
}

fn request(mut stream: TcpStream, load: Load, answered: &AtomicU64, over: &AtomicBool) {
    let mut answer = vec![0; load.answer()];
    while !over.load(Ordering::Relaxed) {
        if stream.write_all(&[b'x'; REQUEST]).is_err() || stream.read_exact(&mut answer).is_err() {
            return;
        }
        answered.fetch_add(1, Ordering::Relaxed);
    }
}

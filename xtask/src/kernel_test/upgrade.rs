//! After a protocol upgrade the connection carries no HTTP any more, whatever its octets look like.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::world::{NAME, SIBLING, World};
use super::{Case, Setting};
use crate::rig::clients::raw::{self, Dialogue, Expected, Part};

pub(super) const CASES: &[Case] = &[Case {
    name: "upgrade::websocket",
    observes: true,
    run: websocket,
}];

const TIMEOUT: Duration = Duration::from_secs(20);
const SWITCH: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

fn websocket(setting: &Setting) -> Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port for the upstream")?;
    let port = listener.local_addr()?.port();
    let upstream = thread::spawn(move || serve(&listener));
    let world = World::with_upgrades(setting, Some(port))?;
    let ordinary = format!("GET / HTTP/1.1\r\nHost: {SIBLING}\r\n\r\n");
    let upgrade =
        format!("GET /upgrade HTTP/1.1\r\nHost: {NAME}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
    let trap = "GET / HTTP/1.1\r\nHost: trap.example\r\n\r\nHTTP/1.1 500 echoed\r\n\r\n";
    let parts = [
        Part {
            text: &ordinary,
            responses: 1,
        },
        Part {
            text: &upgrade,
            responses: 2,
        },
        // The upstream swallows it: what passes there is no request.
        Part {
            text: trap,
            responses: 2,
        },
    ];
    let expected = [(SIBLING, 200), (NAME, 101)].map(|(authority, status)| Expected {
        method: "GET",
        authority,
        status,
    });
    let dialogue = Dialogue {
        port: world.nginx.port,
        sni: Some(NAME),
        parts: &parts,
    };
    let truths = raw::talk(world.scratch, &dialogue, &expected)?;
    drop(upstream.join());
    world.demand(&truths)
}

/// Agrees to the upgrade of one connection and then swallows what comes, until it ends.
fn serve(listener: &TcpListener) -> std::io::Result<()> {
    let (mut stream, _) = listener.accept()?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    read_head(&mut stream)?;
    stream.write_all(SWITCH)?;
    std::io::copy(&mut stream, &mut std::io::sink()).map(drop)
}

fn read_head(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut octet = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut octet)? == 1 {
        head.push(octet[0]);
    }
    Ok(())
}

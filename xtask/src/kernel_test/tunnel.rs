//! TLS inside TLS: a connection through a proxy that is itself asked over TLS has no socket of its own.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::world::{NAME, World, wildcard};
use super::{Case, Setting};
use crate::rig::exchange::Exchange;
use crate::rig::process::output_of;
use crate::rig::tunnel::Tunnel;

pub(super) const CASES: &[Case] = &[Case {
    name: "tunnel::each_has_what_is_its_own",
    observes: true,
    run: tunnelled,
}];

/// Requests through the tunnel, on one connection.
const REQUESTS: usize = 5;

/// curl calls the library for the outer connection from within its calls for the inner one: what the outer one uses is
/// not the inner one's.
fn tunnelled(setting: &Setting) -> Result<String> {
    let world = World::new(setting)?;
    let tunnel = Tunnel::start(world.scratch, &wildcard(world.scratch)?)?;
    let url = format!("https://{NAME}:{}/", world.nginx.port);
    let mut command = Command::new("curl");
    command
        .args([
            "--silent",
            "--show-error",
            "--insecure",
            "--proxy-insecure",
            "--http1.1",
        ])
        .args(["--proxy", &format!("https://127.0.0.1:{}", tunnel.port)])
        .args([
            "--connect-to",
            &format!("{NAME}:{port}:127.0.0.1:{port}", port = world.nginx.port),
        ])
        .args(["--write-out", "%{http_code} %{local_port}\n"]);
    for _ in 0..REQUESTS {
        command.args(["--output", "/dev/null", &url]);
    }
    let printed = output_of(&mut command)?;
    let lines: Vec<&str> = printed.lines().collect();
    ensure!(
        lines.len() == REQUESTS && lines.iter().all(|line| line.starts_with("200 ")),
        "curl printed {printed}"
    );
    // On both sides of the inner connection, and of the one that carries it.
    let seen = world
        .agent
        .settled_exchanges(&[world.nginx.port, tunnel.port], REQUESTS + 2)?;
    let of = |role: &str, name: Option<&str>| -> Vec<&Exchange> {
        let of = seen
            .iter()
            .filter(|exchange| exchange.role.as_deref() == Some(role) && exchange.sni.as_deref() == name);
        of.collect()
    };
    let (inner, served) = (of("client", Some(NAME)), of("server", Some(NAME)));
    ensure!(inner.len() == REQUESTS && served.len() == REQUESTS, "{seen:?}");
    let (carrier, asked) = (of("client", None), of("server", None));
    ensure!(carrier.len() == 1 && asked.len() == 1, "{seen:?}");
    for exchange in &inner {
        let connection = &exchange.connection;
        ensure!(
            connection.local.is_none() && connection.peer.is_none(),
            "the inner connection has no socket: {exchange:?}"
        );
        ensure!(connection.pair.is_some(), "nginx has its other end: {exchange:?}");
    }
    let port = lines[0].split(' ').nth(1).context("curl printed no port")?;
    let ends = [
        carrier[0].connection.local.as_deref(),
        carrier[0].connection.peer.as_deref(),
    ];
    let (local, peer) = (format!("127.0.0.1:{port}"), format!("127.0.0.1:{}", tunnel.port));
    ensure!(
        ends == [Some(&*local), Some(&*peer)],
        "{ends:?} is not {local} to {peer}"
    );
    Ok(format!("{REQUESTS} requests inside, 1 outside"))
}

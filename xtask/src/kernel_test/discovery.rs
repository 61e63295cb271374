//! A private copy of the TLS library, in a mount namespace of its own, is found, observed and let go.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use object::read::elf::ElfFile64;
use object::{Object as _, ObjectSegment as _, ObjectSymbol as _};

use super::world::{NAME, World};
use super::{Case, Setting};
use crate::rig::bpf;
use crate::rig::clients::Visit;
use crate::rig::clients::curl::{self, Version};
use crate::rig::clients::held::{self, Held, Program};
use crate::rig::compare::compare;
use crate::rig::library::libssl_of;
use crate::rig::process::Running;
use crate::rig::truth::Truth;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "discovery::private_library_in_another_mount_namespace",
        observes: true,
        run: private_library,
    },
    Case {
        name: "discovery::deleted_library_hinders_nothing",
        observes: true,
        run: deleted_library,
    },
    Case {
        name: "discovery::library_that_an_upgrade_touches",
        observes: true,
        run: touched_library,
    },
    Case {
        name: "discovery::library_rewritten_in_place",
        observes: true,
        run: rewritten_library,
    },
];

/// At ten a second.
const REQUESTS: usize = 100;
/// Requests at the end, when the library must have been found.
const OBSERVED: usize = 50;
/// The loader maps a library within this time.
const MAP: Duration = Duration::from_secs(10);
const DETACH: Duration = Duration::from_secs(20);
/// In this time the agent looks at each library several times.
const LOOKS: Duration = Duration::from_secs(12);
/// Between two requests on a connection that is watched meanwhile.
const PAUSE: Duration = Duration::from_millis(50);

fn private_library(setting: &Setting) -> Result<String> {
    let world = World::new(setting)?;
    let pid = world.agent.process.pid();
    let links_before = links(pid)?;
    let directory = world.scratch.directory("private")?;
    let library = libssl_of(Path::new("/usr/bin/curl"))?;
    // The copy exists in the new mount namespace alone.
    let script = format!(
        "mount -t tmpfs none {directory} && cp {library} {directory}/ && \
         exec env LD_LIBRARY_PATH={directory} curl --rate 10/s \"$@\"",
        directory = directory.display(),
        library = library.display(),
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &script, "curl"]);
    let visits = vec![Visit::new(Some(NAME), NAME, "/").closing(); REQUESTS];
    let truths = curl::visit_with(
        &mut command,
        world.scratch,
        world.nginx.port,
        Version::Http1,
        &visits,
    )?;
    let late: &[Truth] = &truths[REQUESTS - OBSERVED..];
    let exchanges = world
        .agent
        .settled_exchanges(&[world.nginx.port], REQUESTS + OBSERVED)?;
    let comparison = compare(late, &exchanges, &[world.nginx.port]);
    ensure!(comparison.right == comparison.expected, "{comparison}");

    let deadline = Instant::now() + DETACH;
    while links(pid)? > links_before && Instant::now() < deadline {
        sleep(Duration::from_millis(200));
    }
    let links_after = links(pid)?;
    ensure!(
        links_after <= links_before,
        "{links_before} links before, {links_after} {DETACH:?} after the last user of the library ended"
    );
    Ok(format!("{} exchanges, then detached", comparison.right))
}

/// A process still runs on a library whose file is gone, as after an upgrade. Everything else is observed.
fn deleted_library(setting: &Setting) -> Result<String> {
    let scratch = &setting.scratch;
    let library = scratch.directory("deleted")?.join("libssl.so.3");
    fs::copy(libssl_of(Path::new("/usr/bin/curl"))?, &library).context("cannot copy libssl")?;
    let mut command = Command::new("sleep");
    command.arg("600").env("LD_PRELOAD", &library);
    let mut holder = Running::start("sleep", &mut command, &scratch.path().join("sleep.log"))?;
    let maps = format!("/proc/{}/maps", holder.pid());
    let library_name = library.display().to_string();
    holder.wait_until(MAP, || {
        fs::read_to_string(&maps).is_ok_and(|maps| maps.contains(&library_name))
    })?;
    fs::remove_file(&library).context("cannot remove the copy of libssl")?;

    let world = World::new(setting)?;
    let visits = vec![Visit::new(Some(NAME), NAME, "/"); 10];
    let truths = curl::visit(scratch, world.nginx.port, Version::Http1, &visits)?;
    world.demand(&truths)
}

/// An upgrade takes away a link of the library that still runs, or changes its mode: its contents are what they were, and
/// no exchange on a connection through it may be missed.
fn touched_library(setting: &Setting) -> Result<String> {
    let world = World::new(setting)?;
    let mut client = Held::start(world.scratch, Program::Python, world.nginx.port, NAME)?;
    let visit = held::Visit {
        authority: NAME,
        path: "/",
        literal: false,
    };
    let mut truths = client.visit(&[visit])?;
    let library = libssl_of(Path::new("/usr/bin/curl"))?;
    let file = File::open(&library).with_context(|| format!("cannot open {}", library.display()))?;
    let start = Instant::now();
    while start.elapsed() < LOOKS {
        // The same mode, but the time of the change is another.
        file.set_permissions(file.metadata()?.permissions())
            .with_context(|| format!("cannot touch {}", library.display()))?;
        truths.extend(client.visit(&[visit])?);
        sleep(PAUSE);
    }
    world.demand(&truths)
}

/// A library is rewritten in place while a connection through it lives on: of what follows it is unknown which request it
/// is, since nobody knows what was missed.
fn rewritten_library(setting: &Setting) -> Result<String> {
    let world = World::new(setting)?;
    let directory = world.scratch.directory("rewritten")?;
    let copy = directory.join("libssl.so.3");
    fs::copy(libssl_of(Path::new("/usr/bin/curl"))?, &copy).context("cannot copy libssl")?;
    let start = || {
        Held::start_with(
            world.scratch,
            Program::Python,
            world.nginx.port,
            NAME,
            Some(&directory),
        )
    };
    // The library is found before the connection is made, so that it is whole at first.
    let _first = start()?;
    sleep(LOOKS);
    let mut client = start()?;
    let pid = client.pid();
    let mut made = 0;
    let mut visit_for = |time: Duration| -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < time {
            made += 1;
            let authority = format!("r{made}.shop.example");
            client.visit(&[held::Visit {
                authority: &authority,
                path: "/",
                literal: false,
            }])?;
            sleep(PAUSE);
        }
        Ok(())
    };
    visit_for(LOOKS)?;
    rewrite_accessor(&copy)?;
    // A file that is mapped already is looked at again when another process maps it.
    let _another = start()?;
    visit_for(LOOKS)?;

    let mut exchanges = world.agent.exchanges()?;
    exchanges.retain(|exchange| exchange.process.pid == pid);
    let mut unknown = 0;
    for exchange in &exchanges {
        match exchange.connection.request_number {
            None => unknown += 1,
            Some(number) => {
                let expected = format!("r{number}.shop.example");
                ensure!(
                    exchange.authority.as_deref() == Some(expected.as_str()),
                    "{exchange:?} is not request {number}"
                );
            }
        }
    }
    ensure!(
        0 < unknown && unknown < exchanges.len(),
        "{unknown} of {} exchanges have an unknown position: none, or all",
        exchanges.len()
    );
    Ok(format!(
        "{made} requests, {} seen, {unknown} of unknown position",
        exchanges.len()
    ))
}

/// Lets an accessor that the client does not call give 0, so that what it gave can no longer be found.
fn rewrite_accessor(library: &Path) -> Result<()> {
    const ACCESSOR: &str = "SSL_get_early_data_status";
    // xor eax,eax; ret
    const GIVE_0: &[u8] = &[0x31, 0xc0, 0xc3];
    let bytes = fs::read(library)?;
    let elf = ElfFile64::<object::Endianness>::parse(&*bytes)?;
    let symbol = elf.dynamic_symbols().find(|symbol| symbol.name() == Ok(ACCESSOR));
    let address = symbol.context("libssl has no such accessor")?.address();
    let mut segments = elf.segments();
    let code = segments
        .find(|segment| (segment.address()..segment.address() + segment.size()).contains(&address))
        .context("no segment has the accessor")?;
    let offset = code.file_range().0 + (address - code.address());
    let file = File::options().write(true).open(library)?;
    Ok(file.write_all_at(GIVE_0, offset)?)
}

fn links(pid: u32) -> Result<usize> {
    let held = bpf::held_by(pid)?;
    Ok(held.iter().filter(|object| object.kind == "link").count())
}

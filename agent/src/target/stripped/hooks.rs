//! Where probes go in a program whose functions were found by what their code does.

use ebpf::function::Function;

use super::{Found, Lineage, Role};
use crate::code::{Program, Symbol};
use crate::target::hook::{Choice, Hook, Purpose};
use crate::target::{Emulation, early, site};

/// The hooks of a program, in the order of the functions' numbers.
pub(in crate::target) fn hooks(program: &Program, found: &Found, emulation: &Emulation) -> Vec<Hook> {
    let plain = |role, function| {
        let symbol = found.function(role)?;
        hook(program, symbol, function, vec![function], false, emulation)
    };
    let mut hooks: Vec<Hook> = [
        plain(Role::New, Function::SslNew),
        plain(Role::Free, Function::SslFree),
        inner_read(program, found, emulation).or_else(|| plain(Role::Read, Function::SslRead)),
        inner_write(program, found, emulation).or_else(|| plain(Role::Write, Function::SslWrite)),
        plain(Role::Handshake, Function::SslDoHandshake),
    ]
    .into_iter()
    .flatten()
    .collect();
    hooks.sort_by_key(|hook| hook.function);
    hooks
}

/// What serves `SSL_read_ex` too.
fn inner_read(program: &Program, found: &Found, emulation: &Emulation) -> Option<Hook> {
    let symbol = inner(found, Role::InnerRead)?;
    let serves = vec![Function::SslRead, Function::SslReadEx];
    (found.counts.read == Some(3))
        .then(|| hook(program, symbol, Function::SslReadEx, serves, true, emulation))?
}

/// What serves `SSL_write_ex` too.
fn inner_write(program: &Program, found: &Found, emulation: &Emulation) -> Option<Hook> {
    let symbol = inner(found, Role::InnerWrite)?;
    let (function, mut serves) = match found.counts.write? {
        3 => (Function::SslWriteEx, vec![Function::SslWrite]),
        4 => (
            Function::SslWriteEx2,
            vec![Function::SslWrite, Function::SslWriteEx],
        ),
        _ => return None,
    };
    serves.push(function);
    hook(program, symbol, function, serves, true, emulation)
}

/// BoringSSL's inner functions have other arguments.
fn inner(found: &Found, role: Role) -> Option<Symbol> {
    found
        .function(role)
        .filter(|_| found.lineage != Lineage::BoringSsl)
}

fn hook(
    program: &Program,
    symbol: Symbol,
    function: Function,
    serves: Vec<Function>,
    inside: bool,
    emulation: &Emulation,
) -> Option<Hook> {
    let entry = site::choose(program, symbol.address, emulation)?;
    let early = if entry.1.emulated {
        None
    } else {
        early::find(program, symbol, emulation).and_then(|address| site::choose(program, address, emulation))
    };
    let choice = match (inside, early.is_some(), entry.1.emulated) {
        (_, true, _) => Choice::Early,
        (true, false, _) => Choice::Inside,
        (false, false, true) => Choice::Entry,
        (false, false, false) => Choice::Stepped,
    };
    let (offset, site) = early.unwrap_or(entry);
    Some(Hook {
        function,
        serves,
        choice,
        purpose: Purpose::Calls,
        offset,
        site,
    })
}

//! OpenSSL: each function that raises an error says who it is, by name since 3.0 and by number before.
//!
//! ```text
//! ERR_set_debug("ssl/ssl_lib.c", line, "SSL_read")             since 3.0
//! ERR_put_error(20, 223, reason, "ssl/ssl_lib.c", line)        1.1
//! ```
//! What the compiler built into another function speaks with its own name there.

use super::evidence::{Evidence, Raiser};
use super::role::Roles;
use super::{Choice, Lineage, Refusal, Role, Search, only};
use crate::code::{Body, Function, Value};

/// Name since 3.0, and number before (`SSL_F_…` of `sslerr.h`).
pub(super) type Label = (&'static str, u64);

const NEW: Label = ("SSL_new", 186);
const HANDSHAKE: Label = ("SSL_do_handshake", 180);
pub(super) const READ: Label = ("SSL_read", 223);
const WRITE: Label = ("SSL_write", 208);
pub(super) const INNER_READ: Label = ("ssl_read_internal", 523);
const INNER_WRITE: Label = ("ssl_write_internal", 524);
const SHUTDOWN: Label = ("SSL_shutdown", 224);
/// Makes the object since 3.2, where connections are not the only kind.
const CONSTRUCTOR: &str = "ossl_ssl_connection_new_int";

pub(super) fn roles(search: &Search<'_>, library: &Evidence) -> Roles {
    let mut roles = Roles::default();
    let labels = [
        (Role::New, NEW),
        (Role::Read, READ),
        (Role::Write, WRITE),
        (Role::Shutdown, SHUTDOWN),
    ];
    for (role, label) in labels {
        roles.decide(role, only(owners(library, label)).map(parts));
    }
    roles.decide(Role::Handshake, handshake(library).map(parts));
    for (inner, outer, label) in [
        (Role::InnerRead, READ, INNER_READ),
        (Role::InnerWrite, WRITE, INNER_WRITE),
    ] {
        let function = inside(library, outer, label);
        if let (Ok(outer), Ok(inside)) = (only(owners(library, outer)), function) {
            let count = count_argument(&outer.body, inside.function.start);
            match inner {
                Role::InnerRead => roles.counts.read = count,
                _ => roles.counts.write = count,
            }
        }
        roles.decide(inner, function.map(parts));
    }
    let free = free(search, library);
    roles.decide(
        Role::Free,
        free.as_ref()
            .map_err(|refusal| *refusal)
            .map(|(function, body)| (*function, body)),
    );
    roles
}

fn parts(raiser: &Raiser) -> (Function, &Body) {
    (raiser.function, &raiser.body)
}

fn is_called(library: &Evidence, raiser: &Raiser, (name, code): Label) -> bool {
    match library.lineage {
        Lineage::OpenSsl3 => raiser.names.contains(name),
        Lineage::OpenSsl11 | Lineage::BoringSsl => raiser.codes.contains(&code),
    }
}

/// Functions that call themselves so, whatever was built into them.
fn owners(library: &Evidence, label: Label) -> impl Iterator<Item = &Raiser> {
    let raisers = library.raisers.iter();
    raisers.filter(move |raiser| is_called(library, raiser, label))
}

/// `SSL_connect` and `SSL_accept` raise no errors of their own: with the handshake built in they look like it, but for
/// the one call more by which they choose their side.
pub(super) fn handshake(library: &Evidence) -> Choice<&Raiser> {
    let all: Vec<_> = owners(library, HANDSHAKE).collect();
    let least = |raiser: &&&Raiser| {
        let callees = raiser.body.callees();
        all.iter().all(|other| {
            std::ptr::eq(*other, **raiser) || {
                let others = other.body.callees();
                callees.len() < others.len() && callees.is_subset(&others)
            }
        })
    };
    match only(all.iter().filter(least)) {
        Ok(raiser) => Ok(raiser),
        Err(_) if all.is_empty() => Err(Refusal::Absent),
        Err(_) => Err(Refusal::Ambiguous),
    }
}

/// The function that does the work, if the outer one calls it with the connection and the buffer that it was given.
pub(super) fn inside(library: &Evidence, outer: Label, label: Label) -> Choice<&Raiser> {
    let outer = only(owners(library, outer))?;
    if is_called(library, outer, label) {
        return Err(Refusal::BuiltIn);
    }
    let hands_on = |raiser: &&Raiser| {
        let mut calls = outer.body.calls_of(raiser.function.start).peekable();
        calls.peek().is_some()
            && calls.all(|call| {
                call.arguments[0].is_only(Value::Argument(0)) && call.arguments[1].is_only(Value::Argument(1))
            })
    };
    let inner = only(owners(library, label).filter(hands_on))?;
    // Where it was built into others too, `_ex` calls may pass it by.
    let alone = owners(library, label).all(|raiser| std::ptr::eq(raiser, inner));
    if alone { Ok(inner) } else { Err(Refusal::BuiltIn) }
}

/// Which argument tells the inner function where to store how much it moved: the outer one has a local variable for it.
/// Functions that write take flags before it since 3.3, of which the outer one sets none.
fn count_argument(outer: &Body, inner: u64) -> Option<u8> {
    let mut places = outer.calls_of(inner).map(|call| {
        let [_, _, _, fourth, fifth, _] = &call.arguments;
        if fourth.is_frame() {
            Some(3)
        } else if fourth.is_only(Value::Constant(0)) && fifth.is_frame() {
            Some(4)
        } else {
            None
        }
    });
    let first = places.next()??;
    places.all(|place| place == Some(first)).then_some(first)
}

/// What takes a failed object back: it counts references down, and at last frees its argument with
/// `CRYPTO_free(ssl, file, line)`.
fn free(search: &Search<'_>, library: &Evidence) -> Choice<(Function, Body)> {
    let constructors = library
        .raisers
        .iter()
        .filter(|raiser| raiser.names.contains(CONSTRUCTOR));
    let constructor = match only(constructors) {
        Err(Refusal::Absent) => only(owners(library, NEW)),
        choice => choice,
    }?;
    let candidates = constructor.body.callees().into_iter().filter_map(|callee| {
        let function = search.survey.functions.containing(callee)?;
        if function.start != callee {
            return None;
        }
        let body = search.architecture.body(search.program, function);
        let frees = body
            .calls
            .iter()
            .any(|call| library.names_file(call, 1) && call.arguments[0].is_only(Value::Argument(0)));
        (body.counters.len() == 1 && frees).then_some((function, body))
    });
    only(candidates)
}

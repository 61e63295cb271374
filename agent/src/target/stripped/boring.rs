//! BoringSSL: errors carry no names, but each function has its own set of reasons.
//!
//! ```text
//! ERR_put_error(16, 0, reason, ".../ssl_lib.cc", line)
//! ```

use std::collections::BTreeSet;

use super::evidence::{Evidence, Raiser};
use super::role::Roles;
use super::{Choice, Refusal, Role, Search, only};
use crate::code::{Body, Call, Function, Value};

/// `ERR_R_SHOULD_NOT_HAVE_BEEN_CALLED`: what works on streams, on a connection of QUIC.
const NOT_FOR_QUIC: u64 = 66;
/// `SSL_R_BAD_LENGTH`
const BAD_LENGTH: u64 = 111;
/// `SSL_R_CONNECTION_TYPE_NOT_SET`
const NO_SIDE: u64 = 134;
/// `SSL_R_NULL_SSL_CTX`
const NO_CONTEXT: u64 = 185;
/// `SSL_R_PROTOCOL_IS_SHUTDOWN`
const SHUT_DOWN: u64 = 194;
/// `SSL_R_SSL_HANDSHAKE_FAILURE`
const HANDSHAKE_FAILURE: u64 = 215;
/// `SSL_R_UNINITIALIZED`
const UNINITIALIZED: u64 = 226;
/// `SSL_R_APPLICATION_DATA_ON_SHUTDOWN`
const DATA_ON_SHUTDOWN: u64 = 291;

/// `SSL_free` is a test, two calls, and the frame.
const FREE_LENGTH: u64 = 64;
/// It stands near `SSL_new` in its file, and so in the program.
const NEAR: u64 = 64 << 10;

pub(super) fn roles(search: &Search<'_>, library: &Evidence) -> Roles {
    let mut roles = Roles::default();
    let works = |raiser: &Raiser| {
        [HANDSHAKE_FAILURE, UNINITIALIZED]
            .iter()
            .all(|&reason| raises(raiser, reason))
    };
    let writes = |raiser: &Raiser| {
        [NOT_FOR_QUIC, BAD_LENGTH, SHUT_DOWN]
            .iter()
            .any(|&reason| raises(raiser, reason))
    };
    let all = || library.raisers.iter();
    let inner = only(all().filter(|raiser| works(raiser) && !writes(raiser)));
    let write = only(all().filter(|raiser| works(raiser) && writes(raiser)));
    let handshake = handshake(library, inner, write);
    // Both begin an outstanding handshake.
    let fits = |choice: Choice<&'_ Raiser>| match (choice.map(|raiser| raiser.body.clone()), &handshake) {
        (Ok(body), Ok(handshake)) if !body.calls(handshake.function.start) => Err(Refusal::Inconsistent),
        (Err(refusal), _) => Err(refusal),
        _ => Ok(()),
    };
    let (inner, write) = (fits(inner).and(inner), fits(write).and(write));

    roles.decide(Role::New, new(library).map(parts));
    roles.decide(Role::Handshake, handshake.map(parts));
    roles.decide(Role::InnerRead, inner.map(parts));
    roles.decide(Role::Write, write.map(parts));
    roles.decide(Role::Shutdown, shutdown(library, inner).map(parts));
    let read = inner.and_then(|inner| read(search, library, inner));
    roles.decide(Role::Read, borrowed(&read));
    roles.decide(Role::Free, borrowed(&free(search, library)));
    roles
}

fn parts(raiser: &Raiser) -> (Function, &Body) {
    (raiser.function, &raiser.body)
}

fn borrowed(choice: &Choice<(Function, Body)>) -> Choice<(Function, &Body)> {
    choice
        .as_ref()
        .map(|(function, body)| (*function, body))
        .map_err(|refusal| *refusal)
}

fn raises(raiser: &Raiser, reason: u64) -> bool {
    raiser.reasons.contains(&reason)
}

fn raises_just(raiser: &Raiser, reasons: &[u64]) -> bool {
    raiser.reasons.iter().eq(reasons)
}

fn new(library: &Evidence) -> Choice<&Raiser> {
    only(
        library
            .raisers
            .iter()
            .filter(|raiser| raises_just(raiser, &[NO_CONTEXT])),
    )
}

/// `SSL_connect` and `SSL_accept` look like it where it is built into them. Reading and writing call the real one.
pub(super) fn handshake<'a>(
    library: &'a Evidence,
    inner: Choice<&Raiser>,
    write: Choice<&Raiser>,
) -> Choice<&'a Raiser> {
    let all: Vec<_> = library
        .raisers
        .iter()
        .filter(|raiser| raises_just(raiser, &[NO_SIDE]))
        .collect();
    if all.len() == 1 {
        return Ok(all[0]);
    }
    let is_called = |raiser: &&&Raiser| {
        let start = raiser.function.start;
        let calls = |choice: Choice<&Raiser>| choice.is_ok_and(|caller| caller.body.calls(start));
        calls(inner) && calls(write)
    };
    match only(all.iter().filter(is_called)) {
        Ok(raiser) => Ok(raiser),
        Err(_) if all.is_empty() => Err(Refusal::Absent),
        Err(_) => Err(Refusal::Ambiguous),
    }
}

fn shutdown<'a>(library: &'a Evidence, inner: Choice<&Raiser>) -> Choice<&'a Raiser> {
    only(library.raisers.iter().filter(|raiser| {
        raises_just(raiser, &[UNINITIALIZED, DATA_ON_SHUTDOWN])
            || raises_just(raiser, &[UNINITIALIZED])
                && inner.is_ok_and(|inner| raiser.body.calls(inner.function.start))
    }))
}

/// `SSL_read` takes what it gave out of the connection; `SSL_peek` leaves it there.
fn read(search: &Search<'_>, library: &Evidence, inner: &Raiser) -> Choice<(Function, Body)> {
    let readers: Vec<_> = library
        .raisers
        .iter()
        .filter(|raiser| {
            raiser
                .body
                .calls_of(inner.function.start)
                .any(hands_connection_on)
                && raises_just(raiser, &[NOT_FOR_QUIC])
        })
        .collect();
    let own = |raiser: &Raiser| (raiser.function, raiser.body.clone());
    match readers[..] {
        [first, second] if first.body.stores != second.body.stores => {
            Ok(own(if first.body.stores { first } else { second }))
        }
        // `SSL_read` may call `SSL_peek`, and raises nothing itself then. Or nobody peeks, and the linker left it out.
        [lone] => match (through_peek(search, library, lone), lone.body.stores) {
            (Err(Refusal::Absent), true) => Ok(own(lone)),
            (Ok(_), true) => Err(Refusal::Ambiguous),
            (choice, _) => choice,
        },
        [] => Err(Refusal::Absent),
        _ => Err(Refusal::Ambiguous),
    }
}

/// Programs have functions around `SSL_read` that look the same, but not amid the library's own.
fn through_peek(search: &Search<'_>, library: &Evidence, peek: &Raiser) -> Choice<(Function, Body)> {
    let start = library.raisers.first().map_or(0, |raiser| raiser.function.start);
    let end = library.raisers.last().map_or(0, |raiser| raiser.function.end);
    let readers = callers(search, peek.function.start, |function| {
        (start..end).contains(&function.start)
    })
    .filter(|(_, body)| {
        let hands_on = body.calls_of(peek.function.start).any(|call| {
            hands_connection_on(call) && call.arguments[1].is_only(Value::Argument(1)) && !call.tail
        });
        body.stores && hands_on
    });
    only(readers)
}

fn hands_connection_on(call: &Call) -> bool {
    call.arguments[0].is_only(Value::Argument(0))
}

/// The functions that call another one directly, of those that pass a first look.
fn callers(
    search: &Search<'_>,
    target: u64,
    fits: impl Fn(&Function) -> bool,
) -> impl Iterator<Item = (Function, Body)> {
    let sites = search
        .architecture
        .calls(search.program, &|_, address| address == target);
    let starts: BTreeSet<_> = sites
        .iter()
        .filter_map(|&(site, _)| search.survey.functions.containing(site))
        .filter(fits)
        .map(|function| (function.start, function.end))
        .collect();
    let functions = starts
        .into_iter()
        .filter_map(|(start, _)| search.survey.functions.containing(start));
    functions
        .map(|function| (function, search.architecture.body(search.program, function)))
        .take(64)
}

/// A short function that hands its argument to two others which `SSL_new` calls too, for an object that failed: the
/// destructor, and `OPENSSL_free`.
fn free(search: &Search<'_>, library: &Evidence) -> Choice<(Function, Body)> {
    let new = new(library)?;
    let known = new.body.callees();
    let near = |address: u64| address.abs_diff(new.function.start) < NEAR;
    let sites = search.architecture.calls(search.program, &|site, target| {
        near(site) && known.contains(&target)
    });
    let starts: BTreeSet<_> = sites
        .iter()
        .filter_map(|&(site, _)| search.survey.functions.containing(site))
        .filter(|function| function.end - function.start <= FREE_LENGTH)
        .map(|function| function.start)
        .collect();
    let candidates = starts.into_iter().filter_map(|start| {
        let function = search.survey.functions.containing(start)?;
        let body = search.architecture.body(search.program, function);
        // What is called when an object's end fails does not count.
        let calls: Vec<_> = body.calls.iter().filter(|call| call.reached).collect();
        let callees: BTreeSet<_> = calls.iter().filter_map(|call| call.target).collect();
        let fits = calls.len() == 2
            && callees.len() == 2
            && callees.is_subset(&known)
            && calls.into_iter().all(hands_connection_on);
        fits.then_some((function, body))
    });
    only(candidates)
}

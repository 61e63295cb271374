//! What an exploration proves: one rule for each kind of accessor.

use std::collections::BTreeSet;

use ebpf::layout::UNKNOWN;

use super::Reason;
use super::explore::{Exploration, Extent, Facts, Observed};
use super::value::{Path, Value};

/// The object that every accessor is called with.
const OBJECT: Path = Path::argument(0);
/// Bytes of a ClientHello's random.
const RANDOM: u64 = 32;
/// In `ASN1_ENCODING { unsigned char *enc; long len; int modified; }`: bytes from `enc` to `modified`.
const ENCODING_TO_MODIFIED: u32 = 16;

/// Where the `int` that an accessor returns is in its object.
pub(super) fn integer(code: &Exploration) -> Result<u32, Reason> {
    let [offset] = integer_behind(code)?;
    Ok(offset)
}

/// Where the `int` that an accessor returns is, behind one pointer less than there are offsets.
pub(super) fn integer_behind<const N: usize>(code: &Exploration) -> Result<[u32; N], Reason> {
    single(places(code)?, 4)
}

/// Through which pointers an accessor reaches the object it returns; those that are null on the way end the
/// path.
pub(super) fn pointers<const N: usize>(code: &Exploration) -> Result<[u32; N], Reason> {
    single(places(code)?, 8)
}

/// Where the name itself is: of the names that `SSL_get_servername` returns, the connection's is one load
/// away, the session's two.
pub(super) fn hostname(code: &Exploration) -> Result<u32, Reason> {
    let (direct, rest): (BTreeSet<_>, BTreeSet<_>) = places(code)?
        .into_iter()
        .partition(|path| path.offsets().len() == 1);
    if rest
        .iter()
        .any(|path| path.offsets().len() != 2 || path.width() != 8)
    {
        return Err(Reason::Ambiguous);
    }
    let [offset] = single(direct, 8)?;
    Ok(offset)
}

/// From where `SSL_get_client_random(ssl, out, length)` copies to `out`.
///
/// With `length` 0 it returns the length of a random, which tells that it is the function we know.
pub(super) fn client_random(code: &Exploration) -> Result<[u32; 2], Reason> {
    followed(code, true)?;
    let length = Value::Constant(RANDOM);
    if !code.returns.iter().any(|end| end.what == length) {
        return Err(Reason::NotShown);
    }
    let out = Path::argument(1);
    let stores = code
        .stores
        .iter()
        .filter(|store| is_connection(&store.facts))
        .filter_map(|store| {
            let target = (store.what.pointer, store.what.displacement) == (out, 0);
            target.then(|| match store.what.value {
                Value::Place(path, 0) => path.source().ok_or(Reason::NotShown),
                _ => Err(Reason::NotShown),
            })
        });
    let copies = code
        .calls
        .iter()
        .filter(|call| is_connection(&call.facts))
        .filter_map(|call| {
            let [to, from, _] = call.what.0;
            (to == Value::Place(out, 0)).then(|| match from {
                Value::Place(path, offset) => {
                    Ok((path, u32::try_from(offset).map_err(|_| Reason::NotShown)?))
                }
                _ => Err(Reason::NotShown),
            })
        });
    let sources = stores.chain(copies).collect::<Result<BTreeSet<_>, Reason>>()?;
    match sources.into_iter().collect::<Vec<_>>().as_slice() {
        [(OBJECT, offset)] => Ok([UNKNOWN, *offset]),
        // Until 1.1.1 it stands in a structure of its own.
        [(path, offset)] if path.root() == 0 => match path.offsets() {
            [pointer] => Ok([*pointer, *offset]),
            _ => Err(Reason::Indirect),
        },
        [] | [_] => Err(Reason::NotShown),
        _ => Err(Reason::Ambiguous),
    }
}

/// Where the protocol is that ALPN chose: `SSL_get0_alpn_selected(ssl, &name, &length)` stores both, or zeros.
pub(super) fn alpn(code: &Exploration) -> Result<[u32; 3], Reason> {
    followed(code, false)?;
    let (holder, name) = stored(code, Path::argument(1), 8)?;
    let (other, length) = stored(code, Path::argument(2), 4)?;
    if holder != other || holder.root() != 0 {
        return Err(Reason::NotShown);
    }
    match holder.offsets() {
        [] => Ok([UNKNOWN, name, length]),
        // Until 1.1.1 it stands in a structure of its own.
        [pointer] => Ok([*pointer, name, length]),
        _ => Err(Reason::Indirect),
    }
}

/// Where an object counts its owners: all that `SSL_up_ref` writes.
pub(super) fn references(code: &Exploration) -> Result<u32, Reason> {
    followed(code, false)?;
    let written: BTreeSet<(Path, i64, u8)> = code
        .stores
        .iter()
        .map(|store| (store.what.pointer, store.what.displacement, store.what.width))
        .collect();
    match written.into_iter().collect::<Vec<_>>().as_slice() {
        [(OBJECT, offset, 4)] => u32::try_from(*offset).map_err(|_| Reason::NotShown),
        [] | [_] => Err(Reason::NotShown),
        _ => Err(Reason::Ambiguous),
    }
}

/// Where a handle says what it is, if accessors ask it: see [`is_connection`].
pub(super) fn kind(code: &Exploration) -> Option<u32> {
    let kind = OBJECT.load(0, 4)?;
    let asks = |end: &Observed<Value>| end.facts.is_zero(kind).is_some();
    code.returns.iter().any(asks).then_some(0)
}

/// Where a certificate keeps its encoding: `i2d_re_X509_tbs` first marks it as modified.
pub(super) fn certificate_encoding(code: &Exploration) -> Result<u32, Reason> {
    followed(code, true)?;
    let marks: BTreeSet<i64> = code
        .stores
        .iter()
        .map(|store| store.what)
        .filter(|store| store.pointer == OBJECT && store.value == Value::Constant(1) && store.width == 4)
        .map(|store| store.displacement)
        .collect();
    let mark = match marks.into_iter().collect::<Vec<_>>().as_slice() {
        [] => return Err(Reason::NotShown),
        [mark] => *mark,
        _ => return Err(Reason::Ambiguous),
    };
    let encoding = u32::try_from(mark)
        .ok()
        .and_then(|mark| mark.checked_sub(ENCODING_TO_MODIFIED));
    encoding.filter(|offset| offset % 8 == 0).ok_or(Reason::NotShown)
}

/// The version behind `OpenSSL_version_num`: `0xMNNFFPPS` before 3.0, with the patch level as a letter, and
/// `0xMNN00PPS` since.
pub(super) fn version(code: &Exploration) -> Option<String> {
    followed(code, false).ok()?;
    let [end] = code.returns.as_slice() else {
        return None;
    };
    let Value::Constant(number) = end.what else {
        return None;
    };
    let (major, minor) = (number >> 28, number >> 20 & 0xff);
    let (fix, patch) = (number >> 12 & 0xff, number >> 4 & 0xff);
    match (major, patch) {
        (3..=15, _) => Some(format!("{major}.{minor}.{patch}")),
        (1, 0) => Some(format!("{major}.{minor}.{fix}")),
        (1, 1..=26) => {
            let letter = char::from(b'a' + u8::try_from(patch - 1).ok()?);
            Some(format!("{major}.{minor}.{fix}{letter}"))
        }
        _ => None,
    }
}

/// The loaded values that an accessor returns for a connection.
fn places(code: &Exploration) -> Result<BTreeSet<Path>, Reason> {
    followed(code, false)?;
    let mut places = BTreeSet::new();
    for end in code.returns.iter().filter(|end| is_connection(&end.facts)) {
        match end.what {
            Value::Place(path, 0) if path.root() == 0 && !path.offsets().is_empty() => {
                places.insert(path);
            }
            // A null pointer on the way, or an argument that selects nothing.
            Value::Constant(0) => {}
            _ => return Err(Reason::NotShown),
        }
    }
    Ok(places)
}

/// From where an accessor copies to what an argument points to: the pointer, and the offset from it.
fn stored(code: &Exploration, to: Path, width: u8) -> Result<(Path, u32), Reason> {
    let mut sources = BTreeSet::new();
    for store in code.stores.iter().filter(|store| is_connection(&store.facts)) {
        if (store.what.pointer, store.what.displacement) != (to, 0) {
            continue;
        }
        match store.what.value {
            Value::Place(path, 0) if path.width() == width => {
                sources.insert(path.source().ok_or(Reason::NotShown)?);
            }
            Value::Constant(0) => {}
            _ => return Err(Reason::NotShown),
        }
    }
    let mut sources = sources.into_iter();
    let source = sources.next().ok_or(Reason::NotShown)?;
    if sources.next().is_some() {
        return Err(Reason::Ambiguous);
    }
    Ok(source)
}

/// Whether a path is one that a TLS connection can take.
///
/// Since OpenSSL 3.2 a handle begins with an `int` for its kind, 0 for a TLS connection; accessors that
/// find another one there turn to the QUIC object behind it.
fn is_connection(facts: &Facts) -> bool {
    let kind = OBJECT.load(0, 4).and_then(|kind| facts.is_zero(kind));
    facts.is_zero(OBJECT) != Some(true) && kind != Some(false)
}

/// The one place among those, which must have this many loads.
fn single<const N: usize>(places: BTreeSet<Path>, width: u8) -> Result<[u32; N], Reason> {
    let mut places = places.into_iter();
    let place = places.next().ok_or(Reason::NotShown)?;
    if places.next().is_some() {
        return Err(Reason::Ambiguous);
    }
    if place.width() != width {
        return Err(Reason::NotShown);
    }
    place.offsets().try_into().map_err(|_| Reason::Indirect)
}

/// Whether the paths were followed far enough for a rule.
fn followed(code: &Exploration, loops: bool) -> Result<(), Reason> {
    match code.extent {
        Extent::Complete => Ok(()),
        Extent::OncePerLoop if loops => Ok(()),
        Extent::OncePerLoop | Extent::TooComplex => Err(Reason::TooComplex),
        Extent::Undecodable => Err(Reason::Undecodable),
    }
}

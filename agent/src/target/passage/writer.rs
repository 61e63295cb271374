//! Where writes pass by: at the end of `ssl_write_bytes`, where it has succeeded.
//!
//! Proven are: the function is the one that `method->ssl_write` of the same table ends in; no call gives back more than 0
//! but through one of the places; whoever passes one gives back 1 and writes nothing any more, so that the count is final;
//! and what is needed is found there on each way.
//!
//! On some ways the connection is kept elsewhere, as around the ciphers that encrypt several records at once. There the
//! length of the data stands in its stead, and that is how such a way is told when it runs: by the count, which is the
//! length where all was written. Two things are assumed: that success on such a way is a whole one, and that nobody
//! writes as many bytes as the address of the connection says.
//!
//! Tables that a connection is given once its version is agreed on are not looked at: they have the same two functions.

use ebpf::layout::{Passage, UNKNOWN};

use super::{APPLICATION_DATA, Library, Passed, Table, encoded};
use crate::code::{Call, Place, Value};

/// What is known for sure on one way.
type Way<'a> = &'a [(Place, Value)];

/// Where writes through a table pass by.
pub(super) fn passed(library: &Library<'_>, table: &Table) -> Option<Passed> {
    let mut slots = table
        .values()
        .filter_map(|function| library.hands_on_to(*function));
    let slot = slots.next()?;
    if slots.any(|other| other != slot) {
        return None;
    }
    let function = library.function(*table.get(&slot)?)?;
    let usable = |at: u64| library.is_emulated(at);
    let places = library
        .architecture
        .successes(&library.program, function, &usable);
    let trace = library.architecture.trace(&library.program, function);
    let is_reached = |place: &u64| trace.ways(*place).next().is_some();
    if !trace.complete || !places.iter().all(is_reached) {
        return None;
    }
    let ways: Vec<Way<'_>> = places.iter().flat_map(|place| trace.ways(*place)).collect();
    Some(Passed {
        found: found(&ways)?,
        places: places.into_iter().collect(),
    })
}

impl Library<'_> {
    /// The slot of the function that one calls last, if it is called as `method->ssl_write` calls
    /// `method->ssl_write_bytes (ssl, 23, buf, len, written)`.
    fn hands_on_to(&self, function: u64) -> Option<u64> {
        let trace = self.trace(function)?;
        let mut through_pointers = trace.calls.iter().filter(|call| call.target.is_none());
        let call = through_pointers.next()?;
        let is_all = through_pointers.next().is_none() && trace.complete;
        (is_all && is_for_application_data(call))
            .then_some(call.slot)
            .flatten()
    }
}

fn is_for_application_data(call: &Call) -> bool {
    let own = |place: usize, number: u8| call.arguments[place].is_only(Value::Argument(number));
    call.tail
        && own(0, 0)
        && call.arguments[1].is_only(Value::Constant(APPLICATION_DATA.into()))
        && own(2, 1)
        && own(3, 2)
        && own(4, 3)
}

/// What is found where, at the end of `int ssl_write_bytes(SSL *s, int type, const void *buf, size_t len, size_t *written)`.
fn found(ways: &[Way<'_>]) -> Option<Passage> {
    let [ssl, buffer, length, written] = [0, 2, 3, 4].map(Value::Argument);
    let kind = [Value::Argument(1), Value::Low(1)];
    let keeps = |way: &Way<'_>, place: Place, value: Value| way.contains(&(place, value));
    // Where the connection is on most ways, and its stead is taken by the length on the others.
    let connection = [ssl];
    let mut holders = ways.iter().flat_map(|way| holding(way, &connection));
    let holder = holders.find(|place| {
        let stands_for = |way: &Way<'_>| keeps(way, *place, ssl) || keeps(way, *place, length);
        ways.iter().all(stands_for)
    })?;
    let (usual, aside): (Vec<Way<'_>>, Vec<_>) = ways.iter().partition(|way| keeps(way, holder, ssl));
    let told = |ways: &[Way<'_>], values: &[Value]| encoded(common(ways, values)?);
    let (aside_ssl, aside_guard) = if aside.is_empty() {
        (UNKNOWN, UNKNOWN)
    } else {
        (told(&aside, &connection)?, told(&aside, &kind)?)
    };
    Some(Passage {
        ssl: encoded(holder)?,
        buffer: told(ways, &[buffer])?,
        count: told(ways, &[written])?,
        guard: told(&usual, &kind)?,
        wanted: APPLICATION_DATA,
        aside_ssl,
        aside_guard,
    })
}

/// The places where one of these values is found.
fn holding(way: Way<'_>, values: &[Value]) -> impl Iterator<Item = Place> {
    way.iter()
        .filter(move |(_, value)| values.contains(value))
        .map(|(place, _)| *place)
}

/// Where one of these values is found on all of these ways: the first that is the same on all.
fn common(ways: &[Way<'_>], values: &[Value]) -> Option<Place> {
    let (first, rest) = ways.split_first()?;
    let mut candidates = holding(first, values);
    candidates.find(|place| {
        rest.iter()
            .all(|way| holding(way, values).any(|other| other == *place))
    })
}

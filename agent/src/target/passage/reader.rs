//! Where reads pass by: behind the call of `ssl_read_bytes`.
//!
//! The function that `method->ssl_read` names need not make that call itself: often it serves `ssl_peek` as well, and is
//! told which by an argument. What is peeked at is read again, so that argument has to be looked at.
//!
//! Proven are: all that the function calls through a pointer is that call; nothing but the call leads to the place; and
//! what is needed is found there whichever way led there.

use std::collections::BTreeSet;

use ebpf::layout::{Passage, UNKNOWN};

use super::{APPLICATION_DATA, Library, Passed, Table, encoded};
use crate::code::{ARGUMENTS, Call, Trace, Value, Values};

/// Instructions behind the call among which the place must be.
const NEAR: usize = 8;

/// A function that reads, and how the arguments of `method->ssl_read`, or of another slot, reach it.
struct Reader {
    address: u64,
    trace: Trace,
    arguments: [Values; ARGUMENTS],
}

/// Where reads through a table pass by.
pub(super) fn passed(library: &Library<'_>, table: &Table) -> Option<Passed> {
    // Other tables that follow have some of the same functions.
    let functions: BTreeSet<u64> = table.values().copied().collect();
    let readers: Vec<Reader> = functions
        .into_iter()
        .filter_map(|function| library.reader(function))
        .collect();
    let mut found = readers.iter().filter_map(|reader| {
        let sharing = readers
            .iter()
            .filter(|other| other.address == reader.address && other.arguments != reader.arguments);
        reader.passed(library, &sharing.collect::<Vec<_>>())
    });
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

impl Library<'_> {
    /// The reader behind a slot, if that is one.
    fn reader(&self, function: u64) -> Option<Reader> {
        let trace = self.trace(function)?;
        let reader = match &trace.calls[..] {
            [call] if call.tail => {
                let address = call.target?;
                Reader {
                    address,
                    arguments: call.arguments.clone(),
                    trace: self.trace(address)?,
                }
            }
            _ => Reader {
                address: function,
                arguments: [0, 1, 2, 3, 4, 5].map(|number| Values::only(Value::Argument(number))),
                trace,
            },
        };
        let reads = reader.fetches().next().is_some() && reader.fetches().all(is_for_application_data);
        (reads && reader.trace.complete).then_some(reader)
    }

    /// The first emulated instruction straight behind a call.
    fn place_behind(&self, trace: &Trace, call: &Call) -> Option<u64> {
        trace.behind(call).take(NEAR).find(|at| self.is_emulated(*at))
    }
}

/// Whether a call is `ssl_read_bytes(ssl, 23, NULL, …)`.
fn is_for_application_data(call: &Call) -> bool {
    !call.tail
        && call.arguments[1].is_only(Value::Constant(APPLICATION_DATA.into()))
        && call.arguments[2].is_only(Value::Constant(0))
}

impl Reader {
    /// Its calls through a pointer.
    fn fetches(&self) -> impl Iterator<Item = &Call> {
        self.trace.calls.iter().filter(|call| call.target.is_none())
    }

    /// Where calls pass by; `None` if it peeks, or nothing is proven. `sharing` are those of other slots that it serves.
    fn passed(&self, library: &Library<'_>, sharing: &[&Self]) -> Option<Passed> {
        // int ssl_read(SSL *s, void *buf, size_t len, size_t *readbytes)
        let [ssl, buffer, length, count] = [0, 1, 2, 3].map(|number| self.position(Value::Argument(number)));
        let (ssl, buffer, length, count) = (ssl?, buffer?, length?, count?);
        let peek = self.peek(sharing)?;
        let hands_on = |call: &Call| {
            let [_, _, _, to, room, peeks] = &call.arguments;
            call.arguments[0].is_only(ssl)
                && to.is_only(buffer)
                && room.is_only(length)
                && peek.iter().any(|value| peeks.is_only(*value))
        };
        if !self.fetches().all(hands_on) {
            return None;
        }
        let places = self.fetches().map(|call| library.place_behind(&self.trace, call));
        let places: Vec<u64> = places.collect::<Option<_>>()?;
        let found = |values: &[Value]| common(&self.trace, &places, values);
        Some(Passed {
            found: Passage {
                ssl: found(&[ssl])?,
                buffer: found(&[buffer])?,
                count: found(&[count])?,
                guard: match peek {
                    [Value::Constant(_), _] => UNKNOWN,
                    _ => found(&peek)?,
                },
                wanted: 0,
                ..Passage::NONE
            },
            places,
        })
    }

    /// What of its own carries a value.
    fn position(&self, value: Value) -> Option<Value> {
        let mut found = (0..)
            .zip(&self.arguments)
            .filter(|(_, values)| values.is_only(value));
        let (number, _) = found.next()?;
        found.next().is_none().then_some(Value::Argument(number))
    }

    /// What tells it whether it shall only peek, whole or by half: 0 where it never does, or the argument that is 0 for
    /// `ssl_read` and 1 for the only other one that it serves.
    fn peek(&self, sharing: &[&Self]) -> Option<[Value; 2]> {
        let [other] = sharing else {
            return sharing.is_empty().then_some([Value::Constant(0); 2]);
        };
        let mut differing = (0..)
            .zip(self.arguments.iter().zip(&other.arguments))
            .filter(|(_, (own, others))| own != others);
        let (number, (own, others)) = differing.next()?;
        let told = own.is_only(Value::Constant(0))
            && others.is_only(Value::Constant(1))
            && differing.next().is_none();
        told.then_some([Value::Argument(number), Value::Low(number)])
    }
}

/// Where one of these values is found at all of these places: the first that is the same at all.
fn common(trace: &Trace, places: &[u64], values: &[Value]) -> Option<u32> {
    let at = |place: u64| values.iter().flat_map(move |value| trace.places(place, *value));
    let (first, rest) = places.split_first()?;
    let mut candidates = at(*first);
    let found = candidates.find(|candidate| {
        rest.iter()
            .all(|place| at(*place).any(|other| other == *candidate))
    });
    encoded(found?)
}

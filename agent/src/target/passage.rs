//! Where reads pass by: places inside the function that does the work, which each call passes with its result.
//!
//! A probe at a function's entry and another at its return are two traps, and a server that reads until nothing is left
//! pays them for the read that fails, too. OpenSSL reads through a table of functions, `SSL_METHOD`:
//!
//! ```text
//! SSL_read ─▶ ssl_read_internal ─▶ method->ssl_read (ssl, buf, len, readbytes)
//!                                    └─▶ method->ssl_read_bytes (ssl, 23, NULL, buf, len, peek, readbytes)
//!                                        ◀── here the result is known, and the arguments are still at hand
//! ```
//! The function that `method->ssl_read` names need not make that call itself: often it serves `ssl_peek` as well, and is
//! told which by an argument. What is peeked at is read again, so that argument has to be looked at.
//!
//! Such places are used only where the code of this very build proves them: the function is the one of the tables that
//! `TLS_method` and its like give; every way through it was followed; all that it calls through a pointer is that call;
//! nothing but the call leads to the place; what is needed is found there in registers or places of the frame whichever
//! way led there; and the kernel emulates the instruction. Otherwise probes go to entries and returns.
//!
//! There is no such place for writes in the builds that are known: what ends a write that moved data is shared with ways
//! on which the compiler no longer keeps the connection anywhere.

use std::collections::BTreeSet;
use std::sync::Arc;

use ebpf::layout::{Passage, STACK, UNKNOWN};

use super::emulation::Emulation;
use super::image::{Image, Machine};
use super::site::{self, Code as _};
use crate::code::{
    ARGUMENTS, Architecture, Call, Functions, Place, Pointers, Program, Trace, Value, Values, architecture,
};

/// Give the tables: all that are there must say the same.
pub(super) const TABLES: [&str; 3] = ["TLS_method", "TLS_client_method", "TLS_server_method"];
/// Pointers of a table that are looked at. Releases have about thirty.
const SLOTS: u64 = 40;
/// Bytes of a pointer.
const POINTER: u64 = 8;
/// `SSL3_RT_APPLICATION_DATA`
const APPLICATION_DATA: u64 = 23;
/// Bytes of the longest function that is followed. In known builds they have 250 at most.
const LONGEST: u64 = 2048;
/// Instructions behind the call among which the place must be.
const NEAR: usize = 8;

/// Where reads pass by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Passed {
    /// What is found where, at each of the places.
    pub(super) found: Passage,
    /// Addresses of the places. A call passes one of them, or one after the other, with the result of each attempt.
    pub(super) places: Vec<u64>,
}

/// Finds the places where reads of an image pass by; `None` if none are proven.
pub(super) fn find(image: &Image, emulation: &Emulation) -> Option<Passed> {
    if image.machine() != Machine::X86_64 {
        return None;
    }
    let program = Program::read(Arc::clone(image.file())).ok()?;
    let library = Library {
        functions: Functions::read(&program),
        pointers: Pointers::read(&program),
        architecture: architecture(program.machine())?,
        program,
        emulation,
    };
    let tables = TABLES.iter().filter_map(|name| image.symbol(name));
    let mut found = tables.map(|table| library.passed(&library.table(table.address)?));
    let first = found.next()??;
    found.all(|other| other.as_ref() == Some(&first)).then_some(first)
}

/// The code of a library, and what reads it.
struct Library<'a> {
    program: Program,
    functions: Functions,
    pointers: Pointers,
    architecture: &'static dyn Architecture,
    emulation: &'a Emulation,
}

/// A function that reads, and how the arguments of `method->ssl_read`, or of another slot, reach it.
struct Reader {
    address: u64,
    trace: Trace,
    arguments: [Values; ARGUMENTS],
}

impl Library<'_> {
    /// The functions of the table that a function gives, and perhaps those of the next table.
    fn table(&self, function: u64) -> Option<BTreeSet<u64>> {
        let [result] = &self.trace(function)?.results[..] else {
            return None;
        };
        let Value::Constant(table) = result.single()? else {
            return None;
        };
        let slots = (0..SLOTS).filter_map(|slot| {
            let pointer = self
                .pointers
                .at(&self.program, table.checked_add(slot * POINTER)?)?;
            self.program.is_code(pointer).then_some(pointer)
        });
        Some(slots.collect())
    }

    /// Follows the function that begins at an address, unless it is longer than any that is looked for.
    fn trace(&self, address: u64) -> Option<Trace> {
        let function = self.functions.containing(address)?;
        let fits = function.start == address && function.end - function.start <= LONGEST;
        fits.then(|| self.architecture.trace(&self.program, function))
    }

    fn passed(&self, table: &BTreeSet<u64>) -> Option<Passed> {
        let readers: Vec<Reader> = table
            .iter()
            .filter_map(|function| self.reader(*function))
            .collect();
        let mut found = readers.iter().filter_map(|reader| {
            let sharing = readers
                .iter()
                .filter(|other| other.address == reader.address && other.arguments != reader.arguments);
            reader.passed(self, &sharing.collect::<Vec<_>>())
        });
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }

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
        let emulated = |at: &u64| site::inspect(&self.program.instruction(*at), *at, self.emulation).emulated;
        trace.behind(call).take(NEAR).find(emulated)
    }
}

/// Whether a call is `ssl_read_bytes(ssl, 23, NULL, …)`.
fn is_for_application_data(call: &Call) -> bool {
    !call.tail
        && call.arguments[1].is_only(Value::Constant(APPLICATION_DATA))
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
    })?;
    Some(match found {
        Place::Register(number) => u32::from(number),
        Place::Stack(distance) => STACK | distance,
    })
    .filter(|place| *place != UNKNOWN)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::code::sample::{CODE, digits, program};

    /// mov r8,rcx; xor ecx,ecx; jmp to the reader
    const READ: &str = "4989c8 31c9 e90d000000";
    /// mov r8,rcx; mov ecx,1; jmp to the reader
    const PEEK: &str = "4989c8 b901000000 e900000000";
    /// As Debian's build of 3.0 does, but for what it does after the call: push rbx; push rbp; push r14; push r13;
    /// mov rbx,rdi; mov rbp,rsi; mov r14,r8; mov r13d,ecx; mov r9d,ecx; mov r8,rdx; mov rcx,rsi; mov esi,23;
    /// xor edx,edx; mov rax,[rdi+8]; sub rsp,8; push r14; call [rax+0x68]; pop rcx; pop rcx; cmp eax,-1; je to the next;
    /// pop r13; pop r14; pop rbp; pop rbx; ret
    const READER: &str = "53 55 4156 4155 4889fb 4889f5 4d89c6 4189cd 4189c9 4989d0 4889f1 be17000000 31d2 488b4708 \
                          4883ec08 4156 ff5068 59 59 83f8ff 7400 415d 415e 5d 5b c3";

    fn passed(reader: &str) -> Option<Passed> {
        let length = |code: &str| u32::try_from(digits(code).len()).unwrap();
        let mut start = CODE;
        let functions = [READ, PEEK, reader].map(|code| {
            let function = (start, length(code));
            start += u64::from(function.1);
            function
        });
        let program = program(&[READ, PEEK, reader].concat(), b"");
        let library = Library {
            functions: Functions::of(&functions),
            pointers: Pointers::default(),
            architecture: architecture(program.machine()).unwrap(),
            program,
            emulation: &Emulation::default(),
        };
        library.passed(&functions[..2].iter().map(|function| function.0).collect())
    }

    #[test]
    fn reads_pass_behind_the_call_that_fetches() {
        let passed = passed(READER).unwrap();
        let (rbx, rbp, r13, r14) = (3, 5, 13, 14);
        let found = Passage {
            ssl: rbx,
            buffer: rbp,
            count: r14,
            guard: r13,
            wanted: 0,
        };
        assert_eq!(passed.found, found);
        let reader = CODE + (digits(READ).len() + digits(PEEK).len()) as u64;
        // The branch and what follows it are nine bytes.
        let end = reader + digits(READER).len() as u64;
        assert_eq!(passed.places, [end - 9]);
    }

    #[rstest]
    #[case::nothing_tells_whether_it_peeks("4189cd 4189c9", "4531ed 4189c9")]
    #[case::buffer_is_kept_nowhere("4889f5", "4889d5")]
    #[case::count_is_kept_nowhere("4d89c6", "4d89ce")]
    #[case::result_is_changed_before("83f8ff", "83c001")]
    #[case::not_application_data("be17", "be16")]
    #[case::buffer_is_not_what_is_read_into("4889f1", "4889f9")]
    #[case::nothing_emulated_is_near("7400", "6690")]
    #[case::a_way_leads_anywhere("5b c3", "ffe0")]
    fn what_is_not_proven_is_no_place(#[case] instead_of: &str, #[case] code: &str) {
        assert!(READER.contains(instead_of));
        assert_eq!(passed(&READER.replace(instead_of, code)), None);
    }
}

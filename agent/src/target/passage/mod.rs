//! Where reads and writes pass by: places inside the functions that do the work, which each call passes with its result.
//!
//! A probe at a function's entry and another at its return are two traps, and a server that reads until nothing is left
//! pays them for the read that fails, too. OpenSSL reads and writes through a table of functions, `SSL_METHOD`:
//!
//! ```text
//! SSL_read ─▶ ssl_read_internal ─▶ method->ssl_read (ssl, buf, len, readbytes)
//!                                    └─▶ method->ssl_read_bytes (ssl, 23, NULL, buf, len, peek, readbytes)
//!                                        ◀── here the result is known, and the arguments are still at hand
//! SSL_write ─▶ ssl_write_internal ─▶ method->ssl_write (ssl, buf, len, written)
//!                                    └─▶ method->ssl_write_bytes (ssl, 23, buf, len, written)
//!                                         └── where it has succeeded, and nothing is left but to say so
//! ```
//! Such places are used only where the code of this very build proves them: the functions are those of the tables that
//! `TLS_method` and its like give; every way through them was followed; what is needed is found there in registers or
//! places of the frame; and the kernel emulates the instruction. [`reader`] and [`writer`] tell what else is proven.
//! Otherwise probes go to entries and returns.

mod reader;
mod writer;

use std::collections::BTreeMap;
use std::sync::Arc;

use ebpf::layout::{Passage, STACK, UNKNOWN};

use super::emulation::Emulation;
use super::image::{Image, Machine};
use super::site::{self, Code as _};
use crate::code::{Architecture, Function, Functions, Place, Pointers, Program, Trace, Value, architecture};

/// Give the tables: all that are there must say the same.
pub(super) const TABLES: [&str; 3] = ["TLS_method", "TLS_client_method", "TLS_server_method"];
/// Pointers of a table that are looked at. Releases have about thirty.
const SLOTS: u64 = 40;
/// Bytes of a pointer.
const POINTER: u64 = 8;
/// `SSL3_RT_APPLICATION_DATA`
const APPLICATION_DATA: u32 = 23;
/// Bytes of the longest function that is followed. `ssl_write_bytes` has about two thousand, all others less.
const LONGEST: u64 = 4096;

/// The functions of a table, by their distance from its start in bytes.
type Table = BTreeMap<u64, u64>;

/// Where calls pass by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Passed {
    /// What is found where, at each of the places.
    pub(super) found: Passage,
    /// Addresses of the places.
    pub(super) places: Vec<u64>,
}

/// Where reads and writes of an image pass by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Passages {
    /// A read passes one of the places, or one after the other, with the result of each attempt; `None` if none are proven.
    pub(super) read: Option<Passed>,
    /// A write that succeeds passes one of the places once, and no other does; `None` if none are proven.
    pub(super) write: Option<Passed>,
}

/// Finds the places where reads and writes of an image pass by.
pub(super) fn find(image: &Image, emulation: &Emulation) -> Passages {
    let Some(library) = Library::read(image, emulation) else {
        return Passages::default();
    };
    let tables = TABLES.iter().filter_map(|name| image.symbol(name));
    let tables: Option<Vec<Table>> = tables.map(|table| library.table(table.address)).collect();
    let tables = tables.unwrap_or_default();
    let all = |passed: fn(&Library<'_>, &Table) -> Option<Passed>| {
        let mut found = tables.iter().map(|table| passed(&library, table));
        let first = found.next()??;
        found.all(|other| other.as_ref() == Some(&first)).then_some(first)
    };
    Passages {
        read: all(reader::passed),
        write: all(writer::passed),
    }
}

/// The code of a library, and what reads it.
struct Library<'a> {
    program: Program,
    functions: Functions,
    pointers: Pointers,
    architecture: &'static dyn Architecture,
    emulation: &'a Emulation,
}

impl<'a> Library<'a> {
    fn read(image: &Image, emulation: &'a Emulation) -> Option<Self> {
        if image.machine() != Machine::X86_64 {
            return None;
        }
        let program = Program::read(Arc::clone(image.file())).ok()?;
        Some(Self {
            functions: Functions::read(&program),
            pointers: Pointers::read(&program),
            architecture: architecture(program.machine())?,
            program,
            emulation,
        })
    }

    /// The functions of the table that a function gives, and perhaps those of the next table.
    fn table(&self, function: u64) -> Option<Table> {
        let [result] = &self.trace(function)?.results[..] else {
            return None;
        };
        let Value::Constant(table) = result.single()? else {
            return None;
        };
        let slots = (0..SLOTS).filter_map(|slot| {
            let distance = slot * POINTER;
            let pointer = self.pointers.at(&self.program, table.checked_add(distance)?)?;
            self.program.is_code(pointer).then_some((distance, pointer))
        });
        Some(slots.collect())
    }

    /// The function that begins at an address, unless it is longer than any that is looked for.
    fn function(&self, address: u64) -> Option<Function> {
        let function = self.functions.containing(address)?;
        (function.start == address && function.end - function.start <= LONGEST).then_some(function)
    }

    /// Follows the function that begins at an address.
    fn trace(&self, address: u64) -> Option<Trace> {
        Some(self.architecture.trace(&self.program, self.function(address)?))
    }

    /// Whether the kernel emulates an instruction.
    fn is_emulated(&self, at: u64) -> bool {
        site::inspect(&self.program.instruction(at), at, self.emulation).emulated
    }
}

/// How the kernel's programs are told where a value is found.
fn encoded(place: Place) -> Option<u32> {
    let place = match place {
        Place::Register(number) => u32::from(number),
        Place::Stack(distance) => STACK | distance,
    };
    (place != UNKNOWN).then_some(place)
}

#[cfg(test)]
mod tests;

//! An ELF file that may hold a TLS library: its wanted symbols, and its code by address.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use ebpf::function::Function;

use super::{accessor, family, passage};
pub use crate::code::{ElfError as ImageError, Machine, Symbol};

mod elf;

/// A part of the file that is mapped to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Segment {
    address: u64,
    offset: u64,
    size: u64,
}

/// An ELF image: wanted symbols, dependencies, and code that is read when asked for.
#[derive(Debug)]
pub struct Image {
    file: Arc<File>,
    machine: Machine,
    segments: Vec<Segment>,
    symbols: HashMap<&'static str, Symbol>,
    /// `DT_NEEDED`: names of the libraries that it loads.
    needed: Vec<String>,
    /// `DT_SONAME`: the name that others load it by.
    soname: Option<String>,
}

impl Image {
    /// Reads the tables of a file.
    ///
    /// # Errors
    /// If it is not an ELF file of this kind, broken, or unreadable.
    pub fn read(file: Arc<File>) -> Result<Self, ImageError> {
        let tables = elf::read(&file, wanted)?;
        Ok(Self {
            file,
            machine: tables.machine,
            segments: tables.segments,
            symbols: tables.symbols,
            needed: tables.needed,
            soname: tables.soname,
        })
    }

    /// The file it was read from.
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// What its code runs on.
    pub fn machine(&self) -> Machine {
        self.machine
    }

    /// The function of this name, if the image defines it and its code is in the file.
    ///
    /// Only names that discovery asks for are known: hooked functions, accessors and family marks.
    pub fn symbol(&self, name: &str) -> Option<Symbol> {
        let symbol = *self.symbols.get(name)?;
        self.file_offset(symbol.address)?;
        Some(symbol)
    }

    /// Whether the image defines a function of this name.
    pub fn defines(&self, name: &str) -> bool {
        self.symbol(name).is_some()
    }

    /// Whether it is a TLS library with OpenSSL's interface, rather than a user of one.
    pub fn is_tls(&self) -> bool {
        let needs = [
            Function::SslNew,
            Function::SslFree,
            Function::SslRead,
            Function::SslWrite,
        ];
        needs.iter().all(|function| self.defines(function.symbol()))
    }

    /// Whether it holds the certificate code that belongs to a TLS library.
    pub fn is_crypto(&self) -> bool {
        self.defines(accessor::CERTIFICATE_ENCODER)
    }

    /// Names of the libraries that it loads.
    pub fn needed(&self) -> &[String] {
        &self.needed
    }

    /// The name that others load it by.
    pub fn soname(&self) -> Option<&str> {
        self.soname.as_deref()
    }

    /// Where in the file the code at a virtual address is.
    pub fn file_offset(&self, address: u64) -> Option<u64> {
        let segment = self.segment(address)?;
        segment.offset.checked_add(address - segment.address)
    }

    /// Copies code from a virtual address on; gives how many bytes there were before the segment's end.
    pub fn code(&self, address: u64, buffer: &mut [u8]) -> usize {
        let Some(segment) = self.segment(address) else {
            return 0;
        };
        let skip = address - segment.address;
        let left = usize::try_from(segment.size - skip).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let Some(offset) = segment.offset.checked_add(skip) else {
            return 0;
        };
        self.file.read_at(&mut buffer[..wanted], offset).unwrap_or(0)
    }

    fn segment(&self, address: u64) -> Option<&Segment> {
        let holds = |segment: &&Segment| {
            address
                .checked_sub(segment.address)
                .is_some_and(|skip| skip < segment.size)
        };
        self.segments.iter().find(holds)
    }
}

/// The static form of a symbol's name, if discovery asks for it.
fn wanted(name: &[u8]) -> Option<&'static str> {
    let hooked = Function::ALL.iter().map(|function| function.symbol());
    hooked
        .chain(accessor::SYMBOLS)
        .chain(family::MARKERS)
        .chain(passage::TABLES)
        .find(|symbol| symbol.as_bytes() == name)
}

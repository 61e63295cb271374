//! Reading of ELF headers that several readers share.

use object::elf::{self, EM_AARCH64, EM_X86_64};
use object::read::elf::FileHeader;
use object::{LittleEndian, read};

use super::Machine;

/// A 64-bit little-endian file header.
pub(crate) type Header = elf::FileHeader64<LittleEndian>;

/// Why a file is not an image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ElfError {
    /// It is something else.
    #[error("not a 64-bit little-endian ELF file")]
    NotElf,
    /// Its own tables contradict each other or the file's length.
    #[error("broken ELF file: {0}")]
    Broken(String),
    /// A table is larger than any real one.
    #[error("its {name} have size {size}, more than the {limit} that are read")]
    TooLarge {
        /// What is too large.
        name: &'static str,
        /// Its size, in bytes or entries.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// The file could not be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
}

/// What the file's code runs on.
pub(crate) fn machine(header: &Header) -> Machine {
    match header.e_machine(LittleEndian) {
        EM_X86_64 => Machine::X86_64,
        EM_AARCH64 => Machine::Aarch64,
        other => Machine::Other(other.0),
    }
}

/// Refuses a size above a limit.
pub(crate) fn check(name: &'static str, size: u64, limit: u64) -> Result<(), ElfError> {
    if size > limit {
        return Err(ElfError::TooLarge { name, size, limit });
    }
    Ok(())
}

/// What the reader of tables complains about.
pub(crate) fn broken(error: read::Error) -> ElfError {
    ElfError::Broken(error.to_string())
}

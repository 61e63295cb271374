//! The plain facts of an ELF file: what it runs on, what is loaded where, and where a function is.

/// What the code of an image runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// x86-64.
    X86_64,
    /// 64-bit Arm.
    Aarch64,
    /// Another one, with its ELF number.
    Other(u16),
}

/// A function that an image defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Virtual address in the file's own numbering.
    pub address: u64,
    /// Length in bytes; 0 if unknown.
    pub size: u64,
}

/// A part of the file that is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Virtual address in the file's own numbering.
    pub address: u64,
    /// Byte offset in the file.
    pub offset: u64,
    /// Bytes that come from the file.
    pub size: u64,
    /// Whether it is mapped to run.
    pub executable: bool,
    /// Whether the program may change it.
    pub writable: bool,
}

impl Segment {
    /// How far into the segment an address lies; `None` if it does not.
    pub fn position(&self, address: u64) -> Option<u64> {
        address.checked_sub(self.address).filter(|&skip| skip < self.size)
    }
}

//! Pointers in data that the loader puts right: what they will hold.

use std::collections::BTreeMap;

use object::elf::{DT_RELA, DT_RELASZ, R_X86_64_RELATIVE};

use super::Program;

/// Bytes of the table of relocations that are read. Browsers have about twenty million.
const TABLE_LIMIT: u64 = 64 << 20;
/// Bytes of one relocation: where, what kind and whose, and what is added.
const RELOCATION: usize = 24;
/// Entries of the dynamic section that are read. Real files have about thirty.
const ENTRIES: usize = 256;

/// The pointers of a program, as they will be once it is loaded at the addresses that its file states.
#[derive(Debug, Default)]
pub struct Pointers {
    /// By their address. Only those that point into the program itself.
    relocated: BTreeMap<u64, u64>,
}

impl Pointers {
    /// Reads the relocations of a program (ELF gABI, "Relocation"; x86-64 psABI, `R_X86_64_RELATIVE`). Packed ones
    /// (`DT_RELR`) need not be read: their values stand in the file.
    pub fn read(program: &Program) -> Self {
        Self {
            relocated: relocations(program).unwrap_or_default(),
        }
    }

    /// The pointer at an address; `None` if there is none, or it is null.
    pub fn at(&self, program: &Program, address: u64) -> Option<u64> {
        if let Some(pointer) = self.relocated.get(&address) {
            return Some(*pointer);
        }
        let mut bytes = [0; 8];
        let pointer =
            (program.bytes(address, &mut bytes) == bytes.len()).then(|| u64::from_le_bytes(bytes))?;
        (pointer != 0).then_some(pointer)
    }
}

fn relocations(program: &Program) -> Option<BTreeMap<u64, u64>> {
    let (mut table, mut size) = (None, None);
    let dynamic = program.dynamic()?;
    let mut bytes = vec![0; usize::try_from(dynamic.size).ok()?.min(ENTRIES * 16)];
    let length = program.bytes(dynamic.address, &mut bytes);
    for entry in bytes[..length].chunks_exact(16) {
        let (tag, value) = (word(entry, 0)?, word(entry, 8)?);
        match i64::try_from(tag) {
            Ok(tag) if tag == DT_RELA.0 => table = Some(value),
            Ok(tag) if tag == DT_RELASZ.0 => size = Some(value),
            _ => {}
        }
    }
    let mut bytes = vec![0; usize::try_from(size?.min(TABLE_LIMIT)).ok()?];
    let length = program.bytes(table?, &mut bytes);
    let relocations = bytes[..length].chunks_exact(RELOCATION).filter_map(|entry| {
        let (address, info, addend) = (word(entry, 0)?, word(entry, 8)?, word(entry, 16)?);
        (info == u64::from(R_X86_64_RELATIVE.0)).then_some((address, addend))
    });
    Some(relocations.collect())
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    let word = bytes.get(at..)?.first_chunk()?;
    Some(u64::from_le_bytes(*word))
}

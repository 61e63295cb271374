//! Bounded reading of ELF tables. Only the tables are read, never the whole file.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;

use ebpf::function::Function;
use object::elf::{
    self, DT_NEEDED, DT_SONAME, PF_X, PT_LOAD, SHN_UNDEF, SHT_DYNAMIC, SHT_DYNSYM, SHT_STRTAB, SHT_SYMTAB,
    STT_FUNC,
};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader, Sym};
use object::{LittleEndian, ReadCache};

use super::{ImageError, Machine, Segment, Symbol};
use crate::code::{Header, broken, check, machine};

/// Bytes of one symbol or string table that are read. Node, which exports its TLS library from a hundred
/// megabytes, has tables of five.
const TABLE_LIMIT: u64 = 64 << 20;
/// Section or program headers that are read. A shared library has about thirty.
const HEADERS_LIMIT: u64 = 1 << 16;
/// Names of needed libraries that are kept.
const NEEDED_LIMIT: usize = 256;

type Section = elf::SectionHeader64<LittleEndian>;
type Data<'data> = &'data ReadCache<&'data File>;

/// What is read from a file.
pub(super) struct Tables {
    pub(super) machine: Machine,
    pub(super) segments: Vec<Segment>,
    pub(super) symbols: HashMap<&'static str, Symbol>,
    pub(super) needed: Vec<String>,
    pub(super) soname: Option<String>,
}

/// Reads the tables; `wanted` names the symbols to keep.
pub(super) fn read(
    file: &File,
    wanted: impl Fn(&[u8]) -> Option<&'static str>,
) -> Result<Tables, ImageError> {
    let unreadable = |error: std::io::Error| ImageError::Unreadable(error.to_string());
    if file.metadata().map_err(unreadable)?.len() < size_of::<Header>() as u64 {
        return Err(ImageError::NotElf);
    }
    let cache = ReadCache::new(file);
    let data = &cache;
    let header = Header::parse(data).map_err(|_| ImageError::NotElf)?;
    header.endian().map_err(|_| ImageError::NotElf)?;

    let count = header.shnum(LittleEndian, data).map_err(broken)?;
    check("section headers", u64::from(count), HEADERS_LIMIT)?;
    let sections = header.section_headers(LittleEndian, data).map_err(broken)?;
    let mut tables = Tables {
        machine: machine(header),
        segments: segments(header, data)?,
        symbols: HashMap::new(),
        needed: Vec::new(),
        soname: None,
    };
    // The dynamic table first: it is what the loader uses, and it survives stripping. Where it has the
    // library, the other one, which is often larger, has nothing to add.
    let mut found = Symbols::default();
    for kind in [SHT_DYNSYM, SHT_SYMTAB] {
        for section in sections
            .iter()
            .filter(|section| section.sh_type(LittleEndian) == kind)
        {
            found.read(section, sections, data, &wanted)?;
        }
        found.settle();
        if found.settled.contains_key(Function::SslNew.symbol()) {
            break;
        }
    }
    tables.symbols = found.settled;
    if let Some(section) = sections
        .iter()
        .find(|section| section.sh_type(LittleEndian) == SHT_DYNAMIC)
    {
        dynamic(section, sections, data, &mut tables)?;
    }
    Ok(tables)
}

/// Functions found so far. A name with two addresses in one table is nobody's.
#[derive(Default)]
struct Symbols {
    settled: HashMap<&'static str, Symbol>,
    current: HashMap<&'static str, Option<Symbol>>,
}

impl Symbols {
    fn read(
        &mut self,
        section: &Section,
        sections: &[Section],
        data: Data<'_>,
        wanted: &impl Fn(&[u8]) -> Option<&'static str>,
    ) -> Result<(), ImageError> {
        let names = linked_strings(section, sections, data)?;
        let symbols: &[elf::Sym64<LittleEndian>] = checked(section, "symbols", data)?;
        for symbol in symbols {
            let defined = symbol.st_shndx(LittleEndian) != SHN_UNDEF && symbol.st_value(LittleEndian) != 0;
            if !defined || symbol.st_type() != STT_FUNC {
                continue;
            }
            let Some(name) = string(names, symbol.st_name(LittleEndian).into()).and_then(wanted) else {
                continue;
            };
            let symbol = Symbol {
                address: symbol.st_value(LittleEndian),
                size: symbol.st_size(LittleEndian),
            };
            match self.current.entry(name) {
                Entry::Vacant(entry) => {
                    entry.insert(Some(symbol));
                }
                Entry::Occupied(mut entry) => {
                    if entry.get().is_none_or(|known| known.address != symbol.address) {
                        entry.insert(None);
                    }
                }
            }
        }
        Ok(())
    }

    /// Keeps what this table told where earlier ones were silent.
    fn settle(&mut self) {
        for (name, symbol) in self.current.drain() {
            if let Some(symbol) = symbol {
                self.settled.entry(name).or_insert(symbol);
            }
        }
    }
}

/// The parts that are mapped to run.
fn segments(header: &Header, data: Data<'_>) -> Result<Vec<Segment>, ImageError> {
    let count = header.phnum(LittleEndian, data).map_err(broken)?;
    check("program headers", u64::from(count), HEADERS_LIMIT)?;
    let headers = header.program_headers(LittleEndian, data).map_err(broken)?;
    let runs = headers.iter().filter(|header| {
        header.p_type(LittleEndian) == PT_LOAD && header.p_flags(LittleEndian).contains(PF_X)
    });
    Ok(runs
        .map(|header| Segment {
            address: header.p_vaddr(LittleEndian),
            offset: header.p_offset(LittleEndian),
            size: header.p_filesz(LittleEndian),
        })
        .collect())
}

/// Which libraries the file loads, and its own name as one.
fn dynamic(
    section: &Section,
    sections: &[Section],
    data: Data<'_>,
    tables: &mut Tables,
) -> Result<(), ImageError> {
    let names = linked_strings(section, sections, data)?;
    let entries: &[elf::Dyn64<LittleEndian>] = checked(section, "dynamic", data)?;
    for entry in entries {
        let text = || {
            let bytes = string(names, entry.d_val.get(LittleEndian))?;
            Some(String::from_utf8_lossy(bytes).into_owned())
        };
        match entry.d_tag.get(LittleEndian) {
            DT_NEEDED if tables.needed.len() < NEEDED_LIMIT => tables.needed.extend(text()),
            DT_SONAME => tables.soname = text(),
            _ => {}
        }
    }
    Ok(())
}

fn linked_strings<'data>(
    section: &Section,
    sections: &[Section],
    data: Data<'data>,
) -> Result<&'data [u8], ImageError> {
    let linked = sections
        .get(section.sh_link(LittleEndian) as usize)
        .filter(|linked| linked.sh_type(LittleEndian) == SHT_STRTAB)
        .ok_or_else(|| ImageError::Broken("a table without its strings".into()))?;
    checked(linked, "strings", data)
}

/// The contents of a section, unless it is too large.
fn checked<'data, T: object::Pod>(
    section: &Section,
    name: &'static str,
    data: Data<'data>,
) -> Result<&'data [T], ImageError> {
    check(name, section.sh_size(LittleEndian), TABLE_LIMIT)?;
    section.data_as_array(LittleEndian, data).map_err(broken)
}

/// The bytes up to the next NUL.
fn string(table: &[u8], start: u64) -> Option<&[u8]> {
    let rest = table.get(usize::try_from(start).ok()?..)?;
    let end = rest.iter().position(|&byte| byte == 0)?;
    Some(&rest[..end])
}

//! What a file says about itself beside its segments: its build, and where the extents of its functions are.

use std::fs::File;

use gimli::{BaseAddresses, EhFrameHdr, LittleEndian as Little, Pointer};
use object::elf::{NT_GNU_BUILD_ID, PT_GNU_EH_FRAME, PT_NOTE, ProgramHeader64};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};
use object::{LittleEndian, ReadCache, ReadRef};

use super::Segment;
use super::elf::Header;

type Programs = [ProgramHeader64<LittleEndian>];
type Data<'data> = &'data ReadCache<&'data File>;

/// Bytes of one segment of notes that are read.
const NOTES_LIMIT: u64 = 1 << 16;
/// Longest build number. Linkers give 8 to 32 bytes.
const BUILD_ID_LIMIT: usize = 64;
/// Section headers, and bytes of their names, that are read.
const SECTIONS_LIMIT: u32 = 1 << 16;
const NAMES_LIMIT: u64 = 4 << 20;
/// Bytes at the start of the index of extents: it says there where the extents themselves are.
const INDEX_HEAD: u64 = 64;

/// A place in a loaded file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Virtual address.
    pub(super) address: u64,
    /// Bytes, at most.
    pub(super) size: u64,
}

/// The number that the linker gave this build.
pub(super) fn build_id(headers: &Programs, data: Data<'_>) -> Option<Vec<u8>> {
    let notes = headers.iter().filter(|header| {
        header.p_type(LittleEndian) == PT_NOTE && header.p_filesz(LittleEndian) <= NOTES_LIMIT
    });
    for header in notes {
        let Ok(Some(mut notes)) = header.notes(LittleEndian, data) else {
            continue;
        };
        while let Ok(Some(note)) = notes.next() {
            let description = note.desc();
            let plausible = !description.is_empty() && description.len() <= BUILD_ID_LIMIT;
            if note.name() == b"GNU" && note.n_type(LittleEndian) == NT_GNU_BUILD_ID && plausible {
                return Some(description.to_vec());
            }
        }
    }
    None
}

/// Where the extents of the functions are: what the section header says, else what the index says that the loader
/// finds. Some files have the section and no index, others no section headers.
pub(super) fn unwind(
    header: &Header,
    headers: &Programs,
    segments: &[Segment],
    data: Data<'_>,
) -> Option<Place> {
    let place = section(header, data).or_else(|| index(headers, data))?;
    let segment = segments
        .iter()
        .find(|segment| segment.position(place.address).is_some())?;
    let left = segment.size - segment.position(place.address)?;
    Some(Place {
        address: place.address,
        size: place.size.min(left),
    })
}

fn section(header: &Header, data: Data<'_>) -> Option<Place> {
    if header.shnum(LittleEndian, data).ok()? > SECTIONS_LIMIT {
        return None;
    }
    let names = header.section_strings_index(LittleEndian, data).ok()?;
    let plain = header.section_headers(LittleEndian, data).ok()?;
    if plain.get(names.0)?.sh_size(LittleEndian) > NAMES_LIMIT {
        return None;
    }
    let sections = header.sections(LittleEndian, data).ok()?;
    let (_, found) = sections.section_by_name(LittleEndian, b".eh_frame")?;
    Some(Place {
        address: found.sh_addr(LittleEndian),
        size: found.sh_size(LittleEndian),
    })
}

fn index(headers: &Programs, data: Data<'_>) -> Option<Place> {
    let header = headers
        .iter()
        .find(|header| header.p_type(LittleEndian) == PT_GNU_EH_FRAME)?;
    let size = header.p_filesz(LittleEndian).min(INDEX_HEAD);
    let bytes = data.read_bytes_at(header.p_offset(LittleEndian), size).ok()?;
    let bases = BaseAddresses::default().set_eh_frame_hdr(header.p_vaddr(LittleEndian));
    let parsed = EhFrameHdr::new(bytes, Little).parse(&bases, 8).ok()?;
    let Pointer::Direct(address) = parsed.eh_frame_ptr() else {
        return None;
    };
    Some(Place {
        address,
        size: u64::MAX,
    })
}

//! An ELF file as its loader sees it: what lies at which address.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use object::elf::{ET_EXEC, PF_W, PF_X, PT_DYNAMIC, PT_LOAD};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{LittleEndian, ReadCache};

use super::elf::{Header, broken, check, machine};
use super::notes::{self, Place};
use super::{ElfError, Machine, Segment};

/// Loaded segments that are read. Real files have at most about twenty.
const SEGMENTS_LIMIT: u64 = 64;
/// Program headers that are read.
const HEADERS_LIMIT: u64 = 1 << 10;
/// Bytes that all segments may have together: it bounds the time that any file takes. The largest browsers have a
/// fifth of it.
const SIZE_LIMIT: u64 = 2 << 30;
/// Longest text that is read, with its end.
const TEXT_LIMIT: usize = 256;

/// An executable or library, open for reading by address.
#[derive(Debug)]
pub struct Program {
    file: Arc<File>,
    machine: Machine,
    fixed: bool,
    segments: Vec<Segment>,
    build_id: Option<Vec<u8>>,
    unwind: Option<Place>,
    dynamic: Option<Place>,
}

impl Program {
    /// Reads the headers of a file.
    ///
    /// # Errors
    /// If it is not an ELF file of this kind, broken, larger than any real one, or unreadable.
    pub fn read(file: Arc<File>) -> Result<Self, ElfError> {
        let unreadable = |error: std::io::Error| ElfError::Unreadable(error.to_string());
        let length = file.metadata().map_err(unreadable)?.len();
        if length < size_of::<Header>() as u64 {
            return Err(ElfError::NotElf);
        }
        let reader = Arc::clone(&file);
        let cache = ReadCache::new(&*reader);
        let header = Header::parse(&cache).map_err(|_| ElfError::NotElf)?;
        header.endian().map_err(|_| ElfError::NotElf)?;
        let count = header.phnum(LittleEndian, &cache).map_err(broken)?;
        check("program headers", u64::from(count), HEADERS_LIMIT)?;
        let headers = header.program_headers(LittleEndian, &cache).map_err(broken)?;

        let mut segments = Vec::new();
        for header in headers {
            if header.p_type(LittleEndian) != PT_LOAD {
                continue;
            }
            let flags = header.p_flags(LittleEndian);
            let offset = header.p_offset(LittleEndian);
            let segment = Segment {
                address: header.p_vaddr(LittleEndian),
                offset,
                size: header.p_filesz(LittleEndian).min(length.saturating_sub(offset)),
                executable: flags.contains(PF_X),
                writable: flags.contains(PF_W),
            };
            if segment.address.checked_add(segment.size).is_none() {
                return Err(ElfError::Broken(
                    "a segment reaches beyond the last address".into(),
                ));
            }
            segments.push(segment);
        }
        check("segments", segments.len() as u64, SEGMENTS_LIMIT)?;
        let size = segments
            .iter()
            .fold(0, |sum: u64, segment| sum.saturating_add(segment.size));
        check("loaded bytes", size, SIZE_LIMIT)?;

        let dynamic = headers
            .iter()
            .find(|header| header.p_type(LittleEndian) == PT_DYNAMIC)
            .map(|header| Place {
                address: header.p_vaddr(LittleEndian),
                size: header.p_filesz(LittleEndian),
            });
        let build_id = notes::build_id(headers, &cache);
        let unwind = notes::unwind(header, headers, &segments, &cache);
        let (machine, fixed) = (machine(header), header.e_type(LittleEndian) == ET_EXEC);
        Ok(Self {
            file,
            machine,
            fixed,
            segments,
            build_id,
            unwind,
            dynamic,
        })
    }

    /// What its code runs on.
    pub fn machine(&self) -> Machine {
        self.machine
    }

    /// Whether it runs at the addresses that its file states, so that code may hold them as they are.
    pub fn is_fixed(&self) -> bool {
        self.fixed
    }

    /// What is loaded, in the file's order.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The number that the linker gave this build (`NT_GNU_BUILD_ID`), if it did.
    pub fn build_id(&self) -> Option<&[u8]> {
        self.build_id.as_deref()
    }

    /// Where the table of the functions' extents is (`.eh_frame`): address, and bytes at most.
    pub(super) fn unwind(&self) -> Option<Place> {
        self.unwind
    }

    /// Where its dynamic section is.
    pub(super) fn dynamic(&self) -> Option<Place> {
        self.dynamic
    }

    /// Where in the file the byte at an address is.
    pub fn file_offset(&self, address: u64) -> Option<u64> {
        let segment = self.segment(address)?;
        segment.offset.checked_add(segment.position(address)?)
    }

    /// Whether an address lies in what is mapped to run and not to be changed.
    pub fn is_code(&self, address: u64) -> bool {
        self.segment(address)
            .is_some_and(|segment| segment.executable && !segment.writable)
    }

    /// Copies what lies at an address; gives how many bytes there were before the segment's end.
    pub fn bytes(&self, address: u64, buffer: &mut [u8]) -> usize {
        let Some((segment, skip)) = self
            .segment(address)
            .and_then(|segment| Some((segment, segment.position(address)?)))
        else {
            return 0;
        };
        let left = usize::try_from(segment.size - skip).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        match segment.offset.checked_add(skip) {
            Some(offset) => self.read_at(offset, &mut buffer[..wanted]),
            None => 0,
        }
    }

    /// The NUL-ended text at an address that the program cannot change; `None` if it is none, not ASCII, or longer
    /// than 255 bytes.
    pub fn text(&self, address: u64) -> Option<String> {
        self.segment(address).filter(|segment| !segment.writable)?;
        let mut buffer = [0; TEXT_LIMIT];
        let length = self.bytes(address, &mut buffer);
        let end = buffer[..length].iter().position(|&byte| byte == 0)?;
        let text = std::str::from_utf8(&buffer[..end]).ok()?;
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        printable.then(|| text.to_owned())
    }

    /// As many bytes as there are at an offset of the file; a file that was cut short just has fewer.
    pub(super) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> usize {
        let mut done = 0;
        while done < buffer.len() {
            match self.file.read_at(&mut buffer[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        done
    }

    fn segment(&self, address: u64) -> Option<&Segment> {
        self.segments
            .iter()
            .find(|segment| segment.position(address).is_some())
    }
}

//! Where constant texts lie.

use memchr::memmem::Finder;

use super::{Program, chunks};

/// Longest text that is walked back over.
const LONGEST: usize = 512;
/// Texts that are kept. A library states a file's name once, or a few times where it is not merged.
const LIMIT: usize = 64;

/// A constant text in a program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text {
    /// Address of its first printable byte. The text proper may begin later: the linker need not end what stands
    /// before it with a NUL.
    pub start: u64,
    /// Address of the NUL that ends it.
    pub end: u64,
    /// What stands there.
    pub text: String,
}

/// The constant texts that end so, each with a NUL after it, in the order of their addresses.
pub fn ending_with(program: &Program, suffix: &str) -> Vec<Text> {
    let needle = [suffix.as_bytes(), b"\0"].concat();
    let finder = Finder::new(&needle);
    let mut found = Vec::new();
    for segment in program.segments().iter().filter(|segment| !segment.writable) {
        chunks::each(program, segment, LONGEST + needle.len(), |address, bytes| {
            for position in finder.find_iter(bytes) {
                if found.len() == LIMIT {
                    return;
                }
                let end = position + suffix.len();
                let printable = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
                let run = bytes[..end]
                    .iter()
                    .rev()
                    .take(LONGEST)
                    .take_while(|&byte| printable(byte));
                let start = end - run.count();
                found.push(Text {
                    start: address + start as u64,
                    end: address + end as u64,
                    text: String::from_utf8_lossy(&bytes[start..end]).into_owned(),
                });
            }
        });
    }
    // Where pieces overlap, a text is seen twice, and may be cut at the start of the second.
    found.sort_by_key(|text| (text.end, text.start));
    found.dedup_by_key(|text| text.end);
    found
}

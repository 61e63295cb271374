//! `/proc/PID/maps`: which files a process runs code from.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Appended by the kernel to the path of a file that is gone.
const DELETED: &[u8] = b" (deleted)";

/// A mapping of a file that code runs from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Mapping {
    /// First address.
    pub(super) start: u64,
    /// First address after it.
    pub(super) end: u64,
    /// Device, as the kernel prints it. On some file systems it is not the device that `stat` gives.
    pub(super) device: (u32, u32),
    /// Inode number on that device.
    pub(super) inode: u64,
    /// Path, as the process names it.
    pub(super) path: PathBuf,
}

impl Mapping {
    /// Name of the link below `map_files` that leads to the file itself.
    pub(super) fn link(&self) -> String {
        format!("{:x}-{:x}", self.start, self.end)
    }

    /// The file's name.
    pub(super) fn file_name(&self) -> &[u8] {
        self.path.file_name().map_or(b"", OsStr::as_bytes)
    }
}

/// The executable file mappings, one for each file: the first.
pub(super) fn executable_files(maps: &[u8]) -> Vec<Mapping> {
    let mut seen = HashSet::new();
    maps.split(|&byte| byte == b'\n')
        .filter_map(executable_file)
        .filter(|mapping| seen.insert((mapping.device, mapping.inode)))
        .collect()
}

/// One line: `start-end perms offset major:minor inode   path`.
fn executable_file(line: &[u8]) -> Option<Mapping> {
    let mut fields = line.splitn(6, |&byte| byte == b' ');
    let (start, end) = pair(fields.next()?, b'-')?;
    let permissions = fields.next()?;
    let _offset = fields.next()?;
    let (major, minor) = pair(fields.next()?, b':')?;
    let inode = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    let path = fields.next()?.trim_ascii_start();
    if permissions.get(2) != Some(&b'x') || inode == 0 || !path.starts_with(b"/") {
        return None;
    }
    Some(Mapping {
        start,
        end,
        device: (u32::try_from(major).ok()?, u32::try_from(minor).ok()?),
        inode,
        path: Path::new(OsStr::from_bytes(&unescaped(
            path.strip_suffix(DELETED).unwrap_or(path),
        )))
        .to_owned(),
    })
}

fn pair(field: &[u8], separator: u8) -> Option<(u64, u64)> {
    let text = std::str::from_utf8(field).ok()?;
    let (left, right) = text.split_once(char::from(separator))?;
    Some((
        u64::from_str_radix(left, 16).ok()?,
        u64::from_str_radix(right, 16).ok()?,
    ))
}

/// The kernel writes a newline in a path as `\012`, and nothing else so.
fn unescaped(path: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&first, tail)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(b"\\012") {
            plain.push(b'\n');
            rest = after;
        } else {
            plain.push(first);
            rest = tail;
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::plain(
        "7f0a1000-7f0a5000 r-xp 00001000 fe:01 4242                  /usr/lib/libssl.so.3",
        Some("/usr/lib/libssl.so.3")
    )]
    #[case::spaces(
        "7f0a1000-7f0a5000 r-xp 00001000 fe:01 4242 /opt/my app/lib ssl.so",
        Some("/opt/my app/lib ssl.so")
    )]
    #[case::deleted(
        "7f0a1000-7f0a5000 r-xp 00001000 fe:01 4242 /usr/lib/libssl.so.3 (deleted)",
        Some("/usr/lib/libssl.so.3")
    )]
    #[case::newline("7f0a1000-7f0a5000 r-xp 00001000 fe:01 4242 /tmp/a\\012b", Some("/tmp/a\nb"))]
    #[case::memory_file(
        "7f0a1000-7f0a5000 r-xp 00000000 00:01 77 /memfd:jit (deleted)",
        Some("/memfd:jit")
    )]
    #[case::data("7f0a1000-7f0a5000 r--p 00001000 fe:01 4242 /usr/lib/libssl.so.3", None)]
    #[case::anonymous("7f0a1000-7f0a5000 r-xp 00000000 00:00 0 ", None)]
    #[case::kernel_code(
        "7ffd1000-7ffd3000 r-xp 00000000 00:00 0                          [vdso]",
        None
    )]
    #[case::truncated("7f0a1000-7f0a5000 r-xp 0000", None)]
    #[case::no_numbers("x-y r-xp 00001000 fe:01 z /lib", None)]
    fn lines(#[case] line: &str, #[case] path: Option<&str>) {
        let found = executable_file(line.as_bytes());
        assert_eq!(found.as_ref().map(|mapping| mapping.path.to_str().unwrap()), path);
    }

    #[test]
    fn a_file_is_listed_once_and_its_link_has_no_padding() {
        let maps = b"00400000-00500000 r-xp 00000000 fe:01 7 /bin/a\n\
            00600000-00700000 r-xp 00200000 fe:01 7 /bin/a\n\
            7f0000000000-7f0000001000 r-xp 00000000 fe:02 7 /lib/b\n";
        let files = executable_files(maps);
        assert_eq!(files.len(), 2);
        assert_eq!(files[0].link(), "400000-500000");
        assert_eq!(files[1].file_name(), b"b");
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed(bytes: Vec<u8>) {
            executable_files(&bytes);
        }

        #[test]
        fn any_path_is_kept(path in "/[^\n\\\\]{1,40}") {
            prop_assume!(!path.ends_with(" (deleted)"));
            let line = format!("1000-2000 r-xp 00000000 01:02 3 {path}");
            prop_assert_eq!(executable_file(line.as_bytes()).unwrap().path, PathBuf::from(path));
        }
    }
}

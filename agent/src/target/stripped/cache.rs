//! What was found in builds that were examined before, on disk: one small file for each, named by the build's number.
//!
//! The number is the file's own claim, and anyone may claim another's. So a result is believed only where the very
//! same code stands at the very same places. What was not found is not kept: else a file that claims a build's number
//! could keep the agent from looking at the real one.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use super::{Found, Lineage, Refusal, Role};
use crate::code::{Program, Symbol};

/// Raised whenever the search is changed: older results are not believed then.
const VERSION: u32 = 1;
/// Builds that are remembered.
const LIMIT: usize = 256;
/// Bytes of one file. Real ones have a thousandth.
const SIZE_LIMIT: u64 = 1 << 16;
/// Bytes of code that are compared where the length of a function is not known, and at most.
const SHORTEST: u64 = 64;
const LONGEST: u64 = 64 << 10;
const EXTENSION: &str = "json";

/// A directory of results.
#[derive(Clone, Debug)]
pub struct Cache {
    directory: PathBuf,
}

/// A result as it is written.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    version: u32,
    lineage: Lineage,
    /// Role, address, and length.
    functions: Vec<(Role, u64, u64)>,
    missing: Vec<(Role, Refusal)>,
    /// SHA-256 of the functions' code, one after the other.
    code: String,
}

impl Cache {
    /// Results in a directory, which need not exist yet and which nobody else may write to.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// What was found in this build before. A result that cannot be read, is older than the search, or does not fit the
    /// program's code is none.
    pub fn load(&self, program: &Program) -> Option<Found> {
        let mut text = String::new();
        let file = File::open(self.path(program)?).ok()?;
        file.take(SIZE_LIMIT).read_to_string(&mut text).ok()?;
        let entry: Entry = serde_json::from_str(&text).ok()?;
        let functions: Vec<_> = entry
            .functions
            .iter()
            .map(|&(role, address, size)| (role, Symbol { address, size }))
            .collect();
        let needed = [Role::Read, Role::Write];
        let complete = needed
            .iter()
            .all(|needed| functions.iter().any(|(role, _)| role == needed));
        let sound = entry.version == VERSION
            && complete
            && functions.len() <= Role::ALL.len()
            && digest(program, &functions)? == entry.code;
        sound.then_some(Found {
            lineage: entry.lineage,
            functions,
            missing: entry.missing,
        })
    }

    /// Remembers what was found. A program without a number is not remembered.
    ///
    /// # Errors
    /// If the directory cannot be written to.
    pub fn store(&self, program: &Program, found: &Found) -> io::Result<()> {
        let (Some(path), Some(code)) = (self.path(program), digest(program, &found.functions)) else {
            return Ok(());
        };
        let functions = found.functions.iter();
        let entry = Entry {
            version: VERSION,
            lineage: found.lineage,
            functions: functions
                .map(|(role, symbol)| (*role, symbol.address, symbol.size))
                .collect(),
            missing: found.missing.clone(),
            code,
        };
        fs::create_dir_all(&self.directory)?;
        self.make_room(&path)?;
        // Two agents that write at once each have a file of their own until it has its name.
        let partial = path.with_extension(format!("{}.partial", std::process::id()));
        let mut file = File::create(&partial)?;
        let written = serde_json::to_writer(&mut file, &entry)
            .map_err(io::Error::from)
            .and_then(|()| file.write_all(b"\n"))
            .and_then(|()| fs::rename(&partial, &path));
        if written.is_err() {
            let _ = fs::remove_file(&partial);
        }
        written
    }

    fn path(&self, program: &Program) -> Option<PathBuf> {
        let build = hexadecimal(program.build_id()?);
        Some(self.directory.join(build).with_extension(EXTENSION))
    }

    /// Removes the oldest results where there are too many.
    fn make_room(&self, path: &Path) -> io::Result<()> {
        let mut known = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let written = entry.metadata().and_then(|metadata| metadata.modified());
            known.push((written.unwrap_or(SystemTime::UNIX_EPOCH), entry.path()));
        }
        known.retain(|(_, other)| other != path);
        known.sort();
        let surplus = (known.len() + 1).saturating_sub(LIMIT);
        for (_, old) in known.iter().take(surplus) {
            fs::remove_file(old)?;
        }
        Ok(())
    }
}

/// SHA-256 of the functions' code; `None` if it is not all there.
fn digest(program: &Program, functions: &[(Role, Symbol)]) -> Option<String> {
    let mut context = Context::new(&SHA256);
    for (_, symbol) in functions {
        if !program.is_code(symbol.address) {
            return None;
        }
        let size = if symbol.size == 0 {
            SHORTEST
        } else {
            symbol.size.min(LONGEST)
        };
        let mut code = vec![0; usize::try_from(size).ok()?];
        if program.bytes(symbol.address, &mut code) < code.len() {
            return None;
        }
        context.update(&code);
    }
    Some(hexadecimal(context.finish().as_ref()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn program() -> Program {
        Program::read(Arc::new(File::open("/usr/bin/true").unwrap())).unwrap()
    }

    fn found(program: &Program) -> Found {
        let code = program
            .segments()
            .iter()
            .find(|segment| segment.executable)
            .unwrap();
        let symbol = |skip| Symbol {
            address: code.address + skip,
            size: 16,
        };
        Found {
            lineage: Lineage::BoringSsl,
            functions: vec![(Role::Read, symbol(0)), (Role::Write, symbol(16))],
            missing: vec![(Role::Free, Refusal::Ambiguous)],
        }
    }

    #[test]
    fn what_was_stored_is_loaded() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::new(directory.path().join("new"));
        let program = program();
        assert_eq!(cache.load(&program), None);
        cache.store(&program, &found(&program)).unwrap();
        assert_eq!(cache.load(&program), Some(found(&program)));
    }

    #[test]
    fn a_result_that_is_damaged_older_or_of_other_code_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::new(directory.path());
        let program = program();
        cache.store(&program, &found(&program)).unwrap();
        let path = cache.path(&program).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let mut other = found(&program);
        other.functions[0].1.address += 1;
        let moved = format!("{},16]", other.functions[0].1.address);
        let there = format!("{},16]", found(&program).functions[0].1.address);
        for damaged in [
            text[..text.len() / 2].to_owned(),
            text.replace("\"version\":1", "\"version\":0"),
            text.replacen(&there, &moved, 1),
            text.replace("\"write\"", "\"free\""),
            String::new(),
        ] {
            assert_ne!(damaged, text);
            fs::write(&path, damaged).unwrap();
            assert_eq!(cache.load(&program), None);
        }
        fs::write(&path, text).unwrap();
        assert_eq!(cache.load(&program), Some(found(&program)));
    }

    #[test]
    fn the_number_of_results_is_bounded() {
        let directory = tempfile::tempdir().unwrap();
        for number in 0..LIMIT + 10 {
            fs::write(directory.path().join(format!("{number}.json")), "").unwrap();
        }
        let cache = Cache::new(directory.path());
        let program = program();
        cache.store(&program, &found(&program)).unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), LIMIT);
        assert!(cache.load(&program).is_some());
    }
}

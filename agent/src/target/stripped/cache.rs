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

use super::{Contradiction, Counts, Found, Lineage, Refusal, Role, gate};
use crate::code::{Program, Symbol};

/// Raised whenever the search is changed: older results are not believed then.
const VERSION: u32 = 3;
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
    counts: Counts,
    /// SHA-256 of the functions' code, one after the other.
    code: String,
    /// What its trial brought to light, if that was no good.
    contradiction: Option<Contradiction>,
}

/// What was remembered of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// What was found in it.
    pub found: Found,
    /// Why it is not to be tried again.
    pub contradiction: Option<Contradiction>,
}

/// Tells builds apart by the code that was found in them, and where.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// That of the functions that were found in a program; `None` if they are not all there.
    pub fn of(program: &Program, found: &Found) -> Option<Self> {
        digest(program, &found.functions).map(Self)
    }
}

impl Cache {
    /// Results in a directory, which need not exist yet and which nobody else may write to.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// What was found in this build before. A result that cannot be read, is older than the search, or does not fit the
    /// program's code is none; so is one with functions that a search could not have found.
    pub fn load(&self, program: &Program) -> Option<Remembered> {
        let entry = read(&self.path(program)?)?;
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
        let found = Found {
            lineage: entry.lineage,
            functions,
            missing: entry.missing,
            counts: entry.counts,
        };
        (sound && gate::passes(program, &found)).then_some(Remembered {
            found,
            contradiction: entry.contradiction,
        })
    }

    /// Remembers what was found, and why it is not to be tried again, if so. A program without a number is not
    /// remembered.
    ///
    /// # Errors
    /// If the directory cannot be written to.
    pub fn store(
        &self,
        program: &Program,
        found: &Found,
        contradiction: Option<Contradiction>,
    ) -> io::Result<()> {
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
            counts: found.counts,
            code,
            contradiction,
        };
        // Whoever claims a build's number shall not make forget what was found out about it.
        if entry.contradiction.is_none() && is_contradicted(&path) {
            return Ok(());
        }
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
            if !is_ours(&entry.path()) {
                continue;
            }
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

/// Whether an entry says that its code is not to be tried again.
fn is_contradicted(path: &Path) -> bool {
    read(path).is_some_and(|entry| entry.version == VERSION && entry.contradiction.is_some())
}

/// An entry, if it can be read.
fn read(path: &Path) -> Option<Entry> {
    let mut text = String::new();
    let file = File::open(path).ok()?;
    file.take(SIZE_LIMIT).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// Whether a file was named by a cache: others in its directory are not its to remove.
fn is_ours(path: &Path) -> bool {
    let is_number = |stem: &str| !stem.is_empty() && stem.bytes().all(|byte| byte.is_ascii_hexdigit());
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    path.extension().is_some_and(|extension| extension == EXTENSION)
        && stem.is_some_and(is_number)
        && path.is_file()
}

/// SHA-256 of the functions' code, with its places; `None` if it is not all there.
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
        context.update(&symbol.address.to_le_bytes());
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
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use super::*;
    use crate::code::{Functions, architecture};

    fn program() -> Program {
        Program::read(Arc::new(File::open("/usr/bin/true").unwrap())).unwrap()
    }

    /// The first functions of the program that the gate lets pass.
    fn found(program: &Program) -> Found {
        let functions = Functions::read(program);
        let code = program
            .segments()
            .iter()
            .find(|segment| segment.executable)
            .unwrap();
        let starts: BTreeSet<u64> = (code.address..code.address + code.size)
            .filter_map(|address| Some(functions.containing(address)?.start))
            .collect();
        let sound = starts.into_iter().filter_map(|start| {
            let function = functions.containing(start)?;
            let symbol = Symbol {
                address: start,
                size: function.end - function.start,
            };
            let body = architecture(program.machine())?.body(program, function);
            (body.complete && symbol.size >= 32).then_some(symbol)
        });
        Found {
            lineage: Lineage::BoringSsl,
            functions: [Role::Read, Role::Write].into_iter().zip(sound).collect(),
            missing: vec![(Role::Free, Refusal::Ambiguous)],
            counts: Counts {
                read: Some(3),
                write: None,
            },
        }
    }

    fn remembered(found: Found) -> Remembered {
        Remembered {
            found,
            contradiction: None,
        }
    }

    #[test]
    fn what_was_stored_is_loaded() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::new(directory.path().join("new"));
        let program = program();
        assert_eq!(cache.load(&program), None);
        cache.store(&program, &found(&program), None).unwrap();
        assert_eq!(cache.load(&program), Some(remembered(found(&program))));
    }

    #[test]
    fn a_result_that_is_damaged_older_or_of_other_code_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::new(directory.path());
        let program = program();
        cache.store(&program, &found(&program), None).unwrap();
        let path = cache.path(&program).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let (_, symbol) = found(&program).functions[0];
        let there = format!("{},{}]", symbol.address, symbol.size);
        let moved = format!("{},{}]", symbol.address + 1, symbol.size);
        for damaged in [
            text[..text.len() / 2].to_owned(),
            text.replace("\"version\":3", "\"version\":2"),
            text.replacen(&there, &moved, 1),
            text.replace("\"write\"", "\"free\""),
            String::new(),
        ] {
            assert_ne!(damaged, text);
            fs::write(&path, damaged).unwrap();
            assert_eq!(cache.load(&program), None);
        }
        fs::write(&path, text).unwrap();
        assert_eq!(cache.load(&program), Some(remembered(found(&program))));
    }

    /// What the digest vouches for is the code, not that it is a function.
    #[test]
    fn the_middle_of_a_function_does_not_pass_the_gate() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::new(directory.path());
        let program = program();
        for skip in [1, 4, 16] {
            let mut wrong = found(&program);
            wrong.functions[1].1.address += skip;
            wrong.functions[1].1.size -= skip;
            cache.store(&program, &wrong, None).unwrap();
            assert_eq!(cache.load(&program), None, "{skip}");
        }
        let mut twice = found(&program);
        twice.functions[1].1 = twice.functions[0].1;
        cache.store(&program, &twice, None).unwrap();
        assert_eq!(cache.load(&program), None, "one function for two roles");
    }

    #[test]
    fn a_contradiction_is_remembered() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::new(directory.path());
        let program = program();
        let contradiction = Some(Contradiction::Crash);
        cache.store(&program, &found(&program), contradiction).unwrap();
        let expected = Remembered {
            found: found(&program),
            contradiction,
        };
        assert_eq!(cache.load(&program), Some(expected.clone()));
        cache.store(&program, &found(&program), None).unwrap();
        assert_eq!(cache.load(&program), Some(expected), "whoever finds it again");
    }

    #[test]
    fn the_number_of_results_is_bounded() {
        let directory = tempfile::tempdir().unwrap();
        for number in 0..LIMIT + 10 {
            fs::write(directory.path().join(format!("{number}.json")), "").unwrap();
        }
        let foreign = directory.path().join("notes.json");
        fs::write(&foreign, "").unwrap();
        fs::create_dir(directory.path().join("abc.json")).unwrap();
        let cache = Cache::new(directory.path());
        let program = program();
        cache.store(&program, &found(&program), None).unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), LIMIT + 2);
        assert!(foreign.is_file(), "it is not the cache's");
        assert!(cache.load(&program).is_some());
    }
}

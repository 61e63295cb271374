//! The finder of functions without symbols, on libraries that have some: it must not need them, nor differ from them.
//!
//! `WRONGWAY_LABELLED` names more files with symbols, separated by colons.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use object::elf::{FileHeader64, SHT_DYNSYM, SHT_SYMTAB, STT_FUNC};
use object::read::elf::{FileHeader, Sym};
use object::{LittleEndian, ReadCache};
use proptest::prelude::*;
use wrongway::code::Program;
use wrongway::target::standard_libraries;
use wrongway::target::stripped::{Found, Refusal, Role, find};

fn system_library() -> PathBuf {
    let libraries = standard_libraries(Path::new("/"));
    let version_3 = libraries.into_iter().find(|path| path.ends_with("libssl.so.3"));
    version_3.expect("libssl.so.3 is installed: python3 and curl depend on it")
}

fn program(path: &Path) -> Program {
    Program::read(Arc::new(File::open(path).unwrap())).unwrap()
}

/// Addresses by name, from both symbol tables.
fn symbols(path: &Path) -> BTreeMap<String, BTreeSet<u64>> {
    let cache = ReadCache::new(File::open(path).unwrap());
    let header = FileHeader64::<LittleEndian>::parse(&cache).unwrap();
    let sections = header.sections(LittleEndian, &cache).unwrap();
    let mut symbols: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    for kind in [SHT_SYMTAB, SHT_DYNSYM] {
        let table = sections.symbols(LittleEndian, &cache, kind).unwrap();
        for symbol in table.iter().filter(|symbol| symbol.st_type() == STT_FUNC) {
            let name = String::from_utf8_lossy(symbol.name(LittleEndian, table.strings()).unwrap());
            let address = symbol.st_value(LittleEndian);
            if address != 0 {
                symbols.entry(name.into_owned()).or_default().insert(address);
            }
        }
    }
    symbols
}

/// Where a role's function is, as its symbol says. BoringSSL's are in C++.
fn labels(symbols: &BTreeMap<String, BTreeSet<u64>>, role: Role) -> BTreeSet<u64> {
    let fits =
        |name: &str| name == role.as_str() || role == Role::InnerRead && name.contains("ssl_read_impl");
    let named = symbols.iter().filter(|(name, _)| fits(name));
    named
        .flat_map(|(_, addresses)| addresses.iter().copied())
        .collect()
}

/// Compares what is found with what the symbols say.
fn labelled(paths: &[PathBuf]) {
    for path in paths {
        let symbols = symbols(path);
        let found =
            find(&program(path)).unwrap_or_else(|refusal| panic!("{}: {}", path.display(), refusal.as_str()));
        for (role, symbol) in &found.functions {
            let labels = labels(&symbols, *role);
            // The inner functions may have lost their names alone.
            if !labels.is_empty() {
                let (path, role) = (path.display(), role.as_str());
                assert!(
                    labels.contains(&symbol.address),
                    "{path}: {role} at {:#x}",
                    symbol.address
                );
            }
        }
        for role in [
            Role::New,
            Role::Handshake,
            Role::Read,
            Role::Write,
            Role::Shutdown,
        ] {
            let (path, name) = (path.display(), role.as_str());
            assert!(!labels(&symbols, role).is_empty(), "{path} has no symbol {name}");
            assert!(
                found.function(role).is_some(),
                "{path}: {name}: {:?}",
                found.missing
            );
        }
        println!(
            "{}: {} functions as labelled",
            path.display(),
            found.functions.len()
        );
    }
}

#[test]
fn what_is_found_is_what_the_symbols_say() {
    let more = std::env::var_os("WRONGWAY_LABELLED").unwrap_or_default();
    let more = std::env::split_paths(&more).filter(|path| !path.as_os_str().is_empty());
    let paths: Vec<_> = [system_library()].into_iter().chain(more).collect();
    labelled(&paths);
}

/// Debian's is built so that `SSL_read` and `SSL_read_ex` call one function.
#[test]
fn the_inner_functions_of_the_system_library_are_found() {
    let found = find(&program(&system_library())).unwrap();
    for role in [Role::InnerRead, Role::InnerWrite] {
        assert!(found.function(role).is_some(), "{:?}", found.missing);
    }
}

#[test]
fn programs_without_a_library_have_none() {
    let mut count = 0;
    for directory in ["/usr/bin", "/usr/sbin"] {
        for entry in fs::read_dir(directory).unwrap().flatten() {
            let metadata = entry.metadata().unwrap();
            if !metadata.is_file() || metadata.len() > 4 << 20 {
                continue;
            }
            let Ok(file) = File::open(entry.path()) else {
                continue;
            };
            if let Ok(program) = Program::read(Arc::new(file)) {
                let found = find(&program);
                assert_eq!(found, Err(Refusal::NoLibrary), "{}", entry.path().display());
                count += 1;
            }
        }
    }
    assert!(count > 50, "{count}");
}

/// Whatever is found in a damaged file is at least code of it.
fn examine(file: File) -> Option<Found> {
    let length = file.metadata().unwrap().len();
    let program = Program::read(Arc::new(file)).ok()?;
    let began = Instant::now();
    let found = find(&program);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let found = found.ok()?;
    for (_, symbol) in &found.functions {
        assert!(program.is_code(symbol.address));
        assert!(program.file_offset(symbol.address).unwrap() < length);
    }
    Some(found)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Damage in the headers, in the table of functions, and anywhere.
    #[test]
    fn damaged_files_are_taken(
        headers in prop::collection::vec((0_u64..0x400, any::<u8>()), 0..4),
        anywhere in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..512),
        length in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let original = fs::read(system_library()).unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&original).unwrap();
        for (place, byte) in headers {
            file.write_all_at(&[byte], place).unwrap();
        }
        for (place, byte) in anywhere {
            file.write_all_at(&[byte], place.index(original.len()) as u64).unwrap();
        }
        if let Some(length) = length {
            file.set_len(length.index(original.len()) as u64).unwrap();
        }
        examine(file);
    }

    #[test]
    fn bytes_of_any_kind_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0").unwrap();
        file.write_all(&bytes).unwrap();
        examine(file);
    }
}

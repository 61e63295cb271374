//! The system's own OpenSSL: every offset is derived from its code, and they fit together.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ebpf::function::Function;
use ebpf::layout::{Layout, UNKNOWN};
use wrongway::target::hook::{self, Purpose};
use wrongway::target::{Family, Field, Hook, Image, Reason, Scanner, accessor, standard_libraries};

fn library() -> PathBuf {
    let libraries = standard_libraries(Path::new("/"));
    let version_3 = libraries.into_iter().find(|path| path.ends_with("libssl.so.3"));
    version_3.expect("libssl.so.3 is installed: python3 and curl depend on it")
}

fn image(path: &Path) -> Image {
    Image::read(Arc::new(File::open(path).unwrap())).unwrap()
}

#[test]
fn every_offset_of_the_system_library_is_derived() {
    let tls = image(&library());
    let crypto = image(&library().with_file_name("libcrypto.so.3"));
    assert_eq!(Family::of(&tls), Family::OpenSsl);
    assert!(tls.is_tls() && !tls.is_crypto());
    assert!(crypto.is_crypto() && !crypto.is_tls());

    let derivation = accessor::layout(&tls, Some(&crypto));
    assert_eq!(derivation.missing, []);
    let Layout {
        client_random,
        server,
        hostname,
        resumed,
        version,
        own_certificate: [own, ..],
        peer_certificate: [session, _],
        certificate_encoding,
        alpn,
        verify_mode,
        read_bio,
        bio_type: [method, _],
        state,
        early_data,
        references,
        ..
    } = derivation.layout;
    let [_, client_random] = client_random;
    let [_, alpn, alpn_length] = alpn;
    assert_eq!(alpn + 8, alpn_length, "{:?}", derivation.layout);
    for pointer in [alpn, read_bio, method] {
        assert_eq!(pointer % 8, 0, "{:?}", derivation.layout);
    }
    assert_eq!(client_random % 8, 0, "{:?}", derivation.layout);
    assert_eq!(hostname % 8, 0, "{:?}", derivation.layout);
    assert_eq!(certificate_encoding % 8, 0, "{:?}", derivation.layout);
    let fields = [
        client_random,
        server,
        hostname,
        resumed,
        version,
        own,
        session,
        alpn,
        verify_mode,
        read_bio,
        state,
        early_data,
        references,
    ];
    assert!(
        fields.iter().all(|&offset| offset < 1 << 14),
        "{:?}",
        derivation.layout
    );
    assert_eq!(
        BTreeSet::from(fields).len(),
        fields.len(),
        "{:?}",
        derivation.layout
    );

    let version = accessor::version(&crypto).unwrap();
    assert!(version.starts_with("3."), "{version}");
}

#[test]
fn without_its_certificate_code_only_what_that_tells_is_unknown() {
    let derivation = accessor::layout(&image(&library()), None);
    assert_eq!(derivation.layout.certificate_encoding, UNKNOWN);
    assert_eq!(derivation.layout.bio_type, [UNKNOWN; 2]);
    assert_eq!(
        derivation.missing,
        [
            (Field::CertificateEncoding, Reason::CryptoAbsent),
            (Field::BioType, Reason::CryptoAbsent)
        ]
    );
}

#[test]
fn every_function_of_the_system_library_is_hooked_once() {
    let hooks = hook::hooks(&image(&library()));
    let mut served: Vec<_> = hooks.iter().flat_map(|hook| hook.serves.clone()).collect();
    served.sort();
    // A read may pass one place or another.
    served.dedup();
    // Nobody calls it but `SSL_write_ex`.
    let wanted: Vec<_> = Function::ALL
        .into_iter()
        .filter(|function| *function != Function::SslWriteEx2)
        .collect();
    assert_eq!(served, wanted);
    let offsets: BTreeSet<_> = hooks.iter().map(|hook| hook.offset).collect();
    assert_eq!(offsets.len(), hooks.len());
    assert!(hooks.iter().all(|hook| hook.site.instruction.is_some()));
}

/// Debian builds `SSL_read` and `SSL_write` to begin with `sub`, and the functions inside them with `push`.
#[test]
fn reads_and_writes_of_the_system_library_are_hooked_where_it_costs_least() {
    let hooks = hook::hooks(&image(&library()));
    let serve = |plain, ex| {
        let serve = hooks.iter().filter(move |hook| hook.serves == [plain, ex]);
        serve.collect::<Vec<_>>()
    };
    let reads = serve(Function::SslRead, Function::SslReadEx);
    let writes = serve(Function::SslWrite, Function::SslWriteEx);
    assert!(reads.iter().chain(&writes).all(|hook| hook.site.emulated));
    assert!(!reads.is_empty());
    // `ssl_peek` is served by the same function.
    let found = reads[0].passage().unwrap();
    assert!(reads.iter().all(|hook| hook.passage() == Some(found)));
    let places = BTreeSet::from([found.ssl, found.buffer, found.count, found.guard]);
    assert_eq!(places.len(), 4, "{found:?}");
    assert!(!places.contains(&UNKNOWN), "{found:?}");

    // Where a write has succeeded; and at its beginning, only while a socket is looked for.
    let (searching, passed): (Vec<&Hook>, Vec<&Hook>) = writes
        .iter()
        .copied()
        .partition(|hook| hook.purpose == Purpose::Sockets);
    assert_eq!(searching.len(), 1);
    assert!(searching[0].passage().is_none());
    assert!(!passed.is_empty());
    let found = passed[0].passage().unwrap();
    assert!(passed.iter().all(|hook| hook.passage() == Some(found)));
    let places = BTreeSet::from([found.ssl, found.buffer, found.count, found.guard]);
    assert_eq!(places.len(), 4, "{found:?}");
    assert!(!places.contains(&UNKNOWN), "{found:?}");
    assert_eq!(found.wanted, 23, "application data");
}

#[test]
fn a_watched_library_is_a_target_before_any_process_maps_it() {
    let processes = tempfile::tempdir().unwrap();
    let mut scanner = Scanner::new(processes.path());
    scanner.watch(Path::new("/"), standard_libraries(Path::new("/")));
    let scan = scanner.scan();
    let target = scan
        .targets
        .iter()
        .find(|target| target.path.ends_with("libssl.so.3"))
        .unwrap();
    assert_eq!(target.missing, []);
    let again = scanner.scan();
    let same = again.targets.iter().find(|other| other.id == target.id).unwrap();
    assert!(Arc::ptr_eq(target, same));
}

#[test]
fn an_ordinary_program_is_no_target() {
    let image = image(Path::new("/proc/self/exe"));
    assert!(!image.is_tls() && !image.is_crypto());
    assert_eq!(hook::hooks(&image), []);
}

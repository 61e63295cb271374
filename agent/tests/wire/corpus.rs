//! Replays the committed corpora through the fuzzers' entry points.

use std::path::{Path, PathBuf};

use rstest::rstest;
use wrongway::wire::fuzz;

/// A file, or the folder, of a corpus.
pub(crate) fn path(corpus: &str, file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(corpus)
        .join(file)
}

#[rstest]
#[case::client_hello("client_hello", fuzz::client_hello)]
#[case::tls_segments("tls_segments", fuzz::segments)]
#[case::quic_datagrams("quic_datagrams", fuzz::datagrams)]
#[case::quic_frames("quic_frames", fuzz::frames)]
fn replays(#[case] name: &str, #[case] target: fn(&[u8])) {
    let mut files = 0;
    for file in std::fs::read_dir(path(name, "")).unwrap() {
        target(&std::fs::read(file.unwrap().path()).unwrap());
        files += 1;
    }
    assert!(files > 0, "the corpus {name} is empty");
}

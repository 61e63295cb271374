//! Replays the committed corpora through the fuzzers' entry points.

use std::path::Path;

use rstest::rstest;
use wrongway::http::fuzz;

#[rstest]
#[case::http1_head("http1_head", fuzz::http1_head)]
#[case::hpack_block("hpack_block", fuzz::hpack_block)]
#[case::http2_conversation("http2_conversation", fuzz::http2_conversation)]
fn replays(#[case] name: &str, #[case] target: fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(name);
    let mut files = 0;
    for file in std::fs::read_dir(directory).unwrap() {
        target(&std::fs::read(file.unwrap().path()).unwrap());
        files += 1;
    }
    assert!(files > 0, "the corpus {name} is empty");
}

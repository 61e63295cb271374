//! Replays the committed corpus through the fuzzers' entry point.

use std::path::Path;

use wrongway::decode::fuzz;

#[test]
fn replays_records() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/record");
    let mut files = 0;
    for file in std::fs::read_dir(directory).unwrap() {
        fuzz::records(&std::fs::read(file.unwrap().path()).unwrap());
        files += 1;
    }
    assert!(files > 0, "the corpus is empty");
}

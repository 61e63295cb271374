//! Broken and foreign files: reading them ends with an answer, never with a panic.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use rstest::rstest;
use wrongway::target::{Image, ImageError, accessor, hook, standard_libraries};

fn library() -> Vec<u8> {
    let libraries = standard_libraries(Path::new("/"));
    fs::read(
        libraries
            .iter()
            .find(|path| path.ends_with("libssl.so.3"))
            .unwrap(),
    )
    .unwrap()
}

fn image(bytes: &[u8]) -> Result<Image, ImageError> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    Image::read(Arc::new(file))
}

#[rstest]
#[case::empty(b"")]
#[case::text(b"#!/bin/sh\necho this is no ELF file, and long enough to have a header of one\n")]
#[case::only_the_magic(b"\x7fELF\x02\x01\x01\0")]
fn other_files_are_no_images(#[case] bytes: &[u8]) {
    assert_eq!(image(bytes).unwrap_err(), ImageError::NotElf);
}

#[test]
fn a_directory_cannot_be_read() {
    let error = Image::read(Arc::new(File::open("/").unwrap())).unwrap_err();
    assert!(
        matches!(error, ImageError::NotElf | ImageError::Unreadable(_)),
        "{error}"
    );
}

#[test]
fn a_truncated_library_is_broken() {
    let library = library();
    let error = image(&library[..library.len() / 2]).unwrap_err();
    assert!(matches!(error, ImageError::Broken(_)), "{error}");
}

#[test]
fn too_many_sections_are_not_read() {
    let mut bytes = library();
    // e_shnum 0 says that the count stands in the first section header.
    let headers = usize::try_from(u64::from_le_bytes(bytes[0x28..0x30].try_into().unwrap())).unwrap();
    bytes[0x3c..0x3e].fill(0);
    bytes[headers + 0x20..headers + 0x28].copy_from_slice(&(1_u64 << 20).to_le_bytes());
    let error = image(&bytes).unwrap_err();
    assert!(matches!(error, ImageError::TooLarge { .. }), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_libraries_are_read_to_an_end(
        header in proptest::collection::vec((0..64_usize, any::<u8>()), 0..3),
        sections in proptest::collection::vec((0..2048_usize, any::<u8>()), 0..8),
        tables in proptest::collection::vec((64..100_000_usize, any::<u8>()), 0..50),
    ) {
        let mut bytes = library();
        let end = bytes.len();
        for (position, value) in header.into_iter().chain(tables) {
            bytes[position] = value;
        }
        for (position, value) in sections {
            bytes[end - 1 - position] = value;
        }
        if let Ok(image) = image(&bytes) {
            hook::hooks(&image);
            accessor::layout(&image, Some(&image));
            accessor::version(&image);
        }
    }
}

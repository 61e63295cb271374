use bytemuck::{Zeroable as _, bytes_of};
use ebpf::record::{Close, END, START};
use proptest::prelude::*;
use rstest::rstest;

use super::*;

fn header(kind: Kind, size: usize) -> Header {
    Header {
        kind: kind as u32,
        size: u32::try_from(size).unwrap(),
        time: 1,
        tgid: 2,
        tid: 3,
        ssl: 4,
        born: 5,
    }
}

fn connection() -> Connection {
    let mut name = [0; 256];
    name[..9].copy_from_slice(b"a.example");
    Connection {
        header: header(Kind::Connection, size_of::<Connection>()),
        client_random: [7; 32],
        library: 8,
        name_length: 9,
        name,
        ..Connection::zeroed()
    }
}

fn data_header(length: usize) -> DataHeader {
    DataHeader {
        header: header(Kind::Data, size_of::<DataHeader>() + length),
        offset: 6,
        sequence: 7,
        length: u16::try_from(length).unwrap(),
        direction: Direction::Write as u8,
        flags: START | END,
        content: Content::Http2Frame as u8,
        reserved: [0; 3],
        entry: 0,
    }
}

fn certificate_header(length: usize, full_length: u32) -> CertificateHeader {
    CertificateHeader {
        header: header(Kind::Certificate, size_of::<CertificateHeader>() + length),
        length: u32::try_from(length).unwrap(),
        full_length,
        own: 1,
        reserved: [0; 7],
    }
}

fn data() -> Vec<u8> {
    [bytes_of(&data_header(5)), b"bytes"].concat()
}

fn certificate() -> Vec<u8> {
    [bytes_of(&certificate_header(5, 5)), b"bytes"].concat()
}

fn close() -> Close {
    Close {
        header: header(Kind::Close, size_of::<Close>()),
        sequences: [3, 4],
    }
}

/// One record of each kind.
fn records() -> Vec<Vec<u8>> {
    let bare = [Kind::Exec, Kind::Exit].map(|kind| bytes_of(&header(kind, size_of::<Header>())).to_vec());
    let mut records = bare.to_vec();
    records.extend([
        bytes_of(&connection()).to_vec(),
        data(),
        certificate(),
        bytes_of(&close()).to_vec(),
    ]);
    records
}

/// The record with another size.
fn resized(mut record: Vec<u8>, size: usize) -> Vec<u8> {
    record[4..8].copy_from_slice(&u32::try_from(size).unwrap().to_ne_bytes());
    record
}

#[test]
fn a_connection_is_read() {
    assert_eq!(
        Record::from_bytes(bytes_of(&connection())),
        Ok(Record::Connection(Box::new(connection())))
    );
}

#[test]
fn an_end_is_read() {
    assert_eq!(Record::from_bytes(bytes_of(&close())), Ok(Record::Close(close())));
}

#[test]
fn data_is_read() {
    let expected = Data {
        header: data_header(5).header,
        offset: 6,
        sequence: 7,
        direction: Direction::Write,
        content: Content::Http2Frame,
        flags: START | END,
        entry: 0,
        bytes: b"bytes",
    };
    assert_eq!(Record::from_bytes(&data()), Ok(Record::Data(expected)));
}

#[rstest]
#[case::exec(Kind::Exec, Record::Exec)]
#[case::exit(Kind::Exit, Record::Exit)]
fn a_bare_header_is_read(#[case] kind: Kind, #[case] record: fn(Header) -> Record<'static>) {
    let header = header(kind, size_of::<Header>());
    assert_eq!(Record::from_bytes(bytes_of(&header)), Ok(record(header)));
}

#[rstest]
#[case::whole(5, Some(&b"bytes"[..]))]
#[case::too_long_to_copy(6, None)]
fn a_certificate_is_read(#[case] full_length: u32, #[case] encoding: Option<&[u8]>) {
    let header = certificate_header(5, full_length);
    let bytes = [bytes_of(&header), b"bytes"].concat();
    let expected = Certificate {
        header: header.header,
        own: true,
        encoding,
    };
    assert_eq!(Record::from_bytes(&bytes), Ok(Record::Certificate(expected)));
}

#[test]
fn a_record_is_read_at_any_alignment() {
    for record in records() {
        let expected = format!("{:?}", Record::from_bytes(&record));
        let shifted = [&[0], &record[..]].concat();
        assert_eq!(format!("{:?}", Record::from_bytes(&shifted[1..])), expected);
    }
}

#[test]
fn the_rest_of_the_slot_is_ignored() {
    for record in records() {
        let slot = [&record[..], &[0xff; 100]].concat();
        assert_eq!(Record::from_bytes(&slot), Record::from_bytes(&record));
    }
}

#[test]
fn a_record_that_is_cut_anywhere_is_short() {
    for record in records() {
        assert!(Record::from_bytes(&record).is_ok());
        for have in 0..record.len() {
            let cut = Record::from_bytes(&record[..have]);
            assert!(
                matches!(cut, Err(Malformed::Short { have: found, need }) if found == have && need > have),
                "{cut:?} of {have} octets"
            );
        }
    }
}

#[test]
fn a_size_below_what_the_kind_needs_is_short() {
    for record in records() {
        for size in 0..record.len() {
            let short = Record::from_bytes(&resized(record.clone(), size)).map(|_| ());
            assert!(
                matches!(short, Err(Malformed::Short { have, .. }) if have == size),
                "{short:?} for a size of {size}"
            );
        }
    }
}

#[test]
fn a_size_beyond_the_bytes_is_short() {
    for record in records() {
        let (have, need) = (record.len(), record.len() + 1);
        assert_eq!(
            Record::from_bytes(&resized(record, need)),
            Err(Malformed::Short { have, need })
        );
    }
    assert!(Record::from_bytes(&resized(data(), u32::MAX as usize)).is_err());
}

#[test]
fn a_length_beyond_the_size_is_short_even_if_the_slot_has_the_bytes() {
    let long = DataHeader {
        length: 6,
        ..data_header(5)
    };
    let slot = [bytes_of(&long), b"bytes and more"].concat();
    assert_eq!(
        Record::from_bytes(&slot),
        Err(Malformed::Short { have: 69, need: 70 })
    );

    let long = CertificateHeader {
        length: u32::MAX,
        full_length: u32::MAX,
        ..certificate_header(5, 5)
    };
    let slot = [bytes_of(&long), b"bytes and more"].concat();
    assert!(matches!(
        Record::from_bytes(&slot),
        Err(Malformed::Short { have: 61, .. })
    ));
}

#[rstest]
#[case::kind(0, "kind")]
#[case::direction(54, "direction")]
#[case::content(56, "content")]
fn a_value_without_meaning_is_named(#[case] at: usize, #[case] field: &'static str) {
    for value in [77, 255] {
        let mut record = data();
        record[at] = value;
        assert_eq!(
            Record::from_bytes(&record),
            Err(Malformed::Value {
                field,
                value: value.into()
            })
        );
    }
}

#[test]
fn zero_is_no_kind_and_no_content() {
    for (at, field) in [(0, "kind"), (56, "content")] {
        let mut record = data();
        record[at] = 0;
        assert_eq!(
            Record::from_bytes(&record),
            Err(Malformed::Value { field, value: 0 })
        );
    }
}

#[test]
fn every_record_shows_its_header() {
    for bytes in records() {
        let expected: Header = bytemuck::pod_read_unaligned(&bytes[..size_of::<Header>()]);
        assert_eq!(*Record::from_bytes(&bytes).unwrap().header(), expected);
    }
}

#[test]
fn what_is_malformed_is_named_with_its_values() {
    let short = Malformed::Short { have: 3, need: 40 };
    assert_eq!(short.to_string(), "record of 3 bytes where 40 are needed");
    let value = Malformed::Value {
        field: "kind",
        value: 9,
    };
    assert_eq!(value.to_string(), "record with unknown kind 9");
    assert_ne!(short.as_str(), value.as_str());
}

proptest! {
    #[test]
    fn bytes_of_any_kind_are_taken(bytes: Vec<u8>) {
        let _ = Record::from_bytes(&bytes);
        fuzz::records(&bytes);
    }

    #[test]
    fn damaged_records_are_taken(
        which in 0..6_usize,
        damage in proptest::collection::vec((0..400_usize, any::<u8>()), 0..4),
    ) {
        let mut input = Vec::new();
        let mut all = records();
        for (at, value) in damage {
            if let Some(byte) = all[which].get_mut(at) {
                *byte = value;
            }
        }
        for record in all.iter().rev().chain(&all) {
            input.extend(u16::try_from(record.len()).unwrap().to_le_bytes());
            input.extend(record);
        }
        fuzz::records(&input);
    }
}

//! Entry point for fuzzers: any octets go in, and what must hold of records and of what is made of them is
//! asserted.

use super::Record;
use crate::observer::{Input, Observer, Output};

/// The octets are records, each behind two octets with its length, little-endian. Those that are records are
/// observed.
pub fn records(data: &[u8]) {
    // Zero, so that no time of a record can be too large to be added.
    let mut observer = Observer::new(0);
    let (mut outputs, mut rest) = (Vec::new(), data);
    while let Some((&length, tail)) = rest.split_first_chunk() {
        let (bytes, tail) = tail.split_at(tail.len().min(u16::from_le_bytes(length).into()));
        rest = tail;
        if let Ok(record) = Record::from_bytes(bytes) {
            assert_inside(&record, bytes);
            observer.input(Input::Record(record), &mut outputs);
        }
    }
    assert_consistent(&observer, &outputs);
}

/// What a record carries is part of the octets that it was read from.
fn assert_inside(record: &Record<'_>, bytes: &[u8]) {
    let size = record.header().size as usize;
    assert!(size <= bytes.len());
    let carried = match record {
        Record::Data(data) => data.bytes,
        Record::Certificate(certificate) => certificate.encoding.unwrap_or_default(),
        Record::Segment(segment) => segment.bytes,
        Record::Datagram(datagram) => datagram.bytes,
        Record::Connection(_)
        | Record::Close(_)
        | Record::Exec(_)
        | Record::Exit(_)
        | Record::SocketUse(_)
        | Record::Sighting(_)
        | Record::Crash(_) => &[],
    };
    assert!(size_of_val(record.header()) + carried.len() <= size);
}

/// Every connection that opened is open or was closed, once; exchanges are numbered in their order.
fn assert_consistent(observer: &Observer, outputs: &[Output]) {
    let (mut opened, mut closed, mut exchanges) = (0, 0, 0);
    for output in outputs {
        match output {
            Output::Opened(_) => opened += 1,
            Output::Closed(_) => closed += 1,
            Output::Exchange(judged) => {
                exchanges += 1;
                assert_eq!(judged.id, exchanges);
            }
            Output::Outcome { .. }
            | Output::Updated(_)
            | Output::SniOnly(_)
            | Output::Superseded { .. }
            | Output::ProcessEnded { .. }
            | Output::Lost { .. }
            | Output::Joined { .. }
            | Output::ClientHello { .. }
            | Output::Confirm { .. }
            | Output::Unclaimed { .. } => {}
        }
    }
    assert_eq!(observer.open().count() + closed, opened);
}

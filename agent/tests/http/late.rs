//! HTTP/2 connections that are older than the agent, entered at any place, in bodies that look like frames too.

use ebpf::record::Direction;
use proptest::collection::vec;
use proptest::prelude::*;
use wrongway::http::{Authority, Exchange, Status};

use crate::kernel::Late;
use crate::wire::{REQUEST, RESPONSE, frame, headers, inserting, literal, request};

const AUTHORITIES: [&str; 3] = ["a.example", "b.example", "c.example"];
const STATUSES: [u16; 3] = [200, 404, 503];
/// What no real frame says: only bodies do.
const FAKE_STATUS: &str = "421";
const FAKE_AUTHORITY: &str = "fake.example";

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// What a client asked, and what came of it.
#[derive(Clone, Debug)]
struct Asked {
    authority: usize,
    status: usize,
    upload: Vec<u8>,
    download: Vec<u8>,
}

/// An encoder that puts every value into the dynamic table, and takes from there what it can.
#[derive(Default)]
struct Encoder {
    /// The latest in front.
    table: Vec<(u8, String)>,
}

impl Encoder {
    /// A field whose name stands in the static table. Every seventh goes into the table again, so that places move.
    fn field(&mut self, name: u8, value: &str) -> Vec<u8> {
        let field = (name, value.to_owned());
        match self.table.iter().position(|known| *known == field) {
            Some(place) if !self.table.len().is_multiple_of(7) => {
                vec![0x80 | u8::try_from(62 + place).unwrap()]
            }
            _ => {
                self.table.insert(0, field);
                inserting(name, value)
            }
        }
    }
}

/// What passed in one direction.
type Run = (Direction, Vec<u8>);

/// A connection with `concurrency` streams at a time, without its preface. Stream 2n + 1 is that of `asked[n]`.
fn conversation(asked: &[Asked], concurrency: usize) -> Vec<Run> {
    let (mut client, mut server) = (Encoder::default(), Encoder::default());
    let mut runs = Vec::new();
    for (round, batch) in asked.chunks(concurrency).enumerate() {
        let stream = |position| u32::try_from(2 * (round * concurrency + position) + 1).unwrap();
        for (position, asked) in batch.iter().enumerate() {
            let authority = client.field(1, AUTHORITIES[asked.authority]);
            let block = [vec![0x83, 0x87, 0x84], authority].concat();
            runs.push((REQUEST, frame(1, END_HEADERS, stream(position), &block)));
            runs.push((REQUEST, frame(0, END_STREAM, stream(position), &asked.upload)));
        }
        for (position, asked) in batch.iter().enumerate().rev() {
            let block = server.field(8, &STATUSES[asked.status].to_string());
            runs.push((RESPONSE, frame(1, END_HEADERS, stream(position), &block)));
            runs.push((RESPONSE, frame(0, END_STREAM, stream(position), &asked.download)));
        }
    }
    runs
}

/// Feeds all calls but the first `skipped` octets. Runs are cut into calls of these sizes in turn.
fn enter(runs: &[Run], skipped: usize, sizes: &[usize]) -> Vec<Exchange> {
    let mut late = Late::new();
    let mut sizes = sizes.iter().cycle();
    let mut passed = 0;
    for (direction, bytes) in runs {
        let mut rest = &bytes[skipped.saturating_sub(passed).min(bytes.len())..];
        passed += bytes.len();
        while !rest.is_empty() {
            let (now, later) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
            late.call(*direction, now);
            rest = later;
        }
    }
    late.close()
}

/// Joins what follows each other in one direction, as a program does that writes all it has.
fn joined(runs: &[Run]) -> Vec<Run> {
    let mut joined: Vec<Run> = Vec::new();
    for (direction, bytes) in runs {
        match joined.last_mut() {
            Some((latest, before)) if latest == direction => before.extend(bytes),
            _ => joined.push((*direction, bytes.clone())),
        }
    }
    joined
}

fn assert_it_happened(exchange: &Exchange, asked: &[Asked]) {
    let stream = usize::try_from(exchange.stream_id.unwrap()).unwrap();
    let truth = asked
        .get(stream / 2)
        .unwrap_or_else(|| panic!("nobody made {exchange:?}"));
    assert_eq!(exchange.request_direction, REQUEST, "{exchange:?}");
    assert_eq!(exchange.request_number, None, "{exchange:?}");
    assert!(!exchange.earlier.complete, "{exchange:?}");
    match &exchange.authority {
        Authority::Present { value, .. } => assert_eq!(value, AUTHORITIES[truth.authority], "{exchange:?}"),
        Authority::Absent => panic!("the authority was sent: {exchange:?}"),
        Authority::Unknown => {}
    }
    assert!(
        [Status::Code(STATUSES[truth.status]), Status::Unknown].contains(&exchange.status),
        "{exchange:?}"
    );
    for name in exchange.earlier.names.iter() {
        assert!(AUTHORITIES.contains(&&**name), "{exchange:?}");
    }
}

/// Frames that a body holds. Streams are those of the connection, or near.
fn fake(kind: u8, stream: u32) -> Vec<u8> {
    match kind {
        0 => headers(stream, &request(FAKE_AUTHORITY)),
        1 => headers(
            stream,
            &[vec![0x82, 0x87, 0x84], inserting(1, FAKE_AUTHORITY)].concat(),
        ),
        2 => headers(stream, &literal(8, FAKE_STATUS)),
        3 => headers(stream, &inserting(8, FAKE_STATUS)),
        4 => frame(3, 0, stream, &[0, 0, 0, 8]),
        5 => frame(8, 0, stream, &[0, 0, 1, 0]),
        6 => frame(0, 0, stream, b"text"),
        7 => frame(7, 0, 0, &[0; 8]),
        8 => frame(1, 0, stream, &request(FAKE_AUTHORITY)[..3]),
        9 => frame(9, END_HEADERS, stream, &literal(1, FAKE_AUTHORITY)),
        _ => b"\0\0 what is no frame".to_vec(),
    }
}

fn ordinary(authority: usize, status: usize) -> Asked {
    Asked {
        authority,
        status,
        upload: vec![],
        download: b"\xffbody".to_vec(),
    }
}

#[test]
fn after_one_round_trip_every_exchange_is_seen() {
    let asked: Vec<_> = (0..12).map(|number| ordinary(number % 3, number % 2)).collect();
    let runs = joined(&conversation(&asked, 1));
    let first_four: usize = runs[..8].iter().map(|(_, bytes)| bytes.len()).sum();
    let out = enter(&runs, first_four, &[usize::MAX]);
    let streams: Vec<_> = out.iter().filter_map(|exchange| exchange.stream_id).collect();
    assert_eq!(streams, [11, 13, 15, 17, 19, 21, 23]);
    for exchange in &out {
        assert_it_happened(exchange, &asked);
    }
}

/// Each connection is entered at each of its octets.
#[test]
fn wherever_a_connection_is_entered_no_exchange_comes_of_a_body() {
    let mut asked: Vec<_> = (0..14).map(|number| ordinary(number % 3, number % 2)).collect();
    for (number, asked) in asked.iter_mut().enumerate() {
        let own = u32::try_from(2 * number + 1).unwrap();
        for stream in [own, own + 2, own + 4, 1] {
            asked
                .upload
                .extend(fake(u8::try_from(number % 2).unwrap(), stream));
            asked
                .download
                .extend(fake(u8::try_from(2 + number % 2).unwrap(), stream));
        }
    }
    for concurrency in [1, 3] {
        let apart = conversation(&asked, concurrency);
        for runs in [joined(&apart), apart] {
            let length: usize = runs.iter().map(|(_, bytes)| bytes.len()).sum();
            for skipped in 0..length {
                for sizes in [&[usize::MAX][..], &[9, 48], &[31, 17, 9]] {
                    for exchange in enter(&runs, skipped, sizes) {
                        assert_it_happened(&exchange, &asked);
                    }
                }
            }
        }
    }
}

/// The worst place to enter: a body of frames that fill it exactly, so that none of them breaks the framing.
#[test]
fn frames_of_a_body_do_not_spoil_what_follows() {
    let mut asked: Vec<_> = (0..10).map(|number| ordinary(number % 3, 0)).collect();
    asked[2].upload = [fake(1, 5), fake(1, 7), fake(1, 9)].concat();
    let runs = conversation(&asked, 1);
    let body = runs
        .iter()
        .position(|(_, bytes)| bytes.ends_with(&asked[2].upload))
        .unwrap();
    let before: usize = runs[..body].iter().map(|(_, bytes)| bytes.len()).sum();
    let out = enter(&runs, before + 9, &[usize::MAX]);
    for exchange in &out {
        assert_it_happened(exchange, &asked);
    }
    let last = out.last().unwrap();
    assert_eq!(last.stream_id, Some(19));
    assert_eq!(last.authority, Authority::Unknown, "it is one from before");
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let fakes = vec((0..12_u8, 0..20_u32), 0..6).prop_map(|fakes| {
        fakes
            .into_iter()
            .flat_map(|(kind, stream)| fake(kind, 2 * stream + 1))
            .collect()
    });
    prop_oneof![Just(Vec::new()), fakes, vec(any::<u8>(), 0..80)]
}

fn asked() -> impl Strategy<Value = Vec<Asked>> {
    let asked = (0..AUTHORITIES.len(), 0..STATUSES.len(), bodies(), bodies());
    let asked = asked.prop_map(|(authority, status, upload, download)| Asked {
        authority,
        status,
        upload,
        download,
    });
    vec(asked, 1..16)
}

proptest! {
    #[test]
    fn bodies_of_any_frames_make_no_exchange(
        asked in asked(),
        concurrency in 1..5_usize,
        together: bool,
        sizes in prop_oneof![
            Just(vec![usize::MAX]),
            vec(prop::sample::select(vec![1, 9, 13, 17, 29, 34, 43, 100, usize::MAX]), 1..20),
        ],
    ) {
        let mut runs = conversation(&asked, concurrency);
        if together {
            runs = joined(&runs);
        }
        let length: usize = runs.iter().map(|(_, bytes)| bytes.len()).sum();
        for skipped in 0..length {
            for exchange in enter(&runs, skipped, &sizes) {
                assert_it_happened(&exchange, &asked);
            }
        }
    }
}

//! What holds of ClientHellos however they come.

use proptest::collection::vec;
use proptest::prelude::*;
use wrongway::wire::client_hello::{ClientHello, Transport};
use wrongway::wire::fuzz;
use wrongway::wire::hello::Outcome;

use crate::sender::{Sender, message, records};

const PROGRAMS: [&str; 4] = ["curl", "chrome", "openssl_tls_1_2", "firefox"];

/// A stream in pieces: cut at lengths, each piece at least once, some twice or with more behind, in any order.
fn pieces(stream: Vec<u8>) -> impl Strategy<Value = Vec<(usize, Vec<u8>)>> {
    // With fewer gaps at a time than are kept.
    let shortest = stream.len() / 1000 + 1;
    let cuts = prop_oneof![vec(shortest..400, 1..40), Just(vec![shortest])];
    let again = vec((0..stream.len(), 1..900_usize), 0..6);
    (cuts, again).prop_flat_map(move |(cuts, again)| {
        let (mut pieces, mut at) = (Vec::new(), 0);
        for length in cuts.into_iter().cycle() {
            let end = stream.len().min(at + length);
            pieces.push((at, stream[at..end].to_vec()));
            at = end;
            if at == stream.len() {
                break;
            }
        }
        let again = again
            .into_iter()
            .map(|(start, length)| (start, stream[start..stream.len().min(start + length)].to_vec()));
        pieces.extend(again);
        Just(pieces).prop_shuffle()
    })
}

proptest! {
    #[test]
    fn any_cuts_order_and_repetition_give_the_same_hello_once(
        (program, pieces) in (prop::sample::select(&PROGRAMS[..]), prop_oneof![1..9_usize, Just(usize::MAX)])
            .prop_flat_map(|(program, longest)| (Just(program), pieces(records(&message(program), longest)))),
        first: u32,
        hooks in vec(1..4_u8, 1..4),
    ) {
        let mut sender = Sender { first, ..Sender::default() };
        for (offset, bytes) in &pieces {
            for hook in &hooks {
                sender.flow.hook = *hook;
                sender.flow.interface = u32::from(*hook) + 1;
                sender.segment(*offset, bytes);
            }
        }
        sender.expire(u64::MAX);
        prop_assert_eq!(sender.assembler.weight(), 0);
        let expected = ClientHello::parse(&message(program), Transport::Tcp).unwrap();
        let [seen] = &sender.out[..] else { panic!("{:?}", sender.results()) };
        prop_assert_eq!(seen.result, Outcome::Complete);
        prop_assert_eq!(seen.hello.as_deref(), Some(&expected));
    }

    #[test]
    fn without_one_octet_there_is_no_hello(
        pieces in Just(()).prop_flat_map(|()| pieces(records(&message("curl"), usize::MAX))),
        missing in 0..517_usize,
    ) {
        let mut sender = Sender::default();
        for (offset, bytes) in &pieces {
            let known = missing.checked_sub(*offset).filter(|at| *at < bytes.len());
            let (before, after) = bytes.split_at(known.unwrap_or(bytes.len()));
            sender.segment(*offset, before);
            sender.segment(offset + before.len() + 1, after.get(1..).unwrap_or_default());
        }
        sender.expire(u64::MAX);
        prop_assert_eq!(sender.results(), [Outcome::Incomplete]);
    }

    #[test]
    fn arbitrary_octets_never_panic(data in vec(any::<u8>(), 0..600)) {
        fuzz::client_hello(&data);
        fuzz::segments(&data);
        fuzz::datagrams(&data);
        fuzz::frames(&data);
    }

    #[test]
    fn damaged_hellos_never_panic(
        program in prop::sample::select(&PROGRAMS[..]),
        damage in vec((0..1800_usize, any::<u8>()), 1..8),
    ) {
        let mut damaged = message(program);
        for (at, value) in damage {
            if let Some(octet) = damaged.get_mut(at) {
                *octet = value;
            }
        }
        fuzz::client_hello(&damaged);
        let mut sender = Sender::default();
        sender.segment(0, &records(&damaged, 700));
        sender.expire(u64::MAX);
        prop_assert_eq!(sender.out.len(), 1);
    }

    #[test]
    fn arbitrary_segments_never_panic(
        segments in vec((any::<u8>(), 0..40_u16, vec(prop::sample::select(vec![0, 1, 3, 5, 20, 22]), 0..30)), 0..60),
    ) {
        let mut data = Vec::new();
        for (flow, offset, bytes) in segments {
            data.push(flow & 0x31);
            data.extend(offset.to_le_bytes());
            data.extend(u16::try_from(bytes.len()).unwrap().to_le_bytes());
            data.extend(bytes);
        }
        fuzz::segments(&data);
    }
}

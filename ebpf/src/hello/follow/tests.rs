use super::*;

const HELLO: [u8; START] = [22, 3, 1, 2, 0, 1, 0, 1, 252];
const LENGTH: u32 = 517;
const EMPTY: Set = Set {
    ways: [Followed {
        identity: 0,
        begun: 0,
        passed: 0,
        end: 0,
        segments: 0,
        reserved: 0,
        start: Start::UNKNOWN,
    }; WAYS],
};

/// Takes the part of a hello, followed by other data, at this offset.
fn take(followed: &mut Followed, offset: u32, length: u32) -> Part {
    let mut bytes = [0; START];
    let mut count = 0;
    for (to, from) in bytes
        .iter_mut()
        .zip(HELLO.iter().skip(offset as usize))
        .take(length as usize)
    {
        *to = *from;
        count += 1;
    }
    followed.take(offset, length, &bytes, count)
}

fn flow() -> Followed {
    Followed::new(1, 1000, 0)
}

#[test]
fn a_hello_in_one_segment_is_complete_at_once_and_nothing_behind_it_is_taken() {
    let expected = Part {
        count: LENGTH,
        ended: Some(Ended::Complete),
    };
    assert_eq!(take(&mut flow(), 0, LENGTH), expected);
    assert_eq!(take(&mut flow(), 0, LENGTH + 1000), expected);
}

#[test]
fn one_byte_a_segment_ends_with_the_last() {
    let mut flow = flow();
    for offset in 0..LENGTH {
        let part = take(&mut flow, offset, 1);
        assert_eq!(part.count, 1);
        assert_eq!(part.ended.is_some(), offset == LENGTH - 1, "{offset}");
    }
}

#[test]
fn in_the_reverse_order_everything_is_handed_up() {
    let mut flow = flow();
    for (offset, length) in [(300, 217), (5, 295), (0, 5)] {
        let part = take(&mut flow, offset, length);
        assert_eq!((part.count, part.ended), (length, None));
    }
}

#[test]
fn duplicates_and_overlaps_are_handed_up_and_do_not_end_it() {
    let mut flow = flow();
    for (offset, length) in [(0, 100), (0, 100), (50, 100)] {
        assert_eq!(take(&mut flow, offset, length).ended, None);
    }
    assert_eq!(flow.passed, 150);
    assert_eq!(take(&mut flow, 150, 400).ended, Some(Ended::Complete));
}

#[test]
fn other_data_is_not_handed_up() {
    let part = flow().take(0, 1000, b"GET / HTT", 9);
    assert_eq!(part, Part::none(Ended::Other));
    // What came before the first bytes was, since nobody could tell.
    let mut late = flow();
    assert_eq!(late.take(20_000, 1000, b"         ", 0).count, 0);
    assert_eq!(late.take(16_000, 1000, b"         ", 0).count, UNSURE - 16_000);
    assert_eq!(late.take(0, 1000, b"GET / HTT", 9), Part::none(Ended::Other));
}

#[test]
fn what_follows_the_hello_while_it_has_a_gap_is_not_handed_up() {
    let mut flow = flow();
    take(&mut flow, 0, 100);
    let beyond = take(&mut flow, LENGTH, 1000);
    assert_eq!((beyond.count, beyond.ended), (0, None));
}

#[test]
fn a_hello_in_too_many_segments_is_given_up() {
    let mut flow = flow();
    let ended = (0..=SEGMENTS).find_map(|_| take(&mut flow, 0, 1).ended);
    assert_eq!(ended, Some(Ended::Scattered));
    assert_eq!(flow.segments, SEGMENTS);
}

#[test]
fn hostile_numbers_do_no_harm() {
    for offset in [0, 8, 9, WINDOW - 1, u32::MAX - 9, u32::MAX] {
        for length in [1, WINDOW, u32::MAX] {
            let part = flow().take(offset, length, &HELLO, 9);
            assert!(part.count <= WINDOW);
        }
    }
}

#[test]
fn a_flow_is_found_within_its_window_across_the_wrap_of_the_numbers() {
    let mut set = EMPTY;
    set.ways[2] = Followed::new(7, u32::MAX - 9, 0);
    assert_eq!(set.find(7, u32::MAX - 9), 2);
    assert_eq!(set.find(7, 100), 2);
    assert_eq!(set.find(7, WINDOW), WAYS);
    assert_eq!(set.find(7, u32::MAX - 10), WAYS);
    assert_eq!(set.find(5, u32::MAX - 9), WAYS);
    assert_eq!(EMPTY.find(1, 0), WAYS);
}

#[test]
fn room_is_made_by_itself_the_free_and_the_oldest_in_this_order() {
    let mut set = EMPTY;
    for (way, tag, begun) in [(0, 100, 50), (1, 101, 40), (3, 103, 60)] {
        set.ways[way] = Followed::new(tag, 0, begun);
    }
    assert_eq!(set.room(103, 70), (3, false));
    assert_eq!(set.room(7, 70), (2, false));
    set.ways[2] = Followed::new(7, 0, 70);
    assert_eq!(set.room(8, 80), (1, true));
    assert_eq!(
        set.room(8, 42 + LATE),
        (1, false),
        "so old that no hello is expected"
    );
}

#[test]
fn flows_that_differ_in_anything_have_other_tags() {
    let addresses = Addresses {
        source: [1, 2],
        destination: [3, 4],
    };
    let change = |which: usize| {
        let mut changed = addresses;
        let mut words = changed.source.iter_mut().chain(&mut changed.destination);
        *words.nth(which).unwrap() += 1;
        changed
    };
    let mut hashes: Vec<u64> = (0..4)
        .map(|which| hash(&change(which), [0; 4], true, 5, 9))
        .collect();
    hashes.push(hash(&addresses, [0; 4], true, 5, 9));
    hashes.push(hash(&addresses, [0; 4], false, 5, 9));
    hashes.push(hash(&addresses, [0, 0, 0, 1], true, 5, 9));
    hashes.push(hash(&addresses, [0; 4], true, 6, 9));
    hashes.push(hash(&addresses, [0; 4], true, 5, 10));
    let tags: std::collections::BTreeSet<u32> = hashes.iter().map(|hash| tag(*hash)).collect();
    assert_eq!(tags.len(), hashes.len());
}

/// Ports count up: that must not fill some sets before others.
#[test]
fn flows_spread_over_the_sets() {
    let mut used = std::collections::BTreeMap::<u32, usize>::new();
    for port in 32_768..36_864_u16 {
        let addresses = Addresses {
            source: [u64::from_ne_bytes([10, 0, 0, 1, 0, 0, 0, 0]), 0],
            destination: [u64::from_ne_bytes([10, 0, 0, 2, 0, 0, 0, 0]), 0],
        };
        let [high, low] = port.to_be_bytes();
        let hash = hash(&addresses, [high, low, 1, 187], false, 2, 1);
        *used.entry(set(hash)).or_default() += 1;
    }
    // As many as sets: at random, the fullest of 4096 has about 7.
    assert!(
        used.values().all(|count| *count <= 12),
        "{:?}",
        used.values().max()
    );
}

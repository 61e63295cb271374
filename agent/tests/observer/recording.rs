//! What was recorded is observed as it was live.

use wrongway::observer::{Observer, Output};
use wrongway::recording::{Reader, RecordingError};

use super::scene::{observe, record, scene};
use super::world::{EPOCH, exchanges};

/// What the observer tells of a recording, and why that ends before it does.
fn replay(recording: &[u8]) -> (Vec<Output>, Option<RecordingError>) {
    let mut reader = Reader::new(recording).unwrap();
    let (mut observer, mut outputs) = (Observer::new(reader.start().epoch), Vec::new());
    loop {
        match reader.next_input() {
            Ok(Some(input)) => observer.input(input, &mut outputs),
            Ok(None) => return (outputs, None),
            Err(error) => return (outputs, Some(error)),
        }
    }
}

#[test]
fn a_recording_is_observed_as_it_was_live() {
    let steps = scene();
    let live = observe(&steps);
    let recording = record(&steps);
    let start = Reader::new(&recording[..]).unwrap().start().clone();
    assert_eq!((&*start.version, start.epoch), ("1.2.3", EPOCH));

    let (replayed, broken) = replay(&recording);
    assert!(broken.is_none(), "{broken:?}");
    assert_eq!(exchanges(&replayed), exchanges(&live));
    assert_eq!(format!("{replayed:?}"), format!("{live:?}"));
}

#[test]
fn the_scene_has_what_it_is_meant_to_have() {
    let outputs = observe(&scene());
    let verdicts: Vec<String> = exchanges(&outputs)
        .into_iter()
        .map(|exchange| exchange.verdict)
        .collect();
    let expected = [
        "ok",
        "ok",
        "pool_bleed_421",
        "mismatch_421_unverified",
        "mismatch_served_unverified",
        "insufficient_evidence",
        "aborted",
    ];
    assert_eq!(verdicts, expected);
    assert!(
        outputs
            .iter()
            .any(|output| matches!(output, Output::Joined { .. }))
    );
    assert!(outputs.iter().any(|output| matches!(output, Output::Lost { .. })));
    assert!(outputs.iter().any(|output| matches!(output, Output::Updated(_))));
}

#[test]
fn cut_anywhere_it_tells_the_same_up_to_there() {
    let steps = scene();
    let live = format!("{:?}", observe(&steps));
    let recording = record(&steps);
    let empty = record(&[]).len();
    let (mut whole, mut cut) = (0, 0);
    for length in empty..recording.len() {
        let (outputs, broken) = replay(&recording[..length]);
        match broken {
            None => whole += 1,
            Some(RecordingError::CutShort { .. }) => cut += 1,
            Some(error) => panic!("{error} after {length} octets"),
        }
        let told = format!("{outputs:?}");
        assert!(
            live.starts_with(told.trim_end_matches(']')),
            "after {length} octets"
        );
    }
    // Where an entry ends, nothing is missing that could be missed.
    assert_eq!(whole, steps.len());
    assert!(cut > 0);
}

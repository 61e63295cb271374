use bytemuck::Zeroable as _;
use ebpf::record;
use rstest::rstest;

use super::*;
use crate::wire::hello::Flow;

const SECOND: u64 = 1_000_000_000;
const OFFSET: u32 = 0x148;
const READ: u8 = Function::SslReadEx as u8;
const WRITE: u8 = Function::SslWriteEx2 as u8;

/// The object of every connection, with a random in it.
struct Object(Option<Random>);

impl Memory for Object {
    fn read(&self, _address: u64, buffer: &mut [u8]) -> usize {
        buffer.fill(0);
        if let Some(random) = self.0 {
            let at = usize::try_from(OFFSET).unwrap();
            buffer[at..at + 32].copy_from_slice(&random);
        }
        buffer.len()
    }
}

fn random(number: u32) -> Random {
    let mut random = [1; 32];
    random[..4].copy_from_slice(&number.to_ne_bytes());
    random
}

fn port(number: u32) -> u16 {
    u16::try_from(number % 50_000).unwrap() + 1024
}

fn flow(number: u32) -> Flow {
    Flow {
        source: ([127, 0, 0, 1], port(number)).into(),
        destination: ([127, 0, 0, 1], 443).into(),
    }
}

/// The server's socket of a connection.
fn socket(number: u32) -> record::Socket {
    let mut address = [0; 16];
    address[..4].copy_from_slice(&[127, 0, 0, 1]);
    record::Socket {
        local: address,
        peer: address,
        local_port: 443,
        peer_port: port(number),
        family: 2,
        source: record::SocketSource::Nested as u8,
        ..record::Socket::UNKNOWN
    }
}

fn sighting(number: u32, function: u8, opening: Opening) -> Sighting {
    let mut sighting = Sighting::zeroed();
    sighting.header.time = 10 * SECOND;
    sighting.header.ssl = 0x1000;
    sighting.header.born = u64::from(number) + 1;
    sighting.function = function;
    sighting.from_start = 1;
    sighting.first = 1;
    sighting.opening = opening as u8;
    sighting.socket = socket(number);
    sighting
}

struct Scene {
    trial: Trial,
    randoms: Randoms,
    /// Whether the wire shows ClientHellos.
    wire: bool,
    /// Whether the random stands in the object.
    found: bool,
    openings: [Opening; 2],
    /// Whether the sockets of its connections are known.
    sockets: bool,
    /// Whose random stands in the object: that of the connection so much later.
    neighbour: u32,
}

impl Scene {
    fn new() -> Self {
        Self {
            trial: Trial::new(10 * SECOND),
            randoms: Randoms::default(),
            wire: true,
            found: true,
            openings: [Opening::Request, Opening::Response],
            sockets: true,
            neighbour: 0,
        }
    }

    /// A connection on which a request is read and a response written.
    fn connection(&mut self, number: u32) -> Vec<Step> {
        if self.wire {
            self.randoms.add(random(number), true, flow(number));
        }
        let there = random(number + self.neighbour);
        if self.wire && self.neighbour > 0 {
            let number = number + self.neighbour;
            self.randoms.add(random(number), true, flow(number));
        }
        let object = Object(self.found.then_some(there));
        let mut steps = Vec::new();
        for (function, opening) in [READ, WRITE].into_iter().zip(self.openings) {
            let mut sighting = sighting(number, function, opening);
            if !self.sockets {
                sighting.socket = record::Socket::UNKNOWN;
            }
            if self.trial.state() == State::Shadow && self.found {
                sighting.client_random = there;
            }
            steps.extend(self.trial.sighted(&sighting, &object, &self.randoms));
        }
        steps
    }

    fn many(&mut self) -> Vec<Step> {
        (0..200).flat_map(|number| self.connection(number)).collect()
    }

    /// After the time that every trial gets.
    fn at_last(&mut self) -> Option<Step> {
        self.trial.tick(21 * SECOND, &self.randoms)
    }
}

#[test]
fn a_trial_takes_four_connections() {
    let mut scene = Scene::new();
    let place = Place {
        pointer: None,
        offset: OFFSET,
    };
    assert_eq!(scene.connection(0), []);
    assert_eq!(scene.trial.state(), State::Calibrating);
    assert_eq!(scene.connection(1), [Step::Shadow(place)]);
    assert_eq!(scene.trial.state(), State::Shadow);
    let later: Vec<_> = (2..4).flat_map(|number| scene.connection(number)).collect();
    assert_eq!(later, [Step::Promote(place)]);
    assert_eq!(scene.trial.state(), State::Promoted);
    assert_eq!(scene.many(), [], "it is over");
    assert_eq!(scene.at_last(), None);
}

#[test]
fn one_connection_proves_nothing_however_often_it_is_sighted() {
    let mut scene = Scene::new();
    for _ in 0..100 {
        assert_eq!(scene.connection(7), []);
    }
    assert_eq!(scene.trial.state(), State::Calibrating);
}

#[test]
fn an_impossible_result_ends_it_in_every_state() {
    for connections in [0, 2, 9] {
        let mut scene = Scene::new();
        for number in 0..connections {
            scene.connection(number);
        }
        let mut wrong = sighting(99, READ, Opening::Request);
        wrong.impossible = 1;
        let step = scene.trial.sighted(&wrong, &Object(None), &scene.randoms);
        assert_eq!(step, Some(Step::Refuse(Contradiction::ImpossibleResult)));
        assert_eq!(scene.many(), [], "nothing follows");
    }
}

#[rstest]
#[case::nothing_like_it_in_the_object(true, false, Contradiction::RandomNotFound)]
#[case::nothing_on_the_wire(false, true, Contradiction::RandomNotFound)]
fn without_a_random_it_is_given_up(
    #[case] wire: bool,
    #[case] found: bool,
    #[case] contradiction: Contradiction,
) {
    let mut scene = Scene::new();
    (scene.wire, scene.found) = (wire, found);
    assert_eq!(scene.many(), [], "not before its time");
    assert_eq!(scene.at_last(), Some(Step::Refuse(contradiction)));
}

#[test]
fn randoms_that_the_wire_never_shows_are_no_proof() {
    let mut scene = Scene::new();
    scene.connection(0);
    scene.connection(1);
    assert_eq!(scene.trial.state(), State::Shadow);
    scene.wire = false;
    let steps: Vec<_> = (2..200).flat_map(|number| scene.connection(number)).collect();
    assert_eq!(steps, []);
    assert_eq!(scene.at_last(), Some(Step::Refuse(Contradiction::RandomNotFound)));
}

/// A buffer of the handshake holds the random of its connection for a while, at two connections as well.
#[test]
fn a_place_that_does_not_hold_is_given_up_for_another() {
    struct Twice(Random);
    impl Memory for Twice {
        fn read(&self, _address: u64, buffer: &mut [u8]) -> usize {
            buffer.fill(0);
            for at in [16, 0x148] {
                buffer[at..at + 32].copy_from_slice(&self.0);
            }
            buffer.len()
        }
    }
    let mut scene = Scene::new();
    let mut steps = Vec::new();
    for number in 0..20 {
        scene.randoms.add(random(number), true, flow(number));
        for (function, opening) in [(READ, Opening::Request), (WRITE, Opening::Response)] {
            let mut sighting = sighting(number, function, opening);
            sighting.header.time += u64::from(number) * SECOND;
            // The kernel reads where the latest step told it to: only one place holds to the end.
            let right = matches!(steps.last(), Some(Step::Shadow(Place { offset: OFFSET, .. })));
            sighting.client_random = if right { random(number) } else { [0xee; 32] };
            steps.extend(
                scene
                    .trial
                    .sighted(&sighting, &Twice(random(number)), &scene.randoms),
            );
        }
    }
    let place = |offset| Place {
        pointer: None,
        offset,
    };
    assert_eq!(
        steps,
        [
            Step::Shadow(place(16)),
            Step::Shadow(place(OFFSET)),
            Step::Promote(place(OFFSET))
        ]
    );
}

#[test]
fn a_client_hello_may_be_told_later() {
    let mut scene = Scene::new();
    scene.connection(0);
    scene.connection(1);
    scene.wire = false;
    assert_eq!(scene.connection(2), []);
    assert_eq!(scene.connection(3), []);
    assert_eq!(scene.trial.tick(11 * SECOND, &scene.randoms), None);
    scene.randoms.add(random(2), true, flow(2));
    scene.randoms.add(random(3), true, flow(3));
    assert!(matches!(
        scene.trial.tick(11 * SECOND, &scene.randoms),
        Some(Step::Promote(_))
    ));
}

#[rstest]
#[case::neither([Opening::Other, Opening::Other])]
#[case::what_is_read([Opening::Other, Opening::Response])]
#[case::what_is_written([Opening::Request, Opening::Other])]
fn what_is_no_http_is_given_up(#[case] openings: [Opening; 2]) {
    let mut scene = Scene::new();
    scene.openings = openings;
    assert_eq!(scene.many().len(), 1, "to shadow alone");
    assert_eq!(scene.at_last(), Some(Step::Refuse(Contradiction::NotHttp)));
}

#[rstest]
#[case(Opening::Request)]
#[case(Opening::Response)]
fn directions_that_begin_alike_are_a_contradiction(#[case] opening: Opening) {
    let mut scene = Scene::new();
    scene.openings = [opening; 2];
    assert_eq!(
        scene.connection(0),
        [Step::Refuse(Contradiction::DirectionsAlike)]
    );
}

#[test]
fn an_address_that_is_used_again_is_another_connection() {
    let mut scene = Scene::new();
    scene.openings = [Opening::Other, Opening::Request];
    assert_eq!(scene.connection(0), []);
    scene.openings = [Opening::Request, Opening::Response];
    let steps: Vec<_> = (1..9).flat_map(|number| scene.connection(number)).collect();
    assert_eq!(steps.len(), 2, "to shadow, and promoted: {steps:?}");
    assert_eq!(scene.trial.state(), State::Promoted);
}

#[test]
fn connections_that_are_older_than_the_probes_decide_nothing() {
    let mut scene = Scene::new();
    for number in 0..200 {
        let mut old = sighting(number, READ, Opening::Other);
        old.from_start = 0;
        assert_eq!(scene.trial.sighted(&old, &Object(None), &scene.randoms), None);
    }
    assert_eq!(scene.at_last(), None, "nobody connected");
}

#[test]
fn sightings_from_before_it_are_another_program() {
    let mut scene = Scene::new();
    let mut wrong = sighting(1, READ, Opening::Request);
    wrong.impossible = 1;
    wrong.header.time = 9 * SECOND;
    assert_eq!(scene.trial.sighted(&wrong, &Object(None), &scene.randoms), None);
}

#[test]
fn a_crash_counts_only_on_trial() {
    let mut scene = Scene::new();
    assert_eq!(scene.trial.crashed(), Some(Step::Refuse(Contradiction::Crash)));
    let mut scene = Scene::new();
    scene.many();
    assert_eq!(scene.trial.state(), State::Promoted);
    assert_eq!(scene.trial.crashed(), None);
}

#[test]
fn searches_are_bounded_in_time() {
    struct Counted(std::cell::Cell<u32>);
    impl Memory for Counted {
        fn read(&self, _address: u64, _buffer: &mut [u8]) -> usize {
            self.0.set(self.0.get() + 1);
            0
        }
    }
    let mut scene = Scene::new();
    scene.randoms.add(random(0), true, flow(0));
    let memory = Counted(std::cell::Cell::new(0));
    for number in 0..500 {
        let sighting = sighting(number, READ, Opening::Request);
        scene.trial.sighted(&sighting, &memory, &scene.randoms);
    }
    assert_eq!(memory.0.get(), SEARCHES);
}

/// Objects lie beside each other, so one place may show every connection the random of its neighbour.
#[test]
fn what_stands_in_another_connections_object_is_no_proof() {
    let mut scene = Scene::new();
    scene.neighbour = 1;
    assert_eq!(scene.many(), []);
    assert_eq!(scene.at_last(), Some(Step::Refuse(Contradiction::RandomNotFound)));
}

#[test]
fn without_sockets_it_takes_more_connections() {
    let mut scene = Scene::new();
    scene.sockets = false;
    let steps: Vec<_> = (0..7).flat_map(|number| scene.connection(number)).collect();
    assert_eq!(steps.len(), 2, "{steps:?}");
    assert!(matches!(steps[..], [Step::Shadow(_), Step::Promote(_)]));
}

/// Hostile processes may know what is looked for.
#[test]
fn places_are_bounded() {
    struct Everywhere;
    impl Memory for Everywhere {
        fn read(&self, _address: u64, buffer: &mut [u8]) -> usize {
            buffer.fill(7);
            buffer.len()
        }
    }
    let mut scene = Scene::new();
    scene.randoms.add([7; 32], true, flow(0));
    for number in 0..9 {
        let mut sighting = sighting(number, READ, Opening::Request);
        sighting.socket = socket(0);
        scene.trial.sighted(&sighting, &Everywhere, &scene.randoms);
    }
    assert_eq!(
        scene.trial.state(),
        State::Calibrating,
        "one random, however often"
    );
    assert_eq!(scene.trial.places.len(), PLACES);
}

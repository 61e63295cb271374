//! A conversation in which everything occurs that the observer can be fed.

use ebpf::record::SocketSource;
use wrongway::connection::{Socket, SocketSource as Source};
use wrongway::decode::Record;
use wrongway::observer::{Input, Observer, Output};
use wrongway::recording::{Start, Writer};

use super::certificates::certificate;
use super::records::{End, READ, WRITE};
use super::sockets::socket;
use super::world::{CLIENT, EPOCH, SERVER, machine};

/// What the observer is fed at one moment.
pub(crate) enum Step {
    /// Octets of a record.
    Record(Vec<u8>),
    /// Anything else.
    Other(Box<Input<'static>>),
}

/// A client's request of HTTP/1.1 with both ends, a misdirected one on HTTP/2, a loss, an abort, and an exit.
pub(crate) fn scene() -> Vec<Step> {
    let mut server = End::server(SERVER, 1).random(9);
    server.facts.socket = socket("192.0.2.1", "192.0.2.2", SocketSource::Descriptor);
    let mut client = End::client(CLIENT, 2).random(9);
    let mut multiplexed = End::server(SERVER, 3);

    let mut steps: Vec<Step> = machine().into_iter().map(other).collect();
    steps.extend(records([
        client.opened(),
        client.get(WRITE, "a.example"),
        server.opened(),
        server.certificate(true, &certificate(&["a.example", "b.example"])),
        server.get(READ, "a.example"),
        server.status(WRITE, 200),
        client.status(READ, 200),
    ]));
    steps.push(other(Input::Socket {
        key: client.key(),
        socket: Socket {
            local: "192.0.2.2:50000".parse().unwrap(),
            peer: "192.0.2.1:443".parse().unwrap(),
            netns: 7,
            source: Source::Peer,
        },
    }));
    steps.extend(records([
        client.get(WRITE, "b.example"),
        client.status(READ, 421),
        client.closed(),
        multiplexed.opened(),
        multiplexed.h2_get(READ, 1, "a.example"),
        multiplexed.h2_get(READ, 3, "b.example"),
        multiplexed.h2_status(WRITE, 3, "421"),
    ]));
    multiplexed.lose(WRITE, 1);
    steps.extend(records([
        multiplexed.h2_get(READ, 5, "c.example"),
        multiplexed.h2_status(WRITE, 5, "200"),
        multiplexed.h2_get(READ, 7, "d.example"),
        server.exit(),
    ]));
    steps
}

fn other(input: Input<'static>) -> Step {
    Step::Other(Box::new(input))
}

fn records<const N: usize>(records: [Vec<u8>; N]) -> impl Iterator<Item = Step> {
    records.into_iter().map(Step::Record)
}

/// What the observer tells of it.
pub(crate) fn observe(steps: &[Step]) -> Vec<Output> {
    let (mut observer, mut outputs) = (Observer::new(EPOCH), Vec::new());
    for step in steps {
        let input = match step {
            Step::Record(bytes) => Input::Record(Record::from_bytes(bytes).unwrap()),
            Step::Other(input) => Input::clone(input),
        };
        observer.input(input, &mut outputs);
    }
    outputs
}

/// A recording of it.
pub(crate) fn record(steps: &[Step]) -> Vec<u8> {
    let start = Start {
        version: "1.2.3".to_owned(),
        epoch: EPOCH,
    };
    let mut writer = Writer::new(Vec::new(), &start).unwrap();
    for step in steps {
        match step {
            Step::Record(bytes) => writer.record(bytes).unwrap(),
            Step::Other(input) => writer.note(input).unwrap(),
        }
    }
    writer.finish().unwrap()
}

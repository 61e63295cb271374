//! An observer and what it told.

use ebpf::record::Direction;
use wrongway::connection::{Key, Process, Socket};
use wrongway::decode::Record;
use wrongway::export::present;
use wrongway::export::view;
use wrongway::observer::{Input, Observer, Output};

use super::records::End;

/// 2026-01-02T03:04:05Z, in nanoseconds since the Unix epoch.
pub(crate) const EPOCH: u64 = 1_767_323_045_000_000_000;
/// The process of servers.
pub(crate) const SERVER: u32 = 100;
/// The process of clients.
pub(crate) const CLIENT: u32 = 200;
/// The library in slot 1.
pub(crate) const LIBRARY: &str = "/usr/lib/libssl.so.3";

pub(crate) struct World {
    pub(crate) observer: Observer,
    pub(crate) outputs: Vec<Output>,
}

impl World {
    /// Knows the library in slot 1 and both processes.
    pub(crate) fn new() -> Self {
        let mut world = Self {
            observer: Observer::new(EPOCH),
            outputs: Vec::new(),
        };
        for input in machine() {
            world.input(input);
        }
        world
    }

    pub(crate) fn input(&mut self, input: Input<'_>) {
        self.observer.input(input, &mut self.outputs);
    }

    pub(crate) fn record(&mut self, bytes: &[u8]) {
        self.input(Input::Record(Record::from_bytes(bytes).unwrap()));
    }

    /// A request for this host with its response, on a server's connection that is open.
    pub(crate) fn serve(&mut self, end: &mut End, host: &str, status: u16) {
        self.record(&end.get(Direction::Read, host));
        self.record(&end.status(Direction::Write, status));
    }

    /// As [`Self::serve`], on a client's connection.
    pub(crate) fn fetch(&mut self, end: &mut End, host: &str, status: u16) {
        self.record(&end.get(Direction::Write, host));
        self.record(&end.status(Direction::Read, status));
    }

    /// The exchanges so far, in the order of their completion.
    pub(crate) fn exchanges(&self) -> Vec<view::Exchange> {
        exchanges(&self.outputs)
    }

    /// The latest exchange.
    pub(crate) fn exchange(&self) -> view::Exchange {
        self.exchanges().pop().expect("an exchange was told")
    }

    /// How often this was lost.
    pub(crate) fn lost(&self, what: &str) -> u64 {
        self.losses()
            .iter()
            .filter(|(reason, _)| reason == what)
            .map(|(_, count)| count)
            .sum()
    }

    /// Everything that was lost, as `stage/reason`.
    pub(crate) fn losses(&self) -> Vec<(String, u64)> {
        let losses = self.outputs.iter().filter_map(|output| match output {
            Output::Lost { stage, reason, count } => Some((format!("{stage}/{reason}"), *count)),
            _ => None,
        });
        losses.collect()
    }

    /// Numbers of the connections that were closed, in order.
    pub(crate) fn closed(&self) -> Vec<u64> {
        let closed = self.outputs.iter().filter_map(|output| match output {
            Output::Closed(facts) => Some(facts.id),
            _ => None,
        });
        closed.collect()
    }

    /// How often a join came out so.
    pub(crate) fn joins(&self, what: &str) -> usize {
        let joins = self
            .outputs
            .iter()
            .filter(|output| matches!(output, Output::Joined { result } if *result == what));
        joins.count()
    }

    /// What is to be confirmed.
    pub(crate) fn confirms(&self) -> Vec<(Key, Socket)> {
        let confirms = self.outputs.iter().filter_map(|output| match output {
            Output::Confirm { key, socket } => Some((*key, *socket)),
            _ => None,
        });
        confirms.collect()
    }
}

/// What the observer is told of the machine before any record.
pub(crate) fn machine() -> Vec<Input<'static>> {
    let process = |pid, exe: &str| {
        Input::Process(Process {
            pid,
            exe: Some(exe.to_owned()),
            ..Process::default()
        })
    };
    vec![
        Input::Library {
            slot: 1,
            path: LIBRARY.to_owned(),
        },
        process(SERVER, "/usr/sbin/server"),
        process(CLIENT, "/usr/bin/client"),
    ]
}

/// The exchanges among outputs.
pub(crate) fn exchanges(outputs: &[Output]) -> Vec<view::Exchange> {
    let exchanges = outputs.iter().filter_map(|output| match output {
        Output::Exchange(judged) => Some(present::judged(judged)),
        _ => None,
    });
    exchanges.collect()
}

//! ClientHellos in Initial packets of QUIC.

use super::bounds::{AGE, CONNECTIONS, FLOWS, OCTETS};
use super::connection::Connection;
use super::seen::{Flow, Outcome, Place, Seen};
use super::told::Told;
use crate::decode::Datagram;
use crate::wire::aging::Aging;
use crate::wire::client_hello::Transport;
use crate::wire::quic::keys::{Keys, Opened};
use crate::wire::quic::packet::{self, Fault, Initial};

/// Shortest identifier that a client may address its first packet to: RFC 9000, section 7.2.
const SHORTEST_ID: usize = 8;

/// QUIC connections that have lately begun, by their flow. They stay when their ClientHello was told, as packets of
/// theirs still come that only their keys open.
pub(super) struct Quic {
    flows: Aging<Flow, Vec<Connection>>,
    weight: usize,
}

impl Default for Quic {
    fn default() -> Self {
        Self {
            flows: Aging::new(FLOWS),
            weight: 0,
        }
    }
}

impl Quic {
    pub(super) fn datagram(&mut self, datagram: &Datagram<'_>, told: &mut Told, out: &mut Vec<Seen>) {
        let place = Place {
            transport: Transport::Quic,
            flow: Flow::from(&datagram.flow),
            interface: datagram.flow.interface,
            time: datagram.header.time,
        };
        for initial in packet::initials(datagram.bytes) {
            match initial {
                Ok(initial) => self.initial(&initial, place, told, out),
                Err(Fault::Unknown) => out.push(place.seen(Outcome::NotTls, None)),
                Err(Fault::Malformed) => out.push(place.seen(Outcome::Malformed, None)),
            }
        }
    }

    pub(super) fn expire(&mut self, oldest: u64, out: &mut Vec<Seen>) {
        while let Some((_, connections)) = self.flows.remove_older(oldest) {
            self.give_up(connections, Outcome::Incomplete, out);
        }
    }

    pub(super) const fn weight(&self) -> usize {
        self.weight
    }

    fn initial(&mut self, packet: &Initial<'_>, place: Place, told: &mut Told, out: &mut Vec<Seen>) {
        let known = self
            .flows
            .find(&place.flow)
            .and_then(|connections| open(connections, packet));
        let (at, opened) = if let Some(known) = known {
            known
        } else if let Some((keys, opened)) = first(packet) {
            (self.begin(Connection::new(packet, keys, place), out), opened)
        } else {
            out.push(place.seen(Outcome::NotClient, None));
            return;
        };
        let Some(connections) = self.flows.find(&place.flow) else {
            return;
        };
        let weight = |connections: &[Connection]| connections.iter().map(Connection::weight).sum::<usize>();
        let before = weight(connections);
        if let Some(connection) = connections.get_mut(at)
            && connection.take(&opened, place, told, out)
        {
            // After a Retry the client has begun again, and says all that it had begun to say.
            connections.retain(|connection| !connection.is_waiting());
        }
        self.weight = self.weight + weight(connections) - before;
        while self.weight > OCTETS
            && let Some((_, connections)) = self.flows.remove_oldest()
        {
            self.give_up(connections, Outcome::Crowded, out);
        }
    }

    /// Adds a connection to its flow, and returns its place there.
    fn begin(&mut self, connection: Connection, out: &mut Vec<Seen>) -> usize {
        let Place { flow, time, .. } = connection.place();
        let mut connections = self.flows.remove(&flow).unwrap_or_default();
        let is_old = |other: &mut Connection| other.place().time < time.saturating_sub(AGE);
        let old: Vec<_> = connections.extract_if(.., is_old).collect();
        self.give_up(old, Outcome::Incomplete, out);
        if connections.len() >= CONNECTIONS {
            let least = connections
                .iter()
                .position(|other| !other.is_waiting())
                .unwrap_or(0);
            let least = connections.remove(least);
            self.give_up(vec![least], Outcome::Crowded, out);
        }
        connections.push(connection);
        let at = connections.len() - 1;
        if let Some((_, connections)) = self.flows.insert(flow, time, connections) {
            self.give_up(connections, Outcome::Crowded, out);
        }
        at
    }

    fn give_up(&mut self, connections: Vec<Connection>, outcome: Outcome, out: &mut Vec<Seen>) {
        for connection in connections {
            self.weight -= connection.weight();
            if connection.is_unfinished() {
                out.push(connection.place().seen(outcome, None));
            }
        }
    }
}

/// Opens a packet with the keys of a connection that has begun: that of its own destination, or, as the client goes
/// on to the one that the server has chosen, any other.
fn open(connections: &[Connection], packet: &Initial<'_>) -> Option<(usize, Opened)> {
    let (own, other): (Vec<_>, Vec<_>) = connections
        .iter()
        .enumerate()
        .partition(|(_, connection)| connection.began_with(packet));
    let mut candidates = own.into_iter().chain(other);
    candidates.find_map(|(at, connection)| Some((at, connection.open(packet)?)))
}

/// Opens the first packet of a connection.
fn first(packet: &Initial<'_>) -> Option<(Keys, Opened)> {
    if packet.destination.len() < SHORTEST_ID {
        return None;
    }
    let keys = Keys::of_client(packet.version, packet.destination)?;
    let opened = keys.open(packet, 0)?;
    Some((keys, opened))
}

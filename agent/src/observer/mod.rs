//! From records to judged exchanges: joins what the kernel and `/proc` tell about connections and hands each
//! exchange to the verdict.
//!
//! ```text
//! Input ──▶ Observer ──▶ Output
//!   record      │          opened, updated, closed connection
//!   process     ├─ connection table, by key
//!   library     ├─ peers, by client random
//!   socket      └─ conversation of each connection ──▶ judged exchange
//! ```
//! Sans-IO: time is a number in the records, and what only the system can answer is an [`Output::Confirm`].

mod judged;
mod loss;
mod tracked;

use std::{collections::BTreeMap, ops::RangeInclusive, sync::Arc};

use ebpf::record::{self, Direction};

pub use judged::Judged;
pub use loss::{Loss, STAGE};
use tracked::Tracked;

use crate::{
    connection::{Facts, Key, Peers, Process, Role, Socket},
    decode::{Certificate, Data, Record},
    http,
    wire::certificate::Names,
};

/// What the observer is fed.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// A record of the kernel.
    Record(Record<'a>),
    /// A process is, or has become, this. `library` is left out.
    Process(Process),
    /// A library has this slot from now on.
    Library {
        /// The slot that records name it by.
        slot: u16,
        /// Its path.
        path: String,
    },
    /// The answer to an [`Output::Confirm`]: the process has this socket.
    Socket {
        /// The connection.
        key: Key,
        /// Its socket.
        socket: Socket,
    },
}

/// What the observer tells.
#[derive(Clone, Debug)]
pub enum Output {
    /// A connection carried its first application data.
    Opened(Arc<Facts>),
    /// More is known of a connection.
    Updated(Arc<Facts>),
    /// A connection ended.
    Closed(Arc<Facts>),
    /// An exchange is complete and judged.
    Exchange(Box<Judged>),
    /// Something was seen and not kept.
    Lost {
        /// Where.
        stage: &'static str,
        /// Why.
        reason: &'static str,
        /// How often.
        count: u64,
    },
    /// Two ends of one connection met, or could not be joined.
    Joined {
        /// `peer`, `unconfirmed`.
        result: &'static str,
    },
    /// Does this process have this socket? Answered by [`Input::Socket`], or not at all.
    Confirm {
        /// The connection that it would belong to.
        key: Key,
        /// The socket.
        socket: Socket,
    },
}

/// The state.
#[derive(Default)]
pub struct Observer {
    /// Nanoseconds since the Unix epoch at the zero of `CLOCK_BOOTTIME`.
    epoch: u64,
    connections: BTreeMap<Key, Tracked>,
    processes: BTreeMap<u32, Process>,
    libraries: BTreeMap<u16, String>,
    peers: Peers,
    certificates: Names,
    next_connection: u64,
    next_exchange: u64,
    exchanges: Vec<http::Exchange>,
}

impl Observer {
    /// An observer of nothing yet. `epoch` is the wall clock, in nanoseconds since the Unix epoch, at the zero of
    /// the records' clock.
    pub fn new(epoch: u64) -> Self {
        Self {
            epoch,
            ..Self::default()
        }
    }

    /// Whether the process is known; if not, it should be fed before its records.
    pub fn knows(&self, pid: u32) -> bool {
        self.processes.contains_key(&pid)
    }

    /// Connections that are open.
    pub fn open(&self) -> impl Iterator<Item = Key> {
        self.connections.keys().copied()
    }

    /// Takes one input and appends what follows from it to `out`.
    pub fn input(&mut self, input: Input<'_>, out: &mut Vec<Output>) {
        match input {
            Input::Record(record) => self.record(record, out),
            Input::Process(process) => {
                self.processes.insert(process.pid, process);
            }
            Input::Library { slot, path } => {
                self.libraries.insert(slot, path);
            }
            Input::Socket { key, socket } => self.confirmed(key, socket, out),
        }
    }

    fn record(&mut self, record: Record<'_>, out: &mut Vec<Output>) {
        match record {
            Record::Connection(connection) => self.connection(&connection, out),
            Record::Certificate(certificate) => self.certificate(&certificate, out),
            Record::Data(data) => self.data(&data, out),
            Record::Close(close) => {
                if let Some(mut tracked) = self.connections.remove(&Key::from(&close.header)) {
                    tracked.expect_no_more(close.sequences);
                    self.close(tracked, close.header.time, out);
                }
            }
            Record::Segment(_) | Record::Datagram(_) | Record::SocketUse(_) => {}
            // Either way the process, as it was known, is no more.
            Record::Exec(header) | Record::Exit(header) => {
                self.process_ended(header.tgid, header.time, out);
                self.processes.remove(&header.tgid);
            }
        }
    }

    fn connection(&mut self, record: &record::Connection, out: &mut Vec<Output>) {
        self.next_connection += 1;
        let process = self.processes.get(&record.header.tgid).cloned();
        let process = Process {
            pid: record.header.tgid,
            library: self.libraries.get(&record.library).cloned(),
            ..process.unwrap_or_default()
        };
        let opened_at = self.epoch.saturating_add(record.header.born);
        let facts = Facts::new(self.next_connection, opened_at, record, Arc::new(process));
        let key = Key::from(&record.header);
        let tracked = Tracked::new(facts);
        let facts = Arc::clone(tracked.facts());
        // Two objects cannot stand at one address: what was there is over, even if its end was lost.
        let (first, last) = (
            Key { born: 0, ..key },
            Key {
                born: u64::MAX,
                ..key
            },
        );
        self.close_all(first..=last, record.header.time, out);
        self.connections.insert(key, tracked);
        out.push(Output::Opened(Arc::clone(&facts)));
        if let (Some(random), Some(role)) = (facts.client_random, facts.role)
            && let Some(told) = self.peers.add(random, role, key, facts.socket)
            && self.connections.contains_key(&told.key)
        {
            out.push(Output::Confirm {
                key: told.key,
                socket: told.socket,
            });
        }
    }

    fn confirmed(&mut self, key: Key, socket: Socket, out: &mut Vec<Output>) {
        let Some(tracked) = self.connections.get_mut(&key) else {
            return;
        };
        tracked.change(|facts| facts.socket = Some(socket));
        out.push(Output::Joined { result: "peer" });
        out.push(Output::Updated(Arc::clone(tracked.facts())));
    }

    fn certificate(&mut self, certificate: &Certificate<'_>, out: &mut Vec<Output>) {
        let Some(tracked) = self.connections.get_mut(&Key::from(&certificate.header)) else {
            return;
        };
        let Some(encoding) = certificate.encoding else {
            out.push(Output::Lost {
                stage: STAGE,
                reason: Loss::CertificateTooLong.as_str(),
                count: 1,
            });
            return;
        };
        let Some(names) = self.certificates.of(encoding) else {
            out.push(Output::Lost {
                stage: STAGE,
                reason: Loss::CertificateUnreadable.as_str(),
                count: 1,
            });
            return;
        };
        let source = if certificate.own {
            "own_object"
        } else {
            "peer_object"
        };
        tracked.change(|facts| {
            facts.certificate_names = Some(names);
            facts.certificate_source = Some(source);
        });
        out.push(Output::Updated(Arc::clone(tracked.facts())));
    }

    fn data(&mut self, data: &Data<'_>, out: &mut Vec<Output>) {
        let Some(tracked) = self.connections.get_mut(&Key::from(&data.header)) else {
            // Its own record was lost, and with it all that a verdict rests on.
            out.push(Output::Lost {
                stage: STAGE,
                reason: Loss::UnknownConnection.as_str(),
                count: 1,
            });
            return;
        };
        tracked.data(data, &mut self.exchanges);
        judge(
            tracked,
            self.epoch,
            &mut self.next_exchange,
            &mut self.exchanges,
            out,
        );
    }

    fn process_ended(&mut self, pid: u32, time: u64, out: &mut Vec<Output>) {
        let first = Key { pid, ssl: 0, born: 0 };
        let last = Key {
            pid,
            ssl: u64::MAX,
            born: u64::MAX,
        };
        self.close_all(first..=last, time, out);
    }

    fn close_all(&mut self, keys: RangeInclusive<Key>, time: u64, out: &mut Vec<Output>) {
        let keys: Vec<Key> = self.connections.range(keys).map(|(key, _)| *key).collect();
        for key in keys {
            if let Some(tracked) = self.connections.remove(&key) {
                self.close(tracked, time, out);
            }
        }
    }

    fn close(&mut self, mut tracked: Tracked, time: u64, out: &mut Vec<Output>) {
        tracked.close(time, &mut self.exchanges);
        judge(
            &mut tracked,
            self.epoch,
            &mut self.next_exchange,
            &mut self.exchanges,
            out,
        );
        out.push(Output::Closed(Arc::clone(tracked.facts())));
    }
}

/// Judges the exchanges that a connection completed.
fn judge(
    tracked: &mut Tracked,
    epoch: u64,
    next: &mut u64,
    exchanges: &mut Vec<http::Exchange>,
    out: &mut Vec<Output>,
) {
    for exchange in exchanges.drain(..) {
        *next += 1;
        if let (Some(role), direction) = (tracked.facts().role, exchange.request_direction)
            && (role == Role::Server) != (direction == Direction::Read)
        {
            out.push(Output::Lost {
                stage: STAGE,
                reason: Loss::RoleConflict.as_str(),
                count: 1,
            });
        }
        let judged = Judged::new(*next, epoch, Arc::clone(tracked.facts()), exchange);
        out.push(Output::Exchange(Box::new(judged)));
    }
    for (loss, count) in tracked.losses().iter() {
        out.push(Output::Lost {
            stage: http::STAGE,
            reason: loss.as_str(),
            count,
        });
    }
}

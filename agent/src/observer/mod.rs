//! From records to judged exchanges: joins what the kernel, the wire and `/proc` tell about connections and hands
//! each exchange to the verdict.
//!
//! ```text
//! Input ──▶ Observer ──▶ Output
//!   record      │          opened, updated, closed connection
//!   process     ├─ ClientHellos, by client random ─┐
//!   library     ├─ connection table, by key ◀─join─┤
//!   socket      ├─ ends, by client random ◀────────┘
//!   owners      ├─ conversation of each connection
//!   tick        └─ hops, which relay ──▶ judged exchange
//! ```
//! Sans-IO: time is a number in the records, and what only the system can answer is an [`Output::Confirm`] or an
//! [`Output::Unclaimed`].

mod hop;
mod join;
mod judged;
mod loss;
mod role;
mod tell;
mod tracked;
mod unclaimed;
mod unpaired;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::RangeInclusive,
    sync::Arc,
};

use ebpf::record;
use serde::{Deserialize, Serialize};

pub use join::{RESULTS as JOIN_RESULTS, UNCONFIRMED};
pub use judged::{Hop, Judged, Names, Relay};
pub use loss::{Loss, STAGE};
use tracked::Tracked;

use crate::{
    connection::{CertificateSource, Ends, Facts, Hellos, Key, Process, Role, Socket, UsedSockets},
    decode::{Certificate, Data, Record},
    http,
    listener::{self, Listener, Listeners},
    outcome::{self, Outcome, Told, Tracker},
    policy::Policy,
    wire::{
        certificate,
        client_hello::{ClientHello, Transport},
        hello::{Assembler, Flow, Seen},
    },
};
use hop::Hops;
use unclaimed::Waiting;
use unpaired::Unpaired;

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
    /// The answer to an [`Output::Unclaimed`].
    Owners {
        /// Its client random.
        random: [u8; 32],
        /// The processes of this machine that have the sides asked for; none where they are not of this machine.
        owners: Vec<Owner>,
    },
    /// It is this late, nanoseconds of `CLOCK_BOOTTIME`: what waits for nothing else is due.
    Tick(u64),
}

/// The process that has one side of a connection of which only the ClientHello was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The side.
    pub role: Role,
    /// Where the ClientHello was seen.
    pub flow: Flow,
    /// The process.
    pub process: Process,
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
    /// A connection of which nothing but its ClientHello can be seen.
    SniOnly(Arc<Facts>),
    /// A library shows the connection of an earlier [`Output::SniOnly`] after all.
    Superseded {
        /// The number under which it was told.
        id: u64,
    },
    /// A process of an earlier [`Output::SniOnly`] ended, or replaced its image.
    ProcessEnded {
        /// It.
        pid: u32,
    },
    /// An exchange is complete and judged.
    Exchange(Arc<Judged>),
    /// What the client did after a 421. Told once for each, after its exchange.
    Outcome {
        /// The exchange.
        exchange: u64,
        /// What its client did.
        outcome: Outcome,
        /// The exchange that followed from it, if one did.
        retried_as: Option<u64>,
    },
    /// Something was seen and not kept.
    Lost {
        /// Where.
        stage: &'static str,
        /// Why.
        reason: &'static str,
        /// How often.
        count: u64,
    },
    /// What the library shows of a connection was joined with another source, or could not be.
    Joined {
        /// One of [`JOIN_RESULTS`].
        result: &'static str,
    },
    /// A ClientHello, or what might have been one, was seen on the wire.
    ClientHello {
        /// What carried it.
        transport: Transport,
        /// What it was.
        result: &'static str,
        /// It, if it could be read.
        hello: Option<Arc<ClientHello>>,
        /// Where.
        flow: Flow,
    },
    /// Does this process have this socket? Answered by [`Input::Socket`], or not at all.
    Confirm {
        /// The connection that it would belong to.
        key: Key,
        /// The socket.
        socket: Socket,
    },
    /// No library shows these sides of a connection: whose are they? Answered by [`Input::Owners`].
    Unclaimed {
        /// Its client random.
        random: [u8; 32],
        /// What carries it.
        transport: Transport,
        /// The sides.
        roles: Vec<Role>,
        /// Where its ClientHello was seen.
        flows: Vec<Flow>,
    },
}

/// The state.
#[derive(Default)]
pub struct Observer {
    /// Nanoseconds since the Unix epoch at the zero of `CLOCK_BOOTTIME`.
    epoch: u64,
    /// The latest time of a record or tick.
    now: u64,
    connections: BTreeMap<Key, Tracked>,
    processes: BTreeMap<u32, Process>,
    libraries: BTreeMap<u16, String>,
    assembler: Assembler,
    hellos: Hellos,
    waiting: Waiting,
    /// Processes of which a connection shows nothing but its ClientHello.
    sni_only: BTreeSet<u32>,
    seen: Vec<Seen>,
    ends: Ends,
    /// The other end of a connection whose both ends are open.
    paired: HashMap<Key, Key>,
    /// Connections whose socket may yet be found.
    socketless: BTreeSet<Key>,
    used_sockets: UsedSockets,
    hops: Hops,
    unpaired: Unpaired,
    certificates: certificate::Names,
    policy: Arc<Policy>,
    listeners: Listeners,
    outcomes: Tracker,
    /// Outcomes that are to be told.
    told: Vec<Told>,
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

    /// Numbers connections and exchanges from after these on, so that they go on where an earlier run ended.
    pub const fn number_after(&mut self, connection: u64, exchange: u64) {
        self.next_connection = connection;
        self.next_exchange = exchange;
    }

    /// Judges by this policy from now on.
    pub fn set_policy(&mut self, policy: Arc<Policy>) {
        self.outcomes.set_windows(outcome::Windows {
            retry: policy.windows.retry,
            ping_pong: policy.windows.ping_pong,
        });
        self.listeners.set_limits(listener::Limits {
            listeners: policy.limits.listeners,
            names: policy.limits.names_per_listener,
            age: u64::try_from(policy.windows.listener.as_nanos()).unwrap_or(u64::MAX),
        });
        self.policy = policy;
    }

    /// What is known of listeners.
    pub fn listeners(&self) -> impl Iterator<Item = &Listener> {
        self.listeners.iter()
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
            Input::Owners { random, owners } => self.owned(&random, owners, out),
            Input::Tick(time) => self.advance(time, out),
        }
    }

    /// Tells what waits for something that may never come. To be called where the inputs end.
    pub fn finish(&mut self, out: &mut Vec<Output>) {
        self.release_unpaired(u64::MAX, out);
        self.release_held(u64::MAX, out);
        self.outcomes.finish(&mut self.told);
        self.tell_outcomes(out);
    }

    /// It is this late.
    fn advance(&mut self, time: u64, out: &mut Vec<Output>) {
        self.now = self.now.max(time);
        self.expire_hellos(out);
        self.ask_owners(out);
        self.release_unpaired(self.now, out);
        self.release_held(self.now, out);
        self.outcomes.tick(self.now, &mut self.told);
        self.tell_outcomes(out);
    }

    fn record(&mut self, record: Record<'_>, out: &mut Vec<Output>) {
        self.advance(record.header().time, out);
        match record {
            Record::Connection(connection) => self.connection(&connection, out),
            Record::Certificate(certificate) => self.certificate(&certificate, out),
            Record::Data(data) => self.data(&data, out),
            Record::Close(close) => {
                let key = Key::from(&close.header);
                if let Some(tracked) = self.connections.get_mut(&key) {
                    tracked.expect_no_more(close.sequences);
                    self.close(key, close.header.time, out);
                }
            }
            Record::Segment(segment) => self.segment(&segment, out),
            Record::Datagram(datagram) => self.datagram(&datagram, out),
            Record::SocketUse(used) => self.socket_used(&used, out),
            // Of functions that are not believed yet; the end of a process is told as every other's.
            Record::Sighting(_) | Record::Crash(_) => {}
            // Either way the process, as it was known, is no more.
            Record::Exec(header) | Record::Exit(header) => {
                self.process_ended(header.tgid, header.time, out);
                self.processes.remove(&header.tgid);
                self.used_sockets.forget(header.tgid);
                self.hops.forget(header.tgid);
                self.outcomes.process_ended(header.tgid, &mut self.told);
                self.tell_outcomes(out);
                if self.sni_only.remove(&header.tgid) {
                    out.push(Output::ProcessEnded { pid: header.tgid });
                }
            }
        }
    }

    fn connection(&mut self, record: &record::Connection, out: &mut Vec<Output>) {
        let key = Key::from(&record.header);
        if self.told_again(key, record, out) {
            return;
        }
        self.next_connection += 1;
        let process = self.processes.get(&record.header.tgid).cloned();
        let process = Process {
            pid: record.header.tgid,
            library: self.libraries.get(&record.library).cloned(),
            ..process.unwrap_or_default()
        };
        let opened_at = self.epoch.saturating_add(record.header.born);
        let facts = Facts::new(self.next_connection, opened_at, record, Arc::new(process));
        // Two objects cannot stand at one address: what was there is over, even if its end was lost.
        let (first, last) = (
            Key { born: 0, ..key },
            Key {
                born: u64::MAX,
                ..key
            },
        );
        self.close_all(first..=last, record.header.time, out);
        if let Some(role) = facts.role {
            self.hops.connected(key.pid, role);
        }
        self.connections.insert(key, Tracked::new(facts));
        self.join(key, out);
        if let Some(tracked) = self.connections.get_mut(&key) {
            out.push(Output::Opened(tracked.tell()));
        }
    }

    /// Changes what is known of a connection, and tells it once the connection itself was told.
    fn change(&mut self, key: Key, out: &mut Vec<Output>, change: impl FnOnce(&mut Facts)) {
        if let Some(tracked) = self.connections.get_mut(&key) {
            tracked.change(change);
            if tracked.is_told() {
                out.push(Output::Updated(Arc::clone(tracked.facts())));
            }
        }
    }

    fn certificate(&mut self, certificate: &Certificate<'_>, out: &mut Vec<Output>) {
        if !self.connections.contains_key(&Key::from(&certificate.header)) {
            return;
        }
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
            CertificateSource::OwnObject
        } else {
            CertificateSource::PeerObject
        };
        let key = Key::from(&certificate.header);
        self.change(key, out, |facts| {
            facts.certificate_names = Some(names);
            facts.certificate_source = Some(source);
        });
        self.share_certificate_with_closed(key);
        self.share_certificate(key, out);
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
        if tracked.facts().role.is_some() && self.exchanges.is_empty() && !tracked.has_losses() {
            // A request that waits for its answer, as every other record is.
            return;
        }
        self.learn_role(Key::from(&data.header), out);
        self.judge(Key::from(&data.header), out);
    }

    fn process_ended(&mut self, pid: u32, time: u64, out: &mut Vec<Output>) {
        self.close_all(keys_of(pid), time, out);
    }

    fn close_all(&mut self, keys: RangeInclusive<Key>, time: u64, out: &mut Vec<Output>) {
        let keys: Vec<Key> = self.connections.range(keys).map(|(key, _)| *key).collect();
        for key in keys {
            self.close(key, time, out);
        }
    }

    fn close(&mut self, key: Key, time: u64, out: &mut Vec<Output>) {
        let Some(tracked) = self.connections.get_mut(&key) else {
            return;
        };
        tracked.close(time, &mut self.exchanges);
        self.judge(key, out);
        if let Some(tracked) = self.connections.remove(&key) {
            self.socketless.remove(&key);
            if let Some(other) = self.paired.remove(&key) {
                self.paired.remove(&other);
            }
            out.push(Output::Closed(Arc::clone(tracked.facts())));
        }
    }

    /// Judges the exchanges that a connection completed.
    fn judge(&mut self, key: Key, out: &mut Vec<Output>) {
        let Some(tracked) = self.connections.get_mut(&key) else {
            return;
        };
        let losses = tracked.losses();
        let facts = Arc::clone(tracked.facts());
        let mut exchanges = std::mem::take(&mut self.exchanges);
        for exchange in exchanges.drain(..) {
            self.judge_one(Arc::clone(&facts), exchange, out);
        }
        // Its memory is used again.
        self.exchanges = exchanges;
        for (loss, count) in losses.iter() {
            out.push(Output::Lost {
                stage: http::STAGE,
                reason: loss.as_str(),
                count,
            });
        }
    }
}

/// The keys that connections of a process can have.
const fn keys_of(pid: u32) -> RangeInclusive<Key> {
    let first = Key { pid, ssl: 0, born: 0 };
    let last = Key {
        pid,
        ssl: u64::MAX,
        born: u64::MAX,
    };
    first..=last
}

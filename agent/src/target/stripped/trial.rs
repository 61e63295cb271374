//! The trial of functions that were found by what their code does, before anything that they show is believed.
//!
//! ```text
//! calibrating ── a place shows the randoms of two connections ──▶ shadow
//! shadow ── randoms of the wire there, and HTTP in both directions, on two connections each ──▶ promoted
//!        ── others there ──▶ calibrating, without that place
//! any of them ── a contradiction, or nothing of that for long ──▶ refused
//! ```
//! Only connections that were seen from their start count, each once: what stands beside an object may be another
//! connection's random, and what is read in the middle may be anything.
//!
//! Sans-IO: sightings, randoms of the wire and times in; what is to be done out.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use ebpf::function::Function;
use ebpf::opening::Opening;
use ebpf::record::{Direction, Sighting};
use serde::{Deserialize, Serialize};

use crate::connection::{Key, Socket};
use crate::target::calibration::{Memory, Place, Random, Randoms, search};

/// Connections that must show the same.
const AGREEING: usize = 2;
/// The same where the sockets of the connections are not known: nothing tells then whose random it is.
const AGREEING_WITHOUT_SOCKETS: usize = 4;
/// Connections after which something that was to be shown must have been.
const PATIENCE: u32 = 64;
/// How long that takes at least: the first of many connections at once tell little.
const SHORTEST: Duration = Duration::from_secs(10);
/// How much later than its connection a ClientHello may be told: the two pass through different rings.
const GRACE: Duration = Duration::from_secs(2);
/// Searches in a second: each reads up to half a megabyte of the process.
const SEARCHES: u32 = 20;
/// Places that are considered. Processes fill their memory as they like.
const PLACES: usize = 1024;
/// How long the kernel may go on reading at the place before.
const CHANGE: Duration = Duration::from_millis(100);
/// Places that may turn out wrong before no other is tried.
const WRONG: usize = 8;
/// Connections whose openings are compared, and whose randoms are remembered or awaited.
const COMPARED: usize = 64;

/// How far a trial is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is not known where the client random is.
    Calibrating,
    /// What is read there is compared with the wire, and what is moved with HTTP.
    Shadow,
    /// What is shown may be believed.
    Promoted,
    /// It is not what it was taken for.
    Refused(Contradiction),
}

impl State {
    /// The name in listings and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Calibrating => "calibrating",
            Self::Shadow => "in_shadow",
            Self::Promoted => "promoted",
            Self::Refused(contradiction) => contradiction.as_str(),
        }
    }
}

/// Why functions are not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contradiction {
    /// A call claims to have moved more than it was asked to, or returned what the function cannot return.
    ImpossibleResult,
    /// Both directions of one connection begin with requests, or both with responses.
    DirectionsAlike,
    /// Processes with probes in them ended by a signal that says that their code is broken.
    Crash,
    /// No place in the objects holds the randoms of their connections.
    RandomNotFound,
    /// What stands there is not what the wire shows.
    RandomUnconfirmed,
    /// What is read, or what is written, never begins as HTTP does.
    NotHttp,
}

impl Contradiction {
    /// The name in listings and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ImpossibleResult => "contradicted_impossible_result",
            Self::DirectionsAlike => "contradicted_directions_alike",
            Self::Crash => "contradicted_crash",
            Self::RandomNotFound => "unconfirmed_random_not_found",
            Self::RandomUnconfirmed => "unconfirmed_random",
            Self::NotHttp => "unconfirmed_not_http",
        }
    }

    /// Whether it says something of the code itself. Others may be the traffic's: it need not pass a watched interface, nor
    /// be HTTP.
    pub const fn is_of_the_code(self) -> bool {
        match self {
            Self::ImpossibleResult | Self::DirectionsAlike | Self::Crash => true,
            Self::RandomNotFound | Self::RandomUnconfirmed | Self::NotHttp => false,
        }
    }
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The client random is to be read there from now on.
    Shadow(Place),
    /// What is shown is to be told from now on.
    Promote(Place),
    /// The probes are to be taken away.
    Refuse(Contradiction),
}

/// The trial of one program.
#[derive(Debug)]
pub struct Trial {
    state: State,
    /// When it began; nanoseconds of `CLOCK_BOOTTIME`, as all times.
    began: u64,
    /// When this state began.
    since: u64,
    /// Connections since then.
    connections: u32,
    /// The second in which the latest searches were, and how many.
    searches: (u64, u32),
    /// Whether the sockets of its connections are known.
    sockets: bool,
    /// The randoms that connections have at each place.
    places: BTreeMap<Place, BTreeMap<Key, Random>>,
    place: Option<Place>,
    /// Places that turned out to be others: a buffer with the ClientHello has its random too, for a while.
    wrong: BTreeSet<Place>,
    /// Randoms that were read at the place and that the wire has shown.
    confirmed: BTreeSet<Random>,
    /// Those that it has not shown yet, with the time when they were read.
    awaited: Vec<Awaited>,
    unconfirmed: u32,
    /// How often each direction began as HTTP, indexed by [`Direction`].
    openings: [u32; 2],
    /// How each direction of the latest connections began.
    compared: VecDeque<(Key, [Option<Opening>; 2])>,
}

/// A random whose ClientHello was not seen yet.
#[derive(Debug)]
struct Awaited {
    since: u64,
    random: Random,
    socket: Option<Socket>,
}

impl Trial {
    /// A trial that begins now, nanoseconds of `CLOCK_BOOTTIME`.
    pub fn new(now: u64) -> Self {
        Self {
            state: State::Calibrating,
            began: now,
            since: now,
            connections: 0,
            searches: (0, 0),
            sockets: false,
            places: BTreeMap::new(),
            place: None,
            wrong: BTreeSet::new(),
            confirmed: BTreeSet::new(),
            awaited: Vec::new(),
            unconfirmed: 0,
            openings: [0; 2],
            compared: VecDeque::new(),
        }
    }

    /// How far it is.
    pub const fn state(&self) -> State {
        self.state
    }

    /// Takes a sighting. `memory` is that of the process that was sighted.
    pub fn sighted(&mut self, sighting: &Sighting, memory: &impl Memory, randoms: &Randoms) -> Option<Step> {
        // From before: the slot had another owner then.
        if sighting.header.time < self.began || matches!(self.state, State::Refused(_)) {
            return None;
        }
        if sighting.impossible == 1 {
            return Some(self.refuse(Contradiction::ImpossibleResult));
        }
        if self.state == State::Promoted {
            return None;
        }
        if self.opened(sighting) {
            return Some(self.refuse(Contradiction::DirectionsAlike));
        }
        let step = if sighting.from_start == 1 && sighting.first == 1 {
            self.consider(sighting, memory, randoms)
        } else {
            None
        };
        step.or_else(|| self.progress(sighting.header.time, randoms))
    }

    /// It is this late, nanoseconds of `CLOCK_BOOTTIME`: what waits for the wire may be decided.
    pub fn tick(&mut self, now: u64, randoms: &Randoms) -> Option<Step> {
        match self.state {
            State::Calibrating | State::Shadow => self.progress(now, randoms),
            State::Promoted | State::Refused(_) => None,
        }
    }

    /// A process with probes of this trial in it crashed.
    pub fn crashed(&mut self) -> Option<Step> {
        match self.state {
            State::Calibrating | State::Shadow => Some(self.refuse(Contradiction::Crash)),
            // It has run with them long enough: programs crash by themselves too.
            State::Promoted | State::Refused(_) => None,
        }
    }

    /// Notes how a direction begins; true if the other began likewise.
    fn opened(&mut self, sighting: &Sighting) -> bool {
        if sighting.first == 0 {
            return false;
        }
        let direction = match Function::from_number(sighting.function) {
            Some(Function::SslRead | Function::SslReadEx) => Direction::Read,
            _ => Direction::Write,
        };
        let opening = Opening::from_number(sighting.opening).filter(|opening| *opening != Opening::Other);
        if opening.is_some() {
            self.openings[direction as usize] += 1;
        }
        // One that is older than the probes may be anywhere in its messages.
        if sighting.from_start == 0 {
            return false;
        }
        let key = Key::from(&sighting.header);
        let mut openings = [None; 2];
        if let Some(index) = self.compared.iter().position(|(known, _)| *known == key)
            && let Some((_, known)) = self.compared.remove(index)
        {
            openings = known;
        } else {
            self.connections += 1;
        }
        openings[direction as usize] = opening;
        let alike = openings[0].is_some() && openings[0] == openings[1];
        self.compared.push_back((key, openings));
        if self.compared.len() > COMPARED {
            self.compared.pop_front();
        }
        alike
    }

    fn consider(&mut self, sighting: &Sighting, memory: &impl Memory, randoms: &Randoms) -> Option<Step> {
        let socket = Socket::from_record(&sighting.socket);
        self.sockets |= socket.is_some();
        if self.sockets && socket.is_none() {
            // It was answered from what the library had read before.
            return None;
        }
        match self.state {
            State::Calibrating => self.calibrate(sighting, socket.as_ref(), memory, randoms),
            State::Shadow => {
                self.compare(sighting, socket, randoms);
                None
            }
            State::Promoted | State::Refused(_) => None,
        }
    }

    fn calibrate(
        &mut self,
        sighting: &Sighting,
        socket: Option<&Socket>,
        memory: &impl Memory,
        randoms: &Randoms,
    ) -> Option<Step> {
        let second = sighting.header.time / nanoseconds(Duration::from_secs(1));
        if self.searches.0 != second {
            self.searches = (second, 0);
        }
        if self.searches.1 >= SEARCHES || randoms.is_empty() {
            return None;
        }
        self.searches.1 += 1;
        let key = Key::from(&sighting.header);
        for (place, random) in search(memory, sighting.header.ssl, randoms) {
            let is_its_own = socket.is_none_or(|socket| randoms.is_of(&random, socket));
            if is_its_own
                && !self.wrong.contains(&place)
                && (self.places.len() < PLACES || self.places.contains_key(&place))
            {
                self.places.entry(place).or_default().insert(key, random);
            }
        }
        // Of several, the one that shows most: others are copies that come and go. Then the nearest.
        let distinct = |found: &BTreeMap<Key, Random>| found.values().collect::<BTreeSet<_>>().len();
        let best = self
            .places
            .iter()
            .max_by_key(|(place, found)| (distinct(found), std::cmp::Reverse(**place)));
        let (place, found) = best?;
        if distinct(found) < self.agreeing() {
            return None;
        }
        let place = *place;
        self.place = Some(place);
        self.places.clear();
        self.state = State::Shadow;
        self.since = sighting.header.time;
        self.connections = 0;
        Some(Step::Shadow(place))
    }

    fn compare(&mut self, sighting: &Sighting, socket: Option<Socket>, randoms: &Randoms) {
        if !self.wrong.is_empty() && sighting.header.time < self.since.saturating_add(nanoseconds(CHANGE)) {
            // It may have been read at the place before.
            return;
        }
        let random = sighting.client_random;
        // All zero in what was sighted before the place was known.
        if random == [0; 32] || self.confirmed.contains(&random) || self.confirmed.len() >= COMPARED {
            return;
        }
        if is_confirmed(&random, socket.as_ref(), randoms) {
            self.confirmed.insert(random);
        } else if self.awaited.len() < COMPARED
            && !self.awaited.iter().any(|awaited| awaited.random == random)
        {
            self.awaited.push(Awaited {
                since: sighting.header.time,
                random,
                socket,
            });
        }
    }

    fn progress(&mut self, now: u64, randoms: &Randoms) -> Option<Step> {
        let (confirmed, unconfirmed) = (&mut self.confirmed, &mut self.unconfirmed);
        self.awaited.retain(|awaited| {
            if is_confirmed(&awaited.random, awaited.socket.as_ref(), randoms) {
                confirmed.insert(awaited.random);
                return false;
            }
            let is_awaited = now.saturating_sub(awaited.since) < nanoseconds(GRACE);
            *unconfirmed += u32::from(!is_awaited);
            is_awaited
        });
        if let Some(place) = self.place
            && self.unconfirmed as usize >= AGREEING
            && self.unconfirmed as usize > self.confirmed.len()
            && self.wrong.len() < WRONG
        {
            // Where connections have it, every one has it.
            self.wrong.insert(place);
            self.place = None;
            self.confirmed.clear();
            self.awaited.clear();
            self.unconfirmed = 0;
            self.state = State::Calibrating;
        }
        let agreeing = self.agreeing();
        let speaks_http = self.openings.iter().all(|count| *count as usize >= AGREEING);
        if let Some(place) = self.place
            && self.awaited.is_empty()
            && self.confirmed.len() >= agreeing
            && self.confirmed.len() > self.unconfirmed as usize
            && speaks_http
        {
            self.state = State::Promoted;
            return Some(Step::Promote(place));
        }
        let age = Duration::from_nanos(now.saturating_sub(self.since));
        if self.connections < PATIENCE || age < SHORTEST {
            return None;
        }
        let contradiction = if self.place.is_none() {
            Contradiction::RandomNotFound
        } else if !speaks_http {
            Contradiction::NotHttp
        } else {
            Contradiction::RandomUnconfirmed
        };
        Some(self.refuse(contradiction))
    }

    fn agreeing(&self) -> usize {
        if self.sockets {
            AGREEING
        } else {
            AGREEING_WITHOUT_SOCKETS
        }
    }

    fn refuse(&mut self, contradiction: Contradiction) -> Step {
        self.state = State::Refused(contradiction);
        Step::Refuse(contradiction)
    }
}

/// Whether the wire showed the random, on the connection's socket if that is known.
fn is_confirmed(random: &Random, socket: Option<&Socket>, randoms: &Randoms) -> bool {
    match socket {
        Some(socket) => randoms.is_of(random, socket),
        None => randoms.has(random),
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

//! All 421s that are followed.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;

use super::chain::{Chain, Spans};
use super::ends::{Ends, Place};
use super::{Answer, Client, Event, Outcome, Told, Windows};

/// Combinations of client and authority that are followed at once.
const CHAINS: usize = 8192;

/// Follows 421s to their outcomes. Exactly one is told for each 421 that it is given.
#[derive(Debug)]
pub struct Tracker {
    spans: Spans,
    /// By client, then by authority: looking one up copies nothing.
    chains: HashMap<Client, HashMap<Box<str>, Chain>>,
    /// How many chains there are.
    count: usize,
    queue: Queue,
    ends: Ends,
    /// The places of clients' ends that wait, by exchange.
    places: HashMap<u64, Place>,
}

/// When to look at which chain. An entry counts only if the chain is scheduled for its time.
type Queue = BinaryHeap<Reverse<(u64, Client, Box<str>)>>;

impl Tracker {
    /// Follows nothing yet.
    pub fn new(windows: Windows) -> Self {
        Self {
            spans: Spans {
                retry: nanoseconds(windows.retry),
                ping_pong: nanoseconds(windows.ping_pong),
            },
            chains: HashMap::new(),
            count: 0,
            queue: BinaryHeap::new(),
            ends: Ends::default(),
            places: HashMap::new(),
        }
    }

    /// Replaces the windows, from the next exchange on.
    pub fn set_windows(&mut self, windows: Windows) {
        self.spans.retry = nanoseconds(windows.retry);
        self.spans.ping_pong = nanoseconds(windows.ping_pong);
    }

    /// Takes an exchange.
    pub fn exchange(&mut self, event: &Event<'_>, out: &mut Vec<Told>) {
        let misdirected = event.answer == Answer::Misdirected;
        if self.count == 0 && !misdirected {
            return;
        }
        let before = out.len();
        if self.chain(event.client, event.authority).is_none() {
            if !misdirected {
                return;
            }
            self.make_room(out);
            let chains = self.chains.entry(event.client).or_default();
            chains.insert(event.authority.into(), Chain::default());
            self.count += 1;
        }
        if let (true, Client::Process(_), Some(number)) = (misdirected, event.client, event.request_number) {
            self.places.insert(event.exchange, (event.connection, number));
        }
        let spans = self.spans;
        if let Some(chain) = self.chain(event.client, event.authority) {
            chain.event(event, spans, out);
        }
        self.schedule(event.client, event.authority);
        self.pass_on(before, out);
    }

    /// A server answered 421 to a client on this machine, whose end of the exchange is at `place`: what that client
    /// did is what is told of its end.
    pub fn servers_end(&mut self, exchange: u64, place: Place, answered_at: u64, out: &mut Vec<Told>) {
        // Longer than the client's end takes to be told.
        let patience = self.spans.retry.saturating_mul(3);
        self.ends
            .wait(exchange, place, answered_at.saturating_add(patience), out);
    }

    /// Of this 421, whose request was at `place`, nothing more can be seen.
    pub fn unobservable(&mut self, exchange: u64, place: Option<Place>, out: &mut Vec<Told>) {
        let told = Told {
            exchange,
            outcome: Outcome::NotObservable,
            retried_as: None,
        };
        out.push(told);
        if let Some(place) = place {
            self.ends.tell(place, told, out);
        }
    }

    /// It is this late.
    pub fn tick(&mut self, now: u64, out: &mut Vec<Told>) {
        let before = out.len();
        let spans = self.spans;
        while self.queue.peek().is_some_and(|Reverse((due, ..))| *due < now) {
            let Some((client, authority)) = self.next_due() else {
                break;
            };
            if let Some(chain) = self.chain(client, &authority) {
                chain.expire(now, spans, absent(client), out);
            }
            self.schedule(client, &authority);
        }
        self.pass_on(before, out);
        self.ends.expire(now, out);
    }

    /// A process ended: it will not ask again.
    pub fn process_ended(&mut self, pid: u32, out: &mut Vec<Told>) {
        let before = out.len();
        let client = Client::Process(pid);
        for (_, mut chain) in self.chains.remove(&client).into_iter().flatten() {
            self.count -= 1;
            chain.end(absent(client), out);
        }
        self.pass_on(before, out);
    }

    /// Nothing more will come: what has not been seen by now will not be.
    pub fn finish(&mut self, out: &mut Vec<Told>) {
        let before = out.len();
        while self.give_up_first(out) {}
        self.pass_on(before, out);
        self.ends.expire(u64::MAX, out);
    }

    /// Tells servers' ends what was told of their clients' ends.
    fn pass_on(&mut self, before: usize, out: &mut Vec<Told>) {
        for index in before..out.len() {
            let told = out[index];
            if let Some(place) = self.places.remove(&told.exchange) {
                self.ends.tell(place, told, out);
            }
        }
    }

    fn chain(&mut self, client: Client, authority: &str) -> Option<&mut Chain> {
        self.chains.get_mut(&client)?.get_mut(authority)
    }

    /// Makes sure that the chain is looked at when it is due, or forgets it if nothing is left of it.
    fn schedule(&mut self, client: Client, authority: &str) {
        let spans = self.spans;
        let Some(chain) = self.chain(client, authority) else {
            return;
        };
        let Some(due) = chain.due(spans) else {
            self.forget(client, authority);
            return;
        };
        if chain.scheduled.is_none_or(|scheduled| due < scheduled) {
            chain.scheduled = Some(due);
            self.queue.push(Reverse((due, client, authority.into())));
        }
    }

    /// The chain that is due first, taken from the queue.
    fn next_due(&mut self) -> Option<(Client, Box<str>)> {
        while let Some(Reverse((due, client, authority))) = self.queue.pop() {
            if let Some(chain) = self.chain(client, &authority)
                && chain.scheduled == Some(due)
            {
                chain.scheduled = None;
                return Some((client, authority));
            }
        }
        None
    }

    fn make_room(&mut self, out: &mut Vec<Told>) {
        while self.count >= CHAINS && self.give_up_first(out) {}
    }

    /// Gives up the chain that is due first; false if there is none.
    fn give_up_first(&mut self, out: &mut Vec<Told>) -> bool {
        let Some((client, authority)) = self.next_due() else {
            return false;
        };
        if let Some(chain) = self.chain(client, &authority) {
            chain.end(Outcome::NotObservable, out);
        }
        self.forget(client, &authority);
        true
    }

    fn forget(&mut self, client: Client, authority: &str) {
        if let Some(chains) = self.chains.get_mut(&client) {
            if chains.remove(authority).is_some() {
                self.count -= 1;
            }
            if chains.is_empty() {
                self.chains.remove(&client);
            }
        }
    }
}

impl Default for Tracker {
    fn default() -> Self {
        Self::new(Windows::default())
    }
}

/// What it means that nothing followed.
const fn absent(client: Client) -> Outcome {
    match client {
        Client::Process(_) => Outcome::NotRetried,
        // It may have asked another machine.
        Client::Remote { .. } => Outcome::NotObservable,
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

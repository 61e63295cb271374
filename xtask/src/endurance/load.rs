//! The clients: some that keep a connection, and curl, which makes a new one for each request.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::pace::{self, Pace};
use crate::rig::clients::Visit;
use crate::rig::clients::curl::{self, Version};
use crate::rig::clients::held::{self, Held, Program};
use crate::rig::scratch::Scratch;
use crate::rig::servers::Server;
use crate::rig::truth::Truth;

/// Clients that keep a connection, with the number of their requests at once.
const KEEPERS: [(Program, u32); 5] = [
    (Program::Python, 1),
    (Program::Python, 1),
    (Program::NodeHttp1, 1),
    (Program::NodeHttp2, 4),
    (Program::NodeHttp2, 4),
];
/// Names that have connections of their own come again after so many: the agent remembers 256 of a listener. A
/// round has no more of them.
const DIALLED: u32 = 200;
/// Other names come again after so many, too, far more than a round has.
const ASKED: u32 = 10_000;
/// Complaints kept of a round; the counts go on.
const MAX_COMPLAINTS: usize = 5;
/// A client that cannot connect tries again after this time.
const BACK_OFF: Duration = Duration::from_secs(1);

/// What was made.
#[derive(Debug, Default)]
pub(super) struct Made {
    /// Requests made.
    pub(super) requests: usize,
    /// Requests that were answered.
    pub(super) truths: Vec<Truth>,
    /// Requests that were not, or with another status than 200.
    pub(super) failed: usize,
    /// Why, of the first few.
    pub(super) complaints: Vec<String>,
}

/// All clients of one server.
pub(super) struct Load<'a> {
    site: Site<'a>,
    pace: Pace,
    keepers: Vec<Keeper>,
}

/// Where the requests go.
struct Site<'a> {
    server: &'a Server,
    scratch: &'a Scratch,
    dialled: AtomicU32,
    asked: AtomicU32,
}

/// A client that keeps its connection as long as that works.
struct Keeper {
    program: Program,
    at_once: u32,
    client: Option<Held>,
}

impl<'a> Load<'a> {
    /// Makes no connection yet.
    pub(super) fn new(server: &'a Server, scratch: &'a Scratch, rate: u32) -> Self {
        let keepers = KEEPERS
            .iter()
            .filter(|(program, _)| server.h2 || *program != Program::NodeHttp2);
        let keepers: Vec<Keeper> = keepers
            .map(|&(program, at_once)| Keeper {
                program,
                at_once,
                client: None,
            })
            .collect();
        Self {
            site: Site {
                server,
                scratch,
                dialled: AtomicU32::new(0),
                asked: AtomicU32::new(0),
            },
            pace: Pace::of(rate, u32::try_from(keepers.len()).unwrap_or(u32::MAX)),
            keepers,
        }
    }

    /// Requests at the pace for some time. Kept connections stay for the next round.
    pub(super) fn round(&mut self, length: Duration) -> Made {
        let until = Instant::now() + length;
        let Self { site, pace, keepers } = self;
        let site = &*site;
        thread::scope(|scope| {
            let new = scope.spawn(|| new_connections(site, pace.new, until));
            let kept: Vec<_> = keepers
                .iter_mut()
                .map(|keeper| scope.spawn(|| keeper.requests(site, pace.kept, until)))
                .collect();
            let mut made = Made::default();
            for client in kept.into_iter().chain([new]) {
                match client.join() {
                    Ok(part) => made.add(part),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            made
        })
    }
}

/// By turns over HTTP/1.1 and HTTP/2, for names of both certificates.
fn new_connections(site: &Site<'_>, rate: f64, until: Instant) -> Made {
    let mut made = Made::default();
    pace::keep(rate, until, || {
        let number = site.dialled();
        let name = if number % 4 < 2 {
            site.server.own(number)
        } else {
            site.server.foreign(number)
        };
        let version = if site.server.h2 && number.is_multiple_of(2) {
            Version::Http2
        } else {
            Version::Http1
        };
        let visit = Visit::new(Some(&name), &name, "/");
        made.take(1, curl::visit(site.scratch, site.server.port, version, &[visit]));
    });
    made
}

impl Keeper {
    fn requests(&mut self, site: &Site<'_>, rate: f64, until: Instant) -> Made {
        let mut made = Made::default();
        pace::keep(rate / f64::from(self.at_once), until, || {
            let client = match &mut self.client {
                Some(client) => client,
                None => match connect(site, self.program) {
                    Ok((client, first)) => {
                        made.take(1, Ok(first));
                        self.client.insert(client)
                    }
                    Err(error) => {
                        made.take(1, Err(error));
                        thread::sleep(BACK_OFF);
                        return;
                    }
                },
            };
            let names: Vec<String> = (0..self.at_once).map(|_| site.server.own(site.asked())).collect();
            let visits: Vec<held::Visit<'_>> = names.iter().map(|name| request(name)).collect();
            let answers = client.visit(&visits);
            if answers.is_err() {
                self.client = None;
            }
            made.take(visits.len(), answers);
        });
        made
    }
}

/// The first request is for the name that is dialled.
fn connect(site: &Site<'_>, program: Program) -> Result<(Held, Vec<Truth>)> {
    let name = site.server.own(site.dialled());
    let mut client = Held::start(site.scratch, program, site.server.port, &name)?;
    let first = client.visit(&[request(&name)])?;
    Ok((client, first))
}

fn request(authority: &str) -> held::Visit<'_> {
    held::Visit {
        authority,
        path: "/",
        literal: false,
    }
}

impl Site<'_> {
    /// Number of a name for a connection of its own.
    fn dialled(&self) -> u32 {
        self.dialled.fetch_add(1, Ordering::Relaxed) % DIALLED
    }

    /// Number of a name for a connection that was made for another.
    fn asked(&self) -> u32 {
        DIALLED + self.asked.fetch_add(1, Ordering::Relaxed) % ASKED
    }
}

impl Made {
    /// What came of some requests.
    fn take(&mut self, requests: usize, answers: Result<Vec<Truth>>) {
        self.requests += requests;
        match answers {
            Ok(truths) => {
                for truth in &truths {
                    if truth.status != Some(200) {
                        self.failed += 1;
                        self.complain(format!("{} answered {:?}", truth.authority, truth.status));
                    }
                }
                self.truths.extend(truths);
            }
            Err(error) => {
                self.failed += requests;
                self.complain(brief(&format!("{error:#}")));
            }
        }
    }

    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.truths.extend(other.truths);
        self.failed += other.failed;
        for complaint in other.complaints {
            self.complain(complaint);
        }
    }

    fn complain(&mut self, complaint: String) {
        if self.complaints.len() < MAX_COMPLAINTS {
            self.complaints.push(complaint);
        }
    }
}

/// The first line and the last: what failed, and a program's last words.
fn brief(error: &str) -> String {
    let mut lines = error.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or_default();
    match lines.next_back() {
        Some(last) => format!("{first}: {last}"),
        None => first.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn an_error_fails_all_requests_that_it_stands_for() {
        let mut made = Made::default();
        made.take(
            4,
            Err(anyhow!("the client ended\nTraceback\n  line 1\nno luck\n")),
        );
        assert_eq!((made.requests, made.failed), (4, 4));
        assert_eq!(made.complaints, ["the client ended: no luck"]);
    }
}

//! The questions, asked one after the other.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use http::uri::PathAndQuery;
use thiserror::Error;

use super::ask::{Connection, NoAnswer};
use super::connect::{Handshake, Refusal, connect};
use super::judged::demands;
use super::plan::{self, PROTOCOLS, Plan, Question, Sni};
use super::{Presented, Progress};
use crate::verdict::Protocol;

/// A question and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What was asked.
    pub question: Question,
    /// What came of it.
    pub outcome: Outcome,
    /// What the handshake of its connection told.
    pub handshake: Handshake,
    /// Authorities of earlier requests on its connection, in order.
    pub prior: Vec<String>,
    /// Whether the shared connection had to be made anew for it: the server had closed the one before.
    pub reopened: bool,
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A response with this status.
    Answered(u16),
    /// The request was sent, and no response came.
    NoAnswer(NoAnswer),
    /// There is no connection to ask it on.
    Refused(Refusal),
    /// It was not asked.
    NotAsked(Unasked),
}

/// Why a question was not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unasked {
    /// The time was up.
    #[error("not asked, as the time was up")]
    Deadline,
    /// Over HTTP/1.1 the server ends each connection after one answer, or its answers are too long to read.
    #[error("not asked, as the connection does not last for a second request")]
    NotKept,
    /// The URL's host, which is asked for first on the connection, got no answer.
    #[error("not asked, as the URL's host gets no answer on the connection")]
    HostFails,
}

impl Outcome {
    /// The status, if one came.
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Answered(status) => Some(*status),
            Self::NoAnswer(_) | Self::Refused(_) | Self::NotAsked(_) => None,
        }
    }

    /// Why there is no status.
    pub fn error(&self) -> Option<String> {
        match self {
            Self::Answered(_) => None,
            Self::NoAnswer(why) => Some(why.to_string()),
            Self::Refused(why) => Some(why.to_string()),
            Self::NotAsked(why) => Some(why.to_string()),
        }
    }

    /// Whether the time was up before it could be asked.
    pub const fn is_unasked(&self) -> bool {
        matches!(self, Self::NotAsked(Unasked::Deadline))
    }

    fn is_not_spoken(&self) -> bool {
        match self {
            Self::Refused(Refusal::NotSpoken(_)) => true,
            Self::Refused(Refusal::Alert(alert)) => alert == "no_application_protocol",
            _ => false,
        }
    }
}

/// Whether there is no use in asking more, after the plainest question had this answer. A server that refuses the
/// name, or wants a certificate for it, may answer to others.
fn is_hopeless(first: &Answer) -> bool {
    match &first.outcome {
        Outcome::NoAnswer(_) => !demands(first),
        Outcome::Refused(why) => why.is_of_the_server(),
        Outcome::Answered(_) | Outcome::NotAsked(_) => false,
    }
}

/// Asks one server.
pub(super) struct Asker<'a> {
    address: SocketAddr,
    path: &'a PathAndQuery,
    limit: Duration,
    deadline: Instant,
    done: usize,
    of: usize,
}

impl<'a> Asker<'a> {
    pub(super) const fn new(
        address: SocketAddr,
        path: &'a PathAndQuery,
        limit: Duration,
        deadline: Instant,
        of: usize,
    ) -> Self {
        Self {
            address,
            path,
            limit,
            deadline,
            done: 0,
            of,
        }
    }

    /// What the server presents for each server name, beginning with the one that was dialled already.
    pub(super) async fn handshakes(
        &mut self,
        plan: &Plan,
        first: Presented,
        progress: &mut dyn FnMut(Progress),
    ) -> Vec<Presented> {
        self.done = 1;
        let mut presented = vec![first];
        for sni in plan.server_names().into_iter().skip(1) {
            self.tell(
                progress,
                format!("certificate on a connection {}", sni.made_for()),
            );
            self.done += 1;
            if Instant::now() >= self.deadline {
                break;
            }
            let dialled = connect(self.address, &sni, &PROTOCOLS, self.limit).await;
            presented.push(Presented {
                sni,
                handshake: dialled.handshake,
                refusal: dialled.stream.err(),
            });
        }
        presented
    }

    /// Asks every question, and says which versions of HTTP are spoken with the URL's host.
    pub(super) async fn questions(
        &mut self,
        plan: &Plan,
        progress: &mut dyn FnMut(Progress),
    ) -> (Vec<Answer>, Vec<Protocol>) {
        let mut answers = Vec::new();
        let mut spoken = Vec::new();
        for protocol in PROTOCOLS {
            let mut questions = plan.questions(protocol).into_iter();
            let before = self.done;
            let planned = questions.len();
            let Some(first) = questions.next() else { continue };
            let answer = self.fresh(first, progress).await;
            if answer.outcome.is_not_spoken() {
                self.done = before + planned;
                continue;
            }
            let hopeless = is_hopeless(&answer);
            answers.push(answer);
            if hopeless {
                self.done = before + planned;
                continue;
            }
            spoken.push(protocol);
            let mut shared = Shared::new(plan.authority(plan.host()));
            for question in questions {
                answers.push(match question.connection {
                    plan::Connection::Fresh => self.fresh(question, progress).await,
                    plan::Connection::Shared => shared.ask(self, question, progress).await,
                });
            }
        }
        (answers, spoken)
    }

    /// Asks on a connection of its own.
    async fn fresh(&mut self, question: Question, progress: &mut dyn FnMut(Progress)) -> Answer {
        self.begin(&question, progress);
        if Instant::now() >= self.deadline {
            return unasked(question, Unasked::Deadline);
        }
        let mut connection = match self.open(&question.sni, question.protocol).await {
            Ok(connection) => connection,
            Err((handshake, outcome)) => return answer(question, outcome, handshake, &[]),
        };
        let outcome = match connection.ask(&question.authority, self.path, self.limit).await {
            Ok(status) => Outcome::Answered(status),
            Err(why) => Outcome::NoAnswer(why),
        };
        answer(question, outcome, connection.handshake().clone(), &[])
    }

    async fn open(&self, sni: &Sni, protocol: Protocol) -> Result<Connection, (Handshake, Outcome)> {
        let dialled = connect(self.address, sni, &[protocol], self.limit).await;
        let handshake = dialled.handshake;
        let stream = match dialled.stream {
            Ok(stream) => stream,
            Err(refusal) => return Err((handshake, Outcome::Refused(refusal))),
        };
        // Without ALPN it is HTTP/1.1 that is spoken (RFC 9113, section 3.2).
        let chosen = handshake.alpn.as_deref().unwrap_or(Protocol::Http11.as_str());
        if chosen != protocol.as_str() {
            return Err((handshake, Outcome::Refused(Refusal::NotSpoken(protocol))));
        }
        Connection::open(stream, handshake.clone(), protocol)
            .await
            .map_err(|why| (handshake, Outcome::NoAnswer(why)))
    }

    fn begin(&mut self, question: &Question, progress: &mut dyn FnMut(Progress)) {
        let Question {
            protocol,
            sni,
            authority,
            ..
        } = question;
        self.tell(
            progress,
            format!(
                "{authority} over {} on a connection {}",
                protocol.as_str(),
                sni.made_for()
            ),
        );
        self.done += 1;
    }

    fn tell(&self, progress: &mut dyn FnMut(Progress), now: String) {
        progress(Progress {
            done: self.done,
            of: self.of,
            now,
        });
    }
}

/// The connection that carries requests for every name. Where the server closes it, another takes its place, and
/// carries a request for the URL's host first, so that it has been used before as well.
struct Shared {
    connection: Option<Connection>,
    /// What is asked for first on each.
    host: String,
    /// Why there will be none.
    failed: Option<(Handshake, Outcome)>,
    used: bool,
}

impl Shared {
    const fn new(host: String) -> Self {
        Self {
            connection: None,
            host,
            failed: None,
            used: false,
        }
    }

    async fn ask(
        &mut self,
        asker: &mut Asker<'_>,
        question: Question,
        progress: &mut dyn FnMut(Progress),
    ) -> Answer {
        asker.begin(&question, progress);
        if Instant::now() >= asker.deadline {
            return unasked(question, Unasked::Deadline);
        }
        let mut reopened = false;
        loop {
            let mut connection = match self.usable(asker, &question, &mut reopened).await {
                Ok(connection) => connection,
                Err((handshake, outcome)) => {
                    return Answer {
                        reopened,
                        ..answer(question, outcome, handshake, &[])
                    };
                }
            };
            let prior = connection.asked().to_vec();
            let handshake = connection.handshake().clone();
            let answered = connection.ask(&question.authority, asker.path, asker.limit).await;
            let outcome = match answered {
                Ok(status) => {
                    self.connection = Some(connection);
                    Outcome::Answered(status)
                }
                // A server may close a connection that is idle, or after a 421, while the request is under way.
                Err(NoAnswer::Ended(_) | NoAnswer::Alert(_)) if !prior.is_empty() && !reopened => {
                    reopened = true;
                    continue;
                }
                Err(why) => Outcome::NoAnswer(why),
            };
            return Answer {
                reopened,
                ..answer(question, outcome, handshake, &prior)
            };
        }
    }

    /// A connection that takes a request: the last one, or another.
    async fn usable(
        &mut self,
        asker: &Asker<'_>,
        question: &Question,
        reopened: &mut bool,
    ) -> Result<Connection, (Handshake, Outcome)> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        if let Some(mut connection) = self.connection.take()
            && connection.is_usable(asker.limit).await
        {
            return Ok(connection);
        }
        let opened = asker.open(&question.sni, question.protocol).await;
        let mut connection = match opened {
            Ok(connection) => connection,
            Err(failed) => {
                self.failed = Some(failed.clone());
                return Err(failed);
            }
        };
        if self.used {
            *reopened = true;
            let primed = connection.ask(&self.host, asker.path, asker.limit).await;
            let why = match primed {
                Err(_) => Some(Unasked::HostFails),
                Ok(_) if !connection.is_usable(asker.limit).await => Some(Unasked::NotKept),
                Ok(_) => None,
            };
            if let Some(why) = why {
                let failed = (connection.handshake().clone(), Outcome::NotAsked(why));
                self.failed = Some(failed.clone());
                return Err(failed);
            }
        }
        self.used = true;
        Ok(connection)
    }
}

fn unasked(question: Question, why: Unasked) -> Answer {
    answer(question, Outcome::NotAsked(why), Handshake::default(), &[])
}

fn answer(question: Question, outcome: Outcome, handshake: Handshake, prior: &[String]) -> Answer {
    Answer {
        question,
        outcome,
        handshake,
        prior: prior.to_vec(),
        reopened: false,
    }
}

//! One server, asked: which names its certificates cover, how it answers to each name on one connection and on
//! fresh ones, and what would cure the answers that are wrong.
//!
//! ```text
//! target -> plan (which questions) -> session (connect, ask) -> judge -> findings, cure -> Report
//! ```
//!
//! Only one address is ever talked to: the first one of the URL's host, or of the host that stands in for it,
//! that takes a connection. Other names are asked for there, and never looked up; redirects are not followed.
//! One request is in flight at a time, and the whole takes [`LONGEST`] at most.

mod ask;
mod connect;
pub mod cure;
pub mod expectation;
pub mod findings;
mod judged;
mod last_words;
pub mod plan;
mod reach;
mod session;
pub mod target;
#[cfg(test)]
mod testing;
mod witness;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

pub use ask::NoAnswer;
pub use connect::{Handshake, Refusal};
pub use judged::Judged;
pub use reach::Unreachable;
pub use session::{Answer, Outcome, Unasked};

use crate::policy::gateway::Listener;
use crate::verdict::name::Host;
use crate::verdict::{Protocol, covers};
use cure::Remedied;
use findings::Finding;
use plan::{Plan, Sni, TooMany};
use session::Asker;
use target::{Target, Via};

/// No question is begun after this time.
pub const LONGEST: Duration = Duration::from_mins(2);

/// What to ask, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Names to ask for beside the URL's host.
    pub also: Vec<Host>,
    /// Where connections go instead of the URL's host.
    pub via: Option<Via>,
    /// Listeners of the Gateway that is asked; empty if it is none, or they are unknown.
    pub listeners: Vec<Listener>,
    /// How long a connection may take to be made, and an answer to come.
    pub limit: Duration,
}

/// What is being done, to be shown while one waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Questions that are answered.
    pub done: usize,
    /// Questions that there are.
    pub of: usize,
    /// The question that is asked now.
    pub now: String,
}

/// What was found out.
#[derive(Clone, Debug)]
pub struct Report {
    /// The server that was asked.
    pub address: SocketAddr,
    /// The names that it was asked for, the URL's host first.
    pub names: Vec<Host>,
    /// Versions of HTTP that it speaks with the URL's host, of HTTP/2 and HTTP/1.1.
    pub protocols: Vec<Protocol>,
    /// What it presents for each server name.
    pub certificates: Vec<Presented>,
    /// Its answers, judged, in the order in which they came.
    pub answers: Vec<Judged>,
    /// What is to be said of them, problems first.
    pub findings: Vec<Finding>,
    /// What helps where a name did not work.
    pub remedied: Vec<Remedied>,
    /// Questions that could not be asked.
    pub unasked: usize,
    /// How long it took.
    pub took: Duration,
}

/// What a server presents to a client that sends a server name, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presented {
    /// The server name.
    pub sni: Sni,
    /// What the handshake told, as far as it came.
    pub handshake: Handshake,
    /// Why there is no connection, if there is none.
    pub refusal: Option<Refusal>,
}

impl Presented {
    /// Those of `names` that the certificate covers; `None` if there is none.
    pub fn covered<'a>(&self, names: &'a [Host]) -> Option<Vec<&'a Host>> {
        let certificate = self.handshake.certificate_names.as_ref()?;
        Some(names.iter().filter(|name| covers(certificate, name)).collect())
    }
}

/// Why there is no report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Too many names.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// Nobody answers there.
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
}

impl Report {
    /// Whether something is wrong with what the server answers, or not everything could be asked.
    pub fn is_problem(&self) -> bool {
        self.unasked > 0
            || self
                .findings
                .iter()
                .any(|finding| finding.level == findings::Level::Problem)
    }
}

/// Asks the server of `target`.
///
/// # Errors
/// If there are too many names, or nothing at the address takes a connection.
pub async fn check(
    target: &Target,
    options: &Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, Error> {
    let started = Instant::now();
    let plan = Plan::new(target, &options.also)?;
    let reached = reach::reach(target, options.via.as_ref(), &plan, options.limit, progress).await?;
    let mut asker = Asker::new(
        reached.address,
        &target.path,
        options.limit,
        started + LONGEST,
        plan.size(),
    );
    let certificates = asker.handshakes(&plan, reached.first, progress).await;
    let (answers, protocols) = asker.questions(&plan, progress).await;
    let unasked = answers
        .iter()
        .filter(|answer| answer.outcome.is_unasked())
        .count();
    let answers = judged::judge_all(answers, &options.listeners);
    Ok(Report {
        findings: findings::findings(&plan, &answers, &protocols, &certificates),
        remedied: cure::remedied(&answers),
        address: reached.address,
        names: plan.names().to_vec(),
        protocols,
        certificates,
        answers,
        unasked,
        took: started.elapsed(),
    })
}

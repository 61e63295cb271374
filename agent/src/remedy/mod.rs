//! Remedies as lines of configuration, for the programs that were seen.
//!
//! The words that go with a verdict name the family of the remedy ([`crate::verdict`]); here is what to write where.
//! Lines stand here only for programs whose behaviour was observed.

mod lines;
mod program;

use serde::{Deserialize, Serialize};

pub use program::Program;

use crate::verdict::Verdict;

/// Lines of configuration for one program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// The program, as its executable is called.
    pub program: String,
    /// `server`, or `client` for the program that connects to it.
    pub side: String,
    /// What the lines do, and what to mind.
    pub note: String,
    /// To be pasted, and adapted where they say so.
    pub lines: Vec<String>,
}

/// What a remedy is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// What the exchange is called.
    pub verdict: Verdict,
    /// Path of the server's executable, if it is on this machine.
    pub server: Option<&'a str>,
    /// Path of the client's executable, if it is on this machine.
    pub client: Option<&'a str>,
    /// Server name of the connection.
    pub sni: Option<&'a str>,
    /// What the request is for.
    pub authority: Option<&'a str>,
}

/// What has to be done, as far as a program's configuration can do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Measure {
    /// The client passes the name on that it was asked for.
    PassTheNameOn,
    /// The client keeps the connections of different names apart.
    KeepNamesApart,
    /// The server takes connections without a name for any of its names.
    AcceptWithoutName,
    /// The server treats both names alike, so that a connection for one is good for the other.
    AlikeForBoth,
    /// The server answers 421 to names that the connection was not made for.
    Refuse,
    /// The server compares names as names.
    CompareNames,
}

/// The lines that cure what the question is about; none if none are known for these programs.
pub fn configuration(question: &Question<'_>) -> Vec<Configuration> {
    let (client, server) = measures(question.verdict);
    let sides = [
        ("client", client, question.client),
        ("server", server, question.server),
    ];
    sides
        .into_iter()
        .flat_map(|(side, measures, exe)| {
            let program = exe.and_then(Program::of);
            measures.iter().filter_map(move |measure| {
                let program = program?;
                let (note, lines) = lines::of(*measure, program, question)?;
                Some(Configuration {
                    program: program.as_str().to_owned(),
                    side: side.to_owned(),
                    note: note.to_owned(),
                    lines,
                })
            })
        })
        .collect()
}

/// What the client has to do, and what the server.
const fn measures(verdict: Verdict) -> (&'static [Measure], &'static [Measure]) {
    use Measure::{AcceptWithoutName, AlikeForBoth, CompareNames, KeepNamesApart, PassTheNameOn, Refuse};
    match verdict {
        Verdict::NoSni421 => (&[PassTheNameOn], &[AcceptWithoutName]),
        Verdict::NoSniServed | Verdict::Split421 | Verdict::SplitServed => (&[PassTheNameOn], &[]),
        // The server that passed it on is the client of the hop behind it.
        Verdict::Relayed421 => (&[], &[PassTheNameOn]),
        Verdict::PoolBleed421 | Verdict::Uncovered421 => (&[KeepNamesApart], &[]),
        Verdict::Coalesced421 | Verdict::Overstrict421 | Verdict::Mismatch421Unverified => {
            (&[], &[AlikeForBoth])
        }
        Verdict::False421 | Verdict::Matched421Unverified => (&[], &[CompareNames]),
        Verdict::MtlsBypass
        | Verdict::WrongBackend
        | Verdict::Missing421
        | Verdict::RejectedOtherCode
        | Verdict::Ambiguous4xx => (&[], &[Refuse]),
        Verdict::ServedUncovered => (&[PassTheNameOn], &[Refuse]),
        Verdict::Aborted
        | Verdict::InsufficientEvidence
        | Verdict::Connect421
        | Verdict::Tunnel
        | Verdict::MalformedRejected
        | Verdict::Malformed421
        | Verdict::MalformedAccepted
        | Verdict::NoAuthority
        | Verdict::Cleartext421
        | Verdict::Cleartext
        | Verdict::ProxyGenerated421
        | Verdict::Altsvc421
        | Verdict::Unattributed421
        | Verdict::UnknownOrigin421
        | Verdict::DefaultCertServed
        | Verdict::Ok
        | Verdict::TrustedGateway
        | Verdict::IpNoSni
        | Verdict::MismatchServedUnverified
        | Verdict::CoalescedOk => (&[], &[]),
    }
}

#[cfg(test)]
mod tests;

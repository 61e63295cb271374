//! The arguments of `wrongway check`.

use std::time::Duration;

use clap::Args;

use crate::check::Options;
use crate::check::expectation::Written;
use crate::check::target::{Target, Via, name};
use crate::verdict::name::Host;

/// Ask one server how it answers to names, without an agent or root
///
/// Asks for the URL's host and for every other name: on one connection, on fresh ones, without SNI, and with other
/// SNIs, over HTTP/2 and HTTP/1.1. Judges each answer as the agent would, says what is wrong, and what helps.
#[derive(Clone, Debug, Args)]
#[command(after_long_help = AFTER_HELP)]
pub struct CheckArgs {
    /// What to ask for: <https://host[:port][/path]>
    #[arg(value_name = "URL", help = "What to ask for: https://host[:port][/path]")]
    pub target: Target,
    /// Another name to ask this server for; may be given up to 15 times. It is not looked up
    #[arg(long, value_name = "HOST", value_parser = name)]
    pub also: Vec<Host>,
    /// Connect there instead of looking up the URL's host, to ask one backend
    #[arg(long, value_name = "ADDRESS[:PORT]")]
    pub connect: Option<Via>,
    /// Hostname of a listener of the Gateway that is asked, * for the one that takes all others; may be given
    /// repeatedly. Its answers are then compared with GEP-3567
    #[arg(long, value_name = "HOSTNAME")]
    pub listener: Vec<Written>,
    /// How long a connection may take, and an answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub timeout: Duration,
    /// Print one JSON object a line
    #[arg(long)]
    pub json: bool,
}

impl CheckArgs {
    pub(super) fn options(&self) -> Options {
        let port = self.target.port;
        Options {
            also: self.also.clone(),
            via: self.connect.clone(),
            listeners: self.listener.iter().map(|listener| listener.on(port)).collect(),
            limit: self.timeout,
        }
    }
}

/// Longest time that an answer may be given.
const LONGEST: f64 = 60.0;

fn seconds(raw: &str) -> Result<Duration, String> {
    let wrong = || format!("give more than 0 and at most {LONGEST} seconds");
    let seconds: f64 = raw.parse().map_err(|_| wrong())?;
    if !(seconds > 0.0 && seconds <= LONGEST) {
        return Err(wrong());
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

const AFTER_HELP: &str = "\
What is sent:
  GET requests, one at a time, to the first address of the URL's host that takes a connection, and to no other.
  Redirects are not followed. Certificates are taken as they are, none is presented. With n names there are about
  2n(n + 2) connections, and no more than two minutes are spent.

What is a problem (exit code 1):
  a wrong 421, or none where one is due, for any name; another answer than the listeners have it be; a URL whose
  host does not work, or whose certificate does not cover it; a server that cannot be reached, or not asked
  everything in time

What is advice (exit code 0):
  coalesced_421   browsers put this name on the connection, are declined, and ask again: each time a round trip
  no_sni_421      clients that send no SNI, such as many proxies, are declined
  not_served      a name beside the URL's host does not work here at all
  and others, each with what to do. A 421 for a name that has no business on a connection is neither.

With --json each object has a \"kind\": certificate, answer, finding, remedied, summary. Unknown is null.

Example:
  wrongway check https://www.shop.example --also admin.shop.example --connect 192.0.2.7";

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::whole("5", Some(5000))]
    #[case::part("0.25", Some(250))]
    #[case::none("0", None)]
    #[case::negative("-1", None)]
    #[case::too_long("61", None)]
    #[case::no_number("nan", None)]
    #[case::unit("5s", None)]
    fn times_are_bounded(#[case] raw: &str, #[case] milliseconds: Option<u64>) {
        assert_eq!(seconds(raw).ok(), milliseconds.map(Duration::from_millis));
    }
}

//! What happened, with the names that were seen.

use super::words::quoted;
use crate::verdict::authority::Effective;
use crate::verdict::case::{Case, Sni};
use crate::verdict::confidence::Doubt;
use crate::verdict::facts::Status;
use crate::verdict::kind::Verdict;

/// What happened.
pub(in crate::verdict) fn diagnosis(case: &Case<'_>, verdict: Verdict, doubt: Option<Doubt>) -> String {
    let mut text = told(case, verdict);
    if let Some(doubt) = doubt {
        text.push_str(match doubt {
            Doubt::Fallback => " One of these facts came from a fallback source, so this may be wrong.",
            Doubt::Method => {
                " The method is unknown: were it CONNECT, this would not be about the connection."
            }
            Doubt::Relay => {
                " Which of the upstream hop's answers belongs to this request could not be told, so the 421 may be \
                 of this hop's own making."
            }
            Doubt::Preconnect => {
                " If the client is a browser that connected in advance, it may have coalesced instead."
            }
        });
    }
    text
}

#[expect(clippy::too_many_lines, reason = "one arm a verdict, nothing else")]
fn told(case: &Case<'_>, verdict: Verdict) -> String {
    let opened = case.opened();
    let asked = case.asked();
    let status = case.status();
    match verdict {
        Verdict::Aborted => {
            format!(
                "No response came to the {}: it was reset, or the connection closed first.",
                case.request()
            )
        }
        Verdict::InsufficientEvidence => {
            format!("The {} cannot be judged: {}.", case.request(), missing(case))
        }
        Verdict::Connect421 => format!(
            "A CONNECT to {asked} was answered 421. That is where the tunnel shall end, not the server \
             that was asked to open it, so it need not agree with this connection's SNI ({}).",
            case.sni_name()
        ),
        Verdict::Tunnel => format!(
            "A CONNECT to {asked} was answered {status}. What the tunnel carries is not of this connection."
        ),
        Verdict::MalformedRejected => {
            format!("{}. The server rejected it with 400, as it has to.", case.flaw())
        }
        Verdict::Malformed421 => format!(
            "{}. The server answered 421, which asks the client to send the same malformed request again \
             on another connection; 400 would have told it what is wrong.",
            case.flaw()
        ),
        Verdict::MalformedAccepted => format!(
            "{}. The server answered {status} all the same; servers in a row may each read another name \
             out of such a request.",
            case.flaw()
        ),
        Verdict::NoAuthority => {
            format!("An HTTP/1.0 request without Host names no server. It was answered {status}.")
        }
        Verdict::Cleartext421 => format!(
            "A request for {asked} was answered 421 on a hop without TLS: there is no SNI and no \
             certificate that it could contradict. Such a 421 usually comes from a list of allowed hosts \
             in the application, a guard against DNS rebinding that does not know {}.",
            case.asked_host()
        ),
        Verdict::Cleartext => {
            format!(
                "This hop has no TLS, so there is nothing that the request for {asked} could \
                     contradict."
            )
        }
        Verdict::ProxyGenerated421 => format!(
            "A forward proxy answered 421 to a request for {asked}. Only the origin or its gateway may: \
             the connection to a proxy is made for the proxy ({}), whatever is asked through it.",
            case.sni_name()
        ),
        Verdict::Relayed421 => format!(
            "The 421 for {asked} was passed on: the hop behind this server answered it. A client that \
             retries changes its own connection, which is not the one that was refused."
        ),
        Verdict::Altsvc421 => format!(
            "The connection was made to an alternative service, and that says it is not authoritative for \
             {asked}. 421 is right here even where SNI and authority agree."
        ),
        Verdict::Unattributed421 => {
            format!("A {} was answered 421, but {}.", case.request(), missing(case))
        }
        Verdict::NoSni421 => format!(
            "The client sent no SNI, so the handshake took the default virtual host (its certificate {}), \
             and a request for {asked} does not belong there: 421 is right. The client is usually {}.",
            case.certificate(),
            if case.facts.learned.proxy_client {
                "the proxy or load balancer that connects here, as it is this time"
            } else {
                "a reverse proxy, a load balancer or a probe that does not pass the name on"
            }
        ),
        Verdict::False421 => format!(
            "{opened}, the request asks for {asked}, which is the same name, and the certificate covers it \
             ({}). The 421 is wrong. {}",
            case.certificate(),
            false_cause(case)
        ),
        Verdict::UnknownOrigin421 => format!(
            "{opened} and the request asks for the same ({asked}), but the server presented a certificate \
             that {}: it does not host that name here, and says so with 421.",
            case.certificate()
        ),
        Verdict::Matched421Unverified => format!(
            "{opened} and the request asks for the same ({asked}). The 421 is wrong if the server hosts \
             that name, and right if it does not; its certificate would tell, and is unknown."
        ),
        Verdict::Overstrict421 => format!(
            "{opened} and the request asks for {asked}. One listener with one TLS configuration serves \
             both, so the connection is as good for one as for the other: the server compared two strings \
             where it should have compared listeners."
        ),
        Verdict::Split421 => format!(
            "{opened}, and no other name was used on it before the client asked for {asked}: it dialled \
             one name and asked for another. {} The server is right to answer 421.",
            case.coverage()
        ),
        Verdict::PoolBleed421 => format!(
            "{opened}, carried requests for {}, and was then used for {asked}: {} The 421 is right.",
            case.earlier(),
            if case.facts.protocol.is_multiplexed() {
                "the client is a proxy whose connection pool is not keyed by SNI."
            } else {
                "an HTTP/1.x connection pool that is not keyed by SNI."
            }
        ),
        Verdict::Coalesced421 => format!(
            "{opened}, carried requests for {}, and was then used for {asked} too, as its certificate {} \
             and so allows. The server may decline that, and 421 is how: the client has to ask again on a \
             connection of its own.",
            case.earlier(),
            case.certificate()
        ),
        Verdict::Uncovered421 => format!(
            "{opened}, carried requests for {}, and was then used for {asked} although its certificate {}, \
             which does not cover that. The client must not reuse a connection so, and the 421 is \
             right.",
            case.earlier(),
            case.certificate()
        ),
        Verdict::Mismatch421Unverified => format!(
            "{opened} and the request asks for {asked}. That is reason enough for a 421; {}.",
            undecided(case)
        ),
        Verdict::DefaultCertServed => format!(
            "{opened} and the request asks for the same ({asked}), but the server presented a certificate \
             that {} and answered {status}. The client went on, so it does not verify certificates.",
            case.certificate()
        ),
        Verdict::Ok => format!("{opened} and the request asks for the same."),
        Verdict::MtlsBypass => format!(
            "Critical: a connection made for {asked} has to present a client certificate. {opened}, \
             presented none, and a request for {asked} was answered {status} on it: the demand is \
             bypassed."
        ),
        Verdict::TrustedGateway => format!(
            "{opened} and the request asks for {asked}. The client is a gateway that this server is \
             configured to trust with any name."
        ),
        Verdict::IpNoSni => format!(
            "The request asks for the address {asked}, and an SNI cannot carry an address, so none was \
             sent. Probes do so."
        ),
        Verdict::WrongBackend => format!(
            "{opened}, the request asks for {asked}, and another name's backend answered {status}: someone \
             was shown another application's answer."
        ),
        Verdict::Missing421 => format!(
            "{opened}, the request asks for {asked}, and was answered {status}, although {asked} works on \
             a connection of its own. With 421 the client could have asked again there; on {status} no \
             client does."
        ),
        Verdict::RejectedOtherCode => format!(
            "{opened} and the request asks for {asked}. {} To refuse is right, but {status} is not how: \
             clients retry on a connection of their own only after 421.",
            case.coverage()
        ),
        Verdict::Ambiguous4xx => format!(
            "{opened}, the request asks for {asked} and was answered {status}. {} That may be the \
             application's own answer, or a server that knows {} only on another connection.",
            case.coverage(),
            case.asked_host()
        ),
        Verdict::ServedUncovered => format!(
            "{opened}, the request asks for {asked}, and was answered {status} although the certificate \
             {}, which does not cover that. The server has to reject such a request, with 421.",
            case.certificate()
        ),
        Verdict::NoSniServed => format!(
            "The client sent no SNI, the handshake took the server's default, and a request for {asked} \
             was answered {status} on it. {}",
            case.coverage()
        ),
        Verdict::MismatchServedUnverified => format!(
            "{opened}, the request asks for {asked}, and was answered {status}; {}.",
            undecided(case)
        ),
        Verdict::CoalescedOk => format!(
            "{opened}, carried requests for {}, and was then used for {asked} too, as its certificate {} \
             and so allows.",
            case.earlier(),
            case.certificate()
        ),
        Verdict::SplitServed => format!(
            "{opened}, and no other name was used on it before the client asked for {asked}, which was \
             answered {status}: it dialled one name and asked for another. {} That is domain fronting, or \
             a client told to send another Host.",
            case.coverage()
        ),
    }
}

/// The first fact that is missing, in the order in which the decision asks.
fn missing(case: &Case<'_>) -> String {
    let facts = case.facts;
    if facts.status == Status::Unknown {
        "its status was lost".to_owned()
    } else if facts.tls.is_none() {
        "it is not known whether this hop is TLS".to_owned()
    } else if case.effective == Effective::Unknown {
        "what it named was lost with a part of its head, or with the compression state of the \
         connection, so it cannot be said whose request it was"
            .to_owned()
    } else if case.sni == Sni::OuterOnly {
        let outer = facts
            .sni
            .as_deref()
            .map_or_else(String::new, |name| format!(" {}", quoted(name)));
        format!(
            "only the outer name{outer} of an encrypted ClientHello is known; the name that the connection \
             was made for is inside"
        )
    } else {
        "its handshake was not seen, so it is not known for whom the connection was made".to_owned()
    }
}

/// Why names that differ lead no further.
fn undecided(case: &Case<'_>) -> String {
    let host = case.host();
    let covered = host.and_then(|host| case.covered(host));
    let reused = host.and_then(|host| case.reused(host));
    let unknown = match (covered, reused) {
        (None, None) => "neither the certificate's names nor the connection's earlier requests are known",
        (None, Some(_)) => "the certificate's names are unknown",
        (Some(_), _) => "the connection's earlier requests were not all seen",
    };
    format!("{unknown}, so it is open whether the client was allowed to use this connection")
}

fn false_cause(case: &Case<'_>) -> String {
    match case.spelling() {
        Some(spelling) => format!(
            "{} says {}: {} of it must not count, and a comparison of strings stumbles over just that.",
            spelling.place,
            quoted(spelling.written),
            spelling.difference()
        ),
        None => "Either the listener's configuration changed after the connection was made, whose TLS \
                 settings stay as they were; or the server does not know the SNI that was sent; or its \
                 list of names is stale; or an application behind this server answered, whose list of \
                 allowed hosts does not have the name."
            .to_owned(),
    }
}

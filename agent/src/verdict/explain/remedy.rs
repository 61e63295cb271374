//! What to change. Three families: put the server's configuration right; stop or correct connection reuse;
//! HTTP/1.1 only, as a last resort and with its price. Each text says which applies, and why that one.

use super::words::quoted;
use crate::verdict::authority::Effective;
use crate::verdict::case::{Case, Sni};
use crate::verdict::facts::Status;
use crate::verdict::kind::Verdict;
use crate::verdict::name::Host;

const NOTHING: &str = "Nothing to change.";

/// How a front end passes the name on.
const PASS_THE_NAME_ON: &str = "nginx: \"proxy_ssl_server_name on; proxy_ssl_name $host; \
                                proxy_ssl_session_reuse off;\"; HAProxy: \"sni req.hdr(host)\" on the \
                                server line";

/// How reuse ends without touching clients.
const STOP_REUSE: &str = "give the names separate certificates or separate addresses, or limit reuse with \
                          the ORIGIN frame (RFC 8336) where server and clients speak it";

/// Why not HTTP/1.1.
const LAST_RESORT: &str = "Switching the listener to HTTP/1.1 stops coalescing as well, but every client \
                           then pays with more connections and no multiplexing, and the cause stays \
                           hidden: a last resort";

/// What to change.
#[expect(clippy::too_many_lines, reason = "one arm a verdict, nothing else")]
pub(in crate::verdict) fn remedy(case: &Case<'_>, verdict: Verdict) -> String {
    let asked = case.asked();
    let host = case.asked_host();
    let sni = case.sni_name();
    match verdict {
        Verdict::Ok
        | Verdict::Tunnel
        | Verdict::Cleartext
        | Verdict::TrustedGateway
        | Verdict::CoalescedOk => NOTHING.to_owned(),
        Verdict::Aborted => "Nothing follows about misdirection. If it recurs, look for time-outs and \
                             resets in the server and in the hops before it."
            .to_owned(),
        Verdict::InsufficientEvidence | Verdict::Unattributed421 => see_more(case).to_owned(),
        Verdict::Connect421 => "Put the server's configuration right: leave CONNECT out of the proxy's \
                                check of SNI against authority. Another connection or HTTP/1.1 changes \
                                nothing."
            .to_owned(),
        Verdict::MalformedRejected => {
            "Correct the client, or the proxy that rewrites its requests: exactly one authority, the same \
             wherever it is written."
                .to_owned()
        }
        Verdict::Malformed421 => "Put the server's configuration right: check the form of a request before \
                                  its target, and answer 400. And correct the client: exactly one \
                                  authority, the same wherever it is written."
            .to_owned(),
        Verdict::MalformedAccepted => "Put the server's configuration right: reject such requests with \
                                       400, at the outermost hop. And correct the client: exactly one \
                                       authority, the same wherever it is written."
            .to_owned(),
        Verdict::NoAuthority => "Nothing to change. If it is a probe, let it send Host: then it is judged, \
                                 and tests what users get."
            .to_owned(),
        Verdict::Cleartext421 => format!(
            "Put the application's configuration right: add {host} to its list of allowed hosts, or let \
             the client send a Host that is on it (for a kubelet probe: httpGet.httpHeaders). Nothing \
             about TLS, certificates or connections plays a part."
        ),
        Verdict::ProxyGenerated421 => format!(
            "Put the proxy's configuration right: do not compare its own SNI with the target of a \
             forwarded request. If {host} is not to be reached through it, 403 says so."
        ),
        Verdict::Relayed421 => format!(
            "Judge the upstream hop: its verdict names the cause. Usually this server sends no SNI \
             upstream, a fixed one, or shares one upstream pool among names. {PASS_THE_NAME_ON}. Retries \
             of the client are futile."
        ),
        Verdict::Altsvc421 => format!(
            "Nothing, if it happens rarely: the client drops the alternative and goes to the origin. \
             Otherwise put the server's configuration right: let the alternative service host {host}, or \
             stop advertising it in Alt-Svc for that name."
        ),
        Verdict::NoSni421 => format!(
            "{} If the client cannot send SNI, give this server's default virtual host the same \
             certificate and TLS settings as {host}, or, in an Apache that has it, \"SSLVHostSNIPolicy \
             authonly\". The SNI is missing before HTTP begins, so neither a retry nor HTTP/1.1 helps.",
            if let Some(Host::Address(_)) = case.host() {
                "Correct the client: let it dial and ask for a name, since an address cannot be sent as \
                 SNI."
                    .to_owned()
            } else {
                format!(
                    "Put the configuration right where the connection is made, and pass the name on. \
                     {PASS_THE_NAME_ON}."
                )
            }
        ),
        Verdict::False421 => false_421(case),
        Verdict::UnknownOrigin421 => format!(
            "Put the server's configuration right: if it shall serve {host}, add that name and a \
             certificate for it to the listener; if not, correct the DNS record or the route that leads \
             clients here. Reuse plays no part: the connection was made for this very name."
        ),
        Verdict::Matched421Unverified => format!(
            "Look at the certificate that the server presents for {sni}. If it covers the name, compare \
             without port, case and trailing dot, and see whether the configuration changed under open \
             connections; if it does not, add {host} to the listener or correct the DNS record."
        ),
        Verdict::Overstrict421 => format!(
            "Put the server's configuration right: find the listener of the SNI and the listener of the \
             authority, and answer 421 only if they differ (GEP-3567). Until then, to spare clients the \
             retry, {STOP_REUSE}. {LAST_RESORT}."
        ),
        Verdict::Split421 => format!(
            "Correct the client: the name it dials and the name it asks for have to be one, {host}. Where \
             the client is a proxy, pass the name on. {PASS_THE_NAME_ON}. The server is as it should \
             be.{}",
            if_coalescing(case)
        ),
        Verdict::PoolBleed421 => "Correct connection reuse in the client: key its pool by SNI, or switch \
                                  upstream keep-alive off. nginx matches upstream keep-alive connections \
                                  by address only, and a reused TLS session keeps the old name: \
                                  \"proxy_ssl_session_reuse off;\". The server is as it should be."
            .to_owned(),
        Verdict::Coalesced421 => format!(
            "Nothing, if the client retries: Chrome and Firefox do once, at the price of a round trip; \
             curl, Go, Deno and reqwest do not. To end it, put the server's configuration right: identical \
             TLS settings for {sni} and {host} on one listener, so that the request can be served where it \
             arrives. Or stop reuse: {STOP_REUSE}. {LAST_RESORT}."
        ),
        Verdict::Uncovered421 => format!(
            "Correct connection reuse in the client: it may use a connection for {host} only if the \
             certificate covers that name. Look for a pool keyed by address, and for switched-off \
             certificate verification. The server is as it should be."
        ),
        Verdict::Mismatch421Unverified => format!(
            "Find out first whether the certificate for {sni} covers {host}, and whether the connection \
             had been used for another name. Reused and covered: identical TLS settings for both names on \
             the server, or stop reuse ({STOP_REUSE}). Otherwise correct the client: it dialled one name \
             and asked for another, or its pool is not keyed by SNI."
        ),
        Verdict::DefaultCertServed => format!(
            "Put the server's configuration right: a certificate that covers {host} on its listener. And \
             let the client verify certificates: it would have told."
        ),
        Verdict::MtlsBypass => format!(
            "Put the server's configuration right, now: reject requests for {host} with 421 on every \
             connection that has not presented a client certificate for it, or demand one for every name \
             of the listener. To keep well-behaved clients from trying, stop reuse: {STOP_REUSE}."
        ),
        Verdict::IpNoSni => {
            "Nothing to change. To test what users get, let the probe ask for the name.".to_owned()
        }
        Verdict::WrongBackend => format!(
            "Put the server's configuration right: route by authority and not by the connection's SNI, or \
             answer 421 where the two belong to different backends. Where TLS is passed through by SNI, a \
             shared wildcard certificate is what makes clients reuse connections: give {sni} and {host} \
             separate certificates or separate addresses."
        ),
        Verdict::Missing421 => format!(
            "Put the server's configuration right: answer 421 instead of {}, so that clients ask again on \
             a connection for {host}; or serve {host} on the listener of {sni} too. If the server cannot \
             (the Envoy family answers 404), stop reuse: {STOP_REUSE}. {LAST_RESORT}.",
            case.status()
        ),
        Verdict::RejectedOtherCode => format!(
            "Put the server's configuration right where it can be: 421 instead of {}. And correct the \
             client, which has no business asking for {asked} here: name dialled and name asked for have \
             to be one. (Jetty answers 400 \"Invalid SNI\", Traffic Server 403.)",
            case.status()
        ),
        Verdict::Ambiguous4xx => format!(
            "Ask for {asked} again on a fresh connection with its own SNI. Another answer there: the \
             server should have said 421 here (the Envoy family answers 404), so put that right or stop \
             reuse: {STOP_REUSE}. The same answer: it is the application's own, and nothing is \
             misdirected."
        ),
        Verdict::ServedUncovered => format!(
            "Put the server's configuration right: answer 421 to names that the connection's certificate \
             does not cover, or add {host} to the certificate if both belong together. And correct the \
             client: name dialled and name asked for have to be one, and a pool has to be keyed by SNI."
        ),
        Verdict::NoSniServed => format!(
            "Let the client send SNI, before the server begins to insist on it. {PASS_THE_NAME_ON}. If it \
             cannot, see that the server's default certificate and TLS settings are those of {host}."
        ),
        Verdict::MismatchServedUnverified => format!(
            "Find out whether the certificate for {sni} covers {host}, and whether the connection had been \
             used for another name. Covered and reused: nothing to change. Not covered: the server should \
             have answered 421. Not reused: the client dialled one name and asked for another."
        ),
        Verdict::SplitServed => format!(
            "If it is meant (a test, a Host override), nothing. If not, correct the client, or the proxy \
             that fixes its SNI: name dialled and name asked for have to be one. {PASS_THE_NAME_ON}. To \
             forbid fronting, let the server answer 421 where the listeners of {sni} and {host} differ."
        ),
    }
}

/// What else helps where a split may be coalescing.
fn if_coalescing(case: &Case<'_>) -> String {
    let covered = case.host().and_then(|host| case.covered(host));
    if covered == Some(true) && case.facts.protocol.is_multiplexed() {
        format!(
            " If the client is a browser that coalesced: identical TLS settings for both names on one \
             listener, or {STOP_REUSE}."
        )
    } else {
        String::new()
    }
}

fn false_421(case: &Case<'_>) -> String {
    match case.spelling() {
        Some(spelling) => format!(
            "Put the server's configuration right: before comparing SNI and authority ({}), split off the \
             port, drop one trailing dot, and put it in lower case. Hand-written rules, such as HAProxy's \
             ssl_fc_sni with strcmp, do none of this by themselves. Connections are used as they should \
             be.",
            quoted(spelling.written)
        ),
        None => format!(
            "Put the server's configuration right: if it was reloaded, let connections from before end \
             (Traefik freezes TLS options per connection); if not, see that the listener's list of \
             names has this one, and log the SNI that the server itself believes in: on a resumed \
             session it can be empty or stale. If it passes on what an application behind it answers, add \
             {} to its list of allowed hosts. Connections are used as they should be, so there is no \
             reuse to stop.",
            case.asked_host()
        ),
    }
}

fn see_more(case: &Case<'_>) -> &'static str {
    let facts = case.facts;
    if facts.status == Status::Unknown {
        "Nothing to change on the servers. See wrongway_losses_total for where records are lost."
    } else if facts.tls.is_none() {
        "Nothing to change on the servers. See `wrongway inspect coverage` for what can be seen of the \
         process."
    } else if case.effective == Effective::Unknown {
        "Nothing to change on the servers. The next connection will be seen whole if the agent watches it \
         from its beginning; if this recurs on new ones, see wrongway_losses_total."
    } else if case.sni == Sni::OuterOnly {
        "Look from the side of the server that decrypts the ClientHello: there the inner name is known."
    } else {
        "Nothing to change on the servers. Connections that are made while the agent runs will be \
         attributed; to force one, restart the client or let the server close idle connections."
    }
}

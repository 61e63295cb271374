//! The decision: rows in order, the first that matches wins.
//!
//! Nothing is guessed. Where a fact is unknown and another value of it would lead elsewhere, the verdict is
//! an undecided one.

use super::authority::{Effective, is_tunnel};
use super::case::{Case, Sni};
use super::facts::Status;
use super::kind::Verdict;
use super::name::Host;

/// The one verdict of an exchange.
pub(super) fn decide(case: &Case<'_>) -> Verdict {
    let facts = case.facts;
    let status = match facts.status {
        Status::Code(status) => status,
        // 1
        Status::NoneCame => return Verdict::Aborted,
        Status::Unknown => return Verdict::InsufficientEvidence,
    };
    let misdirected = status == 421;
    // 2
    let Some(tls) = facts.tls else {
        return Verdict::InsufficientEvidence;
    };
    // 3
    if is_tunnel(facts) {
        return if misdirected {
            Verdict::Connect421
        } else {
            Verdict::Tunnel
        };
    }
    let host = match &case.effective {
        Effective::Known { authority, .. } => &authority.host,
        // 4
        Effective::Malformed(_) => {
            return match status {
                400 => Verdict::MalformedRejected,
                421 => Verdict::Malformed421,
                _ => Verdict::MalformedAccepted,
            };
        }
        // 5
        Effective::Nameless => return Verdict::NoAuthority,
        // Without a name nothing below can be told.
        Effective::Unknown if misdirected => return Verdict::Unattributed421,
        Effective::Unknown => return Verdict::InsufficientEvidence,
    };
    // 6
    if !tls {
        return if misdirected {
            Verdict::Cleartext421
        } else {
            Verdict::Cleartext
        };
    }
    if misdirected {
        answered_421(case, host)
    } else {
        answered_otherwise(case, host, matches!(status, 400 | 403 | 404))
    }
}

fn answered_421(case: &Case<'_>, host: &Host) -> Verdict {
    let learned = case.facts.learned;
    // 7
    if learned.forward_proxy {
        return Verdict::ProxyGenerated421;
    }
    // 8. An answer that may be the upstream hop's accuses nobody of this one.
    if learned.upstream_421 || learned.upstream_421_unclear {
        return Verdict::Relayed421;
    }
    // 9
    if learned.alternative_service {
        return Verdict::Altsvc421;
    }
    match case.sni {
        // 10
        Sni::Unknown | Sni::OuterOnly => return Verdict::Unattributed421,
        // 11
        Sni::Absent => return Verdict::NoSni421,
        Sni::Sent(_) => {}
    }
    // 12
    if case.dialled(host) {
        return match case.covered(host) {
            Some(true) => Verdict::False421,
            Some(false) => Verdict::UnknownOrigin421,
            None => Verdict::Matched421Unverified,
        };
    }
    // 13
    if learned.same_listener {
        return Verdict::Overstrict421;
    }
    match case.reused(host) {
        // 14 and all that follows hang on it.
        None => return Verdict::Mismatch421Unverified,
        // 14
        Some(false) => return Verdict::Split421,
        Some(true) => {}
    }
    // 15
    if !case.facts.protocol.is_multiplexed() || learned.proxy_client {
        return Verdict::PoolBleed421;
    }
    // 16
    match case.covered(host) {
        Some(true) => Verdict::Coalesced421,
        Some(false) => Verdict::Uncovered421,
        None => Verdict::Mismatch421Unverified,
    }
}

/// `rejected`: the status is one with which servers refuse a name they do not serve: 400, 403 or 404.
fn answered_otherwise(case: &Case<'_>, host: &Host, rejected: bool) -> Verdict {
    let learned = case.facts.learned;
    let without_sni = match case.sni {
        // 17
        Sni::Unknown | Sni::OuterOnly => return Verdict::InsufficientEvidence,
        Sni::Absent => true,
        Sni::Sent(_) => false,
    };
    let covered = case.covered(host);
    // 18
    if case.dialled(host) {
        return match covered {
            Some(false) => Verdict::DefaultCertServed,
            Some(true) | None => Verdict::Ok,
        };
    }
    // 19
    if learned.mtls_gap && !rejected {
        return Verdict::MtlsBypass;
    }
    // 20
    if learned.trusted_gateway {
        return Verdict::TrustedGateway;
    }
    // 21
    if without_sni && matches!(host, Host::Address(_)) {
        return Verdict::IpNoSni;
    }
    // 22
    if learned.wrong_backend && !rejected {
        return Verdict::WrongBackend;
    }
    // 23
    if rejected {
        return match covered {
            _ if learned.known => Verdict::Missing421,
            Some(false) => Verdict::RejectedOtherCode,
            Some(true) | None => Verdict::Ambiguous4xx,
        };
    }
    match covered {
        // 24
        Some(false) => Verdict::ServedUncovered,
        // 25
        Some(true) | None if without_sni => Verdict::NoSniServed,
        // 26
        None => Verdict::MismatchServedUnverified,
        // 27
        Some(true) => match case.reused(host) {
            Some(true) => Verdict::CoalescedOk,
            Some(false) => Verdict::SplitServed,
            None => Verdict::MismatchServedUnverified,
        },
    }
}

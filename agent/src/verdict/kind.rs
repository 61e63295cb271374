//! The verdicts, and what each one means.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// What an exchange is called. Exactly one per exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// No status came: reset or closed.
    Aborted,
    /// A fact that decides is unknown.
    InsufficientEvidence,
    /// A plain CONNECT was answered 421.
    Connect421,
    /// A plain CONNECT was answered otherwise.
    Tunnel,
    /// A malformed request was answered 400.
    MalformedRejected,
    /// A malformed request was answered 421.
    Malformed421,
    /// A malformed request was answered as if it were none.
    MalformedAccepted,
    /// HTTP/1.0 without `Host`.
    NoAuthority,
    /// 421 on a hop without TLS.
    Cleartext421,
    /// Any other answer on a hop without TLS.
    Cleartext,
    /// A forward proxy answered 421.
    ProxyGenerated421,
    /// The upstream hop answered 421 too.
    Relayed421,
    /// 421 from an alternative service.
    Altsvc421,
    /// 421, and it is unknown whose connection it was.
    Unattributed421,
    /// 421 on a connection without SNI.
    NoSni421,
    /// 421 although SNI, certificate and authority agree.
    False421,
    /// 421 where SNI and authority agree and the certificate is another's.
    UnknownOrigin421,
    /// 421 where SNI and authority agree and the certificate is unknown.
    Matched421Unverified,
    /// 421 although one listener with one TLS configuration serves both names.
    Overstrict421,
    /// 421 where the client dialled one name and asked for another from the start.
    Split421,
    /// 421 where a pool reused a connection across names.
    PoolBleed421,
    /// 421 where the client coalesced as the certificate allows.
    Coalesced421,
    /// 421 where the client reused a connection whose certificate does not cover the authority.
    Uncovered421,
    /// 421 where names differ, and the certificate or the earlier requests are unknown.
    Mismatch421Unverified,
    /// SNI and authority agree, and another name's certificate was accepted.
    DefaultCertServed,
    /// SNI and authority agree.
    Ok,
    /// A name that demands client certificates was reached without one.
    MtlsBypass,
    /// A configured gateway, which may mix names.
    TrustedGateway,
    /// An IP address was asked for without SNI.
    IpNoSni,
    /// Another name's backend answered.
    WrongBackend,
    /// A rejection that should have been 421: the authority works on its own connection.
    Missing421,
    /// A right rejection with a code on which no client retries.
    RejectedOtherCode,
    /// 400, 403 or 404 that may or may not be about misdirection.
    Ambiguous4xx,
    /// Served although the certificate does not cover the authority.
    ServedUncovered,
    /// Served without SNI.
    NoSniServed,
    /// Served where names differ, and the certificate or the earlier requests are unknown.
    MismatchServedUnverified,
    /// Coalesced as the certificate allows, and served.
    CoalescedOk,
    /// The client dialled one name, asked for another that the certificate covers, and was served.
    SplitServed,
}

/// What a verdict says about the server's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Nothing is wrong.
    Fine,
    /// Worth a look; nothing is proven.
    Watch,
    /// The facts do not suffice.
    Undecided,
    /// 421, and rightly.
    Correct421,
    /// 421, and wrongly.
    Wrong421,
    /// No 421 where one was due.
    Missing421,
    /// The request is malformed.
    Malformed,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 7] = [
        Self::Fine,
        Self::Watch,
        Self::Undecided,
        Self::Correct421,
        Self::Wrong421,
        Self::Missing421,
        Self::Malformed,
    ];

    /// The name in JSON and in metric labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Watch => "watch",
            Self::Undecided => "undecided",
            Self::Correct421 => "correct_421",
            Self::Wrong421 => "wrong_421",
            Self::Missing421 => "missing_421",
            Self::Malformed => "malformed",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Verdict {
    /// Every verdict, in the order in which they are decided.
    pub const ALL: [Self; 38] = [
        Self::Aborted,
        Self::InsufficientEvidence,
        Self::Connect421,
        Self::Tunnel,
        Self::MalformedRejected,
        Self::Malformed421,
        Self::MalformedAccepted,
        Self::NoAuthority,
        Self::Cleartext421,
        Self::Cleartext,
        Self::ProxyGenerated421,
        Self::Relayed421,
        Self::Altsvc421,
        Self::Unattributed421,
        Self::NoSni421,
        Self::False421,
        Self::UnknownOrigin421,
        Self::Matched421Unverified,
        Self::Overstrict421,
        Self::Split421,
        Self::PoolBleed421,
        Self::Coalesced421,
        Self::Uncovered421,
        Self::Mismatch421Unverified,
        Self::DefaultCertServed,
        Self::Ok,
        Self::MtlsBypass,
        Self::TrustedGateway,
        Self::IpNoSni,
        Self::WrongBackend,
        Self::Missing421,
        Self::RejectedOtherCode,
        Self::Ambiguous4xx,
        Self::ServedUncovered,
        Self::NoSniServed,
        Self::MismatchServedUnverified,
        Self::CoalescedOk,
        Self::SplitServed,
    ];

    /// The name in JSON and in metric labels.
    pub const fn as_str(self) -> &'static str {
        self.entry().0
    }

    /// What it says about the server's answer.
    pub const fn class(self) -> Class {
        self.entry().1
    }

    /// The section of a specification that it rests on.
    pub const fn basis(self) -> &'static str {
        self.entry().2
    }

    /// The row of the decision that it comes from, from 1, and when that matches. The first row that matches wins.
    #[expect(clippy::too_many_lines, reason = "one arm a verdict, nothing else")]
    pub const fn rule(self) -> (u8, &'static str) {
        match self {
            Self::Aborted => (
                1,
                "no status came: the stream was reset, or the connection closed",
            ),
            Self::InsufficientEvidence => (
                2,
                "the status, the server name, or whether this hop is TLS is not known",
            ),
            Self::Connect421 => (3, "a plain CONNECT was answered 421"),
            Self::Tunnel => (3, "a plain CONNECT was answered otherwise"),
            Self::MalformedRejected => (4, "the request is malformed, and was answered 400"),
            Self::Malformed421 => (4, "the request is malformed, and was answered 421"),
            Self::MalformedAccepted => (4, "the request is malformed, and was answered otherwise"),
            Self::NoAuthority => (5, "HTTP/1.0 without Host"),
            Self::Cleartext421 => (6, "this hop has no TLS, and the answer is 421"),
            Self::Cleartext => (6, "this hop has no TLS"),
            Self::ProxyGenerated421 => (7, "421, and the responder is a forward proxy"),
            Self::Relayed421 => (8, "421, and the paired upstream hop answered 421 too"),
            Self::Altsvc421 => (9, "421, and the connection went to an alternative service"),
            Self::Unattributed421 => (
                10,
                "421, and the server name or the authority is not known, or only the outer name of ECH",
            ),
            Self::NoSni421 => (11, "421, and no server name was sent"),
            Self::False421 => (
                12,
                "421, server name and authority are equal, the certificate covers them",
            ),
            Self::UnknownOrigin421 => (
                12,
                "421, server name and authority are equal, the certificate does not cover them",
            ),
            Self::Matched421Unverified => (
                12,
                "421, server name and authority are equal, the certificate is not known",
            ),
            Self::Overstrict421 => (
                13,
                "421, the names differ, and belong to one listener with one TLS configuration",
            ),
            Self::Split421 => (
                14,
                "421, the names differ, and no other name was asked for before",
            ),
            Self::PoolBleed421 => (
                15,
                "421, the names differ, another name was asked for before, over HTTP/1.x or by a proxy",
            ),
            Self::Coalesced421 => (
                16,
                "421, the names differ, another name was asked for before, the certificate covers the authority",
            ),
            Self::Uncovered421 => (
                16,
                "421, the names differ, another name was asked for before, the certificate does not cover the \
                 authority",
            ),
            Self::Mismatch421Unverified => (
                16,
                "421, the names differ, and the certificate or the earlier requests are not known",
            ),
            Self::DefaultCertServed => (
                18,
                "server name and authority are equal, and the certificate does not cover them",
            ),
            Self::Ok => (18, "server name and authority are equal"),
            Self::MtlsBypass => (
                19,
                "the authority's own connections demand a client certificate, and this one gave none",
            ),
            Self::TrustedGateway => (20, "the names differ, and the client is a trusted gateway"),
            Self::IpNoSni => (21, "no server name was sent, and the authority is an address"),
            Self::WrongBackend => (22, "another name's backend answered"),
            Self::Missing421 => (
                23,
                "400, 403 or 404, the names differ, and the authority works on its own connection",
            ),
            Self::RejectedOtherCode => (
                23,
                "400, 403 or 404, the names differ, and the certificate does not cover the authority",
            ),
            Self::Ambiguous4xx => (23, "400, 403 or 404, and the names differ"),
            Self::ServedUncovered => (
                24,
                "served, the names differ, and the certificate does not cover the authority",
            ),
            Self::NoSniServed => (25, "served, and no server name was sent"),
            Self::MismatchServedUnverified => (
                26,
                "served, the names differ, and the certificate or the earlier requests are not known",
            ),
            Self::CoalescedOk => (
                27,
                "served, the names differ, another name was asked for before, the certificate covers the authority",
            ),
            Self::SplitServed => (
                27,
                "served, the names differ, and no other name was asked for before",
            ),
        }
    }

    const fn entry(self) -> (&'static str, Class, &'static str) {
        use Class::{Correct421, Fine, Malformed, Missing421, Undecided, Watch, Wrong421};
        match self {
            Self::Aborted => ("aborted", Undecided, "not judged: no response"),
            Self::InsufficientEvidence => (
                "insufficient_evidence",
                Undecided,
                "not judged: a fact is unknown",
            ),
            Self::Connect421 => ("connect_421", Wrong421, TUNNEL),
            Self::Tunnel => ("tunnel", Fine, TUNNEL),
            Self::MalformedRejected => ("malformed_rejected", Malformed, FORM),
            Self::Malformed421 => ("malformed_421", Wrong421, FORM),
            Self::MalformedAccepted => ("malformed_accepted", Malformed, FORM),
            Self::NoAuthority => ("no_authority", Fine, "RFC 9112, section 3.2"),
            Self::Cleartext421 => ("cleartext_421", Undecided, STATUS),
            Self::Cleartext => ("cleartext", Fine, "RFC 9110, section 4.2.1"),
            Self::ProxyGenerated421 => ("proxy_generated_421", Wrong421, STATUS),
            Self::Relayed421 => ("relayed_421", Undecided, STATUS),
            Self::Altsvc421 => ("altsvc_421", Correct421, "RFC 7838, section 6"),
            Self::Unattributed421 => ("unattributed_421", Undecided, "RFC 9849"),
            Self::NoSni421 => (
                "no_sni_421",
                Correct421,
                "RFC 6066, section 3; RFC 9110, section 7.4",
            ),
            Self::False421 => ("false_421", Wrong421, REJECT_AND_STATUS),
            Self::UnknownOrigin421 => ("unknown_origin_421", Correct421, REJECT_AND_STATUS),
            Self::Matched421Unverified => ("matched_421_unverified", Undecided, REJECT_AND_STATUS),
            Self::Overstrict421 => ("overstrict_421", Wrong421, "GEP-3567"),
            Self::Split421 => ("split_421", Correct421, REJECT),
            Self::PoolBleed421 => ("pool_bleed_421", Correct421, REJECT),
            Self::Coalesced421 => ("coalesced_421", Correct421, REUSE_AND_REJECT),
            Self::Uncovered421 => ("uncovered_421", Correct421, REUSE_AND_REJECT),
            Self::Mismatch421Unverified => ("mismatch_421_unverified", Undecided, REUSE_AND_REJECT),
            Self::DefaultCertServed => ("default_cert_served", Watch, CERTIFICATE),
            Self::Ok => ("ok", Fine, CERTIFICATE),
            Self::MtlsBypass => ("mtls_bypass", Missing421, REJECT),
            Self::TrustedGateway => ("trusted_gateway", Fine, REJECT),
            Self::IpNoSni => ("ip_no_sni", Fine, "RFC 6066, section 3"),
            Self::WrongBackend => ("wrong_backend", Missing421, REJECT),
            Self::Missing421 => ("missing_421", Missing421, REJECT_AND_STATUS),
            Self::RejectedOtherCode => ("rejected_other_code", Watch, STATUS),
            Self::Ambiguous4xx => ("ambiguous_4xx", Watch, STATUS),
            Self::ServedUncovered => ("served_uncovered", Missing421, REJECT),
            Self::NoSniServed => ("no_sni_served", Watch, "RFC 6066, section 3"),
            Self::MismatchServedUnverified => ("mismatch_served_unverified", Undecided, REJECT),
            Self::CoalescedOk => ("coalesced_ok", Fine, REUSE),
            Self::SplitServed => ("split_served", Watch, REUSE),
        }
    }
}

const TUNNEL: &str = "RFC 9110, section 9.3.6; RFC 9113, section 8.5";
const FORM: &str = "RFC 9112, section 3.2; RFC 9113, section 8.3.1";
const REJECT: &str = "RFC 9110, section 7.4";
const STATUS: &str = "RFC 9110, section 15.5.20";
const REJECT_AND_STATUS: &str = "RFC 9110, sections 7.4 and 15.5.20";
const REUSE: &str = "RFC 9113, section 9.1.1";
const REUSE_AND_REJECT: &str = "RFC 9113, section 9.1.1; RFC 9110, section 7.4";
const CERTIFICATE: &str = "RFC 9110, section 4.3.4";

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// There is no verdict of this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no verdict is called {0:?}; names are in snake case, such as \"coalesced_421\"")]
pub struct NoSuchVerdict(String);

impl FromStr for Verdict {
    type Err = NoSuchVerdict;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|verdict| verdict.as_str() == name)
            .ok_or_else(|| NoSuchVerdict(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_read_back() {
        let names: HashSet<_> = Verdict::ALL.map(Verdict::as_str).into();
        assert_eq!(names.len(), Verdict::ALL.len());
        for verdict in Verdict::ALL {
            assert_eq!(verdict.as_str().parse(), Ok(verdict));
        }
    }

    #[test]
    fn rules_stand_in_the_order_of_the_decision() {
        let rows = Verdict::ALL.map(|verdict| verdict.rule().0);
        assert!(rows.is_sorted(), "{rows:?}");
        assert_eq!((rows[0], rows[Verdict::ALL.len() - 1]), (1, 27));
    }

    #[test]
    fn an_unknown_name_is_named() {
        let error = "Coalesced421".parse::<Verdict>().unwrap_err();
        assert!(error.to_string().contains("\"Coalesced421\""), "{error}");
    }

    #[test]
    fn a_verdict_ends_in_421_if_and_only_if_it_is_about_one() {
        for verdict in Verdict::ALL {
            let about_421 = verdict.as_str().contains("_421") && verdict != Verdict::Missing421;
            match verdict.class() {
                Class::Correct421 | Class::Wrong421 => assert!(about_421, "{verdict}"),
                Class::Missing421 | Class::Fine | Class::Watch | Class::Malformed => {
                    assert!(!about_421, "{verdict}");
                }
                Class::Undecided => {}
            }
        }
    }
}

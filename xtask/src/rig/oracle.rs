//! The verdict that plain facts call for, decided here once more and apart from the agent, for the cases that
//! the matrix of programs drives.

/// What decides.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// Server name that the client sent; `None`: none.
    pub sni: Option<&'a str>,
    /// Host it asked for.
    pub authority: &'a str,
    /// Names in the certificate that the server presented.
    pub certificate: &'a [String],
    /// Hosts that earlier requests of the connection named.
    pub prior: &'a [String],
    /// Final status.
    pub status: u16,
    /// Whether the protocol is HTTP/2: only there may connections be shared between names.
    pub h2: bool,
}

/// Name of the verdict; `None`: the facts do not lead to one without knowledge of what else happened.
pub fn verdict(case: Case<'_>) -> Option<&'static str> {
    let own = case.sni == Some(case.authority);
    let covered = covers(case.certificate, case.authority);
    let reused = case.prior.iter().any(|earlier| earlier != case.authority);
    if case.status == 421 {
        return answered_421(case, own, covered, reused);
    }
    if own {
        return covered.then_some("ok");
    }
    if case.sni.is_none() && is_address(case.authority) {
        return Some("ip_no_sni");
    }
    if matches!(case.status, 400 | 403 | 404) {
        return Some(if covered {
            "ambiguous_4xx"
        } else {
            "rejected_other_code"
        });
    }
    Some(match (covered, case.sni, reused) {
        (false, _, _) => "served_uncovered",
        (true, None, _) => "no_sni_served",
        (true, Some(_), true) => "coalesced_ok",
        (true, Some(_), false) => "split_served",
    })
}

fn answered_421(case: Case<'_>, own: bool, covered: bool, reused: bool) -> Option<&'static str> {
    match (case.sni, own, reused) {
        (None, _, _) => Some("no_sni_421"),
        (Some(_), true, _) => covered.then_some("false_421"),
        (Some(_), false, false) => Some("split_421"),
        (Some(_), false, true) if !case.h2 => Some("pool_bleed_421"),
        (Some(_), false, true) if covered => Some("coalesced_421"),
        (Some(_), false, true) => Some("uncovered_421"),
    }
}

/// A wildcard stands for one label: RFC 9525, section 6.3.
pub fn covers(certificate: &[String], host: &str) -> bool {
    certificate.iter().any(|name| match name.strip_prefix("*.") {
        Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest == parent),
        None => name == host,
    })
}

fn is_address(host: &str) -> bool {
    host.parse::<std::net::Ipv4Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const OWN: &str = "r1.a.example";
    const SIBLING: &str = "r2.a.example";
    const STRANGER: &str = "r3.b.example";

    #[rstest]
    #[case::own(Some(OWN), OWN, &[], 200, Some("ok"))]
    #[case::own_missing(Some(OWN), OWN, &[], 404, Some("ok"))]
    #[case::split(Some(OWN), SIBLING, &[], 200, Some("split_served"))]
    #[case::coalesced(Some(OWN), SIBLING, &[OWN], 200, Some("coalesced_ok"))]
    #[case::uncovered(Some(OWN), STRANGER, &[OWN], 200, Some("served_uncovered"))]
    #[case::uncovered_421(Some(OWN), STRANGER, &[OWN], 421, Some("uncovered_421"))]
    #[case::split_421(Some(OWN), STRANGER, &[], 421, Some("split_421"))]
    #[case::no_sni(None, OWN, &[], 200, Some("no_sni_served"))]
    #[case::no_sni_421(None, STRANGER, &[], 421, Some("no_sni_421"))]
    #[case::address(None, "127.0.0.9", &[], 404, Some("ip_no_sni"))]
    fn facts_lead_to_a_verdict(
        #[case] sni: Option<&str>,
        #[case] authority: &str,
        #[case] prior: &[&str],
        #[case] status: u16,
        #[case] expected: Option<&str>,
    ) {
        let prior: Vec<String> = prior.iter().map(|&name| name.to_owned()).collect();
        let case = Case {
            sni,
            authority,
            certificate: &["*.a.example".to_owned()],
            prior: &prior,
            status,
            h2: true,
        };
        assert_eq!(verdict(case), expected);
    }

    #[test]
    fn a_pool_bleeds_over_http1() {
        let case = Case {
            sni: Some(OWN),
            authority: STRANGER,
            certificate: &["*.a.example".to_owned()],
            prior: &[OWN.to_owned()],
            status: 421,
            h2: false,
        };
        assert_eq!(verdict(case), Some("pool_bleed_421"));
    }
}

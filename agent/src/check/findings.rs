//! What is to be said of the answers: problems, and advice.
//!
//! A *problem* is something wrong with what the server answers:
//! - a wrong 421, or none where one is due (verdict classes `wrong_421` and `missing_421`), for any name;
//! - another answer than the listeners have it be, where they are given;
//! - the URL's host does not work on a connection of its own, or with a certificate that does not cover it.
//!
//! *Advice* is what a person should know although the server may be as it should be:
//! - a 421 where the certificate covers the name and HTTP/2 is spoken: browsers coalesce such names, and have to
//!   ask again each time (`coalesced_421`);
//! - a 421 without SNI for a name that works with it (`no_sni_421`);
//! - another name that does not work here on a connection of its own; a spelling that is refused; a request
//!   that gets no answer; a demand for a client certificate.
//!
//! A 421 for a name that was asked for on a connection it had no business on is neither: the server does well.

use super::Presented;
use super::connect::Handshake;
use super::expectation::Expected;
use super::judged::{Judged, demands};
use super::plan::{Connection, Plan, Question, Sni, Spelling};
use super::session::Outcome;
use crate::verdict::{Class, Protocol, Verdict};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Something is wrong.
    Problem,
    /// Worth knowing.
    Advice,
}

impl Level {
    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::Advice => "advice",
        }
    }
}

/// What is to be said of one name on connections made for one server name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What it is called: a verdict, or a word of its own.
    pub code: &'static str,
    /// Over which versions of HTTP; empty if the handshake alone shows it.
    pub protocols: Vec<Protocol>,
    /// What the connection was made for.
    pub sni: Sni,
    /// What was asked for, as it was written.
    pub authority: String,
    /// The status, if one came.
    pub status: Option<u16>,
    /// What happened.
    pub what: String,
    /// What to change.
    pub remedy: String,
}

/// Says what there is to be said, problems first, each thing once.
pub(super) fn findings(
    plan: &Plan,
    answers: &[Judged],
    spoken: &[Protocol],
    certificates: &[Presented],
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for judged in answers {
        let Some(finding) = finding(plan, answers, judged) else {
            continue;
        };
        let same = |other: &&mut Finding| {
            (other.level, other.code, &other.sni, &other.authority)
                == (finding.level, finding.code, &finding.sni, &finding.authority)
        };
        match findings.iter_mut().find(same) {
            Some(other) => {
                for protocol in finding.protocols {
                    if !other.protocols.contains(&protocol) {
                        other.protocols.push(protocol);
                    }
                }
            }
            None => findings.push(finding),
        }
    }
    // Where there are answers, they tell it themselves.
    if spoken.is_empty() && answers.is_empty() {
        findings.extend(certificates.first().map(|first| silent(plan, first)));
    }
    findings.sort_by_key(|finding| finding.level);
    findings
}

fn finding(plan: &Plan, answers: &[Judged], judged: &Judged) -> Option<Finding> {
    let (level, code) = rate(plan, answers, judged)?;
    let question = &judged.answer.question;
    let judgement = judged.judgement.as_ref();
    let (what, remedy) = match (code, judgement) {
        (NOT_SERVED | NO_ANSWER, _) => no_answer(plan, judged),
        (CLIENT_CERTIFICATE, _) => client_certificate(question),
        (SPELLING_REFUSED, _) => spelling_refused(plan, judged),
        (UNEXPECTED_ANSWER, _) => unexpected(judged),
        (_, Some(judgement)) => (judgement.diagnosis.clone(), judgement.remedy.clone()),
        (_, None) => return None,
    };
    Some(Finding {
        level,
        code,
        protocols: vec![question.protocol],
        sni: question.sni.clone(),
        authority: question.authority.clone(),
        status: judged.answer.outcome.status(),
        what,
        remedy,
    })
}

const NOT_SERVED: &str = "not_served";
const NO_ANSWER: &str = "no_answer";
const CLIENT_CERTIFICATE: &str = "client_certificate_demanded";
const SPELLING_REFUSED: &str = "spelling_refused";
const UNEXPECTED_ANSWER: &str = "unexpected_answer";

fn rate(plan: &Plan, answers: &[Judged], judged: &Judged) -> Option<(Level, &'static str)> {
    use Level::{Advice, Problem};
    let answer = &judged.answer;
    let question = &answer.question;
    let own = question.is_own() && question.spelling == Spelling::Plain;
    let first = if question.name == *plan.host() {
        Problem
    } else {
        Advice
    };
    let status = match &answer.outcome {
        Outcome::NotAsked(_) => return None,
        _ if own && demands(answer) && answer.outcome.status().is_none() => {
            return Some((Advice, CLIENT_CERTIFICATE));
        }
        Outcome::NoAnswer(_) | Outcome::Refused(_) if own => return Some((first, NOT_SERVED)),
        // Nobody without a certificate gets an answer there.
        Outcome::NoAnswer(_) if answer.handshake.client_certificate == Some(true) => return None,
        Outcome::NoAnswer(_) => return Some((Advice, NO_ANSWER)),
        // A server may decline to be dialled by another name.
        Outcome::Refused(_) => return None,
        Outcome::Answered(status) => *status,
    };
    let verdict = judged.judgement.as_ref()?.verdict;
    if question.spelling != Spelling::Plain
        && let Some(usual) = plainly_spelled(answers, question)
        && usual.judgement.as_ref().map(|usual| usual.verdict) == Some(verdict)
    {
        // Whatever the verdict is, it is not about the spelling.
        let served = usual.answer.outcome.status().is_some_and(|status| status < 400);
        return (served && status >= 400).then_some((Advice, SPELLING_REFUSED));
    }
    let level = match verdict {
        _ if matches!(verdict.class(), Class::Wrong421 | Class::Missing421) => Problem,
        _ if judged.is_unexpected() => return Some((Problem, UNEXPECTED_ANSWER)),
        Verdict::UnknownOrigin421 | Verdict::Matched421Unverified => first,
        // A name that is refused need not be on the certificate.
        Verdict::DefaultCertServed if first == Problem || status < 400 => first,
        Verdict::NoSni421 if question.is_own() => first,
        Verdict::NoSni421 if judged.learned.known => Advice,
        Verdict::Coalesced421 => Advice,
        _ => return None,
    };
    Some((level, verdict.as_str()))
}

/// The answer to the same name, plainly spelled, on the same connection.
fn plainly_spelled<'a>(answers: &'a [Judged], question: &Question) -> Option<&'a Judged> {
    answers.iter().find(|judged| {
        let other = &judged.answer.question;
        other.spelling == Spelling::Plain
            && (other.connection, other.protocol, &other.name)
                == (Connection::Shared, question.protocol, &question.name)
    })
}

fn no_answer(plan: &Plan, judged: &Judged) -> (String, String) {
    let question = &judged.answer.question;
    let why = judged.answer.outcome.error().unwrap_or_default();
    let what = format!(
        "A request for {} on a connection {} gets no answer: {why}.",
        question.authority,
        question.sni.made_for()
    );
    let remedy = if question.name == *plan.host() {
        "Look into the server's log for this connection; until it answers there is nothing else to judge."
    } else {
        "Nothing, if this name is not to be served here. Otherwise look into the server's log for this connection."
    };
    (what, remedy.to_owned())
}

fn client_certificate(question: &Question) -> (String, String) {
    let name = &question.name;
    (
        format!("The server demands a client certificate for {name}, and ends the connection without one."),
        format!(
            "Nothing, if that is meant. What {name} answers with a certificate is not checked here; whether it \
             can be had without one on other names' connections is."
        ),
    )
}

fn spelling_refused(plan: &Plan, judged: &Judged) -> (String, String) {
    let question = &judged.answer.question;
    let usual = plan.authority(&question.name);
    let status = judged.answer.outcome.status().unwrap_or_default();
    (
        format!(
            "{} is answered {status}, and {usual} is served on the same connection. Both name the same server.",
            question.authority
        ),
        "Put the server's configuration right: before comparing names, split off the port, drop one trailing dot, \
         and put them in lower case. If no client of yours writes the name so, nothing."
            .to_owned(),
    )
}

fn unexpected(judged: &Judged) -> (String, String) {
    let question = &judged.answer.question;
    let status = judged.answer.outcome.status().unwrap_or_default();
    let made_for = question.sni.made_for();
    let authority = &question.authority;
    match judged.expected {
        Some(Expected::NotMisdirected) => (
            format!(
                "A connection {made_for} and the name {authority} belong to one listener, and the answer is {status}."
            ),
            "Put the server's configuration right: within one listener a request is served, or refused with \
             another status than 421."
                .to_owned(),
        ),
        _ => (
            format!(
                "A connection {made_for} and the name {authority} belong to different listeners, and the answer is {status} \
                 instead of 421."
            ),
            "Put the server's configuration right: find the listener of the SNI and the listener of the authority, \
             and answer 421 if they differ (GEP-3567)."
                .to_owned(),
        ),
    }
}

/// Neither HTTP/2 nor HTTP/1.1 is spoken.
fn silent(plan: &Plan, first: &Presented) -> Finding {
    let Handshake { alpn, .. } = &first.handshake;
    let why = match (&first.refusal, alpn) {
        (Some(refusal), _) => refusal.to_string(),
        (None, Some(alpn)) => format!("of the protocols offered, the server chooses {alpn:?}"),
        (None, None) => "the server takes none of the protocols offered".to_owned(),
    };
    Finding {
        level: Level::Problem,
        code: NOT_SERVED,
        protocols: Vec::new(),
        sni: first.sni.clone(),
        authority: plan.authority(plan.host()),
        status: None,
        what: format!(
            "Neither HTTP/2 nor HTTP/1.1 can be spoken with {}: {why}.",
            plan.host()
        ),
        remedy: "Put the server's configuration right: let it offer h2 or http/1.1 (ALPN) on this listener."
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::check::ask::NoAnswer;
    use crate::check::connect::Refusal;
    use crate::check::expectation::Written;
    use crate::check::judged::judge_all;
    use crate::check::session::Answer;
    use crate::check::testing::{fresh, shared};
    use crate::verdict::Protocol::{H2, Http11};
    use crate::verdict::name::Host;

    const A: Option<&str> = Some("a.example");
    const B: Option<&str> = Some("b.example");

    fn found(answers: Vec<Answer>, listeners: &[&str]) -> Vec<(&'static str, &'static str)> {
        let also = [Host::Name("b.example".to_owned())];
        let plan = Plan::new(&"https://a.example".parse().unwrap(), &also).unwrap();
        let listeners: Vec<_> = listeners
            .iter()
            .map(|raw| raw.parse::<Written>().unwrap().on(443))
            .collect();
        findings(&plan, &judge_all(answers, &listeners), &[H2], &[])
            .into_iter()
            .map(|finding| (finding.level.as_str(), finding.code))
            .collect()
    }

    fn uncovered(mut answer: Answer) -> Answer {
        answer.handshake.certificate_names = Some(vec!["a.example".to_owned()]);
        answer
    }

    fn ended(mut answer: Answer, client_certificate: bool) -> Answer {
        answer.outcome = Outcome::NoAnswer(NoAnswer::Alert("certificate_required".to_owned()));
        answer.handshake.client_certificate = Some(client_certificate);
        answer
    }

    fn refused(mut answer: Answer) -> Answer {
        answer.outcome = Outcome::Refused(Refusal::Alert("unrecognized_name".to_owned()));
        answer
    }

    #[rstest]
    #[case::all_is_well(fresh(H2, A, "a.example", 200), &[])]
    #[case::its_own_404(fresh(H2, A, "a.example", 404), &[])]
    #[case::false_421(fresh(H2, A, "a.example", 421), &[("problem", "false_421")])]
    #[case::unknown_here(uncovered(fresh(H2, B, "b.example", 421)), &[("advice", "unknown_origin_421")])]
    #[case::served_uncovered(uncovered(shared(H2, "a.example", "b.example", 200)), &[("problem", "served_uncovered")])]
    #[case::wrong_certificate(uncovered(fresh(H2, B, "b.example", 200)), &[("advice", "default_cert_served")])]
    #[case::refused_name_on_no_certificate(uncovered(fresh(H2, B, "b.example", 404)), &[])]
    #[case::browsers_coalesce(shared(H2, "a.example", "b.example", 421), &[("advice", "coalesced_421")])]
    #[case::a_pool_is_declined(shared(Http11, "a.example", "b.example", 421), &[])]
    #[case::another_connection_is_declined(fresh(H2, A, "b.example", 421), &[])]
    #[case::no_sni_for_a_name_that_works_nowhere(fresh(H2, None, "a.example", 421), &[])]
    #[case::dead(ended(fresh(H2, A, "a.example", 200), false), &[("problem", "not_served")])]
    #[case::other_name_dead(ended(fresh(H2, B, "b.example", 200), false), &[("advice", "not_served")])]
    #[case::demand(ended(fresh(H2, A, "a.example", 200), true), &[("advice", "client_certificate_demanded")])]
    #[case::demand_on_the_way(ended(fresh(H2, A, "b.example", 200), true), &[])]
    #[case::refused(refused(fresh(H2, A, "a.example", 200)), &[("problem", "not_served")])]
    #[case::other_sni_refused(refused(fresh(H2, B, "a.example", 200)), &[])]
    fn answers_are_rated(#[case] answer: Answer, #[case] expected: &[(&str, &str)]) {
        assert_eq!(found(vec![answer], &[]), expected);
    }

    #[test]
    fn a_421_without_sni_is_worth_knowing_where_the_name_works_with_it() {
        let answers = vec![fresh(H2, A, "a.example", 200), fresh(H2, None, "a.example", 421)];
        assert_eq!(found(answers, &[]), [("advice", "no_sni_421")]);
    }

    #[test]
    fn a_spelling_that_is_refused_is_worth_knowing() {
        let served = vec![
            shared(H2, "a.example", "a.example", 200),
            shared(H2, "a.example", "A.EXAMPLE", 404),
        ];
        assert_eq!(found(served, &[]), [("advice", "spelling_refused")]);
        let refused = vec![
            shared(H2, "a.example", "a.example", 404),
            shared(H2, "a.example", "A.EXAMPLE", 404),
        ];
        assert_eq!(found(refused, &[]), []);
        let misdirected = vec![
            shared(H2, "a.example", "a.example", 200),
            shared(H2, "a.example", "A.EXAMPLE", 421),
        ];
        assert_eq!(found(misdirected, &[]), [("problem", "false_421")]);
    }

    #[test]
    fn what_is_wrong_however_the_name_is_spelled_is_said_once() {
        let answers =
            ["a.example", "A.EXAMPLE", "a.EXAMPLE"].map(|authority| shared(H2, "a.example", authority, 421));
        assert_eq!(found(answers.to_vec(), &[]), [("problem", "false_421")]);
    }

    #[rstest]
    #[case::served(200, "unexpected_answer")]
    #[case::another_code(404, "unexpected_answer")]
    fn listeners_that_differ_have_it_be_421(#[case] status: u16, #[case] expected: &str) {
        let answers = vec![fresh(H2, A, "b.example", status)];
        assert_eq!(found(answers, &["a.example", "*"]), [("problem", expected)]);
    }

    #[test]
    fn one_thing_is_said_once_with_problems_first() {
        let answers = vec![
            shared(H2, "a.example", "b.example", 421),
            uncovered(shared(H2, "a.example", "b.example", 200)),
            uncovered(fresh(H2, A, "b.example", 200)),
            uncovered(fresh(Http11, A, "b.example", 200)),
        ];
        let expected = [("problem", "served_uncovered"), ("advice", "coalesced_421")];
        assert_eq!(found(answers, &[]), expected);
    }
}

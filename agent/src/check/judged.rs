//! Answers, judged by the function that judges every exchange that the agent sees.

use std::borrow::Cow;
use std::collections::HashSet;

use super::connect::Refusal;
use super::expectation::{Expected, expected};
use super::plan::{Question, Sni, Spelling};
use super::session::{Answer, Outcome};
use crate::policy::gateway::Listener;
use crate::verdict::name::Host;
use crate::verdict::{Facts, Field, Judgement, Learned, Prior, SniState, Status, judge};

/// An answer with what is to be thought of it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The answer.
    pub answer: Answer,
    /// What it is called; `None` if no request was sent.
    pub judgement: Option<Judgement>,
    /// What the listeners have it be.
    pub expected: Option<Expected>,
    /// What was learned of its name from other answers.
    pub learned: Learned,
}

impl Judged {
    /// Whether the answer is another than the listeners have it be.
    pub fn is_unexpected(&self) -> bool {
        match (self.expected, self.answer.outcome.status()) {
            (Some(expected), Some(status)) => !expected.is_met_by(status),
            _ => false,
        }
    }
}

/// Judges answers. What one of them shows of a name counts for the others.
pub(super) fn judge_all(answers: Vec<Answer>, listeners: &[Listener]) -> Vec<Judged> {
    let known = Known::new(&answers);
    answers
        .into_iter()
        .map(|answer| {
            let question = &answer.question;
            let expected = expected(listeners, question.sni.name(), &question.name);
            let learned = Learned {
                same_listener: expected == Some(Expected::NotMisdirected),
                known: known.working.contains(&question.name),
                mtls_gap: !question.is_own() && known.demanding.contains(&question.name),
                ..Learned::default()
            };
            Judged {
                judgement: judgement(&answer, learned),
                expected,
                learned,
                answer,
            }
        })
        .collect()
}

/// What connections of their own show of the names.
#[derive(Debug, Default)]
struct Known {
    /// They were served.
    working: HashSet<Host>,
    /// A client certificate was asked for, and nothing served without one.
    demanding: HashSet<Host>,
}

impl Known {
    fn new(answers: &[Answer]) -> Self {
        let mut known = Self::default();
        let own = |answer: &&Answer| answer.question.is_own() && answer.question.spelling == Spelling::Plain;
        for answer in answers.iter().filter(own) {
            if answer.outcome.status().is_some_and(works) {
                known.working.insert(answer.question.name.clone());
            }
            if demands(answer) {
                known.demanding.insert(answer.question.name.clone());
            }
        }
        // Over another version of HTTP it did not insist.
        known.demanding.retain(|name| !known.working.contains(name));
        known
    }
}

/// Whether a name that was answered so is served.
pub(super) const fn works(status: u16) -> bool {
    status < 500 && !matches!(status, 400 | 403 | 404 | 421)
}

/// Whether the connection was refused, or the request, for want of a client certificate.
pub(super) fn demands(answer: &Answer) -> bool {
    answer.handshake.client_certificate == Some(true)
        && match &answer.outcome {
            Outcome::Answered(status) => matches!(status, 400 | 401 | 403),
            Outcome::NoAnswer(_) => true,
            Outcome::Refused(refusal) => matches!(refusal, Refusal::Alert(_) | Refusal::Closed),
            Outcome::NotAsked(_) => false,
        }
}

fn judgement(answer: &Answer, learned: Learned) -> Option<Judgement> {
    let status = match &answer.outcome {
        Outcome::Answered(status) => Status::Code(*status),
        Outcome::NoAnswer(_) => Status::NoneCame,
        Outcome::Refused(_) | Outcome::NotAsked(_) => return None,
    };
    let Question {
        protocol,
        sni,
        authority,
        ..
    } = &answer.question;
    let prior: Vec<Box<str>> = answer
        .prior
        .iter()
        .map(|authority| authority.as_str().into())
        .collect();
    let host = [authority.clone()];
    let (authority, host): (_, &[String]) = if protocol.is_multiplexed() {
        (Field::Known(Cow::Borrowed(authority.as_str())), &[])
    } else {
        (Field::Absent, &host)
    };
    Some(judge(&Facts {
        sni: sni.name().map(Cow::Borrowed),
        sni_state: match sni {
            Sni::Sent(_) => SniState::Sent,
            Sni::Absent => SniState::Absent,
        },
        certificate_names: answer.handshake.certificate_names.as_deref().map(Cow::Borrowed),
        authority,
        host: Cow::Borrowed(host),
        protocol: *protocol,
        method: Some(Cow::Borrowed("GET")),
        extended_connect: false,
        status,
        tls: Some(true),
        prior_authorities: Prior {
            names: Cow::Owned(prior),
            complete: true,
        },
        learned,
        fallback: false,
    }))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::check::ask::NoAnswer;
    use crate::check::testing::{fresh, shared};
    use crate::verdict::Protocol::{H2, Http11};

    fn verdicts(answers: Vec<Answer>, listeners: &[&str]) -> Vec<&'static str> {
        let listeners: Vec<Listener> = listeners
            .iter()
            .map(|raw| raw.parse::<super::super::expectation::Written>().unwrap().on(443))
            .collect();
        judge_all(answers, &listeners)
            .into_iter()
            .map(|judged| {
                judged
                    .judgement
                    .map_or("-", |judgement| judgement.verdict.as_str())
            })
            .collect()
    }

    #[rstest]
    #[case::served(200, "coalesced_ok")]
    #[case::declined(421, "coalesced_421")]
    #[case::another_code(404, "missing_421")]
    fn the_shared_connection_coalesces(#[case] status: u16, #[case] expected: &str) {
        let answers = vec![
            fresh(H2, Some("b.example"), "b.example", 200),
            shared(H2, "a.example", "b.example", status),
        ];
        assert_eq!(verdicts(answers, &[]), ["ok", expected]);
    }

    #[test]
    fn a_name_that_works_nowhere_shows_nothing() {
        let answers = vec![
            fresh(H2, Some("b.example"), "b.example", 404),
            shared(H2, "a.example", "b.example", 404),
        ];
        assert_eq!(verdicts(answers, &[]), ["ok", "ambiguous_4xx"]);
    }

    #[rstest]
    #[case::refused(Outcome::NoAnswer(NoAnswer::Alert("certificate_required".to_owned())), "aborted")]
    #[case::rejected(Outcome::Answered(400), "ok")]
    fn a_demand_for_a_client_certificate_is_not_to_be_bypassed(#[case] outcome: Outcome, #[case] own: &str) {
        let mut demanding = fresh(H2, Some("b.example"), "b.example", 200);
        demanding.handshake.client_certificate = Some(true);
        demanding.outcome = outcome;
        let answers = vec![demanding, fresh(H2, Some("a.example"), "b.example", 200)];
        assert_eq!(verdicts(answers, &[]), [own, "mtls_bypass"]);
    }

    #[test]
    fn a_certificate_that_is_asked_for_and_not_insisted_on_is_no_demand() {
        let mut asking = fresh(H2, Some("b.example"), "b.example", 200);
        asking.handshake.client_certificate = Some(true);
        let answers = vec![asking, fresh(H2, Some("a.example"), "b.example", 200)];
        assert_eq!(verdicts(answers, &[]), ["ok", "split_served"]);
    }

    #[test]
    fn http1_names_itself_in_host() {
        let answers = vec![
            fresh(Http11, Some("a.example"), "A.EXAMPLE.:443", 421),
            shared(Http11, "a.example", "b.example", 421),
        ];
        assert_eq!(verdicts(answers, &[]), ["false_421", "pool_bleed_421"]);
    }

    #[test]
    fn one_listener_is_no_reason_for_a_421() {
        let answers = vec![fresh(H2, Some("a.example"), "b.example", 421)];
        assert_eq!(verdicts(answers.clone(), &["*.example"]), ["overstrict_421"]);
        assert_eq!(verdicts(answers, &["a.example", "*"]), ["split_421"]);
    }

    #[test]
    fn what_was_not_sent_is_not_judged() {
        let mut answer = fresh(H2, Some("a.example"), "a.example", 200);
        answer.outcome = Outcome::Refused(Refusal::Closed);
        assert_eq!(verdicts(vec![answer], &[]), ["-"]);
    }
}

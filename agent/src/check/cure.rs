//! What helps where a name does not work: measured with the answers to other questions, never assumed.

use std::fmt::Write as _;

use super::judged::{Judged, demands, works};
use super::plan::{Connection, Question, Sni, Spelling};
use super::session::Outcome;
use crate::verdict::name::Host;
use crate::verdict::{Class, Protocol};

/// What was tried, and whether it helped; `None` if it was not tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cure {
    /// Another connection, made for the same server name.
    pub fresh_connection: Option<bool>,
    /// Another connection, made for the name itself.
    pub right_sni: Option<bool>,
    /// As [`Self::fresh_connection`], over HTTP/1.1 instead of HTTP/2.
    pub http1: Option<bool>,
    /// As [`Self::right_sni`], over HTTP/1.1 instead of HTTP/2.
    pub http1_right_sni: Option<bool>,
}

/// Where to put it right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// The configuration of the server, or of whoever connects to it.
    Configuration,
    /// The reuse of connections.
    Reuse,
    /// HTTP/1.1, the last resort.
    Http1,
}

impl Family {
    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Reuse => "connection_reuse",
            Self::Http1 => "http1",
        }
    }
}

/// A name that did not work, and what helps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remedied {
    /// The question that had the wrong answer, or a 421.
    pub question: Question,
    /// The answer's status, if one came.
    pub status: Option<u16>,
    /// What helps.
    pub cure: Cure,
    /// Where to put it right; `None` if nothing could be tried.
    pub family: Option<Family>,
    /// What was tried, in words.
    pub measured: String,
}

/// What helps each name that did not work on the shared connection, or on one without SNI.
pub fn remedied(answers: &[Judged]) -> Vec<Remedied> {
    let told = |judged: &&Judged| {
        let question = &judged.answer.question;
        question.spelling == Spelling::Plain
            && (question.connection == Connection::Shared
                || question.sni == Sni::Absent && !question.is_own())
            && fails(judged)
    };
    answers
        .iter()
        .filter(told)
        .map(|judged| {
            let question = &judged.answer.question;
            let cure = cure(answers, judged);
            let demanding = is_demanding(answers, &question.name);
            let family = if demanding { None } else { family(judged, cure) };
            let conclusion = if demanding {
                "Whether a connection of its own helps is not known: it takes a client certificate."
            } else {
                conclusion(question, cure, family)
            };
            Remedied {
                question: question.clone(),
                status: judged.answer.outcome.status(),
                cure,
                family,
                measured: format!("{}{conclusion}", measured(question, cure)),
            }
        })
        .collect()
}

/// Whether a client would not get what it asked for, although it might elsewhere.
fn fails(judged: &Judged) -> bool {
    match judged.answer.outcome {
        Outcome::Answered(421) | Outcome::NoAnswer(_) => true,
        Outcome::Answered(status) => judged.learned.known && matches!(status, 400 | 403 | 404),
        Outcome::Refused(_) | Outcome::NotAsked(_) => false,
    }
}

fn cure(answers: &[Judged], failed: &Judged) -> Cure {
    let question = &failed.answer.question;
    let own = Sni::of(&question.name);
    let status = failed.answer.outcome.status();
    let tried = |protocol, sni: &Sni| {
        let then = fresh(answers, protocol, sni, &question.name)?;
        // What failed is no cure for itself.
        (then.answer.question != *question).then_some(())?;
        // What it would have been with a client certificate is not known.
        (!demands(&then.answer)).then_some(())?;
        helps(status, &then.answer.outcome)
    };
    let without_http2 = |sni| {
        (question.protocol != Protocol::Http11)
            .then(|| tried(Protocol::Http11, sni))
            .flatten()
    };
    Cure {
        fresh_connection: (question.sni != own)
            .then(|| tried(question.protocol, &question.sni))
            .flatten(),
        right_sni: tried(question.protocol, &own),
        http1: (question.sni != own)
            .then(|| without_http2(&question.sni))
            .flatten(),
        http1_right_sni: without_http2(&own),
    }
}

/// Whether a connection of its own needs a client certificate.
fn is_demanding(answers: &[Judged], name: &Host) -> bool {
    answers.iter().any(|judged| {
        let question = &judged.answer.question;
        question.is_own() && question.name == *name && demands(&judged.answer)
    })
}

/// The answer to a name, plainly spelled, on a connection of its own.
fn fresh<'a>(answers: &'a [Judged], protocol: Protocol, sni: &Sni, name: &Host) -> Option<&'a Judged> {
    answers.iter().find(|judged| {
        let question = &judged.answer.question;
        question.connection == Connection::Fresh
            && question.spelling == Spelling::Plain
            && question.protocol == protocol
            && question.sni == *sni
            && question.name == *name
    })
}

/// Whether another answer is better than the one with status `failed`; `None` if there is none.
fn helps(failed: Option<u16>, then: &Outcome) -> Option<bool> {
    match (failed, then) {
        (_, Outcome::NotAsked(_)) => None,
        (_, Outcome::NoAnswer(_) | Outcome::Refused(_)) => Some(false),
        // The application's own 404 is an answer to a request that has arrived.
        (Some(421) | None, Outcome::Answered(status)) => Some(*status != 421 && *status < 500),
        (Some(_), Outcome::Answered(status)) => Some(works(*status)),
    }
}

fn family(judged: &Judged, cure: Cure) -> Option<Family> {
    let class = judged
        .judgement
        .as_ref()
        .map(|judgement| judgement.verdict.class());
    let tried = [
        cure.fresh_connection,
        cure.right_sni,
        cure.http1,
        cure.http1_right_sni,
    ];
    if class == Some(Class::Wrong421) {
        Some(Family::Configuration)
    } else if cure.fresh_connection == Some(true) {
        Some(Family::Reuse)
    } else if cure.right_sni == Some(true) {
        Some(match judged.answer.question.sni {
            Sni::Sent(_) => Family::Reuse,
            // There was no other name's connection: whoever connects does not say for whom.
            Sni::Absent => Family::Configuration,
        })
    } else if tried.contains(&Some(true)) {
        Some(Family::Http1)
    } else {
        tried.contains(&Some(false)).then_some(Family::Configuration)
    }
}

/// What was tried, in sentences with a blank after each.
fn measured(question: &Question, cure: Cure) -> String {
    let own = Sni::of(&question.name);
    let with = |sni: &Sni| match sni {
        Sni::Sent(name) => format!("with SNI {name}"),
        Sni::Absent => "without SNI".to_owned(),
    };
    let tried = [
        (
            cure.fresh_connection,
            format!("a fresh connection {}", with(&question.sni)),
        ),
        (cure.right_sni, format!("a fresh connection {}", with(&own))),
        (cure.http1, format!("HTTP/1.1 {}", with(&question.sni))),
        (cure.http1_right_sni, format!("HTTP/1.1 {}", with(&own))),
    ];
    let mut sentences = String::new();
    for (helps, verb) in [(true, "Helps"), (false, "Does not help")] {
        let found = tried.iter().filter(|(tried, _)| *tried == Some(helps));
        let names: Vec<&str> = found.map(|(_, what)| what.as_str()).collect();
        if !names.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(sentences, "{verb}: {}. ", names.join("; "));
        }
    }
    sentences
}

fn conclusion(question: &Question, cure: Cure, family: Option<Family>) -> &'static str {
    match (family, &question.sni) {
        (None, _) => "Nothing else could be tried.",
        (Some(Family::Reuse), _) => {
            "So it is the connection: stop or correct its reuse, or let the server treat both names alike."
        }
        (Some(Family::Configuration), Sni::Absent) if cure.right_sni == Some(true) => {
            "So it is the missing SNI: whoever connects has to send the name."
        }
        (Some(Family::Configuration), _) => {
            "So it is the server: its configuration has to be put right for this name."
        }
        (Some(Family::Http1), _) => {
            "So it is the server's HTTP/2: HTTP/1.1 gets around it, which hides the cause: a last resort."
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::check::judged::judge_all;
    use crate::check::session::Answer;
    use crate::check::testing::{fresh as alone, shared};
    use crate::verdict::Protocol::{H2, Http11};

    const A: Option<&str> = Some("a.example");
    const B: Option<&str> = Some("b.example");

    fn of(answers: Vec<Answer>) -> Vec<Remedied> {
        remedied(&judge_all(answers, &[]))
    }

    #[rstest]
    #[case::misdirected([421, 200, 421, 200], [false, true, false, true], Family::Reuse)]
    #[case::only_after_another([200, 200, 200, 200], [true; 4], Family::Reuse)]
    #[case::not_there_at_all([421; 4], [false; 4], Family::Configuration)]
    #[case::only_over_http2([421, 421, 200, 200], [false, false, true, true], Family::Http1)]
    #[case::no_such_page([421, 404, 421, 404], [false, true, false, true], Family::Reuse)]
    #[case::broken_itself([421, 503, 421, 503], [false; 4], Family::Configuration)]
    fn what_helps_is_measured(#[case] statuses: [u16; 4], #[case] helps: [bool; 4], #[case] family: Family) {
        let [fresh, right, http1, http1_right] = statuses;
        let found = of(vec![
            shared(H2, "a.example", "b.example", 421),
            alone(H2, A, "b.example", fresh),
            alone(H2, B, "b.example", right),
            alone(Http11, A, "b.example", http1),
            alone(Http11, B, "b.example", http1_right),
        ]);
        let helps = helps.map(Some);
        let expected = Cure {
            fresh_connection: helps[0],
            right_sni: helps[1],
            http1: helps[2],
            http1_right_sni: helps[3],
        };
        assert_eq!((found[0].cure, found[0].family), (expected, Some(family)));
    }

    #[test]
    fn what_was_not_tried_is_not_known() {
        let found = of(vec![shared(H2, "a.example", "b.example", 421)]);
        assert_eq!((found[0].cure, found[0].family), (Cure::default(), None));
        assert_eq!(found[0].measured, "Nothing else could be tried.");
    }

    #[test]
    fn http1_has_no_other_version_to_try() {
        let found = of(vec![
            shared(Http11, "a.example", "b.example", 421),
            alone(Http11, B, "b.example", 200),
        ]);
        assert_eq!(found[0].cure.http1_right_sni, None);
        assert_eq!(found[0].cure.right_sni, Some(true));
    }

    #[test]
    fn a_missing_name_is_cured_by_sending_it() {
        let found = of(vec![
            alone(H2, None, "a.example", 421),
            alone(H2, A, "a.example", 200),
        ]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].family, Some(Family::Configuration));
        insta::assert_snapshot!(
            found[0].measured,
            @"Helps: a fresh connection with SNI a.example. So it is the missing SNI: whoever connects has to send the name."
        );
    }

    #[test]
    fn a_404_is_a_failure_only_of_a_name_that_works() {
        assert_eq!(of(vec![shared(H2, "a.example", "b.example", 404)]), []);
        let found = of(vec![
            shared(H2, "a.example", "b.example", 404),
            alone(H2, B, "b.example", 200),
            alone(H2, A, "b.example", 403),
        ]);
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].cure.fresh_connection, found[0].cure.right_sni),
            (Some(false), Some(true))
        );
    }

    #[test]
    fn what_failed_is_no_cure_for_itself() {
        let found = of(vec![
            alone(H2, None, "a.example", 421),
            alone(Http11, None, "a.example", 421),
        ]);
        assert_eq!(
            (found[0].cure.fresh_connection, found[0].cure.http1),
            (None, Some(false))
        );
    }

    #[test]
    fn a_wrong_421_is_the_servers_even_where_another_connection_helps() {
        let found = of(vec![
            shared(H2, "a.example", "A.EXAMPLE", 421),
            shared(H2, "a.example", "a.example", 421),
            alone(H2, A, "a.example", 200),
        ]);
        assert_eq!(found.len(), 1, "no connection cures how a name is spelled");
        assert_eq!(
            (found[0].cure.right_sni, found[0].family),
            (Some(true), Some(Family::Configuration))
        );
    }

    #[test]
    fn what_a_client_certificate_would_change_is_not_known() {
        let mut own = alone(H2, B, "b.example", 400);
        own.handshake.client_certificate = Some(true);
        let found = of(vec![
            shared(H2, "a.example", "b.example", 421),
            alone(H2, A, "b.example", 421),
            own,
        ]);
        assert_eq!(
            (found[0].cure.fresh_connection, found[0].cure.right_sni),
            (Some(false), None)
        );
        assert_eq!(found[0].family, None);
        let measured = &found[0].measured;
        assert!(measured.contains("takes a client certificate"), "{measured}");
    }
}

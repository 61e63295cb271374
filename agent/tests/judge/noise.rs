//! Properties that hold whatever comes in.

use std::borrow::Cow;

use proptest::prelude::*;
use serde_json::{Value, json};
use wrongway::verdict::{
    Class, Confidence, Facts, Field, Learned, Prior, Protocol, SniState, Status, Verdict, judge,
};

use super::answers;

proptest! {
    #[test]
    fn every_fact_has_one_verdict_and_always_the_same(facts in any_facts()) {
        let first = judge(&facts);
        prop_assert_eq!(&first, &judge(&facts.clone()));
        let of_this_name = Verdict::ALL.iter().filter(|verdict| verdict.as_str() == first.verdict.as_str());
        prop_assert_eq!(of_this_name.count(), 1);
        prop_assert!(!first.diagnosis.is_empty() && !first.remedy.is_empty());
        prop_assert!(!first.diagnosis.contains(char::is_control) && !first.remedy.contains(char::is_control));
        prop_assert!(first.diagnosis.len() < 16 * 1024 && first.remedy.len() < 16 * 1024);
    }

    #[test]
    fn the_class_agrees_with_the_status(facts in any_facts()) {
        let judgement = judge(&facts);
        match (judgement.verdict.class(), facts.status) {
            (Class::Correct421 | Class::Wrong421, status) => prop_assert_eq!(status, Status::Code(421)),
            (Class::Missing421 | Class::Watch | Class::Malformed, Status::Code(status)) => prop_assert_ne!(status, 421),
            (Class::Fine | Class::Undecided, _) => {}
            (class, status) => prop_assert!(false, "{:?} with {:?}", class, status),
        }
        if facts.fallback {
            prop_assert_eq!(judgement.confidence, Confidence::Low);
        }
    }

    #[test]
    fn spelling_does_not_count(facts in any_facts()) {
        let mut shouted = facts.clone();
        shouted.sni = shouted.sni.map(|name| name.to_ascii_uppercase().into());
        let names = shouted.certificate_names.iter_mut().flat_map(Cow::to_mut);
        for name in names.filter(|name| !name.starts_with("IP:")) {
            name.make_ascii_uppercase();
        }
        for host in shouted.host.to_mut() {
            host.make_ascii_uppercase();
        }
        if let Field::Known(authority) = &mut shouted.authority {
            authority.to_mut().make_ascii_uppercase();
        }
        prop_assert_eq!(judge(&facts).verdict, judge(&shouted).verdict);
    }

    #[test]
    fn any_line_has_one_answer(line in "\\PC{0,200}|\\{\"(sni|host|status|unknown)\":[0-9\"a-z\\[\\]{}]{0,9}\\}") {
        let expected = usize::from(!line.trim_matches([' ', '\t']).is_empty());
        prop_assert_eq!(answers(&line).len(), expected);
    }

    #[test]
    fn lines_say_what_facts_say(facts in any_facts()) {
        let line = line(&facts).to_string();
        match wrongway::verdict::json::parse(line.as_bytes()) {
            Ok(read) => prop_assert_eq!(read, facts),
            // Facts that contradict each other are for the function to bear, not for people to write.
            Err(error) => prop_assert!(error.to_string().contains("contradicts") || line.contains(r#""sni":"""#), "{}", error),
        }
    }
}

/// Facts as a line.
fn line(facts: &Facts<'_>) -> Value {
    let authority = match &facts.authority {
        Field::Known(authority) => Some(authority),
        Field::Absent | Field::Unknown => None,
    };
    let status = match facts.status {
        Status::Code(status) => Some(status),
        Status::NoneCame | Status::Unknown => None,
    };
    let mut unknown = Vec::new();
    if facts.authority == Field::Unknown {
        unknown.push("authority");
    }
    if facts.status == Status::Unknown {
        unknown.push("status");
    }
    let has_learned = |name: &&str| {
        let mut with = facts.learned;
        with.learn(name) && with == facts.learned
    };
    json!({
        "sni": facts.sni,
        "sni_state": facts.sni_state.as_str(),
        "certificate_names": facts.certificate_names,
        "authority": authority,
        "host": facts.host,
        "protocol": facts.protocol.as_str(),
        "method": facts.method,
        "extended_connect": facts.extended_connect,
        "status": status,
        "tls": facts.tls,
        "prior_authorities": facts.prior_authorities.complete.then_some(&facts.prior_authorities.names),
        "facts": Learned::NAMES.into_iter().filter(has_learned).collect::<Vec<_>>(),
        "fallback": facts.fallback,
        "unknown": unknown,
    })
}

/// Facts of every shape: often few names that meet each other, sometimes anything at all.
fn any_facts() -> impl Strategy<Value = Facts<'static>> {
    let request = (
        field(),
        prop::collection::vec(name(), 0..3),
        method(),
        any::<bool>(),
    );
    let connection = (
        prop::option::of(name()),
        prop::sample::select(SniState::ALL.to_vec()),
        prop::option::of(prop::collection::vec(certificate_name(), 0..4)),
        any::<Option<bool>>(),
        prop::option::of(prop::collection::vec(name(), 0..4)),
    );
    let rest = (
        prop::sample::select(Protocol::ALL.to_vec()),
        status(),
        learned(),
        any::<bool>(),
    );
    (request, connection, rest).prop_map(
        |(
            (authority, host, method, extended_connect),
            (sni, sni_state, certificate_names, tls, prior_authorities),
            (protocol, status, learned, fallback),
        )| Facts {
            sni: sni.map(Cow::Owned),
            sni_state,
            certificate_names: certificate_names.map(Cow::Owned),
            authority,
            host: host.into(),
            protocol,
            method: method.map(Cow::Owned),
            extended_connect,
            status,
            tls,
            prior_authorities: prior_authorities.map_or(Prior::UNKNOWN, |names| Prior {
                names: names.into_iter().map(Into::into).collect(),
                complete: true,
            }),
            learned,
            fallback,
        },
    )
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[ab]\\.ex\\.org\\.?(:(443|8443)?)?",
        1 => Just("10.0.0.7".to_owned()),
        1 => Just("[::1]:443".to_owned()),
        1 => any::<String>(),
    ]
}

fn certificate_name() -> impl Strategy<Value = String> {
    prop_oneof![4 => "([ab]|\\*)\\.ex\\.org", 1 => Just("IP:10.0.0.7".to_owned()), 1 => "[a-z*. ]{0,12}"]
}

fn field() -> impl Strategy<Value = Field<Cow<'static, str>>> {
    prop_oneof![
        4 => name().prop_map(|name| Field::Known(name.into())),
        4 => Just(Field::Absent),
        1 => Just(Field::Unknown),
    ]
}

fn method() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        Just(None),
        Just(Some("CONNECT".to_owned())),
        "[A-Z]{1,7}".prop_map(Some),
    ]
}

fn status() -> impl Strategy<Value = Status> {
    prop_oneof![
        1 => Just(Status::NoneCame),
        1 => Just(Status::Unknown),
        4 => Just(Status::Code(421)),
        4 => prop::sample::select(vec![200, 400, 403, 404, 425]).prop_map(Status::Code),
        1 => (100..=999_u16).prop_map(Status::Code),
    ]
}

fn learned() -> impl Strategy<Value = Learned> {
    prop::sample::subsequence(Learned::NAMES.to_vec(), 0..=3).prop_map(|names| {
        let mut learned = Learned::default();
        assert!(names.into_iter().all(|name| learned.learn(name)));
        learned
    })
}

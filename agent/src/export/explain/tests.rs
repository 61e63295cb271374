use super::*;
use crate::export::present;
use crate::export::testing::exchange;

fn material() -> Material {
    let mut exchange = present::judged(&exchange(7, Verdict::Split421));
    exchange.outcome = Some("cured".to_owned());
    exchange.retried_as = Some(9);
    Material {
        exchange,
        connection: None,
        neighbours: Vec::new(),
        retry: None,
    }
}

#[test]
fn the_rule_and_its_section_are_named() {
    let explanation = explain(material());
    let rule = explanation.rule.unwrap();
    assert_eq!((rule.row, rule.basis.as_str()), (14, "RFC 9110, section 7.4"));
}

#[test]
fn a_verdict_of_another_version_has_no_rule() {
    let mut material = material();
    material.exchange.verdict = "sideways_421".to_owned();
    let explanation = explain(material);
    assert_eq!((explanation.rule, explanation.configuration), (None, Vec::new()));
}

#[test]
fn facts_that_are_not_known_have_no_provenance() {
    let explanation = explain(material());
    for fact in &explanation.facts {
        assert!(fact.value.is_some() || fact.provenance.is_none(), "{fact:?}");
    }
    let random = explanation
        .facts
        .iter()
        .find(|fact| fact.name == "client random")
        .unwrap();
    assert_eq!((&random.value, &random.provenance), (&None, &None));
}

#[test]
fn the_timeline_tells_the_connection_the_request_and_what_followed() {
    let told: Vec<_> = explain(material())
        .timeline
        .into_iter()
        .map(|moment| moment.what)
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    apache2 (pid 42) accepted connection 1 on 127.0.0.1:443 from 127.0.0.1:50000, for a.example; the server presented a certificate that is not known
    this one: request 1, GET for b.example over h2 was answered 421 (split_421)
    the client asked again on another connection and got another answer
    ");
}

#[test]
fn neighbours_and_the_retry_stand_in_their_order() {
    let mut material = material();
    let at = |id: u64, second: u8| {
        let mut neighbour = present::judged(&exchange(id, Verdict::Ok));
        neighbour.time = format!("2026-01-01T00:00:{second:02}.000000Z");
        neighbour
    };
    material.exchange.time = "2026-01-01T00:00:30.000000Z".to_owned();
    material.neighbours = (1..=20).map(|id| at(id, u8::try_from(id).unwrap())).collect();
    material.neighbours.push(at(21, 50));
    let mut retry = at(9, 31);
    retry.connection.id = 2;
    material.retry = Some(retry);
    let told: Vec<_> = explain(material)
        .timeline
        .iter()
        .filter_map(|moment| moment.exchange)
        .collect();
    assert_eq!(told, [16, 17, 18, 19, 20, 7, 9, 21]);
}

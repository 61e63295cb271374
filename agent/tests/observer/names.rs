//! The server name of a connection.

use ebpf::record::{NameSource, NameState};
use rstest::rstest;

use super::records::End;
use super::world::{CLIENT, SERVER, World};

#[rstest]
#[case::sent(NameState::Sent, "sent", Some("a.example"), Some("object"), "ok")]
#[case::absent(NameState::Absent, "absent", None, Some("object"), "no_sni_served")]
#[case::unknown(NameState::Unknown, "unknown", None, None, "insufficient_evidence")]
fn each_state_is_told_and_judged(
    #[case] state: NameState,
    #[case] told: &str,
    #[case] sni: Option<&str>,
    #[case] provenance: Option<&str>,
    #[case] verdict: &str,
) {
    let mut world = World::new();
    let mut end = End::server(SERVER, 1);
    end.facts.name_state = state as u8;
    world.record(&end.opened());
    world.serve(&mut end, "a.example", 200);
    let exchange = world.exchange();
    assert_eq!(exchange.sni_state, told);
    assert_eq!(exchange.sni.as_deref(), sni);
    assert_eq!(exchange.provenance.sni.as_deref(), provenance);
    assert_eq!(exchange.verdict, verdict);
}

#[test]
fn a_name_from_a_call_is_worth_less_than_one_from_the_object() {
    let mut world = World::new();
    let sources = [
        (NameSource::Object, "object", "high"),
        (NameSource::Call, "call", "low"),
    ];
    for (ssl, (source, provenance, confidence)) in (1..).zip(sources) {
        let mut end = End::client(CLIENT, ssl);
        end.facts.name_source = source as u8;
        world.record(&end.opened());
        world.fetch(&mut end, "b.example", 421);
        let exchange = world.exchange();
        assert_eq!(exchange.provenance.sni.as_deref(), Some(provenance));
        assert_eq!(exchange.confidence, confidence, "{provenance}");
    }
}

#[rstest]
#[case::no_text(b"a\xff\xc3.example", r"a\xff\xc3.example")]
#[case::escape_sequence(b"\x1b[2Ja.example", r"\x1b[2Ja.example")]
#[case::line_break(b"a.example\r\nb.example", r"a.example\r\nb.example")]
#[case::control_of_eight_bits("a\u{9b}2J".as_bytes(), r"a\xc2\x9b2J")]
#[case::other_scripts_are_text("bücher.example".as_bytes(), "bücher.example")]
fn hostile_names_are_escaped(#[case] name: &[u8], #[case] shown: &str) {
    let mut world = World::new();
    let mut end = End::server(SERVER, 1).named(name);
    world.record(&end.opened());
    world.serve(&mut end, "a.example", 200);
    let exchange = world.exchange();
    assert_eq!(exchange.sni.as_deref(), Some(shown));
    assert_eq!(exchange.sni_state, "sent");
    assert_ne!(exchange.verdict, "ok");
}

#[test]
fn a_length_beyond_the_field_is_bounded_by_it() {
    let mut world = World::new();
    let mut end = End::server(SERVER, 1).named(&[b'a'; 256]);
    end.facts.name_length = u16::MAX;
    world.record(&end.opened());
    world.serve(&mut end, "a.example", 200);
    assert_eq!(world.exchange().sni.unwrap(), "a".repeat(256));
}

use proptest::prelude::*;
use rstest::rstest;

use super::*;

/// A ClientHello with these extensions.
fn message(extensions: &[(u16, &[u8])]) -> Vec<u8> {
    let mut list = Vec::new();
    for (kind, data) in extensions {
        list.extend(kind.to_be_bytes());
        list.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        list.extend(*data);
    }
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend(b"\0\0\x04\x2a\x2a\x13\x01\x01\0");
    body.extend(u16::try_from(list.len()).unwrap().to_be_bytes());
    body.extend(list);
    framed(&body)
}

fn framed(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[TYPE], &length[1..], body].concat()
}

fn parse(message: &[u8]) -> Result<ClientHello, Malformed> {
    ClientHello::parse(message, Transport::Tcp)
}

#[test]
fn what_is_not_offered_is_absent() {
    let hello = parse(&message(&[])).unwrap();
    let expected = ClientHello {
        random: [7; 32],
        legacy_version: 0x0303,
        supported_versions: vec![],
        server_name: ServerName::Absent,
        protocols: vec![],
        resumption: Resumption::default(),
        early_data: false,
        encrypted_client_hello: EncryptedClientHello::Absent,
        ja4: "t12i010000_0f2cb44170f4_000000000000".to_owned(),
    };
    assert_eq!(hello, expected);
}

#[test]
fn a_client_of_old_sends_no_list_of_extensions() {
    let mut old = message(&[]);
    old.truncate(old.len() - 2);
    let body = old.split_off(4);
    assert_eq!(parse(&framed(&body)), parse(&message(&[])));
}

#[test]
fn grease_values_are_left_out() {
    let hello = parse(&message(&[
        (0x8a8a, b""),
        (extensions::SUPPORTED_VERSIONS, b"\x06\xfa\xfa\x03\x04\x03\x03"),
        (extensions::ALPN, b"\0\x06\x02\x3a\x3a\x02h2"),
        (extensions::SIGNATURE_ALGORITHMS, b"\0\x04\x0a\x0a\x04\x03"),
        (0xeaea, b"\0"),
    ]));
    let hello = hello.unwrap();
    assert_eq!(hello.supported_versions, [0x0304, 0x0303]);
    assert_eq!(hello.protocols, ["h2"]);
    assert!(hello.ja4.starts_with("t13i0103h2_"), "{}", hello.ja4);
}

#[test]
fn what_is_offered_of_an_earlier_session_is_told() {
    let resumed = [
        (extensions::SESSION_TICKET, &b"ticket"[..]),
        (extensions::EARLY_DATA, b""),
        (extensions::PRE_SHARED_KEY, b"keys"),
    ];
    let hello = parse(&message(&resumed)).unwrap();
    assert!(hello.resumption.ticket && hello.resumption.pre_shared_key && hello.early_data);
    assert!(!hello.resumption.session_id);
    let empty_ticket = parse(&message(&[(extensions::SESSION_TICKET, b"")])).unwrap();
    assert!(!empty_ticket.resumption.ticket, "that asks for a ticket");
}

#[rstest]
#[case::outer(b"\0\0\x01\0\x01\x05\0\0\0\x01x", EncryptedClientHello::Offered)]
#[case::inner(b"\x01", EncryptedClientHello::Inner)]
fn encrypted_client_hello_is_told(#[case] data: &[u8], #[case] expected: EncryptedClientHello) {
    let hello = parse(&message(&[(extensions::ENCRYPTED_CLIENT_HELLO, data)])).unwrap();
    assert_eq!(hello.encrypted_client_hello, expected);
}

#[test]
fn protocols_that_are_not_text_are_escaped_and_many_are_cut_off() {
    let hello = parse(&message(&[(extensions::ALPN, b"\0\x03\x02\x1bx")])).unwrap();
    assert_eq!(hello.protocols, ["\\x1bx"]);
    let many = [&[0, 200][..], &[1, b'x'].repeat(100)].concat();
    let hello = parse(&message(&[(extensions::ALPN, &many)])).unwrap();
    assert_eq!(hello.protocols.len(), PROTOCOLS);
}

#[test]
fn a_malformed_name_is_a_fact_of_a_sound_message() {
    let hello = parse(&message(&[(extensions::SERVER_NAME, b"\0\0")])).unwrap();
    assert_eq!(hello.server_name, ServerName::Malformed);
}

#[rstest]
#[case::versions_empty(43, b"\0", "supported_versions")]
#[case::versions_odd(43, b"\x03\x03\x04\x03", "supported_versions")]
#[case::versions_with_bytes_behind(43, b"\x02\x03\x04x", "supported_versions")]
#[case::protocols_empty(16, b"\0\0", "application_layer_protocol_negotiation")]
#[case::protocol_beyond_the_list(16, b"\0\x03\x03h2", "application_layer_protocol_negotiation")]
#[case::signatures_odd(13, b"\0\x03\x04\x03\x05", "signature_algorithms")]
#[case::neither_outer_nor_inner(0xfe0d, b"\x02", "encrypted_client_hello")]
#[case::inner_with_more(0xfe0d, b"\x01x", "encrypted_client_hello")]
fn a_malformed_extension_is_named(#[case] kind: u16, #[case] data: &[u8], #[case] named: &'static str) {
    assert_eq!(parse(&message(&[(kind, data)])), Err(Malformed(named)));
}

#[test]
fn an_extension_that_stands_there_twice_is_malformed() {
    let twice = [(35, &b""[..]), (0, b""), (35, b"")];
    assert_eq!(
        parse(&message(&twice)),
        Err(Malformed("extensions: one stands there twice"))
    );
}

#[test]
fn a_message_that_is_cut_anywhere_is_malformed() {
    let whole = message(&[(extensions::SERVER_NAME, b"\0\x0c\0\0\x09a.example")]);
    assert!(parse(&whole).is_ok());
    for end in 0..whole.len() {
        assert_eq!(parse(&whole[..end]), Err(Malformed("header")));
        // With a header that says so. Without its list of extensions it is whole again: 47 octets.
        let body = whole.get(4..end).unwrap_or_default();
        assert_eq!(parse(&framed(body)).is_ok(), end == 47, "{end}");
    }
    assert!(parse(&[&whole[..], b"x"].concat()).is_err());
}

#[test]
fn every_grease_value_is_one() {
    assert_eq!((0..=u16::MAX).filter(|value| is_grease(*value)).count(), 16);
    assert!(is_grease(0x0a0a) && is_grease(0xfafa) && !is_grease(0x0a1a));
}

proptest! {
    #[test]
    fn bytes_of_any_kind_are_taken(bytes: Vec<u8>) {
        let _ = parse(&bytes);
        let _ = parse(&framed(&bytes));
    }

    #[test]
    fn extensions_of_any_kind_are_taken(
        list in prop::collection::vec(
            (prop::sample::select(vec![0, 13, 16, 35, 41, 42, 43, 0xfe0d, 0x0a0a]), prop::collection::vec(0..5_u8, 0..9)),
            0..6,
        ),
    ) {
        let list: Vec<(u16, &[u8])> = list.iter().map(|(kind, data)| (*kind, &data[..])).collect();
        let _ = parse(&message(&list));
    }
}

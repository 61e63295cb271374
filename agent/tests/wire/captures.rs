//! ClientHellos of real programs, asked for `shop.example`, and those of the standards. The fingerprints were made by
//! another implementation; Chrome's is published as well.

use std::sync::Arc;

use rstest::rstest;
use wrongway::wire::client_hello::{ClientHello, EncryptedClientHello, Resumption, ServerName, Transport};
use wrongway::wire::hello::Outcome;

use crate::corpus;
use crate::sender::{Sender, message, stream};

const TLS_1_2: u16 = 0x0303;
const TLS_1_3: u16 = 0x0304;

fn told(mut sender: Sender) -> Arc<ClientHello> {
    let [seen] = &sender.out[..] else {
        panic!("{:?}", sender.results());
    };
    assert_eq!(seen.result, Outcome::Complete);
    seen.hello.clone().unwrap()
}

#[rstest]
#[case::openssl("openssl", &["h2", "http/1.1"], "t13d3111h2_e8f1e7e78f70_1f22a2ca17c4")]
#[case::curl("curl", &["h2", "http/1.1"], "t13d3112h2_e8f1e7e78f70_b26ce05bbdd6")]
#[case::node("node", &["h2", "http/1.1"], "t13d5911h2_a33745022dd6_1f22a2ca17c4")]
#[case::python("python", &[], "t13d181100_85036bcba153_d41ae481755e")]
#[case::chrome("chrome", &["h2", "http/1.1"], "t13d1516h2_8daaf6152771_d8a2da3f94cd")]
#[case::firefox("firefox", &["h2", "http/1.1"], "t13d1717h2_5b57614c22b0_3cbfd9057e0d")]
#[case::safari("safari", &["h2", "http/1.1"], "t13d2014h2_a09f3c656075_d0a99439f9b1")]
fn over_tcp(#[case] program: &str, #[case] protocols: &[&str], #[case] ja4: &str) {
    let mut sender = Sender::default();
    sender.segment(0, &stream(program));
    let hello = told(sender);
    assert_eq!(hello.server_name, ServerName::Sent("shop.example".to_owned()));
    assert_eq!(hello.protocols, protocols);
    assert_eq!(hello.ja4, ja4);
    assert_eq!(hello.random, message(program)[6..38]);
    assert_eq!(hello.legacy_version, TLS_1_2);
    assert_eq!(hello.supported_versions[..2], [TLS_1_3, TLS_1_2]);
    let middlebox_compatible = Resumption {
        session_id: true,
        ..Resumption::default()
    };
    assert_eq!(hello.resumption, middlebox_compatible);
    assert!(!hello.early_data);
    let browser = ["chrome", "firefox"].contains(&program);
    let offered = hello.encrypted_client_hello == EncryptedClientHello::Offered;
    assert_eq!(offered, browser, "GREASE looks like it");
}

#[rstest]
#[case::rfc_9001("rfc_9001_client", "example.com", &["alpn"], "q13d0211an_62ed6f6ca7ad_4d634acda6c0")]
#[case::rfc_9369("rfc_9369_client", "example.com", &["alpn"], "q13d0211an_62ed6f6ca7ad_4d634acda6c0")]
#[case::aioquic_version_1("aioquic_version_1", "shop.example", &["h3"], "q13d0307h3_55b375c5d22e_1cecd519fee8")]
#[case::aioquic_version_2("aioquic_version_2", "shop.example", &["h3"], "q13d0307h3_55b375c5d22e_1cecd519fee8")]
#[case::boringssl("boringssl", "shop.example", &["h3"], "q13d0311h3_55b375c5d22e_653d80c3fe9d")]
#[case::chromium("chromium", "shop.example", &["h3"], "q13d0312h3_55b375c5d22e_178839b6cec1")]
fn over_quic(#[case] program: &str, #[case] name: &str, #[case] protocols: &[&str], #[case] ja4: &str) {
    let file = std::fs::read(corpus::path("quic_datagrams", program)).unwrap();
    let (mut sender, mut rest) = (Sender::default(), &file[..]);
    while let Some((length, tail)) = rest.split_first_chunk() {
        let (datagram, tail) = tail.split_at(u16::from_le_bytes(*length).into());
        sender.datagram(datagram);
        rest = tail;
    }
    assert_eq!(sender.out[0].transport, Transport::Quic);
    let hello = told(sender);
    assert_eq!(hello.server_name.as_sent(), Some(name));
    assert_eq!(hello.protocols, protocols);
    assert_eq!(hello.supported_versions, [TLS_1_3]);
    assert_eq!(hello.ja4, ja4);
}

#[test]
fn tls_1_2_alone() {
    let hello = ClientHello::parse(&message("openssl_tls_1_2"), Transport::Tcp).unwrap();
    assert_eq!(hello.ja4, "t12d280700_d943125447b4_e7e480e5a997");
    assert!(hello.supported_versions.is_empty());
    assert_eq!(
        hello.resumption,
        Resumption::default(),
        "it asks for a ticket, and has none"
    );
}

#[test]
fn no_name_was_sent() {
    let hello = ClientHello::parse(&message("openssl_without_name"), Transport::Tcp).unwrap();
    assert_eq!(hello.server_name, ServerName::Absent);
    assert_eq!(hello.ja4, "t13i310900_e8f1e7e78f70_1f22a2ca17c4");
}

#[test]
fn a_hostile_name_is_escaped() {
    let hello = ClientHello::parse(&message("hostile_name"), Transport::Tcp).unwrap();
    assert_eq!(hello.server_name.as_sent(), Some("a\\x1b[2J\\xff\\x00b"));
}

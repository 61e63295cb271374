//! The certificates of connections.

use rcgen::{CertificateParams, KeyPair, SanType};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::records::End;
use super::world::{CLIENT, SERVER, World};

/// An encoded `TBSCertificate` for these DNS names and 192.0.2.1.
pub(crate) fn certificate(names: &[&str]) -> Vec<u8> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    let address = SanType::IpAddress([192, 0, 2, 1].into());
    params.subject_alt_names.push(address);
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    let (_, certificate) = X509Certificate::from_der(certificate.der()).unwrap();
    certificate.tbs_certificate.as_ref().to_vec()
}

#[test]
fn its_names_are_told_and_decide() {
    let encoding = certificate(&["a.example", "*.b.example"]);
    for (own, provenance) in [(true, "own_object"), (false, "peer_object")] {
        let mut world = World::new();
        let mut end = if own {
            End::server(SERVER, 1)
        } else {
            End::client(CLIENT, 1)
        };
        world.record(&end.opened());
        world.record(&end.certificate(own, &encoding));
        if own {
            world.serve(&mut end, "a.example", 421);
        } else {
            world.fetch(&mut end, "a.example", 421);
        }
        let exchange = world.exchange();
        assert_eq!(
            exchange.certificate.names.unwrap(),
            ["a.example", "*.b.example", "IP:192.0.2.1"]
        );
        assert_eq!(exchange.certificate.provenance.as_deref(), Some(provenance));
        assert_eq!(exchange.provenance.certificate.as_deref(), Some(provenance));
        assert_eq!(exchange.verdict, "false_421");
    }
}

#[test]
fn without_one_its_names_are_unknown() {
    let mut world = World::new();
    let mut end = End::server(SERVER, 1);
    world.record(&end.opened());
    world.serve(&mut end, "a.example", 421);
    let exchange = world.exchange();
    assert_eq!(
        (exchange.certificate.names, exchange.certificate.provenance),
        (None, None)
    );
    assert_eq!(exchange.verdict, "matched_421_unverified");
}

#[test]
fn exchanges_told_before_keep_what_was_known_then() {
    let mut world = World::new();
    let mut end = End::server(SERVER, 1);
    world.record(&end.opened());
    world.serve(&mut end, "a.example", 200);
    world.record(&end.certificate(true, &certificate(&["a.example"])));
    world.serve(&mut end, "a.example", 200);
    let names: Vec<_> = world
        .exchanges()
        .into_iter()
        .map(|exchange| exchange.certificate.names.is_some())
        .collect();
    assert_eq!(names, [false, true]);
}

#[test]
fn one_that_is_too_long_is_counted_and_its_names_stay_unknown() {
    let mut world = World::new();
    let mut end = End::server(SERVER, 1);
    let encoding = certificate(&["a.example"]);
    world.record(&end.opened());
    world.record(&end.certificate_of(true, &encoding, encoding.len() + 1));
    world.serve(&mut end, "a.example", 200);
    assert_eq!(
        world.losses(),
        [("connection/certificate_too_long".to_owned(), 1)]
    );
    assert_eq!(world.exchange().certificate.names, None);
}

#[test]
fn one_that_cannot_be_read_is_counted_and_its_names_stay_unknown() {
    let encoding = certificate(&["a.example"]);
    for unreadable in [&b""[..], b"no certificate", &encoding[..encoding.len() / 2]] {
        let mut world = World::new();
        let mut end = End::server(SERVER, 1);
        world.record(&end.opened());
        world.record(&end.certificate(true, unreadable));
        world.serve(&mut end, "a.example", 200);
        assert_eq!(
            world.losses(),
            [("connection/certificate_unreadable".to_owned(), 1)]
        );
        assert_eq!(world.exchange().certificate.names, None);
    }
}

#[test]
fn one_of_a_connection_that_is_gone_is_nobodys() {
    let mut world = World::new();
    let mut end = End::server(SERVER, 1);
    world.record(&end.opened());
    world.record(&end.closed());
    let told = world.outputs.len();
    world.record(&end.certificate(true, &certificate(&["a.example"])));
    assert_eq!(world.outputs.len(), told);
}

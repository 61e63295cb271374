//! What listeners teach about the names of others.

use ebpf::record::SocketSource;

use super::certificates::certificate;
use super::records::{End, READ, WRITE};
use super::sockets::socket;
use super::world::{SERVER, World};

const NONE: u8 = 0;
/// `SSL_VERIFY_PEER` and `SSL_VERIFY_FAIL_IF_NO_PEER_CERT`.
const REQUIRED: u8 = 3;

/// A server's connection for this name at one listener, with `SSL_VERIFY_*`.
fn connection(world: &mut World, ssl: u64, name: &str, verify_mode: u8) -> End {
    let mut end = End::server(SERVER, ssl).named(name.as_bytes());
    end.facts.socket = socket("192.0.2.1", "192.0.2.2", SocketSource::Descriptor);
    end.facts.verify_mode = verify_mode;
    world.record(&end.opened());
    world.record(&end.certificate(true, &certificate(&["a.example", "b.example"])));
    end
}

fn ask(
    world: &mut World,
    end: &mut End,
    stream: u32,
    authority: &str,
    status: &str,
) -> (String, Vec<String>) {
    world.record(&end.h2_get(READ, stream, authority));
    world.record(&end.h2_status(WRITE, stream, status));
    let exchange = world.exchange();
    (exchange.verdict, exchange.learned)
}

#[test]
fn a_refusal_of_a_name_that_is_known_to_work_should_have_been_421() {
    let mut world = World::new();
    let mut shared = connection(&mut world, 1, "a.example", NONE);
    ask(&mut world, &mut shared, 1, "a.example", "200");
    let before = ask(&mut world, &mut shared, 3, "b.example", "404");
    assert_eq!(before, ("ambiguous_4xx".to_owned(), Vec::new()));
    let mut own = connection(&mut world, 2, "b.example", NONE);
    ask(&mut world, &mut own, 1, "b.example", "200");
    let after = ask(&mut world, &mut shared, 5, "b.example", "404");
    assert_eq!(after, ("missing_421".to_owned(), vec!["known".to_owned()]));
}

#[test]
fn a_name_that_demands_client_certificates_is_not_to_be_served_without_one() {
    let mut world = World::new();
    let mut shared = connection(&mut world, 1, "a.example", NONE);
    ask(&mut world, &mut shared, 1, "a.example", "200");
    let before = ask(&mut world, &mut shared, 3, "b.example", "200");
    assert_eq!(before.0, "coalesced_ok");
    let mut own = connection(&mut world, 2, "b.example", REQUIRED);
    ask(&mut world, &mut own, 1, "b.example", "200");
    let after = ask(&mut world, &mut shared, 5, "b.example", "200");
    assert_eq!(
        after,
        (
            "mtls_bypass".to_owned(),
            vec!["known".to_owned(), "mtls_gap".to_owned()]
        )
    );
    let refused = ask(&mut world, &mut shared, 7, "b.example", "403");
    assert_eq!(refused.0, "missing_421");
}

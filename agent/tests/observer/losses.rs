//! Records that never came: what follows is unknown, not wrong.

use super::records::{End, READ, WRITE};
use super::world::{SERVER, World};

#[test]
fn data_of_an_unknown_connection_is_counted() {
    let mut world = World::new();
    let mut end = End::server(SERVER, 1);
    world.serve(&mut end, "a.example", 200);
    assert_eq!(world.lost("connection/unknown_connection"), 2);
    assert_eq!(world.outputs.len(), 2);
}

#[test]
fn data_after_the_end_is_counted() {
    let mut world = World::new();
    let mut end = End::server(SERVER, 1);
    world.record(&end.opened());
    world.record(&end.closed());
    world.record(&end.get(READ, "a.example"));
    assert_eq!(world.losses(), [("connection/unknown_connection".to_owned(), 1)]);
    assert_eq!(world.exchanges().len(), 0);
}

#[test]
fn records_in_order_are_no_gap() {
    let mut world = World::new();
    let mut end = End::server(SERVER, 1);
    world.record(&end.opened());
    for _ in 0..3 {
        world.serve(&mut end, "a.example", 200);
    }
    assert_eq!(world.losses(), []);
}

#[test]
fn after_a_lost_request_no_response_is_given_to_another() {
    let mut world = World::new();
    let mut end = End::server(SERVER, 1);
    world.record(&end.opened());
    world.serve(&mut end, "a.example", 200);
    // A request for b.example, of which only the 421 came through.
    end.lose(READ, 1);
    world.record(&end.status(WRITE, 421));
    world.serve(&mut end, "a.example", 200);
    assert!(world.lost("http/gap") > 0, "{:?}", world.losses());
    let wrong: Vec<_> = world
        .exchanges()
        .into_iter()
        .filter(|exchange| exchange.authority.as_deref() == Some("a.example") && exchange.status == Some(421))
        .collect();
    assert_eq!(wrong, []);
    assert_eq!(world.exchange().connection.request_number, None);
}

#[test]
fn after_a_lost_response_at_the_very_end_the_status_is_unknown() {
    let mut world = World::new();
    let mut end = End::server(SERVER, 1);
    world.record(&end.opened());
    world.record(&end.get(READ, "b.example"));
    end.lose(WRITE, 1);
    world.record(&end.closed());
    assert_eq!(world.exchange().verdict, "insufficient_evidence");
    assert_eq!(world.lost("http/gap"), 1);
}

#[test]
fn after_a_lost_response_the_status_is_unknown() {
    let mut world = World::new();
    let mut end = End::server(SERVER, 1);
    world.record(&end.opened());
    world.record(&end.get(READ, "b.example"));
    // The 421 to it is lost; the next response is to the next request.
    end.lose(WRITE, 1);
    world.serve(&mut end, "a.example", 200);
    world.record(&end.closed());
    let told: Vec<_> = world
        .exchanges()
        .into_iter()
        .map(|exchange| (exchange.authority.unwrap(), exchange.status))
        .collect();
    assert!(told.contains(&("b.example".to_owned(), None)), "{told:?}");
    assert!(!told.contains(&("b.example".to_owned(), Some(200))), "{told:?}");
    assert_eq!(world.lost("http/gap"), 1);
}

#[test]
fn after_a_lost_header_block_a_name_from_the_dynamic_table_is_unknown() {
    /// `GET https`, path `/`, and the newest dynamic entry.
    const DYNAMIC: [u8; 4] = [0x82, 0x87, 0x84, 0xbe];
    let mut world = World::new();
    let mut end = End::server(SERVER, 1);
    world.record(&end.opened());
    // `:authority: a.example` goes into the table, and is taken from there.
    let inserting = [&[0x82, 0x87, 0x84, 0x41, 9], &b"a.example"[..]].concat();
    world.record(&end.headers(READ, 1, &inserting));
    world.record(&end.h2_status(WRITE, 1, "200"));
    world.record(&end.headers(READ, 3, &DYNAMIC));
    world.record(&end.h2_status(WRITE, 3, "200"));
    // The lost block may have put another name there.
    end.lose(READ, 1);
    world.record(&end.headers(READ, 7, &DYNAMIC));
    world.record(&end.h2_status(WRITE, 7, "421"));
    let told: Vec<_> = world
        .exchanges()
        .into_iter()
        .map(|exchange| {
            (
                exchange.authority,
                exchange.status,
                exchange.connection.request_number,
            )
        })
        .collect();
    let known = |number| (Some("a.example".to_owned()), Some(200), Some(number));
    assert_eq!(told, [known(1), known(2), (None, Some(421), None)]);
    assert_eq!(world.exchange().verdict, "unattributed_421");
    assert_eq!(world.lost("http/gap"), 1);
}

#[test]
fn what_came_before_a_direction_was_entered_again_is_not_believed() {
    let mut world = World::new();
    let mut end = End::server(SERVER, 1).entered_late();
    world.record(&end.opened());
    for stream in [1, 3] {
        world.record(&end.h2_get(READ, stream, "a.example"));
        world.record(&end.h2_status(WRITE, stream, "200"));
    }
    assert_eq!(
        world.exchanges().len(),
        1,
        "the first round trip proves the framing"
    );
    world.record(&end.h2_get(READ, 5, "a.example"));
    end.enter_again(WRITE);
    world.record(&end.h2_status(WRITE, 5, "421"));
    assert_eq!(world.exchanges().len(), 1);
    assert_eq!(world.lost("http/misjudged"), 1);
    assert_eq!(world.lost("http/unproven"), 2);
}

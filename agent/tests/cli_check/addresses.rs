//! Where the server is.

use std::net::{Ipv4Addr, TcpListener};

use super::checked::wrongway;
use super::server::{Behaviour, Server};

#[test]
fn nobody_there_is_told_with_the_address() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let output = wrongway(&["https://a.example", "--connect", &address, "--json"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    let expected = format!("cannot connect to {address}: connection refused");
    assert!(error.lines().last().unwrap().contains(&expected), "{error}");
}

#[test]
fn a_host_is_looked_up_and_its_addresses_are_tried_in_turn() {
    let server = Server::start(Behaviour::default());
    // The server listens on 127.0.0.1 alone, and localhost may be ::1 as well.
    let connect = format!("localhost:{}", server.port);
    let output = wrongway(&["https://a.example", "--connect", &connect, "--json"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.contains(&format!("\"address\":\"127.0.0.1:{}\"", server.port)),
        "{text}"
    );
}

#[test]
fn a_name_that_is_nowhere_is_told() {
    let output = wrongway(&["https://a.example", "--connect", "nowhere.invalid"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    let line = error.lines().last().unwrap();
    assert!(line.contains("cannot look up nowhere.invalid: "), "{error}");
}

//! Client certificates that a server demands for some names.

use super::checked::{A, B, Checked};
use super::server::{Behaviour, Server};

#[test]
fn a_client_certificate_that_can_be_done_without_elsewhere_is_bypassed() {
    let server = Server::start(Behaviour {
        demands: B,
        ..Behaviour::default()
    });
    let checked = Checked::of(&server, &["--also", "b.example"]);
    assert_eq!(checked.code, Some(1));
    assert_eq!(
        checked.findings(),
        [
            ("advice", "client_certificate_demanded"),
            ("problem", "mtls_bypass"),
        ]
    );
    for protocol in ["h2", "http/1.1"] {
        let own = checked.answer(protocol, "fresh", B, "b.example");
        assert_eq!(own["client_certificate_requested"], true);
        let error = own["error"].as_str().unwrap();
        assert!(error.ends_with("the alert certificate_required"), "{error}");
    }
    let certificate = checked.of_kind("certificate")[1];
    assert_eq!(certificate["client_certificate_requested"], true);
}

#[test]
fn a_host_that_demands_a_client_certificate_is_asked_about_on_other_connections() {
    let server = Server::start(Behaviour {
        demands: A,
        ..Behaviour::default()
    });
    let checked = Checked::of(&server, &["--also", "b.example"]);
    assert!(checked.findings().contains(&("problem", "mtls_bypass")));
    assert!(
        checked
            .findings()
            .contains(&("advice", "client_certificate_demanded"))
    );
    assert_eq!(
        checked.answer("h2", "fresh", B, "a.example")["verdict"],
        "mtls_bypass"
    );
}

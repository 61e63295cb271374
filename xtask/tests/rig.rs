//! The rig itself: servers answer as the tests assume, and clients write down what they did.
#![expect(clippy::unwrap_used, reason = "a rig that cannot be built fails the test")]

use xtask::rig::apache::{Apache, Site};
use xtask::rig::certificate::{Authority, Certificate};
use xtask::rig::clients::Visit;
use xtask::rig::clients::curl::{self, Version};
use xtask::rig::clients::native::{self, Habit};
use xtask::rig::clients::node::{self, Load};
use xtask::rig::clients::raw::{self, Dialogue, Expected, Part};
use xtask::rig::nginx::{self, Nginx};
use xtask::rig::scratch::Scratch;
use xtask::rig::truth::Truth;
use xtask::setup::require_packages;

const FIRST: &str = "a.shop.example";
const SECOND: &str = "b.shop.example";

#[test]
fn apache_answers_421_over_http1_where_certificates_differ() {
    let (scratch, apache) = apache_with_two_certificates();
    let visits = [
        Visit::new(Some(FIRST), FIRST, "/"),
        Visit::new(Some(FIRST), SECOND, "/"),
        Visit::new(Some(SECOND), SECOND, "/"),
        Visit::new(None, SECOND, "/"),
        Visit::new(None, FIRST, "/"),
    ];
    let truths = curl::visit(&scratch, apache.port, Version::Http1, &visits).unwrap();
    assert_eq!(statuses(&truths), [200, 421, 200, 421, 200]);
}

#[test]
fn apache_answers_421_over_h2_where_certificates_differ() {
    let (scratch, apache) = apache_with_two_certificates();
    let truths = load(&scratch, apache.port, &[FIRST, SECOND], 10, 1);
    assert_eq!(statuses(&truths), [200, 421].repeat(5));
    let visits = [
        Visit::new(Some(FIRST), FIRST, "/"),
        Visit::new(Some(FIRST), SECOND, "/"),
    ];
    let truths = curl::visit(&scratch, apache.port, Version::Http2, &visits).unwrap();
    assert_eq!(statuses(&truths), [200, 421]);
    assert_eq!(truths[1].protocol, "h2");
}

#[test]
fn apache_serves_a_sibling_on_the_same_certificate() {
    let scratch = scratch();
    let wildcard = certificate(&scratch, "wildcard", "*.shop.example");
    let sites = [FIRST, SECOND].map(|name| Site {
        name,
        certificate: &wildcard,
        ciphers: None,
    });
    let apache = Apache::start(&scratch, &sites).unwrap();
    let truths = load(&scratch, apache.port, &[FIRST, SECOND], 4, 1);
    assert_eq!(statuses(&truths), [200; 4]);
}

#[test]
fn apache_answers_421_where_ciphers_differ() {
    let scratch = scratch();
    let wildcard = certificate(&scratch, "wildcard", "*.shop.example");
    let sites =
        [(FIRST, None), (SECOND, Some("ECDHE-ECDSA-AES256-GCM-SHA384"))].map(|(name, ciphers)| Site {
            name,
            certificate: &wildcard,
            ciphers,
        });
    let apache = Apache::start(&scratch, &sites).unwrap();
    let truths = load(&scratch, apache.port, &[FIRST, SECOND], 2, 1);
    assert_eq!(statuses(&truths), [200, 421]);
}

#[test]
fn nginx_serves_anything_on_any_connection() {
    let (scratch, nginx) = nginx();
    let visits = [
        Visit::new(Some(FIRST), FIRST, "/"),
        Visit::new(Some(FIRST), "other.example", "/"),
        Visit::new(None, SECOND, "/missing"),
    ];
    let truths = curl::visit(&scratch, nginx.port, Version::Http1, &visits).unwrap();
    assert_eq!(statuses(&truths), [200, 200, 404]);
    assert_eq!(
        truths[0].local, truths[1].local,
        "one connection for one server name"
    );
    assert_eq!(truths[1].request_number, 2);
    assert_eq!((truths[2].request_number, &truths[2].sni), (1, &None));
}

#[test]
fn a_thousand_requests_share_one_connection() {
    let (scratch, nginx) = nginx();
    let visits = vec![Visit::new(Some(FIRST), SECOND, "/"); 1_000];
    let over_http1 = curl::visit(&scratch, nginx.port, Version::Http1, &visits).unwrap();
    assert_eq!(over_http1.last().map(|truth| truth.request_number), Some(1_000));
    let over_h2 = load(&scratch, nginx.port, &[FIRST, SECOND], 1_000, 32);
    let mut numbers: Vec<u64> = over_h2.iter().map(|truth| truth.request_number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=1_000).collect::<Vec<u64>>());
}

#[test]
fn a_closing_visit_ends_its_connection() {
    let (scratch, nginx) = nginx();
    let visits = vec![Visit::new(Some(FIRST), FIRST, "/").closing(); 3];
    let truths = curl::visit(&scratch, nginx.port, Version::Http1, &visits).unwrap();
    assert!(truths.iter().all(|truth| truth.request_number == 1));
}

#[test]
fn the_raw_client_sends_what_it_is_told() {
    let (scratch, nginx) = nginx();
    let twice = "GET / HTTP/1.1\r\nHost: a.shop.example\r\n\r\n".repeat(2);
    let dialogue = Dialogue {
        port: nginx.port,
        sni: Some(FIRST),
        parts: &[Part {
            text: &twice,
            responses: 2,
        }],
    };
    let answer = Expected {
        method: "GET",
        authority: FIRST,
        status: 200,
    };
    let truths = raw::talk(&scratch, &dialogue, &[answer; 2]).unwrap();
    assert_eq!(truths[1].request_number, 2);
}

#[test]
fn the_client_in_c_has_its_habits() {
    let (scratch, nginx) = nginx();
    for habit in [Habit::Peek, Habit::Retry] {
        let truths = native::visit(&scratch, nginx.port, FIRST, SECOND, habit).unwrap();
        assert_eq!(truths.len(), 10, "{habit:?}");
    }
}

fn scratch() -> Scratch {
    require_packages(xtask::kernel_test::PACKAGES).unwrap();
    Scratch::new("test").unwrap()
}

fn certificate(scratch: &Scratch, label: &str, name: &str) -> Certificate {
    let authority = Authority::new().unwrap();
    authority.certify(scratch, label, &[name], false).unwrap()
}

fn apache_with_two_certificates() -> (Scratch, Apache) {
    let scratch = scratch();
    let first = certificate(&scratch, "first", FIRST);
    let second = certificate(&scratch, "second", SECOND);
    let sites = [(FIRST, &first), (SECOND, &second)].map(|(name, certificate)| Site {
        name,
        certificate,
        ciphers: None,
    });
    let apache = Apache::start(&scratch, &sites).unwrap();
    (scratch, apache)
}

fn nginx() -> (Scratch, Nginx) {
    let scratch = scratch();
    let certificates = [certificate(&scratch, "wildcard", "*.shop.example")];
    let nginx = Nginx::start(&scratch, nginx::Options::new(&certificates)).unwrap();
    (scratch, nginx)
}

fn load(
    scratch: &Scratch,
    port: u16,
    authorities: &[&str],
    requests: usize,
    concurrency: usize,
) -> Vec<Truth> {
    let load = Load {
        port,
        sni: Some(FIRST),
        authorities,
        paths: &["/"],
        requests,
        concurrency,
    };
    node::load(scratch, &load).unwrap()
}

fn statuses(truths: &[Truth]) -> Vec<u16> {
    truths.iter().filter_map(|truth| truth.status).collect()
}

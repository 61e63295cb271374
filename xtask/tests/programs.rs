//! Every server of the matrix answers every client, and clients and servers do what the matrix assumes.

use rstest::rstest;
use xtask::matrix::plan::Names;
use xtask::matrix::{Size, packages, watch};
use xtask::rig::python::Python;
use xtask::rig::scratch::Scratch;
use xtask::rig::servers::PROGRAMS;
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
fn a_server_answers_every_client(#[case] name: &str, #[case] stranger: u16) {
    require_packages(&packages()).unwrap();
    let scratch = Scratch::new("test").unwrap();
    let python = Python::ready().unwrap();
    let program = PROGRAMS.iter().find(|program| program.name == name).unwrap();
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

//! HTTP/1.1 in the shapes that are easy to miscount, and TLS calls that are easy to count twice.

use anyhow::Result;

use super::world::{NAME, SIBLING, STRANGER, World};
use super::{Case, Setting};
use crate::rig::clients::native::{self, Habit};
use crate::rig::clients::raw::{self, Dialogue, Expected, Part};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "framing::pipelined",
        observes: true,
        run: pipelined,
    },
    Case {
        name: "framing::head_204_304",
        observes: true,
        run: without_bodies,
    },
    Case {
        name: "framing::chunked_both_ways",
        observes: true,
        run: chunked,
    },
    Case {
        name: "framing::continue_100",
        observes: true,
        run: continued,
    },
    Case {
        name: "framing::absolute_form",
        observes: true,
        run: absolute_form,
    },
    Case {
        name: "framing::peek_is_no_read",
        observes: true,
        run: |setting| native(setting, Habit::Peek),
    },
    Case {
        name: "framing::retried_write_counts_once",
        observes: true,
        run: |setting| native(setting, Habit::Retry),
    },
    Case {
        name: "framing::several_records_at_once",
        observes: true,
        run: |setting| native(setting, Habit::Blocks),
    },
];

/// Twenty requests in one write.
fn pipelined(setting: &Setting) -> Result<String> {
    let turns = [
        (NAME, "/", 200),
        (SIBLING, "/missing", 404),
        (STRANGER, "/empty", 204),
    ];
    let mut text = String::new();
    let mut expected = Vec::new();
    for (authority, path, status) in turns.into_iter().cycle().take(20) {
        text.push_str(&get("GET", path, authority, ""));
        expected.push(Expected {
            method: "GET",
            authority,
            status,
        });
    }
    hold(
        setting,
        &[Part {
            text: &text,
            responses: 20,
        }],
        &expected,
    )
}

/// Responses that have no body although their heads speak of one.
fn without_bodies(setting: &Setting) -> Result<String> {
    let unchanged = "If-None-Match: *\r\n";
    let texts = [
        get("HEAD", "/large", NAME, ""),
        get("GET", "/empty", SIBLING, ""),
        get("GET", "/small", NAME, unchanged),
        get("GET", "/", SIBLING, ""),
    ];
    let statuses = [
        ("HEAD", NAME, 200),
        ("GET", SIBLING, 204),
        ("GET", NAME, 304),
        ("GET", SIBLING, 200),
    ];
    let parts: Vec<Part<'_>> = (1..)
        .zip(&texts)
        .map(|(responses, text)| Part { text, responses })
        .collect();
    hold(setting, &parts, &statuses.map(expect))
}

/// A chunked request whose body looks like a request, then a chunked response.
fn chunked(setting: &Setting) -> Result<String> {
    let trap = "GET / HTTP/1.1\r\nHost: trap.example\r\n\r\n";
    let body = format!(
        "{:x};note=1\r\n{trap}\r\n5\r\nhello\r\n0\r\nTrailer: x\r\n\r\n",
        trap.len()
    );
    let post = get("POST", "/", NAME, "Transfer-Encoding: chunked\r\n") + &body;
    let compressed = get("GET", "/chunked", SIBLING, "Accept-Encoding: gzip\r\n");
    let last = get("GET", "/missing", NAME, "");
    let parts = [
        Part {
            text: &post,
            responses: 1,
        },
        Part {
            text: &compressed,
            responses: 2,
        },
        Part {
            text: &last,
            responses: 3,
        },
    ];
    let statuses = [("POST", NAME, 200), ("GET", SIBLING, 200), ("GET", NAME, 404)];
    hold(setting, &parts, &statuses.map(expect))
}

/// The interim response is not the answer.
fn continued(setting: &Setting) -> Result<String> {
    let head = get("POST", "/", NAME, "Expect: 100-continue\r\nContent-Length: 5\r\n");
    let last = get("GET", "/", SIBLING, "");
    let parts = [
        Part {
            text: &head,
            responses: 1,
        },
        Part {
            text: "hello",
            responses: 2,
        },
        Part {
            text: &last,
            responses: 3,
        },
    ];
    hold(
        setting,
        &parts,
        &[("POST", NAME, 200), ("GET", SIBLING, 200)].map(expect),
    )
}

/// The target names another authority than the Host, and wins: RFC 9112, section 3.2.2.
fn absolute_form(setting: &Setting) -> Result<String> {
    let text = get("GET", "https://b.shop.example/", NAME, "");
    hold(
        setting,
        &[Part {
            text: &text,
            responses: 1,
        }],
        &[expect(("GET", SIBLING, 200))],
    )
}

fn native(setting: &Setting, habit: Habit) -> Result<String> {
    let world = World::new(setting)?;
    let truths = native::visit(world.scratch, world.nginx.port, NAME, SIBLING, habit)?;
    world.demand(&truths)
}

fn hold(setting: &Setting, parts: &[Part<'_>], expected: &[Expected<'_>]) -> Result<String> {
    let world = World::new(setting)?;
    let dialogue = Dialogue {
        port: world.nginx.port,
        sni: Some(NAME),
        parts,
    };
    let truths = raw::talk(world.scratch, &dialogue, expected)?;
    world.demand(&truths)
}

fn get(method: &str, target: &str, host: &str, fields: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n")
}

fn expect((method, authority, status): (&'static str, &'static str, u16)) -> Expected<'static> {
    Expected {
        method,
        authority,
        status,
    }
}

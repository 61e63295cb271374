//! Clients that do not stop at a 421, or come back after it was cured.

use anyhow::Result;

use super::expect::{Row, Side, Watch, answered, row};
use super::{A, B};
use crate::kernel_test::Setting;
use crate::kernel_test::world::{demand, start_agent};
use crate::rig::apache::{Apache, Site};
use crate::rig::certificate::Authority;
use crate::rig::clients::node;
use crate::rig::clients::scripted::{Again, Request, Script};

const FIRST: Request<'_> = request(A);
const SECOND: Request<'_> = request(B);

const fn request(authority: &str) -> Request<'_> {
    Request::new("shared", A, authority)
}

/// What a client does, and how that ought to be seen.
struct Habit<'a> {
    requests: &'a [Request<'a>],
    again: Again,
    rows: &'a [Row<'a>],
}

/// It dials the wrong name again and again.
const LOOPS: Habit<'_> = Habit {
    requests: &[SECOND],
    again: Again {
        tries: 5,
        connection: "fresh",
        sni: "same",
    },
    rows: &[
        split("second_421"),
        split("loop"),
        split("loop"),
        split("loop"),
        split("loop"),
        split("not_retried"),
    ],
};

/// Each time it is cured, and each time it uses the old connection again.
const COMES_BACK: Habit<'_> = Habit {
    requests: &[FIRST, SECOND, SECOND, SECOND],
    again: Again::RIGHT,
    rows: &[
        row(Some(A), A, 200, "ok", None),
        coalesced("cured"),
        OWN,
        coalesced("ping_pong"),
        OWN,
        coalesced("ping_pong"),
        OWN,
    ],
};

/// It asks again where it was refused.
const STAYS: Habit<'_> = Habit {
    requests: &[FIRST, SECOND],
    again: Again {
        tries: 1,
        connection: "same",
        sni: "same",
    },
    rows: &[
        row(Some(A), A, 200, "ok", None),
        coalesced("same_connection_retry"),
        coalesced("not_retried"),
    ],
};

const OWN: Row<'_> = row(Some(B), B, 200, "ok", None);

const fn split(outcome: &str) -> Row<'_> {
    row(Some(A), B, 421, "split_421", Some(outcome))
}

const fn coalesced(outcome: &str) -> Row<'_> {
    row(Some(A), B, 421, "coalesced_421", Some(outcome))
}

/// At an Apache that declines the second name on connections for the first.
pub(super) fn play(setting: &Setting) -> Result<String> {
    let scratch = &setting.scratch;
    let authority = Authority::new()?;
    let wide = authority.certify(scratch, "wide", &["*.shop.example"], false)?;
    let narrow = authority.certify(scratch, "narrow", &[B], false)?;
    let sites = [(A, &wide), (B, &narrow)].map(|(name, certificate)| Site {
        name,
        certificate,
        ciphers: None,
    });
    let apache = Apache::start(scratch, &sites)?;
    let _node = node::idle(scratch)?;
    let agent = start_agent(setting)?;
    let mut truths = Vec::new();
    for Habit {
        requests,
        again,
        rows,
    } in [LOOPS, COMES_BACK, STAYS]
    {
        let watch = Watch::new(&agent)?;
        let script = Script {
            port: apache.port,
            requests,
            again: Some(again),
            certificate: None,
        };
        let made = script.play(scratch)?;
        let statuses: Vec<u16> = rows.iter().map(|row| row.status).collect();
        answered(&made, &statuses)?;
        watch.demand(Side::client(apache.port), rows)?;
        watch.demand(Side::server(apache.port), rows)?;
        truths.extend(made);
    }
    // Each cause is one line, however often its clients ask.
    let watch = Watch::new(&agent)?;
    for (role, program) in [("server", "apache2"), ("client", "node")] {
        watch.cause("split_421", role, program)?.counts(6, 1, &[B])?;
        watch.cause("coalesced_421", role, program)?.counts(5, 2, &[B])?;
    }
    demand(&agent, &[apache.port], &truths)
}

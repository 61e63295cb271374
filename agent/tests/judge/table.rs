//! Every combination of facts against the decision written down as data.

use wrongway::verdict::{Facts, Field, Learned, Prior, Protocol, SniState, Status, Verdict, judge};

const AUTHORITY: &str = "b.ex.org";
const ADDRESS: &str = "10.0.0.7";

/// One combination, each cell as the table spells it.
#[derive(Clone, Copy, Debug)]
struct Combination {
    status: &'static str,
    tls: &'static str,
    request: &'static str,
    sni: &'static str,
    covers: &'static str,
    prior: &'static str,
    version: &'static str,
    learned: [Option<&'static str>; 2],
}

#[test]
fn the_first_row_that_matches_decides() {
    let table = rows();
    let mut used = vec![false; table.len()];
    for combination in combinations() {
        let position = table
            .iter()
            .position(|row| matches(row, &combination))
            .unwrap_or_else(|| panic!("no row for {combination:?}"));
        used[position] = true;
        let found = judge(&facts(&combination)).verdict;
        assert_eq!(found.as_str(), table[position][8], "{combination:?}");
    }
    for (row, used) in table.iter().zip(used) {
        assert!(used, "no combination leads to {row:?}");
    }
}

#[test]
fn the_table_knows_every_verdict() {
    for verdict in Verdict::ALL {
        assert!(rows().iter().any(|row| row[8] == verdict.as_str()), "{verdict}");
    }
}

fn rows() -> Vec<Vec<&'static str>> {
    let lines = include_str!("../data/table.txt")
        .lines()
        .filter(|line| !line.starts_with('#'));
    let rows: Vec<Vec<_>> = lines.map(|line| line.split_whitespace().collect()).collect();
    assert!(rows.iter().all(|row| row.len() == 9));
    rows
}

fn matches(row: &[&str], combination: &Combination) -> bool {
    let cells = [
        combination.status,
        combination.tls,
        combination.request,
        combination.sni,
        combination.covers,
        combination.prior,
        combination.version,
    ];
    let plain = row
        .iter()
        .zip(cells)
        .all(|(wanted, found)| *wanted == "-" || *wanted == found);
    plain && (row[7] == "-" || combination.learned.contains(&Some(row[7])))
}

fn combinations() -> impl Iterator<Item = Combination> {
    let mut all = Vec::new();
    let mut learned = vec![[None, None]];
    for (position, one) in Learned::NAMES.into_iter().enumerate() {
        learned.push([Some(one), None]);
        learned.extend(
            Learned::NAMES[..position]
                .iter()
                .map(|&other| [Some(one), Some(other)]),
        );
    }
    for status in ["none", "lost", "200", "400", "4xx", "421"] {
        for tls in ["yes", "no", "?"] {
            for request in ["tunnel", "malformed", "nameless", "lost", "name", "address"] {
                for sni in ["same", "other", "none", "unknown"] {
                    for (covers, prior) in ["yes", "no", "?"]
                        .iter()
                        .flat_map(|c| ["yes", "no", "?"].map(|p| (*c, p)))
                    {
                        for version in ["1", "2"] {
                            for &learned in &learned {
                                all.push(Combination {
                                    status,
                                    tls,
                                    request,
                                    sni,
                                    covers,
                                    prior,
                                    version,
                                    learned,
                                });
                            }
                        }
                    }
                }
            }
        }
    }
    // Only HTTP/1.0 may lack an authority.
    all.into_iter()
        .filter(|one| one.request != "nameless" || one.version == "1")
}

fn facts(combination: &Combination) -> Facts<'static> {
    let name = if combination.request == "address" {
        ADDRESS
    } else {
        AUTHORITY
    };
    let mut learned = Learned::default();
    for fact in combination.learned.into_iter().flatten() {
        assert!(learned.learn(fact));
    }
    let protocol = match (combination.request, combination.version) {
        ("nameless", _) => Protocol::Http10,
        (_, "1") => Protocol::Http11,
        _ => Protocol::H2,
    };
    let multiplexed = protocol == Protocol::H2;
    let (sni, sni_state) = match combination.sni {
        "same" => (Some(name.into()), SniState::Sent),
        "other" => (Some("a.ex.org".into()), SniState::Sent),
        "none" => (None, SniState::Absent),
        _ => (None, SniState::Unknown),
    };
    let covering = if combination.request == "address" {
        "IP:10.0.0.7"
    } else {
        "*.ex.org"
    };
    Facts {
        sni,
        sni_state,
        certificate_names: match combination.covers {
            "yes" => Some(vec!["a.ex.org".into(), covering.into()].into()),
            "no" => Some(vec!["a.ex.org".into()].into()),
            _ => None,
        },
        authority: match combination.request {
            "tunnel" => Field::Known(name.into()),
            "lost" => Field::Unknown,
            "malformed" if multiplexed => Field::Known("me@b.ex.org".into()),
            "name" | "address" if multiplexed => Field::Known(name.into()),
            _ => Field::Absent,
        },
        host: match combination.request {
            "name" | "address" if !multiplexed => vec![name.into()],
            "malformed" if !multiplexed => vec!["b.ex.org".into(), "b.ex.org".into()],
            _ => vec![],
        }
        .into(),
        protocol,
        method: Some(
            if combination.request == "tunnel" {
                "CONNECT"
            } else {
                "POST"
            }
            .into(),
        ),
        extended_connect: false,
        status: match combination.status {
            "none" => Status::NoneCame,
            "lost" => Status::Unknown,
            "4xx" => Status::Code(404),
            code => Status::Code(code.parse().unwrap()),
        },
        tls: match combination.tls {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        },
        prior_authorities: match combination.prior {
            "yes" => Prior {
                names: vec![name.into(), "c.ex.org".into()].into(),
                complete: false,
            },
            "no" => Prior {
                names: vec![name.into()].into(),
                complete: true,
            },
            _ => Prior {
                names: vec![name.into()].into(),
                complete: false,
            },
        },
        learned,
        fallback: false,
    }
}

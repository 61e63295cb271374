//! `wrongway check` against real servers: each of its answers is curl's answer to the same question.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::world::{NAME, SIBLING};
use super::{Case, Setting};
use crate::rig::apache::{Apache, Site};
use crate::rig::certificate::Authority;
use crate::rig::clients::Visit;
use crate::rig::clients::curl::{self, Version};
use crate::rig::python::Python;
use crate::rig::scratch::Scratch;
use crate::rig::servers::caddy::Caddy;
use crate::rig::servers::{PROGRAMS, Server};

pub(super) const CASES: &[Case] = &[
    case("check::apache", |setting| program(setting, "apache2", FINE)),
    case("check::apache_and_coalescing", coalescing),
    case("check::nginx", |setting| program(setting, "nginx", PROBLEM)),
    case("check::haproxy", |setting| program(setting, "haproxy", PROBLEM)),
    case("check::caddy", caddy),
];

/// Exit code: nothing is wrong. Apache declines what it has to.
const FINE: i32 = 0;
/// Exit code: something is wrong. With two certificates, nginx and `HAProxy` serve each name on both.
const PROBLEM: i32 = 1;

const VERSIONS: [Version; 2] = [Version::Http2, Version::Http1];

const fn case(name: &'static str, run: fn(&Setting) -> Result<String>) -> Case {
    Case {
        name,
        observes: false,
        run,
    }
}

fn program(setting: &Setting, name: &str, code: i32) -> Result<String> {
    let program = PROGRAMS
        .iter()
        .find(|program| program.name == name)
        .with_context(|| format!("no program {name}"))?;
    let server = program.start(&setting.scratch, &Python::ready()?)?;
    let names = [server.own(0), server.own(1), server.foreign(0)];
    let checked = Checked::of(setting, server.port, &names)?;
    checked.demand_code(code)?;
    demand_certificates(&checked, &server)?;
    checked.compare(&setting.scratch, server.port)
}

/// Two names on one certificate whose ciphers differ: browsers coalesce them, and Apache declines that.
fn coalescing(setting: &Setting) -> Result<String> {
    let scratch = &setting.scratch;
    let wide = Authority::new()?.certify(scratch, "wide", &["*.shop.example"], false)?;
    let sites = [(NAME, None), (SIBLING, Some("ECDHE-ECDSA-AES256-GCM-SHA384"))];
    let sites = sites.map(|(name, ciphers)| Site {
        name,
        certificate: &wide,
        ciphers,
    });
    let apache = Apache::start(scratch, &sites)?;
    let names = [NAME, SIBLING].map(str::to_owned);
    let checked = Checked::of(setting, apache.port, &names)?;
    checked.demand_code(FINE)?;
    ensure!(
        checked
            .of_kind("finding")
            .any(|finding| finding["code"] == "coalesced_421" && finding["level"] == "advice"),
        "nothing is said of coalescing: {:?}",
        checked.objects
    );
    let helped = checked
        .of_kind("remedied")
        .find(|remedied| remedied["protocol"] == "h2" && remedied["connection"] == "shared")
        .context("nothing is said of what helps")?;
    ensure!(
        helped["right_sni"] == true && helped["fresh_connection"] == false,
        "not what helps: {helped}"
    );
    checked.compare(scratch, apache.port)
}

/// It refuses names that it has no certificate for.
fn caddy(setting: &Setting) -> Result<String> {
    let caddy = Caddy::start(&setting.scratch, &Python::ready()?)?;
    let names = [caddy.name(0), caddy.name(1)];
    let checked = Checked::of(setting, caddy.port, &names)?;
    checked.demand_code(FINE)?;
    checked.compare(&setting.scratch, caddy.port)
}

/// What `wrongway check` found out.
struct Checked {
    code: Option<i32>,
    objects: Vec<Value>,
}

impl Checked {
    /// Asks for the first name, and for the others beside it.
    fn of(setting: &Setting, port: u16, names: &[String]) -> Result<Self> {
        let [first, others @ ..] = names else {
            bail!("no name to ask for");
        };
        let mut command = Command::new(&setting.binary);
        command
            // A name, as the released binary is static, and has to look names up all the same.
            .args(["check", "--json", "--connect", "localhost"])
            .arg(format!("https://{first}:{port}/"));
        for name in others {
            command.args(["--also", name]);
        }
        let output = command
            .stdin(Stdio::null())
            .output()
            .context("cannot run wrongway check")?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        setting.scratch.write("check.jsonl", &printed)?;
        let objects = printed
            .lines()
            .map(|line| serde_json::from_str(line).with_context(|| format!("no JSON: {line}")))
            .collect::<Result<Vec<Value>>>()?;
        ensure!(
            !objects.is_empty(),
            "nothing was found out: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(Self {
            code: output.status.code(),
            objects,
        })
    }

    fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.objects.iter().filter(move |object| object["kind"] == kind)
    }

    fn demand_code(&self, code: i32) -> Result<()> {
        let problems: Vec<&Value> = self
            .of_kind("finding")
            .filter(|finding| finding["level"] == "problem")
            .collect();
        ensure!(
            self.code == Some(code),
            "ended with {:?} and not {code}: {problems:?}",
            self.code
        );
        Ok(())
    }

    /// Asks curl all the same questions, and demands the same answers.
    fn compare(&self, scratch: &Scratch, port: u16) -> Result<String> {
        let mut asked = 0;
        let mut misdirected = 0;
        for version in VERSIONS {
            let of = |connection: &str| -> Vec<&Value> {
                self.of_kind("answer")
                    .filter(|answer| {
                        answer["protocol"] == version.as_str() && answer["connection"] == connection
                    })
                    .collect()
            };
            let shared = of("shared");
            let fresh = of("fresh");
            ensure!(
                !shared.is_empty() && !fresh.is_empty(),
                "nothing was asked over {}",
                version.as_str()
            );
            let visits = shared
                .iter()
                .map(|answer| visit(answer))
                .collect::<Result<Vec<_>>>()?;
            let statuses = curl::visit(scratch, port, version, &visits)?;
            for (answer, truth) in shared.iter().zip(truths_without_retries(statuses)) {
                demand(answer, truth)?;
            }
            for answer in &fresh {
                demand(answer, alone(scratch, port, version, &visit(answer)?)?)?;
            }
            asked += shared.len() + fresh.len();
            let declined = shared
                .iter()
                .chain(&fresh)
                .filter(|answer| answer["status"] == 421);
            misdirected += declined.count();
        }
        Ok(format!("{asked} answers are curl's, {misdirected} of them 421"))
    }
}

fn visit(answer: &Value) -> Result<Visit> {
    let authority = answer["authority"].as_str().context("no authority")?;
    Ok(Visit::new(answer["sni"].as_str(), authority, "/"))
}

/// The statuses of requests that had one: what curl sent in vain, it sent again.
fn truths_without_retries(truths: Vec<crate::rig::truth::Truth>) -> Vec<Option<u16>> {
    let answered = truths.into_iter().filter(|truth| !truth.abandoned);
    answered.map(|truth| truth.status).collect()
}

/// The status of one request on a connection of its own; `None` if curl cannot make the connection.
fn alone(scratch: &Scratch, port: u16, version: Version, visit: &Visit) -> Result<Option<u16>> {
    match curl::visit(scratch, port, version, std::slice::from_ref(visit)) {
        Ok(truths) => Ok(truths.first().and_then(|truth| truth.status)),
        Err(error) if error.to_string().starts_with("curl failed") => Ok(None),
        Err(error) => Err(error),
    }
}

fn demand(answer: &Value, status: Option<u16>) -> Result<()> {
    ensure!(
        answer["status"].as_u64() == status.map(u64::from),
        "curl was answered {status:?} to this: {answer}"
    );
    Ok(())
}

/// What was presented for each server name is what the server was given.
fn demand_certificates(checked: &Checked, server: &Server) -> Result<()> {
    for certificate in checked.of_kind("certificate") {
        let presented = server.presented(certificate["sni"].as_str());
        ensure!(
            certificate["certificate_names"] == serde_json::json!(presented.names),
            "presented were {:?}, and not what is in {certificate}",
            presented.names
        );
    }
    Ok(())
}

//! What goes wrong is told in one line that names the thing, with the right exit code.

use std::fs;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, ensure};
use rustix::process::geteuid;
use serde_json::Value;

use super::world::start_agent;
use super::{Case, Setting};
use crate::rig::agent::UNSUPPORTED;

pub(super) const CASES: &[Case] = &[
    case("command_line::bad_flag", false, bad_flag),
    case("command_line::judge_goes_on_after_a_bad_line", false, bad_line),
    case("command_line::not_root", false, not_root),
    case("command_line::capability_missing", false, capability_missing),
    case("command_line::root_of_a_user_namespace", false, user_namespace),
    case("command_line::port_taken", true, port_taken),
    case("command_line::socket_taken", true, socket_taken),
    case("command_line::socket_of_a_dead_agent", true, stale_socket),
];

/// Exit code: the command line is wrong.
const USAGE: i32 = 2;
/// Exit code: something is in the way.
const PROBLEM: i32 = 1;
/// nobody and nogroup on Debian.
const NOBODY: &str = "65534";

const fn case(name: &'static str, observes: bool, run: fn(&Setting) -> Result<String>) -> Case {
    Case { name, observes, run }
}

fn bad_flag(setting: &Setting) -> Result<String> {
    let output = run(Command::new(&setting.binary).args(["run", "--no-such-flag"]))?;
    expect(&output, USAGE, "--no-such-flag")
}

fn bad_line(setting: &Setting) -> Result<String> {
    let mut child = Command::new(&setting.binary)
        .arg("judge")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start wrongway judge")?;
    let good = r#"{"sni":"a.example","sni_state":"sent","certificate_names":["a.example"],"authority":null,"host":["a.example"],"protocol":"http/1.1","method":"GET","extended_connect":false,"status":200,"tls":true,"prior_authorities":[],"facts":[]}"#;
    let input = format!("no object\n{good}\n");
    child
        .stdin
        .take()
        .context("no standard input")?
        .write_all(input.as_bytes())?;
    let output = child
        .wait_with_output()
        .context("cannot wait for wrongway judge")?;
    ensure!(
        output.status.code() == Some(PROBLEM),
        "ended with {}",
        output.status
    );
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let objects = printed
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<Vec<Value>, _>>()
        .with_context(|| format!("not JSON: {printed}"))?;
    ensure!(objects.len() == 2, "two lines in, this came out: {printed}");
    ensure!(
        objects[0]["line"] == 1 && objects[0]["error"].is_string(),
        "no error object: {}",
        objects[0]
    );
    ensure!(objects[1]["verdict"] == "ok", "judged {}", objects[1]);
    Ok(String::new())
}

fn not_root(setting: &Setting) -> Result<String> {
    // Where it was built may be closed to others.
    let binary = setting.scratch.path().join("wrongway");
    fs::copy(&setting.binary, &binary).context("cannot copy the agent")?;
    let control = std::env::temp_dir().join(format!("wrongway-nobody-{}.sock", std::process::id()));
    let mut command = if geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"])
            .arg(&binary);
        command
    } else {
        Command::new(&binary)
    };
    let output = run(command
        .args(["run", "--listen", "127.0.0.1:0", "--control"])
        .arg(&control))?;
    expect(&output, UNSUPPORTED, "root")
}

/// Root without its capabilities, as in a container that is not privileged.
fn capability_missing(setting: &Setting) -> Result<String> {
    if !geteuid().is_root() {
        return not_root(setting);
    }
    let control = setting.scratch.path().join("control.sock");
    let mut command = Command::new("setpriv");
    command
        .args(["--bounding-set", "-all", "--inh-caps", "-all"])
        .arg(&setting.binary)
        .args(["run", "--listen", "127.0.0.1:0", "--control"])
        .arg(&control);
    expect(&run(&mut command)?, UNSUPPORTED, "CAP_")
}

/// It has every capability, and the machine's kernel takes no program from it, as in a rootless container.
fn user_namespace(setting: &Setting) -> Result<String> {
    let control = setting.scratch.path().join("control.sock");
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user"])
        .arg(&setting.binary)
        .args(["run", "--listen", "127.0.0.1:0", "--control"])
        .arg(&control);
    expect(&run(&mut command)?, UNSUPPORTED, "user namespace")
}

fn port_taken(setting: &Setting) -> Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port to take")?;
    let address = listener.local_addr()?.to_string();
    let control = setting.scratch.path().join("control.sock");
    let output = run(&mut second_agent(&setting.binary, &address, &control))?;
    expect(&output, PROBLEM, &address)
}

fn socket_taken(setting: &Setting) -> Result<String> {
    let agent = start_agent(setting)?;
    let output = run(&mut second_agent(&setting.binary, "127.0.0.1:0", agent.control()))?;
    expect(&output, PROBLEM, &agent.control().display().to_string())
}

/// A socket file without anybody behind it is in nobody's way.
fn stale_socket(setting: &Setting) -> Result<String> {
    let mut first = start_agent(setting)?;
    first.process.kill()?;
    ensure!(
        first.control().exists(),
        "a killed agent cannot have removed its socket"
    );
    let second = first.restart()?;
    second.exchanges().map(|_| String::new())
}

fn second_agent(binary: &Path, listen: &str, control: &Path) -> Command {
    let mut command = Command::new(binary);
    command
        .args(["run", "--listen", listen, "--control"])
        .arg(control);
    command
}

/// Runs a command that must end soon by itself.
fn run(command: &mut Command) -> Result<Output> {
    let mut limited = Command::new("timeout");
    limited
        .arg("20")
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::null())
        .output()
        .context("cannot run timeout")
}

/// One message, of one line but for clap's usage, that names the thing.
fn expect(output: &Output, code: i32, named: &str) -> Result<String> {
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    ensure!(
        output.status.code() == Some(code),
        "ended with {}, not {code}: {message}",
        output.status
    );
    ensure!(message.contains(named), "does not name {named}: {message}");
    ensure!(
        code == USAGE || message.lines().count() == 1,
        "more than one line: {message}"
    );
    Ok(message.lines().next().unwrap_or_default().to_owned())
}

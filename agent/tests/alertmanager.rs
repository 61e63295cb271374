//! A real Alertmanager, told of alerts, stopped, and started again: whoever is called hears of each beginning and of
//! each end exactly once.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[path = "../src/live/alerts/receiver.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod receiver;

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, fs, thread};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use receiver::Receiver;
use wrongway::alert::{Alert, Change, Severity};
use wrongway::export::metrics::Metrics;
use wrongway::live::alerts::Alerts;
use wrongway::policy::Sinks;

const PROGRAM: &str = "prometheus-alertmanager";
/// For anything to happen.
const PATIENCE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(50);
/// How often the Alertmanager is told again.
const REPEAT: Duration = Duration::from_secs(2);

#[test]
fn an_alertmanager_that_goes_and_comes_back_loses_and_doubles_nothing() {
    let Some(program) = program() else {
        eprintln!("skipped: {PROGRAM} is not installed; apt-get install {PROGRAM}");
        return;
    };
    let called = Receiver::start(&[]);
    let directory = tempfile::tempdir().unwrap();
    let setting = Setting::new(program, directory.path(), &called);
    let metrics = Metrics::new();
    let sinks = Sinks {
        log: false,
        alertmanagers: vec![format!("http://127.0.0.1:{}/", setting.port)],
        ..Sinks::default()
    };

    let alertmanager = setting.start();
    let alerts = Alerts::start_repeating(&sinks, "00ff", metrics.clone(), REPEAT);
    let stays = alert(1, "stays");
    let goes = alert(2, "goes");
    alerts.tell(&Change::Fired(stays.clone()));
    alerts.tell(&Change::Fired(goes.clone()));
    wait_until(
        || calls(&called) == expected(&[("goes", "firing"), ("stays", "firing")]),
        &called,
    );
    assert_eq!(setting.active(), ["goes", "stays"]);

    alertmanager.stop();
    let before = count(&metrics, "failed");
    alerts.tell(&resolved(goes));
    let comes = alert(3, "comes");
    alerts.tell(&Change::Fired(comes.clone()));
    let came_and_went = alert(4, "came and went");
    alerts.tell(&Change::Fired(came_and_went.clone()));
    alerts.tell(&resolved(came_and_went));
    wait_until(|| count(&metrics, "failed") > before, &called);

    let alertmanager = setting.start();
    let mut heard = vec![
        ("came and went", "firing"),
        ("came and went", "resolved"),
        ("comes", "firing"),
        ("goes", "firing"),
        ("goes", "resolved"),
        ("stays", "firing"),
    ];
    wait_until(|| calls(&called) == expected(&heard), &called);
    assert_eq!(setting.active(), ["comes", "stays"]);

    alerts.tell(&resolved(stays));
    alerts.tell(&resolved(comes));
    heard.extend([("comes", "resolved"), ("stays", "resolved")]);
    wait_until(|| calls(&called) == expected(&heard), &called);
    assert_eq!(setting.active(), [""; 0]);

    // What is told again is no news, however often.
    let sent = count(&metrics, "sent");
    wait_until(|| count(&metrics, "sent") >= sent + 3, &called);
    assert_eq!(calls(&called), expected(&heard));
    alerts.finish(Duration::from_secs(10));
    assert_eq!(metrics.losses(), []);
    alertmanager.stop();
}

fn alert(id: u64, server: &str) -> Alert {
    Alert {
        id,
        rule: "wrong-421".to_owned(),
        severity: Severity::Warning,
        labels: BTreeMap::from([("server".to_owned(), server.to_owned())]),
        started_at: now(),
        ended_at: None,
        count: 5,
        first: 7,
        last: 12,
        summary: "5 exchanges within 10 minutes fit rule wrong-421.".to_owned(),
        description: "Why. Remedy: how.".to_owned(),
    }
}

fn resolved(alert: Alert) -> Change {
    Change::Resolved(Alert {
        ended_at: Some(now()),
        ..alert
    })
}

fn now() -> u64 {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(time.as_nanos()).unwrap()
}

/// What the person on call heard: server and status, in the order of the alphabet.
fn calls(receiver: &Receiver) -> Vec<(String, String)> {
    let mut calls = Vec::new();
    for message in receiver.wait_for(0) {
        for alert in message["alerts"].as_array().unwrap() {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            calls.push((text(&alert["labels"]["server"]), text(&alert["status"])));
        }
    }
    calls.sort();
    calls
}

fn expected(calls: &[(&str, &str)]) -> Vec<(String, String)> {
    let calls = calls.iter();
    let mut calls: Vec<_> = calls
        .map(|(server, status)| ((*server).to_owned(), (*status).to_owned()))
        .collect();
    calls.sort();
    calls
}

/// Messages to the Alertmanager that came out so.
fn count(metrics: &Metrics, result: &str) -> u64 {
    let sample = format!("wrongway_notifications_total{{result=\"{result}\",sink=\"alertmanager\"}} ");
    let rendered = metrics.render();
    let line = rendered.lines().find_map(|line| line.strip_prefix(&sample));
    line.map_or(0, |count| count.parse().unwrap())
}

fn wait_until(mut holds: impl FnMut() -> bool, called: &Receiver) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "heard so far: {:?}", calls(called));
        thread::sleep(POLL);
    }
}

fn program() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|directory| directory.join(PROGRAM))
        .find(|program| program.is_file())
}

/// Where the Alertmanager runs.
struct Setting {
    program: PathBuf,
    directory: PathBuf,
    port: u16,
}

impl Setting {
    /// Each alert is a group of its own, so that none is told with another's.
    fn new(program: PathBuf, directory: &Path, called: &Receiver) -> Self {
        let configuration = format!(
            "route:\n  receiver: called\n  group_by: ['...']\n  group_wait: 0s\n  group_interval: 1s\n  \
             repeat_interval: 24h\nreceivers:\n- name: called\n  webhook_configs:\n  - url: {}\n",
            called.url("/")
        );
        fs::write(directory.join("alertmanager.yml"), configuration).unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        Self {
            program,
            directory: directory.to_owned(),
            port: free.local_addr().unwrap().port(),
        }
    }

    /// Starts it, and waits until it is ready.
    fn start(&self) -> Running {
        let log = fs::File::options()
            .append(true)
            .create(true)
            .open(self.directory.join("log"))
            .unwrap();
        let child = Command::new(&self.program)
            .arg(format!(
                "--config.file={}",
                self.directory.join("alertmanager.yml").display()
            ))
            .arg(format!(
                "--storage.path={}",
                self.directory.join("data").display()
            ))
            .arg(format!("--web.listen-address=127.0.0.1:{}", self.port))
            .arg("--cluster.listen-address=")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let running = Running(child);
        let deadline = Instant::now() + PATIENCE;
        while self.ask("/-/ready").is_none() {
            let log = || fs::read_to_string(self.directory.join("log")).unwrap();
            assert!(Instant::now() < deadline, "it is not ready: {}", log());
            thread::sleep(POLL);
        }
        running
    }

    /// Servers of the alerts that it believes to fire, in the order of the alphabet.
    fn active(&self) -> Vec<String> {
        let answer = self.ask("/api/v2/alerts?active=true").expect("it is up");
        let alerts: Vec<Value> = serde_json::from_str(&answer).unwrap();
        let servers = alerts.iter().map(|alert| &alert["labels"]["server"]);
        let mut servers: Vec<String> = servers.map(|name| name.as_str().unwrap().to_owned()).collect();
        servers.sort();
        servers
    }

    fn ask(&self, path: &str) -> Option<String> {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        ureq::get(url).call().ok()?.body_mut().read_to_string().ok()
    }
}

/// A process that does not outlive the test.
struct Running(Child);

impl Running {
    /// Stops it as its operator would.
    fn stop(mut self) {
        kill_process(Pid::from_child(&self.0), Signal::TERM).unwrap();
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // After a failure; it has ended otherwise.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

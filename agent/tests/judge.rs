//! `wrongway judge` on worked examples, on every combination of facts, and on noise.
#![expect(clippy::unwrap_used, reason = "a test panics where its own data is wrong")]

#[path = "judge/lines.rs"]
mod lines;
#[path = "judge/noise.rs"]
mod noise;
#[path = "judge/table.rs"]
mod table;
#[path = "judge/vectors.rs"]
mod vectors;

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

/// The answers of `wrongway judge` to `input`, one object a line.
fn answers(input: &str) -> Vec<Value> {
    let mut judge = Command::new(env!("CARGO_BIN_EXE_wrongway"))
        .arg("judge")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = judge.stdin.take().unwrap();
    let input = input.to_owned();
    // Written beside reading: neither side may wait for a full pipe.
    let writer = thread::spawn(move || lines.write_all(input.as_bytes()).unwrap());
    let output = judge.wait_with_output().unwrap();
    writer.join().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    output
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

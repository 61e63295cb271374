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

use serde_json::Value;
use wrongway::cli::judge::judge_lines;

/// The answers to `input`, one object a line.
fn answers(input: &str) -> Vec<Value> {
    let mut output = Vec::new();
    judge_lines(input.as_bytes(), &mut output).unwrap();
    let output = String::from_utf8(output).unwrap();
    output
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

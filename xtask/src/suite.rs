//! `cargo xtask test`: every test there is, and one line at the end that counts them.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::kernel_test::{self, Case, Setting};
use crate::rig::python::Python;
use crate::rig::scratch::Scratch;
use crate::{build, matrix, setup};

/// What to test.
#[derive(Debug, Args)]
pub struct Options {
    /// Only tests whose name contains this
    filter: Option<String>,
    /// Only the tests in the kernel, on real servers
    #[arg(long)]
    kernel: bool,
}

/// How many tests came out how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    passed: usize,
    failed: usize,
    skipped: usize,
}

/// Runs the tests. The last line on standard output counts them, whatever happened before.
///
/// # Errors
///
/// None: what keeps tests from running counts as a failure.
pub fn run(options: &Options) -> Result<ExitCode> {
    let mut count = Count::default();
    if let Err(error) = run_all(options, &mut count) {
        println!("FAILED {error:#}");
        count.failed += 1;
    }
    println!("{}", count.line());
    Ok(if count.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn run_all(options: &Options, count: &mut Count) -> Result<()> {
    setup::run()?;
    setup::require_packages(&[kernel_test::PACKAGES, &matrix::packages()].concat())?;
    let binary = build::agent()?;
    if !options.kernel {
        run_cargo(options.filter.as_deref(), count)?;
    }
    run_kernel(options.filter.as_deref(), &binary, count)
}

/// Runs `cargo test`, shows what it prints, and counts along.
fn run_cargo(filter: Option<&str>, count: &mut Count) -> Result<()> {
    let mut child = build::cargo()
        .args(["test", "--workspace", "--no-fail-fast"])
        .env("WRONGWAY_LABELLED", labelled()?)
        .args(filter)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run cargo")?;
    let output = child.stdout.take().context("cargo has no output")?;
    let before = count.failed;
    for line in BufReader::new(output).lines() {
        let line = line.context("cannot read what cargo prints")?;
        println!("{line}");
        count.add_line(&line);
    }
    let status = child.wait().context("cannot wait for cargo")?;
    if !status.success() && count.failed == before {
        println!("FAILED cargo test: {status}");
        count.failed += 1;
    }
    Ok(())
}

/// Programs with a TLS library inside and symbols that name its functions, for the test of what finds them without.
fn labelled() -> Result<OsString> {
    let boring = Python::ready()?.file("curl_cffi/_wrapper.abi3.so")?;
    let node = PathBuf::from("/usr/bin/node");
    std::env::join_paths([boring, node]).context("a path with a colon")
}

fn run_kernel(filter: Option<&str>, binary: &Path, count: &mut Count) -> Result<()> {
    let cases: Vec<Case> = kernel_test::cases()
        .into_iter()
        .filter(|case| filter.is_none_or(|filter| case.name.contains(filter)))
        .collect();
    if cases.is_empty() {
        return Ok(());
    }
    println!("\nrunning {} tests against real servers", cases.len());
    let obstacle = if cases.iter().any(|case| case.observes) {
        kernel_test::obstacle(binary)?
    } else {
        None
    };
    for case in cases {
        match &obstacle {
            Some(reason) if case.observes => {
                println!("test {} ... skipped: {reason}", case.name);
                count.skipped += 1;
            }
            _ => run_case(case, binary, count)?,
        }
    }
    Ok(())
}

fn run_case(case: Case, binary: &Path, count: &mut Count) -> Result<()> {
    let setting = Setting {
        binary: binary.to_owned(),
        scratch: Scratch::new("test")?,
    };
    let started = Instant::now();
    let result = (case.run)(&setting);
    let seconds = started.elapsed().as_secs_f64();
    match result {
        Ok(shown) => {
            println!("test {} ... ok ({seconds:.1} s) {shown}", case.name);
            count.passed += 1;
        }
        Err(error) => {
            println!("test {} ... FAILED ({seconds:.1} s)\n    {error:#}", case.name);
            println!(
                "    configurations and logs: {}",
                setting.scratch.keep().display()
            );
            count.failed += 1;
        }
    }
    Ok(())
}

impl Count {
    /// Adds what a summary line of `cargo test` says; other lines say nothing.
    fn add_line(&mut self, line: &str) {
        let Some(summary) = line.strip_prefix("test result: ") else {
            return;
        };
        let summary = summary.split_once(". ").map_or(summary, |(_, counts)| counts);
        for part in summary.split("; ") {
            let Some((number, what)) = part.split_once(' ') else {
                continue;
            };
            let Ok(number) = number.parse::<usize>() else {
                continue;
            };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }

    fn line(self) -> String {
        let Self {
            passed,
            failed,
            skipped,
        } = self;
        let skipped = if skipped == 0 {
            String::new()
        } else {
            format!(", {skipped} skipped")
        };
        format!("{passed} passed, {failed} failed{skipped}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargos_summaries_add_up() {
        let mut count = Count::default();
        count.add_line(
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.1s",
        );
        count.add_line("test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out");
        count.add_line("test fine ... ok");
        assert_eq!(count.line(), "14 passed, 1 failed, 1 skipped");
    }

    #[test]
    fn nothing_skipped_is_not_mentioned() {
        assert_eq!(Count::default().line(), "0 passed, 0 failed");
    }
}

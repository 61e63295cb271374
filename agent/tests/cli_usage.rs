//! Usage, help and exit codes of the command line.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::process::{Command, Output};

use rstest::rstest;

fn wrongway(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wrongway"))
        .args(arguments)
        .output()
        .unwrap()
}

#[rstest]
#[case::no_command(&[], "Usage: wrongway")]
#[case::unknown_command(&["observe"], "unrecognized subcommand 'observe'")]
#[case::unknown_flag(&["run", "--quietly"], "unexpected argument '--quietly'")]
#[case::bad_address(&["run", "--listen", "9421"], "invalid value '9421' for '--listen <ADDRESS:PORT>'")]
#[case::bad_class(&["inspect", "findings", "--class", "bad"], "invalid value 'bad' for '--class")]
#[case::bad_limit(&["inspect", "summary", "--limit", "-1"], "'-1'")]
#[case::no_view(&["inspect"], "Usage: wrongway inspect")]
#[case::unfit_filter(&["inspect", "coverage", "--sni", "a.example"], "unexpected argument '--sni'")]
#[case::record_without_file(&["record"], "<FILE>")]
#[case::interface_without_name(&["run", "--interface"], "--interface <NAME>")]
#[case::no_packets_of_some(&["run", "--no-xdp", "--interface", "lo"], "cannot be used with")]
#[case::bad_wire_mode(&["record", "a.rec", "--wire-mode", "pcap"], "possible values: auto, tc, xdp")]
#[case::no_time(&["record", "a.rec", "--duration", "0"], "invalid value '0' for '--duration <S>'")]
fn usage_errors_exit_with_2(#[case] arguments: &[&str], #[case] message: &str) {
    let output = wrongway(arguments);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains(message), "{stderr}");
}

#[test]
fn help_names_the_subcommands_and_exit_codes() {
    let output = wrongway(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let help = String::from_utf8(output.stdout).unwrap();
    for word in [
        "run",
        "inspect",
        "judge",
        "check",
        "record",
        "replay",
        "Exit codes:",
        "69",
        "70",
    ] {
        assert!(help.contains(word), "{word} in {help}");
    }
}

#[test]
fn the_version_is_the_packages() {
    let output = wrongway(&["--version"]);
    assert_eq!(
        output.stdout,
        format!("wrongway {}\n", env!("CARGO_PKG_VERSION")).as_bytes()
    );
}

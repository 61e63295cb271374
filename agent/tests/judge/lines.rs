//! Lines that hold no facts, and lines in general.

use std::io::{self, Write};
use std::process::ExitCode;

use rstest::rstest;
use wrongway::cli::judge::{JudgeArgs, LONGEST_LINE, Tally, judge_lines, run};

use super::answers;

const GOOD: &str = r#"{"sni":"a.ex.org","authority":"a.ex.org","protocol":"h2","status":200}"#;

#[rstest]
#[case::no_json("hello", &["not JSON", "byte 1"])]
#[case::unfinished(r#"{"sni":"#, &["not JSON"])]
#[case::no_object("[1]", &["found [1]", "JSON object"])]
#[case::unknown_field(r#"{"authorty":"a","protocol":"h2","status":200}"#, &["\"authorty\"", "authority"])]
#[case::no_protocol(r#"{"authority":"a","status":200}"#, &["protocol is missing", "\"http/1.1\""])]
#[case::no_status(r#"{"authority":"a","protocol":"h2"}"#, &["status is missing"])]
#[case::no_name(r#"{"protocol":"h2","status":200}"#, &["authority is missing", "host"])]
#[case::protocol(r#"{"authority":"a","protocol":"HTTP/2","status":200}"#, &["protocol", "\"HTTP/2\"", "\"h2\""])]
#[case::status_as_text(r#"{"authority":"a","protocol":"h2","status":"421"}"#, &["status", "\"421\"", "number"])]
#[case::status_too_small(r#"{"authority":"a","protocol":"h2","status":42}"#, &["status", "42", "100"])]
#[case::status_too_large(r#"{"authority":"a","protocol":"h2","status":65957}"#, &["status", "65957"])]
#[case::fraction(r#"{"authority":"a","protocol":"h2","status":421.5}"#, &["status", "421.5"])]
#[case::empty_sni(r#"{"sni":"","authority":"a","protocol":"h2","status":200}"#, &["sni", "\"\"", "null"])]
#[case::sni_state(r#"{"sni":"a","sni_state":"yes","authority":"a","protocol":"h2","status":200}"#, &["sni_state", "\"yes\"", "\"sent\""])]
#[case::sni_not_sent(r#"{"sni":"a","sni_state":"absent","authority":"a","protocol":"h2","status":200}"#, &["sni \"a\"", "contradicts", "sni_state"])]
#[case::sni_unknown(r#"{"sni":"a","sni_state":"unknown","authority":"a","protocol":"h2","status":200}"#, &["sni \"a\"", "contradicts"])]
#[case::sent_without_sni(r#"{"sni_state":"sent","authority":"a","protocol":"h2","status":200}"#, &["sni_state \"sent\"", "contradicts"])]
#[case::sni_without_tls(r#"{"sni":"a","tls":false,"authority":"a","protocol":"h2","status":200}"#, &["tls false", "contradicts"])]
#[case::certificate_without_tls(r#"{"certificate_names":["a"],"tls":false,"authority":"a","protocol":"h2","status":200}"#, &["certificate_names", "contradicts"])]
#[case::http3_without_tls(r#"{"tls":false,"authority":"a","protocol":"h3","status":200}"#, &["h3", "contradicts"])]
#[case::host_as_text(r#"{"host":"a","protocol":"http/1.1","status":200}"#, &["host", "\"a\"", "list"])]
#[case::names_as_text(r#"{"certificate_names":"a","authority":"a","protocol":"h2","status":200}"#, &["certificate_names", "list"])]
#[case::broken_address(r#"{"certificate_names":["IP:ten"],"authority":"a","protocol":"h2","status":200}"#, &["certificate_names", "IP:ten"])]
#[case::prefix(r#"{"certificate_names":["DNS:a"],"authority":"a","protocol":"h2","status":200}"#, &["certificate_names", "DNS:a"])]
#[case::fact(r#"{"facts":["knwon"],"authority":"a","protocol":"h2","status":200}"#, &["facts", "knwon", "known"])]
#[case::unknown_of_a_known(r#"{"unknown":["status"],"authority":"a","protocol":"h2","status":200}"#, &["unknown", "status"])]
#[case::boolean(r#"{"extended_connect":"no","authority":"a","protocol":"h2","status":200}"#, &["extended_connect", "\"no\"", "true or false"])]
#[case::tls(r#"{"tls":1,"authority":"a","protocol":"h2","status":200}"#, &["tls", "1", "null"])]
fn a_line_without_facts_is_named(#[case] line: &str, #[case] told: &[&str]) {
    let answer = &answers(&format!("{GOOD}\n{line}\n{GOOD}\n"))[1];
    assert_eq!(answer["line"], 2);
    let error = answer["error"].as_str().unwrap();
    for word in told {
        assert!(error.contains(word), "{word} is not in: {error}");
    }
}

#[test]
fn the_run_goes_on_after_a_bad_line() {
    let mut output = Vec::new();
    let input = format!("{GOOD}\r\n\n  \nbad\n{GOOD}");
    let tally = judge_lines(input.as_bytes(), &mut output).unwrap();
    assert_eq!(
        tally,
        Tally {
            judged: 2,
            rejected: 1
        }
    );
    let answers = answers(&input);
    assert_eq!(answers.len(), 3);
    assert_eq!(answers[1]["line"], 4, "empty lines count as lines");
    assert_eq!(answers[2]["verdict"], "ok");
}

#[test]
fn bytes_that_are_no_text_are_a_bad_line() {
    let mut output = Vec::new();
    let tally = judge_lines(&b"{\"sni\":\"\xff\"}\n"[..], &mut output).unwrap();
    assert_eq!(tally.rejected, 1);
}

#[test]
fn a_line_that_is_too_long_is_skipped_whole() {
    let longest = usize::try_from(LONGEST_LINE).unwrap();
    let fits = format!("{GOOD}{}", " ".repeat(longest - GOOD.len()));
    let answers = answers(&format!("{fits}\n{fits} \n{}\n{GOOD}\n", "x".repeat(3 * longest)));
    assert_eq!(answers.len(), 4);
    assert_eq!(answers[0]["verdict"], "ok");
    assert!(
        answers[1]["error"]
            .as_str()
            .unwrap()
            .contains("longer than 1048576 bytes")
    );
    assert_eq!(answers[2]["line"], 3);
    assert_eq!(answers[3]["verdict"], "ok");
}

#[test]
fn a_deep_line_is_a_bad_line() {
    let answers = answers(&"[".repeat(500_000));
    assert!(answers[0]["error"].as_str().unwrap().contains("not JSON"));
}

#[test]
fn errors_repeat_only_the_beginning_of_foreign_values() {
    let line = format!(
        r#"{{"sni":[{}],"{}":1,"protocol":"h2"}}"#,
        "1,".repeat(9_999) + "1",
        "k".repeat(9_999)
    );
    let error = answers(&line)[0]["error"].as_str().unwrap().to_owned();
    assert!(error.len() < 512, "{}", error.len());
}

#[test]
fn a_writer_that_fails_ends_the_run() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let error = judge_lines(GOOD.as_bytes(), Closed).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
}

#[rstest]
#[case::all_good(GOOD, ExitCode::SUCCESS)]
#[case::nothing("", ExitCode::SUCCESS)]
#[case::one_bad("{}", ExitCode::FAILURE)]
fn a_bad_line_ends_the_run_with_1(#[case] text: &str, #[case] expected: ExitCode) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let file = Some(file.path().to_owned());
    assert_eq!(run(&JudgeArgs { file, json: true }).unwrap(), expected);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = Some(directory.path().join("facts.jsonl"));
    let error = run(&JudgeArgs { file, json: false }).unwrap_err();
    assert!(
        format!("{error:#}").contains("facts.jsonl: name a readable file"),
        "{error:#}"
    );
}

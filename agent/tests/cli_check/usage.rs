//! Command lines that cannot be meant.

use rstest::rstest;

use super::checked::wrongway;

#[rstest]
#[case::clear_text(&["http://a.example"], "is not https but http")]
#[case::no_scheme(&["a.example"], "write https://a.example")]
#[case::no_url(&[], "<URL>")]
#[case::port_of_a_name(&["https://a.example", "--also", "b.example:8443"], "the port is always the URL's")]
#[case::no_time(&["https://a.example", "--timeout", "0"], "more than 0")]
#[case::no_listener(&["https://a.example", "--listener", "a..b"], "*.example.org")]
fn usage_errors_exit_with_2(#[case] arguments: &[&str], #[case] message: &str) {
    let output = wrongway(arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains(message), "{error}");
}

#[test]
fn too_many_names_are_told() {
    let names: Vec<String> = (0..16).map(|number| format!("n{number}.example")).collect();
    let mut arguments = vec!["https://a.example"];
    for name in &names {
        arguments.extend(["--also", name]);
    }
    let output = wrongway(&arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("17 names are more than 16"), "{error}");
}

//! Bad files and what is said of them.

use rstest::rstest;

use super::*;
use crate::policy::testing::attempt;

/// The mistakes of a file, one a line.
fn told(text: &str) -> String {
    match attempt(text) {
        Ok(policy) => panic!("there is no mistake: {policy:#?}"),
        Err(mistakes) => {
            let lines: Vec<String> = mistakes.first.iter().map(ToString::to_string).collect();
            lines.join("\n")
        }
    }
}

#[test]
fn every_mistake_of_a_file_is_told() {
    let text = r#"
listeners = 5

[[trusted_gateway]]
networks = ["10.1.2.3/8", "10.0.0.0/8", "example.org", 7]
port = 443

[[forward_proxy]]

[[alternative_service]]
names = []
process = "bin/server"

[[shared_names]]
names = ["a.example"]

[[shared_names]]
names = ["a.example", "f*.example", "A.example."]

[[listener]]
name = "one"
port = 0

[[listener]]
name = "one"
port = 443
hostname = "*"

[privacy]
ignore = ["a.example:443"]
hash = "*.tenants.example"
key_file = "privacy.key"

[limits]
metric_names = 0
metric_name = 5

[windows]
retry = "2h"
ping_pong = 10

[notify]
log = "yes"
webhooks = ["hooks.example", "ftp://hooks.example/x"]
labels = { severity = "high", "a-b" = "c", cluster = "" }

[[alert]]
verdicts = ["coalesed_421", "wrong_421", "ok"]
classes = ["wrong_421"]
treshold = 5
resolve_below = 2

[[alert]]
name = "b"
severity = "fatal"
per = ["host"]
window = "5 minutes"

[alert.more]
"#;
    insta::assert_snapshot!(told(text), @r#"
    2:1: listeners: unknown key; did you mean "listener"?
    5:13: trusted_gateway[0].networks[0]: "10.1.2.3/8" has bits set after its prefix; the network is "10.0.0.0/8"
    5:41: trusted_gateway[0].networks[2]: "example.org" is no network; expected an address, or a prefix such as "10.0.0.0/8" or "2001:db8::/32"
    5:56: trusted_gateway[0].networks[3]: found the number 7; expected a network such as "10.0.0.0/8"
    6:1: trusted_gateway[0].port: unknown key; expected one of networks, process, workload
    8:1: forward_proxy[0]: it names nobody; expected at least one of networks, process, workload
    11:9: alternative_service[0].names: the list is empty; expected names such as "a.example" or "*.shop.example", or no such key
    12:11: alternative_service[0].process: found "bin/server"; expected a file name such as "envoy", or an absolute path
    15:9: shared_names[0].names: "a.example" alone shares a connection with nobody; expected another name, or "*." in front
    18:23: shared_names[1].names[1]: "f*.example" is no name: "*" stands only in front, as in "*.shop.example", for one label or more
    18:37: shared_names[1].names[2]: "A.example." is listed twice
    22:8: listener[0].port: found the number 0; expected a whole number from 1 to 65535
    25:8: listener[1].name: "one" is the listener in line 21, too
    27:12: listener[1].hostname: "*" is no name; leave the key out to mean every name
    30:11: privacy.ignore[0]: "a.example:443" is no name: it has a port; leave that out
    31:8: privacy.hash: found "*.tenants.example"; expected a list of names such as "a.example" or "*.shop.example"
    32:12: privacy.key_file: found "privacy.key"; expected the absolute path of a file with a secret
    35:16: limits.metric_names: found the number 0; expected a whole number from 1 to 100000
    36:1: limits.metric_name: unknown key; did you mean "metric_names"?
    39:9: windows.retry: found "2h"; expected a duration from "1s" to "1h"
    40:13: windows.ping_pong: found the number 10; expected a duration such as "30s", "5m" or "24h"
    43:7: notify.log: found "yes"; expected true or false
    44:13: notify.webhooks[0]: the URL has no scheme; expected http:// or https://, a host, and a path
    44:30: notify.webhooks[1]: the URL has another scheme; expected http:// or https://, a host, and a path
    45:12: notify.labels.severity: "severity" is a label that alerts have anyway; expected another name
    45:31: notify.labels.a-b: no such label can be; expected letters, digits and "_", no digit in front
    45:54: notify.labels.cluster: "" is empty; expected a text
    47:1: alert[0]: missing key "name"; expected a name of at most 100 characters, unique in this file
    48:13: alert[0].verdicts[0]: "coalesed_421" is no verdict; did you mean "coalesced_421"?
    48:29: alert[0].verdicts[1]: "wrong_421" is a class; list it under classes
    48:42: alert[0].verdicts[2]: "ok" is of class "fine", which classes leaves out: it never counts
    50:1: alert[0].treshold: unknown key; did you mean "threshold"?
    53:1: alert[1]: it counts every exchange; expected verdicts or classes
    55:12: alert[1].severity: "fatal" is no severity; expected "info", "warning" or "critical"
    56:8: alert[1].per[0]: "host" is no such label; expected "verdict", "sni", "authority", "server" or "client"
    57:10: alert[1].window: found "5 minutes"; expected a duration such as "30s", "5m" or "24h"
    59:8: alert[1].more: unknown key; expected one of name, verdicts, classes, role, threshold, window, per, for, severity, resolve_below, resolve_after
    "#);
}

#[rstest]
#[case::unknown_section("[alerts]", "1:2: alerts: unknown key; did you mean \"alert\"?")]
#[case::nothing_like_it(
    "colour = 1",
    "1:1: colour: unknown key; expected one of trusted_gateway, forward_proxy, alternative_service, \
     shared_names, listener, privacy, limits, windows, alert, notify"
)]
#[case::table_for_a_list(
    "[alert]\nname = 'a'",
    "1:1: alert: found a table; expected a list of tables, each headed [[alert]]"
)]
#[case::list_for_a_table(
    "[[privacy]]",
    "1:1: privacy: found a list of tables; expected one table, headed [privacy]"
)]
#[case::value_for_a_table(
    "limits = 5",
    "1:10: limits: found the number 5; expected a table, headed [limits]"
)]
#[case::no_tables_in_a_list(
    "alert = ['a']",
    "1:10: alert[0]: found \"a\"; expected a table, headed [[alert]]"
)]
#[case::columns_count_characters(
    "notify = { labels = { 'ü' = 'x', a = 1 } }",
    "1:23: notify.labels.\"ü\": no such label can be; expected letters, digits and \"_\", no digit in front\n\
     1:38: notify.labels.a: found the number 1; expected a text"
)]
#[case::negative(
    "[limits]\nlisteners = -1",
    "2:13: limits.listeners: found the number -1; expected a whole number from 1 to 100000"
)]
#[case::fraction(
    "[limits]\nlisteners = 1.5",
    "2:13: limits.listeners: found the number 1.5; expected a whole number from 1 to 100000"
)]
#[case::single_for_a_list(
    "[privacy]\nhash = 'a.example'",
    "2:8: privacy.hash: found \"a.example\"; expected a list of names such as \"a.example\" or \"*.shop.example\""
)]
#[case::ignored_and_hashed(
    "[privacy]\nignore = ['a.example']\nhash = ['A.example']",
    "3:9: privacy.hash[0]: \"A.example\" is ignored: there is nothing to hash"
)]
#[case::relative_key_file(
    "[privacy]\nkey_file = 'key'",
    "2:12: privacy.key_file: found \"key\"; expected the absolute path of a file with a secret"
)]
#[case::port_of_a_client(
    "[[trusted_gateway]]\nprocess = 'envoy'\nport = 1",
    "3:1: trusted_gateway[0].port: unknown key; expected one of networks, process, workload"
)]
#[case::a_misspelt_key_is_not_missing_too(
    "[[trusted_gateway]]\nnetwork = ['10.0.0.0/8']",
    "2:1: trusted_gateway[0].network: unknown key; did you mean \"networks\"?"
)]
#[case::host_bits(
    "[[forward_proxy]]\nnetworks = ['10.1.2.3/8']",
    "2:13: forward_proxy[0].networks[0]: \"10.1.2.3/8\" has bits set after its prefix; the network is \"10.0.0.0/8\""
)]
#[case::workload_with_three_parts(
    "[[forward_proxy]]\nworkload = 'a/b/c'",
    "2:12: forward_proxy[0].workload: found \"a/b/c\"; expected a name, or \"namespace/name\""
)]
#[case::blank_process(
    "[[forward_proxy]]\nprocess = ' '",
    "2:11: forward_proxy[0].process: \" \" is empty; expected a file name such as \"envoy\", or an absolute path"
)]
#[case::listener_without_name_and_port(
    "[[listener]]",
    "1:1: listener[0]: missing key \"name\"; expected a name, unique in this file\n\
     1:1: listener[0]: missing key \"port\"; expected a port such as 443"
)]
#[case::two_listeners_of_one_name(
    "[[listener]]\nname = 'a'\nport = 1\n[[listener]]\nname = 'a'\nport = 2",
    "5:8: listener[1].name: \"a\" is the listener in line 2, too"
)]
#[case::two_listeners_in_one_place(
    "[[listener]]\nname = 'a'\nport = 1\n[[listener]]\nname = 'b'\nport = 1",
    "4:1: listener[1]: it has the same port and hostname as the listener \"a\""
)]
#[case::hostname_for_all(
    "[[listener]]\nname = 'a'\nport = 1\nhostname = '*'",
    "4:12: listener[0].hostname: \"*\" is no name; leave the key out to mean every name"
)]
#[case::address_as_hostname(
    "[[listener]]\nname = 'a'\nport = 1\nhostname = '10.0.0.1'",
    "4:12: listener[0].hostname: \"10.0.0.1\" is an address; expected a name"
)]
#[case::rule_for_everything(
    "[[alert]]\nname = 'a'",
    "1:1: alert[0]: it counts every exchange; expected verdicts or classes"
)]
#[case::rule_for_nothing(
    "[[alert]]\nname = 'a'\nverdicts = ['ok']\nclasses = ['wrong_421']",
    "3:13: alert[0].verdicts[0]: \"ok\" is of class \"fine\", which classes leaves out: it never counts"
)]
#[case::a_misspelt_class_excludes_nothing(
    "[[alert]]\nname = 'a'\nverdicts = ['false_421']\nclasses = ['wrng_421', 'watch']",
    "4:12: alert[0].classes[0]: \"wrng_421\" is no class; did you mean \"wrong_421\"?"
)]
#[case::class_among_verdicts(
    "[[alert]]\nname = 'a'\nverdicts = ['wrong_421']",
    "3:13: alert[0].verdicts[0]: \"wrong_421\" is a class; list it under classes"
)]
#[case::no_verdict(
    "[[alert]]\nname = 'a'\nverdicts = ['nothing']",
    "3:13: alert[0].verdicts[0]: \"nothing\" is no verdict; expected a verdict, as \"wrongway policy example\" lists them"
)]
#[case::severity(
    "[[alert]]\nname = 'a'\nclasses = ['watch']\nseverity = 'page'",
    "4:12: alert[0].severity: \"page\" is no severity; expected \"info\", \"warning\" or \"critical\""
)]
#[case::resolves_above_the_threshold(
    "[[alert]]\nname = 'a'\nclasses = ['watch']\nthreshold = 3\nresolve_below = 4",
    "5:17: alert[0].resolve_below: 4 is above the threshold, so the alert would end while it should fire; \
     expected 1 to 3"
)]
#[case::window_too_long(
    "[[alert]]\nname = 'a'\nclasses = ['watch']\nwindow = '8d'",
    "4:10: alert[0].window: found \"8d\"; expected a duration from \"1s\" to \"7d\""
)]
#[case::two_alerts_of_one_name(
    "alert = [\n{ name = 'a', classes = ['watch'] },\n{ name = 'a', classes = ['watch'] },\n]",
    "3:10: alert[1].name: \"a\" is the alert in line 2, too"
)]
#[case::listed_twice(
    "[[alert]]\nname = 'a'\nclasses = ['watch', 'watch']",
    "3:21: alert[0].classes[1]: \"watch\" is listed twice"
)]
#[case::alertmanager_with_its_path(
    "[notify]\nalertmanagers = ['http://a:9093/api/v2/alerts']",
    "2:18: notify.alertmanagers[0]: the URL ends with a path that is added to it; expected what stands before /api"
)]
#[case::label_that_alerts_have(
    "[notify.labels]\nalertname = 'x'",
    "2:1: notify.labels.alertname: \"alertname\" is a label that alerts have anyway; expected another name"
)]
fn a_mistake_is_told_with_its_place(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(told(text), expected);
}

#[rstest]
#[case::no_value("[limits]\nlisteners =\n", "2:12: there is no value")]
#[case::no_equals("[limits]\nlisteners 5\n", "2:11: key with no value, expected `=`")]
#[case::without_quotes(
    "[windows]\nretry = 5m\n",
    "2:9: \"5m\" is no value; expected a number, true, false, or a text in quotes"
)]
#[case::open_string("[windows]\nretry = \"5m\n", "2:12: invalid basic string, expected `\"`")]
#[case::open_header("[windows\nretry = 5\n", "1:9: unclosed table, expected `]`")]
#[case::open_list(
    "[privacy]\nhash = [\"a.example\"\n",
    "2:20: unclosed array, expected `]`; or a bracket before this is not closed"
)]
#[case::open_list_and_all_that_follows(
    "[privacy]\nhash = ['a.example'\nignore = 5\n[limits]\nlisteners = 0\n",
    "3:1: missing comma between array elements, expected `,`; or a bracket before this is not closed"
)]
#[case::key_twice(
    "[limits]\nlisteners = 5\nlisteners = 6\n",
    "3:1: \"listeners\" is there twice"
)]
#[case::table_twice("[limits]\n[windows]\n[limits]\n", "3:2: \"limits\" is there twice")]
#[case::everything_else_is_read_all_the_same(
    "[limits]\nlisteners 5\nmetric_names = 0\n[windows]\nretry = 5m\nping_pong = 5\n",
    "2:11: key with no value, expected `=`\n\
     3:16: limits.metric_names: found the number 0; expected a whole number from 1 to 100000\n\
     5:9: \"5m\" is no value; expected a number, true, false, or a text in quotes\n\
     6:13: windows.ping_pong: found the number 5; expected a duration such as \"30s\", \"5m\" or \"24h\""
)]
#[case::keys_below_a_broken_header_are_of_no_other_table(
    "[[alert]]\nname = 'a'\nclasses = ['watch']\n[[alert]\nname = 'b'\n[limits]\nlisteners = 0\nwindows]\nretry = '1s'\n",
    "4:9: unclosed array table, expected `]`\n\
     7:13: limits.listeners: found the number 0; expected a whole number from 1 to 100000\n\
     8:8: key with no value, expected `=`"
)]
#[case::what_is_missing_may_be_unreadable(
    "[[listener]]\nnam = a\nport = 443\n",
    "2:7: \"a\" is no value; expected a number, true, false, or a text in quotes"
)]
fn what_is_no_toml_is_told(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(told(text), expected);
}

#[test]
fn a_secret_in_a_url_is_not_repeated() {
    let told = told("[notify]\nwebhooks = ['https://user:secret@hooks.example/secret']");
    assert_eq!(
        told,
        "2:13: notify.webhooks[0]: the URL has a user name, which would not be sent; \
         expected http:// or https://, a host, and a path"
    );
}

#[test]
fn what_is_no_utf_8_is_told_with_its_place() {
    let mistakes = parse_bytes(b"# \xc3\xbc\n# ab\xff", &crate::policy::testing::read_key).unwrap_err();
    assert_eq!(
        mistakes.first[0].to_string(),
        "2:5: this is no UTF-8; save the file in that encoding"
    );
}

#[test]
fn a_file_is_bounded() {
    let large = "#".repeat(usize::try_from(LARGEST).unwrap());
    assert!(attempt(&large).is_ok());
    assert_eq!(
        told(&format!("{large}#")),
        "1:1: the file has more than 1048576 bytes; expected a policy"
    );
}

#[test]
fn lists_are_bounded() {
    let names = |count: usize| {
        let names: Vec<String> = (0..count).map(|index| format!("'n{index}.example'")).collect();
        format!("[privacy]\nhash = [{}]", names.join(","))
    };
    assert_eq!(attempt(&names(4096)).unwrap().privacy.hash.len(), 4096);
    assert_eq!(
        told(&names(4097)),
        "2:8: privacy.hash: found 4097 entries; expected at most 4096"
    );
    let alerts = "[[alert]]\n".repeat(4097);
    assert_eq!(
        told(&alerts),
        "1:1: alert: found 4097 tables; expected at most 4096"
    );
}

#[test]
fn mistakes_are_bounded_and_counted() {
    let lines: Vec<String> = (0..1000).map(|index| format!("key{index} = 1")).collect();
    let mistakes = attempt(&lines.join("\n")).unwrap_err();
    assert_eq!(mistakes.first.len(), Mistakes::MOST);
    assert_eq!(mistakes.count(), 1000);
    assert_eq!(mistakes.first[1].line, 2);
}

#[test]
fn an_empty_file_is_the_standard_policy() {
    assert_eq!(attempt("").unwrap(), Policy::standard());
}

#[rstest]
#[case::none_at_all("alert = []", 0)]
#[case::those_of_the_file("[[alert]]\nname = 'a'\nclasses = ['watch']", 1)]
#[case::those_of_the_agent("[limits]", 6)]
fn alerts_of_a_file_replace_the_others(#[case] text: &str, #[case] expected: usize) {
    assert_eq!(attempt(text).unwrap().rules.len(), expected);
}

#[test]
fn a_rule_has_defaults() {
    let rule = &attempt("[[alert]]\nname = 'a'\nclasses = ['watch']\nthreshold = 7")
        .unwrap()
        .rules[0];
    let told = format!("{rule:?}");
    assert!(told.contains("threshold: 7, window: 600s, per: [], hold: 0ns, severity: Warning, resolve_below: 7, resolve_after: 0ns"), "{told}");
}

mod properties {
    use proptest::prelude::*;

    use super::super::*;
    use crate::policy::testing::{attempt, read_key};

    /// Pieces of policy files, and what does not belong into any.
    const PIECES: &str = "\\[\\[(alert|listener|shared_names|privacy)\\]\\]\n|\\[(limits|notify|privacy|alert)\\]\n|\
        (name|names|port|hash|classes|verdicts|window|for|labels|x|\"ü\"|a\\.b) ?= ?|\
        \"[^\"\n]{0,6}\"|'a.example'|\"\"\"|'''|[0-9]{1,3}|true|\\[|\\]|\\{|\\}|,|=|#|\n|\r\n|\\PC{1,3}";

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn any_text_is_a_policy_or_has_mistakes_within_it(
            pieces in proptest::collection::vec(PIECES, 0..24)
        ) {
            check(&pieces.concat())?;
        }

        #[test]
        fn any_noise_is_a_policy_or_has_mistakes_within_it(text in any::<String>()) {
            check(&text)?;
        }

        #[test]
        fn any_bytes_are_a_policy_or_have_mistakes(bytes in any::<Vec<u8>>()) {
            if let Err(mistakes) = parse_bytes(&bytes, &read_key) {
                prop_assert!(mistakes.count() > 0);
            }
        }

        #[test]
        fn a_policy_with_a_piece_cut_out_never_panics(
            (start, length) in (0_usize..10_000, 0_usize..200)
        ) {
            let mut text = crate::policy::example().replace("\n#[", "\n[").replace("\n#n", "\nn");
            let start = text.floor_char_boundary(start);
            let end = text.floor_char_boundary(start + length);
            text.replace_range(start..end, "");
            check(&text)?;
        }
    }

    fn check(text: &str) -> Result<(), TestCaseError> {
        let Err(mistakes) = attempt(text) else {
            return Ok(());
        };
        prop_assert!(!mistakes.first.is_empty());
        let lines: Vec<&str> = text.split('\n').collect();
        let mut last = 0;
        for mistake in &mistakes.first {
            prop_assert!((1..=lines.len()).contains(&mistake.line), "{mistake:?}");
            let length = lines[mistake.line - 1].chars().count();
            prop_assert!((1..=length + 1).contains(&mistake.column), "{mistake:?}");
            prop_assert!(mistake.span.start <= mistake.span.end && mistake.span.end <= text.len());
            prop_assert!(mistake.span.start >= last, "out of order: {mistake:?}");
            last = mistake.span.start;
        }
        Ok(())
    }
}

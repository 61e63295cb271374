use rstest::rstest;

use super::*;

fn question<'a>(verdict: Verdict, server: Option<&'a str>, client: Option<&'a str>) -> Question<'a> {
    Question {
        verdict,
        server,
        client,
        sni: Some("a.example"),
        authority: Some("b.example"),
    }
}

#[rstest]
#[case::front_end(
    Verdict::NoSni421,
    None,
    Some("/usr/sbin/nginx"),
    "client",
    "proxy_ssl_server_name on;"
)]
#[case::front_end_that_was_upgraded(
    Verdict::NoSni421,
    None,
    Some("/usr/sbin/nginx (deleted)"),
    "client",
    "proxy_ssl_name $host;"
)]
#[case::default_host(
    Verdict::NoSni421,
    Some("/usr/sbin/apache2"),
    None,
    "server",
    "SSLVHostSNIPolicy authonly"
)]
#[case::balancer(
    Verdict::Split421,
    None,
    Some("/usr/sbin/haproxy"),
    "client",
    "sni req.hdr(host)"
)]
#[case::relay(
    Verdict::Relayed421,
    Some("/usr/sbin/nginx"),
    Some("/usr/bin/curl"),
    "server",
    "proxy_ssl_name $host;"
)]
#[case::pool(Verdict::PoolBleed421, None, Some("nginx"), "client", "no \"keepalive\" here")]
#[case::virtual_hosts(
    Verdict::Coalesced421,
    Some("/usr/sbin/apache2"),
    None,
    "server",
    "ServerName b.example"
)]
#[case::silent_balancer(
    Verdict::MtlsBypass,
    Some("/usr/sbin/haproxy"),
    None,
    "server",
    "return status 421"
)]
#[case::silent_server(
    Verdict::ServedUncovered,
    Some("/usr/sbin/nginx"),
    None,
    "server",
    "return 421;"
)]
#[case::caddy(
    Verdict::Missing421,
    Some("/usr/bin/caddy"),
    None,
    "server",
    "strict_sni_host on"
)]
#[case::node(
    Verdict::ServedUncovered,
    Some("/usr/bin/node"),
    None,
    "server",
    "res.writeHead(421)"
)]
#[case::hand_made_rule(Verdict::False421, Some("/usr/sbin/haproxy"), None, "server", "field(1,:)")]
fn lines_are_for_the_program_that_runs(
    #[case] verdict: Verdict,
    #[case] server: Option<&str>,
    #[case] client: Option<&str>,
    #[case] side: &str,
    #[case] expected: &str,
) {
    let found = configuration(&question(verdict, server, client));
    let [configuration] = &found[..] else {
        panic!("{found:?}");
    };
    assert_eq!(configuration.side, side);
    assert!(
        configuration.lines.join("\n").contains(expected),
        "{configuration:?}"
    );
}

#[rstest]
#[case::unknown_program(Verdict::NoSni421, Some("/opt/own-server"), Some("/usr/bin/curl"))]
#[case::nothing_known(Verdict::NoSni421, None, None)]
#[case::nothing_to_change(Verdict::Ok, Some("/usr/sbin/nginx"), Some("/usr/sbin/nginx"))]
#[case::not_about_configuration(Verdict::Aborted, Some("/usr/sbin/apache2"), None)]
fn nothing_is_made_up(#[case] verdict: Verdict, #[case] server: Option<&str>, #[case] client: Option<&str>) {
    assert_eq!(configuration(&question(verdict, server, client)), []);
}

#[test]
fn hostile_names_do_not_reach_a_configuration() {
    let hostile = Question {
        authority: Some("b.example\n    Include /etc/passwd"),
        ..question(Verdict::Coalesced421, Some("/usr/sbin/apache2"), None)
    };
    let found = configuration(&hostile);
    assert!(
        found[0].lines.contains(&"    ServerName NAME".to_owned()),
        "{found:?}"
    );
}

#[test]
fn every_verdict_is_asked_for_without_a_panic() {
    let programs = [
        "apache2", "nginx", "haproxy", "envoy", "caddy", "traefik", "node", "other",
    ];
    for verdict in Verdict::ALL {
        for server in programs {
            for client in programs {
                for found in configuration(&question(verdict, Some(server), Some(client))) {
                    assert!(!found.lines.is_empty() && !found.note.is_empty(), "{found:?}");
                }
            }
        }
    }
}

//! The lines, by measure and program.

use super::{Measure, Program, Question};

/// A note, and the lines; `None` where none are known.
#[expect(
    clippy::too_many_lines,
    reason = "one arm a measure and program, nothing else"
)]
pub(super) fn of(
    measure: Measure,
    program: Program,
    question: &Question<'_>,
) -> Option<(&'static str, Vec<String>)> {
    let authority = name(question.authority, "NAME");
    let sni = name(question.sni, "OTHER-NAME");
    let (note, lines): (&str, &[&str]) = match (measure, program) {
        (Measure::PassTheNameOn, Program::Nginx) => (
            "where it proxies (proxy_pass https://…): send the name that was asked for as server name, and resume no \
             session of another name. Host has to go with it: \"proxy_set_header Host $host;\", if it is not there \
             already; written twice, it is sent twice. Take \"keepalive\" out of upstream blocks that several names \
             share: nginx reuses upstream connections by address only",
            &[
                "proxy_ssl_server_name on;",
                "proxy_ssl_name $host;",
                "proxy_ssl_session_reuse off;",
            ],
        ),
        (Measure::PassTheNameOn, Program::Haproxy) => (
            "on the server line of the backend: send the name that was asked for as server name",
            &["server SERVER ADDRESS:443 ssl sni req.hdr(host),field(1,:) verify required ca-file CA-FILE"],
        ),
        (Measure::KeepNamesApart, Program::Nginx) => (
            "nginx reuses upstream connections by address only: take keep-alive out of upstream blocks that several \
             names share, or write one upstream block for each name",
            &[
                "upstream SHARED {",
                "    server ADDRESS:443;",
                "    # no \"keepalive\" here",
                "}",
                "proxy_ssl_server_name on;",
                "proxy_ssl_name $host;",
                "proxy_ssl_session_reuse off;",
            ],
        ),
        (Measure::AcceptWithoutName, Program::Apache) => (
            "if the client cannot send a name. The directive came with Apache 2.4.66, and distributions backport it: \
             `apachectl -L` tells whether this one has it. Without it, give the default virtual host (the first of \
             the address) the certificate and TLS settings of the others",
            &["SSLVHostSNIPolicy authonly"],
        ),
        (Measure::AlikeForBoth, Program::Apache) => {
            return Some((
                "Apache compares the TLS settings of the two virtual hosts: where they are the same, the request is \
                 served",
                [
                    "<VirtualHost *:443>".to_owned(),
                    format!("    ServerName {authority}"),
                    format!("    # each of these as in the virtual host of {sni}:"),
                    "    SSLCertificateFile CERTIFICATE".to_owned(),
                    "    SSLCertificateKeyFile KEY".to_owned(),
                    "    SSLProtocol PROTOCOLS".to_owned(),
                    "    SSLCipherSuite CIPHERS".to_owned(),
                    "    SSLVerifyClient none".to_owned(),
                    "</VirtualHost>".to_owned(),
                ]
                .into(),
            ));
        }
        (Measure::AlikeForBoth, Program::Nginx) => {
            return Some((
                "nginx answers 421 only where the name that was asked for demands client certificates, or has the \
                 protocol switched off: the same in both server blocks, or separate addresses",
                [
                    format!("# in the server blocks of {sni} and {authority} alike:"),
                    "ssl_verify_client off;".to_owned(),
                ]
                .into(),
            ));
        }
        (Measure::AlikeForBoth, Program::Traefik) => {
            return Some((
                "Traefik answers 421 where the TLS options of the two routers differ",
                [
                    format!(
                        "# dynamic configuration: the router of {authority} with the options of that of {sni}"
                    ),
                    "http:".to_owned(),
                    "  routers:".to_owned(),
                    "    ROUTER:".to_owned(),
                    format!("      rule: Host(`{authority}`)"),
                    "      tls:".to_owned(),
                    "        options: OPTIONS".to_owned(),
                ]
                .into(),
            ));
        }
        (Measure::Refuse | Measure::CompareNames, Program::Haproxy) => (
            "in the frontend, before other http-request rules: 421 where the connection was made for another name. \
             The name is compared without port, trailing dot and case. Coalesced requests are refused too, and the \
             client asks again on a connection of its own",
            &[
                "http-request set-var(txn.host) req.hdr(host),field(1,:),lower,regsub(\\.$,)",
                "http-request return status 421 if { ssl_fc_has_sni } !{ ssl_fc_sni,lower,strcmp(txn.host) eq 0 }",
            ],
        ),
        (Measure::Refuse, Program::Nginx) => (
            "in each server block that shares its address with others: 421 where the connection was made for another \
             name. $host is lower-case and has no port. Connections without a server name are refused too",
            &["if ($ssl_server_name != $host) {", "    return 421;", "}"],
        ),
        (Measure::Refuse, Program::Caddy) => (
            "in the global options: 421 where the connection was made for another name. Port and case do not count; a \
             trailing dot in Host makes it another name",
            &["{", "    servers {", "        strict_sni_host on", "    }", "}"],
        ),
        (Measure::Refuse, Program::Node) => (
            "first in the request listener: 421 where the connection was made for another name",
            &[
                "const host = (req.headers[':authority'] ?? req.headers.host ?? '')",
                "  .replace(/:\\d*$/, '').replace(/\\.$/, '').toLowerCase();",
                "const { servername } = req.socket;",
                "if (servername && servername.toLowerCase() !== host) {",
                "  res.writeHead(421).end();",
                "  return;",
                "}",
            ],
        ),
        _ => return None,
    };
    Some((note, lines.iter().map(|line| (*line).to_owned()).collect()))
}

/// A name as it may stand in a configuration; what has other characters than names have stands for itself no longer.
fn name<'a>(name: Option<&'a str>, otherwise: &'a str) -> &'a str {
    let plain = |name: &&str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
    };
    name.filter(plain).unwrap_or(otherwise)
}

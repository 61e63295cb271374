//! Envoy as a Python package brings it: static, stripped, with BoringSSL inside. It answers by itself, but for
//! what is large when it is measured.

use std::fs;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::measured::{FETCHED, Measured, small};
use super::{Server, Site, free_port};
use crate::rig::certificate::Certificate;
use crate::rig::tls::Tls;

/// Name of the cluster that has the large answers.
const PLAIN: &str = "plain";

pub(super) fn start(site: &Site<'_>) -> Result<Server> {
    let port = free_port()?;
    let configuration = site.directory()?.join("envoy.json");
    let configured = configure(
        port,
        &site.domain,
        [&site.first, &site.second],
        site.tls,
        site.measured,
    );
    fs::write(&configuration, configured.to_string())
        .with_context(|| format!("cannot write {}", configuration.display()))?;
    let mut command = site.command(site.python()?.file("envoy/_bin/envoy")?);
    command
        .args(["--concurrency", if site.measured.is_some() { "1" } else { "2" }])
        .args(["--log-level", "warning"])
        // It would keep shared memory outside of the directory.
        .arg("--disable-hot-restart")
        .arg("--config-path")
        .arg(&configuration);
    site.run(&mut command, port)
}

fn configure(
    port: u16,
    domain: &str,
    [first, second]: [&Certificate; 2],
    tls: Tls,
    measured: Option<Measured>,
) -> Value {
    let routes = routes(measured);
    let clusters: Vec<Value> = measured.map(cluster).into_iter().collect();
    let below_b = json!({"server_names": [format!("*.b.{domain}")]});
    json!({"static_resources": {"clusters": clusters, "listeners": [{
        "name": "main",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        // It looks at the ClientHello for the server name, by which a chain is chosen.
        "listener_filters": [extension(
            "envoy.filters.listener.tls_inspector",
            "filters.listener.tls_inspector.v3.TlsInspector",
            json!({}),
        )],
        "filter_chains": [
            chain(&below_b, second, tls, &routes),
            chain(&json!({}), first, tls, &routes),
        ],
    }]}})
}

/// What a connection passes through whose server name matches.
fn chain(matches: &Value, certificate: &Certificate, tls: Tls, routes: &[Value]) -> Value {
    let newest = match tls {
        Tls::Usual => "TLS_AUTO",
        Tls::AtMost12 => "TLSv1_2",
    };
    json!({
        "filter_chain_match": matches,
        "filters": [extension(
            "envoy.filters.network.http_connection_manager",
            "filters.network.http_connection_manager.v3.HttpConnectionManager",
            json!({
                "stat_prefix": "main",
                "route_config": {"virtual_hosts": [{
                    "name": "any",
                    "domains": ["*"],
                    "routes": routes,
                }]},
                "http_filters": [extension(
                    "envoy.filters.http.router",
                    "filters.http.router.v3.Router",
                    json!({}),
                )],
            }),
        )],
        "transport_socket": extension(
            "envoy.transport_sockets.tls",
            "transport_sockets.tls.v3.DownstreamTlsContext",
            json!({"common_tls_context": {
                "alpn_protocols": ["h2", "http/1.1"],
                "tls_params": {"tls_maximum_protocol_version": newest},
                "tls_certificates": [{
                    "certificate_chain": {"filename": certificate.certificate},
                    "private_key": {"filename": certificate.key},
                }],
            }}),
        ),
    })
}

/// The first that matches is taken.
fn routes(measured: Option<Measured>) -> Vec<Value> {
    let mut routes = vec![answer(&json!({"path": "/missing"}), 404, "none")];
    if measured.is_some() {
        routes.push(answer(&json!({"path": "/small"}), 200, &small()));
        routes.extend(FETCHED.map(|path| json!({"match": {"path": path}, "route": {"cluster": PLAIN}})));
    }
    routes.push(answer(&json!({"prefix": "/"}), 200, "ok"));
    routes
}

/// Where the large answers are fetched.
fn cluster(measured: Measured) -> Value {
    json!({
        "name": PLAIN,
        "type": "STATIC",
        "load_assignment": {"cluster_name": PLAIN, "endpoints": [{"lb_endpoints": [{"endpoint": {
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": measured.backend}},
        }}]}]},
    })
}

fn answer(matches: &Value, status: u16, body: &str) -> Value {
    json!({"match": matches, "direct_response": {"status": status, "body": {"inline_string": body}}})
}

/// A part of Envoy with its settings, which say of what type they are.
fn extension(name: &str, kind: &str, mut settings: Value) -> Value {
    settings["@type"] = json!(format!("type.googleapis.com/envoy.extensions.{kind}"));
    json!({"name": name, "typed_config": settings})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured(tls: Tls) -> Value {
        let certificate = |label: &str| Certificate {
            certificate: format!("{label}.crt").into(),
            key: format!("{label}.key").into(),
            names: vec![format!("*.{label}.example")],
        };
        configure(8443, "example", [&certificate("a"), &certificate("b")], tls, None)
    }

    #[test]
    fn large_answers_are_fetched_where_it_is_measured() {
        let measured = Measured {
            cpu: 0,
            backend: 8080,
        };
        let paths = |measured| -> Vec<String> {
            let fetched = routes(measured)
                .into_iter()
                .filter(|route| route["route"]["cluster"] == PLAIN);
            fetched
                .map(|route| route["match"]["path"].as_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(paths(Some(measured)), FETCHED);
        assert!(paths(None).is_empty());
        let last = routes(Some(measured)).pop().unwrap();
        assert_eq!(last["match"]["prefix"], "/", "it would hide those after it");
        let address = &cluster(measured)["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"];
        assert_eq!(address["address"]["socket_address"]["port_value"], 8080);
    }

    fn settings(configuration: &Value, chain: usize) -> &Value {
        let chain = &configuration["static_resources"]["listeners"][0]["filter_chains"][chain];
        &chain["transport_socket"]["typed_config"]["common_tls_context"]
    }

    #[test]
    fn the_certificate_goes_by_the_server_name() {
        let configuration = configured(Tls::Usual);
        let listener = &configuration["static_resources"]["listeners"][0];
        let chains = listener["filter_chains"].as_array().unwrap();
        let names = &chains[0]["filter_chain_match"]["server_names"];
        assert_eq!(names, &json!(["*.b.example"]));
        assert_eq!(chains[1]["filter_chain_match"], json!({}), "all others");
        for (chain, file) in [(0, "b.crt"), (1, "a.crt")] {
            let certificate = &settings(&configuration, chain)["tls_certificates"][0];
            assert_eq!(certificate["certificate_chain"]["filename"], file);
        }
    }

    #[test]
    fn every_chain_ends_at_the_version_it_is_told() {
        for (tls, newest) in [(Tls::Usual, "TLS_AUTO"), (Tls::AtMost12, "TLSv1_2")] {
            let configuration = configured(tls);
            for chain in [0, 1] {
                let params = &settings(&configuration, chain)["tls_params"];
                assert_eq!(params["tls_maximum_protocol_version"], newest);
            }
        }
    }
}

//! What must hold of the manifests.

use serde_json::{Value, json};

use super::directory;
use super::manifests::{Manifests, strings};

/// Everything that is wrong with `manifests`, a sentence each.
pub(super) fn faults(manifests: &Manifests) -> Vec<String> {
    let mut faults = Vec::new();
    privileges(manifests, &mut faults);
    placement(manifests, &mut faults);
    listening(manifests, &mut faults);
    control_socket(manifests, &mut faults);
    scraping(manifests, &mut faults);
    versions(manifests, &mut faults);
    resources(manifests, &mut faults);
    faults
}

/// Notes a fault unless `object` holds `expected` at the JSON pointer `at`.
fn expect(faults: &mut Vec<String>, object: &Value, at: &str, expected: &Value) {
    let found = object.pointer(at).unwrap_or(&Value::Null);
    if found != expected {
        let kind = object["kind"].as_str().unwrap_or("object");
        faults.push(format!("{kind} {at} is {found}, not {expected}"));
    }
}

fn privileges(manifests: &Manifests, faults: &mut Vec<String>) {
    let daemon_set = manifests.object("DaemonSet");
    for (at, expected) in [
        ("/spec/template/spec/hostPID", json!(true)),
        ("/spec/template/spec/hostNetwork", json!(true)),
        ("/spec/template/spec/automountServiceAccountToken", json!(false)),
        (
            "/spec/template/spec/containers/0/securityContext/privileged",
            json!(true),
        ),
        (
            "/spec/template/spec/containers/0/securityContext/readOnlyRootFilesystem",
            json!(true),
        ),
        (
            "/spec/template/spec/containers/0/securityContext/runAsUser",
            json!(0),
        ),
    ] {
        expect(faults, daemon_set, at, &expected);
    }
    let namespace = manifests.object("Namespace");
    expect(
        faults,
        namespace,
        "/metadata/labels/pod-security.kubernetes.io~1enforce",
        &json!("privileged"),
    );
    for (at, object) in [
        ("/metadata/namespace", daemon_set),
        ("/metadata/namespace", &manifests.pod_monitor),
    ] {
        expect(faults, object, at, &namespace["metadata"]["name"]);
    }
    let account = manifests.object("ServiceAccount");
    expect(faults, account, "/automountServiceAccountToken", &json!(false));
    expect(
        faults,
        daemon_set,
        "/spec/template/spec/serviceAccountName",
        &account["metadata"]["name"],
    );
}

fn placement(manifests: &Manifests, faults: &mut Vec<String>) {
    let daemon_set = manifests.object("DaemonSet");
    for (at, expected) in [
        (
            "/spec/template/spec/tolerations",
            json!([{ "operator": "Exists" }]),
        ),
        ("/spec/updateStrategy/rollingUpdate/maxSurge", json!(0)),
    ] {
        expect(faults, daemon_set, at, &expected);
    }
    let priority = manifests.object("PriorityClass");
    expect(faults, priority, "/preemptionPolicy", &json!("Never"));
    expect(
        faults,
        daemon_set,
        "/spec/template/spec/priorityClassName",
        &priority["metadata"]["name"],
    );
}

fn listening(manifests: &Manifests, faults: &mut Vec<String>) {
    let daemon_set = manifests.object("DaemonSet");
    let arguments = manifests.arguments();
    if arguments.first() != Some(&"run") {
        faults.push(format!(
            "the agent's arguments begin with {:?}, not with \"run\"",
            arguments.first()
        ));
    }
    let listen = flag(&arguments, "--listen").unwrap_or_default();
    let Some(port) = listen
        .strip_prefix("$(NODE_IP):")
        .and_then(|port| port.parse::<u16>().ok())
    else {
        faults.push(format!(
            "the agent listens on {listen:?}, not on $(NODE_IP) and a port"
        ));
        return;
    };
    let node_ip =
        json!([{ "name": "NODE_IP", "valueFrom": { "fieldRef": { "fieldPath": "status.hostIP" } } }]);
    expect(
        faults,
        daemon_set,
        "/spec/template/spec/containers/0/env",
        &node_ip,
    );
    for at in ["containerPort", "hostPort"] {
        expect(
            faults,
            daemon_set,
            &format!("/spec/template/spec/containers/0/ports/0/{at}"),
            &json!(port),
        );
    }
    let name = &manifests.container()["ports"][0]["name"];
    for (probe, path) in [
        ("startup", "/healthz"),
        ("liveness", "/healthz"),
        ("readiness", "/readyz"),
    ] {
        let request = format!("/spec/template/spec/containers/0/{probe}Probe/httpGet");
        expect(faults, daemon_set, &format!("{request}/path"), &json!(path));
        // By name or by number; a name is resolved to the port's number, checked above.
        if manifests.container()[format!("{probe}Probe")]["httpGet"]["port"] != json!(port) {
            expect(faults, daemon_set, &format!("{request}/port"), name);
        }
    }
    let image_port = manifests
        .dockerfile
        .cmd
        .last()
        .and_then(|listen| listen.rsplit_once(':'));
    if image_port.map(|(_, port)| port) != Some(port.to_string().as_str()) {
        faults.push(format!(
            "the image runs {:?}, but the pod listens on {port}",
            manifests.dockerfile.cmd
        ));
    }
    let at = "/spec/template/metadata/annotations/prometheus.io~1port";
    expect(faults, daemon_set, at, &json!(port.to_string()));
}

fn control_socket(manifests: &Manifests, faults: &mut Vec<String>) {
    let arguments = manifests.arguments();
    let socket = flag(&arguments, "--control").unwrap_or_default();
    let directory = socket.rsplit_once('/').map_or("", |(directory, _)| directory);
    let daemon_set = manifests.object("DaemonSet");
    let at = "/spec/template/spec/containers/0/volumeMounts";
    let volume = &manifests.pod()["spec"]["volumes"][0];
    expect(
        faults,
        daemon_set,
        at,
        &json!([{ "name": volume["name"], "mountPath": directory }]),
    );
    expect(
        faults,
        daemon_set,
        "/spec/template/spec/volumes/0/hostPath/path",
        &json!(directory),
    );
    expect(
        faults,
        daemon_set,
        "/spec/template/spec/volumes/0/hostPath/type",
        &json!("DirectoryOrCreate"),
    );
}

fn scraping(manifests: &Manifests, faults: &mut Vec<String>) {
    let daemon_set = manifests.object("DaemonSet");
    let labels = &manifests.pod()["metadata"]["labels"];
    let annotations = "/spec/template/metadata/annotations";
    expect(
        faults,
        daemon_set,
        &format!("{annotations}/prometheus.io~1scrape"),
        &json!("true"),
    );
    expect(
        faults,
        daemon_set,
        &format!("{annotations}/prometheus.io~1path"),
        &json!("/metrics"),
    );
    let endpoint = "/spec/podMetricsEndpoints/0";
    let name = &manifests.container()["ports"][0]["name"];
    expect(faults, &manifests.pod_monitor, &format!("{endpoint}/port"), name);
    expect(
        faults,
        &manifests.pod_monitor,
        &format!("{endpoint}/path"),
        &json!("/metrics"),
    );
    for selecting in [daemon_set, &manifests.pod_monitor] {
        let selector = selecting["spec"]["selector"]["matchLabels"].as_object();
        if !selector.is_some_and(|wanted| wanted.iter().all(|(key, value)| &labels[key] == value)) {
            faults.push(format!(
                "{} selects {selector:?}, but pods have {labels}",
                selecting["kind"]
            ));
        }
    }
}

fn versions(manifests: &Manifests, faults: &mut Vec<String>) {
    let version = env!("CARGO_PKG_VERSION");
    let daemon_set = manifests.object("DaemonSet");
    let label = "labels/app.kubernetes.io~1version";
    expect(faults, daemon_set, &format!("/metadata/{label}"), &json!(version));
    expect(
        faults,
        daemon_set,
        &format!("/spec/template/metadata/{label}"),
        &json!(version),
    );
    let image = json!(format!("wrongway:{version}"));
    expect(
        faults,
        daemon_set,
        "/spec/template/spec/containers/0/image",
        &image,
    );
    expect(
        faults,
        &manifests.kustomization,
        "/images/0/name",
        &json!("wrongway"),
    );
    expect(
        faults,
        &manifests.kustomization,
        "/images/0/newTag",
        &json!(version),
    );
    if manifests.dockerfile.version != version {
        let found = &manifests.dockerfile.version;
        faults.push(format!(
            "the Dockerfile's VERSION is {found}, but the workspace's is {version}"
        ));
    }
    if manifests.dockerfile.entrypoint != ["/wrongway"] {
        faults.push(format!(
            "the image's entry point is {:?}",
            manifests.dockerfile.entrypoint
        ));
    }
}

fn resources(manifests: &Manifests, faults: &mut Vec<String>) {
    for (list, resource) in [
        ("requests", "cpu"),
        ("requests", "memory"),
        ("limits", "cpu"),
        ("limits", "memory"),
    ] {
        if !manifests.container()["resources"][list][resource].is_string() {
            faults.push(format!("the agent's container has no {list} for {resource}"));
        }
    }
    for name in strings(&manifests.kustomization["resources"]) {
        if !directory().join(name).is_file() {
            faults.push(format!("kustomization.yaml lists {name}, which is not there"));
        }
    }
}

/// The value of `name` in `arguments`, written as `name=value`.
fn flag<'text>(arguments: &[&'text str], name: &str) -> Option<&'text str> {
    arguments
        .iter()
        .find_map(|argument| argument.strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn the_shipped_manifests_are_right() {
        let found = faults(&Manifests::load().unwrap());
        assert!(found.is_empty(), "{found:?}");
    }

    /// Each change to the shipped `DaemonSet` breaks it, and is noticed as what it is.
    #[rstest]
    #[case::host_pid("/spec/template/spec/hostPID", json!(false), "hostPID is false")]
    #[case::host_network("/spec/template/spec/hostNetwork", json!(null), "hostNetwork is null")]
    #[case::privileged(
        "/spec/template/spec/containers/0/securityContext", json!({}), "privileged is null"
    )]
    #[case::tolerations(
        "/spec/template/spec/tolerations", json!([{ "key": "a", "operator": "Exists" }]), "tolerations is"
    )]
    #[case::other_port(
        "/spec/template/spec/containers/0/args/1", json!("--listen=$(NODE_IP):9422"), "containerPort is 9421"
    )]
    #[case::every_address(
        "/spec/template/spec/containers/0/args/1", json!("--listen=0.0.0.0:9421"), "not on $(NODE_IP)"
    )]
    #[case::probe_port(
        "/spec/template/spec/containers/0/readinessProbe/httpGet/port", json!(9090), "readinessProbe/httpGet/port"
    )]
    #[case::probe_path(
        "/spec/template/spec/containers/0/livenessProbe/httpGet/path", json!("/readyz"), "livenessProbe/httpGet/path"
    )]
    #[case::port_name("/spec/template/spec/containers/0/ports/0/name", json!("http"), "PodMonitor")]
    #[case::socket_elsewhere(
        "/spec/template/spec/containers/0/args/2", json!("--control=/run/other/control.sock"), "hostPath/path"
    )]
    #[case::image("/spec/template/spec/containers/0/image", json!("wrongway:latest"), "image is")]
    #[case::no_limit("/spec/template/spec/containers/0/resources/limits/memory", json!(null), "limits for memory")]
    #[case::surge("/spec/updateStrategy/rollingUpdate/maxSurge", json!(1), "maxSurge is 1")]
    #[case::annotation(
        "/spec/template/metadata/annotations/prometheus.io~1port", json!("80"), "prometheus.io~1port is"
    )]
    #[case::labels("/spec/template/metadata/labels", json!({}), "selects")]
    fn a_broken_daemon_set_is_noticed(#[case] at: &str, #[case] value: Value, #[case] fault: &str) {
        let mut manifests = Manifests::load().unwrap();
        let daemon_set = manifests
            .objects
            .iter_mut()
            .find(|object| object["kind"] == "DaemonSet")
            .unwrap();
        *daemon_set.pointer_mut(at).unwrap() = value;
        let found = faults(&manifests);
        assert!(found.iter().any(|line| line.contains(fault)), "{found:?}");
    }

    #[test]
    fn an_image_of_another_version_or_port_is_noticed() {
        let mut manifests = Manifests::load().unwrap();
        "9.9.9".clone_into(&mut manifests.dockerfile.version);
        "0.0.0.0:80".clone_into(manifests.dockerfile.cmd.last_mut().unwrap());
        let found = faults(&manifests);
        assert_eq!(found.len(), 2, "{found:?}");
    }
}

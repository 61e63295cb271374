//! `wrongway doctor`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use wrongway::target::standard_libraries;

fn doctor(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wrongway"))
        .arg("doctor")
        .args(arguments)
        .output()
        .unwrap()
}

fn library() -> PathBuf {
    let libraries = standard_libraries(Path::new("/"));
    let version_3 = libraries.into_iter().find(|path| path.ends_with("libssl.so.3"));
    version_3.expect("libssl.so.3 is installed: python3 and curl depend on it")
}

fn lines(output: &Output) -> Vec<Value> {
    let text = str::from_utf8(&output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_library_has_its_sites_without_root_or_kernel() {
    let path = library();
    let output = doctor(&["--json", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let [library] = &lines(&output)[..] else {
        panic!("{output:?}");
    };
    assert_eq!(library["kind"], "library");
    assert_eq!(library["family"], "openssl");
    assert_eq!(library["missing"], Value::Array(vec![]));
    let sites = library["sites"].as_array().unwrap();
    let of = |function: &str| {
        let there = sites
            .iter()
            .filter(|site| site["functions"].as_array().unwrap().contains(&function.into()));
        there.collect::<Vec<_>>()
    };
    let (writes, searching): (Vec<&Value>, Vec<&Value>) = of("SSL_write")
        .into_iter()
        .partition(|site| site["purpose"] == "calls");
    let handshakes = of("SSL_do_handshake");
    assert_eq!([searching.len(), handshakes.len()], [1, 1], "{sites:?}");
    assert_eq!(searching[0]["purpose"], "sockets");
    for site in searching.into_iter().chain(handshakes) {
        assert_eq!(site["probes"], serde_json::json!(["entry", "return"]), "{site}");
        assert!(site["instruction"].is_string(), "{site}");
        let stepped = site["choice"] == "stepped";
        assert_eq!(site["emulated"], !stepped, "{site}");
    }
    let reads = of("SSL_read");
    assert_eq!(reads, of("SSL_read_ex"));
    assert_eq!(of("SSL_write"), of("SSL_write_ex"));
    assert!(!reads.is_empty() && !writes.is_empty());
    for site in reads.into_iter().chain(writes) {
        assert_eq!(site["choice"], "passed", "{site}");
        assert_eq!(site["probes"], serde_json::json!(["passage"]), "{site}");
        assert_eq!(site["emulated"], true, "{site}");
    }
    assert!(!sites.iter().any(|site| site["functions"][0] == "SSL_ctrl"));

    let output = doctor(&[path.to_str().unwrap()]);
    let text = str::from_utf8(&output.stdout).unwrap();
    assert!(
        text.starts_with(path.canonicalize().unwrap().to_str().unwrap()),
        "{text}"
    );
    assert!(
        text.contains("SSL_do_handshake") && text.contains("WHY THERE"),
        "{text}"
    );
}

#[test]
fn a_file_without_tls_functions_is_named() {
    let text = env!("CARGO_MANIFEST_DIR").to_owned() + "/Cargo.toml";
    for (file, reason) in [
        (text.as_str(), "not a 64-bit little-endian ELF file"),
        (
            "/bin/sh",
            "has no TLS functions: none by name, and none is found in its code (no library)",
        ),
        ("/nonexistent/libssl.so", "cannot examine /nonexistent/libssl.so"),
    ] {
        let output = doctor(&[file]);
        assert_eq!(output.status.code(), Some(64), "{output:?}");
        let error = str::from_utf8(&output.stderr).unwrap();
        assert!(error.contains(reason), "{error}");
        assert!(output.stdout.is_empty(), "{output:?}");
    }
}

#[test]
fn a_machine_is_told_of_with_its_libraries() {
    let output = doctor(&["--json"]);
    let lines = lines(&output);
    assert_eq!(lines[0]["kind"], "machine");
    assert!(
        lines[0]["missing"].is_null() == lines[0]["tcx"].is_boolean(),
        "{}",
        lines[0]
    );
    // It may be there under two names.
    let installed = library();
    let name = installed.file_name().unwrap().to_str().unwrap();
    assert!(
        lines
            .iter()
            .any(|line| { line["kind"] == "library" && line["path"].as_str().unwrap().ends_with(name) }),
        "{output:?}"
    );
    let well = lines.iter().all(|line| match line["kind"].as_str().unwrap() {
        "machine" => line["missing"].is_null() && line["sockets_missing"].is_null(),
        "library" => line["unobserved"].is_null(),
        _ => false,
    });
    assert_eq!(output.status.code(), Some(i32::from(!well)), "{output:?}");
}

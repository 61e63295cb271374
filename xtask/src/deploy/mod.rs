//! Tests of what `deploy/` ships: alert rules, manifests and the container image.

mod checks;
mod dockerfile;
mod image;
mod manifests;
mod rules;
mod run;
mod store;
mod tool;

pub(crate) use image::build_image;
pub(crate) use manifests::test_manifests;
pub(crate) use rules::test_rules;
pub(crate) use run::run_image_once;

use std::path::{Path, PathBuf};

/// The repository.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What is deployed.
fn directory() -> PathBuf {
    repository().join("deploy")
}

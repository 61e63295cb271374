//! What `deploy/` ships: alert rules, manifests, and the image, built and run once.

use anyhow::Result;

use super::{Case, Setting};
use crate::deploy;

/// The image's name in its throw-away store.
const TAG: &str = "localhost/wrongway:test";

pub(super) const CASES: &[Case] = &[
    Case {
        name: "deployment::alert_rules",
        observes: false,
        run: |_| done(deploy::test_rules()),
    },
    Case {
        name: "deployment::manifests",
        observes: false,
        run: |_| done(deploy::test_manifests()),
    },
    Case {
        name: "deployment::image",
        observes: true,
        run: image,
    },
];

fn image(setting: &Setting) -> Result<String> {
    deploy::build_image(&setting.binary, TAG)?;
    done(deploy::run_image_once(TAG))
}

fn done(result: Result<()>) -> Result<String> {
    result.map(|()| String::new())
}

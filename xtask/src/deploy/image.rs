//! Building the container image.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use object::read::elf::{ElfFile64, ProgramHeader};

use super::store::Store;
use super::{directory, tool};

/// Builds the image of `deploy/Dockerfile` around `binary` and names it `tag`, in a store of its own, for
/// [`run_image_once`](super::run_image_once).
///
/// # Errors
/// `binary` is not static, `buildah` is missing or fails.
pub(crate) fn build_image(binary: &Path, tag: &str) -> Result<()> {
    ensure_static(binary)?;
    let context = tempfile::tempdir().context("cannot create the build context")?;
    std::fs::copy(binary, context.path().join("wrongway"))
        .with_context(|| format!("cannot copy {}", binary.display()))?;
    let store = Store::create()?;
    let mut build = store.buildah();
    // With chroot isolation, buildah needs no namespaces, and the Dockerfile has no RUN to isolate.
    build.args([
        "build-using-dockerfile",
        "--isolation=chroot",
        "--pull=false",
        "--quiet",
    ]);
    build
        .args(["--tag", tag, "--file"])
        .arg(directory().join("Dockerfile"))
        .arg(context.path());
    tool::output(&mut build)?;
    Ok(())
}

/// Refuses a binary that needs a loader: the kernel would answer "no such file" for a file that is there.
fn ensure_static(binary: &Path) -> Result<()> {
    let bytes = std::fs::read(binary).with_context(|| format!("cannot read {}", binary.display()))?;
    let Ok(elf) = ElfFile64::<object::Endianness>::parse(&*bytes) else {
        bail!("{} is no 64-bit ELF binary", binary.display());
    };
    let needs_loader = elf
        .elf_program_headers()
        .iter()
        .any(|header| header.p_type(elf.endian()) == object::elf::PT_INTERP);
    ensure!(
        !needs_loader,
        "{} is linked dynamically and cannot run from scratch: build it with -C target-feature=+crt-static",
        binary.display()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dynamic_binary_is_refused() {
        let error = ensure_static(&std::env::current_exe().unwrap()).unwrap_err();
        assert!(error.to_string().contains("is linked dynamically"), "{error}");
    }

    #[test]
    fn a_script_is_refused() {
        let error = ensure_static(&directory().join("Dockerfile")).unwrap_err();
        assert!(error.to_string().ends_with("is no 64-bit ELF binary"), "{error}");
    }
}

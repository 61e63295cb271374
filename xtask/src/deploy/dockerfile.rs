//! The few instructions of the Dockerfile that the manifests must agree with.

use anyhow::{Context, Result, ensure};

/// What the image says about itself.
#[derive(Debug, PartialEq)]
pub(super) struct Dockerfile {
    /// Default of the build argument `VERSION`.
    pub(super) version: String,
    /// The program, in exec form.
    pub(super) entrypoint: Vec<String>,
    /// Its arguments, in exec form, where the pod gives none.
    pub(super) cmd: Vec<String>,
}

impl Dockerfile {
    /// Reads a Dockerfile of one stage, from scratch.
    ///
    /// # Errors
    /// It builds on another image, lacks an instruction, or uses the shell form: there is no shell in the image.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let base = instruction(text, "FROM ")?;
        ensure!(base == "scratch", "the image builds on {base}, not on scratch");
        Ok(Self {
            version: instruction(text, "ARG VERSION=")?.to_owned(),
            entrypoint: exec_form(text, "ENTRYPOINT ")?,
            cmd: exec_form(text, "CMD ")?,
        })
    }
}

fn instruction<'text>(text: &'text str, start: &str) -> Result<&'text str> {
    text.lines()
        .find_map(|line| line.strip_prefix(start))
        .map(str::trim)
        .with_context(|| format!("the Dockerfile has no line that starts with {start:?}"))
}

fn exec_form(text: &str, start: &str) -> Result<Vec<String>> {
    let value = instruction(text, start)?;
    serde_json::from_str(value).with_context(|| format!("{start}{value} is not in exec form"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instructions_are_read() {
        let text = "# hint\nFROM scratch\nARG VERSION=1.2.3\nENTRYPOINT [\"/a\"]\nCMD [\"b\", \"c\"]\n";
        let expected = Dockerfile {
            version: "1.2.3".to_owned(),
            entrypoint: vec!["/a".to_owned()],
            cmd: vec!["b".to_owned(), "c".to_owned()],
        };
        assert_eq!(Dockerfile::parse(text).unwrap(), expected);
    }

    #[test]
    fn a_base_image_and_the_shell_form_are_refused() {
        let error = Dockerfile::parse("FROM debian\n").unwrap_err();
        assert_eq!(error.to_string(), "the image builds on debian, not on scratch");
        let error = Dockerfile::parse("FROM scratch\nARG VERSION=1\nENTRYPOINT /a\n").unwrap_err();
        assert_eq!(error.to_string(), "ENTRYPOINT /a is not in exec form");
    }
}

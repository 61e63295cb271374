//! Programs with a TLS library inside that no symbol names: what their code tells.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::report::Missing;
use crate::cli::failure::Failure;
use crate::code::Program;
use crate::target::{Emulation, site, stripped};

/// Longest x86 instruction in bytes.
const LONGEST: usize = 15;

/// Functions that were found by what their code does. Nothing is attached to them.
#[derive(Debug, Serialize)]
pub(super) struct Stripped {
    pub(super) path: String,
    /// Whose interface the library has.
    pub(super) lineage: &'static str,
    pub(super) functions: Vec<Function>,
    /// Functions that were looked for, and not found for certain.
    pub(super) missing: Vec<Missing>,
}

/// One function.
#[derive(Debug, Serialize)]
pub(super) struct Function {
    /// What it is called in OpenSSL.
    #[serde(rename = "function")]
    pub(super) name: &'static str,
    /// Byte offset in the file.
    pub(super) offset: u64,
    /// Its first instruction.
    pub(super) instruction: Option<String>,
    /// Whether every supported kernel emulates that under a probe.
    pub(super) emulated: bool,
}

impl Stripped {
    /// Reads the code of a program.
    ///
    /// # Errors
    /// If there are no TLS functions in it, or it cannot be read.
    pub(super) fn examine(path: &Path) -> Result<Self, Failure> {
        let shown = path.display();
        let program = File::open(path)
            .map_err(|error| error.to_string())
            .and_then(|file| Program::read(Arc::new(file)).map_err(|error| error.to_string()))
            .map_err(|error| Failure::configuration(format!("cannot examine {shown}: {error}")))?;
        let found = stripped::find(&program).map_err(|refusal| {
            Failure::configuration(format!(
                "{shown} has no TLS functions: none by name, and none is found in its code ({})",
                refusal.as_str().replace('_', " ")
            ))
        })?;
        let emulation = Emulation::default();
        let functions = found.functions.iter().filter_map(|(role, symbol)| {
            let mut bytes = [0; LONGEST];
            let length = program.bytes(symbol.address, &mut bytes);
            let site = site::inspect(&bytes[..length], symbol.address, &emulation);
            Some(Function {
                name: role.as_str(),
                offset: program.file_offset(symbol.address)?,
                instruction: site.instruction,
                emulated: site.emulated,
            })
        });
        Ok(Self {
            path: shown.to_string(),
            lineage: found.lineage.as_str(),
            functions: functions.collect(),
            missing: found
                .missing
                .iter()
                .map(|(role, refusal)| Missing {
                    field: role.as_str(),
                    reason: refusal.as_str(),
                })
                .collect(),
        })
    }
}

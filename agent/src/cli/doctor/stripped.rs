//! Why a file has no TLS functions.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use crate::cli::failure::Failure;
use crate::code::Program;
use crate::target::stripped;

/// What is to be said of a file in which none were found.
pub(super) fn refusal(path: &Path) -> Failure {
    let shown = path.display();
    let program = File::open(path)
        .map_err(|error| error.to_string())
        .and_then(|file| Program::read(Arc::new(file)).map_err(|error| error.to_string()));
    let reason = match program {
        Err(error) => return Failure::configuration(format!("cannot examine {shown}: {error}")),
        Ok(program) => match stripped::find(&program) {
            Ok(_) => "it is too large",
            Err(refusal) => refusal.as_str(),
        },
    };
    Failure::configuration(format!(
        "{shown} has no TLS functions: none by name, and none is found in its code ({})",
        reason.replace('_', " ")
    ))
}

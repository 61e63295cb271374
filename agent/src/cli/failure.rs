//! How an error leaves the process: one line on standard error, and an exit code.

use std::fmt;
use std::io::{self, ErrorKind, Write as _};
use std::process::ExitCode;

use crate::export::control::{AskError, BindError};
use crate::export::http::ListenError;
use crate::journal::OpenError;
use crate::kernel::LoadError;

/// Exit code of a bad configuration (`EX_USAGE` of sysexits).
pub const CONFIGURATION: u8 = 64;
/// Exit code for a missing kernel feature or privilege (`EX_UNAVAILABLE` of sysexits).
pub const UNAVAILABLE: u8 = 69;
/// Exit code when nothing is missing, and yet the kernel refused a program or a map: it is wrong (`EX_SOFTWARE` of
/// sysexits).
pub const SOFTWARE: u8 = 70;
/// Exit code when a problem was found, and of every other failure.
pub const PROBLEM: u8 = 1;

/// A message that also decides the exit code. Any layer can return it, or add it as context to an error; the
/// outermost one counts.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// What the user configured cannot work: exit code 64.
    pub fn configuration(message: impl Into<String>) -> Self {
        Self {
            code: CONFIGURATION,
            message: message.into(),
        }
    }

    /// The kernel or the user's rights do not suffice: exit code 69.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self {
            code: UNAVAILABLE,
            message: message.into(),
        }
    }

    fn with_code(code: u8, error: impl Into<anyhow::Error>) -> Self {
        Self {
            code,
            message: format!("{:#}", error.into()),
        }
    }
}

/// Gives an error of the kernel side its exit code; others pass.
pub fn kernel_failure(error: anyhow::Error) -> anyhow::Error {
    let code = match error.downcast_ref::<LoadError>() {
        Some(LoadError::Missing(_)) => UNAVAILABLE,
        Some(LoadError::Program { .. } | LoadError::Refused { .. }) => SOFTWARE,
        None => return error,
    };
    Failure::with_code(code, error).into()
}

impl From<ListenError> for Failure {
    fn from(error: ListenError) -> Self {
        let code = match error {
            ListenError::Denied(_) => UNAVAILABLE,
            ListenError::NoSuchAddress(_) => CONFIGURATION,
            ListenError::InUse(_) | ListenError::Other(..) => PROBLEM,
        };
        Self::with_code(code, error)
    }
}

impl From<BindError> for Failure {
    fn from(error: BindError) -> Self {
        let code = match &error {
            BindError::TooLong(_) | BindError::NotASocket(_) => CONFIGURATION,
            BindError::Io { cause, .. } if cause.kind() == ErrorKind::PermissionDenied => UNAVAILABLE,
            BindError::InUse { .. } | BindError::Io { .. } => PROBLEM,
        };
        Self::with_code(code, error)
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let code = match &error {
            OpenError::InUse { .. } => PROBLEM,
            OpenError::Io { .. } => CONFIGURATION,
        };
        Self::with_code(code, error)
    }
}

impl From<AskError> for Failure {
    fn from(error: AskError) -> Self {
        let code = match error {
            AskError::Denied(_) => UNAVAILABLE,
            _ => PROBLEM,
        };
        Self::with_code(code, error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// Prints `error` in one line and names the exit code that goes with it.
///
/// A reader that went away (`wrongway inspect exchanges | head`) had what it wanted: that is silent success.
pub fn report(error: &anyhow::Error) -> ExitCode {
    if is_broken_pipe(error) {
        return ExitCode::SUCCESS;
    }
    let line = format!("{error:#}").replace(['\n', '\r'], " ");
    // With standard error closed there is nobody left to tell.
    let _ = writeln!(io::stderr(), "wrongway: {line}");
    ExitCode::from(code_of(error))
}

fn code_of(error: &anyhow::Error) -> u8 {
    error
        .downcast_ref::<Failure>()
        .map_or(PROBLEM, |failure| failure.code)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;
    use crate::kernel::Missing;

    #[test]
    fn a_failure_keeps_its_code_under_context() {
        let error = Err::<(), _>(io::Error::from(ErrorKind::PermissionDenied))
            .context(Failure::unavailable("cannot load programs; run as root"))
            .context("cannot start")
            .unwrap_err();
        assert_eq!(code_of(&error), UNAVAILABLE);
        assert_eq!(
            format!("{error:#}"),
            "cannot start: cannot load programs; run as root: permission denied"
        );
        assert_eq!(code_of(&Failure::configuration("x").into()), CONFIGURATION);
        assert_eq!(code_of(&anyhow::anyhow!("x")), PROBLEM);
    }

    #[test]
    fn what_the_kernel_lacks_and_what_it_refuses_have_different_codes() {
        let code = |error: LoadError| {
            let error = anyhow::Error::from(error).context("cannot start");
            code_of(&kernel_failure(error))
        };
        assert_eq!(code(Missing::Capability("CAP_BPF").into()), UNAVAILABLE);
        let (program, reason) = ("call_entry".to_owned(), "R1 invalid mem access".to_owned());
        assert_eq!(code(LoadError::Program { program, reason }), SOFTWARE);
        let (what, reason) = ("the object".to_owned(), "no such map".to_owned());
        assert_eq!(code(LoadError::Refused { what, reason }), SOFTWARE);
        assert_eq!(code_of(&kernel_failure(anyhow::anyhow!("x"))), PROBLEM);
    }

    #[test]
    fn what_cannot_be_bound_has_a_code_by_its_cause() {
        let address = "127.0.0.1:80".parse().expect("an address");
        let code = |failure: Failure| failure.code;
        assert_eq!(code(ListenError::InUse(address).into()), PROBLEM);
        assert_eq!(code(ListenError::Denied(address).into()), UNAVAILABLE);
        assert_eq!(code(ListenError::NoSuchAddress(address).into()), CONFIGURATION);
        let denied = BindError::Io {
            path: "/run/wrongway/control.sock".into(),
            cause: ErrorKind::PermissionDenied.into(),
        };
        let failure = Failure::from(denied);
        assert_eq!(
            failure.to_string(),
            "cannot create control socket /run/wrongway/control.sock: permission denied; \
             choose another with --control"
        );
        assert_eq!(failure.code, UNAVAILABLE);
    }

    #[test]
    fn a_reader_that_left_is_recognised_under_context() {
        let error = anyhow::Error::from(io::Error::from(ErrorKind::BrokenPipe)).context("cannot print");
        assert!(is_broken_pipe(&error));
        assert!(!is_broken_pipe(&anyhow::anyhow!("broken pipe")));
    }
}

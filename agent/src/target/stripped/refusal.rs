//! Why nothing is attached.

use serde::{Deserialize, Serialize};

/// Why a program, or one role in it, is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Code of this machine cannot be read.
    Machine,
    /// No text names a library's source file.
    NoLibrary,
    /// No code names that text.
    NoReferences,
    /// The code that does lies in no function that is known.
    NoFunctions,
    /// It takes longer than any real library.
    TooComplex,
    /// The library raises its errors in no known way.
    UnknownErrors,
    /// There are two libraries in the program, and no telling which is used.
    SeveralLibraries,
    /// No function fits the role.
    Absent,
    /// Several do.
    Ambiguous,
    /// The compiler built the function into others, so that a probe on it would miss their calls.
    BuiltIn,
    /// A function fits, but the calls between it and others do not.
    Inconsistent,
    /// Its code could not be followed to every end, or is not in the file.
    NotFollowed,
}

impl Refusal {
    /// The name in listings and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::NoLibrary => "no_library",
            Self::NoReferences => "no_references",
            Self::NoFunctions => "no_functions",
            Self::TooComplex => "too_complex",
            Self::UnknownErrors => "unknown_errors",
            Self::SeveralLibraries => "several_libraries",
            Self::Absent => "absent",
            Self::Ambiguous => "ambiguous",
            Self::BuiltIn => "built_in",
            Self::Inconsistent => "inconsistent",
            Self::NotFollowed => "not_followed",
        }
    }
}

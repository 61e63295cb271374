//! How the functions of a target were found, and so how far they are believed.

use std::sync::Arc;

use super::stripped::{Contradiction, Fingerprint, Found, Refusal};

/// How the functions of a target were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// By their names.
    Named,
    /// By what their code does. Nothing of them is believed before it stood its trial.
    Code(Arc<Code>),
    /// There is a library, but its functions are not found for certain.
    Unproven(Refusal),
}

/// Functions that were found by what their code does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// What was found.
    pub found: Found,
    /// Tells the build from others.
    pub fingerprint: Fingerprint,
    /// What an earlier trial of the same code brought to light.
    pub contradiction: Option<Contradiction>,
}

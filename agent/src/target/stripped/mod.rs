//! Finding TLS functions where no symbol names them: in programs that were linked statically and stripped.
//!
//! The anchors are properties of the libraries' sources, so there is no table of versions:
//!
//! ```text
//! text "…/ssl_lib.c" -> code that names it -> its functions -> the errors that each raises -> roles
//! ```
//! A function gets a role only if it alone fits. Where two fit, or the calls between them do not, the role stays
//! open, with a reason: a probe at a wrong place can end the observed process.

use crate::code::{Architecture, Program, Symbol, architecture};

mod boring;
mod cache;
mod evidence;
mod gate;
mod hooks;
mod openssl;
mod refusal;
mod role;
#[cfg(test)]
mod tests;
mod trial;

pub use cache::{Cache, Fingerprint, Remembered};
pub(super) use hooks::hooks;
pub use refusal::Refusal;
pub use role::{Counts, Lineage, Role};

pub use trial::{Contradiction, State, Step, Trial};

use evidence::{Evidence, Survey};

/// What was found in a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Whose interface it is.
    pub lineage: Lineage,
    /// The functions, in the order of [`Role::ALL`]. `SSL_read` and `SSL_write` are always among them.
    pub functions: Vec<(Role, Symbol)>,
    /// The roles that stay open, and why.
    pub missing: Vec<(Role, Refusal)>,
    /// How the inner functions tell how much they moved.
    pub counts: Counts,
}

impl Found {
    /// The roles that stay open, of those that such a library has.
    pub fn open(&self) -> impl Iterator<Item = (Role, Refusal)> {
        let has = |role| self.lineage != Lineage::BoringSsl || role != Role::InnerWrite;
        self.missing.iter().copied().filter(move |(role, _)| has(*role))
    }

    /// The function with this role.
    pub fn function(&self, role: Role) -> Option<Symbol> {
        let mut functions = self.functions.iter();
        functions
            .find(|(other, _)| *other == role)
            .map(|(_, symbol)| *symbol)
    }
}

/// Looks for the functions of a TLS library in a program.
///
/// # Errors
/// If there is no library, or its functions are not proven: at least `SSL_read` and `SSL_write` must be.
pub fn find(program: &Program) -> Result<Found, Refusal> {
    let architecture = architecture(program.machine()).ok_or(Refusal::Machine)?;
    let survey = evidence::survey(program, architecture)?;
    let search = Search {
        program,
        architecture,
        survey: &survey,
    };
    let results: Vec<_> = survey
        .libraries
        .iter()
        .map(|library| search.library(library))
        .collect();
    let (found, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    let mut found = found.into_iter().flatten();
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => Err(Refusal::SeveralLibraries),
        (None, _) => Err(refused
            .into_iter()
            .find_map(Result::err)
            .unwrap_or(Refusal::UnknownErrors)),
    }
}

/// A program in which functions are looked for.
#[derive(Clone, Copy, Debug)]
struct Search<'program> {
    program: &'program Program,
    architecture: &'program dyn Architecture,
    survey: &'program Survey,
}

impl Search<'_> {
    fn library(&self, library: &Evidence) -> Result<Found, Refusal> {
        let mut roles = match library.lineage {
            Lineage::BoringSsl => boring::roles(self, library),
            Lineage::OpenSsl3 | Lineage::OpenSsl11 => openssl::roles(self, library),
        };
        gate::check(self.program, &mut roles);
        for needed in [Role::Read, Role::Write] {
            roles.choice(needed)?;
        }
        Ok(roles.found(library.lineage))
    }
}

/// Why a role is open, or the function that has it.
type Choice<T> = Result<T, Refusal>;

/// The only one of several; none is an absence, two are no choice.
fn only<T>(mut candidates: impl Iterator<Item = T>) -> Choice<T> {
    let first = candidates.next().ok_or(Refusal::Absent)?;
    match candidates.next() {
        None => Ok(first),
        Some(_) => Err(Refusal::Ambiguous),
    }
}

//! What must hold of a function before a probe may stand on it.

use super::role::Roles;
use super::{Found, Refusal, Role};
use crate::code::{Bounds, Functions, Program, architecture};

/// Where only calls tell that a function begins, it must begin as compilers let it.
const ALIGNMENT: u64 = 16;

/// Takes the roles away whose functions do not pass.
pub(super) fn check(program: &Program, roles: &mut Roles) {
    let start = |role| roles.choice(role).map(|(function, _)| function.start);
    let starts: Vec<u64> = Role::ALL
        .into_iter()
        .filter_map(|role| start(role).ok())
        .collect();
    for role in Role::ALL {
        let Ok((function, body)) = roles.choice(role) else {
            continue;
        };
        let start = function.start;
        let begins = function.bounds == Bounds::Stated || start.is_multiple_of(ALIGNMENT);
        let refusal =
            if !begins || !body.complete || !program.is_code(start) || program.file_offset(start).is_none() {
                Some(Refusal::NotFollowed)
            } else if starts.iter().filter(|other| **other == start).count() > 1 {
                // One function for two roles has neither.
                Some(Refusal::Ambiguous)
            } else {
                None
            };
        if let Some(refusal) = refusal {
            roles.refuse(role, refusal);
        }
    }
}

/// Whether functions that are said to have been found in a program pass.
pub(super) fn passes(program: &Program, found: &Found) -> bool {
    let Some(architecture) = architecture(program.machine()) else {
        return false;
    };
    let mut addresses: Vec<u64> = found.functions.iter().map(|(_, symbol)| symbol.address).collect();
    addresses.sort_unstable();
    let mut functions = Functions::read(program);
    functions.assume(program, architecture, &addresses);
    let mut roles = Roles::default();
    for (role, symbol) in &found.functions {
        let Some(function) = functions.containing(symbol.address) else {
            return false;
        };
        if function.start != symbol.address {
            return false;
        }
        roles.decide(*role, Ok((function, &architecture.body(program, function))));
    }
    check(program, &mut roles);
    found
        .functions
        .iter()
        .all(|(role, _)| roles.choice(*role).is_ok())
}

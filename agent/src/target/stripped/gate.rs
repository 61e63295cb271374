//! What must hold of a function before a probe may stand on it.

use super::role::Roles;
use super::{Refusal, Role};
use crate::code::{Bounds, Program};

/// Where only calls tell that a function begins, it must begin as compilers let it.
const ALIGNMENT: u64 = 16;

/// Takes the roles away whose functions do not pass.
pub(super) fn check(program: &Program, roles: &mut Roles) {
    let mut taken = Vec::new();
    for role in Role::ALL {
        let Ok((function, body)) = roles.choice(role) else {
            continue;
        };
        let start = function.start;
        let begins = function.bounds == Bounds::Stated || start.is_multiple_of(ALIGNMENT);
        let refusal =
            if !begins || !body.complete || !program.is_code(start) || program.file_offset(start).is_none() {
                Some(Refusal::NotFollowed)
            } else if taken.contains(&start) {
                // One function for two roles has neither.
                Some(Refusal::Ambiguous)
            } else {
                None
            };
        taken.push(start);
        if let Some(refusal) = refusal {
            roles.refuse(role, refusal);
        }
    }
}

//! What can be seen of each process, and why not the rest.

use std::sync::Arc;

use crate::{
    connection::Process,
    export::view::Coverage,
    target::{Field, ProcessInfo, Proof, Target, stripped::Refusal},
};

/// How the agent stands to a library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Its probes are in place.
    Attached,
    /// They will be.
    Waiting,
    /// The operator wants it left alone.
    Excluded,
    /// The kernel refused them.
    Refused,
    /// Nothing is known of its family's functions.
    Unsupported,
    /// Its functions are on trial, or were found not to be what they were taken for: why nothing of them is believed.
    NotBelieved(&'static str),
    /// Its functions are not found for certain.
    Unproven(Refusal),
}

/// The lines of one process: one for each TLS library in it, one for each file that could not be examined.
/// `standing` says how the agent stands to a library.
pub(super) fn of_process(
    process: &ProcessInfo,
    targets: &[Arc<Target>],
    standing: impl Fn(&Target) -> Standing,
) -> Vec<Coverage> {
    let libraries = process
        .targets
        .iter()
        .filter_map(|id| targets.iter().find(|target| target.id == *id));
    let libraries = libraries.map(|target| library(process, target, standing(target)));
    let problems = process.problems.iter().map(|problem| Coverage {
        process: described(
            process,
            problem.path.as_ref().map(|path| path.display().to_string()),
        ),
        family: "unknown".to_owned(),
        visibility: "nothing".to_owned(),
        reason: Some(problem.kind.as_str().to_owned()),
        functions: Vec::new(),
        offsets: Vec::new(),
    });
    libraries.chain(problems).collect()
}

/// A process with a library of its, as the contract's objects name it.
pub(super) fn described(process: &ProcessInfo, library: Option<String>) -> Process {
    Process {
        pid: process.pid,
        exe: process.exe.as_ref().map(|exe| exe.display().to_string()),
        library,
        container: process.container.clone(),
        pod: None,
        namespace: None,
        workload: None,
    }
}

fn library(process: &ProcessInfo, target: &Target, standing: Standing) -> Coverage {
    let missing = |field: Field| target.missing.iter().any(|(missing, _)| *missing == field);
    let reason = match standing {
        Standing::Refused => Some("attach_refused".to_owned()),
        Standing::Excluded => Some("excluded".to_owned()),
        Standing::Unsupported => Some("family_not_supported".to_owned()),
        Standing::Waiting => Some("not_attached_yet".to_owned()),
        Standing::NotBelieved(reason) => Some(reason.to_owned()),
        Standing::Unproven(refusal) => Some(format!("unproven_{}", refusal.as_str())),
        // Of all that needs a symbol, the first is no better reason than the others.
        Standing::Attached if matches!(target.proof, Proof::Code(_)) => Some("stripped".to_owned()),
        Standing::Attached => target
            .missing
            .first()
            .map(|(field, reason)| format!("{}_{}", field.as_str(), reason.as_str())),
    };
    let visibility = match standing {
        Standing::Attached if target.missing.is_empty() => "full",
        Standing::Attached => "partial",
        _ => "nothing",
    };
    Coverage {
        process: described(process, Some(target.path.display().to_string())),
        family: target.family.as_str().to_owned(),
        visibility: visibility.to_owned(),
        reason,
        functions: target
            .hooks
            .iter()
            .flat_map(|hook| &hook.serves)
            .map(|function| function.symbol().to_owned())
            .collect(),
        offsets: Field::ALL
            .into_iter()
            .filter(|field| !missing(*field))
            .map(|field| field.as_str().to_owned())
            .collect(),
    }
}

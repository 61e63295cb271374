//! The functions of a TLS library's main source file, recognized by the errors that they raise: each names that file.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::{Lineage, Refusal};
use crate::code::{Architecture, Body, Call, Function, Functions, Program, Text, ending_with};

/// What the file is called, in C and in C++. Builds differ in the directory before it.
const SOURCES: [&str; 2] = ["ssl_lib.c", "ssl_lib.cc"];
/// Functions that are followed. The file has about three hundred.
const FUNCTIONS_LIMIT: usize = 2048;
/// Steps of following, all functions together. Real libraries take a tenth.
const STEPS_LIMIT: usize = 1 << 20;
/// Calls by which a way of raising errors is believed. Real libraries have more than a hundred.
const CALLS: usize = 16;
/// Highest line that is believed to be one.
const LINES: u64 = 1 << 16;
/// `ERR_LIB_SSL`, of OpenSSL and of BoringSSL.
const OPENSSL: u64 = 20;
const BORINGSSL: u64 = 16;

/// A function that raises errors.
#[derive(Debug)]
pub(super) struct Raiser {
    pub(super) function: Function,
    pub(super) body: Body,
    /// Names that it gives itself. Where others were built into it, theirs are among them.
    pub(super) names: BTreeSet<String>,
    /// Numbers of functions that it gives itself, for libraries that number them.
    pub(super) codes: BTreeSet<u64>,
    /// Numbers of errors that it raises.
    pub(super) reasons: BTreeSet<u64>,
}

/// All that raise errors in one library's main file, sorted by address.
#[derive(Debug)]
pub(super) struct Evidence {
    pub(super) lineage: Lineage,
    pub(super) raisers: Vec<Raiser>,
    /// Where the name of the file lies.
    pub(super) file: Vec<Range<u64>>,
}

impl Evidence {
    /// Whether a call hands the name of the file over as this argument.
    pub(super) fn names_file(&self, call: &Call, argument: usize) -> bool {
        is_file(&self.file, call, argument)
    }
}

/// Everything that a program's code shows before one looks for a certain function.
#[derive(Debug)]
pub(super) struct Survey {
    pub(super) functions: Functions,
    /// One for each library in the program.
    pub(super) libraries: Vec<Evidence>,
}

/// Looks for libraries in a program.
pub(super) fn survey(program: &Program, architecture: &dyn Architecture) -> Result<Survey, Refusal> {
    let texts: Vec<Text> = SOURCES
        .iter()
        .flat_map(|source| ending_with(program, source))
        .collect();
    if texts.is_empty() {
        return Err(Refusal::NoLibrary);
    }
    let mut files: BTreeMap<&str, Vec<Range<u64>>> = BTreeMap::new();
    for text in &texts {
        files.entry(&text.text).or_default().push(text.start..text.end);
    }
    let ranges: Vec<_> = files.values().flatten().cloned().collect();
    let sites = architecture.references(program, &ranges);
    if sites.is_empty() {
        return Err(Refusal::NoReferences);
    }
    let mut functions = Functions::read(program);
    functions.assume(program, architecture, &sites);
    let bodies = follow(program, architecture, &functions, &sites)?;
    let libraries = files
        .into_values()
        .filter_map(|file| evidence(program, &bodies, file))
        .collect();
    Ok(Survey { functions, libraries })
}

fn follow(
    program: &Program,
    architecture: &dyn Architecture,
    functions: &Functions,
    sites: &[u64],
) -> Result<Vec<(Function, Body)>, Refusal> {
    let mut starts = BTreeMap::new();
    for function in sites.iter().filter_map(|&site| functions.containing(site)) {
        starts.insert(function.start, function);
    }
    if starts.is_empty() {
        return Err(Refusal::NoFunctions);
    }
    if starts.len() > FUNCTIONS_LIMIT {
        return Err(Refusal::TooComplex);
    }
    let mut steps = 0;
    let mut bodies = Vec::new();
    for function in starts.into_values() {
        let body = architecture.body(program, function);
        steps += body.steps;
        if steps > STEPS_LIMIT {
            return Err(Refusal::TooComplex);
        }
        bodies.push((function, body));
    }
    Ok(bodies)
}

/// How a call raises an error.
fn shape(program: &Program, file: &[Range<u64>], call: &Call) -> Option<Lineage> {
    if is_file(file, call, 3) {
        if call.arguments[0].can_be(OPENSSL) {
            return Some(Lineage::OpenSsl11);
        }
        let boring = call.arguments[0].can_be(BORINGSSL) && call.arguments[1].can_be(0);
        return boring.then_some(Lineage::BoringSsl);
    }
    let debug = is_file(file, call, 0)
        && call.arguments[1]
            .constants()
            .any(|line| (1..LINES).contains(&line))
        && call.arguments[2]
            .constants()
            .any(|address| name(program, address).is_some());
    debug.then_some(Lineage::OpenSsl3)
}

/// What raises errors that name this file; `None` if nothing does, or not in a known way.
fn evidence(program: &Program, bodies: &[(Function, Body)], file: Vec<Range<u64>>) -> Option<Evidence> {
    let mut counts: BTreeMap<(Lineage, Option<u64>), usize> = BTreeMap::new();
    for call in bodies.iter().flat_map(|(_, body)| &body.calls) {
        if let Some(lineage) = shape(program, &file, call) {
            *counts.entry((lineage, call.target)).or_default() += 1;
        }
    }
    let (&(lineage, raise), &count) = counts.iter().max_by_key(|&(_, count)| count)?;
    if count < CALLS {
        return None;
    }
    let raisers = bodies
        .iter()
        .filter_map(|(function, body)| {
            let mut raiser = Raiser {
                function: *function,
                body: body.clone(),
                names: BTreeSet::new(),
                codes: BTreeSet::new(),
                reasons: BTreeSet::new(),
            };
            let mut is_one = false;
            for call in body.calls.iter().filter(|call| call.target == raise) {
                if shape(program, &file, call) != Some(lineage) {
                    continue;
                }
                is_one = true;
                let [_, second, third, ..] = &call.arguments;
                if lineage == Lineage::OpenSsl3 {
                    let named = third.constants().filter_map(|address| name(program, address));
                    raiser.names.extend(named);
                } else {
                    raiser.codes.extend(second.constants());
                    raiser.reasons.extend(third.constants());
                }
            }
            is_one.then_some(raiser)
        })
        .collect();
    Some(Evidence {
        lineage,
        raisers,
        file,
    })
}

/// The name of a function in C at an address.
fn name(program: &Program, address: u64) -> Option<String> {
    let text = program.text(address)?;
    let fits = text.len() > 2
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    fits.then_some(text)
}

fn is_file(file: &[Range<u64>], call: &Call, argument: usize) -> bool {
    call.arguments[argument]
        .constants()
        .any(|address| file.iter().any(|range| range.contains(&address)))
}

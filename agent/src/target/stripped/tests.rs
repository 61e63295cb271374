//! Choices between functions that look alike. Real libraries are in `tests/finder.rs`.

use std::collections::BTreeSet;

use super::evidence::{Evidence, Raiser};
use super::{Lineage, Refusal, boring, openssl};
use crate::code::{Body, Bounds, Call, Function, Value, Values};

fn call(target: u64, arguments: [Values; 6]) -> Call {
    Call {
        site: 0,
        target: Some(target),
        slot: None,
        tail: false,
        reached: true,
        arguments,
    }
}

/// Hands its own arguments on.
fn handing_on(target: u64) -> Call {
    let mut numbers = 0..;
    call(
        target,
        [(); 6].map(|()| Values::only(Value::Argument(numbers.next().unwrap()))),
    )
}

fn changing(target: u64) -> Call {
    call(target, [(); 6].map(|()| Values::unknown()))
}

fn raiser(start: u64, names: &[&str], calls: Vec<Call>) -> Raiser {
    Raiser {
        function: Function {
            start,
            end: start + 0x100,
            bounds: Bounds::Stated,
        },
        body: Body {
            calls,
            complete: true,
            ..Body::default()
        },
        names: names.iter().map(ToString::to_string).collect(),
        codes: BTreeSet::new(),
        reasons: BTreeSet::new(),
    }
}

fn reasoning(start: u64, reasons: &[u64], calls: Vec<Call>) -> Raiser {
    Raiser {
        reasons: reasons.iter().copied().collect(),
        ..raiser(start, &[], calls)
    }
}

fn library(lineage: Lineage, raisers: Vec<Raiser>) -> Evidence {
    Evidence {
        lineage,
        raisers,
        file: Vec::new(),
    }
}

fn inner(raisers: Vec<Raiser>) -> Result<u64, Refusal> {
    let library = library(Lineage::OpenSsl3, raisers);
    openssl::inside(&library, openssl::READ, openssl::INNER_READ).map(|raiser| raiser.function.start)
}

#[test]
fn the_inner_function_is_what_the_outer_one_hands_its_arguments_to() {
    let read = raiser(0x1000, &["SSL_read"], vec![handing_on(0x2000)]);
    let work = raiser(0x2000, &["ssl_read_internal"], vec![]);
    assert_eq!(inner(vec![read, work]), Ok(0x2000));
}

#[test]
fn an_inner_function_with_other_arguments_is_none() {
    let read = raiser(0x1000, &["SSL_read"], vec![changing(0x2000)]);
    let work = raiser(0x2000, &["ssl_read_internal"], vec![]);
    assert_eq!(inner(vec![read, work]), Err(Refusal::Absent));
}

/// As in Node, which is built with `-O3`: a probe on the inner function would see none of the calls.
#[test]
fn an_inner_function_that_was_built_into_the_outer_one_is_refused() {
    let read = raiser(0x1000, &["SSL_read", "ssl_read_internal"], vec![]);
    let work = raiser(0x2000, &["ssl_read_internal"], vec![]);
    assert_eq!(inner(vec![read, work]), Err(Refusal::BuiltIn));
    let read = raiser(0x1000, &["SSL_read"], vec![handing_on(0x2000)]);
    let work = raiser(0x2000, &["ssl_read_internal"], vec![]);
    let copy = raiser(0x3000, &["ssl_read_internal"], vec![]);
    assert_eq!(inner(vec![read, work, copy]), Err(Refusal::BuiltIn));
}

#[test]
fn two_outer_functions_are_ambiguous() {
    let first = raiser(0x1000, &["SSL_read"], vec![handing_on(0x2000)]);
    let second = raiser(0x3000, &["SSL_read"], vec![handing_on(0x2000)]);
    let work = raiser(0x2000, &["ssl_read_internal"], vec![]);
    assert_eq!(inner(vec![first, work, second]), Err(Refusal::Ambiguous));
}

fn named_handshake(others: &[&[u64]]) -> Result<u64, Refusal> {
    let raisers = (1..).zip(others).map(|(number, callees)| {
        let calls = callees.iter().map(|&callee| handing_on(callee)).collect();
        raiser(number * 0x1000, &["SSL_do_handshake"], calls)
    });
    let library = library(Lineage::OpenSsl3, raisers.collect());
    openssl::handshake(&library).map(|raiser| raiser.function.start)
}

#[test]
fn the_handshake_is_what_choosing_a_side_adds_to() {
    assert_eq!(named_handshake(&[&[1, 2, 3], &[1, 2, 4], &[1, 2]]), Ok(0x3000));
    assert_eq!(named_handshake(&[&[1, 2]]), Ok(0x1000));
    assert_eq!(
        named_handshake(&[&[1, 2, 3], &[1, 2, 4]]),
        Err(Refusal::Ambiguous)
    );
    assert_eq!(named_handshake(&[&[1, 2], &[1, 2]]), Err(Refusal::Ambiguous));
    assert_eq!(named_handshake(&[]), Err(Refusal::Absent));
}

fn unnamed_handshake(called: &[u64]) -> Result<u64, Refusal> {
    let calls = |targets: &[u64]| {
        targets
            .iter()
            .map(|&target| handing_on(target))
            .collect::<Vec<_>>()
    };
    let inner = reasoning(0x4000, &[215, 226], calls(called));
    let write = reasoning(0x5000, &[66, 111, 215, 226], calls(called));
    let owners = [0x1000, 0x2000, 0x3000].map(|start| reasoning(start, &[134], vec![]));
    let library = library(Lineage::BoringSsl, owners.into());
    boring::handshake(&library, Ok(&inner), Ok(&write)).map(|raiser| raiser.function.start)
}

/// As in gRPC, where it is built into `SSL_connect` and `SSL_accept`.
#[test]
fn of_several_handshakes_the_one_that_reading_and_writing_begin_counts() {
    assert_eq!(unnamed_handshake(&[0x2000]), Ok(0x2000));
    assert_eq!(unnamed_handshake(&[0x1000, 0x2000]), Err(Refusal::Ambiguous));
    assert_eq!(unnamed_handshake(&[]), Err(Refusal::Ambiguous));
}

//! Which functions of an image get a probe, and where.

use std::collections::BTreeSet;

use ebpf::function::Function;

use super::emulation::Emulation;
use super::image::Image;
use super::inner;
use super::site::{self, Site};

/// A place for a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// The function whose arguments and result are found there.
    pub function: Function,
    /// The functions whose calls pass there.
    pub serves: Vec<Function>,
    /// Byte offset in the file.
    pub offset: u64,
    /// What stands there.
    pub site: Site,
}

/// Functions of which one serves the other too, where both call the same function inside.
const PAIRS: [(Function, Function); 2] = [
    (Function::SslRead, Function::SslReadEx),
    (Function::SslWrite, Function::SslWriteEx),
];

/// As [`hooks_with`], for a kernel of which nothing is known.
pub fn hooks(image: &Image) -> Vec<Hook> {
    hooks_with(image, &Emulation::default())
}

/// The hooks of an image, in the order of the functions' numbers, where this kernel makes them cheapest.
///
/// Functions that share an address are one piece of code and are hooked once, as the one with the lowest
/// number: two probes there would count every call twice.
pub fn hooks_with(image: &Image, emulation: &Emulation) -> Vec<Hook> {
    let mut taken = BTreeSet::new();
    let mut hooks = Vec::new();
    for function in Function::ALL {
        let Some(symbol) = image.symbol(function.symbol()) else {
            continue;
        };
        let inner = PAIRS
            .into_iter()
            .find(|(plain, ex)| function == *plain || function == *ex)
            .and_then(|(plain, ex)| Some((plain, inside(image, plain, ex, emulation)?)));
        let address = match inner {
            // The inner function has the arguments and the result of the `_ex` one.
            Some((plain, _)) if plain == function => continue,
            Some((_, inner)) => inner,
            None => symbol.address,
        };
        let Some((offset, site)) = site::choose(image, address, emulation) else {
            continue;
        };
        let serves = match inner {
            Some((plain, _)) => vec![plain, function],
            None => vec![function],
        };
        if taken.insert(offset) {
            hooks.push(Hook {
                function,
                serves,
                offset,
                site,
            });
        }
    }
    hooks
}

/// Address of the function that both call, if a probe there is cheaper.
fn inside(image: &Image, plain: Function, ex: Function, emulation: &Emulation) -> Option<u64> {
    let plain = image.symbol(plain.symbol())?;
    let (_, site) = site::choose(image, plain.address, emulation)?;
    if site.emulated {
        return None;
    }
    inner::find(image, plain, image.symbol(ex.symbol())?, emulation)
}

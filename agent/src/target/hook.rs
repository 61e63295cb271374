//! Which functions of an image get a probe, and where.

use std::collections::BTreeSet;

use ebpf::function::Function;

use super::image::Image;
use super::site::{self, Site};

/// A place for a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// The function that is observed there.
    pub function: Function,
    /// Byte offset in the file.
    pub offset: u64,
    /// What stands there.
    pub site: Site,
}

/// The hooks of an image, in the order of the functions' numbers.
///
/// Functions that share an address are one piece of code and are hooked once, as the one with the lowest
/// number: two probes there would count every call twice.
pub fn hooks(image: &Image) -> Vec<Hook> {
    let mut taken = BTreeSet::new();
    let mut hooks = Vec::new();
    for function in Function::ALL {
        let Some(symbol) = image.symbol(function.symbol()) else {
            continue;
        };
        let Some((offset, site)) = site::choose(image, symbol) else {
            continue;
        };
        if taken.insert(offset) {
            hooks.push(Hook {
                function,
                offset,
                site,
            });
        }
    }
    hooks
}

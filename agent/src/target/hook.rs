//! Which functions of an image get a probe, and where.

use std::collections::BTreeSet;

use ebpf::function::Function;
use ebpf::layout::Passage;

use super::emulation::Emulation;
use super::image::Image;
use super::passage::{self, Passed};
use super::site::{self, Site};
use super::{early, inner};

/// A place for a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// The function whose arguments and result are found there.
    pub function: Function,
    /// The functions whose calls pass there.
    pub serves: Vec<Function>,
    /// Why there.
    pub choice: Choice,
    /// What it is for.
    pub purpose: Purpose,
    /// Byte offset in the file.
    pub offset: u64,
    /// What stands there.
    pub site: Site,
}

/// What a probe is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// All that calls tell.
    Calls,
    /// Which sockets calls use, while that is not known of some connection that was there before the agent. All else is
    /// told where those calls pass by.
    Sockets,
}

impl Purpose {
    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Sockets => "sockets",
        }
    }
}

/// Why a probe goes where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The function's entry, whose instruction the kernel emulates.
    Entry,
    /// The entry of a function inside, which both outer functions call with these arguments, and whose instruction the
    /// kernel emulates.
    Inside,
    /// Shortly after the entry, before anything of what is found there was changed, at an instruction that the kernel
    /// emulates.
    Early,
    /// Inside the function that reads or writes, where the result is known: what is found there, and where.
    Passed(Passage),
    /// The function's entry, though its instruction is single-stepped: no cheaper place is proven.
    Stepped,
}

impl Hook {
    /// The reason for this place in words.
    pub const fn reason(&self) -> &'static str {
        match self.purpose {
            Purpose::Calls => self.choice.reason(),
            Purpose::Sockets => "only while the socket of a connection is looked for",
        }
    }

    /// Where calls pass by, if this is one of those places.
    pub fn passage(&self) -> Option<Passage> {
        match self.choice {
            Choice::Passed(passage) => Some(passage),
            Choice::Entry | Choice::Inside | Choice::Early | Choice::Stepped => None,
        }
    }
}

impl Choice {
    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::Inside => "inside",
            Self::Early => "early",
            Self::Passed(_) => "passed",
            Self::Stepped => "stepped",
        }
    }

    /// The reason in words.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Entry => "the entry: the kernel emulates its instruction",
            Self::Inside => "the function that both call first: the kernel emulates its instruction",
            Self::Early => "after the entry, before anything changed: the kernel emulates its instruction",
            Self::Passed(_) => {
                "where the data was moved: one probe for call and result, and the kernel emulates its instruction"
            }
            Self::Stepped => "the entry, single-stepped: no cheaper place is proven",
        }
    }
}

const READS: [Function; 2] = [Function::SslRead, Function::SslReadEx];
const WRITES: [Function; 2] = [Function::SslWrite, Function::SslWriteEx];
/// Functions of which one serves the other too, where both call the same function inside.
const PAIRS: [[Function; 2]; 2] = [READS, WRITES];

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
    let passages = passage::find(image, emulation);
    let reads = passed(image, emulation, READS, passages.read);
    let writes = passed(image, emulation, WRITES, passages.write);
    let (reads_pass, writes_pass) = (!reads.is_empty(), !writes.is_empty());
    let mut hooks = [reads, writes].concat();
    for function in Function::ALL {
        // `SSL_write_ex` calls it in every release that has it: both together would count each call twice.
        if function == Function::SslWriteEx2 {
            continue;
        }
        if reads_pass && READS.contains(&function) {
            continue;
        }
        let purpose = if writes_pass && WRITES.contains(&function) {
            Purpose::Sockets
        } else {
            Purpose::Calls
        };
        let Some(symbol) = image.symbol(function.symbol()) else {
            continue;
        };
        let inner = PAIRS
            .into_iter()
            .find(|pair| pair.contains(&function))
            .and_then(|[plain, ex]| Some((plain, inside(image, plain, ex, emulation)?)));
        let address = match inner {
            // The inner function has the arguments and the result of the `_ex` one.
            Some((plain, _)) if plain == function => continue,
            Some((_, inner)) => inner,
            None => symbol.address,
        };
        let Some((entry, site)) = site::choose(image, address, emulation) else {
            continue;
        };
        let early = if site.emulated {
            None
        } else {
            early::find(image, symbol, emulation).and_then(|address| site::choose(image, address, emulation))
        };
        let serves = match inner {
            Some((plain, _)) => vec![plain, function],
            None => vec![function],
        };
        let (choice, (offset, site)) = match (inner, early) {
            (Some(_), _) => (Choice::Inside, (entry, site)),
            (None, Some(early)) => (Choice::Early, early),
            (None, None) if site.emulated => (Choice::Entry, (entry, site)),
            (None, None) => (Choice::Stepped, (entry, site)),
        };
        if taken.insert(entry) {
            hooks.push(Hook {
                function,
                serves,
                choice,
                purpose,
                offset,
                site,
            });
        }
    }
    hooks.sort_by_key(|hook| hook.function);
    hooks
}

/// The places that calls of these functions pass with their result; none if they are not proven.
fn passed(image: &Image, emulation: &Emulation, serves: [Function; 2], passed: Option<Passed>) -> Vec<Hook> {
    let Some(passed) = passed else { return Vec::new() };
    let hook = |place: &u64| {
        let (offset, site) = site::choose(image, *place, emulation)?;
        Some(Hook {
            // The functions inside have the result of the `_ex` ones.
            function: serves[1],
            serves: serves.to_vec(),
            choice: Choice::Passed(passed.found),
            purpose: Purpose::Calls,
            offset,
            site,
        })
    };
    // All of them, or none: a call may pass any.
    let hooks = passed.places.iter().map(hook).collect::<Option<_>>();
    hooks.unwrap_or_default()
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

//! What an executable's machine code tells where its symbols are gone: functions, strings, who names what, and the
//! calls that a function makes with the constants that it hands over.
//!
//! ```text
//! Program (segments) -> Strings (where a text lies) -> references (who names it) -> Functions (whose code that is)
//!                                                                                -> Body (what that code calls)
//! ```
//! Files are read in pieces, never mapped: a file that is cut short while it is mapped would end the agent. Every
//! size and count in a file is somebody else's claim, so all of it is checked and bounded.

mod architecture;
mod body;
mod chunks;
mod elf;
mod fallback;
mod functions;
mod layout;
mod notes;
mod program;
mod relocations;
#[cfg(test)]
pub(crate) mod sample;
mod strings;
#[cfg(test)]
mod tests;
mod trace;
mod values;
mod x86_64;

pub use architecture::{Architecture, architecture};
pub use body::{ARGUMENTS, Body, Call};
pub use elf::ElfError;
pub(crate) use elf::{Header, broken, check, machine};
pub use functions::{Bounds, Function, Functions};
pub use layout::{Machine, Segment, Symbol};
pub use program::Program;
pub use relocations::Pointers;
pub use strings::{Text, ending_with};
pub use trace::{Place, Trace};
pub use values::{Value, Values};

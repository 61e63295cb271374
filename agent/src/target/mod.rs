//! Target discovery: from processes to the TLS libraries that they run, the places in those files where
//! probes go, and the offsets of the facts inside their objects.
//!
//! ```text
//! process -> mapped files -> image (ELF, symbols) -> hooks (file offsets)
//!                                                 -> accessor code -> layout
//! ```
//! Nothing here touches the kernel's probes: a [`Target`] is plain data and an open file.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use ebpf::function::Function;
use ebpf::layout::{Layout, UNKNOWN};

pub mod accessor;
pub mod calibration;
mod early;
pub mod emulation;
pub mod family;
pub mod hook;
pub mod image;
mod inner;
pub mod kernel_btf;
pub mod libraries;
mod passage;
pub mod proof;
pub mod scan;
pub mod site;
pub mod stripped;

pub use accessor::{Derivation, Field, Reason};
pub use emulation::Emulation;
pub use family::Family;
pub use hook::Hook;
pub use image::{Image, ImageError};
pub use kernel_btf::kernel_layout;
pub(crate) use libraries::below;
pub use libraries::{machine_root, standard_libraries};
pub use proof::Proof;
pub use scan::{Identity, ProcessInfo, ProcessScan, Scan, Scanner, identify};

/// A file, whatever it is called and whoever mounted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId {
    /// Device number, as `stat` gives it.
    pub dev: u64,
    /// Inode number on that device.
    pub ino: u64,
}

/// How the file of a target was reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reached {
    /// Through the mapping itself: it is the file that runs, even if it was deleted or replaced.
    Mapping,
    /// Through its path, for the reason given: the mapping could not be opened.
    Path(String),
    /// Through its path: a library of the system that need not run yet.
    Library,
}

/// A file with a TLS library in it, and where to attach.
#[derive(Debug)]
pub struct Target {
    /// Its identity.
    pub id: FileId,
    /// Its path, as the first process that was seen with it names it.
    pub path: PathBuf,
    /// The open file. While it is held, its inode number is not used again.
    pub file: Arc<File>,
    /// How it was opened.
    pub reached: Reached,
    /// Whose library it is.
    pub family: Family,
    /// How its functions were found.
    pub proof: Proof,
    /// Version that its own code states; `None` if it does not.
    pub version: Option<String>,
    /// Where probes go: each offset once, in the order of the functions' numbers.
    pub hooks: Vec<Hook>,
    /// Where it keeps the facts of a connection.
    pub layout: Layout,
    /// The facts that stay unknown, and why.
    pub missing: Vec<(Field, Reason)>,
}

impl Target {
    /// Whether its functions are known well enough for probes.
    pub fn is_observable(&self) -> bool {
        match &self.proof {
            Proof::Named => self.family == Family::OpenSsl,
            Proof::Code(_) => true,
            Proof::Unproven(_) => false,
        }
    }

    /// Whether probes go to the same places of this file, and read the same there, as of another reading of it.
    pub fn is_same_code(&self, other: &Self) -> bool {
        let of = |target: &Self| (target.family, target.layout);
        of(self) == of(other) && self.proof == other.proof && self.hooks == other.hooks
    }

    /// The hooks that its layout leaves necessary.
    pub fn needed_hooks(&self) -> impl Iterator<Item = &Hook> {
        // The name is read from the object where that is possible: SSL_ctrl is called often, and for many things.
        let named = self.layout.hostname != UNKNOWN;
        self.hooks
            .iter()
            .filter(move |hook| !(named && hook.function == Function::SslCtrl))
    }
}

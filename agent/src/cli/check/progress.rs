//! What is being asked, while one waits.

use std::io::{self, IsTerminal as _, Write as _};

use crate::check::Progress;
use crate::cli::table::{printable, shortened};

/// Columns that a line of a terminal surely has.
const WIDTH: usize = 79;

/// On a terminal one line that is written over and over; elsewhere a line at every tenth of the way. All of it is a
/// courtesy: with standard error closed the answer still stands.
#[derive(Debug)]
pub(super) struct Display {
    terminal: bool,
    tenths: Option<usize>,
}

impl Display {
    pub(super) fn new() -> Self {
        Self {
            terminal: io::stderr().is_terminal(),
            tenths: None,
        }
    }

    pub(super) fn show(&mut self, progress: &Progress) {
        let line = line(progress);
        if self.terminal {
            let _ = write!(io::stderr(), "\r\u{1b}[K{line}");
            let _ = io::stderr().flush();
            return;
        }
        let tenths = progress.done * 10 / progress.of.max(1);
        if self.tenths != Some(tenths) {
            self.tenths = Some(tenths);
            let _ = writeln!(io::stderr(), "{line}");
        }
    }

    /// Leaves nothing on the terminal.
    pub(super) fn clear(&self) {
        if self.terminal {
            let _ = write!(io::stderr(), "\r\u{1b}[K");
        }
    }
}

fn line(progress: &Progress) -> String {
    let Progress { done, of, now } = progress;
    shortened(&printable(&format!("{done} of {of}: {now}")), WIDTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_fits_and_cannot_steer_the_terminal() {
        let progress = Progress {
            done: 3,
            of: 12,
            now: format!("\u{1b}[2J{}", "long.".repeat(60)),
        };
        let line = line(&progress);
        assert!(line.starts_with("3 of 12: "), "{line}");
        assert!(
            !line.contains('\u{1b}') && line.chars().count() <= WIDTH,
            "{line}"
        );
    }
}

//! What can be seen of each process: what discovery says of its libraries, and what the wire shows of those that have
//! none that can be read.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::connection::Process;
use crate::export::view::Coverage;

/// Processes that are listed for nothing but their ClientHellos.
const PROCESSES: usize = 4096;
const NOTHING: &str = "nothing";
const SNI_ONLY: &str = "sni_only";

/// The list.
#[derive(Debug, Default)]
pub(super) struct CoverageList {
    of_libraries: Vec<Arc<Coverage>>,
    on_the_wire: BTreeMap<u32, Arc<Process>>,
    lines: Vec<Arc<Coverage>>,
}

impl CoverageList {
    /// Replaces what discovery says.
    pub(super) fn set(&mut self, coverage: Vec<Coverage>) {
        self.of_libraries = coverage.into_iter().map(Arc::new).collect();
        self.merge();
    }

    /// A connection of this process shows nothing but its ClientHello. True if that is new.
    pub(super) fn add(&mut self, process: &Arc<Process>) -> bool {
        if process.pid == 0
            || self.on_the_wire.contains_key(&process.pid)
            || self.on_the_wire.len() >= PROCESSES
        {
            return false;
        }
        self.on_the_wire.insert(process.pid, Arc::clone(process));
        self.merge();
        true
    }

    /// The process is no more.
    pub(super) fn remove(&mut self, pid: u32) {
        if self.on_the_wire.remove(&pid).is_some() {
            self.merge();
        }
    }

    /// Libraries in the order in which they were given, then the processes without one.
    pub(super) fn lines(&self) -> &[Arc<Coverage>] {
        &self.lines
    }

    fn merge(&mut self) {
        let seen = |line: &Coverage| self.on_the_wire.contains_key(&line.process.pid);
        let libraries = self.of_libraries.iter().map(|line| {
            if line.visibility == NOTHING && seen(line) {
                Arc::new(Coverage {
                    visibility: SNI_ONLY.to_owned(),
                    ..Coverage::clone(line)
                })
            } else {
                Arc::clone(line)
            }
        });
        let listed = |pid: u32| self.of_libraries.iter().any(|line| line.process.pid == pid);
        let others = self.on_the_wire.values().filter(|process| !listed(process.pid));
        let others = others.map(|process| {
            Arc::new(Coverage {
                process: Process::clone(process),
                family: "unknown".to_owned(),
                visibility: SNI_ONLY.to_owned(),
                reason: Some("no_library_recognised".to_owned()),
                functions: Vec::new(),
                offsets: Vec::new(),
            })
        });
        self.lines = libraries.chain(others).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32) -> Arc<Process> {
        Arc::new(Process {
            pid,
            ..Process::default()
        })
    }

    fn line(pid: u32, visibility: &str) -> Coverage {
        Coverage {
            process: Process::clone(&process(pid)),
            family: "openssl".to_owned(),
            visibility: visibility.to_owned(),
            reason: None,
            functions: Vec::new(),
            offsets: Vec::new(),
        }
    }

    fn told(list: &CoverageList) -> Vec<(u32, &str)> {
        let lines = list.lines().iter();
        lines.map(|line| (line.process.pid, &*line.visibility)).collect()
    }

    #[test]
    fn the_wire_adds_to_what_discovery_says() {
        let mut list = CoverageList::default();
        list.set(vec![line(1, "full"), line(2, "nothing")]);
        for pid in [1, 2, 3] {
            assert!(list.add(&process(pid)));
            assert!(!list.add(&process(pid)), "nothing new");
        }
        assert_eq!(told(&list), [(1, "full"), (2, "sni_only"), (3, "sni_only")]);
        list.remove(3);
        list.set(vec![line(2, "nothing")]);
        assert_eq!(told(&list), [(2, "sni_only"), (1, "sni_only")]);
    }

    #[test]
    fn a_process_that_nobody_knows_is_not_listed() {
        let mut list = CoverageList::default();
        assert!(!list.add(&process(0)));
        assert_eq!(told(&list), []);
    }

    #[test]
    fn memory_is_bounded() {
        let mut list = CoverageList::default();
        for pid in 1..=5000 {
            list.add(&process(pid));
        }
        assert_eq!(list.lines().len(), PROCESSES);
    }
}

//! Scanning real processes, and directories that look like `/proc`.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use tempfile::TempDir;
use wrongway::target::scan::ProblemKind;
use wrongway::target::{Family, ProcessScan, Reached, Scanner, Target, standard_libraries};

/// A Python that has run some code and waits for the end of its input.
struct Python(Child);

impl Python {
    fn start(code: &str) -> Self {
        let mut child = Command::new("/usr/bin/python3")
            .args([
                "-c",
                &format!("{code}\nimport sys\nprint(flush=True)\nsys.stdin.read()"),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self(child)
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn library() -> PathBuf {
    let libraries = standard_libraries(Path::new("/"));
    libraries
        .into_iter()
        .find(|path| path.ends_with("libssl.so.3"))
        .unwrap()
}

#[test]
fn a_process_with_the_system_library_has_one_target() {
    let python = Python::start("import ssl");
    let mut scanner = Scanner::new("/proc");
    let ProcessScan::Present { process, targets } = scanner.scan_process(python.0.id()) else {
        panic!("the process runs");
    };
    // Python's own module imports the same functions; that makes no target of it.
    let [target] = targets.as_slice() else {
        panic!("{targets:?}");
    };
    assert!(process.comm.starts_with("python3"), "{}", process.comm);
    assert!(process.start_time > 0);
    assert_eq!(process.problems, []);
    assert_eq!(process.targets, [target.id]);
    assert_eq!(target.family, Family::OpenSsl);
    assert_eq!(target.missing, []);
    assert!(
        target
            .version
            .as_deref()
            .is_some_and(|version| version.starts_with("3."))
    );
    assert_eq!(target.id.ino, fs::metadata(library()).unwrap().ino());
}

#[test]
fn a_private_copy_under_another_name_is_found_after_it_was_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("speech 3 (deleted)");
    fs::copy(library(), &copy).unwrap();
    let python = Python::start(&format!(
        "import ctypes\nctypes.CDLL({:?})",
        copy.to_str().unwrap()
    ));
    fs::remove_file(&copy).unwrap();

    let ProcessScan::Present { targets, .. } = Scanner::new("/proc").scan_process(python.0.id()) else {
        panic!("the process runs");
    };
    let target = targets
        .iter()
        .find(|target| target.path.starts_with(directory.path()))
        .unwrap();
    // Opening a mapping takes a privilege that a container may lack; then a deleted file is out of reach.
    assert_eq!(target.reached, Reached::Mapping);
    assert_eq!(target.missing, []);
    assert_eq!(target.file.metadata().unwrap().nlink(), 0);
}

/// Looks at one library, and at no process.
fn look(scanner: &mut Scanner) -> Arc<Target> {
    let scan = scanner.scan();
    let [target] = scan.targets.as_slice() else {
        panic!("{:?}", scan.targets);
    };
    Arc::clone(target)
}

#[test]
fn a_file_that_changes_but_for_its_contents_holds_the_same_code() {
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("libssl.so.3");
    fs::copy(library(), &copy).unwrap();
    let mut scanner = Scanner::new(directory.path());
    scanner.watch(Path::new("/"), vec![copy.clone()]);
    let first = look(&mut scanner);
    assert!(Arc::ptr_eq(&first, &look(&mut scanner)));

    fs::hard_link(&copy, directory.path().join("backup")).unwrap();
    let linked = look(&mut scanner);
    assert!(!Arc::ptr_eq(&first, &linked), "it is read again");
    assert!(linked.is_same_code(&first));

    let file = OpenOptions::new().write(true).open(&copy).unwrap();
    // int3; ret
    file.write_all_at(&[0xcc, 0xc3], first.hooks[0].offset).unwrap();
    let rewritten = look(&mut scanner);
    assert_eq!(rewritten.id, first.id);
    assert!(!rewritten.is_same_code(&linked));
}

#[test]
fn a_library_that_is_loaded_later_is_found_and_let_go_in_the_end() {
    let python = Python::start("");
    let pid = python.0.id();
    let mut scanner = Scanner::new("/proc");
    let before = scanner.scan();
    let process = before
        .processes
        .iter()
        .find(|process| process.pid == pid)
        .unwrap();
    assert_eq!(process.targets, []);

    let user = Python::start("import ssl");
    let during = scanner.scan();
    let process = during
        .processes
        .iter()
        .find(|process| process.pid == user.0.id())
        .unwrap();
    let target = during
        .targets
        .iter()
        .find(|target| target.id == process.targets[0])
        .unwrap();
    let again = scanner.scan();
    assert!(again.targets.iter().any(|other| Arc::ptr_eq(target, other)));

    let gone = user.0.id();
    drop(user);
    assert!(matches!(scanner.scan_process(gone), ProcessScan::Absent));
    assert!(scanner.scan().processes.iter().all(|process| process.pid != gone));
}

/// A directory like `/proc` with one process that maps one file.
fn one_process(mapped: &Path, inode: u64) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let process = root.path().join("7");
    fs::create_dir(&process).unwrap();
    fs::write(
        process.join("stat"),
        "7 (a b) S 1 7 7 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 4242 1 1 0\n",
    )
    .unwrap();
    let line = format!("1000-2000 r-xp 00000000 01:02 {inode} {}\n", mapped.display());
    fs::write(process.join("maps"), line).unwrap();
    std::os::unix::fs::symlink("/", process.join("root")).unwrap();
    root
}

#[test]
fn without_the_mapping_the_file_is_reached_by_path() {
    let library = library();
    let root = one_process(&library, fs::metadata(&library).unwrap().ino());
    let scan = Scanner::new(root.path()).scan();
    assert_eq!(scan.processes[0].start_time, 4242);
    assert_eq!(scan.processes[0].comm, "a b");
    let [target] = scan.targets.as_slice() else {
        panic!("{:?}", scan.targets);
    };
    assert!(matches!(target.reached, Reached::Path(_)));
    assert_eq!(target.missing, []);
}

#[test]
fn another_file_in_the_place_of_the_mapped_one_is_a_problem() {
    let library = library();
    let root = one_process(&library, fs::metadata(&library).unwrap().ino() + 1);
    let scan = Scanner::new(root.path()).scan();
    assert!(scan.targets.is_empty());
    let [problem] = scan.processes[0].problems.as_slice() else {
        panic!("{:?}", scan.processes);
    };
    assert_eq!(problem.kind, ProblemKind::UnreadableLibrary);
    assert_eq!(problem.path.as_deref(), Some(library.as_path()));
    assert!(problem.detail.contains("another file"), "{}", problem.detail);
}

#[test]
fn a_problem_that_is_over_is_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("libssl.so.3");
    fs::copy(library(), &path).unwrap();
    let inode = fs::metadata(&path).unwrap().ino();
    let hidden = directory.path().join("hidden");
    fs::rename(&path, &hidden).unwrap();
    let root = one_process(&path, inode);
    let mut scanner = Scanner::new(root.path());
    assert_eq!(scanner.scan().processes[0].problems.len(), 1);
    fs::rename(&hidden, &path).unwrap();
    let scan = scanner.scan();
    assert_eq!(scan.processes[0].problems, []);
    assert_eq!(scan.targets.len(), 1);
}

#[test]
fn nothing_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("libssl.so.3");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let root = one_process(&path, fs::metadata(&path).unwrap().ino());
    let scan = Scanner::new(root.path()).scan();
    assert_eq!(scan.processes[0].problems[0].kind, ProblemKind::UnreadableLibrary);
}

#[test]
fn an_empty_proc_has_no_processes() {
    let root = tempfile::tempdir().unwrap();
    let mut scanner = Scanner::new(root.path());
    assert!(scanner.scan().processes.is_empty());
    assert!(matches!(scanner.scan_process(1), ProcessScan::Absent));
}

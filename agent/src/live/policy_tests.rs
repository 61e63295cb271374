use std::os::unix::fs::symlink;

use rustix::process::{Signal as Number, getpid, kill_process};
use tempfile::TempDir;
use tokio::time::timeout;

use super::*;

/// Between two looks of a watch under test.
const SHORT: Duration = Duration::from_millis(5);
/// A test that waits for longer has failed.
const LONG: Duration = Duration::from_secs(20);

struct Watched {
    directory: TempDir,
    metrics: Metrics,
    policies: watch::Receiver<Arc<Policy>>,
}

impl Watched {
    /// A watch on the file `policy.toml` of a new directory, where `text` stands.
    fn start(text: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), text)
    }

    /// A signal reaches all tests of the process: these listen to one that nobody sends.
    fn start_in(directory: TempDir, text: &str) -> Self {
        Self::start_with(directory, text, SHORT, SignalKind::user_defined1())
    }

    fn start_with(directory: TempDir, text: &str, look: Duration, hangup: SignalKind) -> Self {
        let path = directory.path().join("policy.toml");
        if !text.is_empty() {
            fs::write(&path, text).unwrap();
        }
        let source = PolicySource::file(&path).unwrap();
        let metrics = Metrics::new();
        let (sender, policies) = watch::channel(Arc::new(source.policy));
        let (path, judged) = source.file.unwrap();
        let watch = PolicyWatch {
            path,
            sender,
            metrics: metrics.clone(),
            stamps: Stamps {
                judged,
                pending: None,
            },
        };
        tokio::spawn(watch.run(signal(hangup).unwrap(), look));
        Self {
            directory,
            metrics,
            policies,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Puts a file that is complete into its place.
    fn write(&self, text: &str) {
        fs::write(self.path("new"), text).unwrap();
        fs::rename(self.path("new"), self.path("policy.toml")).unwrap();
    }

    /// Waits for the next policy.
    async fn next(&mut self) -> Arc<Policy> {
        timeout(LONG, self.policies.changed())
            .await
            .expect("a policy is accepted in time")
            .unwrap();
        Arc::clone(&self.policies.borrow_and_update())
    }

    /// Waits until so many files were refused.
    async fn refused(&self, count: u32) {
        let line = format!("wrongway_policy_reloads_total{{result=\"refused\"}} {count}\n");
        let refused = async {
            while !self.metrics.render().contains(&line) {
                tokio::time::sleep(SHORT).await;
            }
        };
        timeout(LONG, refused).await.expect("the file is refused in time");
    }

    fn shows(&self, line: &str) -> bool {
        self.metrics.render().contains(&format!("{line}\n"))
    }
}

/// A policy that remembers so many listeners.
fn listeners(count: usize) -> String {
    format!("[limits]\nlisteners = {count}\n")
}

#[tokio::test]
async fn a_file_that_is_written_anew_comes_into_force() {
    let mut watched = Watched::start(&listeners(1));
    // Not in one step: the file may be seen while it is empty.
    fs::write(watched.path("policy.toml"), listeners(20)).unwrap();
    assert_eq!(watched.next().await.limits.listeners, 20);
    assert!(watched.shows("wrongway_policy_reloads_total{result=\"accepted\"} 1"));
    assert!(watched.shows("wrongway_policy_last_reload_successful 1"));
}

#[tokio::test]
async fn a_file_that_is_renamed_into_place_comes_into_force() {
    let mut watched = Watched::start(&listeners(1));
    watched.write(&listeners(2));
    assert_eq!(watched.next().await.limits.listeners, 2);
}

#[tokio::test]
async fn a_link_that_is_turned_to_another_directory_is_followed() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    for (version, count) in [("..1", 1), ("..2", 2)] {
        fs::create_dir(at(version)).unwrap();
        fs::write(at(version).join("policy.toml"), listeners(count)).unwrap();
    }
    symlink("..1", at("..data")).unwrap();
    symlink("..data/policy.toml", at("policy.toml")).unwrap();
    let mut watched = Watched::start_in(directory, "");
    symlink("..2", watched.path("..new")).unwrap();
    fs::rename(watched.path("..new"), watched.path("..data")).unwrap();
    assert_eq!(watched.next().await.limits.listeners, 2);
}

#[tokio::test]
async fn a_bad_file_is_refused_and_the_old_policy_stays_in_force() {
    let mut watched = Watched::start(&listeners(7));
    watched.write("[limits]\nlisteners = 0\nlistners = 1\n");
    watched.refused(1).await;
    assert_eq!(watched.policies.borrow().limits.listeners, 7);
    assert!(!watched.policies.has_changed().unwrap());
    assert!(watched.shows("wrongway_policy_last_reload_successful 0"));
    fs::remove_file(watched.path("policy.toml")).unwrap();
    watched.refused(2).await;
    assert_eq!(watched.policies.borrow().limits.listeners, 7);
    watched.write(&listeners(8));
    assert_eq!(watched.next().await.limits.listeners, 8);
    assert!(watched.shows("wrongway_policy_last_reload_successful 1"));
    assert!(
        watched.shows("wrongway_policy_reloads_total{result=\"refused\"} 2"),
        "each is refused once"
    );
}

#[tokio::test]
async fn a_key_that_changes_is_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let key = directory.path().join("key");
    fs::write(&key, "0123456789abcdef").unwrap();
    let text = format!("[privacy]\nhash = ['a.example']\nkey_file = {key:?}\n");
    let mut watched = Watched::start_in(directory, &text);
    let before = watched.policies.borrow().shown("a.example").into_owned();
    fs::write(watched.path("new"), "another secret of more than 16 bytes").unwrap();
    fs::rename(watched.path("new"), &key).unwrap();
    assert_ne!(watched.next().await.shown("a.example"), before);
}

#[tokio::test]
async fn a_hangup_has_the_file_read_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut watched = Watched::start_with(directory, &listeners(1), LONG * 100, SignalKind::hangup());
    watched.write(&listeners(3));
    kill_process(getpid(), Number::HUP).unwrap();
    assert_eq!(watched.next().await.limits.listeners, 3);
}

#[tokio::test]
async fn without_a_file_the_standard_policy_stays() {
    let metrics = Metrics::new();
    let mut policies = PolicySource::standard().watch(&metrics).unwrap();
    assert_eq!(**policies.borrow(), Policy::standard());
    let changed = timeout(SHORT, policies.changed()).await;
    assert!(changed.is_err(), "its sender is not gone");
}

fn stamp(size: u64) -> Stamp {
    let file = FileStamp {
        device: 1,
        inode: 1,
        size,
        modified: (0, 0),
        changed: (0, 0),
    };
    Stamp {
        file: Some(file),
        key: None,
    }
}

#[test]
fn a_file_is_left_alone_while_it_is_being_written() {
    let mut stamps = Stamps {
        judged: stamp(1),
        pending: None,
    };
    let settled: Vec<bool> = [1, 2, 3, 4, 4]
        .map(|size| stamps.is_settled_change(stamp(size)))
        .into();
    assert_eq!(settled, [false, false, false, false, true]);
    stamps.judge(stamp(4));
    assert!(!stamps.is_settled_change(stamp(4)));
}

#[test]
fn a_change_that_is_undone_is_none() {
    let mut stamps = Stamps {
        judged: stamp(1),
        pending: None,
    };
    let settled: Vec<bool> = [2, 1, 2, 2]
        .map(|size| stamps.is_settled_change(stamp(size)))
        .into();
    assert_eq!(settled, [false, false, false, true]);
}

#[test]
fn a_file_that_is_gone_is_a_change() {
    let mut stamps = Stamps {
        judged: stamp(1),
        pending: None,
    };
    assert!(!stamps.is_settled_change(Stamp::default()));
    assert!(stamps.is_settled_change(Stamp::default()));
}

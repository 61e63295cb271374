//! Small files of `/proc/PID`: when a process started, what it is called, whose container it is in.

use std::fs;
use std::path::Path;

/// Digits of a container's identifier.
const CONTAINER_DIGITS: usize = 64;
/// Characters of a pod's identifier, a UUID.
const UUID_LENGTH: usize = 36;

/// Name and start time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Status {
    /// Name of the main thread.
    pub(super) comm: String,
    /// Field 22 of `/proc/PID/stat`: clock ticks since boot.
    pub(super) start_time: u64,
}

/// Reads `/proc/PID/stat`; `None` if there is no such process.
pub(super) fn status(directory: &Path) -> Option<Status> {
    parse_stat(&fs::read(directory.join("stat")).ok()?)
}

/// The name stands in parentheses and may itself hold parentheses, spaces and newlines, so the fields are
/// counted from the last closing one.
fn parse_stat(stat: &[u8]) -> Option<Status> {
    let open = stat.iter().position(|&byte| byte == b'(')?;
    let close = stat.iter().rposition(|&byte| byte == b')')?;
    let comm = String::from_utf8_lossy(stat.get(open + 1..close)?).into_owned();
    let rest = std::str::from_utf8(&stat[close + 1..]).ok()?;
    // The first field after the name is number 3.
    let start_time = rest.split_ascii_whitespace().nth(22 - 3)?.parse().ok()?;
    Some(Status { comm, start_time })
}

/// Container and pod of a process, from the path of its control group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Origin {
    /// Identifier of the container.
    pub(super) container: Option<String>,
    /// Identifier of the pod, as a UUID.
    pub(super) pod_uid: Option<String>,
}

/// Reads `/proc/PID/cgroup`.
pub(super) fn origin(directory: &Path) -> Origin {
    let text = fs::read(directory.join("cgroup")).unwrap_or_default();
    parse_cgroup(&String::from_utf8_lossy(&text))
}

/// Runtimes name the innermost group after the container: `ID`, `docker-ID.scope`, `cri-containerd-ID.scope`,
/// `crio-ID.scope`, `libpod-ID.scope`. Kubernetes names an outer one `podUID` or `kubepods-…-podUID.slice`, with
/// underscores for hyphens.
fn parse_cgroup(text: &str) -> Origin {
    let mut origin = Origin::default();
    let paths = text.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    for segment in paths.flat_map(|path| path.split(['/', ':'])) {
        let name = segment.trim_end_matches(".scope").trim_end_matches(".slice");
        let identifier = name.rsplit('-').next().unwrap_or(name);
        if is_container(identifier) {
            origin.container = Some(identifier.to_owned());
        }
        if let Some(uid) = pod_uid(name) {
            origin.pod_uid = Some(uid);
        }
    }
    origin
}

fn is_container(name: &str) -> bool {
    name.len() == CONTAINER_DIGITS && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn pod_uid(name: &str) -> Option<String> {
    let (before, uid) = name.rsplit_once("pod")?;
    if !(before.is_empty() || before.ends_with('-')) {
        return None;
    }
    let uid = uid.replace('_', "-");
    let fits = |(index, byte): (usize, u8)| match index {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    (uid.len() == UUID_LENGTH && uid.bytes().enumerate().all(fits)).then_some(uid)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const ID: &str = "4f1c2d3e4f1c2d3e4f1c2d3e4f1c2d3e4f1c2d3e4f1c2d3e4f1c2d3e4f1c2d3e";
    const UID: &str = "0a1b2c3d-1111-2222-3333-444455556666";

    #[rstest]
    #[case::plain("nginx")]
    #[case::parentheses("a) S 1 (b")]
    #[case::newline("a\nb")]
    fn names_do_not_shift_the_fields(#[case] name: &str) {
        let stat = format!("12 ({name}) S 1 12 12 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1000 10 0\n");
        let status = parse_stat(stat.as_bytes()).unwrap();
        assert_eq!(status.comm, name);
        assert_eq!(status.start_time, 98765);
    }

    #[test]
    fn a_short_file_is_no_status() {
        assert_eq!(parse_stat(b"12 (nginx) S 1"), None);
        assert_eq!(parse_stat(b")("), None);
    }

    #[rstest]
    #[case::docker("0::/system.slice/docker-ID.scope\n", true, false)]
    #[case::docker_v1("12:cpu:/docker/ID\n11:memory:/docker/ID\n", true, false)]
    #[case::podman("0::/machine.slice/libpod-ID.scope/container\n", true, false)]
    #[case::containerd(
        "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podUND.slice/cri-containerd-ID.scope\n",
        true,
        true
    )]
    #[case::crio("0::/kubepods.slice/kubepods-podUND.slice/crio-ID.scope\n", true, true)]
    #[case::cgroupfs("0::/kubepods/besteffort/podUID/ID\n", true, true)]
    #[case::containerd_prefix("0::/kubepods-podUND.slice:cri-containerd:ID\n", true, true)]
    #[case::service("0::/system.slice/nginx.service\n", false, false)]
    #[case::root("0::/\n", false, false)]
    #[case::short_id("0::/docker/4f1c2d3e\n", false, false)]
    #[case::not_a_pod("0::/tripodUID/x\n", false, false)]
    #[case::nothing("", false, false)]
    fn control_groups(#[case] text: &str, #[case] container: bool, #[case] pod: bool) {
        let text = text
            .replace("UID", UID)
            .replace("UND", &UID.replace('-', "_"))
            .replace("ID", ID);
        let origin = parse_cgroup(&text);
        assert_eq!(origin.container.as_deref(), container.then_some(ID));
        assert_eq!(origin.pod_uid.as_deref(), pod.then_some(UID));
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed(stat: Vec<u8>, cgroup: String) {
            parse_stat(&stat);
            parse_cgroup(&cgroup);
        }
    }
}

//! What the engine measures for processors, which have no clock and do no I/O: the process's memory and how much it may
//! use. Reads Linux's `/proc` and control groups; elsewhere everything is zero, which means unknown.

use std::{fs, path::Path};

use super::Vitals;

/// Measures now.
pub(super) fn read() -> Vitals {
    read_under(Path::new("/"))
}

fn read_under(root: &Path) -> Vitals {
    let text = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
    let machine = kilobytes(&text("proc/meminfo"), "MemTotal:").unwrap_or(0);
    let container = container_limit(&text("proc/self/cgroup"), text).filter(|limit| machine == 0 || *limit < machine);
    Vitals {
        // `status` gives kilobytes where `statm` gives pages, whose size is not 4 KiB everywhere.
        rss_bytes: kilobytes(&text("proc/self/status"), "VmRSS:").unwrap_or(0),
        memory_total_bytes: container.unwrap_or(machine),
    }
}

/// The number in a line such as `VmRSS:     1234 kB`, in bytes.
fn kilobytes(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    let number: u64 = line.split_whitespace().next()?.parse().ok()?;
    number.checked_mul(1024)
}

/// The lowest limit of the process's control group and those above it: `memory.max` (v2), `memory.limit_in_bytes` (v1).
fn container_limit(cgroup: &str, text: impl Fn(&str) -> String) -> Option<u64> {
    let limits = cgroup.lines().flat_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, group) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let (mount, file) = match controllers {
            "" => ("sys/fs/cgroup", "memory.max"),
            list if list.split(',').any(|name| name == "memory") => ("sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => return Vec::new(),
        };
        let group = group.trim_matches('/');
        let above = group.match_indices('/').map(|(end, _)| &group[..end]);
        // In a container of its own namespace the group's path does not exist, and the limit stands at the top.
        let groups = above.chain(["", group]);
        let paths = groups.map(|group| format!("{mount}/{group}/{file}").replace("//", "/"));
        paths
            .filter_map(|path| text(&path).trim().parse::<u64>().ok())
            .collect()
    });
    limits.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files and what is read from them: (rss, total).
    fn check(files: &[(&str, &str)], expected: (u64, u64)) {
        let root = tempfile::tempdir().expect("a directory");
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("it has one")).expect("a directory");
            fs::write(path, text).expect("a file");
        }
        let vitals = read_under(root.path());
        assert_eq!((vitals.rss_bytes, vitals.memory_total_bytes), expected, "{files:?}");
    }

    const MEMINFO: (&str, &str) = ("proc/meminfo", "MemTotal:       8000000 kB\nMemFree: 1 kB\n");
    const STATUS: (&str, &str) = ("proc/self/status", "Name:\tplanoai\nVmRSS:\t    2048 kB\n");
    const MACHINE: u64 = 8_000_000 * 1024;

    #[test]
    fn a_machine_without_groups() {
        check(&[], (0, 0));
        check(&[MEMINFO, STATUS], (2 << 20, MACHINE));
    }

    #[test]
    fn the_lowest_limit_on_the_way_up_counts() {
        let v2 = ("proc/self/cgroup", "0::/kube/pod/main\n");
        let top = ("sys/fs/cgroup/memory.max", "max\n");
        check(&[MEMINFO, v2, top], (0, MACHINE));
        let pod = ("sys/fs/cgroup/kube/pod/memory.max", "100000\n");
        let own = ("sys/fs/cgroup/kube/pod/main/memory.max", "300000\n");
        check(&[MEMINFO, v2, top, pod, own], (0, 100_000));
    }

    #[test]
    fn a_container_that_sees_only_its_own_group() {
        let v2 = ("proc/self/cgroup", "0::/\n");
        check(
            &[MEMINFO, v2, ("sys/fs/cgroup/memory.max", "4096000\n")],
            (0, 4_096_000),
        );
    }

    #[test]
    fn the_first_version_of_groups() {
        let v1 = ("proc/self/cgroup", "5:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n");
        let unlimited = ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        check(&[MEMINFO, v1, unlimited], (0, MACHINE));
        let own = ("sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes", "5000\n");
        check(&[MEMINFO, v1, unlimited, own], (0, 5000));
    }

    #[test]
    fn this_very_process() {
        let vitals = read();
        if cfg!(target_os = "linux") {
            assert!(vitals.rss_bytes > 1 << 20 && vitals.memory_total_bytes > vitals.rss_bytes);
        }
    }
}

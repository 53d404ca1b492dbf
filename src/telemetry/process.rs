//! What the system says of this process: CPU time and resident memory. Where it says nothing (not Linux), neither do we.

use std::fs;

/// Ticks of the clock in `/proc`, a second. 100 on every Linux that this program is built for.
const TICKS: f64 = 100.0;

/// CPU time since the start, user and system, in seconds.
pub(super) fn cpu_seconds() -> Option<f64> {
    cpu_of(&fs::read_to_string("/proc/self/stat").ok()?)
}

/// Resident memory in bytes.
pub(super) fn resident_bytes() -> Option<f64> {
    resident_of(&fs::read_to_string("/proc/self/status").ok()?)
}

/// Fields 14 and 15 of `/proc/self/stat`, counted after the name, which may hold anything (proc(5)).
fn cpu_of(stat: &str) -> Option<f64> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let (user, system) = (
        fields.get(11)?.parse::<f64>().ok()?,
        fields.get(12)?.parse::<f64>().ok()?,
    );
    Some((user + system) / TICKS)
}

/// `VmRSS` of `/proc/self/status`, which is in KiB (proc(5)).
fn resident_of(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib = line.split_whitespace().next()?.parse::<f64>().ok()?;
    Some(kib * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_linux_writes() {
        let stat = "7 (a ) name) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0 100 1000 10 18446744073709551615";
        assert_eq!(cpu_of(stat), Some(3.0));
        assert_eq!(
            resident_of("Name:\tx\nVmRSS:\t    2048 kB\nThreads: 1\n"),
            Some(2_097_152.0)
        );
        assert_eq!((cpu_of(""), resident_of("VmRSS: many kB")), (None, None));
    }
}

//! What a process takes of its machine, as Linux' `/proc` has it; elsewhere nothing of it is known, and all of it is 0.

use super::Process;
use std::fmt;
#[cfg(target_os = "linux")]
use std::fs;

/// Memory, threads and descriptors of a process.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Footprint {
    /// Resident memory in KiB.
    pub memory_kib: u64,
    /// The most it has been since [`Footprint::forget_peak`].
    pub peak_kib: u64,
    /// Threads.
    pub threads: u64,
    /// Open descriptors.
    pub descriptors: u64,
}

#[cfg(target_os = "linux")]
impl Footprint {
    /// Of a process that runs.
    pub fn of(process: &Process) -> Footprint {
        let folder = format!("/proc/{}", process.id());
        let status = fs::read_to_string(format!("{folder}/status")).expect("the process runs");
        let number = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key)).expect("a line of its own");
            line.trim_matches([':', ' ', '\t', 'k', 'B']).parse().expect("a number")
        };
        Footprint {
            memory_kib: number("VmRSS"),
            peak_kib: number("VmHWM"),
            threads: number("Threads"),
            descriptors: fs::read_dir(format!("{folder}/fd")).expect("the process runs").count() as u64,
        }
    }

    /// From here on the peak counts anew.
    pub fn forget_peak(process: &Process) {
        fs::write(format!("/proc/{}/clear_refs", process.id()), "5").expect("our own process");
    }
}

#[cfg(not(target_os = "linux"))]
impl Footprint {
    /// Unknown.
    pub fn of(_: &Process) -> Footprint {
        Footprint::default()
    }

    /// Nothing to forget.
    pub fn forget_peak(_: &Process) {}
}

impl fmt::Display for Footprint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Footprint { memory_kib, threads, descriptors, .. } = self;
        write!(out, "{:.1} MiB, {threads} threads, {descriptors} descriptors", *memory_kib as f64 / 1024.0)
    }
}

//! How many connections this machine can hold, by the limits that the system sets on threads and descriptors.
//!
//! A thread that cannot be had is no error that could be handled: where its fourth mapping is refused, the standard
//! library ends the process. So no thread may be started beyond what is worked out here.

use std::fmt;
#[cfg(target_os = "linux")]
use std::fs;

use crate::limits;

/// One of the system's limits, and how many connections fit under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Capacity {
    pub connections: usize,
    limit: Limit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    Descriptors,
    Threads,
    UserProcesses,
    GroupProcesses,
    Mappings,
}

impl fmt::Display for Capacity {
    /// What the limit is and how to raise it, for one line of the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, how) = match self.limit {
            Limit::Descriptors => ("open files", "ulimit -n, or LimitNOFILE= of the service"),
            Limit::Threads => ("threads of the whole system", "sysctl kernel.threads-max and kernel.pid_max"),
            Limit::UserProcesses => ("processes of this user", "ulimit -u, or LimitNPROC= of the service"),
            Limit::GroupProcesses => {
                ("processes of this control group", "TasksMax= of the service, or pids.max")
            }
            Limit::Mappings => ("memory mappings of a process", "sysctl vm.max_map_count"),
        };
        write!(f, "this system's limit on {what} allows {} connections; to raise it: {how}", self.connections)
    }
}

/// What the system allows this process, as far as it tells; none where it sets no limit.
#[derive(Debug, Default, Clone, Copy)]
struct Allowed {
    descriptors: Option<u64>,
    threads: Option<u64>,
    user_processes: Option<u64>,
    group_processes: Option<u64>,
    mappings: Option<u64>,
}

/// What this machine can hold now, by its lowest limit; none where it sets none.
pub(crate) fn capacity() -> Option<Capacity> {
    lowest(&allowed())
}

fn lowest(allowed: &Allowed) -> Option<Capacity> {
    let fits = |limit, allowed: Option<u64>, spare: u64, each: u64| {
        let allowed = allowed?;
        // Where there is little, half of it is for connections.
        let connections = allowed.saturating_sub(spare.min(allowed / 2)) / each;
        Some(Capacity { connections: usize::try_from(connections).unwrap_or(usize::MAX).max(1), limit })
    };
    [
        fits(Limit::Descriptors, allowed.descriptors, limits::SPARE_DESCRIPTORS, 1),
        fits(Limit::Threads, allowed.threads, limits::SPARE_THREADS, 1),
        fits(Limit::UserProcesses, allowed.user_processes, limits::SPARE_THREADS, 1),
        fits(Limit::GroupProcesses, allowed.group_processes, limits::SPARE_THREADS, 1),
        fits(Limit::Mappings, allowed.mappings, limits::SPARE_MAPPINGS, limits::THREAD_MAPPINGS),
    ]
    .into_iter()
    .flatten()
    .min_by_key(|capacity| capacity.connections)
}

#[cfg(unix)]
fn allowed() -> Allowed {
    let descriptors = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    Allowed { descriptors, ..allowed_by_proc() }
}

#[cfg(not(unix))]
fn allowed() -> Allowed {
    Allowed::default()
}

#[cfg(target_os = "linux")]
fn allowed_by_proc() -> Allowed {
    use rustix::process::{Resource, getrlimit};
    let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let threads = [number("/proc/sys/kernel/threads-max"), number("/proc/sys/kernel/pid_max")];
    // Root may have as many processes as the others allow.
    let is_root = rustix::process::geteuid().is_root();
    Allowed {
        descriptors: None,
        threads: threads.into_iter().flatten().min(),
        user_processes: getrlimit(Resource::Nproc).current.filter(|_| !is_root),
        group_processes: group_processes(),
        mappings: number("/proc/sys/vm/max_map_count"),
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
fn allowed_by_proc() -> Allowed {
    let user_processes = rustix::process::getrlimit(rustix::process::Resource::Nproc).current;
    Allowed { user_processes, ..Allowed::default() }
}

/// What is left of the tightest `pids.max` of this process' control group and of all above it.
#[cfg(target_os = "linux")]
fn group_processes() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = groups.lines().find_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        match controllers {
            "" => Some(format!("/sys/fs/cgroup{path}")),
            "pids" => Some(format!("/sys/fs/cgroup/pids{path}")),
            _ => None,
        }
    })?;
    let left = |group: &std::path::Path| {
        let number = |name| fs::read_to_string(group.join(name)).ok()?.trim().parse::<u64>().ok();
        Some(number("pids.max")?.saturating_sub(number("pids.current")?))
    };
    std::path::Path::new(&own).ancestors().filter_map(left).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_limit_counts_and_says_how_to_raise_it() {
        let plenty = Allowed {
            descriptors: Some(1 << 20),
            threads: Some(1 << 20),
            user_processes: None,
            group_processes: None,
            mappings: Some(1 << 24),
        };
        for (allowed, how) in [
            (Allowed { descriptors: Some(4_096), ..plenty }, "ulimit -n"),
            (Allowed { threads: Some(4_096), ..plenty }, "kernel.threads-max"),
            (Allowed { user_processes: Some(4_096), ..plenty }, "ulimit -u"),
            (Allowed { group_processes: Some(4_096), ..plenty }, "TasksMax="),
            (Allowed { mappings: Some(16_384), ..plenty }, "vm.max_map_count"),
        ] {
            let lowest = lowest(&allowed).expect("a limit");
            assert!((1_000..4_096).contains(&lowest.connections), "{lowest}");
            assert!(lowest.to_string().contains(how), "{lowest}");
        }
    }

    #[test]
    fn a_machine_as_it_comes_holds_fifteen_thousand() {
        let allowed = Allowed { mappings: Some(65_530), ..Allowed::default() };
        let lowest = lowest(&allowed).expect("a limit");
        assert!(
            (15_000..16_300).contains(&lowest.connections),
            "more, and starting a thread ends the process: {lowest}"
        );
    }

    #[test]
    fn a_machine_with_next_to_nothing_still_lets_one_in() {
        for (descriptors, connections) in [(0, 1), (16, 8), (100, 50)] {
            let allowed = Allowed { descriptors: Some(descriptors), ..Allowed::default() };
            assert_eq!(lowest(&allowed).map(|lowest| lowest.connections), Some(connections));
        }
        assert_eq!(lowest(&Allowed::default()), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_system_tells_its_limits() {
        let allowed = allowed();
        assert!(allowed.descriptors.is_some() && allowed.threads.is_some() && allowed.mappings.is_some());
    }
}

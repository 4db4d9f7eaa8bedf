//! The names under which others in its network know this machine.

use std::fs;

/// Where Unix keeps the endings that are tried after a short name.
const RESOLVER: &str = "/etc/resolv.conf";

/// This machine's full names now, in lower case: its own, and its short one with each of the network's endings.
pub(crate) fn own_names() -> Vec<String> {
    // Missing, as on Windows: then there are no endings.
    names(&host_name(), &fs::read_to_string(RESOLVER).unwrap_or_default())
}

#[cfg(unix)]
fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn host_name() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_default()
}

/// Endings of one part are left out: with `search com`, somebody's `laptop.com` would be this machine. A server that hands out a
/// longer one for that purpose answers for all names of this network anyway.
fn names(host: &str, resolver: &str) -> Vec<String> {
    let plain = |name: &str| name.trim_end_matches('.').to_ascii_lowercase();
    let host = plain(host);
    let short = host.split('.').next().unwrap_or_default();
    let words =
        resolver.lines().map(|line| line.split(['#', ';']).next().unwrap_or_default().split_whitespace());
    let endings = words.filter_map(|mut words| {
        let kind = words.next()?;
        ["search", "domain"].contains(&kind).then_some(words)
    });
    let endings = endings.flatten().map(plain).filter(|ending| ending.contains('.'));
    let full = endings.filter(|_| !short.is_empty()).map(|ending| format!("{short}.{ending}"));
    full.chain(host.contains('.').then(|| host.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_its_own_name_with_each_ending_of_the_network() {
        for (host, resolver, expected) in [
            ("laptop", "nameserver 192.168.178.1\nsearch fritz.box\n", &["laptop.fritz.box"][..]),
            ("Laptop.", "search Fritz.Box. school.example\n", &["laptop.fritz.box", "laptop.school.example"]),
            (
                "laptop",
                "# search a.example\n;search b.example\ndomain speedport.ip # at home\n",
                &["laptop.speedport.ip"],
            ),
            ("laptop", "  search\ta.example\n", &["laptop.a.example"]),
            (
                "pc7.school.example",
                "search lan.school.example\n",
                &["pc7.lan.school.example", "pc7.school.example"],
            ),
            ("laptop.co.uk", "search uk", &["laptop.co.uk"]),
            ("laptop", "search com . box\noptions edns0 trust-ad\nsearchlight a.example\n", &[]),
            ("laptop", "", &[]),
            ("", "search fritz.box\n", &[]),
        ] {
            assert_eq!(names(host, resolver), expected, "{host} {resolver}");
        }
        assert!(own_names().iter().all(|name| name.contains('.')), "single names are allowed as they are");
    }
}

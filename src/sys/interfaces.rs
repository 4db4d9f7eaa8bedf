//! This machine's network interfaces, and how likely others reach it by each.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Once;

/// One address of one network interface of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// The system's name for it, such as `eth0` or `Wi-Fi`.
    pub name: String,
    pub address: IpAddr,
    /// Bits with which every address in its network begins.
    pub prefix: u8,
    /// Whether it is one end of a line, as a VPN's is, and not a place in a network.
    pub point_to_point: bool,
}

/// The interfaces of this machine now; none, with a warning in the log the first time, if the system does not tell.
pub fn interfaces() -> Vec<Interface> {
    static WARNING: Once = Once::new();
    let found = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        WARNING.call_once(|| log::warn!("cannot list this machine's addresses: {error}"));
        Vec::new()
    });
    // One that is down (no cable, no Wi-Fi) may keep its address.
    let running = found.into_iter().filter(if_addrs::Interface::is_oper_up);
    running
        .map(|found| Interface {
            address: found.ip(),
            prefix: match &found.addr {
                if_addrs::IfAddr::V4(own) => own.prefixlen,
                if_addrs::IfAddr::V6(own) => own.prefixlen,
            },
            point_to_point: found.is_p2p(),
            name: found.name,
        })
        .collect()
}

impl Interface {
    /// Whether somebody at this address is in the same network, with no router between.
    pub(crate) fn has_neighbour(&self, other: Ipv4Addr) -> bool {
        let IpAddr::V4(own) = self.address else { return false };
        let other_bits = u32::BITS.saturating_sub(self.prefix.into());
        (own.to_bits() ^ other.to_bits()).checked_shr(other_bits).unwrap_or(0) == 0
    }
}

/// The interfaces under whose address others may reach a listener on `bind`, best first.
pub(crate) fn reachable(bind: IpAddr, interfaces: &[Interface]) -> Vec<&Interface> {
    let wanted = |address: IpAddr| match bind {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => address.is_ipv4(),
        // An IPv6 socket takes IPv4 too, unless the system was told otherwise.
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => true,
        one => address == one,
    };
    let mut found: Vec<_> =
        interfaces.iter().filter(|i| wanted(i.address) && is_handed_out(i.address)).collect();
    found.sort_by_key(|interface| (is_virtual(interface), range_rank(interface.address)));
    found.dedup_by_key(|interface| interface.address);
    found
}

/// Link-local IPv6 needs a zone that no other device knows, and link-local IPv4 means that no network answered.
fn is_handed_out(address: IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    !link_local && !address.is_loopback() && !address.is_unspecified() && !address.is_multicast()
}

/// How likely the phones in the room share this network; less is better.
fn range_rank(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(v4) => match v4.octets() {
            [192, 168, ..] => 0,
            [10, ..] => 1,
            [172, 16..=31, ..] => 2,
            _ => 3,
        },
        IpAddr::V6(v6) if v6.is_unique_local() => 4,
        IpAddr::V6(_) => 5,
    }
}

/// Whether an interface leads to containers, virtual machines or a VPN, as far as its name and address tell.
pub(crate) fn is_virtual(interface: &Interface) -> bool {
    // Not "bridge": so is called the hotspot of a Mac.
    const NAMES: [&str; 29] = [
        "docker",
        "podman",
        "br-",
        "veth",
        "vethernet",
        "virbr",
        "vmnet",
        "vmware",
        "vboxnet",
        "virtualbox",
        "vnic",
        "cni",
        "flannel",
        "cali",
        "lxc",
        "lxd",
        "tun",
        "tap",
        "utun",
        "wg",
        "ppp",
        "ipsec",
        "zt",
        "tailscale",
        "nordlynx",
        "proton",
        "ham",
        "openvpn",
        "wireguard",
    ];
    let name = interface.name.to_ascii_lowercase();
    // 100.64.0.0/10 is shared among carriers' customers and mesh VPNs; no Wi-Fi hands it out.
    let shared = matches!(interface.address, IpAddr::V4(v4) if matches!(v4.octets(), [100, 64..=127, ..]));
    interface.point_to_point || shared || NAMES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn interface(name: &str, address: &str) -> Interface {
        Interface {
            name: name.to_owned(),
            address: address.parse().expect("an address"),
            prefix: 24,
            point_to_point: name.starts_with("p2p"),
        }
    }

    /// A laptop with Wi-Fi, cable, containers and a VPN, in an order of no help.
    pub(crate) fn laptop() -> Vec<Interface> {
        vec![
            interface("lo", "127.0.0.1"),
            interface("docker0", "172.17.0.1"),
            interface("p2p-vpn", "10.8.0.2"),
            interface("tailscale0", "100.101.102.103"),
            interface("br-3f2a", "192.168.144.1"),
            interface("eth1", "203.0.113.9"),
            interface("eth0", "10.1.2.3"),
            interface("eth0", "fe80::1"),
            interface("eth0", "2001:db8::5"),
            interface("eth0", "fd00::5"),
            interface("usb0", "169.254.7.7"),
            interface("wlan0", "192.168.1.5"),
        ]
    }

    #[test]
    fn a_macs_own_hotspot_is_a_network_of_people() {
        let is_virtual = |name| is_virtual(&interface(name, "192.168.2.1"));
        assert!(!is_virtual("bridge100") && is_virtual("br-3f2a") && is_virtual("vmnet8"));
    }

    fn ranked(bind: &str) -> Vec<String> {
        let bind = bind.parse().expect("an address");
        reachable(bind, &laptop()).iter().map(|i| i.address.to_string()).collect()
    }

    #[test]
    fn a_neighbour_has_the_same_beginning() {
        let neighbours = |prefix, other: [u8; 4]| {
            Interface { prefix, ..interface("eth0", "192.168.1.5") }.has_neighbour(other.into())
        };
        assert!(neighbours(24, [192, 168, 1, 255]) && !neighbours(24, [192, 168, 2, 5]));
        assert!(neighbours(23, [192, 168, 0, 9]) && !neighbours(23, [192, 168, 2, 9]));
        assert!(neighbours(32, [192, 168, 1, 5]) && !neighbours(32, [192, 168, 1, 4]));
        assert!(neighbours(0, [8, 8, 8, 8]) && !interface("eth0", "fd00::5").has_neighbour([0; 4].into()));
    }

    #[test]
    fn lan_addresses_come_first_and_virtual_ones_last() {
        assert_eq!(
            ranked("0.0.0.0"),
            [
                "192.168.1.5",
                "10.1.2.3",
                "203.0.113.9",
                "192.168.144.1",
                "10.8.0.2",
                "172.17.0.1",
                "100.101.102.103"
            ]
        );
        assert_eq!(ranked("::")[..5], ["192.168.1.5", "10.1.2.3", "203.0.113.9", "fd00::5", "2001:db8::5"]);
        assert_eq!(ranked("10.1.2.3"), ["10.1.2.3"]);
        assert!(ranked("127.0.0.1").is_empty());
    }
}

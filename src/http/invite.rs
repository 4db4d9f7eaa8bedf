//! The address that is handed out.
//!
//! A laptop has many addresses, and the phones in the room can reach one of them: the best stands in the banner, in its QR
//! code and in `GET /api/invite`. It is worked out each time, since a laptop changes its Wi-Fi while the room is open.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::Config;
use crate::lan_name::LanName;
use crate::protocol::origin;
use crate::sys::interfaces::{Interface, reachable};

/// The address to hand out: the first `--public-url`, else the best address in the local network, else the one for
/// this computer alone. `port` is the one that is listened on.
pub(crate) fn invite_url(config: &Config, port: u16, interfaces: &[Interface]) -> String {
    best_url(config, port, interfaces).unwrap_or_else(|| local_url(config.bind, port))
}

/// The best address for others, if there is one.
pub(crate) fn best_url(config: &Config, port: u16, interfaces: &[Interface]) -> Option<String> {
    config.public_urls.first().map(|url| origin::handed_out(url)).or_else(|| {
        let best = reachable(config.bind, interfaces).into_iter().next().map(|best| best.address);
        // An address that the operator chose counts, whether or not the system lists it.
        let bound = (!config.bind.is_unspecified() && !config.bind.is_loopback()).then_some(config.bind);
        bound.or(best).map(|address| url(address, port))
    })
}

/// The address for a browser on this computer.
pub(crate) fn local_url(bind: IpAddr, port: u16) -> String {
    match bind {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) | IpAddr::V6(Ipv6Addr::UNSPECIFIED) => {
            url(Ipv4Addr::LOCALHOST.into(), port)
        }
        one => url(one, port),
    }
}

/// The address with the room's name in the local network, if it has one: easier to type, and not for every device. A room with an
/// address for everywhere needs none.
pub(crate) fn named_url(config: &Config, name: &LanName, port: u16) -> Option<String> {
    name.get().filter(|_| config.public_urls.is_empty()).map(|name| with_port(&name, port))
}

pub(crate) fn url(address: IpAddr, port: u16) -> String {
    match address {
        IpAddr::V4(v4) => with_port(&v4.to_string(), port),
        IpAddr::V6(v6) => with_port(&format!("[{v6}]"), port),
    }
}

fn with_port(host: &str, port: u16) -> String {
    if port == 80 { format!("http://{host}") } else { format!("http://{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::serve;
    use crate::sys::interfaces::tests::{interface, laptop};

    #[test]
    fn the_invite_is_the_public_url_else_the_best_address_else_this_computer() {
        let invite = |arguments: &[&str], interfaces: &[Interface]| {
            invite_url(&serve(&arguments.join(" ")), 5000, interfaces)
        };
        assert_eq!(invite(&["--public-url", "https://chat.example"], &laptop()), "https://chat.example");
        assert_eq!(
            invite(&["--public-url", "https://school.example/chat"], &laptop()),
            "https://school.example/chat/"
        );
        assert_eq!(invite(&[], &laptop()), "http://192.168.1.5:5000");
        assert_eq!(invite(&["--bind", "10.1.2.3"], &laptop()), "http://10.1.2.3:5000");
        assert_eq!(invite(&["--bind", "10.9.9.9"], &laptop()), "http://10.9.9.9:5000");
        assert_eq!(invite(&["--bind", "fd00::5"], &laptop()), "http://[fd00::5]:5000");
        assert_eq!(invite(&["--bind", "127.0.0.1"], &laptop()), "http://127.0.0.1:5000");
        assert_eq!(invite(&[], &[interface("lo", "127.0.0.1")]), "http://127.0.0.1:5000");
        assert_eq!(invite_url(&serve(""), 80, &laptop()), "http://192.168.1.5");
        let named = LanName::found("chat-2.local");
        assert_eq!(named_url(&serve(""), &named, 5000).as_deref(), Some("http://chat-2.local:5000"));
        assert_eq!(named_url(&serve(""), &named, 80).as_deref(), Some("http://chat-2.local"));
        assert_eq!(named_url(&serve(""), &LanName::default(), 80), None);
        assert_eq!(named_url(&serve("--public-url https://a.example"), &named, 80), None);
    }
}

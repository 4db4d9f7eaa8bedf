//! What the operator sees in the terminal: the banner at start, and what each command says once it is done.
//!
//! | file | owns |
//! |---|---|
//! | `commands.rs` | what the commands beside the room say |
//! | `layout.rs` | lines that no terminal has to break, and QR codes in half blocks |

mod commands;
mod layout;

use std::io::{self, IsTerminal, Write};
use std::net::IpAddr;

use crate::config::Config;
use crate::http::invite::{best_url, invite_url, local_url, named_url, url};
use crate::limits::LAN_BANNER;
use crate::protocol::origin;
use crate::server::Opened;
use crate::sys::interfaces::{Interface, interfaces, is_virtual, reachable};
use layout::{drawn, wrapped};

pub use commands::{backup, host_link, name_freed, open_already, reset_link, restored};

/// Prints the banner, or with `--quiet` the address alone. A closed standard output is no reason to close a room.
pub fn print(config: &Config, opened: &Opened) {
    let interfaces = interfaces();
    let text = if config.quiet {
        invite_url(config, opened.port, &interfaces) + "\n"
    } else {
        let tty = io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        opened.lan_name.wait(LAN_BANNER);
        banner(config, opened, &interfaces, tty)
    };
    // Not `print!`: it panics when nobody reads.
    let mut stdout = io::stdout().lock();
    if let Err(error) = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        log::debug!("nobody reads standard output: {error}");
    }
}

/// The link that makes a browser on this computer a host's.
pub fn host_link_here(bind: IpAddr, port: u16, key: &str) -> String {
    let local = local_url(bind, port).replace("//127.0.0.1:", "//localhost:");
    format!("{local}/#host={key}")
}

/// The banner: what is needed once comes first, and last the address with its QR code, which so are seen however little the
/// terminal shows. For a terminal (`tty`) with colours, the code and the link that makes a host, else plain lines.
fn banner(config: &Config, opened: &Opened, interfaces: &[Interface], tty: bool) -> String {
    let bold = |text: &str| if tty { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() };
    let (local, invite) = (local_url(config.bind, opened.port), best_url(config, opened.port, interfaces));
    let title = bold(&opened.title);
    let mut out = wrapped("", title.split(' ').chain(["", "(Ctrl-C", "closes", "the", "room)"]));
    if ![0, opened.port].contains(&config.port) {
        out +=
            &format!("  Port {} is taken by another program: this room has {}.\n", config.port, opened.port);
    }
    // One link for this computer. Secrets are for a terminal: anything else may be a file, or another program's window.
    out += &match tty {
        true => wrapped("To run the room", [&*host_link_here(config.bind, opened.port, &opened.host_key)]),
        false => wrapped("On this computer", [&*local]),
    };
    if let Some(code) = &opened.invite_code {
        out +=
            &wrapped("To sign up", [&*bold(&code.to_string()), "(members only; a host can make a new code)"]);
    }
    // Absolute, for an operator who looks for the file later.
    let database = std::path::absolute(&config.database).unwrap_or_else(|_| config.database.clone());
    out += &wrapped("History is kept", [&*database.display().to_string()]);
    let others = others(config, opened.port, interfaces);
    let others: Vec<&str> =
        others.iter().filter(|other| invite.as_ref() != Some(other)).map(String::as_str).collect();
    if !others.is_empty() {
        out += &wrapped("Also at", others);
    }
    match &invite {
        Some(invite) => {
            let advice = format!("Same Wi-Fi, no VPN or guest network; firewall lets {} in", opened.port);
            out += &wrapped("Can't connect?", advice.split(' '));
            out += &drawn(invite, tty);
            let (invite, named) = (bold(invite), named_url(config, &opened.lan_name, opened.port));
            let named = named.iter().flat_map(|named| ["or", named]);
            out += &wrapped("Everybody opens", [&*invite].into_iter().chain(named));
        }
        None if config.bind.is_loopback() => {
            out += "  Only this computer can open it: start with --bind 0.0.0.0 to let others in.\n";
        }
        None => out += "  No network found: join a Wi-Fi, and everybody in it can open the room.\n",
    }
    out
}

/// Where else the room may be opened: at its public URLs, and in every network of this computer.
fn others(config: &Config, port: u16, interfaces: &[Interface]) -> Vec<String> {
    let public = config.public_urls.iter().map(|url| origin::handed_out(url));
    let own = reachable(config.bind, interfaces).into_iter().map(|interface| {
        let url = url(interface.address, port);
        if is_virtual(interface) {
            format!("{url} ({}, a virtual network or VPN)", interface.name)
        } else {
            url
        }
    });
    public.chain(own).collect()
}

#[cfg(test)]
mod tests {
    use super::layout::{COLUMNS, width};
    use super::*;
    use crate::accounts::invite::InviteCode;
    use crate::lan_name::LanName;
    use crate::sys::interfaces::tests::{interface, laptop};

    fn config(arguments: &[&str]) -> Config {
        match crate::config::parse(arguments.iter().map(std::ffi::OsString::from)) {
            Ok(crate::config::Invocation::Serve(config)) => *config,
            other => panic!("{arguments:?}: {other:?}"),
        }
    }

    fn opened(title: &str, invite_code: Option<&InviteCode>) -> Opened {
        let (title, invite_code) = (title.to_owned(), invite_code.cloned());
        let lan_name = LanName::found("chat.local").into();
        let host_key = "KEY".to_owned();
        Opened { port: 5000, title, invite_code, host_key, first_key: String::new(), lan_name }
    }

    fn banner(arguments: &[&str], interfaces: &[Interface], tty: bool) -> String {
        let config = config(arguments);
        let title = config.title.clone().unwrap_or_else(|| "Chat".to_owned());
        let opened = opened(&title, None);
        super::banner(&config, &opened, interfaces, tty)
    }

    #[test]
    fn a_room_for_members_shows_its_code() {
        let code = InviteCode::random().expect("random");
        let opened = opened("Chat", Some(&code));
        let shown = super::banner(&config(&["--members-only"]), &opened, &laptop(), false);
        assert!(shown.contains(&format!("To sign up        {code}")), "{shown}");
        assert!(!banner(&[], &laptop(), false).contains("To sign up"));
    }

    #[test]
    fn a_terminal_shows_everything_the_operator_needs() {
        let shown = banner(&["--title", "Physics 9b", "--database", "room.db"], &laptop(), true);
        for part in [
            "Physics 9b",
            "http://192.168.1.5:5000",
            "http://10.1.2.3:5000",
            "http://172.17.0.1:5000 (docker0, a virtual network or VPN)",
            "To run the room   http://localhost:5000/#host=KEY\n",
            "room.db",
            "Same Wi-Fi, no VPN or guest network; firewall lets 5000 in",
            "(Ctrl-C closes the room)",
            "▀",
            "\u{1b}[1m",
        ] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
        assert_eq!(shown.matches("http://192.168.1.5:5000").count(), 1, "{shown}");
        assert!(!shown.contains("169.254") && !shown.contains("fe80"), "{shown}");
        assert!(!shown.contains("127.0.0.1"), "one link for this computer: {shown}");
    }

    #[test]
    fn it_fits_the_smallest_terminal_and_ends_with_the_address() {
        let key = "k".repeat(43);
        let usual = Opened { host_key: key.clone(), ..opened("Physics 9b", None) };
        let database = format!("/home/ana/{}/chat.db", "d".repeat(80));
        let networks = [interface("lo", "127.0.0.1"), interface("wlan0", "192.168.178.25")];
        let shown = super::banner(&config(&[]), &usual, &networks, true);
        assert!(shown.lines().count() < 24, "and the cursor has a line: {shown}");
        let code = InviteCode::random().expect("random");
        let full = Opened { host_key: key.clone(), ..opened(&"Physics ".repeat(10), Some(&code)) };
        let full =
            super::banner(&config(&["--members-only", "--database", &database]), &full, &laptop(), true);
        for shown in [&shown, &full] {
            let whole = |line: &&str| !line.contains("dddd") && !line.contains(&key);
            assert!(shown.lines().filter(whole).all(|line| width(line) <= COLUMNS), "{shown}");
            assert!(shown.lines().any(|line| line.ends_with(&format!("#host={key}"))), "{shown}");
            let last = shown.lines().last().expect("lines");
            assert!(last.starts_with("  Everybody opens   \u{1b}[1mhttp://192.168."), "{last}");
            assert!(last.ends_with(":5000\u{1b}[0m or http://chat.local:5000"), "{last}");
        }
        let database = std::path::absolute(&database).expect("a path");
        assert!(full.contains(database.to_str().expect("plain")), "a path is never broken: {full}");
    }

    #[test]
    fn a_port_in_place_of_another_is_said() {
        let config = config(&[]);
        let on = |port| super::banner(&config, &Opened { port, ..opened("Chat", None) }, &laptop(), false);
        assert!(on(5001).contains("Port 5000 is taken by another program: this room has 5001."));
        assert!(!on(5000).contains("taken"));
    }

    #[test]
    fn without_a_terminal_there_are_plain_lines() {
        let shown = banner(&[], &laptop(), false);
        assert!(shown.contains("http://192.168.1.5:5000") && shown.contains("Ctrl-C"), "{shown}");
        assert!(!shown.contains("KEY"), "a secret is for a terminal only: {shown}");
        assert!(shown.chars().all(|c| c == '\n' || (!c.is_control() && !"█▀▄".contains(c))), "{shown}");
    }

    #[test]
    fn a_room_that_others_cannot_reach_says_so_and_shows_no_code() {
        let kept = banner(&["--bind", "127.0.0.1"], &laptop(), true);
        assert!(kept.contains("--bind 0.0.0.0") && kept.contains("http://localhost:5000"), "{kept}");
        let alone = banner(&[], &[interface("lo", "127.0.0.1")], true);
        assert!(alone.contains("No network found") && alone.contains("http://localhost:5000"), "{alone}");
        for shown in [kept, alone] {
            assert!(!shown.contains('▀') && !shown.contains("192.168"), "{shown}");
        }
    }

    #[test]
    fn bound_to_one_address_only_that_one_is_shown() {
        let shown = banner(&["--bind", "192.168.1.5"], &laptop(), false);
        assert!(shown.contains("On this computer  http://192.168.1.5:5000"), "{shown}");
        assert!(!shown.contains("10.1.2.3") && !shown.contains("127.0.0.1"), "{shown}");
    }

    #[test]
    fn a_public_url_leads_and_the_others_follow() {
        let urls = ["https://a.example/chat", "https://b.example", "https://b.example/room"];
        let shown = banner(&urls.map(|url| ["--public-url", url]).concat(), &laptop(), false);
        assert!(shown.contains("Everybody opens   https://a.example/chat/\n"), "{shown}");
        assert!(shown.contains("Also at           https://b.example https://b.example/room/\n"), "{shown}");
        assert_eq!(shown.matches("https://a.example").count(), 1, "{shown}");
        assert!(shown.contains(" http://192.168.1.5:5000 "), "{shown}");
    }
}

//! The operator's choices: command line → [`Config`], parsed once.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

/// What the operator chose. [`Config::default`] is what `chat-app` without flags does.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address to listen on; `0.0.0.0` is every IPv4 address of this machine.
    pub bind: IpAddr,
    /// Port to listen on; 0 takes a free one.
    pub port: u16,
    /// The SQLite file that holds the room's history.
    pub database: PathBuf,
    /// The room's title, shown in the page and in the banner.
    pub title: String,
    /// Origins (`https://chat.example.org`) under which a reverse proxy or a tunnel shows this server: their host
    /// is accepted in `Host`, they themselves in `Origin`.
    pub public_urls: Vec<String>,
    /// Messages a second for each client, twice that at once; 0 is no limit.
    pub rate_limit: u32,
    /// Connections in all.
    pub max_clients: usize,
    /// Connections from one address (IPv6: from one /64).
    pub max_clients_per_address: usize,
    /// Print nothing but the URL.
    pub quiet: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            bind: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            port: 5000,
            database: PathBuf::from("chat.db"),
            title: "Chat".to_owned(),
            public_urls: Vec::new(),
            rate_limit: 5,
            max_clients: 10_000,
            max_clients_per_address: 1_000,
            quiet: false,
        }
    }
}

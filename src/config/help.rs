//! What the program says of itself: `--help` and `--licenses`.

use std::io::Read;

use flate2::read::DeflateDecoder;

use super::{Config, FORMAT, LANGUAGES, LOG_LEVEL};
use crate::limits::{DEFAULT_CLIENTS, HISTORY_MEGABYTES, SIGNS};
use crate::protocol::signs::Signs;
use crate::protocol::title::DEFAULT_TITLE;

/// The text of `--licenses`, made by `.ci/licenses`.
pub fn licenses() -> String {
    let packed = include_bytes!(concat!(env!("OUT_DIR"), "/notices"));
    let mut text = String::new();
    DeflateDecoder::new(&packed[..]).read_to_string(&mut text).expect("the build has packed a text");
    text
}

/// The text of `--help`.
pub fn help() -> String {
    let Config {
        bind,
        port,
        spare_ports,
        database,
        rate_limit,
        max_clients_per_address,
        language,
        lan_name,
        ..
    } = Config::default();
    let (signs, none) = (Signs::DEFAULT, Signs::NONE);
    let lan_name = lan_name.unwrap_or_default();
    let (database, last_port) = (database.display(), port + spare_ports);
    let tags: Vec<&str> = LANGUAGES.split(' ').collect();
    let tags: String = tags.chunks(16).map(|tags| format!("\n{:31}{}", "", tags.join(" "))).collect();
    format!(
        "\
A chat room for everyone in the room: start it, and everybody else opens a browser tab.

Usage: chat-app [options]
       chat-app export [--format FORMAT] [--separator ';'] [--database FILE]
       chat-app backup NEW-FILE [--database FILE]
       chat-app restore BACKUP [--database FILE]
       chat-app reset-password EMAIL [--database FILE]
       chat-app host-link [--new] [--database FILE]
       chat-app free-name NAME [--database FILE]

Options
  --bind ADDRESS               address to listen on; 127.0.0.1 keeps it to this computer  [{bind}]
  --port PORT                  port to listen on, and no other; 0 takes a free one
                               [{port}, or where it is taken the next up to {last_port}]
  --database FILE              where the room's history is kept  [{database} here; after a double
                               click with the system's application data, as the room then says]
  --title TITLE                what the room is called, until its hosts call it otherwise
                               [{DEFAULT_TITLE}]
  --public-url URL             an address under which a proxy or a tunnel shows the room,
                               such as https://school.example/chat; may be given several times
  --members-only               let nobody read or write without an account; signing up
                               needs the code that the room shows to its host
  --lan-name NAME              name in the local network, where browsers find the room at
                               http://NAME.local:{port}; NAME-2 where somebody has it  [{lan_name}]
  --no-lan-name                announce no such name
  --trusted-proxy ADDRESS      a reverse proxy whose X-Forwarded-For is believed;
                               may be given several times
  --sendmail PROGRAM           mail links to who forgot their password, with any program
                               that takes mail as sendmail does
  --reactions SIGNS            what people react to messages with: up to {SIGNS} signs, in quotes and
                               with a blank after each, or {none}  [{signs}]
  --rate-limit NUMBER          messages a second for each person; 0 is no limit  [{rate_limit}]
  --history-megabytes NUMBER   what the history may take of the disk; it never takes the last
                               512 MB of it  [{HISTORY_MEGABYTES}]
  --max-clients NUMBER         connections in all  [{DEFAULT_CLIENTS}]
  --max-clients-per-address NUMBER
                               connections from one address  [{max_clients_per_address}]
  --language TAG               the page's language for those whose browsers ask for none that
                               it speaks  [{language}]:{tags}
  --log-level LEVEL            {LOG_LEVEL}; RUST_LOG does the same  [info]
  --no-open                    open no browser for the host; none is in any case from afar,
                               without a terminal or a display, or with --quiet
  -q, --quiet                  print nothing but the room's address
  -h, --help                   print this
  -V, --version                print the version
      --licenses               print the licence, and those of what others have written

Export writes the room's log to standard output, also while the room is open
  --format FORMAT              {FORMAT}  [txt]
  --separator SEPARATOR        between the fields of a csv: ',' or ';', which is what a spreadsheet
                               expects where people write 1,5  [,]
  --database FILE              the room's history  [{database}]

Backup copies the room's history to a new file, also while the room is open. Restore puts
such a copy in its place while the room is closed; what was there gets another name
  --database FILE              the room's history  [{database}]

Reset-password prints a link to choose a new password for the account with this address,
also while the room is open
  --database FILE              the room's history  [{database}]

Host-link prints a link that makes who opens it a host of the room, from any device, also
while the room is open
  --new                        end all earlier links, and the hosts made by them
  --database FILE              the room's history  [{database}]

Free-name frees a name that is kept for somebody, an account's or a deleted account's too,
also while the room is open. An account's owner keeps the account and chooses another name
  --database FILE              the room's history  [{database}]
"
    )
}

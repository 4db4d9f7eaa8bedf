//! The operator's choices: command line → [`Config`], parsed once. The help that it prints is in `help.rs`.

mod help;

use std::ffi::{OsStr, OsString};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use lexopt::{Arg, Parser};
use log::LevelFilter;

use crate::accounts::email::Email;
use crate::limits::{
    HISTORY_MEGABYTES, LAN_NAME_CHARACTERS, MAX_CLIENTS, MAX_HISTORY_MEGABYTES, RATE_LIMIT, TITLE_CHARACTERS,
};
use crate::protocol::names::Name;
use crate::protocol::origin;
use crate::protocol::signs::Signs;
use crate::protocol::title;
use crate::store::export::ExportFormat;
pub use help::{help, licenses};

/// The operator's choices. [`Config::default`] is `chat-app` without flags.
#[derive(Debug, Clone)]
pub struct Config {
    pub bind: IpAddr,
    /// 0 takes a free one.
    pub port: u16,
    /// Where the port is taken, the next free one of so many after it will do.
    pub spare_ports: u16,
    /// The room's SQLite file.
    pub database: PathBuf,
    /// Without one, the room is called what hosts have called it, else [`crate::protocol::title::DEFAULT_TITLE`].
    pub title: Option<String>,
    /// Addresses of a reverse proxy or a tunnel, each as [`origin::public_url`] returns it: their host is accepted in `Host`,
    /// their origin in `Origin`.
    pub public_urls: Vec<String>,
    /// Reading and writing need an account, and signing up needs the invite code.
    pub members_only: bool,
    /// The room's name in the local network, as it is asked for.
    pub lan_name: Option<String>,
    /// Reverse proxies that are believed when they say whose request they pass on.
    pub trusted_proxies: Vec<IpAddr>,
    /// The program that mails reset links; without one, hosts are told who needs a link.
    pub sendmail: Option<PathBuf>,
    /// What people react with.
    pub reactions: Signs,
    /// Messages a second for each person, twice that at once; 0 is no limit.
    pub rate_limit: u32,
    /// What the history may take of the disk.
    pub history_megabytes: usize,
    pub max_clients: Option<usize>,
    /// An IPv6 address counts as its /64.
    pub max_clients_per_address: usize,
    /// The page's, for those whose browsers ask for none that it speaks: a tag of [`LANGUAGES`].
    pub language: String,
    /// `None` leaves it to `RUST_LOG`, and without that to `info`.
    pub log_level: Option<LevelFilter>,
    /// Print nothing but the URL.
    pub quiet: bool,
    /// Somebody has said where the history is kept.
    pub chose_database: bool,
    /// Open the host's browser at start, where there is a desktop.
    pub open_browser: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            bind: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            port: 5000,
            spare_ports: 9,
            database: PathBuf::from("chat.db"),
            title: None,
            public_urls: Vec::new(),
            members_only: false,
            lan_name: Some("chat".to_owned()),
            trusted_proxies: Vec::new(),
            sendmail: None,
            reactions: Signs::default(),
            rate_limit: 5,
            history_megabytes: HISTORY_MEGABYTES,
            max_clients: None,
            max_clients_per_address: 1_000,
            language: "en".to_owned(),
            log_level: None,
            quiet: false,
            chose_database: false,
            open_browser: true,
        }
    }
}

/// The order of one call of the program.
#[derive(Debug)]
pub enum Invocation {
    Serve(Box<Config>),
    /// Write the room's log to standard output.
    Export(PathBuf, ExportFormat),
    /// Copy the room's database to a new file.
    Backup {
        database: PathBuf,
        target: PathBuf,
    },
    /// Put a backup in the place of the room's database.
    Restore {
        backup: PathBuf,
        database: PathBuf,
    },
    /// Print a link under which the owner of this account chooses a new password.
    ResetPassword(PathBuf, Email),
    /// Print a link that makes its opener a host. All earlier links, and the hosts made by them, may end.
    HostLink {
        database: PathBuf,
        void_earlier: bool,
    },
    /// Free a name: its holder is called otherwise.
    FreeName(PathBuf, Name),
    Help,
    Version,
    Licenses,
}

/// The words that may stand first, in place of opening the room.
const COMMANDS: [&str; 6] = ["export", "backup", "restore", "reset-password", "host-link", "free-name"];

/// Reads the command line, without the program's name in front.
///
/// # Errors
/// A sentence that names the argument and what was expected there; the process is to end with code 2.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Invocation, String> {
    let mut args = args.into_iter().peekable();
    let name = args.peek().and_then(|first| COMMANDS.into_iter().find(|command| first == command));
    let mut parser = Parser::from_args(args.skip(usize::from(name.is_some())));
    let (mut config, mut shown) = (Config::default(), None);
    let mut command = Command { name, ..Command::default() };
    while let Some(argument) = parser.next().map_err(usage)? {
        let name = match argument {
            Arg::Long(name) => format!("--{name}"),
            Arg::Short(name) => format!("-{name}"),
            Arg::Value(given) => {
                command.take(given)?;
                continue;
            }
        };
        let option = Given { parser: &mut parser, name };
        match (command.name, option.name.as_str()) {
            (_, "-h" | "--help") => return Ok(Invocation::Help),
            (_, "--database") => {
                (config.database, config.chose_database) = (option.path("the path of a file")?, true);
            }
            (Some("export"), "--format") => command.format = Some(option.value(FORMAT, ExportFormat::parse)?),
            (Some("export"), "--separator") => {
                let read = |v: &str| [",", ";"].contains(&v).then(|| v.to_owned());
                command.separator = Some(option.value(SEPARATOR, read)?);
            }
            (Some("host-link"), "--new") => command.void_earlier = true,
            (Some(command), name) => return Err(format!("{command} has no option {name}")),
            (None, "-V" | "--version") => shown = Some(Invocation::Version),
            (None, "--licenses") => shown = Some(Invocation::Licenses),
            (None, _) => config.set(option)?,
        }
    }
    shown.map_or_else(|| command.invocation(config), Ok)
}

/// A command in place of opening the room, and what was given for it.
#[derive(Default)]
struct Command {
    name: Option<&'static str>,
    file: Option<PathBuf>,
    email: Option<Email>,
    name_to_free: Option<Name>,
    format: Option<ExportFormat>,
    separator: Option<String>,
    void_earlier: bool,
}

impl Command {
    /// Takes the one argument that it may have.
    fn take(&mut self, given: OsString) -> Result<(), String> {
        match self.name {
            Some("reset-password") if self.email.is_none() => self.email = Some(read_email(&given)?),
            Some("free-name") if self.name_to_free.is_none() => self.name_to_free = Some(read_name(&given)?),
            Some("backup" | "restore") if self.file.is_none() && !given.is_empty() => {
                self.file = Some(PathBuf::from(given));
            }
            _ => return Err(extra(self.name, &given)),
        }
        Ok(())
    }

    fn invocation(self, config: Config) -> Result<Invocation, String> {
        let database = config.database.clone();
        Ok(match self.name {
            Some("export") => {
                let format = self.format.unwrap_or(ExportFormat::Txt);
                let separated = self
                    .separator
                    .map(|it| format.separated_by(&it).ok_or("--separator goes with --format csv"));
                Invocation::Export(database, separated.transpose()?.unwrap_or(format))
            }
            Some("backup") => {
                let target = self.file.ok_or("backup needs the name of the file to make")?;
                Invocation::Backup { database, target }
            }
            Some("restore") => {
                let backup = self.file.ok_or("restore needs the name of a backup")?;
                Invocation::Restore { backup, database }
            }
            Some("reset-password") => {
                let email = self.email.ok_or("reset-password needs the email address of an account")?;
                Invocation::ResetPassword(database, email)
            }
            Some("free-name") => {
                let name = self
                    .name_to_free
                    .ok_or("free-name needs the name that is to be free, in quotes where it has blanks")?;
                Invocation::FreeName(database, name)
            }
            Some(_) => Invocation::HostLink { database, void_earlier: self.void_earlier },
            None => Invocation::Serve(Box::new(config)),
        })
    }
}

fn read_email(given: &OsStr) -> Result<Email, String> {
    let given = given.to_string_lossy();
    Email::parse(&given).map_err(|_| format!("{}: expected an email address", given.escape_debug()))
}

fn read_name(given: &OsStr) -> Result<Name, String> {
    let given = given.to_string_lossy();
    Name::parse(&given).map_err(|reason| format!("{}: {reason}", given.escape_debug()))
}

/// An argument where none is expected any more.
fn extra(command: Option<&str>, given: &OsStr) -> String {
    let given = given.to_string_lossy();
    match command {
        Some("reset-password") => format!("reset-password takes one email address, but got {given} too"),
        Some("free-name") => {
            format!("free-name takes one name, in quotes where it has blanks, but got {given} too")
        }
        Some(command @ ("backup" | "restore")) => format!("{command} takes one file, but got {given} too"),
        Some(other) => format!("{other} takes no argument, but got {given}"),
        None => format!("unexpected argument {given}; a command ({}) comes first", COMMANDS.join(", ")),
    }
}

fn usage(error: lexopt::Error) -> String {
    match error {
        lexopt::Error::UnexpectedValue { option, value } => {
            format!("{option} takes no value, but got {}", value.to_string_lossy())
        }
        other => other.to_string(),
    }
}

impl Config {
    /// Takes an option of opening the room.
    fn set(&mut self, option: Given) -> Result<(), String> {
        match option.name.as_str() {
            "--bind" => self.bind = option.value(BIND, |v| v.parse().ok())?,
            "--port" => (self.port, self.spare_ports) = (option.value(PORT, |v| v.parse().ok())?, 0),
            "--title" => {
                let expected = format!("1 to {TITLE_CHARACTERS} characters in one line");
                self.title = Some(option.value(&expected, title::parse)?);
            }
            "--public-url" => self.public_urls.push(option.value(PUBLIC_URL, origin::public_url)?),
            "--members-only" => self.members_only = true,
            "--trusted-proxy" => {
                self.trusted_proxies.push(option.value(TRUSTED_PROXY, |v| v.parse().ok())?);
            }
            "--sendmail" => self.sendmail = Some(option.path("the path of a program")?),
            "--reactions" => self.reactions = option.checked(SIGNS, Signs::parse)?,
            "--rate-limit" => self.rate_limit = option.number(0, RATE_LIMIT as usize)? as u32,
            "--history-megabytes" => self.history_megabytes = option.number(1, MAX_HISTORY_MEGABYTES)?,
            "--max-clients" => self.max_clients = Some(option.number(1, MAX_CLIENTS)?),
            "--max-clients-per-address" => self.max_clients_per_address = option.number(1, MAX_CLIENTS)?,
            "--language" => self.language = option.value(&format!("one of {LANGUAGES}"), language)?,
            "--log-level" => self.log_level = Some(option.value(LOG_LEVEL, log_level)?),
            "-q" | "--quiet" => self.quiet = true,
            "--lan-name" => self.lan_name = Some(option.value(LAN_NAME, lan_label)?),
            "--no-lan-name" => self.lan_name = None,
            "--no-open" => self.open_browser = false,
            unknown => return Err(format!("unknown option {unknown}")),
        }
        Ok(())
    }
}

const BIND: &str = "an IP address of this machine, such as 0.0.0.0, 127.0.0.1 or ::";
const PORT: &str = "a number from 0 to 65535 (0 takes a free port)";
const PUBLIC_URL: &str = "http:// or https://, a host, maybe a port, maybe a path of A-Z a-z 0-9 - . _ ~, nothing else; \
                          a host of other letters in its xn-- form";
const TRUSTED_PROXY: &str = "the IP address from which the proxy connects, such as 127.0.0.1";
const LAN_NAME: &str =
    "a name of a-z, 0-9 and hyphens between them, 60 at most, such as physics; .local comes by itself";
/// The tags of the catalogues in `src/http/languages`.
const LANGUAGES: &str = env!("LANGUAGES");
const LOG_LEVEL: &str = "error, warn, info, debug or trace";
const SIGNS: &str = "some signs with a blank after each, in quotes; or none";
const FORMAT: &str = "txt, csv or json";
const SEPARATOR: &str = "a comma or a semicolon, in quotes";

/// An option that was given, and maybe its value after it.
struct Given<'a> {
    parser: &'a mut Parser,
    name: String,
}

impl Given<'_> {
    fn raw(&mut self, expected: &str) -> Result<OsString, String> {
        self.parser.value().map_err(|_| format!("{} needs a value: expected {expected}", self.name))
    }

    /// The value, as `read` understands it.
    fn value<T>(mut self, expected: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<T, String> {
        let given = self.raw(expected)?;
        given.to_str().and_then(read).ok_or_else(|| {
            let given = given.to_string_lossy();
            format!("{} {}: expected {expected}", self.name, given.escape_debug())
        })
    }

    /// The same, where `read` says what is wrong.
    fn checked<T>(
        mut self,
        expected: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, String> {
        let given = self.raw(expected)?;
        let read = given.to_str().ok_or_else(|| "it is no text".to_owned()).and_then(read);
        read.map_err(|complaint| format!("{}: {complaint}; expected {expected}", self.name))
    }

    fn number(self, least: usize, most: usize) -> Result<usize, String> {
        let expected = format!("a number from {least} to {most}");
        self.value(&expected, |v| v.parse().ok().filter(|n| (least..=most).contains(n)))
    }

    /// A path may be any bytes.
    fn path(mut self, expected: &str) -> Result<PathBuf, String> {
        let path = self.raw(expected)?;
        if path.is_empty() { Err(format!("{}: expected {expected}", self.name)) } else { Ok(path.into()) }
    }
}

/// A label of a name, in lower case.
fn lan_label(text: &str) -> Option<String> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let fits =
        (1..=LAN_NAME_CHARACTERS).contains(&text.len()) && !text.starts_with('-') && !text.ends_with('-');
    (is_plain && fits).then(|| text.to_ascii_lowercase())
}

/// The language of this tag, or the first that begins with it: `pt` is Brazil's.
fn language(text: &str) -> Option<String> {
    let is_it = |tag: &&str| tag.eq_ignore_ascii_case(text);
    let begins = |tag: &&str| tag.split_once('-').is_some_and(|(begin, _)| begin.eq_ignore_ascii_case(text));
    let mut tags = LANGUAGES.split(' ');
    tags.clone().find(is_it).or_else(|| tags.find(begins)).map(str::to_owned)
}

fn log_level(text: &str) -> Option<LevelFilter> {
    // "off" would be one for the crate. A server that says nothing of its errors is none that we offer.
    text.parse().ok().filter(|&level| level != LevelFilter::Off)
}

#[cfg(test)]
pub(crate) mod tests;

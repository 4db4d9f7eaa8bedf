//! The operator's choices: command line → [`Config`], parsed once.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use lexopt::{Arg, Parser};
use log::LevelFilter;

use crate::accounts::email::Email;
use crate::limits::{MAX_CLIENTS, RATE_LIMIT, TITLE_CHARACTERS};
use crate::protocol::origin;
use crate::protocol::title::{self, DEFAULT_TITLE};
use crate::store::export::ExportFormat;

/// What the operator chose. [`Config::default`] is what `chat-app` without flags does.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address to listen on; `0.0.0.0` is every IPv4 address of this machine.
    pub bind: IpAddr,
    /// Port to listen on; 0 takes a free one.
    pub port: u16,
    /// The SQLite file that holds the room's history.
    pub database: PathBuf,
    /// The room's title, shown in the page and in the banner; without one it is what hosts have called it, else
    /// [`DEFAULT_TITLE`].
    pub title: Option<String>,
    /// Origins (`https://chat.example.org`) under which a reverse proxy or a tunnel shows this server: their host
    /// is accepted in `Host`, they themselves in `Origin`. Each as [`origin::canonical`] returns it.
    pub public_urls: Vec<String>,
    /// Whether only who has an account may read and write, and signing up needs the invite code.
    pub members_only: bool,
    /// Reverse proxies that are believed when they say whose request they pass on.
    pub trusted_proxies: Vec<IpAddr>,
    /// The program that mails reset links; without one, hosts are told who needs a link.
    pub sendmail: Option<PathBuf>,
    /// Messages a second for each client, twice that at once; 0 is no limit.
    pub rate_limit: u32,
    /// Connections in all.
    pub max_clients: usize,
    /// Connections from one address (IPv6: from one /64).
    pub max_clients_per_address: usize,
    /// What is logged; `None` leaves it to `RUST_LOG`, and without that to `info`.
    pub log_level: Option<LevelFilter>,
    /// Print nothing but the URL.
    pub quiet: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            bind: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            port: 5000,
            database: PathBuf::from("chat.db"),
            title: None,
            public_urls: Vec::new(),
            members_only: false,
            trusted_proxies: Vec::new(),
            sendmail: None,
            rate_limit: 5,
            max_clients: 10_000,
            max_clients_per_address: 1_000,
            log_level: None,
            quiet: false,
        }
    }
}

/// What one call of the program is to do.
#[derive(Debug)]
pub enum Invocation {
    /// Open the room.
    Serve(Config),
    /// Write the room's log to standard output.
    Export {
        /// The SQLite file that holds it.
        database: PathBuf,
        /// How it is written.
        format: ExportFormat,
    },
    /// Print a link under which the owner of an account chooses a new password.
    ResetPassword {
        /// The SQLite file that holds the account.
        database: PathBuf,
        /// The account's address.
        email: Email,
    },
    /// Print a link that makes its opener a host.
    HostLink {
        /// The SQLite file of the room.
        database: PathBuf,
        /// Whether all earlier links, and the hosts made by them, end.
        void_earlier: bool,
    },
    /// Print [`help`].
    Help,
    /// Print the program's name and version.
    Version,
}

/// A command line that cannot be followed. Its `Display` names the argument and what was expected there; the process
/// is to end with code 2.
#[derive(Debug, PartialEq, Eq)]
pub struct UsageError(String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

impl From<lexopt::Error> for UsageError {
    fn from(error: lexopt::Error) -> UsageError {
        UsageError(match error {
            lexopt::Error::UnexpectedOption(option) => format!("unknown option {option}"),
            lexopt::Error::UnexpectedValue { option, value } => {
                format!("{option} takes no value, but got {}", value.to_string_lossy())
            }
            lexopt::Error::UnexpectedArgument(value) => format!(
                "unexpected argument {}; a command (export, reset-password, host-link) comes first",
                value.to_string_lossy()
            ),
            other => other.to_string(),
        })
    }
}

/// Reads the command line, without the program's name in front.
///
/// # Errors
/// An option or value that is unknown, missing or outside its range.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Invocation, UsageError> {
    let mut args = args.into_iter().peekable();
    let parse = match args.peek().and_then(|first| first.to_str()) {
        Some("export") => parse_export,
        Some("reset-password") => parse_reset_password,
        Some("host-link") => parse_host_link,
        _ => return parse_serve(Parser::from_args(args)),
    };
    parse(Parser::from_args(args.skip(1)))
}

fn parse_serve(mut parser: Parser) -> Result<Invocation, UsageError> {
    let mut config = Config::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("bind") => config.bind = value(&mut parser, "--bind", BIND, |v| v.parse().ok())?,
            Arg::Long("port") => config.port = value(&mut parser, "--port", PORT, |v| v.parse().ok())?,
            Arg::Long("database") => config.database = database(&mut parser)?,
            Arg::Long("title") => {
                let expected = format!("1 to {TITLE_CHARACTERS} characters in one line");
                config.title = Some(value(&mut parser, "--title", &expected, title::parse)?);
            }
            Arg::Long("public-url") => {
                let url = value(&mut parser, "--public-url", PUBLIC_URL, origin::canonical)?;
                config.public_urls.push(url);
            }
            Arg::Long("members-only") => config.members_only = true,
            Arg::Long("trusted-proxy") => {
                let proxy = value(&mut parser, "--trusted-proxy", TRUSTED_PROXY, |v| v.parse().ok())?;
                config.trusted_proxies.push(proxy);
            }
            Arg::Long("sendmail") => {
                config.sendmail = Some(path(&mut parser, "--sendmail", "the path of a program")?);
            }
            Arg::Long("rate-limit") => {
                config.rate_limit = number(&mut parser, "--rate-limit", 0, RATE_LIMIT as usize)? as u32;
            }
            Arg::Long("max-clients") => {
                config.max_clients = number(&mut parser, "--max-clients", 1, MAX_CLIENTS)?;
            }
            Arg::Long("max-clients-per-address") => {
                config.max_clients_per_address =
                    number(&mut parser, "--max-clients-per-address", 1, MAX_CLIENTS)?;
            }
            Arg::Long("log-level") => {
                config.log_level = Some(value(&mut parser, "--log-level", LOG_LEVEL, log_level)?);
            }
            Arg::Short('q') | Arg::Long("quiet") => config.quiet = true,
            Arg::Short('h') | Arg::Long("help") => return Ok(Invocation::Help),
            Arg::Short('V') | Arg::Long("version") => return Ok(Invocation::Version),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Invocation::Serve(config))
}

fn parse_export(mut parser: Parser) -> Result<Invocation, UsageError> {
    let mut file = Config::default().database;
    let mut format = ExportFormat::Txt;
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("format") => format = value(&mut parser, "--format", FORMAT, ExportFormat::parse)?,
            Arg::Long("database") => file = database(&mut parser)?,
            Arg::Short('h') | Arg::Long("help") => return Ok(Invocation::Help),
            Arg::Long(option) => return Err(UsageError(format!("export has no option --{option}"))),
            Arg::Short(option) => return Err(UsageError(format!("export has no option -{option}"))),
            Arg::Value(extra) => {
                return Err(UsageError(format!(
                    "export takes no argument, but got {}",
                    extra.to_string_lossy()
                )));
            }
        }
    }
    Ok(Invocation::Export { database: file, format })
}

fn parse_reset_password(mut parser: Parser) -> Result<Invocation, UsageError> {
    let mut file = Config::default().database;
    let mut email = None;
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("database") => file = database(&mut parser)?,
            Arg::Short('h') | Arg::Long("help") => return Ok(Invocation::Help),
            Arg::Value(given) if email.is_none() => {
                let read = given.to_str().and_then(|text| Email::parse(text).ok());
                let said = given.to_string_lossy().escape_debug().to_string();
                email = Some(read.ok_or_else(|| UsageError(format!("{said}: expected an email address")))?);
            }
            Arg::Value(extra) => {
                let extra = extra.to_string_lossy();
                return Err(UsageError(format!(
                    "reset-password takes one email address, but got {extra} too"
                )));
            }
            Arg::Long(option) => return Err(UsageError(format!("reset-password has no option --{option}"))),
            Arg::Short(option) => return Err(UsageError(format!("reset-password has no option -{option}"))),
        }
    }
    let missing = || UsageError("reset-password needs the email address of an account".to_owned());
    Ok(Invocation::ResetPassword { database: file, email: email.ok_or_else(missing)? })
}

fn parse_host_link(mut parser: Parser) -> Result<Invocation, UsageError> {
    let mut file = Config::default().database;
    let mut void_earlier = false;
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("database") => file = database(&mut parser)?,
            Arg::Long("new") => void_earlier = true,
            Arg::Short('h') | Arg::Long("help") => return Ok(Invocation::Help),
            Arg::Long(option) => return Err(UsageError(format!("host-link has no option --{option}"))),
            Arg::Short(option) => return Err(UsageError(format!("host-link has no option -{option}"))),
            Arg::Value(extra) => {
                let extra = extra.to_string_lossy();
                return Err(UsageError(format!("host-link takes no argument, but got {extra}")));
            }
        }
    }
    Ok(Invocation::HostLink { database: file, void_earlier })
}

const BIND: &str = "an IP address of this machine, such as 0.0.0.0, 127.0.0.1 or ::";
const PORT: &str = "a number from 0 to 65535 (0 takes a free port)";
const PUBLIC_URL: &str = "http:// or https://, a host and maybe a port, nothing behind them; \
                          a host of other letters in its xn-- form";
const TRUSTED_PROXY: &str = "the IP address from which the proxy connects, such as 127.0.0.1";
const LOG_LEVEL: &str = "error, warn, info, debug or trace";
const FORMAT: &str = "txt, csv or json";

/// The value of `flag`, as `read` understands it.
fn value<T>(
    parser: &mut Parser,
    flag: &str,
    expected: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<T, UsageError> {
    let given = given(parser, flag, expected)?;
    given.to_str().and_then(read).ok_or_else(|| {
        UsageError(format!("{flag} {}: expected {expected}", given.to_string_lossy().escape_debug()))
    })
}

fn given(parser: &mut Parser, flag: &str, expected: &str) -> Result<OsString, UsageError> {
    parser.value().map_err(|_| UsageError(format!("{flag} needs a value: expected {expected}")))
}

fn number(parser: &mut Parser, flag: &str, least: usize, most: usize) -> Result<usize, UsageError> {
    let expected = format!("a number from {least} to {most}");
    value(parser, flag, &expected, |v| v.parse().ok().filter(|n| (least..=most).contains(n)))
}

fn database(parser: &mut Parser) -> Result<PathBuf, UsageError> {
    path(parser, "--database", "the path of a file")
}

/// A path may be any bytes, so it does not go through [`value`].
fn path(parser: &mut Parser, flag: &str, expected: &str) -> Result<PathBuf, UsageError> {
    let path = given(parser, flag, expected)?;
    if path == OsStr::new("") {
        return Err(UsageError(format!("{flag}: expected {expected}")));
    }
    Ok(PathBuf::from(path))
}

fn log_level(text: &str) -> Option<LevelFilter> {
    // "off" would be one for the crate. A server that says nothing of its errors is none that we offer.
    text.parse().ok().filter(|&level| level != LevelFilter::Off)
}

/// The text of `--help`.
pub fn help() -> String {
    let Config { bind, port, database, rate_limit, max_clients, max_clients_per_address, .. } =
        Config::default();
    let database = database.display();
    format!(
        "\
A chat room for everyone in the room: start it, and everybody else opens a browser tab.

Usage: chat-app [options]
       chat-app export [--format FORMAT] [--database FILE]
       chat-app reset-password EMAIL [--database FILE]
       chat-app host-link [--new] [--database FILE]

Options
  --bind ADDRESS               address to listen on; 127.0.0.1 keeps it to this computer  [{bind}]
  --port PORT                  port to listen on; 0 takes a free one  [{port}]
  --database FILE              where the room's history is kept  [{database}]
  --title TITLE                what the room is called, until its hosts call it otherwise
                               [{DEFAULT_TITLE}]
  --public-url URL             an address under which a proxy or a tunnel shows the room,
                               such as https://chat.example.org; may be given several times
  --members-only               let nobody read or write without an account; signing up
                               needs the code that the room shows to its host
  --trusted-proxy ADDRESS      a reverse proxy whose X-Forwarded-For is believed;
                               may be given several times
  --sendmail PROGRAM           mail links to who forgot their password, with any program
                               that takes mail as sendmail does
  --rate-limit NUMBER          messages a second for each client; 0 is no limit  [{rate_limit}]
  --max-clients NUMBER         connections in all  [{max_clients}]
  --max-clients-per-address NUMBER
                               connections from one address  [{max_clients_per_address}]
  --log-level LEVEL            {LOG_LEVEL}; RUST_LOG does the same  [info]
  -q, --quiet                  print nothing but the room's address
  -h, --help                   print this
  -V, --version                print the version

Export writes the room's log to standard output, also while the room is open
  --format FORMAT              {FORMAT}  [txt]
  --database FILE              the room's history  [{database}]

Reset-password prints a link to choose a new password for the account with this address,
also while the room is open
  --database FILE              the room's history  [{database}]

Host-link prints a link that makes who opens it a host of the room, from any device, also
while the room is open
  --new                        end all earlier links, and the hosts made by them
  --database FILE              the room's history  [{database}]
"
    )
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn read(line: &str) -> Result<Invocation, UsageError> {
        parse(line.split_whitespace().map(OsString::from))
    }

    pub(crate) fn serve(line: &str) -> Config {
        match read(line) {
            Ok(Invocation::Serve(config)) => config,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn refusal(line: &str) -> String {
        read(line).expect_err(line).to_string()
    }

    #[test]
    fn without_arguments_the_defaults_hold() {
        assert_eq!(format!("{:?}", serve("")), format!("{:?}", Config::default()));
    }

    #[test]
    fn every_option_reaches_its_field() {
        let config = serve(
            "--bind ::1 --port=0 --database /tmp/a.db --title Room --public-url https://a.example \
             --public-url http://b.example:8080 --rate-limit 0 --max-clients 7 --max-clients-per-address 3 \
             --log-level debug --quiet --members-only --trusted-proxy 127.0.0.1 --trusted-proxy ::1 \
             --sendmail /usr/sbin/sendmail",
        );
        assert!(config.members_only);
        assert_eq!(config.trusted_proxies.len(), 2);
        assert_eq!(config.sendmail, Some(PathBuf::from("/usr/sbin/sendmail")));
        assert_eq!(config.bind, "::1".parse::<IpAddr>().expect("an address"));
        assert_eq!((config.port, config.rate_limit), (0, 0));
        assert_eq!(config.database, PathBuf::from("/tmp/a.db"));
        assert_eq!(config.title.as_deref(), Some("Room"));
        assert_eq!(config.public_urls, ["https://a.example", "http://b.example:8080"]);
        assert_eq!((config.max_clients, config.max_clients_per_address), (7, 3));
        assert_eq!(config.log_level, Some(LevelFilter::Debug));
        assert!(config.quiet);
    }

    #[test]
    fn export_help_and_version_are_told_apart() {
        let Ok(Invocation::Export { database, format }) = read("export --format csv --database x.db") else {
            panic!("export");
        };
        assert_eq!((database, format), (PathBuf::from("x.db"), ExportFormat::Csv));
        assert!(matches!(read("export"), Ok(Invocation::Export { format: ExportFormat::Txt, .. })));
        let Ok(Invocation::ResetPassword { database, email }) = read("reset-password a@b.c --database x.db")
        else {
            panic!("reset-password");
        };
        assert_eq!((database, email.as_str()), (PathBuf::from("x.db"), "a@b.c"));
        for line in ["--help", "-h", "export --help", "--port 1 -h", "reset-password -h"] {
            assert!(matches!(read(line), Ok(Invocation::Help)), "{line}");
        }
        assert!(matches!(read("--version"), Ok(Invocation::Version)));
    }

    #[test]
    fn a_refusal_names_the_argument_and_what_was_expected() {
        for (line, parts) in [
            ("--prot 5", ["unknown option", "--prot"]),
            ("-x", ["unknown option", "-x"]),
            ("--port 70000", ["--port 70000", "from 0 to 65535"]),
            ("--port", ["--port needs a value", "from 0 to 65535"]),
            ("--bind home", ["--bind home", "an IP address"]),
            ("--database=", ["--database", "path of a file"]),
            ("--title=", ["--title", "1 to 80 characters"]),
            ("--public-url chat.example", ["--public-url chat.example", "https://"]),
            ("--rate-limit -1", ["--rate-limit -1", "from 0 to 10000"]),
            ("--max-clients 0", ["--max-clients 0", "from 1 to 100000"]),
            ("--max-clients-per-address many", ["--max-clients-per-address many", "from 1 to"]),
            ("--log-level off", ["--log-level off", "error, warn, info, debug or trace"]),
            ("--quiet=yes", ["--quiet takes no value", "yes"]),
            ("serve", ["unexpected argument serve", "export"]),
            ("--port 1 export", ["unexpected argument export", "comes first"]),
            ("export --port 1", ["export has no option", "--port"]),
            ("export all", ["export takes no argument", "all"]),
            ("reset-password", ["reset-password needs", "email address"]),
            ("reset-password ana", ["ana", "expected an email address"]),
            ("reset-password a@b c@d", ["one email address", "c@d"]),
            ("reset-password a@b --port 1", ["reset-password has no option", "--port"]),
            ("--trusted-proxy proxy", ["--trusted-proxy proxy", "IP address"]),
            ("--sendmail=", ["--sendmail", "path of a program"]),
            ("export --format pdf", ["--format pdf", "txt, csv or json"]),
        ] {
            let said = refusal(line);
            assert!(parts.iter().all(|part| said.contains(part)), "{line}: {said}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_path_may_be_any_bytes_and_a_title_may_not() {
        use std::os::unix::ffi::OsStringExt;
        let bytes = || OsString::from_vec(vec![b'a', 0xFF]);
        assert!(parse([OsString::from("--database"), bytes()]).is_ok());
        assert!(parse([OsString::from("--title"), bytes()]).is_err());
    }

    #[test]
    fn help_lists_every_option_with_its_default_and_fits_a_terminal() {
        let help = help();
        for part in
            ["[0.0.0.0]", "[5000]", "[chat.db]", "[Chat]", "[5]", "[10000]", "[1000]", "[info]", "[txt]"]
        {
            assert!(help.contains(part), "{part}");
        }
        for option in
            "bind port database title public-url members-only trusted-proxy sendmail rate-limit max-clients max-clients-per-address log-level \
                       quiet help version format"
                .split_whitespace()
        {
            assert!(help.contains(&format!("--{option} ")), "{option}");
        }
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    }
}

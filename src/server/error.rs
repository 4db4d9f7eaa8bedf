//! Why a room does not open, in a sentence that says what to do.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::Config;
use crate::store::{OpenError, OpenProblem};

/// What SQLite says of a damaged database, whatever it was read for.
const MALFORMED: &str = "malformed";

#[derive(Debug)]
pub enum StartError {
    /// The port cannot be had, nor one of the spare ones after it.
    Bind { address: SocketAddr, spare: u16, source: io::Error },
    /// The history cannot be used.
    Store(OpenError),
    /// The history is open but cannot be used, and why.
    Log(PathBuf, String),
    /// The system gave no thread, socket or random number.
    System(io::Error),
}

impl StartError {
    /// Whether another room has the database open.
    pub fn is_in_use(&self) -> bool {
        matches!(self, StartError::Store(error) if matches!(error.problem, OpenProblem::InUse))
    }

    /// For errors of a history that is open.
    pub(super) fn log<E: fmt::Display>(config: &Config) -> impl Fn(E) -> StartError {
        |error| StartError::Log(config.database.clone(), error.to_string())
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Bind { address, spare: spare @ 1.., source }
                if source.kind() == io::ErrorKind::AddrInUse =>
            {
                let (first, last) = (address.port(), address.port().saturating_add(*spare));
                write!(
                    out,
                    "all ports from {first} to {last} are taken: perhaps this program already runs, more than once. Choose another \
                     port: --port {}",
                    last.saturating_add(1)
                )
            }
            StartError::Bind { address, source, .. } if source.kind() == io::ErrorKind::AddrInUse => {
                let port = address.port();
                write!(
                    out,
                    "port {port} is taken: another program listens there, perhaps this one already runs."
                )?;
                if cfg!(target_os = "macos") && port == 5000 {
                    write!(
                        out,
                        " On a Mac, AirPlay Receiver holds port 5000 (System Settings, General, AirDrop)."
                    )?;
                }
                write!(out, " Choose another port: --port {}", if port < 65_000 { port + 1 } else { 5001 })
            }
            StartError::Bind { address, source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                write!(
                    out,
                    "port {} needs rights that this user lacks. Choose one above 1023: --port 5000",
                    address.port()
                )
            }
            StartError::Bind { address, source, .. } => {
                write!(
                    out,
                    "cannot listen on {address}: {source}. Choose an address of this machine: --bind 0.0.0.0"
                )
            }
            StartError::Store(error) => error.fmt(out),
            StartError::Log(path, error) if error.contains(MALFORMED) => {
                write!(out, "{}: {}", path.display(), OpenProblem::Damaged(error.clone()))
            }
            StartError::Log(path, error) => {
                write!(out, "{}: the history cannot be used: {error}", path.display())
            }
            StartError::System(error) => write!(out, "cannot start: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<OpenError> for StartError {
    fn from(error: OpenError) -> StartError {
        StartError::Store(error)
    }
}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> StartError {
        StartError::System(error)
    }
}

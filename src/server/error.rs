//! Why a room does not open, in a sentence that says what to do.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::Config;
use crate::store::{OpenError, OpenProblem};

/// What SQLite says of a damaged database, whatever it was read for.
const MALFORMED: &str = "malformed";

/// The last port that may want rights.
const PRIVILEGED: u16 = 1_023;
/// Who keeps ports that nobody listens on.
const KEEPERS: &str = "as Windows does for Hyper-V, WSL and Docker";
/// A port that is far from those.
const FAR: u16 = 8_080;

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
            StartError::Bind { address, spare, source } => out.write_str(&no_port(*address, *spare, source)),
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

/// Whether a port cannot be had where another one may: somebody listens there, or the system keeps it.
pub(super) fn is_taken(error: &io::Error, port: u16) -> bool {
    match error.kind() {
        io::ErrorKind::AddrInUse => true,
        io::ErrorKind::PermissionDenied => port > PRIVILEGED,
        _ => false,
    }
}

/// Why none of the ports can be had, and what to do.
fn no_port(address: SocketAddr, spare: u16, source: &io::Error) -> String {
    let (port, last) = (address.port(), address.port().saturating_add(spare));
    let is_kept = source.kind() == io::ErrorKind::PermissionDenied;
    match is_taken(source, last) {
        false if is_kept => {
            format!(
                "port {port} needs rights that this user lacks. Choose one above {PRIVILEGED}: --port 5000"
            )
        }
        false => {
            format!("cannot listen on {address}: {source}. Choose an address of this machine: --bind 0.0.0.0")
        }
        // What a system keeps are long rows of ports.
        true if is_kept && spare > 0 => format!(
            "all ports from {port} to {last} are taken, or the system keeps them, {KEEPERS}. Choose another port: --port {FAR}"
        ),
        true if is_kept => {
            let other = if port == FAR { 5_000 } else { FAR };
            format!("port {port} is kept by the system, {KEEPERS}. Choose another port: --port {other}")
        }
        true if spare > 0 => format!(
            "all ports from {port} to {last} are taken: perhaps this program already runs, more than once. Choose another \
             port: --port {}",
            last.saturating_add(1)
        ),
        true => {
            let is_airplays = cfg!(target_os = "macos") && port == 5_000;
            let airplay = " On a Mac, AirPlay Receiver holds port 5000 (System Settings, General, AirDrop).";
            format!(
                "port {port} is taken: another program listens there, perhaps this one already runs.{} Choose another port: \
                 --port {}",
                if is_airplays { airplay } else { "" },
                if port < 65_000 { port + 1 } else { 5_001 }
            )
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_the_system_keeps_is_said_with_one_that_it_does_not() {
        let said = |port: u16, spare, kind: io::ErrorKind| {
            let address = ([0, 0, 0, 0], port).into();
            StartError::Bind { address, spare, source: kind.into() }.to_string()
        };
        let kept = io::ErrorKind::PermissionDenied;
        for (said, parts) in [
            (said(5000, 9, kept), ["5000 to 5009", "Hyper-V", "--port 8080"]),
            (said(5000, 0, kept), ["port 5000 is kept", "Hyper-V", "--port 8080"]),
            (said(8080, 0, kept), ["port 8080 is kept", "Hyper-V", "--port 5000"]),
            (said(80, 0, kept), ["port 80 needs rights", "above 1023", "--port 5000"]),
            (said(5000, 9, io::ErrorKind::AddrInUse), ["5000 to 5009", "already runs", "--port 5010"]),
        ] {
            assert!(parts.iter().all(|part| said.contains(part)), "{parts:?} in {said}");
        }
    }
}

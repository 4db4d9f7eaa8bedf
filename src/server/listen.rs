//! The port that the room listens on: the one that was asked for, or the first of the spare ones that can be had.

use std::io;
use std::net::{SocketAddr, TcpListener};

use super::error::{StartError, is_taken};
use crate::config::Config;
use crate::limits;

pub(super) fn listen(config: &Config) -> Result<TcpListener, StartError> {
    let address = SocketAddr::new(config.bind, config.port);
    let spare = config.spare_ports;
    let bound = first_free(config.port, spare, |port| TcpListener::bind((config.bind, port)));
    let listener = bound.map_err(|source| StartError::Bind { address, spare, source })?;
    listener.set_nonblocking(true)?;
    // Listening again only lengthens the queue, which is short by default: a class comes back all at once.
    rustix::net::listen(&listener, limits::ACCEPT_QUEUE).map_err(io::Error::from)?;
    Ok(listener)
}

/// What the first port gives that is not taken.
fn first_free<T>(first: u16, spare: u16, bind: impl Fn(u16) -> io::Result<T>) -> io::Result<T> {
    let mut bound = bind(first);
    for port in first..first.saturating_add(spare) {
        match &bound {
            Err(error) if is_taken(error, port) => bound = bind(port + 1),
            _ => break,
        }
    }
    bound
}

#[cfg(test)]
mod tests {
    use super::*;
    use io::ErrorKind::{AddrInUse, AddrNotAvailable, PermissionDenied};

    #[test]
    fn a_port_that_somebody_or_the_system_keeps_leads_to_the_next_one() {
        let bind = |refused: &'static [(u16, io::ErrorKind)]| {
            let of = |port| refused.iter().find(|(refused, _)| *refused == port);
            let bound =
                first_free(5000, 9, move |port| of(port).map_or(Ok(port), |(_, kind)| Err((*kind).into())));
            bound.map_err(|error: io::Error| error.kind())
        };
        assert_eq!(bind(&[]), Ok(5000));
        assert_eq!(bind(&[(5000, AddrInUse), (5001, PermissionDenied), (5003, AddrInUse)]), Ok(5002));
        assert_eq!(bind(&[(5000, AddrNotAvailable)]), Err(AddrNotAvailable), "an address is no port");
        let needs_rights = |_| Err::<u16, _>(io::Error::from(PermissionDenied));
        assert_eq!(first_free(80, 0, needs_rights).map_err(|error| error.kind()), Err(PermissionDenied));
    }
}

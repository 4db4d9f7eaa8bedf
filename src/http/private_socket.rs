//! The private way to tiny_http: a Unix socket in a folder that only we can enter.
//!
//! On Windows, where tiny_http has no Unix sockets, it is a port of the loopback address. The secret of [`crate::http`] keeps other
//! users of the machine out, and who says nothing there is let go.

use std::io;
#[cfg(unix)]
use std::path::{Path, PathBuf};

#[cfg(unix)]
use tempfile::TempDir;
use tiny_http::Server;

#[cfg(unix)]
use crate::limits::PAGE_BYTES;

/// One connection to the page's server.
#[cfg(unix)]
pub(crate) type Upstream = std::os::unix::net::UnixStream;
#[cfg(windows)]
pub(crate) type Upstream = std::net::TcpStream;

/// Where a server listens.
#[cfg(unix)]
pub(crate) struct Endpoint {
    pub(crate) path: PathBuf,
    /// Lets a test break `accept`.
    #[cfg(test)]
    pub(crate) listener: std::os::unix::net::UnixListener,
}

#[cfg(unix)]
impl Endpoint {
    pub(crate) fn connect(&self) -> io::Result<Upstream> {
        Upstream::connect(&self.path)
    }
}

/// The socket's folder, removed with everything in it when dropped.
#[cfg(unix)]
pub(crate) struct Folder(TempDir);

#[cfg(unix)]
impl Folder {
    /// In the system's place for temporary folders, else in `/tmp`.
    pub(crate) fn new() -> io::Result<Folder> {
        Folder::in_place(&std::env::temp_dir()).or_else(|_| Folder::in_place(Path::new("/tmp")))
    }

    /// Fails also where the path leaves no room for a socket's name: the system takes about 100 bytes.
    fn in_place(place: &Path) -> io::Result<Folder> {
        use std::os::unix::{fs::PermissionsExt, net::SocketAddr};
        let permissions = std::fs::Permissions::from_mode(0o700);
        let made = tempfile::Builder::new().prefix("chat-app-").permissions(permissions).tempdir_in(place);
        let fits = |folder| SocketAddr::from_pathname(socket_path(&folder, u64::MAX)).map(|_| Folder(folder));
        made.and_then(fits).map_err(|error| {
            let said = format!("no private socket can be made in {}: {error}", place.display());
            io::Error::new(error.kind(), said)
        })
    }

    /// A server on a socket of its own, named by its `generation`.
    pub(crate) fn open(&self, generation: u64) -> io::Result<(Server, Endpoint)> {
        use std::os::unix::net::UnixListener;
        let path = socket_path(&self.0, generation);
        let listener = UnixListener::bind(&path)?;
        // Accepted connections take this over on macOS and the BSDs, where the default is 8 KiB. On Linux they do not, but
        // there it is 208 KiB.
        rustix::net::sockopt::set_socket_send_buffer_size(&listener, PAGE_BYTES + PAGE_BYTES / 4)?;
        let endpoint = Endpoint {
            path,
            #[cfg(test)]
            listener: listener.try_clone()?,
        };
        let server = Server::from_listener(listener, None).map_err(io::Error::other)?;
        Ok((server, endpoint))
    }
}

#[cfg(unix)]
fn socket_path(folder: &TempDir, generation: u64) -> PathBuf {
    folder.path().join(format!("{generation}.socket"))
}

#[cfg(windows)]
pub(crate) struct Endpoint(std::net::SocketAddr);

#[cfg(windows)]
impl Endpoint {
    pub(crate) fn connect(&self) -> io::Result<Upstream> {
        Upstream::connect(self.0)
    }
}

#[cfg(windows)]
pub(crate) struct Folder;

#[cfg(windows)]
impl Folder {
    pub(crate) fn new() -> io::Result<Folder> {
        Ok(Folder)
    }

    pub(crate) fn open(&self, _generation: u64) -> io::Result<(Server, Endpoint)> {
        let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?;
        // Accepted connections take these over there, which tiny_http knows no deadline for.
        let socket = socket2::SockRef::from(&listener);
        socket.set_read_timeout(Some(crate::limits::PRIVATE_STALL))?;
        socket.set_write_timeout(Some(crate::limits::PRIVATE_STALL))?;
        let endpoint = Endpoint(listener.local_addr()?);
        Ok((Server::from_listener(listener, None).map_err(io::Error::other)?, endpoint))
    }
}

#[cfg(all(test, windows))]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::limits::PRIVATE_STALL;

    #[test]
    fn whoever_says_nothing_there_is_let_go() {
        let (_server, endpoint) = Folder.open(0).expect("a port");
        let mut silent = endpoint.connect().expect("a connection");
        silent.set_read_timeout(Some(3 * PRIVATE_STALL)).expect("a deadline");
        silent.read_to_end(&mut Vec::new()).expect("an end, maybe after a word why");
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_place_whose_path_is_too_long_is_named_and_left_as_it_was() {
        let place = tempfile::tempdir().expect("a folder");
        let deep = place.path().join("d".repeat(100));
        std::fs::create_dir(&deep).expect("made");
        let error = Folder::in_place(&deep).map(drop).expect_err("too long").to_string();
        assert!(error.contains("no private socket can be made in") && error.contains("ddd"), "{error}");
        assert_eq!(std::fs::read_dir(&deep).expect("there").count(), 0, "nothing is left behind");
        let folder = Folder::in_place(place.path()).expect("short enough");
        assert_eq!(folder.0.path().parent(), Some(place.path()));
    }
}

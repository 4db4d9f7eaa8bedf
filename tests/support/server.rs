//! A server inside the test, alone with its database.

use super::{DEADLINE, Response, TestClient, Texts, free_port, get, long_log};
use chat_app::config::Config;
use chat_app::server::{Server, StartError};
use std::fs::File;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Instant;
use tempfile::TempDir;

/// A running server on a port of its own, with a database in a folder of its own. Dropping it stops it and waits
/// for its threads.
pub struct TestServer {
    server: Option<Server>,
    config: Config,
    folder: TempDir,
}

impl TestServer {
    /// A server that does not limit the pace: what most tests are about is not how fast one may write.
    pub fn start() -> TestServer {
        TestServer::with(|_| ())
    }

    /// As [`TestServer::start`], after `change` has had its way with the configuration.
    pub fn with(change: impl FnOnce(&mut Config)) -> TestServer {
        let folder = tempfile::tempdir().expect("a folder for the database");
        let mut config = Config {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            spare_ports: 0,
            database: folder.path().join("chat.db"),
            rate_limit: 0,
            quiet: true,
            ..Config::default()
        };
        change(&mut config);
        let server = Server::start(config.clone()).expect("the server starts");
        TestServer { server: Some(server), config, folder }
    }

    /// A server that has its port again when it is started again: browsers know its cookies by it.
    pub fn staying() -> TestServer {
        TestServer::with(|config| config.port = free_port())
    }

    /// A server whose log is long already.
    pub fn with_log(messages: u64) -> TestServer {
        TestServer::with(|config| long_log(&config.database, messages, Texts::Short))
    }

    /// The key of the host link that a terminal would show.
    pub fn host_key(&self) -> String {
        self.server.as_ref().expect("the server is running").opened().host_key.to_owned()
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.server.as_ref().expect("the server is running").local_addr()
    }

    /// The folder that holds its database and nothing of anyone else's.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The database file.
    pub fn database(&self) -> &Path {
        &self.config.database
    }

    /// Whether this text stands anywhere in the files of its database, write-ahead log included.
    pub fn has_on_disk(&self, text: &str) -> bool {
        std::fs::read_dir(self.folder()).expect("the folder can be read").any(|file| {
            match std::fs::read(file.expect("a file").path()) {
                Err(error) if error.kind() == ErrorKind::NotFound => false, // SQLite has removed it meanwhile
                read => memchr::memmem::find(&read.expect("it can be read"), text.as_bytes()).is_some(),
            }
        })
    }

    /// A connection that has joined nobody yet.
    pub fn connect(&self) -> TestClient {
        TestClient::connect(self.addr())
    }

    /// A connection that has joined as `name`, without any key.
    pub fn join(&self, name: &str) -> TestClient {
        let mut client = self.connect();
        client.join(name);
        client
    }

    /// The answer to `GET path`.
    pub fn get(&self, path: &str) -> Response {
        get(self.addr(), path)
    }

    /// Stops the server and waits until it has. On a busy machine it may leave threads behind, which then end by themselves.
    pub fn stop(&mut self) {
        self.server.take().expect("the server is running").stop();
        let (lock, until) = (self.folder().join("chat.db.lock"), Instant::now() + DEADLINE);
        while File::open(&lock).is_ok_and(|lock| lock.try_lock().is_err()) {
            assert!(Instant::now() < until, "the server is stopped, and holds its database");
            std::thread::yield_now();
        }
    }

    /// Starts it again, after [`TestServer::stop`], with the same database and, if it was chosen, at the same port: until another
    /// test's process that has yet to begin has let go of that.
    pub fn start_again(&mut self) {
        assert!(self.server.is_none(), "the server is still running");
        let until = Instant::now() + DEADLINE;
        while self.server.is_none() {
            match Server::start(self.config.clone()) {
                Ok(server) => self.server = Some(server),
                Err(StartError::Bind { .. }) if Instant::now() < until => std::thread::yield_now(),
                Err(error) => panic!("the server does not start again: {error}"),
            }
        }
    }
}

//! Proxies that other people run, with the README's own configurations.

use super::{DEADLINE, Process, on_ci};
use std::io;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Instant;
use tempfile::TempDir;

/// Where a program is; none where it is not installed, which is an error only where all of them have to be.
pub fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    let found = folders.map(|folder| folder.join(name)).find(|file| file.is_file());
    if found.is_none() {
        assert!(!on_ci(), "{name} has to be installed for this test");
        println!("skipped: {name} is not installed");
    }
    found
}

/// The README's configuration whose block begins with `begin`, with what this test has in place of what is written there.
pub fn configuration(begin: &str, replacements: &[(&str, String)]) -> String {
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("a README");
    let (_, rest) = readme.split_once(begin).expect("the README has this configuration");
    assert!(!rest.contains(begin), "one of it");
    let (_, begin) = begin.strip_prefix("```").and_then(|begin| begin.split_once('\n')).expect("a block");
    let mut configuration = format!("{begin}{}", rest.split_once("```").expect("it ends").0);
    for (written, here) in replacements {
        assert!(configuration.contains(written), "the README's configuration has no {written}");
        configuration = configuration.replace(written, here);
    }
    configuration
}

/// A running nginx and the folder of its files.
pub struct Nginx {
    process: Process,
    _folder: TempDir,
}

impl Drop for Nginx {
    /// Its workers are processes of their own.
    fn drop(&mut self) {
        self.process.end_with_children();
    }
}

/// Starts the nginx at this path with these servers, one of which listens on `port`.
pub fn start_nginx(nginx: &Path, port: u16, servers: &str) -> Nginx {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, file) = (folder.path().display(), folder.path().join("nginx.conf"));
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {path}/{kind};\n"))
        .concat();
    let whole = format!(
        "daemon off;\npid {path}/pid;\nerror_log stderr;\nevents {{}}\n\
         http {{\naccess_log off;\n{temporary}{servers}}}\n"
    );
    std::fs::write(&file, whole).expect("written");
    let process = Process::spawn(Command::new(nginx).arg("-p").arg(folder.path()).arg("-c").arg(&file));
    wait_until_open(port, &process);
    Nginx { process, _folder: folder }
}

/// Waits until a proxy takes connections.
pub fn wait_until_open(port: u16, proxy: &Process) {
    let until = Instant::now() + DEADLINE;
    while let Err(error) = TcpStream::connect(("127.0.0.1", port)) {
        assert!(
            error.kind() == io::ErrorKind::ConnectionRefused && Instant::now() < until,
            "{}",
            proxy.stderr.text()
        );
        thread::yield_now();
    }
}

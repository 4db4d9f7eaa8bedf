//! The file before SQLite opens it: whose it is. A file that is refused stays as it was, and nothing is left beside it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::error::OpenProblem;
use super::schema;

/// The path without links and relative parts, so that two ways to one file meet in one lock file, and so that SQLite
/// can't take it for a URI.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, OpenProblem> {
    if let Ok(resolved) = canonicalize(path) {
        return Ok(resolved);
    }
    let name = path.file_name().ok_or_else(|| OpenProblem::Failed("not a file name".to_owned()))?;
    if let Ok(target) = fs::read_link(path) {
        return Err(OpenProblem::Dangling(target));
    }
    // `parent` of a bare name is the empty path, which can't be canonicalized.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = canonicalize(folder).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => OpenProblem::NoFolder,
        _ => error.into(),
    })?;
    Ok(folder.join(name))
}

/// As people write it: Windows itself would begin it with `\\?\`.
#[cfg(windows)]
use dunce::canonicalize;
#[cfg(not(windows))]
use fs::canonicalize;

/// The path of a file beside the database: its name and `suffix`.
pub(super) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(suffix);
    PathBuf::from(path)
}

/// Whether a write-ahead log with something in it lies beside the database: it is in use, or its last user crashed.
pub(super) fn has_log(database: &Path) -> bool {
    fs::metadata(beside(database, "-wal")).is_ok_and(|metadata| metadata.len() > 0)
}

/// Random bits that tell a write-ahead log from the one before it in the same file; the first four bytes count up with each.
pub(super) type Salts = [u8; 8];

/// The salts in the header of the write-ahead log, other ones each time it starts over; zeros, if that is not written yet. None
/// where [`has_log`] is false.
pub(super) fn log_salts(database: &Path) -> io::Result<Option<Salts>> {
    let mut log = match File::open(beside(database, "-wal")) {
        Ok(log) => log,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut read = || -> io::Result<Vec<u8>> {
        let mut header = Vec::new();
        log.seek(SeekFrom::Start(0))?;
        log.by_ref().take(LOG_HEADER).read_to_end(&mut header)?;
        Ok(header)
    };
    // Somebody may be writing it at this moment.
    let mut header = read()?;
    loop {
        let again = read()?;
        if again == header {
            break;
        }
        header = again;
    }
    let salts = header.get(16..24).and_then(|salts| salts.try_into().ok());
    Ok(if header.is_empty() { None } else { Some(salts.unwrap_or_default()) })
}

/// Whether a database has, or had, a write-ahead log: another that is put beside such a log is no room's.
pub(super) fn is_for_a_log(database: &Path) -> io::Result<bool> {
    let mut header = Vec::new();
    File::open(database)?.take(HEADER as u64).read_to_end(&mut header)?;
    Ok(header.get(18) == Some(&WITH_LOG))
}

/// Tells a file, as long as it is open, from any other that takes its name.
#[cfg(unix)]
pub(super) fn inode(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// Elsewhere no file that is open can lose its name.
#[cfg(not(unix))]
pub(super) fn inode(_: &Path) -> Option<(u64, u64)> {
    None
}

/// Makes the names of files in a folder last, where the system needs to be told.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// What SQLite makes beside a database and leaves there where it comes to nothing, on a share say.
pub(super) struct Strays(Vec<PathBuf>);

impl Strays {
    /// What is there already is none of them.
    pub(super) fn of(database: &Path) -> Strays {
        let mut paths = vec![beside(database, "-wal"), beside(database, "-shm")];
        paths.retain(|path| !path.exists());
        Strays(paths)
    }

    /// Removes them, unless there is something in the log.
    pub(super) fn remove(self) {
        let is_log = |path: &Path| path.to_string_lossy().ends_with("-wal");
        let has_log =
            |path: &PathBuf| is_log(path) && fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0);
        if !self.0.iter().any(has_log) {
            self.0.iter().for_each(|path| drop(fs::remove_file(path)));
        }
    }
}

/// A connection that takes the file for one that nobody writes to, and looks at nothing beside it.
pub(super) fn connect_alone(database: &Path) -> rusqlite::Result<Connection> {
    let mut uri = "file:".to_owned();
    for &byte in database.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => uri.push(byte.into()),
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing, or an empty file.
    Nothing,
    /// A database without tables: a first start's that was cut short.
    Blank,
    /// A database of ours, of a version we know.
    Ours,
}

/// Bytes of SQLite's header, at the start of every database.
const HEADER: usize = 100;
/// The same of a write-ahead log.
const LOG_HEADER: u64 = 32;
/// The byte at 18 in the header of a database that has, or had, a write-ahead log.
const WITH_LOG: u8 = 2;

/// Reads whose file this is from its header, without SQLite: merely opening a database with it makes files, and may
/// write. Call it only under the lock: then no connection of this process can have locks on the file for
/// closing it here to drop.
pub(super) fn look(path: &Path) -> Result<Found, OpenProblem> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(error.into()),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(OpenProblem::NotAFile(path.to_owned()));
    }
    if metadata.len() == 0 {
        return Ok(Found::Nothing);
    }
    let mut header = [0; HEADER];
    match file.read_exact(&mut header) {
        Ok(()) if header.starts_with(b"SQLite format 3\0") => {}
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error.into()),
        Ok(()) | Err(_) => return Err(OpenProblem::NotADatabase),
    }
    let number = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let (schema_changes, version, application_id) = (number(40), number(60), number(68));
    match application_id {
        schema::APPLICATION_ID if version > schema::VERSION => Err(OpenProblem::Newer(version)),
        schema::APPLICATION_ID => Ok(Found::Ours),
        // A room's first start makes its tables before it makes a log: with only this, somebody has copied half of a room.
        0 if schema_changes == 0 && header[18] == WITH_LOG && !has_log(path) => Err(OpenProblem::Partial),
        0 if schema_changes == 0 => Ok(Found::Blank),
        _ => Err(OpenProblem::NotOurs),
    }
}

/// Makes the database's file, empty and for its owner alone: SQLite would make it readable for everybody, and gives the
/// files beside it the same mode. Returns whether it was made (it may be there, and empty).
pub(super) fn make(path: &Path) -> io::Result<bool> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    private(&mut options);
    match options.open(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(unix)]
pub(super) fn private(options: &mut OpenOptions) {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
}

#[cfg(not(unix))]
pub(super) fn private(_: &mut OpenOptions) {}

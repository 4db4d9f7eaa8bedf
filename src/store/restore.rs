//! A backup takes the room's place: whole, checked, and never beside another room's log.
//!
//! The database always has a file that can be opened, or one that is refused: what was there gets a second name first, then the
//! copy takes its place in one step, then the log of what was there follows it.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use jiff::Zoned;
use rusqlite::Connection;

use super::copy::{Copy, CopyError};
use super::error::{OpenError, OpenProblem};
use super::file::Found;
use super::lock::{LockFile, Note};
use super::{file, mark, new_epoch, owner, read, schema};

/// A backup that has taken its place.
#[derive(Debug)]
pub struct Restored {
    /// Those that are there to be read.
    pub messages: u64,
    /// The new name of what was there before.
    pub replaced: Option<PathBuf>,
}

/// Why a backup has not taken its place. What was there is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The room's database.
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("{}: {why}", .path.display())]
    Backup { path: PathBuf, why: String },
    #[error(
        "{}: this is the room's own database. Name the backup that is to take its place, and with --database the room's file",
        .0.display()
    )]
    Same(PathBuf),
    #[error("{}: the backup can't be put there: {why}", .path.display())]
    Write { path: PathBuf, why: String },
}

/// Puts a copy of the database at `backup` in the place of the one at `database`, whose room must be closed. Sessions, reset links
/// and host links in it end: since the backup they may have been ended, or voided. `progress` hears how many pages are copied, and
/// of how many.
///
/// # Errors
/// See [`RestoreError`].
pub fn restore(
    backup: &Path,
    database: &Path,
    progress: impl FnMut(u64, u64),
) -> Result<Restored, RestoreError> {
    let backup = file::resolve(backup).map_err(|problem| unusable(backup, problem))?;
    let given = database;
    let database = file::resolve(given).map_err(|problem| problem.at(given))?;
    if backup == database {
        return Err(RestoreError::Same(database));
    }
    let (from, _) = read::connect_beside(&backup).map_err(|problem| unusable(&backup, problem))?;
    let take = || owner::check(given, &database).and_then(|()| LockFile::take(&database));
    let lock = take().map_err(|problem| problem.at(&database))?;
    let restored = put_in_place(&from, &backup, &database, &lock, progress);
    if restored.is_err() {
        lock.undo();
    }
    restored
}

/// What is wrong with a backup, and what to do: other than with the room's own database.
fn unusable(backup: &Path, problem: OpenProblem) -> RestoreError {
    let why = match problem {
        OpenProblem::NoFolder | OpenProblem::Missing | OpenProblem::Dangling(_) => {
            "there is no such file".to_owned()
        }
        OpenProblem::Empty => "this file is empty".to_owned(),
        OpenProblem::NotADatabase => "this is no backup, not even a database".to_owned(),
        OpenProblem::NotOurs => "this is another program's database, and no backup of a room".to_owned(),
        OpenProblem::Damaged(why) => format!("this backup is damaged ({why})"),
        OpenProblem::Newer(_) => "this backup is of a newer chat-app. Run that one".to_owned(),
        other => return RestoreError::Open(other.at(backup)),
    };
    let why = format!(
        "{why}. Nothing was changed. Name a file that chat-app backup has made, or a copy of a room's file"
    );
    RestoreError::Backup { path: backup.to_owned(), why }
}

fn put_in_place(
    from: &Connection,
    backup: &Path,
    database: &Path,
    lock: &LockFile,
    progress: impl FnMut(u64, u64),
) -> Result<Restored, RestoreError> {
    let unwritten = |why: String| RestoreError::Write { path: database.to_owned(), why };
    let failed = |error: io::Error| unwritten(error.to_string());
    let folder = database.parent().unwrap_or(Path::new("/"));
    let epoch = new_epoch().map_err(failed)?;
    let copy = Copy::make(from, folder, |copy| end_what_leads_in(copy, &epoch), progress);
    let copy = copy.map_err(|error| match error {
        CopyError::From(problem) => unusable(backup, problem),
        CopyError::To(why) => unwritten(why),
    })?;
    finish_earlier(database, lock).map_err(failed)?;
    let replaced = second_name(database, lock).map_err(failed)?;
    copy.file.persist(database).map_err(|error| failed(error.error))?;
    // Without a file there can be its log.
    move_log(database, &replaced.clone().unwrap_or_else(|| free_name(database))).map_err(failed)?;
    file::sync_folder_of(database).map_err(failed)?;
    Ok(Restored { messages: copy.messages, replaced })
}

fn move_log(database: &Path, name: &Path) -> io::Result<()> {
    for suffix in ["-wal", "-shm"] {
        match fs::rename(file::beside(database, suffix), file::beside(name, suffix)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// A restore that was killed has left a second name of what is still there, or a log whose file has another name already.
fn finish_earlier(database: &Path, lock: &LockFile) -> io::Result<()> {
    let is_foreign = database.exists()
        && matches!(mark::origin(database, Found::Ours, lock), Err(OpenProblem::ForeignLog));
    let note = lock.notebook()?.read()?;
    let is_noted = note != Note::default();
    for name in replaced(database)? {
        if is_same(database, &name) {
            fs::remove_file(file::beside(&name, ".lock")).or_else(ignore_missing)?;
            fs::remove_file(&name)?;
        } else if is_foreign && is_noted && !file::has_log(&name) && Note::left_beside(&name)? == Some(note) {
            return move_log(database, &name);
        }
    }
    Ok(())
}

fn ignore_missing(error: io::Error) -> io::Result<()> {
    if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// Whether two names lead to one file.
fn is_same(one: &Path, other: &Path) -> bool {
    let id = file::inode(one);
    id.is_some() && id == file::inode(other)
}

/// The names that were given to what was there.
fn replaced(database: &Path) -> io::Result<Vec<PathBuf>> {
    let begin = file::beside(database, REPLACED);
    let begin = begin.as_os_str().as_encoded_bytes();
    let is_part = |name: &Path| {
        let name = name.as_os_str().as_encoded_bytes();
        ["-wal", "-shm", ".lock"].iter().any(|suffix| name.ends_with(suffix.as_bytes()))
    };
    let entries = fs::read_dir(database.parent().unwrap_or(Path::new("/")))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    let is_name = |path: &PathBuf| path.as_os_str().as_encoded_bytes().starts_with(begin) && !is_part(path);
    Ok(paths.into_iter().filter(is_name).collect())
}

fn end_what_leads_in(copy: &mut Connection, epoch: &str) -> rusqlite::Result<()> {
    schema::migrate(copy, epoch, None)?;
    copy.execute_batch(
        "DELETE FROM sessions; DELETE FROM password_resets; DELETE FROM host_keys; DELETE FROM names_to_free;
         UPDATE room SET invite_code = NULL",
    )
}

/// Gives what is there a second name, with the note that lets it be opened under it. None if nothing is there.
fn second_name(database: &Path, lock: &LockFile) -> io::Result<Option<PathBuf>> {
    if !database.exists() {
        return Ok(None);
    }
    let name = free_name(database);
    // Some disks have one name for each file.
    fs::hard_link(database, &name).or_else(|_| fs::copy(database, &name).map(drop))?;
    lock.notebook()?.read()?.lay_beside(&name)?;
    Ok(Some(name))
}

/// Between the database's name and the time.
const REPLACED: &str = ".replaced-";

fn free_name(database: &Path) -> PathBuf {
    let now = Zoned::now();
    let name = |n: u32| {
        let more = if n == 0 { String::new() } else { format!("-{n}") };
        file::beside(database, &format!("{REPLACED}{}{more}", now.strftime("%Y-%m-%d-%H%M%S")))
    };
    (0..).map(name).find(|name| !name.exists()).expect("some name is free")
}

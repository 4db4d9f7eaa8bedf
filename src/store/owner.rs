//! Whose the database is, and who may put another in its place, or lead to another. Somebody else's file that lies ready in a shared folder would
//! show them all that is said, and let them write it.

#[cfg(unix)]
use std::fs::Metadata;
use std::path::Path;
#[cfg(unix)]
use std::path::PathBuf;

use super::error::OpenProblem;
#[cfg(unix)]
use super::file::beside;

/// Refuses a database that is not this user's alone to change: the files at `database`, a path without links, and all folders and links
/// on the way that was `given`. For the super-user a folder may be anybody's: they run what others have set up.
///
/// # Errors
/// Whose it is, or which folder others may change.
#[cfg(unix)]
pub(super) fn check(given: &Path, database: &Path) -> Result<(), OpenProblem> {
    check_parts(database, false)?;
    check_way(given)
}

/// The same for a program beside the room; the super-user may look after anybody's database.
///
/// # Errors
/// Whose it is, or which folder others may change.
#[cfg(unix)]
pub(super) fn check_beside(given: &Path, database: &Path) -> Result<(), OpenProblem> {
    check_parts(database, is_super_user())?;
    check_way(given)
}

#[cfg(unix)]
fn check_parts(database: &Path, may_be_anybodys: bool) -> Result<(), OpenProblem> {
    use std::os::unix::fs::MetadataExt;

    let user = rustix::process::geteuid();
    for (path, metadata) in parts(database) {
        if metadata.uid() != user.as_raw() && !may_be_anybodys {
            return Err(OpenProblem::Foreigners(path, name_of(metadata.uid())));
        }
        // Opening a pipe would wait for whoever writes into it.
        if !metadata.is_file() {
            return Err(OpenProblem::NotAFile(path));
        }
    }
    Ok(())
}

#[cfg(unix)]
fn is_super_user() -> bool {
    rustix::process::geteuid().is_root()
}

/// Goes it folder by folder, link by link.
#[cfg(unix)]
fn check_way(given: &Path) -> Result<(), OpenProblem> {
    use std::os::unix::fs::MetadataExt;
    /// As many as systems follow.
    const LINKS: usize = 40;

    let parts = |path: &Path| path.components().rev().map(|part| part.as_os_str().to_owned()).collect();
    let mut left: Vec<_> = parts(&std::path::absolute(given)?);
    let (mut folder, mut links) = (PathBuf::new(), 0);
    while let Some(part) = left.pop() {
        if part == ".." {
            folder.pop();
            continue;
        }
        if !folder.as_os_str().is_empty() {
            check_folder(&folder)?;
        }
        let next = folder.join(&part); // the root takes the place of whatever was before
        let Ok(metadata) = next.symlink_metadata() else { break };
        if metadata.is_symlink() && links < LINKS {
            links += 1;
            let [owner, here] = [metadata.uid(), folder.metadata()?.uid()];
            if !(is_trusted(owner) || is_super_user() && owner == here) {
                return Err(OpenProblem::ForeignLink(next, name_of(owner)));
            }
            left.extend(parts(&next.read_link()?));
        } else {
            folder = next;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn check_folder(folder: &Path) -> Result<(), OpenProblem> {
    use std::os::unix::fs::MetadataExt;

    let metadata = folder.metadata()?;
    let is_strangers = !is_trusted(metadata.uid()) && !is_super_user();
    if is_strangers || may_others_change(&metadata, rustix::process::geteuid().as_raw()) {
        return Err(OpenProblem::Replaceable(folder.to_owned()));
    }
    Ok(())
}

/// This user, or the one who may do anything.
#[cfg(unix)]
fn is_trusted(user: u32) -> bool {
    user == 0 || user == rustix::process::geteuid().as_raw()
}

/// Takes the rights of all others to what there is of a database. Some disks, most sticks say, keep none.
#[cfg(unix)]
pub(super) fn make_private(database: &Path) {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    for (path, metadata) in parts(database) {
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            match set_permissions(&path, Permissions::from_mode(mode & !0o077)) {
                Ok(()) => {
                    log::info!("{}: others could read or write it; now it is yours alone", path.display())
                }
                Err(error) => log::warn!("{}: others may be able to read it: {error}", path.display()),
            }
        }
    }
}

/// The database and what lies beside it, as far as it is there.
#[cfg(unix)]
fn parts(database: &Path) -> Vec<(PathBuf, Metadata)> {
    let parts = ["", "-wal", "-shm", "-journal", ".lock"].map(|suffix| beside(database, suffix));
    parts.into_iter().filter_map(|path| path.symlink_metadata().ok().map(|found| (path, found))).collect()
}

/// Windows' rights are its folders' to give. It would say of a folder that access is denied.
#[cfg(not(unix))]
pub(super) fn check(_: &Path, database: &Path) -> Result<(), OpenProblem> {
    if database.is_dir() { Err(OpenProblem::NotAFile(database.to_owned())) } else { Ok(()) }
}

#[cfg(not(unix))]
pub(super) fn check_beside(_: &Path, _: &Path) -> Result<(), OpenProblem> {
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn make_private(_: &Path) {}

/// In a folder with the sticky bit, as `/tmp` has it, all may make files, but nobody replaces another's.
#[cfg(unix)]
fn may_others_change(folder: &Metadata, user: u32) -> bool {
    use std::os::unix::fs::MetadataExt;
    const STICKY: u32 = 0o1000;
    let mode = folder.mode();
    let by_group = mode & 0o020 != 0 && !is_alone_in(folder.gid(), user);
    (mode & 0o002 != 0 || by_group) && mode & STICKY == 0
}

/// Whether a group is root's, or has nobody in it but this user: many systems give each a group of their own.
#[cfg(unix)]
fn is_alone_in(group: u32, user: u32) -> bool {
    let name = name_of(user);
    let groups = std::fs::read_to_string("/etc/group").unwrap_or_default();
    let members = groups.lines().find_map(|line| {
        let mut fields = line.split(':').skip(2);
        (fields.next()?.parse() == Ok(group)).then(|| fields.next().unwrap_or_default().to_owned())
    });
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let is_others = |line: &str| {
        let mut fields = line.split(':').skip(2);
        let ids = [fields.next(), fields.next()].map(|id| id.and_then(|id| id.parse::<u32>().ok()));
        ids[0] != Some(user) && ids[1] == Some(group)
    };
    group == 0
        || members.is_some_and(|members| members.split(',').all(|member| member.is_empty() || member == name))
            && !users.lines().any(is_others)
}

/// As the system's own list has it, else a number.
#[cfg(unix)]
fn name_of(user: u32) -> String {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(user)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| format!("number {user}"))
}

//! Where a path lies: on which disk, or share, as the system calls it.

use std::path::Path;

/// The disk or share of an absolute path, where it is mounted, and its kind, as in `//server/school on /mnt/school (cifs)`. None where
/// the system does not tell.
pub(crate) fn mount_of(path: &Path) -> Option<String> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    find(&mounts, path)
}

/// The last of the mounts that are nearest to the path: it hides those before.
fn find(mounts: &str, path: &Path) -> Option<String> {
    let mounts = mounts.lines().filter_map(|line| {
        let (place, source) = line.split_once(" - ")?;
        let place = unescaped(place.split(' ').nth(4)?);
        let mut source = source.split(' ');
        let (kind, source) = (source.next()?.to_owned(), unescaped(source.next()?));
        path.starts_with(&place).then_some((place, kind, source))
    });
    let (place, kind, source) = mounts.max_by_key(|(place, ..)| Path::new(place).components().count())?;
    Some(format!("{source} on {place} ({kind})"))
}

/// Blanks and the like are written as a backslash and three octal digits.
fn unescaped(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..3).and_then(|code| u8::from_str_radix(code, 8).ok());
        match code {
            Some(code) => plain.extend([char::from(code).to_string().as_str(), &part[3..]]),
            None => plain.extend(["\\", part]),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 22 0:30 / /mnt/my\\040class rw - tmpfs none rw
41 40 0:35 / /mnt/my\\040class rw,relatime shared:9 master:1 - cifs //server/my\\040share rw,vers=3.0
42 22 0:36 / /mnt/my rw - nfs4 server:/x rw
broken
";

    #[test]
    fn the_nearest_mount_is_found_and_the_last_of_two_at_one_place() {
        for (path, found) in [
            ("/home/chat.db", "/dev/sda1 on / (ext4)"),
            ("/mnt/my class/room/chat.db", "//server/my share on /mnt/my class (cifs)"),
            ("/mnt/my/chat.db", "server:/x on /mnt/my (nfs4)"),
            ("/mnt/myself/chat.db", "/dev/sda1 on / (ext4)"),
        ] {
            assert_eq!(find(MOUNTS, Path::new(path)).as_deref(), Some(found), "{path}");
        }
        assert_eq!(find("", Path::new("/")), None);
    }
}

//! The crate's front page is its map: every room stands on it, below those that it uses, and no two files tie a knot.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Rooms on top of each other, at most: what a reader has to have understood before the topmost.
const FLOORS: usize = 10;

/// Lines of a file with its tests, at most: what a reader goes through at one sitting.
const FILE_LINES: usize = 400;

#[test]
fn every_room_is_on_the_map_and_uses_only_those_above_it() {
    let order = order();
    let mut mapped = order.clone();
    mapped.sort_unstable();
    assert_eq!(mapped, rooms());
    for (place, room) in order.iter().enumerate() {
        for used in uses(room) {
            assert!(order[..place].contains(&used), "{room} uses {used}, which is below it");
        }
    }
}

#[test]
fn a_reader_climbs_few_floors() {
    let mut floors: BTreeMap<String, usize> = BTreeMap::new();
    for room in order() {
        let below = uses(&room).iter().map(|used| floors[used]).max().unwrap_or(0);
        floors.insert(room, below + 1);
    }
    let highest = floors.values().max().copied().unwrap_or_default();
    assert!((2..=FLOORS).contains(&highest), "{floors:?}");
}

#[test]
fn no_files_of_a_room_use_each_other_in_a_circle() {
    for room in rooms() {
        let mut open: BTreeMap<String, BTreeSet<String>> =
            files(&room).iter().map(|path| (stem(path), siblings(path, &room))).collect();
        // Files that use no other file that is still there are no part of a circle.
        while let Some(free) = open.iter().find(|(_, used)| !used.iter().any(|used| open.contains_key(used)))
        {
            let free = free.0.clone();
            open.remove(&free);
        }
        assert!(open.is_empty(), "{room}: {open:?}");
    }
}

#[test]
fn a_file_of_limits_is_named_after_the_room_that_it_bounds() {
    let (order, files) = (order(), files("limits"));
    let stems: Vec<String> = files.iter().map(|path| stem(path)).filter(|stem| stem != "mod").collect();
    assert!(stems.len() > 5 && stems.iter().all(|stem| order.contains(stem)), "{stems:?}");
}

#[test]
fn a_rooms_head_names_every_file_of_it() {
    for room in rooms().iter().filter(|room| src().join(room).is_dir()) {
        let folder = src().join(room);
        let head = read(&folder.join("mod.rs"));
        let head: Vec<&str> = head.lines().filter(|line| line.starts_with("//!")).collect();
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            let is_room_within = path.join("mod.rs").exists();
            let is_source = name.ends_with(".rs") && !["mod.rs", "tests.rs"].contains(&&*name);
            let named = if is_room_within { format!("`{name}/`") } else { format!("`{name}`") };
            let is_named = head.iter().any(|line| line.contains(&named));
            assert!(is_named || !(is_source || is_room_within), "{room} does not say what {name} is");
        }
    }
}

#[test]
fn no_file_is_longer_than_one_sitting() {
    let tests = src().with_file_name("tests");
    let files: Vec<PathBuf> =
        [src(), tests].into_iter().flat_map(within).filter(|path| is_source(path)).collect();
    assert!(files.len() > 100, "{files:?}");
    for path in files {
        let lines = read(&path).lines().count();
        assert!(lines <= FILE_LINES, "{} has {lines} lines: move what is another matter", path.display());
    }
}

/// The rooms as the map lists them.
fn order() -> Vec<String> {
    let map = read(&src().join("lib.rs"));
    map.lines()
        .filter_map(|line| Some(line.strip_prefix("//! | [`")?.split('`').next()?.to_owned()))
        .collect()
}

/// The rooms that there are, sorted.
fn rooms() -> Vec<String> {
    let entries = fs::read_dir(src()).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut rooms: Vec<String> = entries.map(|path| stem(&path)).collect();
    rooms.retain(|room| !["lib", "main", "build"].contains(&room.as_str())); // building it is no part of the program
    rooms.sort_unstable();
    rooms
}

/// The other rooms that this one uses.
fn uses(room: &str) -> BTreeSet<String> {
    let used = files(room).into_iter().flat_map(|path| words_after(&code(&path), "crate::"));
    used.filter(|used| used != room && rooms().contains(used)).collect()
}

/// The files of the same room that a file uses. A head (`mod.rs`) is its whole folder, and so in no circle.
fn siblings(path: &Path, room: &str) -> BTreeSet<String> {
    let mut used = words_after(&code(path), &format!("crate::{room}::"));
    if path.parent().is_some_and(|folder| folder.ends_with(room)) && stem(path) != "mod" {
        used.extend(words_after(&code(path), "super::"));
    }
    let files: BTreeSet<String> = files(room).iter().map(|path| stem(path)).collect();
    used.retain(|used| *used != stem(path) && files.contains(used));
    used
}

/// The names that follow `before`, those of a list in braces too.
fn words_after(code: &str, before: &str) -> BTreeSet<String> {
    let word =
        |text: &str| -> String { text.chars().take_while(|&c| c.is_alphanumeric() || c == '_').collect() };
    let mut words = BTreeSet::new();
    for rest in code.split(before).skip(1) {
        match rest.strip_prefix('{').and_then(|rest| rest.split('}').next()) {
            Some(list) => words.extend(list.split(',').map(|one| word(one.trim()))),
            None => drop(words.insert(word(rest))),
        }
    }
    words
}

/// A room's files without its tests.
fn files(room: &str) -> Vec<PathBuf> {
    let mut files = within(src().join(room));
    files.push(src().join(room).with_extension("rs"));
    files.retain(|path| is_source(path) && path.exists());
    let is_test =
        |path: &Path| path.components().any(|part| part.as_os_str() == "tests") || stem(path) == "tests";
    files.retain(|path| !is_test(path.strip_prefix(src()).expect("in the source")));
    files
}

/// The files of a folder, however deep; none where there is no folder.
fn within(folder: PathBuf) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![folder]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    files
}

fn is_source(path: &Path) -> bool {
    path.extension().is_some_and(|it| it == "rs")
}

/// What a file says, without comments and what only its tests need.
fn code(path: &Path) -> String {
    let text = read(path);
    let lines = text.lines().take_while(|line| !line.ends_with("mod tests {"));
    lines.filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn stem(path: &Path) -> String {
    path.file_stem().expect("a name").to_string_lossy().into_owned()
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

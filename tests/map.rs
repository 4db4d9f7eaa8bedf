//! The crate's front page is its map: every module stands on it, below those that it uses.

use std::fs;
use std::path::Path;

/// The one that looks down, which the map says too.
const EXCEPTION: (&str, &str) = ("accounts", "store");

#[test]
fn every_module_is_on_the_map_and_uses_only_those_above_it() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let map = read(&src.join("lib.rs"));
    let order: Vec<&str> =
        map.lines().filter_map(|line| line.strip_prefix("//! | ")?.split('`').nth(1)).collect();
    let mut modules: Vec<&str> = map
        .lines()
        .filter_map(|line| line.strip_prefix("pub ").unwrap_or(line).strip_prefix("mod ")?.strip_suffix(';'))
        .collect();
    let mut mapped = order.clone();
    mapped.sort_unstable();
    modules.sort_unstable();
    assert_eq!(mapped, modules);
    for (place, module) in order.iter().enumerate() {
        for code in code_of(&src, module) {
            for used in code.split("crate::").skip(1) {
                let used =
                    used.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
                let above = order[..=place].contains(&used) || !order.contains(&used);
                assert!(above || (*module, used) == EXCEPTION, "{module} uses {used}, which is below it");
            }
        }
    }
}

/// What a module's files say, without comments and what only its tests need.
fn code_of(src: &Path, module: &str) -> Vec<String> {
    let mut files = vec![src.join(module).with_extension("rs")];
    let mut folders = vec![src.join(module)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|extension| extension == "rs") => files.push(path),
                false => {}
            }
        }
    }
    files.retain(|path| {
        !path.components().any(|part| part.as_os_str() == "tests") && !path.ends_with("tests.rs")
    });
    let code = |path: &Path| {
        let text = read(path);
        let lines = text.lines().take_while(|line| !line.ends_with("mod tests {"));
        lines.filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
    };
    files.iter().map(|path| code(path)).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

//! Packages from npm that tests look into: pinned, once into the target folder. Nothing else ever asks for them.

use super::on_ci;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The text of a package's file; `None`, and a line that says so, where it cannot be had.
pub fn from_npm(package: &str, version: &str, file: &str) -> Option<String> {
    let folder = format!("{}-{version}", package.trim_start_matches('@').replace('/', "-"));
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(folder);
    let path = folder.join("node_modules").join(package).join(file);
    if !path.exists()
        && let Err(problem) = install(package, version, &folder)
    {
        assert!(!on_ci(), "CI runs {package}: {problem}");
        println!("skipped: {package} cannot be had from npm: {problem}");
        return None;
    }
    Some(fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// Beside its place first, so that a half-finished one is never taken for whole.
fn install(package: &str, version: &str, folder: &Path) -> Result<(), String> {
    let aside = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).map_err(|error| error.to_string())?;
    let output = Command::new("npm")
        .args([
            "install",
            "--no-save",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--fetch-timeout=20000",
        ])
        .args(["--fetch-retries=1", "--prefix"])
        .arg(aside.path())
        .arg(format!("{package}@{version}"))
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("npm: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    match fs::rename(aside.keep(), folder) {
        // Another run of the tests was quicker.
        Err(_) if folder.exists() => Ok(()),
        result => result.map_err(|error| error.to_string()),
    }
}

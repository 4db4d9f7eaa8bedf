//! axe-core, which finds what people with a screen reader, without a mouse or with weak eyes would stumble over.
//!
//! It comes from npm, pinned, once into the target folder; the page itself never asks for anything from there.

use crate::support::{Page, on_ci};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

const VERSION: &str = "4.14.1";

/// Fails with what axe-core holds to be serious or critical in the page as it is shown now.
pub(super) fn expect_nothing_serious(page: &Page, state: &str) {
    expect_nothing(page, state, "{}");
}

/// The same, as far as colours go: for a page that has been looked at in the other scheme, which changes nothing else.
pub(super) fn expect_readable(page: &Page, state: &str) {
    expect_nothing(page, state, "{ runOnly: ['color-contrast', 'link-in-text-block'] }");
}

fn expect_nothing(page: &Page, state: &str, rules: &str) {
    let Some(source) = source() else { return };
    if page.run("typeof window.axe") != "object" {
        page.inject(source);
    }
    // What it would load before is for films, and for rules that are not asked for.
    let found = page.run(&format!(
        "(await axe.run(document, {{ resultTypes: ['violations'], preload: false, ...{rules} }})).violations
            .filter(({{ impact }}) => impact === 'serious' || impact === 'critical')
            .map(({{ id, help, nodes }}) => `${{id}}: ${{help}}\\n` +
                nodes.map(({{ html, failureSummary }}) => `  ${{html}}\\n  ${{failureSummary}}`).join('\\n'))",
    ));
    let found: Vec<&str> =
        found.as_array().map(|list| list.iter().filter_map(Value::as_str).collect()).unwrap_or_default();
    assert!(found.is_empty(), "{state}: axe-core found\n{}", found.join("\n"));
}

/// The script; `None`, and a line that says so, where it cannot be had.
fn source() -> Option<&'static str> {
    static SOURCE: OnceLock<Option<String>> = OnceLock::new();
    SOURCE
        .get_or_init(|| {
            let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("axe-core-{VERSION}"));
            let script = folder.join("node_modules/axe-core/axe.min.js");
            if !script.exists()
                && let Err(problem) = install(&folder)
            {
                assert!(!on_ci(), "CI runs axe-core: {problem}");
                println!("skipped: axe-core cannot be had from npm: {problem}");
                return None;
            }
            Some(fs::read_to_string(&script).expect("axe-core can be read"))
        })
        .as_deref()
}

/// Beside its place first, so that a half-finished one is never taken for whole.
fn install(folder: &Path) -> Result<(), String> {
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
        .arg(format!("axe-core@{VERSION}"))
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

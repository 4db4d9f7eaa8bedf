//! axe-core, which finds what people with a screen reader, without a mouse or with weak eyes would stumble over.

use crate::support::{Engine, Page, from_npm};
use serde_json::Value;
use std::sync::OnceLock;

const VERSION: &str = "4.14.1";

/// Fails with what axe-core holds to be serious or critical in the page as it is shown now.
pub(super) fn expect_nothing_serious(page: &Page, state: &str) {
    expect_nothing(page, state, "{}");
}

/// The same, as far as colours go: for a page that has been looked at in the other scheme, which changes nothing else.
pub(super) fn expect_readable(page: &Page, state: &str) {
    // Colours are the same in every engine.
    if page.engine == Engine::Chromium {
        expect_nothing(page, state, "{ runOnly: ['color-contrast', 'link-in-text-block'] }");
    }
}

fn expect_nothing(page: &Page, state: &str, rules: &str) {
    // Two engines' ideas of names and roles are enough.
    if !matches!(page.engine, Engine::Chromium | Engine::Firefox) {
        return;
    }
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
    SOURCE.get_or_init(|| from_npm("axe-core", VERSION, "axe.min.js")).as_deref()
}

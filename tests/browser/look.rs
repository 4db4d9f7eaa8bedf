//! Looking at a state of the page: a picture of it for people, axe-core for what people overlook, and whether a small
//! window still offers everything.

use super::axe;
use crate::support::{Page, Scheme, Size};
use serde_json::json;
use std::fs;
use std::path::PathBuf;

/// Windows that are narrow or low.
const SMALL: [Size; 2] = [Size::Narrow, Size::Zoomed];

/// Looks at the page on a phone, pictured in the dark, and at a desk, pictured in the light, and leaves it there. What it
/// offers has to be within reach in a small window, too.
pub(super) fn look(page: &Page, state: &str) {
    look_at(page, state, Size::Phone, Scheme::Dark);
    for size in SMALL {
        page.size(size);
        settle(page);
        expect_everything_within_reach(page, &format!("{state}, {size:?}"));
    }
    look_at(page, state, Size::Desk, Scheme::Light);
}

/// Looks at small windows as closely as at the others: for the states that all others are made of.
pub(super) fn look_closely(page: &Page, state: &str) {
    look_into_drawer(page, state);
    look_at(page, state, Size::Desk, Scheme::Light);
}

/// The same without the desk, where an open drawer would be a panel.
pub(super) fn look_into_drawer(page: &Page, state: &str) {
    look_at(page, state, Size::Phone, Scheme::Dark);
    for size in SMALL {
        look_at(page, state, size, Scheme::Light);
        expect_everything_within_reach(page, &format!("{state}, {size:?}"));
    }
}

/// Looks at the page in one size and both schemes, and leaves it in the one that it pictures.
pub(super) fn look_at(page: &Page, state: &str, size: Size, scheme: Scheme) {
    page.size(size);
    page.scheme(scheme.other());
    settle(page);
    axe::expect_readable(page, &format!("{state}, {size:?}, {:?}", scheme.other()));
    page.scheme(scheme);
    settle(page);
    axe::expect_nothing_serious(page, &format!("{state}, {size:?}, {scheme:?}"));
    take_picture(page, &format!("{state}-{size:?}-{scheme:?}").to_lowercase());
}

/// Two frames: one to take a change, one that shows it.
fn settle(page: &Page) {
    page.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
}

/// Nothing but code scrolls sideways, and every control that is not behind a dialog or a drawer can be brought under a finger, for
/// which it is large enough. Links in a text are as small as the text.
fn expect_everything_within_reach(page: &Page, state: &str) {
    let missed = page.run(
        "(() => {
            const name = (node) => node.id || node.textContent.trim() || node.tagName;
            const wide = [...document.querySelectorAll(':not(.code code)')].filter((node) => node.checkVisibility()
                && node.scrollWidth > node.clientWidth && getComputedStyle(node).overflowX === 'auto');
            if (document.documentElement.scrollWidth > innerWidth) wide.push(document.documentElement);
            const front = document.querySelector('dialog[open]') ?? (el.scrim.hidden ? document.body : el.panel);
            const size = (node, side) => {
                const { [side]: target } = (node.closest('label') ?? node).getBoundingClientRect();
                return Math.max(target, parseFloat(getComputedStyle(node, '::after')[side]) || 0);
            };
            const places = [el.scroller, front].map((node) => [node, node.scrollTop]);
            // What lies over its label is seen through it.
            const shown = (node) =>
                node.checkVisibility({ visibilityProperty: true, opacityProperty: !node.closest('label') });
            const controls = [...front.querySelectorAll('button, input, textarea, select, summary, a')]
                .filter((node) => shown(node) && !node.closest('.text, [inert]'));
            const small = controls.filter((node) => size(node, 'height') < 43.9 || size(node, 'width') < 43.9);
            const hidden = controls.filter((node) => {
                if (node.closest('label')) return false;
                node.scrollIntoView({ block: 'nearest' });
                const [{ left, right, top, bottom }] = node.getClientRects();
                const hit = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
                return !node.contains(hit) || left < 0 || right > innerWidth;
            });
            for (const [node, top] of places) node.scrollTop = top;
            return [...wide.map((node) => `scrolls sideways: ${name(node)}`),
                ...small.map((node) => `small: ${name(node)}, ${size(node, 'width')} x ${size(node, 'height')}`),
                ...hidden.map((node) => `out of reach: ${name(node)}`)];
        })()",
    );
    assert_eq!(missed, json!([]), "{state}");
}

/// Leaves a picture of the page as it is, in its engine's folder.
pub(super) fn take_picture(page: &Page, name: &str) {
    let engine = format!("{:?}", page.engine).to_lowercase();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("screenshots").join(engine);
    fs::create_dir_all(&folder).expect("a folder for screenshots");
    let picture = page.screenshot();
    fs::write(folder.join(format!("{name}.png")), picture).expect("a picture can be written");
}

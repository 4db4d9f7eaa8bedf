//! Looking at a state of the page: a picture of it for people, and axe-core for what people overlook.

use super::axe;
use crate::support::{Page, Scheme, Size};
use std::fs;
use std::path::PathBuf;

/// Looks at the page on a phone in the dark, then at a desk in the light, and leaves it there.
pub fn look(page: &Page, state: &str) {
    look_at(page, state, Size::Phone, Scheme::Dark);
    look_at(page, state, Size::Desk, Scheme::Light);
}

/// Looks at the page in one size and scheme, and leaves it so.
pub fn look_at(page: &Page, state: &str, size: Size, scheme: Scheme) {
    page.size(size);
    page.scheme(scheme);
    // Two frames: one to take the change, one that shows it.
    page.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
    take_picture(page, &format!("{state}-{size:?}-{scheme:?}").to_lowercase());
    axe::expect_nothing_serious(page, state);
}

/// Leaves a picture of the page as it is.
pub fn take_picture(page: &Page, name: &str) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
    fs::create_dir_all(&folder).expect("a folder for screenshots");
    let picture = page.screenshot();
    fs::write(folder.join(format!("{name}.png")), picture).expect("a picture can be written");
}

//! Before the program is built: how it is linked.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=src/build.rs");
    if packs_relocations() {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// A static program that is loaded anywhere has a list of the addresses to mend, of some 270 KB, which a tenth says as well. The C
/// library that is linked in does the mending, and understands the short form from 2.36 on.
fn packs_relocations() -> bool {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let target = variable("TARGET");
    if target != variable("HOST") || !target.ends_with("-linux-gnu") {
        return false;
    }
    let Ok(found) = Command::new("getconf").arg("GNU_LIBC_VERSION").output() else { return false };
    let version = String::from_utf8_lossy(&found.stdout); // glibc 2.36
    let mut numbers =
        version.split(|byte: char| !byte.is_ascii_digit()).filter_map(|number| number.parse().ok());
    (numbers.next(), numbers.next()) >= (Some(2), Some(36))
}

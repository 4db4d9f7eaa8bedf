//! Run by Cargo before each build: how the program is linked, and what is packed into it.

use std::error::Error;
use std::process::Command;

#[path = "http/pack.rs"]
mod pack;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=src/build.rs");
    if packs_relocations() {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    pack::pack()
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
    let version: (Option<u32>, Option<u32>) = (numbers.next(), numbers.next());
    version >= (Some(2), Some(36))
}

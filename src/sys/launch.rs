//! How the program was started: from a shell, from the desktop, from afar, by a service; and what that asks for.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Has a Windows console understand colours, as other terminals do.
pub fn prepare_terminal() {
    #[cfg(windows)]
    let _ = anstyle_query::windows::enable_ansi_colors(); // no console: then there is nothing to colour
}

/// Whether somebody sits at this computer's desktop and sees what this program prints: then a browser may open.
pub fn is_at_desktop() -> bool {
    let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    io::stdin().is_terminal() && io::stdout().is_terminal() && has_display(is_set)
}

/// A window of this computer: from afar there may be one too, but not where somebody looks.
fn has_display(is_set: impl Fn(&str) -> bool) -> bool {
    let is_remote = ["SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"].into_iter().any(&is_set);
    let always = cfg!(any(windows, target_os = "macos"));
    !is_remote && (always || ["DISPLAY", "WAYLAND_DISPLAY"].into_iter().any(&is_set))
}

/// Opens an address in the browser of whoever sits here. Failing is no error: the terminal has the link, too.
pub fn open_browser(url: &str) {
    let (program, arguments): (_, &[&str]) = match env::consts::OS {
        "windows" => ("rundll32", &["url.dll,FileProtocolHandler"]),
        "macos" => ("open", &[]),
        _ => ("xdg-open", &[]),
    };
    let mut command = Command::new(program);
    command.args(arguments).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Neither Ctrl-C in this window nor its closing is the browser's.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return log::debug!("{program} cannot be run: {error}"),
    };
    let run = move || match child.wait() {
        Ok(status) if status.success() => {}
        Ok(status) => log::debug!("{program} opened no browser: {status}"),
        Err(error) => log::debug!("{program} cannot be waited for: {error}"),
    };
    // A browser that was not open yet may stay that program's child for as long as it is open.
    if let Err(error) = std::thread::Builder::new().name("browser".into()).spawn(run) {
        log::debug!("no thread to wait for a browser: {error}");
    }
}

/// Whether the window closes with the program: it was made for it. A Mac's Terminal leaves it open.
pub fn owns_window() -> bool {
    !cfg!(target_os = "macos") && is_from_desktop()
}

/// Leaves whoever has clicked the time to read what went wrong.
pub fn keep_window() {
    let mut out = io::stderr();
    let asked = out.write_all(b"\nPress Enter to close this window.\n").and_then(|()| out.flush());
    let _ = asked.and_then(|()| io::stdin().read_line(&mut String::new())); // no line, no reader
}

/// Where the room's history lies if the program was started from the desktop, and its folder holds none: where programs keep what
/// is theirs, and not in a folder of downloads that somebody empties. The folder is made. None in a shell.
pub fn desktop_database(name: &std::path::Path) -> Option<PathBuf> {
    if name.exists() || !is_from_desktop() {
        return None;
    }
    let variable = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let place = match env::consts::OS {
        "windows" => variable("LOCALAPPDATA"),
        "macos" => variable("HOME").map(|home| home.join("Library/Application Support")),
        _ => variable("XDG_DATA_HOME").or_else(|| variable("HOME").map(|home| home.join(".local/share"))),
    };
    let folder = place?.join("chat-app");
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(&folder).ok()?; // else its error would be about a folder that nobody has named
    Some(folder.join(name))
}

/// Explorer starts what is clicked; a shell starts what is typed.
#[cfg(windows)]
fn is_from_desktop() -> bool {
    parent_name().is_some_and(|name| name.eq_ignore_ascii_case("explorer.exe"))
}

/// The program that has started this one, if it still runs.
#[cfg(windows)]
fn parent_name() -> Option<String> {
    use winsafe::{GetCurrentProcessId, HPROCESSLIST, co::TH32CS};
    let mut list = HPROCESSLIST::CreateToolhelp32Snapshot(TH32CS::SNAPPROCESS, None).ok()?;
    let processes = list.iter_processes().flatten();
    let processes: Vec<_> =
        processes.map(|found| (found.th32ProcessID, found.th32ParentProcessID, found.szExeFile())).collect();
    let own = GetCurrentProcessId();
    let (_, parent, _) = processes.iter().find(|(id, ..)| *id == own)?;
    processes.iter().find(|(id, ..)| id == parent).map(|(.., name)| name.clone())
}

/// The Finder has a terminal type the program's whole path, at home.
#[cfg(target_os = "macos")]
fn is_from_desktop() -> bool {
    let typed = env::args_os().next().map(PathBuf::from);
    let home = env::var_os("HOME").map(PathBuf::from);
    is_at_desktop() && typed.is_some_and(|typed| typed.is_absolute()) && env::current_dir().ok() == home
}

/// A terminal that was opened for this program has it as its first process; else that is a shell.
#[cfg(all(unix, not(target_os = "macos")))]
fn is_from_desktop() -> bool {
    is_at_desktop() && rustix::process::getsid(None).ok() == Some(rustix::process::getpid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_counts_unless_somebody_is_elsewhere() {
        let display = |set: &'static [&str]| has_display(|name| set.contains(&name));
        assert!(display(&["DISPLAY"]) && display(&["WAYLAND_DISPLAY"]));
        for from_afar in ["SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"] {
            assert!(!has_display(|name| [from_afar, "DISPLAY"].contains(&name)), "{from_afar}");
        }
        assert_eq!(display(&[]), cfg!(any(windows, target_os = "macos")));
    }
}

//! How the program was started, and what it was started in.

/// Has a Windows console understand colours, as other terminals do.
pub fn prepare_terminal() {
    #[cfg(windows)]
    let _ = anstyle_query::windows::enable_ansi_colors(); // no console: then there is nothing to colour
}

/// Whether the window closes with the program: started from the desktop and not from a shell.
#[cfg(windows)]
pub fn by_double_click() -> bool {
    parent_name().is_some_and(|name| name.eq_ignore_ascii_case("explorer.exe"))
}

#[cfg(not(windows))]
pub fn by_double_click() -> bool {
    false // a Mac's terminal keeps its window, and a Linux desktop gives a program none
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
    let (.., parent, _) = processes.iter().find(|(id, ..)| *id == own)?;
    processes.iter().find(|(id, ..)| id == parent).map(|(.., name)| name.clone())
}

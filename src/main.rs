//! The program: reads the command line, runs what it asks for, and turns the outcome into an exit code.
//!
//! 0: done, or stopped by Ctrl-C, SIGTERM or SIGHUP (on Windows: or by closing the window, logging off, shutting down). 1: could not start, or could not do it. 2: the command line cannot be followed.
//! 70: the hub panicked ([`chat_app::server`]).

use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::process::ExitCode;

use chat_app::config::{self, Config, Invocation};
use chat_app::server::{Server, running_at};
use chat_app::{ExportFormat, banner, launch, start_logging};

fn main() -> ExitCode {
    launch::prepare_terminal();
    let code = follow();
    if code != ExitCode::SUCCESS && launch::owns_window() {
        launch::keep_window();
    }
    code
}

/// Does what the command line asks for.
fn follow() -> ExitCode {
    let invocation = match config::parse(std::env::args_os().skip(1)) {
        Ok(invocation) => invocation,
        Err(error) => {
            say(&mut io::stderr(), &format!("chat-app: {error}\n\n{}", config::help()));
            return ExitCode::from(2);
        }
    };
    match run(invocation) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&mut io::stderr(), &format!("chat-app: {error}\n"));
            ExitCode::FAILURE
        }
    }
}

fn run(invocation: Invocation) -> Result<(), Box<dyn Error>> {
    let is_terminal = io::stdout().is_terminal();
    let text = match invocation {
        Invocation::Serve(config) => return serve(*config),
        Invocation::Export(database, format) => return export(&database, format),
        Invocation::Backup { database, target } => {
            let made = show_progress("pages", |progress| chat_app::back_up(&database, &target, progress))?;
            banner::backup(&target, &made)
        }
        Invocation::Restore { backup, database } => {
            let restored =
                show_progress("pages", |progress| chat_app::restore(&backup, &database, progress))?;
            banner::restored(&database, &restored)
        }
        Invocation::ResetPassword(database, email) => {
            let link = chat_app::issue_reset_beside(&database, &email)?;
            let link = link.ok_or_else(|| format!("{}: no account has this address", email.as_str()))?;
            banner::reset_link(&link, is_terminal)
        }
        Invocation::HostLink { database, void_earlier } => {
            let link = chat_app::make_host_link_beside(&database, void_earlier)?;
            banner::host_link(&link, void_earlier, is_terminal)
        }
        Invocation::FreeName(database, name) => {
            chat_app::free_name_beside(&database, &name)?;
            banner::name_freed(name.display())
        }
        Invocation::Help => config::help(),
        Invocation::Licenses => config::licenses(),
        Invocation::Version => concat!("chat-app ", env!("CARGO_PKG_VERSION"), "\n").to_owned(),
    };
    let mut out = io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(format!("it is done, but could not be written to the output: {error}").into())
        }
        _ => Ok(()), // nobody reads on: head, or a pager that was left
    }
}

/// Opens the room until Ctrl-C, SIGTERM or SIGHUP.
fn serve(mut config: Config) -> Result<(), Box<dyn Error>> {
    start_logging(config.log_level)?;
    let wait_for_signal = signals()?;
    if !config.chose_database
        && let Some(database) = launch::desktop_database(&config.database)
    {
        config.database = database;
    }
    // What comes from a proxy's address is not from this computer, and makes nobody a host.
    let here = [config.bind, Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let is_proxys = config.trusted_proxies.iter().any(|proxy| here.contains(&proxy.to_canonical()));
    let opens_browser = config.open_browser && !config.quiet && !is_proxys && launch::is_at_desktop();
    let server = match Server::start(config.clone()) {
        Err(error) if error.is_in_use() && opens_browser => {
            let url = running_at(&config.database).ok_or(error)?;
            launch::open_browser(&url);
            say(&mut io::stdout(), &banner::open_already(&url));
            return Ok(());
        }
        started => started?,
    };
    let opened = server.opened();
    if opens_browser {
        launch::open_browser(&banner::host_link_here(config.bind, opened.port, &opened.first_key));
    } else {
        log::debug!("no browser is opened for the host");
    }
    banner::print(&config, opened); // after the browser, which takes its time anyway
    wait_for_signal();
    server.stop();
    log::logger().flush();
    Ok(())
}

/// Ctrl-C and SIGTERM, taken from here on, and SIGHUP, by which a terminal hangs up; what is returned waits for the first.
#[cfg(unix)]
fn signals() -> io::Result<impl FnOnce()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
    if !hang_up_is_ignored() {
        signals.add_signal(SIGHUP)?;
    }
    Ok(move || {
        signals.forever().next();
    })
}

/// Whether the process is to outlive its terminal, as under `nohup`: taking the signal would end that. Only Linux tells;
/// elsewhere `nohup` leaves no terminal on standard error.
#[cfg(unix)]
fn hang_up_is_ignored() -> bool {
    const SIGHUP_BIT: u64 = 1;
    if !cfg!(target_os = "linux") {
        return !io::stderr().is_terminal();
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok());
    ignored.is_some_and(|bits| bits & SIGHUP_BIT != 0)
}

/// Ctrl-C, the window's closing, logging off and shutting down. Windows ends the process as soon as their handler returns, or after
/// five seconds: it never does, and the room's own end, which takes less, ends both.
#[cfg(windows)]
fn signals() -> io::Result<impl FnOnce()> {
    use grace::{ShutdownGuard, ShutdownType};
    let (signal, signals) = crossbeam_channel::bounded(1);
    let handler = move |_| {
        let _ = signal.try_send(()); // the first one counts
        loop {
            std::thread::park();
        }
    };
    ShutdownGuard::new(&[ShutdownType::Interrupt, ShutdownType::Terminate], handler).forget();
    Ok(move || {
        let _ = signals.recv(); // its sender lives as long as the process
    })
}

/// Writes the log to standard output.
fn export(database: &Path, format: ExportFormat) -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    Ok(show_progress("positions", |progress| chat_app::export(database, format, &mut out, progress))?)
}

/// Does something and says to a terminal's standard error how far it is.
fn show_progress<T>(of: &str, work: impl FnOnce(&mut dyn FnMut(u64, u64)) -> T) -> T {
    let (show, mut shown) = (io::stderr().is_terminal(), false);
    let done = work(&mut |done, total| {
        if show {
            shown = true;
            say(&mut io::stderr(), &format!("\r{done} of {total} {of}"));
        }
    });
    if shown {
        say(&mut io::stderr(), "\n");
    }
    done
}

/// `print!` panics when nobody reads; what could be said is said.
fn say(out: &mut impl Write, text: &str) {
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

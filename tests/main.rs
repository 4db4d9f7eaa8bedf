//! Every promise of the room, tried from the outside: real sockets, real processes, a real browser.
//!
//! One crate, so that it is linked once. Each module is a subject; its head says what it claims.

mod support;

// What is for Unix alone needs signals, its files' rights, or what `/proc` tells, or is the same everywhere and takes a browser.

// First in the alphabet, and so among the first to run: a minute of waiting, in which the others do their work.
#[cfg(unix)]
mod away;

// A message on its way.
mod broadcast;
mod deletion;
mod delivery;
mod history;
mod reactions;
mod replies;
mod resume;
mod search;

// Who is here.
mod hands;
mod names;
mod newcomers;
mod presence;
mod typing;

// Who has an account, and who runs the room.
mod accounts;
mod hosts;
mod transcript;

// Those who write or read badly.
mod closing;
mod errors;
mod isolation;
mod pace;
mod slow;

#[cfg(unix)]
mod hostile;

// The public port.
#[cfg(unix)]
mod addresses;
mod caps;
mod http;
#[cfg(target_os = "linux")]
mod lan_name;
mod page;
mod words;

// The process, its clock, its disk, its end.
#[cfg(debug_assertions)]
mod clock;
#[cfg(unix)]
mod copies;
mod crash;
mod disk;
#[cfg(unix)]
mod owner;
mod persistence;
mod scale;
#[cfg(unix)]
mod second_machine;
#[cfg(target_os = "linux")]
mod service;
#[cfg(target_os = "linux")]
mod shares;
#[cfg(unix)]
mod space;
mod startup;
mod stopping;
#[cfg(unix)]
mod torture;

// Other systems' binaries.
#[cfg(target_os = "linux")]
mod foreign;

// The page, in a browser.
#[cfg(unix)]
mod browser;

// The source.
mod map;
#[cfg(unix)]
mod old_browsers;

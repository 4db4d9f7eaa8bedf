//! Mails a reset link through any program that takes mail as `sendmail` does (`--sendmail`).

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use crate::accounts::ResetLink;
use crate::limits;
use crate::sys::socket::StopSignal;

/// Mails a link to its account's address: runs `program -i -t` without a shell, the letter on its standard input, and waits
/// for it. It is killed after [`limits::MAIL_DEADLINE`], or when the server stops.
///
/// # Errors
/// The failure, without anything of the letter. The program's own output may quote it and is dropped.
pub(super) fn send(program: &Path, link: &ResetLink, title: &str, stop: &StopSignal) -> Result<(), String> {
    let mut command = Command::new(program);
    command.args(["-i", "-t"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| format!("it cannot be started: {error}"))?;
    // The letter is far smaller than a pipe takes at once, so this waits for nobody.
    let written = child.stdin.take().map(|mut stdin| stdin.write_all(letter(link, title).as_bytes()));
    let outcome = wait(&mut child, stop);
    if outcome.is_err() {
        let _ = child.kill(); // it may have ended just now
        let _ = child.wait();
    }
    outcome?;
    written.unwrap_or(Ok(())).map_err(|error| format!("it did not take the letter: {error}"))
}

/// The letter. The mail program says who it comes from: it knows what may be sent from here.
fn letter(link: &ResetLink, title: &str) -> String {
    format!(
        "To: {}\n\
         Subject: Choose a new password\n\
         Auto-Submitted: auto-generated\n\
         MIME-Version: 1.0\n\
         Content-Type: text/plain; charset=utf-8\n\
         Content-Transfer-Encoding: 8bit\n\
         \n\
         Somebody, probably you, has forgotten the password of {} in the chat \"{}\".\n\
         Choose a new one here. The link works once, for {} minutes:\n\
         \n\
         {}\n\
         \n\
         If it was not you, do nothing: your password stays as it is.\n",
        link.email,
        link.username,
        title,
        limits::RESET.as_secs() / 60,
        link.url
    )
}

fn wait(child: &mut Child, stop: &StopSignal) -> Result<(), String> {
    let deadline = Instant::now() + limits::MAIL_DEADLINE;
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("it ended with {status}")),
            Ok(None) if stop.is_given() => return Err("the server stops".to_owned()),
            Ok(None) if Instant::now() >= deadline => {
                return Err(format!("it took longer than {} seconds", limits::MAIL_DEADLINE.as_secs()));
            }
            Ok(None) => stop.pause(limits::POLL),
            Err(error) => return Err(format!("it cannot be waited for: {error}")),
        }
    }
}

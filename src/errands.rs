//! What is done for accounts aside from any request, on one thread: telling hosts or mailing who forgot a password,
//! and removing what has expired.
//!
//! Whoever asks for a reset is answered before it is even known whether there is such an account, so neither the answer nor
//! its time tells.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::accounts::email::Email;
use crate::accounts::{Accounts, Unavailable};
use crate::hub::{Command, Ended};
use crate::limits;
use crate::mailer::Mailer;
use crate::socket::StopSignal;

/// One thing to be done.
#[derive(Debug)]
pub enum Errand {
    /// Somebody forgot the password of the account with this address, if there is one.
    Forgot(Email),
    /// The server stops.
    Stop,
}

/// The thread's state.
pub struct Errands {
    /// Who has an account.
    pub accounts: Arc<Accounts>,
    /// The way to the hub.
    pub hub: Sender<Command>,
    /// Mails links, where the operator has named a mail program.
    pub mailer: Option<Mailer>,
    /// Given when the server stops.
    pub stop: Arc<StopSignal>,
}

impl Errands {
    /// Starts the thread. It ends with [`Errand::Stop`], or when nobody can send it anything any more.
    ///
    /// # Errors
    /// When the system has no thread.
    pub fn start(self, alive: Sender<()>) -> std::io::Result<(Sender<Errand>, JoinHandle<()>)> {
        let (sender, errands) = bounded(limits::FORGOT_QUEUE);
        let run = move || {
            let _alive = alive;
            self.run(&errands);
        };
        Ok((sender, thread::Builder::new().name("errands".into()).spawn(run)?))
    }

    fn run(&self, errands: &Receiver<Errand>) {
        let mut sweep_due = Instant::now();
        while !self.stop.is_given() {
            match errands.recv_deadline(sweep_due) {
                Ok(Errand::Forgot(email)) => {
                    if let Err(error) = self.forgot(&email) {
                        log::error!("somebody's forgotten password could not be looked into: {error}");
                    }
                }
                Ok(Errand::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    sweep_due = Instant::now() + limits::SWEEP;
                    self.sweep();
                }
            }
        }
    }

    /// Mails a link; tells the hosts where that is not possible.
    fn forgot(&self, email: &Email) -> Result<(), Unavailable> {
        let Some(mailer) = &self.mailer else {
            if self.accounts.request_reset(email)? {
                log::info!(
                    "somebody has forgotten their password: chat-app reset-password makes a link for them"
                );
            }
            return Ok(());
        };
        let Some(link) = self.accounts.issue_reset_to_mail(email)? else { return Ok(()) };
        if let Err(reason) = mailer.send(&link, &self.stop) {
            log::error!("{} did not mail a reset link: {reason}", mailer.program.display());
            self.accounts.request_reset(email)?;
        }
        Ok(())
    }

    /// Sessions end with their time, also where they are in use.
    fn sweep(&self) {
        match self.accounts.sweep() {
            Ok(ended) if ended.is_empty() => {}
            Ok(ended) => {
                let _ = self.hub.send(Command::End(Ended::Sessions(ended))); // no hub, no connections
            }
            Err(error) => log::warn!("expired sessions could not be removed: {error}"),
        }
    }
}

//! Work aside from any request, on one thread: passing on who forgot a password, making links for hosts, finding what they
//! delete, taking names for them, noticing what other programs have changed (`chat-app host-link --new`, `free-name`), and
//! removing what has expired. Letters are sent on a second thread: a mail program that hangs holds up no host.
//!
//! A request for a reset is answered before it is known whether there is such an account: neither the answer nor its time
//! tells.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};

use crate::accounts::email::Email;
use crate::accounts::{Accounts, HostNews, Unavailable};
use crate::http::qr::qr_svg;
use crate::hub::{Command, EndedSessions, IssuedReset, Job, TakeName};
use crate::limits;
use crate::protocol::names::Name;
use crate::protocol::{Position, Reason, Refusal};
use crate::server::mailer;
use crate::store::{Readers, Recent};
use crate::sys::socket::StopSignal;

pub struct Jobs {
    pub accounts: Arc<Accounts>,
    pub hub: Sender<Command>,
    pub readers: Readers,
    /// The program that mails links, where the operator has named one.
    pub sendmail: Option<PathBuf>,
    pub stop: Arc<StopSignal>,
}

impl Jobs {
    /// Starts the threads. They end with [`Job::Stop`], or when nobody can send anything any more.
    ///
    /// # Errors
    /// When the system has no thread.
    pub fn start(self, alive: &Sender<()>) -> std::io::Result<(Sender<Job>, [JoinHandle<()>; 2])> {
        let (sender, jobs) = bounded(limits::FORGOT_QUEUE);
        let (letters, post) = bounded(limits::FORGOT_QUEUE);
        let (jobs_alive, post_alive) = (alive.clone(), alive.clone());
        let this = Arc::new(self);
        let postman = this.clone();
        let run = move || {
            let _alive = jobs_alive;
            this.run(&jobs, &letters);
        };
        let deliver = move || {
            let _alive = post_alive;
            post.iter().for_each(|email| postman.mail(&email));
        };
        let jobs = thread::Builder::new().name("jobs".into()).spawn(run)?;
        let post = thread::Builder::new().name("post".into()).spawn(deliver)?;
        Ok((sender, [jobs, post]))
    }

    fn run(&self, jobs: &Receiver<Job>, letters: &Sender<Email>) {
        let (mut sweep_due, mut told) = (Instant::now(), None);
        while !self.stop.is_given() {
            if Instant::now() >= sweep_due {
                sweep_due = Instant::now() + limits::SWEEP;
                self.sweep();
            }
            self.free_names();
            self.notify_hub(&mut told); // after each job, too: a host waits for what it changed
            match jobs.recv_timeout(limits::HOST_NEWS) {
                Ok(Job::Forgot(email)) => self.forgot(email, letters),
                Ok(Job::IssueReset(by, name)) => self.send(Command::ResetIssued(by, self.issue(&name))),
                Ok(Job::FindRecent(by, recent)) => {
                    let found = self.find(&recent);
                    self.send(Command::RecentFound(by, recent, found));
                }
                Ok(Job::TakeName(wish)) => self.take_name(wish),
                Ok(Job::NewInvite(by)) => self.send(Command::InviteMade(by, self.new_invite())),
                Ok(Job::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn send(&self, command: Command) {
        let _ = self.hub.send(command); // no hub, no room
    }

    /// A reset link for a host to show.
    fn issue(&self, name: &Name) -> Result<IssuedReset, Refusal> {
        match self.accounts.issue_reset_of(name) {
            Ok(Some(link)) => Ok(IssuedReset { qr_svg: qr_svg(&link.url), link }),
            Ok(None) => Err(Reason::ResetWithoutAccount { username: name.display().to_owned() }.into()),
            Err(error) => {
                log::error!("a reset link could not be made: {error}");
                Err(Reason::ResetNotSaved.into())
            }
        }
    }

    /// What somebody has said lately, for a host to delete.
    fn find(&self, recent: &Recent) -> Result<Vec<Position>, Refusal> {
        let found = self.readers.lend().and_then(|reader| reader.recent_of(recent));
        found.map_err(|error| {
            log::warn!("what somebody said lately could not be looked up: {error}");
            Refusal::from(Reason::HistoryBusy).after(1_000)
        })
    }

    fn take_name(&self, wish: TakeName) {
        let taken = self.accounts.take_name(wish.account, &wish.name, &wish.spare).map_err(|error| {
            log::error!("an account's name could not be taken: {error}");
            Reason::NameNotSaved.into()
        });
        self.send(Command::NameTaken(wish, taken));
    }

    fn new_invite(&self) -> Result<String, Refusal> {
        let made = self.accounts.new_invite().map_err(|error| {
            log::error!("an invite code could not be made: {error}");
            Reason::InviteNotSaved
        });
        Ok(made?.to_string())
    }

    /// Passes on what `chat-app free-name` asks for.
    fn free_names(&self) {
        match self.accounts.names_to_free() {
            Ok(names) => names.into_iter().for_each(|name| self.send(Command::FreeName(name))),
            Err(error) => log::warn!("the names that are to be freed could not be looked up: {error}"),
        }
    }

    /// Tells the hub what is new for hosts, and who is no host any more.
    fn notify_hub(&self, told: &mut Option<HostNews>) {
        match self.accounts.host_news() {
            Ok(news) if told.as_ref() == Some(&news) => {}
            Ok(news) => {
                *told = Some(news.clone());
                self.send(Command::HostNews(news));
            }
            Err(error) => log::warn!("what is new for hosts could not be looked up: {error}"),
        }
    }

    /// Has a link mailed, or tells the hosts where that is not possible.
    fn forgot(&self, email: Email, letters: &Sender<Email>) {
        let unsent = match self.sendmail {
            Some(_) => letters.try_send(email).err().map(TrySendError::into_inner),
            None => Some(email),
        };
        if let Some(email) = unsent {
            self.notify_hosts(&email);
        }
    }

    fn notify_hosts(&self, email: &Email) {
        match self.accounts.request_reset(email) {
            Ok(true) => log::info!(
                "somebody has forgotten their password: a host, or chat-app reset-password, makes a link for them"
            ),
            Ok(false) => {}
            Err(error) => log::error!("somebody's forgotten password could not be looked into: {error}"),
        }
    }

    /// Mails a link, if there is such an account and it has not got one lately.
    fn mail(&self, email: &Email) {
        let Some(program) = &self.sendmail else { return };
        if self.stop.is_given() {
            return;
        }
        let written = || -> Result<_, Unavailable> {
            Ok((self.accounts.issue_reset_to_mail(email)?, self.accounts.room_title()?))
        };
        let (link, title) = match written() {
            Ok((Some(link), title)) => (link, title),
            Ok((None, _)) => return,
            Err(error) => return log::error!("a reset link could not be made: {error}"),
        };
        if let Err(reason) = mailer::send(program, &link, &title, &self.stop) {
            log::error!("{} did not mail a reset link: {reason}", program.display());
            self.notify_hosts(email);
        }
    }

    /// Sessions end with their time, even where they are in use.
    fn sweep(&self) {
        match self.accounts.sweep() {
            Ok(ended) if ended.is_empty() => {}
            Ok(ended) => self.send(Command::EndSessions(EndedSessions::These(ended))),
            Err(error) => log::warn!("expired sessions could not be removed: {error}"),
        }
    }
}

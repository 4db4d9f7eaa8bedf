//! The hub: one thread that puts everything in order and alone writes to the clients.
//!
//! It works in turns. A turn takes a command, drains what else waits (up to a bound), stores the turn's messages in
//! one transaction, encodes each event once, and writes to every client once. So what a client sees is on disk
//! ([`crate::store`]), is in the order of the log, and costs one system call a client however much a turn holds.
//!
//! The hub never waits for a client or for another thread: it decides ([`crate::room`]), orders and hands out
//! ([`crate::hub::clients`]), and answers everybody at once.
//!
//! | file | owns |
//! |---|---|
//! | `command.rs` | what the hub is told and answers |
//! | `turn.rs`, `broadcast.rs` | what a turn gathers, and its end; what it tells everybody |
//! | `requests.rs`, `newcomers.rs` | what clients ask for; who may have which name |
//! | `hands.rs` | raised hands |
//! | `moderate.rs`, `meant.rs`, `renaming.rs` | what hosts do; to whom; how they take names |
//! | `membership.rs` | what accounts bring about |
//! | `register.rs`, `replay.rs` | taking clients in; the newest part of the log in memory |
//! | `visitor.rs` | somebody who comes |
//! | `reactions.rs` | who may react, and who is told who has |
//! | `log_writer.rs`, `fullness.rs` | what waits to be stored, and what becomes of it; how much of the disk is taken |
//! | `clients.rs`, `client.rs` | everybody who is registered; one of them, and who it is |
//! | `sender.rs`, `window.rs` | one client's write half; the newest part of what everybody is told |

pub(crate) mod broadcast;
pub(crate) mod client;
pub(crate) mod clients;
mod command;
mod fullness;
mod hands;
pub(crate) mod log_writer;
mod meant;
mod membership;
mod moderate;
mod newcomers;
mod reactions;
mod register;
mod renaming;
pub(crate) mod replay;
mod requests;
pub(crate) mod sender;
mod turn;
pub(crate) mod visitor;
mod window;

use std::net::IpAddr;
use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use crate::hub::client::Identity;
use crate::hub::clients::{ClientId, Clients};
use crate::hub::log_writer::LogWriter;
use crate::hub::replay::Replay;
use crate::limits;
use crate::protocol::names::Name;
use crate::protocol::signs::Signs;
use crate::protocol::{ClientEvent, KeyHash, Message, Role, ServerEvent, frame};
use crate::room::Room;
use crate::room::freed::Freed;
use crate::room::moderation::Moderation;
use crate::room::newcomers::Newcomers;
use turn::{Due, Turn};

pub(crate) use command::{
    Command, IssuedReset, Job, LogAnswer, LogPart, Registered, Registration, Request, Resume,
};
pub(crate) use membership::{ChosenName, EndedSessions, HoldName};
pub(crate) use register::welcome;
pub(crate) use renaming::TakeName;

/// What the hub starts with.
pub(crate) struct HubConfig {
    /// The room's title, unless hosts have given it another.
    pub title: String,
    /// Whether only who is logged in may be here.
    pub members_only: bool,
    /// Random, so that no tab of an earlier run has the same scope as a connection without a key.
    pub nonce: KeyHash,
    /// What people react with.
    pub signs: Signs,
    /// Whether there is a limit to how fast new names come.
    pub is_paced: bool,
    /// What signing up needs, for hosts to show; none where anybody may.
    pub invite_code: Option<String>,
    /// Addresses that speak for many: nobody is kept out by one of these.
    pub proxies: Vec<IpAddr>,
    /// This computer's own addresses now, an IPv6 one as its /64: what a whole local network has in common.
    pub own_addresses: fn() -> Vec<IpAddr>,
    /// What people are called who have no name, in the room's language.
    pub nameless: Nameless,
    /// The way to what is done aside.
    pub jobs: Sender<Job>,
}

pub(crate) struct Nameless {
    /// With a number, as the next.
    pub guest: String,
    pub member: String,
    /// In the record of what hosts did.
    pub host: String,
}

/// The hub thread's state.
pub(crate) struct Hub {
    commands: Receiver<Command>,
    config: HubConfig,
    room: Room,
    moderation: Moderation,
    /// What hosts have pinned, as it is on disk.
    pinned: Option<Message<'static>>,
    newcomers: Newcomers,
    freed: Freed,
    /// Accounts' names that hosts have taken so far.
    takings: u64,
    /// Hosts who want a name for themselves that is held for who signs up, until that is over.
    waiting: Vec<(ClientId, Name)>,
    clients: Clients,
    replay: Replay,
    log: LogWriter,
    turn: Turn,
    due: Due,
    /// While stopping: when those who have not left are cut.
    stopping: Option<Instant>,
}

impl Hub {
    /// A hub with nobody in the room.
    pub(crate) fn new(
        config: HubConfig,
        commands: Receiver<Command>,
        room: Room,
        moderation: Moderation,
        pinned: Option<Message<'static>>,
        replay: Replay,
        log: LogWriter,
    ) -> Hub {
        let (clients, turn, due) = (Clients::default(), Turn::default(), Due::default());
        let (newcomers, freed) = (Newcomers::default(), Freed::default());
        Hub {
            commands,
            config,
            room,
            moderation,
            pinned,
            newcomers,
            freed,
            takings: 0,
            waiting: Vec::new(),
            clients,
            replay,
            log,
            turn,
            due,
            stopping: None,
        }
    }

    /// Works until the server has stopped.
    pub(crate) fn run(mut self) {
        loop {
            let first = self.next_command();
            self.turn.begin();
            match first {
                Ok(command) => self.take(command),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.fill_turn();
            self.end_turn();
            if let Some(due) = self.stopping {
                if self.clients.is_empty() {
                    return;
                }
                if Instant::now() >= due {
                    self.clients.cut_all();
                    self.stopping = Some(due + limits::CLOSE_LINGER);
                }
            }
        }
    }

    /// What the turn begins with: a command, or nothing but what is due or left from the last turn.
    fn next_command(&self) -> Result<Command, RecvTimeoutError> {
        if self.turn.rest.is_some() {
            return Err(RecvTimeoutError::Timeout);
        }
        let dues =
            [self.clients.due(), self.due.next(), self.log.due(), self.room.hands.due(), self.stopping];
        match dues.into_iter().flatten().min() {
            Some(due) => self.commands.recv_deadline(due),
            None => self.commands.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    fn fill_turn(&mut self) {
        self.log.push_due_deletions();
        if let Some((client, requests)) = self.turn.rest.take() {
            self.take_batch(client, requests);
        }
        for _ in 0..limits::HUB_COMMANDS {
            if self.turn.rest.is_some() || self.turn_is_over() {
                return;
            }
            match self.commands.try_recv() {
                Ok(command) => self.take(command),
                Err(_) => return,
            }
        }
    }

    fn take(&mut self, command: Command) {
        match command {
            Command::Batch(client, requests) => self.take_batch(client, requests.into_iter()),
            Command::Register(registration) => self.turn.registering.push(registration),
            Command::Unregister(client) => {
                if let Some(gone) = self.clients.remove(client) {
                    self.leave(gone.identity);
                }
            }
            Command::HoldName(wish) => self.hold_name(wish),
            Command::ReleaseName(name, number) => self.release_name(&name, number),
            Command::AccountCreated(session, browser) => self.account_created(&session, browser),
            Command::LoggedIn(here) => self.room.note_account_browser(here),
            Command::PasswordForgotten(email, visitor) => self.forgot(email, &visitor),
            Command::NameChosen(chosen) => self.name_chosen(&chosen),
            Command::NameTaken(wish, taken) => self.name_taken(wish, taken),
            Command::FreeName(name) => {
                if let Err(refusal) = self.free_name(None, &name) {
                    log::warn!("{name} was not freed: {}", refusal.message);
                }
            }
            Command::InviteMade(by, made) => self.take_invite(by, made),
            Command::EndSessions(ended) => self.end_sessions(&ended),
            Command::AccountDeleted(account) => self.forget_account(account),
            Command::HostNews(news) => self.take_host_news(news),
            Command::ResetIssued(by, issued) => self.give_reset(by, issued),
            Command::RecentFound(by, recent, found) => self.delete_recent(by, recent, found),
            Command::Stop => self.turn.stop = true,
        }
    }

    fn take_batch(&mut self, client: ClientId, mut requests: std::vec::IntoIter<Request>) {
        // Its thread may not have heard yet, and goes on reading.
        if self.clients.get(client).is_none_or(|client| client.is_leaving) {
            return;
        }
        while let Some(request) = requests.next() {
            // A plain message takes a microsecond, and a batch has at most some hundred: the clock is read after it.
            let is_plain = match &request {
                Request::Event(ClientEvent::SendMessage { username, .. }) => {
                    self.clients.get(client).is_some_and(|client| client.speaks_as_before(username.as_ref()))
                }
                _ => false,
            };
            self.take_request(client, request);
            let is_over = if is_plain { self.log.turn_is_full() } else { self.turn_is_over() };
            if is_over && requests.len() > 0 {
                self.turn.rest = Some((client, requests));
                return;
            }
        }
    }

    /// Whether what comes next belongs to the next turn.
    fn turn_is_over(&self) -> bool {
        self.log.turn_is_full() || self.turn.has_lasted()
    }

    /// Frees the client's name now; the close frame goes out after this turn, so that the receipt of its last message
    /// comes first.
    fn depart(&mut self, client: ClientId, close_frame: Vec<u8>) {
        self.turn.closing.push((client, close_frame));
        let identity = self.clients.get(client).and_then(|client| {
            client.is_leaving = true;
            client.identity.take()
        });
        self.leave(identity);
    }

    fn leave(&mut self, identity: Option<Identity>) {
        if let Some(identity) = identity {
            self.room.leave(&identity.folded, self.log.now_ms());
            if identity.role == Role::Host {
                self.host_left(&identity.folded);
            }
        }
    }

    /// For one client alone, after what the turn has taken so far.
    fn send_to(&mut self, client: ClientId, event: &ServerEvent) {
        self.send_frames_to(client, frame(event));
    }

    fn send_frames_to(&mut self, client: ClientId, frames: Vec<u8>) {
        self.clients.send_to(client, frames, self.log.waiting());
    }
}

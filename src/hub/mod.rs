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
//! | `requests.rs` | what clients ask for |
//! | `moderate.rs` | what hosts do |
//! | `membership.rs` | what accounts bring about |
//! | `register.rs`, `replay.rs` | taking clients in; the newest part of the log in memory |
//! | `log_writer.rs` | what waits to be stored, and what becomes of it |
//! | `clients.rs`, `sender.rs` | everybody who is registered; one client's write half |

pub(crate) mod clients;
mod command;
pub(crate) mod log_writer;
mod membership;
mod moderate;
mod register;
pub(crate) mod replay;
mod requests;
pub(crate) mod sender;

use std::net::IpAddr;
use std::time::Instant;

use bytes::Bytes;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use crate::hub::clients::{Broadcast, ClientId, Clients, Identity};
use crate::hub::log_writer::{LogWriter, Logged, Saved};
use crate::hub::replay::Kept;
use crate::limits;
use crate::protocol::{ClientEvent, CloseCode, KeyHash, Role, ServerEvent, encode};
use crate::room::moderation::{HostChange, Moderation};
use crate::room::{PresenceUpdate, Room};

pub(crate) use command::{
    Command, IssuedReset, Job, LogAnswer, LogPart, Registered, Registration, Request, Resume,
};
pub(crate) use membership::{Ended, HoldName};
use register::presence;
pub(crate) use register::welcome;

/// What the hub starts with.
pub(crate) struct HubConfig {
    /// The room's title, unless hosts have given it another.
    pub title: String,
    /// Whether only who is logged in may be here.
    pub members_only: bool,
    /// Random, so that no tab of an earlier run has the same scope as a connection without a key.
    pub nonce: KeyHash,
    /// What signing up needs, for hosts to show; none where anybody may.
    pub invite_code: Option<String>,
    /// Addresses that speak for many: nobody is kept out by one of these.
    pub proxies: Vec<IpAddr>,
    /// This computer's own addresses now, an IPv6 one as its /64: what a whole local network has in common.
    pub own_addresses: fn() -> Vec<IpAddr>,
    /// The way to what is done aside.
    pub jobs: Sender<Job>,
}

/// The hub thread's state.
pub(crate) struct Hub {
    commands: Receiver<Command>,
    config: HubConfig,
    room: Room,
    moderation: Moderation,
    clients: Clients,
    kept: Kept,
    log: LogWriter,
    /// The rest of a batch that did not fit its turn.
    rest: Option<(ClientId, std::vec::IntoIter<Request>)>,
    registering: Vec<Registration>,
    /// Clients to be closed once this turn is told, each with its close frame.
    ending: Vec<(ClientId, Vec<u8>)>,
    /// This turn's events for everybody.
    shared: Vec<u8>,
    /// Frames are kept that show somebody as what they are no more.
    kept_is_stale: bool,
    /// When this turn takes in no more.
    turn_until: Instant,
    /// What holds for everybody has changed.
    room_due: bool,
    /// What hosts know has changed.
    moderation_due: bool,
    presence_due: Option<Instant>,
    typing_due: Option<Instant>,
    typing_told: Option<Instant>,
    stop: bool,
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
        kept: Kept,
        log: LogWriter,
    ) -> Hub {
        Hub {
            commands,
            config,
            room,
            moderation,
            clients: Clients::default(),
            kept,
            log,
            rest: None,
            registering: Vec::new(),
            ending: Vec::new(),
            shared: Vec::new(),
            kept_is_stale: false,
            turn_until: Instant::now(),
            room_due: false,
            moderation_due: false,
            presence_due: None,
            typing_due: None,
            typing_told: None,
            stop: false,
            stopping: None,
        }
    }

    /// Works until the server has stopped.
    pub(crate) fn run(mut self) {
        loop {
            let first = self.next_command();
            self.turn_until = Instant::now() + limits::TURN_TIME;
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
        if self.rest.is_some() {
            return Err(RecvTimeoutError::Timeout);
        }
        let dues = [self.clients.due(), self.presence_due, self.typing_due, self.log.due(), self.stopping];
        match dues.into_iter().flatten().min() {
            Some(due) => self.commands.recv_deadline(due),
            None => self.commands.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    fn fill_turn(&mut self) {
        if let Some((client, requests)) = self.rest.take() {
            self.take_batch(client, requests);
        }
        for _ in 0..limits::HUB_COMMANDS {
            if self.rest.is_some() || self.turn_is_over() {
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
            Command::Register(registration) => self.registering.push(registration),
            Command::Unregister(client) => {
                if let Some(gone) = self.clients.remove(client) {
                    self.leave(gone.identity);
                }
            }
            Command::HoldName(claim) => self.hold_name(claim),
            Command::ReleaseName(name, number) => self.room.release_name(&name, number),
            Command::AccountCreated(session) => self.account_created(&session),
            Command::End(ended) => self.end_sessions(&ended),
            Command::Deleted(account) => self.forget_account(account),
            Command::HostNews(news) => self.take_host_news(news),
            Command::Reset(by, issued) => self.give_reset(by, issued),
            Command::Stop => self.stop = true,
        }
    }

    fn take_batch(&mut self, client: ClientId, mut requests: std::vec::IntoIter<Request>) {
        // Its thread may not have heard yet, and goes on reading.
        if self.clients.get(client).is_none_or(|client| client.is_leaving) {
            return;
        }
        while let Some(request) = requests.next() {
            // A plain message takes a microsecond, and a batch has at most some hundred: the clock is read behind it.
            let is_plain =
                matches!(&request, Request::Event(ClientEvent::SendMessage { username: None, .. }));
            self.take_request(client, request);
            let is_over = if is_plain { self.log.turn_is_full() } else { self.turn_is_over() };
            if is_over && requests.len() > 0 {
                self.rest = Some((client, requests));
                return;
            }
        }
    }

    /// Whether what comes next belongs to the next turn.
    fn turn_is_over(&self) -> bool {
        self.log.turn_is_full() || Instant::now() >= self.turn_until
    }

    /// The client is no person any more, before its thread has ended: its name is free when it reads our answer, which
    /// follows the turn: what it said last has its receipt.
    fn depart(&mut self, client: ClientId, close_frame: Vec<u8>) {
        self.ending.push((client, close_frame));
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
            self.note_changes();
        }
    }

    /// For one client alone, behind what the turn has taken so far.
    fn send_to(&mut self, client: ClientId, event: &ServerEvent) {
        self.clients.send_to(client, event, self.log.waiting());
    }

    /// Plans what the room has to tell, and passes on what is to be stored.
    fn note_changes(&mut self) {
        self.log.push_reservations(self.room.take_reservation_changes());
        let names = self.room.take_host_names();
        if !names.is_empty() {
            self.log.push_host_changes(names.into_iter().map(HostChange::Name).collect());
        }
        if self.room.presence_changed() && self.presence_due.is_none() {
            // Waits first: a page that is only reloaded then neither left nor came.
            self.presence_due = Some(Instant::now() + limits::COALESCE);
        }
        if self.room.typing_changed() && self.typing_due.is_none() {
            let now = Instant::now();
            let next = self.typing_told.map_or(now, |told| told + limits::COALESCE);
            self.typing_due = Some(next.max(now));
        }
    }

    /// Stores the turn, tells it to everybody, and takes in who came meanwhile.
    fn end_turn(&mut self) {
        let now = Instant::now();
        // Who was blocked is tried again before more is added, and has the time of the commit to read.
        self.clients.tick(now);
        self.send_moderation();
        self.broadcast_presence(now);
        self.broadcast_typing(now);
        self.save(now);
        for (client, frame) in self.ending.drain(..) {
            self.clients.close_with(client, &frame, now);
        }
        if self.stop {
            self.stop(now);
        }
        self.register_all(now);
        self.clients.tick(Instant::now());
        self.log.overwrite(now);
    }

    /// One transaction, one buffer, one write per client.
    fn save(&mut self, now: Instant) {
        let mut start = self.shared.len();
        let Saved { logged, ends, answers, recovered, host_deeds, unsaved_since } =
            self.log.save(&mut self.shared, now);
        if let Some(since_ms) = unsaved_since {
            self.moderation.unspeak(since_ms);
        }
        let turn = Broadcast { frames: Bytes::copy_from_slice(&self.shared), ends };
        self.shared.clear();
        let mut cleared_behind = None;
        for (index, (logged, end)) in logged.into_iter().zip(&turn.ends).enumerate() {
            let frame = turn.frames.slice(start..*end);
            match logged {
                Logged::Nothing => {}
                Logged::Message => self.kept.push(frame, true),
                Logged::Deletion { message_id } => {
                    self.kept.push(frame, false);
                    self.kept.erase(message_id);
                }
                Logged::Cleared => {
                    self.kept = Kept::new(self.kept.head());
                    cleared_behind = Some(index + 1);
                }
            }
            start = *end;
        }
        for (client, frame, behind) in answers {
            self.clients.send_frames_to(client, frame, behind);
        }
        if let Some(behind) = cleared_behind {
            self.broadcast_cleared(behind);
        }
        if std::mem::take(&mut self.kept_is_stale) {
            // The log on disk shows them right; who comes back reads it there.
            self.kept = Kept::new(self.kept.head());
        }
        self.clients.fan_out(&turn, now);
        if recovered {
            self.log.push_reservations(self.room.all_reservations());
            self.log.push_host_changes(self.moderation.all());
            self.log
                .push_host_changes(self.room.all_host_names().into_iter().map(HostChange::Name).collect());
        }
        self.note_host_deeds(host_deeds);
    }

    /// After the last turn: everybody is told, once, and whoever comes now sees its registration dropped.
    fn stop(&mut self, now: Instant) {
        self.registering.clear();
        if self.stopping.is_none() {
            self.stopping = Some(now + limits::CLOSE_LINGER);
            self.clients.close_all(CloseCode::Stopping, now);
        }
    }

    fn broadcast_presence(&mut self, now: Instant) {
        if self.presence_due.is_none_or(|due| now < due) {
            return;
        }
        self.presence_due = None;
        let Some(update) = self.room.take_presence() else { return };
        let online = self.room.online();
        let event = match &update {
            PresenceUpdate::Whole(users) => presence(online, Some(users)),
            PresenceUpdate::Count => presence(online, None),
            PresenceUpdate::Changes { joined, left } => {
                ServerEvent::Presence { online, users: None, joined, left }
            }
        };
        encode(&event, &mut self.shared);
    }

    fn broadcast_typing(&mut self, now: Instant) {
        if self.typing_due.is_none_or(|due| now < due) {
            return;
        }
        self.typing_due = None;
        self.typing_told = Some(now);
        let typing = self.room.take_typing(now);
        let usernames: Vec<&str> = typing.iter().take(limits::TYPING_NAMES).map(AsRef::as_ref).collect();
        let others = typing.len() - usernames.len();
        encode(&ServerEvent::Typing { usernames: &usernames, others }, &mut self.shared);
    }
}

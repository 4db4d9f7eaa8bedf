//! The server as one thing: started with a [`Config`], stopped, and nothing else to know about it.
//!
//! | file | owns |
//! |---|---|
//! | `listen.rs` | the port: the one that was asked for, or a spare one |
//! | `error.rs`, `running.rs` | why a room does not open; where it is open already |
//! | `jobs.rs` | work aside from any request, on one thread |
//! | `mailer.rs` | mailing a reset link |

mod error;
pub mod jobs;
mod listen;
mod mailer;
mod running;

use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender, bounded};

use crate::accounts::Accounts;
use crate::accounts::invite::InviteCode;
use crate::client::{ClientContext, ClientOptions, event_of};
use crate::config::Config;
use crate::http::Pages;
use crate::http::api::Api;
use crate::http::client_address::address_key;
use crate::http::download::Downloads;
use crate::http::invite::invite_url;
use crate::http::languages;
use crate::http::routes::Site;
use crate::hub::broadcast::Logged;
use crate::hub::log_writer::LogWriter;
use crate::hub::replay::Replay;
use crate::hub::{Command, Hub, HubConfig, Job, Nameless};
use crate::lan_name::LanName;
use crate::limits;
use crate::listener::connection_limit::{Caps, Seats};
use crate::listener::strangers::Strangers;
use crate::listener::{self, Context};
use crate::protocol::frame;
use crate::protocol::title::DEFAULT_TITLE;
use crate::room::Room;
use crate::room::moderation::Moderation;
use crate::server::jobs::Jobs;
use crate::server::listen::listen;
use crate::store::{LogEntry, ReadError, Readers, Store};
use crate::sys::capacity::capacity;
use crate::sys::interfaces::interfaces;
use crate::sys::launch;
use crate::sys::permits::Permits;
use crate::sys::random::random;
use crate::sys::socket::StopSignal;
pub use error::StartError;
pub use running::running_at;

/// A room that has just been opened, for the operator to see.
#[derive(Debug)]
pub struct Opened {
    /// The port that is listened on.
    pub port: u16,
    pub title: String,
    /// What signing up needs; none where anybody may.
    pub invite_code: Option<InviteCode>,
    /// The key that makes its holder a host, on this computer.
    pub host_key: String,
    /// The same for the browser that is opened now: once, and soon.
    pub first_key: String,
    /// The room's name in the local network, once it has one.
    pub lan_name: Arc<LanName>,
}

/// A running room. Stops when dropped.
#[derive(Debug)]
pub struct Server {
    local_addr: SocketAddr,
    opened: Opened,
    stop: Arc<StopSignal>,
    hub: Sender<Command>,
    jobs: Sender<Job>,
    threads: Vec<JoinHandle<()>>,
    /// Disconnected when all of them have ended.
    running: Receiver<()>,
}

impl Server {
    /// Opens the room. When this returns, connections are answered.
    ///
    /// # Errors
    /// When the port or the database cannot be had; then nothing runs, and no file was touched.
    pub fn start(config: Config) -> Result<Server, StartError> {
        let listener = listen(&config)?;
        let local_addr = listener.local_addr()?;
        if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
            log::warn!("the limit of open files stays as it is: {error}");
        }
        let store = Store::open(&config.database)?;
        // What can be read is read before anything is written.
        let newest = newest_frames(&store).map_err(StartError::log(&config))?;
        let readers = store.readers();
        let accounts = Arc::new(open_accounts(&store, &config, local_addr.port())?);
        let stop = Arc::new(StopSignal::new()?);
        let (hub, commands) = bounded(limits::HUB_COMMANDS);
        let (alive, running) = bounded(0);
        let sendmail = config.sendmail.clone();
        let jobs = Jobs {
            accounts: accounts.clone(),
            hub: hub.clone(),
            readers: readers.clone(),
            sendmail,
            stop: stop.clone(),
        };
        let (jobs, job_threads) = jobs.start(&alive)?;
        let invite = if config.members_only { Some(accounts.need_invite()) } else { None };
        let invite = invite.transpose().map_err(StartError::log(&config))?;
        let lan_name = Arc::new(LanName::default());
        let api = Api {
            accounts: accounts.clone(),
            hub: hub.clone(),
            config: config.clone(),
            lan_name: lan_name.clone(),
            held: AtomicU64::new(0),
        };
        // Before the hub's thread: nothing has to be stopped if this fails.
        let pages = Pages::start(Site::new(local_addr.port(), api)?)?;
        let hub_config = hub_config(&config, invite.as_ref(), jobs.clone())?;
        let hub_thread = start_hub(
            (store, newest),
            &accounts,
            hub_config,
            &config,
            commands,
            (alive.clone(), stop.clone()),
        )?;
        let opened = Opened {
            port: local_addr.port(),
            title: accounts.room_title().map_err(StartError::log(&config))?, // the hub's start may have changed it
            invite_code: invite,
            host_key: accounts.start_key().text(),
            first_key: accounts.first_key().text(),
            lan_name: lan_name.clone(),
        };
        let threads = job_threads.into_iter().chain([hub_thread]).collect();
        let mut server =
            Server { local_addr, opened, stop: stop.clone(), hub: hub.clone(), jobs, threads, running };
        let at = (config.bind, local_addr.port());
        let lan_label = config.lan_name.clone();
        let context = Arc::new(connection_context(config, hub, readers, accounts, pages, stop));
        let accept = move || {
            let _alive = alive;
            listener::run(&listener, &context);
            context.pages.stop();
        };
        server.threads.push(thread::Builder::new().name("listener".into()).spawn(accept)?);
        log::info!("the room is open on {local_addr}");
        server.threads.extend(lan_name.announce(lan_label.as_deref(), at, server.stop.clone())?);
        Ok(server)
    }

    /// Where it listens; with port 0 asked for, the port it got.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    pub fn opened(&self) -> &Opened {
        &self.opened
    }

    /// Closes the room: everybody is told (1001), every thread ends. Takes at most [`limits::STOP`].
    pub fn stop(mut self) {
        self.shut_down();
    }

    fn shut_down(&mut self) {
        if self.threads.is_empty() {
            return;
        }
        let deadline = Instant::now() + limits::STOP;
        self.stop.stop();
        let _ = self.jobs.try_send(Job::Stop); // with a full queue, the next job sees the signal
        let _ = self.hub.send_deadline(Command::Stop, deadline); // a hub that is gone has stopped
        while self.running.recv_deadline(deadline).is_ok() {}
        if Instant::now() >= deadline {
            log::warn!("some connections did not end in time and are left behind");
            self.threads.clear();
        }
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                log::error!("a thread of the server had panicked");
            }
        }
        log::info!("the room is closed");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shut_down();
    }
}

/// What every connection's thread shares.
fn connection_context(
    config: Config,
    hub: Sender<Command>,
    readers: Readers,
    accounts: Arc<Accounts>,
    pages: Pages,
    stop: Arc<StopSignal>,
) -> Context {
    let caps = Caps { all: clients_at_once(&config), per_address: config.max_clients_per_address };
    let options = ClientOptions {
        rate_limit: config.rate_limit,
        members_only: config.members_only,
        signs: config.reactions,
    };
    Context {
        downloads: Downloads::new(readers.clone(), &config.public_urls),
        client: ClientContext::new(hub, readers, accounts, options, stop.clone()),
        hand_overs: Permits::new(limits::HAND_OVERS),
        seats: Seats::new(caps, config.trusted_proxies.clone()),
        language: config.language,
        public_urls: config.public_urls,
        strangers: Strangers::default(),
        trusted_proxies: config.trusted_proxies,
        stop,
        pages,
    }
}

/// What the operator asks for, or what this machine can hold where that is less. Said only where nobody would expect it.
fn clients_at_once(config: &Config) -> usize {
    let wanted = config.max_clients.unwrap_or(limits::DEFAULT_CLIENTS);
    let Some(capacity) = capacity().filter(|capacity| capacity.connections < wanted) else { return wanted };
    if config.max_clients.is_some() || capacity.connections < limits::FEW_CLIENTS {
        log::warn!("{capacity}");
    }
    capacity.connections
}

fn hub_config(config: &Config, invite: Option<&InviteCode>, jobs: Sender<Job>) -> io::Result<HubConfig> {
    let language = languages::chosen("", "", &config.language);
    let nameless = Nameless {
        guest: language.nameless("guest"),
        member: language.nameless("member"),
        host: language.nameless("host"),
    };
    Ok(HubConfig {
        nameless,
        title: config.title.clone().unwrap_or_else(|| DEFAULT_TITLE.to_owned()),
        members_only: config.members_only,
        signs: config.reactions.clone(),
        is_paced: config.rate_limit > 0,
        nonce: random()?,
        invite_code: invite.map(InviteCode::to_string),
        proxies: config.trusted_proxies.iter().map(|proxy| address_key(*proxy)).collect(),
        own_addresses: || interfaces().iter().map(|own| address_key(own.address)).collect(),
        jobs,
    })
}

/// The accounts in the room's database. Links lead to the address that is handed out.
fn open_accounts(store: &Store, config: &Config, port: u16) -> Result<Accounts, StartError> {
    let address = invite_url(config, port, &interfaces());
    Accounts::open(store.connect()?, store.connect()?, address.trim_end_matches('/'))
        .map_err(StartError::log(config))
}

fn start_hub(
    (store, newest): (Store, Replay),
    accounts: &Accounts,
    hub_config: HubConfig,
    config: &Config,
    commands: Receiver<Command>,
    (alive, stop): (Sender<()>, Arc<StopSignal>),
) -> Result<JoinHandle<()>, StartError> {
    let mut log = LogWriter::new(store, (config.history_megabytes as u64) << 20);
    let members = accounts.names().map_err(StartError::log(config))?;
    let kept = log.kept_room(config.title.as_deref()).map_err(StartError::log(config))?;
    let room = Room::new(kept.reservations, &members, kept.host_names, kept.former_host_names);
    let moderation = Moderation::new(kept.settings, kept.held_back, kept.actions);
    log.begin();
    let hub = Hub::new(hub_config, commands, room, moderation, kept.pinned, newest, log);
    let run = move || {
        let _alive = alive;
        if catch_unwind(AssertUnwindSafe(|| hub.run())).is_err() {
            // A room without its hub would look open and be dead: better closed, for everybody to see.
            log::error!("the hub panicked; the server ends. What was shown is stored: start it again.");
            log::logger().flush();
            if launch::owns_window() {
                stop.stop();
                launch::keep_window();
            }
            std::process::exit(70);
        }
    };
    Ok(thread::Builder::new().name("hub".into()).spawn(run)?)
}

/// What an entry was when the hub told it.
fn logged(entry: &LogEntry) -> Logged {
    match *entry {
        LogEntry::Message(_) => Logged::Message,
        LogEntry::Reactions { message_id, .. } => Logged::Reactions { message_id },
        LogEntry::Deletion { message_id, .. } => Logged::Deletion { message_id },
    }
}

/// The newest part of the log: what a class missed while the server restarted comes from memory.
fn newest_frames(store: &Store) -> Result<Replay, ReadError> {
    let head = store.head();
    let mut position = head.saturating_sub(limits::KEPT_AT_START);
    let mut replay = Replay::new(position);
    while position < head {
        let page =
            store.readers().lend()?.after(position, limits::CATCH_UP_ENTRIES, limits::HISTORY_BYTES)?;
        for entry in &page.entries {
            replay.fill_to(entry.position());
            replay.push(Bytes::from(frame(&event_of(entry))), logged(entry));
        }
        replay.fill_to(page.through + 1);
        position = page.through;
    }
    Ok(replay)
}

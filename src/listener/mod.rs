//! The public port: which connections are let in, and where their requests lead.
//!
//! One thread accepts; every connection then has its own, which reads the request's head under one deadline and
//! becomes a client ([`crate::client`]) or is passed on to the page ([`crate::http::relay`]). Each holds a seat until its
//! thread has ended.
//!
//! | file | owns |
//! |---|---|
//! | `connection_limit.rs` | seats: how many connections there are, in all and from one address |
//! | `handshake.rs` | which requests ask for the room, and where a client says it is |
//! | `strangers.rs` | refused requests, as the operator hears of them |

pub(crate) mod connection_limit;
mod handshake;
pub(crate) mod strangers;

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use crate::accounts::Session;
use crate::client::{self, ClientContext, Live};
use crate::http::Pages;
use crate::http::client_address::{address_key, client_address};
use crate::http::cookies::Cookies;
use crate::http::download::{Download, Downloads, format_of};
use crate::http::head::{self, Head};
use crate::http::languages;
use crate::http::origin;
use crate::http::refused::Refused;
use crate::http::relay::relay;
use crate::hub::sender::ClientSocket;
use crate::hub::visitor::Visitor;
use crate::limits;
use crate::listener::connection_limit::{Kind, Seat, Seats};
use crate::protocol::{CloseCode, KeyHash, Reason, Role};
use crate::sys::own_names::own_names;
use crate::sys::permits::Permits;
use crate::sys::socket::{self, StopSignal};
use handshake::{resume_of, route};
use strangers::Strangers;

/// What every connection's thread shares.
pub(crate) struct Context {
    pub client: ClientContext,
    pub downloads: Downloads,
    pub pages: Pages,
    /// The page's, for those whose browsers ask for none that it speaks.
    pub language: String,
    /// Addresses under which others reach this server.
    pub public_urls: Vec<String>,
    pub strangers: Strangers,
    /// Addresses that are believed when they name their visitors.
    pub trusted_proxies: Vec<IpAddr>,
    /// For clients that are being handed from thread to thread.
    pub hand_overs: Permits,
    pub seats: Arc<Seats>,
    pub stop: Arc<StopSignal>,
}

/// Accepts until the server stops, then waits until every connection's thread has ended.
pub(crate) fn run(listener: &TcpListener, context: &Arc<Context>) {
    let mut failed: Option<Instant> = None;
    while !context.stop.is_given() {
        let until = Instant::now() + Duration::from_secs(3600);
        match context.stop.wait(listener, PollFlags::IN, until).and_then(|()| listener.accept()) {
            Ok((stream, peer)) => {
                // While descriptors run out, one is free now and then.
                if failed.take_if(|failed| failed.elapsed() >= limits::ACCEPT_SETTLED).is_some() {
                    log::info!("connections are accepted again");
                }
                match context.seats.take(peer.ip()) {
                    Some(seat) => spawn(stream, peer, seat, context.clone()),
                    None => log::debug!("a connection from {peer} was closed unheard: there are too many"),
                }
            }
            Err(error) if is_no_failure(&error) => {}
            Err(error) => {
                // Out of descriptors, or a connection that ended before it was accepted: both pass.
                if failed.replace(Instant::now()).is_none() {
                    log::warn!("a connection could not be accepted, trying on: {error}");
                }
                thread::sleep(limits::ACCEPT_PAUSE);
            }
        }
    }
    context.seats.wait_until_free(Instant::now() + limits::STOP);
}

fn is_no_failure(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

fn spawn(stream: TcpStream, peer: SocketAddr, seat: Seat, context: Arc<Context>) {
    let work = move |seat: &mut Seat, context: &Context| serve(stream, peer, seat, context);
    on_own_thread(limits::ENTRY_STACK_BYTES, peer, seat, context, work);
}

/// Work that is left once a connection's request has been read.
enum Rest {
    Read(Live),
    Send(TcpStream, Head, Download),
}

/// Goes on with a fresh thread: for a client, see [`crate::client`]; a transcript needs a larger stack.
fn go_on(rest: Rest, peer: SocketAddr, seat: Seat, context: Arc<Context>) {
    let stack_bytes = match rest {
        Rest::Read(_) => limits::READER_STACK_BYTES,
        Rest::Send(..) => limits::TRANSCRIPT_STACK_BYTES,
    };
    on_own_thread(stack_bytes, peer, seat, context, move |_, context| {
        match rest {
            Rest::Read(live) => live.read(&context.client),
            Rest::Send(stream, head, download) => {
                context.downloads.send(&download, &stream, &head, &context.stop)?;
            }
        }
        Ok(None)
    });
}

/// Does the work of a connection, and then the rest, each on a thread of its own. A panic there ends this connection alone.
fn on_own_thread(
    stack_bytes: usize,
    peer: SocketAddr,
    seat: Seat,
    context: Arc<Context>,
    work: impl FnOnce(&mut Seat, &Context) -> io::Result<Option<Rest>> + Send + 'static,
) {
    let run = move || {
        let mut seat = seat; // dropped last: the thread has ended then
        let context = context; // before it, everything of the server's
        match catch_unwind(AssertUnwindSafe(|| work(&mut seat, &context))) {
            Ok(Ok(None)) => {}
            Ok(Ok(Some(rest))) => {
                // Two threads are one client's until this one has ended.
                let hand_over = context.hand_overs.take(Instant::now() + limits::HAND_OVER_WAIT);
                match hand_over {
                    Some(_) => go_on(rest, peer, seat, context.clone()),
                    None => log::warn!("too many connections begin at once: one is closed"),
                }
            }
            Ok(Err(error)) => log::debug!("the connection from {peer} broke: {error}"),
            Err(_) => {
                log::error!("the thread of the connection from {peer} panicked: only that connection ends")
            }
        }
    };
    if let Err(error) = thread::Builder::new().stack_size(stack_bytes).spawn(run) {
        log::warn!("no thread for a connection: {error}"); // the closure closes it as it is dropped
    }
}

/// Answers a connection's request, or leaves the rest.
fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    seat: &mut Seat,
    context: &Context,
) -> io::Result<Option<Rest>> {
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)?;
    rustix::net::sockopt::set_socket_send_buffer_size(&stream, limits::SEND_BUFFER_BYTES)?;
    // A system that does not know it serves slow lines as before.
    #[cfg(target_os = "linux")]
    let _ = socket2::SockRef::from(&stream).set_tcp_notsent_lowat(limits::UNSENT_BYTES);
    let refuse = |refused: Refused, method: &str| {
        context.strangers.note(&refused, peer);
        refused.send(&stream, method, &context.stop).map(|()| None)
    };
    let (mut head, early) = match read_head(&stream, seat.kind, &context.stop)? {
        Ok(read) => read,
        Err(refused) => return refuse(refused, ""),
    };
    if let Some(target) = origin::below_public_path(&head.target, &context.public_urls) {
        head.target = target;
    }
    let address = client_address(peer.ip(), &head, &context.trusted_proxies);
    seat.count_for(address);
    match entry(&head, seat.kind, context) {
        Err(refused) => refuse(refused, &head.method),
        Ok(Entry::Page) => {
            relay(&stream, &head, early, address, &context.pages, &context.stop).map(|()| None)
        }
        Ok(Entry::Transcript(download)) => Ok(Some(Rest::Send(stream, head, download))),
        Ok(Entry::Room(handshake, session, browser)) => {
            socket::write_all(&stream, &handshake, &context.stop)?;
            let socket = Arc::new(ClientSocket::new(stream));
            if seat.kind != Kind::Guest {
                client::refuse(&socket, CloseCode::Full, &context.stop);
                return Ok(None);
            }
            let visitor = Visitor { session, address: address_key(address), browser };
            let live = client::enter(socket, resume_of(&head), visitor, early, &context.client);
            Ok(live.map(Rest::Read))
        }
    }
}

/// Where a request leads.
enum Entry {
    Page,
    Transcript(Download),
    /// With the handshake's answer, and the cookies' session and browser.
    Room(Vec<u8>, Option<Arc<Session>>, Option<KeyHash>),
}

fn entry(head: &Head, kind: Kind, context: &Context) -> Result<Entry, Refused> {
    origin::check(head, &context.public_urls, own_names)?;
    match (route(head)?, kind) {
        (Some(handshake), _) => {
            let (session, browser) = (session_of(head, context)?, cookies_of(head, context).browser());
            Ok(Entry::Room(handshake, session, browser))
        }
        (None, Kind::Guest) => Ok(match format_of(head) {
            Some(format) if head.method != "POST" && is_host(head, context)? => {
                context.downloads.begin(format).map_or(Entry::Page, Entry::Transcript)
            }
            _ => Entry::Page,
        }),
        (None, Kind::Full) => Err(no_seat(503, &Reason::RoomFull, head, context)),
        (None, Kind::Crowded) => Err(no_seat(429, &Reason::AddressFull, head, context)),
    }
}

/// In the language that the page would have had.
fn no_seat(status: u16, reason: &Reason, head: &Head, context: &Context) -> Refused {
    let sent = |name| head.header(name).unwrap_or_default();
    let language = languages::chosen(sent("cookie"), sent("accept-language"), &context.language);
    Refused::new(status, language.sentence_of(reason))
}

fn is_host(head: &Head, context: &Context) -> Result<bool, Refused> {
    Ok(session_of(head, context)?.is_some_and(|session| session.role() == Role::Host))
}

fn cookies_of<'a>(head: &'a Head, context: &Context) -> Cookies<'a> {
    Cookies::of(head.header("cookie"), &head.host, head.header("origin"), &context.public_urls)
}

/// The session of the request's cookies.
fn session_of(head: &Head, context: &Context) -> Result<Option<Arc<Session>>, Refused> {
    let cookies = cookies_of(head, context);
    context.client.accounts.first_session(&cookies.sessions()).map_err(|error| {
        log::warn!("a session could not be looked up: {error}");
        Refused::new(503, "The accounts cannot be read just now. Try again.")
    })
}

/// Reads the head under one deadline for all of it.
///
/// # Returns
/// The head and the bytes after it, or a refusal.
fn read_head(
    stream: &TcpStream,
    kind: Kind,
    stop: &StopSignal,
) -> io::Result<Result<(Head, Vec<u8>), Refused>> {
    let patience = if kind == Kind::Guest { limits::HEAD_DEADLINE } else { limits::REFUSAL_DEADLINE };
    let mut bytes = Vec::new();
    let parse = |bytes: &[u8]| head::parse(bytes).transpose();
    let read = socket::read_until(stream, &mut bytes, Instant::now() + patience, stop, parse)?;
    let read = read.unwrap_or_else(|| Err(Refused::late("head", patience)));
    Ok(read.map(|(head, end)| (head, bytes.split_off(end))))
}

//! The public port: who is let in, what they ask for, and which way it goes.
//!
//! One thread accepts; every connection then has its own, which reads the request's head under one deadline and
//! becomes a client ([`crate::client`]) or is passed on to the page ([`crate::http::relay`]). Connections are counted in
//! all and by address on the accepting thread alone: a connection's thread reports its end through a channel.

pub(crate) mod connection_limit;
mod handshake;

use std::io::{self, ErrorKind, Read};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, unbounded};
use rustix::event::PollFlags;

use crate::accounts::Session;
use crate::client::{self, ClientContext, Live};
use crate::http::Pages;
use crate::http::client_address;
use crate::http::cookies::Cookies;
use crate::http::head::{self, Head, Refused};
use crate::http::origin;
use crate::http::relay;
use crate::hub::sender::ClientSocket;
use crate::limits;
use crate::listener::connection_limit::{Caps, ForwardedSeat, ForwardedSeats, Kind, Seat, Seats};
use crate::protocol::CloseCode;
use crate::sys::socket::{self, StopSignal, Woken};
use handshake::{resume_of, route};

/// What every connection's thread shares.
pub(crate) struct Context {
    /// For those that become clients.
    pub client: ClientContext,
    /// For all others.
    pub pages: Pages,
    /// Origins under which others reach this server.
    pub public_urls: Vec<String>,
    /// Addresses that are believed when they say whom they speak for.
    pub trusted_proxies: Vec<IpAddr>,
    /// The places of those they speak for.
    pub forwarded: Arc<ForwardedSeats>,
    /// Given when the server stops.
    pub stop: Arc<StopSignal>,
}

/// Accepts until the server stops, then waits until every connection's thread has ended.
pub(crate) fn run(listener: &TcpListener, caps: Caps, context: &Arc<Context>) {
    let (ended, ends) = unbounded();
    let mut seats = Seats::new(caps, context.trusted_proxies.clone());
    let mut failed: Option<Instant> = None;
    while wait_for_connection(listener, &context.stop) {
        ends.try_iter().for_each(|seat| seats.free(seat));
        match listener.accept() {
            Ok((stream, peer)) => {
                // While they run out, one is free now and then.
                if failed.take_if(|failed| failed.elapsed() >= limits::ACCEPT_SETTLED).is_some() {
                    log::info!("connections are accepted again");
                }
                if let Some(seat) = seats.take(peer.ip()) {
                    spawn(stream, peer, Occupied { seat, ended: ended.clone() }, context.clone());
                } else {
                    log::debug!("a connection from {peer} was closed unheard: there are too many");
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => {
                // Out of descriptors, or a connection that ended before it was accepted: both pass.
                if failed.replace(Instant::now()).is_none() {
                    log::warn!("a connection could not be accepted, trying on: {error}");
                }
                context.stop.pause(limits::ACCEPT_PAUSE);
            }
        }
    }
    drop(ended);
    let deadline = Instant::now() + limits::STOP;
    while ends.recv_deadline(deadline).is_ok() {}
}

fn wait_for_connection(listener: &TcpListener, stop: &StopSignal) -> bool {
    loop {
        match stop.wait(listener, PollFlags::IN, Instant::now() + Duration::from_secs(3600)) {
            Ok(Woken::Ready) => return !stop.is_given(),
            Ok(Woken::Deadline) => {}
            Ok(Woken::Stopping) => return false,
            Err(error) => {
                log::error!("cannot wait for connections, trying on: {error}");
                thread::sleep(limits::ACCEPT_PAUSE);
            }
        }
    }
}

/// A connection's place; reports its end when dropped.
struct Occupied {
    seat: Seat,
    ended: Sender<Seat>,
}

impl Drop for Occupied {
    fn drop(&mut self) {
        let _ = self.ended.send(self.seat); // nobody counts any more: the server stops
    }
}

/// A client that is live, with its place if it came by a proxy.
type Entered = (Live, Option<ForwardedSeat>);

fn spawn(stream: TcpStream, peer: SocketAddr, place: Occupied, context: Arc<Context>) {
    let kind = place.seat.kind;
    let work = move |context: &Context| serve(stream, peer, kind, context);
    on_own_thread(limits::ENTRY_STACK_BYTES, peer, place, context, work);
}

/// A live client is read on a fresh thread: see [`crate::client`].
fn spawn_reader((live, seat): Entered, peer: SocketAddr, place: Occupied, context: Arc<Context>) {
    on_own_thread(limits::READER_STACK_BYTES, peer, place, context, move |context| {
        let _seat = seat;
        live.read(&context.client);
        Ok(None)
    });
}

/// Does the work of a connection, and what it leaves to do, each on a thread of its own. What breaks there breaks this
/// connection alone.
fn on_own_thread(
    stack_bytes: usize,
    peer: SocketAddr,
    place: Occupied,
    context: Arc<Context>,
    work: impl FnOnce(&Context) -> io::Result<Option<Entered>> + Send + 'static,
) {
    let run = move || {
        let place = place; // dropped last: the thread has ended then
        let context = context; // and holds nothing of the server's any more
        match catch_unwind(AssertUnwindSafe(|| work(&context))) {
            Ok(Ok(None)) => {}
            Ok(Ok(Some(entered))) => spawn_reader(entered, peer, place, context),
            Ok(Err(error)) => log::debug!("the connection from {peer} broke: {error}"),
            Err(_) => {
                log::error!("the thread of the connection from {peer} panicked: only that connection ends")
            }
        }
    };
    if let Err(error) = thread::Builder::new().stack_size(stack_bytes).spawn(run) {
        log::warn!("no thread for a connection: {error}"); // it is closed with the closure that was not run
    }
}

/// Answers a connection's request. What is left to do is to read the client that it has become.
fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    mut kind: Kind,
    context: &Context,
) -> io::Result<Option<Entered>> {
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)?;
    rustix::net::sockopt::set_socket_send_buffer_size(&stream, limits::SEND_BUFFER_BYTES)?;
    let (head, rest) = match read_head(&stream, kind, &context.stop) {
        Ok(read) => read,
        Err(HeadError::Gone(error)) => return Err(error),
        Err(HeadError::Refused(refused)) => return refuse(&stream, peer, "", &refused, context),
    };
    let address = client_address::client_address(peer.ip(), &head, &context.trusted_proxies);
    let forwarded_seat =
        if kind == Kind::Guest && client_address::is_trusted(peer.ip(), &context.trusted_proxies) {
            let seat = context.forwarded.take(address);
            if seat.is_none() {
                kind = Kind::Crowded;
            }
            seat
        } else {
            None
        };
    let routed = origin::check(&head, &context.public_urls).and_then(|()| route(&head));
    let handshake = match (routed, kind) {
        (Err(refused), _) => return refuse(&stream, peer, &head.method, &refused, context),
        (Ok(None), Kind::Guest) => {
            relay::relay(&stream, &head, rest, address, &context.pages, &context.stop)?;
            return Ok(None);
        }
        (Ok(None), Kind::Full) => {
            return refuse(&stream, peer, &head.method, &Refused::new(503, ROOM_FULL), context);
        }
        (Ok(None), Kind::Crowded) => {
            return refuse(&stream, peer, &head.method, &Refused::new(429, ADDRESS_FULL), context);
        }
        (Ok(Some(handshake)), _) => handshake,
    };
    let session = match session_of(&head, context) {
        Ok(session) => session,
        Err(refused) => return refuse(&stream, peer, &head.method, &refused, context),
    };
    socket::write_all(&stream, &handshake, &context.stop)?;
    let socket = Arc::new(ClientSocket::new(stream));
    if kind != Kind::Guest {
        client::refuse(&socket, CloseCode::Full, &context.stop);
        return Ok(None);
    }
    let address = client_address::address_key(address);
    let entered = client::enter(socket, resume_of(&head), session, address, rest, &context.client);
    Ok(entered.map(|live| (live, forwarded_seat)))
}

const ROOM_FULL: &str = "The room is full. Its host can allow more: --max-clients.";
const ADDRESS_FULL: &str = "There are too many connections from your address. The room's host can allow more: --max-clients-per-address.";

/// Who the request's cookie belongs to.
fn session_of(head: &Head, context: &Context) -> Result<Option<Arc<Session>>, Refused> {
    let cookies = Cookies::of(head.header("cookie"), &head.host, head.header("origin"), &context.public_urls);
    let Some(token) = cookies.session() else { return Ok(None) };
    context.client.accounts.session(&token).map_err(|error| {
        log::warn!("a session could not be looked up: {error}");
        Refused::new(503, "The accounts cannot be read just now. Try again.")
    })
}

enum HeadError {
    Gone(io::Error),
    Refused(Refused),
}

/// Reads the head under one deadline for all of it.
///
/// # Returns
/// The head, and what came behind it.
fn read_head(mut stream: &TcpStream, kind: Kind, stop: &StopSignal) -> Result<(Head, Vec<u8>), HeadError> {
    let patience = if kind == Kind::Guest { limits::HEAD_DEADLINE } else { limits::REFUSAL_DEADLINE };
    let deadline = Instant::now() + patience;
    let mut bytes = Vec::new();
    let mut chunk = [0; 2048];
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => return Err(HeadError::Gone(ErrorKind::UnexpectedEof.into())),
            Ok(count) => {
                bytes.extend_from_slice(&chunk[..count]);
                if let Some((head, end)) = head::parse(&bytes).map_err(HeadError::Refused)? {
                    return Ok((head, bytes.split_off(end)));
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                match stop.wait(stream, PollFlags::IN, deadline).map_err(HeadError::Gone)? {
                    Woken::Ready => {}
                    Woken::Stopping => return Err(HeadError::Gone(ErrorKind::Interrupted.into())),
                    Woken::Deadline => {
                        let reason =
                            format!("The request's head must come within {} seconds.", patience.as_secs());
                        return Err(HeadError::Refused(Refused::new(408, reason)));
                    }
                }
            }
            Err(error) => return Err(HeadError::Gone(error)),
        }
        if Instant::now() >= deadline {
            let reason = format!("The request's head must come within {} seconds.", patience.as_secs());
            return Err(HeadError::Refused(Refused::new(408, reason)));
        }
    }
}

fn refuse(
    stream: &TcpStream,
    peer: SocketAddr,
    method: &str,
    refused: &Refused,
    context: &Context,
) -> io::Result<Option<Entered>> {
    log::debug!("a request from {peer} was refused with {}: {}", refused.status, refused.reason);
    socket::write_all(stream, &refused.answer_to(method), &context.stop)?;
    socket::finish(stream);
    Ok(None)
}

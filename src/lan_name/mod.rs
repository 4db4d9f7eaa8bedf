//! A name to type: the room announces itself by multicast DNS, so that a browser in the same network finds it at `chat.local`, and
//! whatever lists the network's web pages lists it. `claim.rs` knows what is said and when, `wire.rs` how it is written.
//!
//! Anybody in the network can claim any name: it is no proof of anything, and stands in no link that makes a host or sets a password.
//! A network that forbids multicast leaves the room without a name, and that is no error.

mod claim;
mod wire;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use rustix::event::PollFlags;
use socket2::{Domain, Protocol, Socket, Type};

use crate::limits::{LAN_ASK_PAUSE, LAN_AT_ONCE, LAN_BYTES, LAN_DEFENCE, LAN_LOOK, LAN_PAUSE, LAN_REPEAT};
use crate::sys::interfaces::{Interface, interfaces, is_virtual, reachable};
use crate::sys::random::random;
use crate::sys::socket::StopSignal;
use claim::{Act, Claim};
use wire::Message;

/// Where everybody in a network listens.
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const PORT: u16 = 5353;
/// What says that a packet was not passed on by a router.
const HOPS: u32 = 255;

/// The room's name as others in its network find it now, with `.local` after it.
#[derive(Debug, Default)]
pub struct LanName {
    /// None until it is known whether there is one.
    name: Mutex<Option<Option<String>>>,
    known: Condvar,
}

impl LanName {
    #[cfg(test)]
    pub(crate) fn found(name: &str) -> LanName {
        LanName { name: Mutex::new(Some(Some(name.to_owned()))), ..LanName::default() }
    }

    /// Announces a room that listens on `bind` and `port`, until `stop`; nothing without a label, or where others cannot reach it.
    ///
    /// # Errors
    /// When the system has no thread or no random number.
    pub(crate) fn announce(
        self: &Arc<LanName>,
        label: Option<&str>,
        (bind, port): (IpAddr, u16),
        stop: Arc<StopSignal>,
    ) -> io::Result<Option<JoinHandle<()>>> {
        let Some(label) = label.filter(|_| !bind.is_loopback()) else {
            self.tell(None);
            return Ok(None);
        };
        let lag = LAN_ASK_PAUSE * random::<1>()?[0].into() / 256;
        let mut announcer = Announcer {
            name: self.clone(),
            claim: Claim::new(label, port, lag, Instant::now()),
            bind,
            networks: Vec::new(),
            own: Vec::new(),
            socket: None,
            looked: SystemTime::now(),
        };
        let run = move || announcer.run(&stop);
        Ok(Some(thread::Builder::new().name("lan-name".into()).spawn(run)?))
    }

    /// The name, if there is one by now.
    pub fn get(&self) -> Option<String> {
        self.lock().clone().flatten()
    }

    /// The name, after `time` at most: asking whether somebody has it takes a second.
    pub fn wait(&self, time: Duration) -> Option<String> {
        let waited = self.known.wait_timeout_while(self.lock(), time, |name| name.is_none());
        let (name, _) = waited.unwrap_or_else(PoisonError::into_inner);
        name.clone().flatten()
    }

    fn tell(&self, name: Option<String>) {
        *self.lock() = Some(name);
        self.known.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Option<Option<String>>> {
        self.name.lock().unwrap_or_else(PoisonError::into_inner) // nothing panics while it is held
    }
}

/// A network that the room is in.
#[derive(Debug)]
struct Network {
    interface: Interface,
    address: Ipv4Addr,
    /// When all of it heard from the room.
    told: Option<Instant>,
}

struct Announcer {
    name: Arc<LanName>,
    claim: Claim,
    bind: IpAddr,
    networks: Vec<Network>,
    /// All addresses of this machine.
    own: Vec<Ipv4Addr>,
    /// One for all networks. None where the system gives none: another program may keep the port to itself.
    socket: Option<UdpSocket>,
    /// When it looked for networks, by the clock that goes on while the computer sleeps.
    looked: SystemTime,
}

impl Announcer {
    fn run(&mut self, stop: &StopSignal) {
        let mut look = Instant::now();
        while !stop.is_given() {
            let now = Instant::now();
            if now >= look {
                look = now + LAN_LOOK;
                self.look_around(now);
            }
            let Some(socket) = self.socket.take() else {
                self.name.tell(None);
                stop.pause(LAN_LOOK);
                continue;
            };
            let mut is_sent = true;
            while let Some(act) = self.claim.act(now) {
                is_sent &= self.carry_out(&socket, act, now);
            }
            if !is_sent {
                continue; // without a socket, until another is opened: nobody would find the name
            }
            if let Some(name) = self.claim.outcome() {
                self.publish(name);
            }
            let until = self.claim.due().unwrap_or(look).min(look);
            match stop.wait(&socket, PollFlags::IN, until) {
                Ok(()) => self.listen(&socket, stop),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
                Err(_) => stop.pause(LAN_LOOK), // the end of the server, or a system that cannot wait
            }
            self.socket = Some(socket);
        }
        self.take_back();
    }

    /// Finds the networks. In other ones than before, and after the computer's sleep, everything begins afresh: the name may be
    /// somebody's by now.
    fn look_around(&mut self, now: Instant) {
        let interfaces = interfaces();
        let found = networks(self.bind, &interfaces);
        let same = |known: &Vec<Network>| known.iter().map(|network| &network.interface).eq(&found);
        let has_slept = self.looked.elapsed().is_ok_and(|time| time > 4 * LAN_LOOK);
        self.looked = SystemTime::now();
        if same(&self.networks) && !has_slept && (self.socket.is_some() || found.is_empty()) {
            return;
        }
        self.own = interfaces.iter().filter_map(|own| v4(own.address)).collect();
        let networks = found
            .into_iter()
            .filter_map(|interface| Some(Network { address: v4(interface.address)?, interface, told: None }));
        self.networks = networks.collect();
        let addresses: Vec<_> = self.networks.iter().map(|network| network.address).collect();
        let opened = if addresses.is_empty() { None } else { Some(open(&addresses)) };
        self.socket = opened.and_then(|opened| {
            opened.inspect_err(|error| log::debug!("no name in the local network: {error}")).ok()
        });
        self.claim.begin_again(now);
    }

    fn publish(&self, name: Option<String>) {
        if *self.name.lock() == Some(name.clone()) {
            return;
        }
        match &name {
            Some(name) => log::info!("in the local network the room is {name}"),
            None => log::info!("the room has no name in the local network: others have all that were tried"),
        }
        self.name.tell(name);
    }

    /// False where the system lets it go nowhere, as where multicast is forbidden.
    fn carry_out(&mut self, socket: &UdpSocket, act: Act, now: Instant) -> bool {
        let mut is_sent = false;
        for network in &mut self.networks {
            let message = match act {
                Act::Ask => self.claim.ask(network.address),
                Act::Tell => self.claim.tell(network.address),
            };
            if act == Act::Tell {
                network.told = Some(now);
            }
            is_sent |= send(socket, network.address, &message);
        }
        is_sent
    }

    /// Takes what has come, and no more at once than costs little: the rest of a flood is for the system to drop.
    fn listen(&mut self, socket: &UdpSocket, stop: &StopSignal) {
        let mut bytes = [0; LAN_BYTES];
        for _ in 0..LAN_AT_ONCE {
            match socket.recv_from(&mut bytes) {
                Ok((count, SocketAddr::V4(from))) => {
                    if let Some(message) = Message::read(&bytes[..count]) {
                        self.hear(socket, &message, from);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // Windows tells here that an earlier answer found nobody.
                Ok(_) | Err(_) => {}
            }
        }
        stop.pause(LAN_PAUSE);
    }

    /// Only neighbours count: an answer to anybody else would leave the network.
    fn hear(&mut self, socket: &UdpSocket, message: &Message, from: SocketAddrV4) {
        let now = Instant::now();
        for network in &mut self.networks {
            if !network.interface.has_neighbour(*from.ip()) {
                continue;
            }
            // A name is somebody's by the word of the group's port alone (RFC 6762, 6).
            if from.port() == PORT {
                self.claim.hear(message, network.address, &self.own, now);
            }
            let Some(answer) = self.claim.answer(message, network.address) else { continue };
            if from.port() != PORT {
                let _ = socket.send_to(&answer.into_one(message).bytes(), from); // they ask again
                continue;
            }
            let pause = if self.claim.is_claimed_by(message) { LAN_DEFENCE } else { LAN_REPEAT };
            if network.told.is_none_or(|told| now >= told + pause) {
                network.told = Some(now);
                send(socket, network.address, &answer);
            }
        }
    }

    /// Otherwise others would look for the room there for two minutes.
    fn take_back(&self) {
        let Some(socket) = self.socket.as_ref().filter(|_| self.claim.is_kept()) else { return };
        for network in &self.networks {
            send(socket, network.address, &self.claim.take_back(network.address));
        }
    }
}

/// The networks of people: those of containers and VPNs have other names for things.
fn networks(bind: IpAddr, interfaces: &[Interface]) -> Vec<Interface> {
    let reachable = reachable(bind, interfaces).into_iter();
    reachable.filter(|own| !is_virtual(own) && own.address.is_ipv4()).cloned().collect()
}

fn v4(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(v4) => Some(v4),
        IpAddr::V6(_) => None,
    }
}

/// A socket on the port that all such programs of this machine share.
fn open(addresses: &[Ipv4Addr]) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    // On Linux what is meant for one program alone stays with whoever was here first.
    let at = if cfg!(target_os = "linux") { GROUP } else { Ipv4Addr::UNSPECIFIED };
    socket.bind(&SocketAddrV4::new(at, PORT).into())?;
    socket.set_multicast_ttl_v4(HOPS)?;
    socket.set_ttl_v4(HOPS)?;
    socket.set_nonblocking(true)?;
    let joined = addresses.iter().filter(|address| {
        let joined = socket.join_multicast_v4(&GROUP, address);
        joined.inspect_err(|error| log::debug!("{address} hears no names: {error}")).is_ok()
    });
    if joined.count() == 0 { Err(io::ErrorKind::AddrNotAvailable.into()) } else { Ok(socket.into()) }
}

/// To everybody in the network in which the room has this address. What gets lost is asked for again.
fn send(socket: &UdpSocket, address: Ipv4Addr, message: &Message) -> bool {
    let sent = socket2::SockRef::from(socket).set_multicast_if_v4(&address);
    let sent = sent.and_then(|()| socket.send_to(&message.bytes(), (GROUP, PORT)));
    sent.inspect_err(|error| log::debug!("{address} tells nobody the room's name: {error}")).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::interfaces::tests::{interface, laptop};
    use wire::{A, NSEC, Question, name};

    /// The room `chat.local` in the network of this computer alone, and somebody else in it.
    fn room_and_phone() -> (Announcer, UdpSocket, UdpSocket) {
        let socket = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        let mut claim = Claim::new("chat", 5000, Duration::ZERO, Instant::now());
        while let Some(due) = claim.due() {
            claim.act(due);
        }
        let network =
            Network { interface: interface("lo", "127.0.0.1"), address: Ipv4Addr::LOCALHOST, told: None };
        let announcer = Announcer {
            name: Arc::default(),
            claim,
            bind: Ipv4Addr::UNSPECIFIED.into(),
            networks: vec![network],
            own: vec![Ipv4Addr::LOCALHOST],
            socket: None,
            looked: SystemTime::now(),
        };
        (announcer, socket(), socket())
    }

    fn place(socket: &UdpSocket) -> SocketAddrV4 {
        match socket.local_addr().expect("a place") {
            SocketAddr::V4(place) => place,
            SocketAddr::V6(place) => panic!("{place}"),
        }
    }

    #[test]
    fn a_phone_that_asks_alone_gets_the_class_that_it_knows_and_a_short_time() {
        const AAAA: u16 = 28;
        let (mut announcer, room, phone) = room_and_phone();
        phone.set_read_timeout(Some(Duration::from_secs(30))).expect("a deadline");
        for (kind, answered) in [(A, A), (AAAA, NSEC)] {
            let questions = vec![Question { name: name("chat.local"), kind }];
            let asked = Message { id: 4711, questions, ..Message::default() };
            announcer.hear(&room, &asked, place(&phone));
            let mut bytes = [0; LAN_BYTES];
            let count = phone.recv(&mut bytes).expect("an answer");
            let said = Message::read(&bytes[..count]).expect("a message");
            assert_eq!((said.id, &said.questions), (asked.id, &asked.questions));
            let head = [&name("chat.local")[..], &answered.to_be_bytes(), &[0, 1, 0, 0, 0, 10]].concat();
            assert!(bytes[..count].windows(head.len()).any(|part| part == head), "{said:?}");
            let mut records = said.answers.iter().chain(&said.more);
            assert!(records.all(|record| !record.is_unique && record.ttl <= 10), "{said:?}");
        }
    }

    #[test]
    fn a_name_is_not_taken_from_another_port_than_the_groups() {
        let (mut announcer, room, phone) = room_and_phone();
        let taken = announcer.claim.tell(Ipv4Addr::new(127, 0, 0, 9));
        announcer.hear(&room, &taken, place(&phone));
        assert!(announcer.claim.is_kept());
        announcer.hear(&room, &taken, SocketAddrV4::new(Ipv4Addr::LOCALHOST, PORT));
        assert!(!announcer.claim.is_kept());
    }

    #[test]
    fn what_the_system_lets_go_nowhere_is_told_from_what_is_sent() {
        let (mut announcer, room, _) = room_and_phone();
        announcer.networks[0].address = Ipv4Addr::new(192, 0, 2, 1); // no machine's
        for act in [Act::Ask, Act::Tell] {
            assert!(!announcer.carry_out(&room, act, Instant::now()));
        }
    }

    #[test]
    fn a_room_is_announced_in_the_networks_of_people_that_reach_it() {
        let found = |bind: &str| {
            let found = networks(bind.parse().expect("an address"), &laptop());
            found.iter().map(|interface| interface.address.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(found("0.0.0.0"), ["192.168.1.5", "10.1.2.3", "203.0.113.9"]);
        assert_eq!(found("::"), ["192.168.1.5", "10.1.2.3", "203.0.113.9"]);
        assert_eq!(found("10.1.2.3"), ["10.1.2.3"]);
        assert!(found("127.0.0.1").is_empty() && found("fd00::5").is_empty());
    }

    #[test]
    fn a_room_for_this_computer_alone_has_no_name() {
        let (name, stop) = (Arc::new(LanName::default()), Arc::new(StopSignal::new().expect("a signal")));
        let thread = name
            .announce(Some("chat"), (Ipv4Addr::LOCALHOST.into(), 5000), stop)
            .expect("no thread is needed");
        assert!(thread.is_none());
        assert_eq!((name.get(), name.wait(Duration::from_secs(60))), (None, None), "at once");
    }
}

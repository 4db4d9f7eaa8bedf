//! The registered clients: each with its sender, its name and what is to be told to it alone.
//!
//! Owned by the hub. [`Clients::fan_out`] is the heart of the server: one write per client for a whole turn,
//! without an allocation, a lock or a wake-up.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use crossbeam_channel as channel;
use slab::Slab;

use crate::accounts::Session;
use crate::hub::sender::{ClientSocket, Sender};
use crate::limits;
use crate::protocol::{CloseCode, ErrorCode, KeyHash, Position, Refusal, Role};
use crate::room::moderation::Identifier;
use crate::sys::failpoint;

/// Names one registered client for as long as the server runs: a slot is used again, a serial is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientId {
    slot: usize,
    serial: u64,
}

/// Who a client speaks as.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// The name in the form that is compared.
    pub folded: Arc<str>,
    /// The name as the room shows it.
    pub display: Arc<str>,
    /// What its owner is.
    pub role: Role,
}

/// One registered client.
#[derive(Debug)]
pub(crate) struct Client {
    serial: u64,
    sender: Sender,
    /// This turn's frames for it alone.
    own: Vec<Own>,
    scheduled: Option<Instant>,
    counted_backlog: usize,
    /// Whatever it still says comes too late: its connection ends with this turn.
    pub is_leaving: bool,
    /// Who is logged in on it.
    pub session: Option<Arc<Session>>,
    /// Dropped as soon as nothing waits for this client any more.
    until_written: Option<Permit>,
    /// Its name, once it has one.
    pub identity: Option<Identity>,
    /// The hash of its browser's key, where it has told one.
    pub guest_key: Option<KeyHash>,
    /// The scope of its message ids: the hash of its tab's key, else a value of its own.
    pub tab: KeyHash,
    has_told_tab: bool,
    /// Where it comes from, an IPv6 address as its /64.
    pub address: IpAddr,
    /// Its person may not write.
    pub is_muted: bool,
}

/// Frames for one client alone, and their place in the turn: behind so many of the changes that it stores.
#[derive(Debug)]
struct Own {
    behind: usize,
    frames: Vec<u8>,
}

/// The frames of a turn for everybody.
#[derive(Debug, Default)]
pub(crate) struct Broadcast {
    /// All of them, one after the other.
    pub frames: Bytes,
    /// Where what the turn has stored begins in them.
    pub begin: usize,
    /// Each change that it has stored, in order.
    pub changes: Vec<Ended>,
}

/// A stored change, and where its frame ends in the turn's; no further than the one before where it has none.
#[derive(Debug)]
pub(crate) struct Ended {
    pub at: usize,
    pub logged: Logged,
}

/// What a change was to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Logged {
    /// No part of it.
    Nothing,
    /// A message took the next position.
    Message,
    /// A deletion took the next position.
    Deletion {
        /// The message that is gone.
        message_id: Position,
    },
    /// All before it is gone.
    Cleared,
}

impl Broadcast {
    /// The offset behind so many changes. All that is not in this turn (yet) is behind its end.
    fn offset_behind(&self, changes: usize) -> usize {
        match changes.checked_sub(1) {
            None => 0,
            Some(last) => self.changes.get(last).map_or(self.frames.len(), |change| change.at),
        }
    }
}

/// The right to have an answer under way; dropped, the next may be.
#[derive(Debug)]
pub struct Permit(pub channel::Sender<()>);

impl Drop for Permit {
    fn drop(&mut self) {
        let _ = self.0.try_send(()); // nobody reads the log any more: the server stops
    }
}

/// Clients whose senders are fetched from memory at the same time.
const FETCHED_TOGETHER: usize = 16;

/// Every registered client.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    slots: Slab<Client>,
    next_serial: u64,
    /// Slots that have something of their own to be sent.
    touched: Vec<usize>,
    /// When which slot's sender wants its tick.
    timers: BTreeSet<(Instant, usize)>,
    /// Bytes of all backlogs.
    backlogs: usize,
}

impl Clients {
    /// Registers a client. From here on its socket is written here alone.
    pub(crate) fn add(
        &mut self,
        socket: Arc<ClientSocket>,
        session: Option<Arc<Session>>,
        address: IpAddr,
        tab: impl FnOnce(u64) -> KeyHash,
        now: Instant,
    ) -> ClientId {
        let serial = self.next_serial;
        self.next_serial += 1;
        let slot = self.slots.insert(Client {
            serial,
            sender: Sender::new(socket, now),
            own: Vec::new(),
            scheduled: None,
            counted_backlog: 0,
            is_leaving: false,
            session,
            until_written: None,
            identity: None,
            guest_key: None,
            tab: tab(serial),
            has_told_tab: false,
            address,
            is_muted: false,
        });
        ClientId { slot, serial }
    }

    /// A client that is still registered.
    pub(crate) fn get(&mut self, id: ClientId) -> Option<&mut Client> {
        self.slots.get_mut(id.slot).filter(|client| client.serial == id.serial)
    }

    /// All of whom this is true.
    pub(crate) fn which(&self, is_it: impl Fn(&Client) -> bool) -> Vec<ClientId> {
        let found = self.slots.iter().filter(|(_, client)| is_it(client));
        found.map(|(slot, client)| ClientId { slot, serial: client.serial }).collect()
    }

    /// Forgets a client whose thread has ended.
    pub(crate) fn remove(&mut self, id: ClientId) -> Option<Client> {
        self.get(id)?.sender.cut();
        self.account(id.slot);
        Some(self.slots.remove(id.slot))
    }

    /// Whether nobody is registered.
    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Finished frames for one client alone, in their place: after so many of the changes that the turn stores.
    pub(crate) fn send_to(&mut self, id: ClientId, frames: Vec<u8>, behind: usize) {
        if let Some(client) = self.get(id).filter(|client| client.sender.is_open()) {
            let first = client.own.is_empty();
            client.own.push(Own { behind, frames });
            if first {
                self.touched.push(id.slot);
            }
        }
    }

    /// Keeps a permit until what has been told to this client is written.
    pub(crate) fn hold_until_written(&mut self, id: ClientId, permit: Permit) {
        if let Some(client) = self.get(id) {
            client.until_written = Some(permit);
        }
    }

    /// Sends everybody the turn, and each what is its own in its place.
    pub(crate) fn fan_out(&mut self, turn: &Broadcast, now: Instant) {
        let mut touched = std::mem::take(&mut self.touched);
        if turn.frames.is_empty() {
            for &slot in &touched {
                if let Some(client) = self.slots.get_mut(slot) {
                    client.send(turn, now);
                    self.account(slot);
                }
            }
        } else {
            for first in (0..self.slots.capacity()).step_by(FETCHED_TOGETHER) {
                let few = first..first + FETCHED_TOGETHER;
                few.clone().filter_map(|slot| self.slots.get(slot)).for_each(Client::fetch);
                for slot in few {
                    let Some(client) = self.slots.get_mut(slot) else { continue };
                    if client.send(turn, now) {
                        touched.push(slot);
                    }
                    failpoint::hit("between_writes", &turn.frames);
                }
            }
            for &slot in &touched {
                self.account(slot);
            }
        }
        touched.clear();
        self.touched = touched;
        self.relieve(limits::BACKLOGS_BYTES, now);
    }

    /// Ends one connection in order with this close frame, after what [`Clients::fan_out`] has sent.
    pub(crate) fn close_with(&mut self, id: ClientId, frame: &[u8], now: Instant) {
        if let Some(client) = self.get(id) {
            client.sender.close_with(frame, now);
            self.account(id.slot);
        }
    }

    /// Ends all connections in order.
    pub(crate) fn close_all(&mut self, code: CloseCode, now: Instant) {
        for slot in self.all_slots() {
            self.slots[slot].sender.close(code, now);
            self.account(slot);
        }
    }

    /// Ends all connections at once.
    pub(crate) fn cut_all(&mut self) {
        for slot in self.all_slots() {
            self.slots[slot].sender.cut();
            self.account(slot);
        }
    }

    fn all_slots(&self) -> Vec<usize> {
        self.slots.iter().map(|(slot, _)| slot).collect()
    }

    /// When [`Clients::tick`] has to be called next.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.timers.first().map(|(due, _)| *due)
    }

    /// Does what is due at blocked and closing clients.
    pub(crate) fn tick(&mut self, now: Instant) {
        while let Some(&(due, slot)) = self.timers.first()
            && due <= now
        {
            let Some(client) = self.slots.get_mut(slot) else { break };
            client.sender.tick(now);
            self.account(slot);
        }
    }

    /// Brings the sum of backlogs and the timers up to date with one sender.
    fn account(&mut self, slot: usize) {
        let Some(client) = self.slots.get_mut(slot) else { return };
        self.backlogs = self.backlogs - client.counted_backlog + client.sender.backlog_bytes();
        client.counted_backlog = client.sender.backlog_bytes();
        if client.counted_backlog == 0 {
            client.until_written = None;
        }
        if client.scheduled != client.sender.due() {
            if let Some(before) = client.scheduled {
                self.timers.remove(&(before, slot));
            }
            client.scheduled = client.sender.due();
            if let Some(due) = client.scheduled {
                self.timers.insert((due, slot));
            }
        }
    }

    /// While all backlogs together are larger than `bound`, the largest is cut off.
    fn relieve(&mut self, bound: usize, now: Instant) {
        while self.backlogs > bound {
            let open = self.slots.iter().filter(|(_, client)| client.sender.is_open());
            let Some((slot, _)) = open.max_by_key(|(_, client)| client.counted_backlog) else { return };
            log::warn!(
                "clients that do not read have {} unsent bytes: the slowest is cut off",
                self.backlogs
            );
            self.slots[slot].sender.cut_off(now);
            self.account(slot);
        }
    }
}

impl Client {
    /// Whether it is a host's.
    pub(crate) fn is_host(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.host.is_some())
    }

    /// Takes the keys that a `join` tells. The first of each stays: with another one, who is muted or has to wait would be
    /// somebody new under the name that they have.
    ///
    /// # Errors
    /// `bad_request` for another key than was told before; then none is taken.
    pub(crate) fn take_keys(
        &mut self,
        guest_key: Option<KeyHash>,
        tab_key: Option<KeyHash>,
    ) -> Result<(), Refusal> {
        let told_tab = Some(self.tab).filter(|_| self.has_told_tab);
        for (field, told, new) in [("guest_key", self.guest_key, guest_key), ("tab_key", told_tab, tab_key)] {
            if told.is_some() && new.is_some() && told != new {
                let reason =
                    format!("This connection has told another `{field}`: connect again to change it.");
                return Err(Refusal::new(ErrorCode::BadRequest, reason));
            }
        }
        self.guest_key = guest_key.or(self.guest_key);
        if let Some(tab) = tab_key {
            (self.tab, self.has_told_tab) = (tab, true);
        }
        Ok(())
    }

    /// All that its person is known by.
    pub(crate) fn identifiers(&self) -> Vec<Identifier> {
        let account =
            self.session.as_ref().and_then(|session| session.member.as_ref()).map(|member| member.account);
        let mut identifiers = vec![Identifier::Tab(self.tab), Identifier::Address(self.address)];
        identifiers.extend(account.map(Identifier::Account));
        identifiers.extend(self.guest_key.map(Identifier::Guest));
        identifiers
    }

    /// Who it is that speaks: the surest of them, and their name. By the identifier alone, who comes with a new connection for each
    /// message, or tells a key or signs up only then, would be somebody new each time.
    pub(crate) fn speakers(&self) -> impl Iterator<Item = Identifier> + use<> {
        let account =
            self.session.as_ref().and_then(|session| session.member.as_ref()).map(|member| member.account);
        let identifier = account
            .map(Identifier::Account)
            .or(self.guest_key.map(Identifier::Guest))
            .unwrap_or(Identifier::Tab(self.tab));
        let named = self.identity.as_ref().map(|identity| Identifier::Name(identity.folded.clone()));
        std::iter::once(identifier).chain(named)
    }

    /// Looks at what [`Client::send`] reads first. What the kernel does for the others' sockets drives it out of the
    /// processor's caches, and to fetch it takes as long for several clients as for one.
    fn fetch(&self) {
        black_box((self.own.len(), self.sender.peek()));
    }

    /// Whether it has to be accounted for.
    fn send(&mut self, turn: &Broadcast, now: Instant) -> bool {
        if self.own.is_empty() {
            return self.sender.send(&[], &turn.frames, now);
        }
        let own = std::mem::take(&mut self.own); // few have something of their own: none of them keeps memory for it
        match &own[..] {
            [Own { behind: 0, frames }] => self.sender.send(frames, &turn.frames, now),
            _ => self.sender.send(&[], &woven(own, turn), now),
        }
    }
}

/// One client's own frames and everybody's, in their order.
fn woven(mut own: Vec<Own>, turn: &Broadcast) -> Bytes {
    own.sort_by_key(|own| own.behind); // stable: what was told first stays first
    let mut all =
        Vec::with_capacity(turn.frames.len() + own.iter().map(|own| own.frames.len()).sum::<usize>());
    let mut from = 0;
    for own in own {
        let to = turn.offset_behind(own.behind);
        all.extend_from_slice(&turn.frames[from..to]);
        all.extend_from_slice(&own.frames);
        from = to;
    }
    all.extend_from_slice(&turn.frames[from..]);
    all.into()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::hub::sender::tests::linked;

    #[test]
    fn the_largest_backlog_is_cut_off_first_and_no_more_than_have_to_be() {
        let now = Instant::now();
        let mut clients = Clients::default();
        let (ids, _peers): (Vec<ClientId>, Vec<_>) = (0..7)
            .map(|n| {
                let (socket, peer) = linked();
                (clients.add(socket, None, Ipv4Addr::LOCALHOST.into(), |_| [n; 32], now), peer)
            })
            .unzip();
        // All get more than their kernels hold, and then each something of its own.
        let turn = Broadcast { frames: vec![0; limits::TURN_BYTES].into(), ..Broadcast::default() };
        (0..3).for_each(|_| clients.fan_out(&turn, now));
        for (id, more) in ids.iter().zip([5, 2, 7, 1, 6, 3, 4]) {
            clients.send_to(*id, vec![0; more * 16 * 1024], 0);
        }
        clients.fan_out(&Broadcast::default(), now);

        let mut open = clients.which(|client| client.sender.is_open());
        let size = |clients: &mut Clients, id: ClientId| clients.get(id).expect("here").counted_backlog;
        open.sort_by_key(|id| size(&mut clients, *id));
        assert_eq!(open.len(), 7, "none has too much by itself");
        assert!(
            size(&mut clients, open[0]) > limits::TURN_BYTES
                && open.is_sorted_by(|a, b| size(&mut clients, *a) < size(&mut clients, *b))
        );
        clients.relieve(clients.backlogs, now);
        while let Some(largest) = open.pop() {
            let bound = clients.backlogs - 1;
            clients.relieve(bound, now);
            assert!(clients.backlogs <= bound, "what is cut off no longer waits");
            let mut left = clients.which(|client| client.sender.is_open());
            left.sort_by_key(|id| size(&mut clients, *id));
            assert_eq!(left, open, "the largest alone is cut off: {largest:?}");
        }
        clients.relieve(0, now); // and where nobody is left, that is the end of it
    }

    fn own(behind: usize, frames: &str) -> Own {
        Own { behind, frames: frames.into() }
    }

    #[test]
    fn what_is_ones_own_stands_in_its_place() {
        let changes = [13, 13, 17].map(|at| Ended { at, logged: Logged::Nothing }).into();
        let turn = Broadcast { frames: "presence,one,two,".into(), begin: 9, changes };
        let all = woven(vec![own(0, "a,"), own(3, "d,"), own(1, "b,"), own(1, "c,"), own(9, "late,")], &turn);
        assert_eq!(all, "a,presence,one,b,c,two,d,late,");
        assert_eq!(woven(vec![own(2, "x")], &Broadcast::default()), "x");
    }
}

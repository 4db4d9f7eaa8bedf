//! The registered clients: each with its sender, its name and what is to be told to it alone.
//!
//! Owned by the hub. [`Clients::fan_out`] is the heart of the server: one write per client for a whole turn,
//! without an allocation, a lock or a wake-up. A client that does not take it at once is a position in the [`Window`].

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use slab::Slab;

use super::broadcast::Broadcast;
use super::client::{Client, Counted};
use super::sender::{ClientSocket, Sender};
use super::visitor::Visitor;
use super::window::Window;
use crate::limits;
use crate::protocol::{CloseCode, KeyHash, encode_close};
use crate::sys::failpoint;
use crate::sys::permits::Permit;

/// Names one registered client for as long as the server runs: a slot is used again, a serial is not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ClientId {
    slot: usize,
    serial: u64,
}

/// Every registered client.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    slots: Slab<Client>,
    next_serial: u64,
    window: Window,
    /// Slots that have something of their own to be sent.
    touched: Vec<usize>,
    /// When which slot's sender wants its tick. Every client that waits for anything is among them.
    timers: BTreeSet<(Instant, usize)>,
    /// Bytes that wait for single clients.
    own_bytes: usize,
    /// Clients that have not taken all of the window.
    behind: usize,
    /// Clients whose place is no longer in the window, and who can take what they start afresh with.
    fallen_out: Vec<ClientId>,
    /// Where in the window's stream the log was cleared last.
    cleared: u64,
}

impl Clients {
    /// Registers a client. From here on its socket is written here alone.
    pub(crate) fn add(
        &mut self,
        socket: Arc<ClientSocket>,
        visitor: Visitor,
        tab: impl FnOnce(u64) -> KeyHash,
        now: Instant,
    ) -> ClientId {
        let serial = self.next_serial;
        self.next_serial += 1;
        let slot = self.slots.insert(Client {
            serial,
            sender: Sender::new(socket, self.window.end(), now),
            own: Vec::new(),
            counted: Counted::default(),
            is_leaving: false,
            visitor,
            until_written: None,
            identity: None,
            guest_key: None,
            tab: tab(serial),
            has_told_tab: false,
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
        self.recount(id.slot);
        Some(self.slots.remove(id.slot))
    }

    /// Whether nobody is registered.
    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Finished frames for one client alone, in their place: after so many of the changes that the turn stores.
    pub(crate) fn send_to(&mut self, id: ClientId, frames: Vec<u8>, place: usize) {
        if let Some(client) = self.get(id).filter(|client| client.sender.is_open()) {
            let first = client.own.is_empty();
            client.own.push((place, frames));
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
        let begin = self.window.end();
        if let Some(place) = turn.cleared() {
            self.cleared = begin + turn.offset(place);
        }
        self.window.push(turn.frames.clone(), now);
        let mut touched = std::mem::take(&mut self.touched);
        for &slot in &touched {
            if let Some(client) = self.slots.get_mut(slot) {
                let mut own = std::mem::take(&mut client.own); // few have any: none of them keeps memory for it
                own.sort_by_key(|(place, _)| *place); // stable: what was told first stays first
                let placed = own.into_iter().map(|(place, frames)| (begin + turn.offset(place), frames));
                client.sender.send_own(placed, &self.window, now);
            }
        }
        if !turn.frames.is_empty() {
            for (slot, client) in &mut self.slots {
                if client.sender.send(&turn.frames, &self.window, now) {
                    touched.push(slot);
                }
                failpoint::hit("between_writes", &turn.frames);
            }
        }
        for slot in touched.drain(..) {
            self.recount(slot);
        }
        self.touched = touched;
        self.relieve(limits::ALL_OWN_BYTES, now);
        self.shrink_window(now);
    }

    /// Keeps of the window what its bounds allow, while anybody is behind. A client whose place goes falls out of it.
    fn shrink_window(&mut self, now: Instant) {
        if self.behind == 0 {
            return self.window.clear();
        }
        let start = self.window.due_start(now);
        if self.window.begins_at(start) {
            return;
        }
        let slots = self.timers.iter().map(|(_, slot)| *slot);
        let left: Vec<usize> = slots.filter(|slot| self.slots[*slot].sender.is_before(start)).collect();
        for slot in left {
            self.slots[slot].sender.fall_out(&self.window);
            self.recount(slot);
        }
        self.window.shrink_to(start);
    }

    /// Clients that have to start afresh now, each with [`Clients::start_afresh`]. Any above [`limits::AFRESH_CLIENTS`] are
    /// found once more at their next try.
    pub(crate) fn take_fallen_out(&mut self) -> Vec<ClientId> {
        self.fallen_out.truncate(limits::AFRESH_CLIENTS);
        std::mem::take(&mut self.fallen_out)
    }

    /// Sends a client its welcome and what all who start afresh get; everybody's frames follow.
    pub(crate) fn start_afresh(&mut self, id: ClientId, frames: [Bytes; 2], now: Instant) {
        let Some(client) = self.slots.get_mut(id.slot).filter(|client| client.serial == id.serial) else {
            return;
        };
        log::debug!("a client was too far behind, and starts afresh");
        client.sender.start_afresh(frames, self.cleared, &self.window, now);
        self.recount(id.slot);
    }

    /// Ends one connection in order with this close frame, after what [`Clients::fan_out`] has sent.
    pub(crate) fn close_with(&mut self, id: ClientId, frame: &[u8], now: Instant) {
        if self.get(id).is_some() {
            self.slots[id.slot].sender.close_with(frame, &self.window, now);
            self.recount(id.slot);
        }
    }

    /// Ends all connections in order.
    pub(crate) fn close_all(&mut self, code: CloseCode, now: Instant) {
        for slot in self.all_slots() {
            self.slots[slot].sender.close_with(&encode_close(code), &self.window, now);
            self.recount(slot);
        }
    }

    /// Ends all connections at once.
    pub(crate) fn cut_all(&mut self) {
        for slot in self.all_slots() {
            self.slots[slot].sender.cut();
            self.recount(slot);
        }
    }

    fn all_slots(&self) -> Vec<usize> {
        self.slots.iter().map(|(slot, _)| slot).collect()
    }

    /// When [`Clients::tick`] has to be called next.
    pub(crate) fn due(&self) -> Option<Instant> {
        let expiry = self.window.expiry().filter(|_| self.behind > 0);
        self.timers.first().map(|(due, _)| *due).into_iter().chain(expiry).min()
    }

    /// Does what is due at blocked and closing clients.
    pub(crate) fn tick(&mut self, now: Instant) {
        while let Some(&(due, slot)) = self.timers.first()
            && due <= now
        {
            let Some(client) = self.slots.get_mut(slot) else { break };
            if client.sender.tick(&self.window, now) {
                self.fallen_out.push(ClientId { slot, serial: client.serial });
            }
            self.recount(slot);
        }
        self.shrink_window(now);
    }

    /// Brings the sums and the timers up to date with the sender in this slot.
    fn recount(&mut self, slot: usize) {
        let Some(client) = self.slots.get_mut(slot) else { return };
        let counted = Counted {
            // What is left of one that closes is gone in a moment.
            own_bytes: if client.sender.is_open() { client.sender.own_bytes() } else { 0 },
            is_behind: client.sender.is_before(self.window.end()),
            due: client.sender.due(),
        };
        let before = std::mem::replace(&mut client.counted, counted);
        if client.sender.own_bytes() == 0 && client.own.is_empty() {
            client.until_written = None;
        }
        self.own_bytes = self.own_bytes - before.own_bytes + counted.own_bytes;
        self.behind = self.behind - usize::from(before.is_behind) + usize::from(counted.is_behind);
        if before.due != counted.due {
            if let Some(due) = before.due {
                self.timers.remove(&(due, slot));
            }
            if let Some(due) = counted.due {
                self.timers.insert((due, slot));
            }
        }
    }

    /// While more than `bound` bytes wait for single clients, the one with the most is cut off.
    fn relieve(&mut self, bound: usize, now: Instant) {
        while self.own_bytes > bound {
            let waiting = self.slots.iter_mut().filter(|(_, client)| client.counted.own_bytes > 0);
            let Some((slot, client)) = waiting.max_by_key(|(_, client)| client.counted.own_bytes) else {
                return;
            };
            log::warn!("{} bytes wait for single clients: the one with the most is cut off", self.own_bytes);
            client.sender.cut_off(&self.window, now);
            self.recount(slot);
        }
    }
}

#[cfg(test)]
mod tests;

//! What each frame costs, and the wait where a budget is spent: nothing is refused, and TCP slows the client.

use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use super::{Over, Reading};
use crate::client::pace::{Act, Waiting};
use crate::limits;
use crate::protocol::{ClientEvent, Reason, Refusal};
use crate::sys::socket;

impl Reading<'_> {
    /// What a frame costs; nothing for the first names that are asked for, whatever others at the address do.
    pub(super) fn price(&mut self, decoded: &Result<ClientEvent, Refusal>) -> Option<(Act, Duration)> {
        let message = self.context.pace.as_ref()?.message();
        match decoded {
            Ok(
                ClientEvent::SendMessage { .. }
                | ClientEvent::DeleteMessage { .. }
                | ClientEvent::RaiseHand { .. }
                | ClientEvent::LowerHand(_)
                | ClientEvent::React { .. },
            ) => Some((Act::Say, message)),
            Ok(
                ClientEvent::RequestHistory { .. }
                | ClientEvent::RequestMessages(_)
                | ClientEvent::Search { .. }
                | ClientEvent::WhoReacted(_)
                | ClientEvent::Moderate(_),
            ) => Some((Act::Ask, message)),
            Ok(ClientEvent::Join { .. }) => {
                self.joins = self.joins.saturating_add(1);
                (self.joins > limits::FREE_JOINS).then_some((Act::Ask, limits::JOIN_PRICE))
            }
            _ => Some((Act::Ask, limits::FRAME_PRICE)),
        }
    }

    /// Takes the price of a frame, which has at least that of its bytes, from the budgets, and waits where one is spent: nothing
    /// is refused, the order is kept, and TCP slows the client since the next frame is not read meanwhile.
    pub(super) fn pay(&mut self, act: Act, price: Duration, raw: usize) -> Result<(), Over> {
        let (Some(mut purse), Some(pace)) = (self.purse.take(), &self.context.pace) else { return Ok(()) };
        let price = price.max(Duration::from_secs(raw as u64) / limits::INBOUND_BYTES_PER_SECOND);
        let mut place = 0;
        while place < 2 {
            // Somebody may be known by now who waited as a stranger.
            if purse.is_strangers()
                && let Some(key) = self.socket.get_ref().socket.guest_key()
            {
                pace.know(&mut purse, key);
            }
            let Some(budget) = purse.budgets(act)[place] else { break };
            let now = Instant::now();
            let budget = budget.clone();
            if let Some(waiting) = budget.spend(purse.payer(), price, now) {
                self.send_rate_limited(waiting.until.saturating_duration_since(now), now);
                self.hand_over()?;
                let is_served = self.pause(&waiting, purse.is_strangers())?;
                self.last_byte = Instant::now(); // it may have sent what was not read
                if !is_served {
                    continue;
                }
            }
            place += 1;
        }
        self.purse = Some(purse);
        Ok(())
    }

    /// What comes with a join, in the same breath, is paid by whoever has joined: a connection for each few messages would else have
    /// the strangers' budget beside their own. A name that is refused is waited for in vain, and not for long.
    pub(super) fn wait_for_name(&mut self) -> Result<(), Over> {
        self.hand_over()?;
        let (socket, until) = (&self.socket.get_ref().socket, Instant::now() + limits::NAME_WAIT);
        while socket.guest_key().is_none() && !socket.is_closing() && Instant::now() < until {
            std::thread::sleep(limits::NAME_POLL);
        }
        Ok(())
    }

    /// Until it is one's turn, or the hub closes this; false for a stranger who is known meanwhile.
    fn pause(&self, waiting: &Waiting, is_strangers: bool) -> Result<bool, Over> {
        let socket = &self.socket.get_ref().socket;
        loop {
            let now = Instant::now();
            let Some(look_at) = waiting.look_at(now).filter(|_| !socket.is_closing()) else {
                return Ok(true);
            };
            if is_strangers && socket.guest_key().is_some() {
                return Ok(false);
            }
            // No events: only a socket that is shut down or torn ends this wait early. What such a peer has left
            // unread is not read, or hanging up would be the way around the pace.
            let slice = look_at.min(now + limits::PACE_SLICE);
            if !matches!(socket::wait(&socket.stream, PollFlags::empty(), slice), Ok(false)) {
                return Err(Over);
            }
        }
    }

    fn send_rate_limited(&mut self, wait: Duration, now: Instant) {
        if self.told_pace.is_none_or(|told| now.duration_since(told) >= limits::RATE_LIMITED_NOTICE) {
            self.told_pace = Some(now);
            self.refuse(&Refusal::from(Reason::TooFast).after(wait.as_millis() as u64 + 1));
        }
    }
}

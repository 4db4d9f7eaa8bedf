//! Hosts' decisions, pure: who may write, who may come in, who is muted or out, and what was done.
//!
//! Somebody is known by [`Identifier`]s: the account, the browser's key and cookie, the tab's key, the address. Slow mode counts
//! by the name beside the surest of them.

use std::collections::VecDeque;
use std::hash::RandomState;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hashlink::LruCache;

use super::held_back::HeldBackList;
use super::kept::{HeldBack, Hold, Identifier, RoomChange, Settings};
use crate::limits;
use crate::protocol::names::Name;
use crate::protocol::{HostAction, Question, Reason, Refusal, ResetRequest};

#[derive(Debug)]
pub(crate) struct Moderation {
    settings: Settings,
    muted: HeldBackList,
    removed: HeldBackList,
    /// When who has spoken last: for slow mode.
    spoken: LruCache<Identifier, Instant, RandomState>,
    /// The newest first.
    actions: VecDeque<HostAction>,
    /// As the accounts know them.
    pub reset_requests: Vec<ResetRequest>,
    /// As hosts have been told what is asked.
    pub questions: Vec<Question>,
    changes: Vec<RoomChange>,
}

impl Moderation {
    /// As the store has kept it, the newest action first.
    pub(crate) fn new(
        settings: Settings,
        held_back: Vec<(Hold, HeldBack)>,
        actions: Vec<HostAction>,
    ) -> Moderation {
        let mut moderation = Moderation {
            settings,
            muted: HeldBackList::default(),
            removed: HeldBackList::default(),
            spoken: LruCache::with_hasher(limits::SLOW_MODE_SPEAKERS, RandomState::new()),
            actions: actions.into(),
            reset_requests: Vec::new(),
            questions: Vec::new(),
            changes: Vec::new(),
        };
        for (hold, somebody) in held_back {
            moderation.list_mut(hold).insert(somebody);
        }
        moderation
    }

    /// What holds for everybody.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes what holds for everybody; whether that changed anything.
    pub(crate) fn set(&mut self, change: impl FnOnce(&mut Settings)) -> bool {
        let before = self.settings.clone();
        change(&mut self.settings);
        let changed = self.settings != before;
        if changed {
            self.changes.push(RoomChange::Settings(self.settings.clone()));
        }
        changed
    }

    /// Holds somebody back, by all that they are known by now and were before.
    ///
    /// # Errors
    /// `bad_request` when as many as can be are.
    pub(crate) fn hold(&mut self, hold: Hold, somebody: HeldBack) -> Result<(), Refusal> {
        let list = self.list_mut(hold);
        if list.is_full() && !list.has(somebody.name.folded()) {
            return Err(Reason::HeldBackFull { limit: limits::HELD_BACK }.into());
        }
        let somebody = list.insert(somebody);
        self.changes.push(RoomChange::Hold(hold, somebody));
        Ok(())
    }

    /// Holds whoever is held back by one identifier back by another as well: both are the same person's.
    pub(crate) fn follow(&mut self, known: &Identifier, also: &Identifier) {
        for hold in [Hold::Mute, Hold::Ban] {
            for mut somebody in self.list_mut(hold).of(known) {
                somebody.identifiers.insert(also.clone());
                let somebody = self.list_mut(hold).insert(somebody);
                self.changes.push(RoomChange::Hold(hold, somebody));
            }
        }
    }

    /// Somebody is back who is out: what they have come with this time is theirs too, and is known before anything is read. Of an
    /// address that is closed nothing is learnt: others come from there.
    pub(crate) fn recognise(&mut self, identifiers: &[Identifier]) {
        let is_theirs = |one: &&Identifier| !matches!(one, Identifier::Address(_) | Identifier::Name(_));
        let theirs: Vec<&Identifier> = identifiers.iter().filter(is_theirs).collect();
        let known: Vec<HeldBack> = theirs.iter().flat_map(|one| self.removed.of(one)).collect();
        for mut somebody in known {
            let before = somebody.identifiers.len();
            somebody.identifiers.extend(theirs.iter().copied().cloned());
            if (before + 1..=limits::HELD_BACK_IDENTIFIERS).contains(&somebody.identifiers.len()) {
                let somebody = self.removed.insert(somebody);
                self.changes.push(RoomChange::Hold(Hold::Ban, somebody));
            }
        }
    }

    /// Lets somebody back by the name they had; the name as it was shown. None if they were not held back.
    pub(crate) fn release(&mut self, hold: Hold, name: &Name) -> Option<Arc<str>> {
        let list = self.list_mut(hold);
        let shown = list.shown_as(name.display()).unwrap_or_else(|| name.shared_folded());
        let name = list.remove(&shown)?.name;
        self.changes.push(RoomChange::Release(hold, name.shared_folded()));
        Some(name.shared_display())
    }

    /// Whether who has this name and these identifiers may not write.
    pub(crate) fn is_muted(&self, folded: &str, identifiers: &[Identifier]) -> bool {
        self.muted.has_any(identifiers) || self.muted.is_by_name(folded)
    }

    /// The name of somebody muted whom who has this name and these identifiers would be taken for.
    pub(crate) fn muted_as(&self, folded: &str, identifiers: &[Identifier]) -> Option<Arc<str>> {
        self.is_muted(folded, identifiers).then(|| self.muted.name_of(folded, identifiers)).flatten()
    }

    /// Whether somebody with this name was muted.
    pub(crate) fn is_name_muted(&self, folded: &str) -> bool {
        self.muted.has(folded)
    }

    /// Whether who has one of these identifiers may not be here.
    pub(crate) fn is_removed(&self, identifiers: &[Identifier]) -> bool {
        self.removed.has_any(identifiers)
    }

    /// Whether somebody with this name was removed: nobody takes it until they are let back in.
    pub(crate) fn is_name_out(&self, folded: &str) -> bool {
        self.removed.has(folded)
    }

    /// Whether somebody who was removed would be back, by all that is seen, if somebody new came under this name.
    pub(crate) fn is_look_out(&self, newcomer: &Name) -> bool {
        self.removed.has_look_of(newcomer)
    }

    /// The muted and the removed, as the room showed them.
    pub(crate) fn held_back(&self) -> (Vec<Arc<str>>, Vec<Arc<str>>) {
        (self.muted.names(), self.removed.names())
    }

    /// Whether somebody may write at `now`, which only slow mode asks for; from then on its pause runs for all that they are
    /// known as.
    ///
    /// # Errors
    /// `locked`, `muted` or `slow_mode`.
    pub(crate) fn speak(
        &mut self,
        is_muted: bool,
        speakers: impl IntoIterator<Item = Identifier>,
        now: Option<Instant>,
    ) -> Result<(), Refusal> {
        if self.settings.locked {
            return Err(Reason::RoomLocked.into());
        }
        if is_muted {
            return Err(Reason::Muted.into());
        }
        let pause = Duration::from_secs(self.settings.slow_mode_seconds.into());
        let Some(now) = now.filter(|_| !pause.is_zero()) else { return Ok(()) };
        let speakers: Vec<Identifier> = speakers.into_iter().collect();
        let last = speakers.iter().filter_map(|speaker| self.spoken.peek(speaker)).max();
        let wait = last.map_or(Duration::ZERO, |last| (*last + pause).saturating_duration_since(now));
        if !wait.is_zero() {
            let wait_ms = wait.as_micros().div_ceil(1000) as u64;
            let (pause, seconds) = (self.settings.slow_mode_seconds, wait_ms.div_ceil(1000));
            return Err(Refusal::from(Reason::SlowMode { pause, seconds }).after(wait_ms));
        }
        for speaker in speakers {
            self.spoken.insert(speaker, now);
        }
        Ok(())
    }

    /// Somebody has come whom nobody knows: in slow mode their time begins to run, or each new key would bring a message.
    pub(crate) fn arrive(&mut self, speakers: impl IntoIterator<Item = Identifier>, now: Instant) {
        if self.settings.slow_mode_seconds > 0 {
            for speaker in speakers {
                self.spoken.insert(speaker, now);
            }
        }
    }

    /// Messages from then on were not stored: for slow mode they were not sent.
    pub(crate) fn unspeak(&mut self, since: Instant) {
        self.spoken.retain(|_, last| *last < since);
    }

    /// The message of that moment was not stored.
    pub(crate) fn unspeak_at(&mut self, moment: Instant) {
        self.spoken.retain(|_, last| *last != moment);
    }

    /// Notes what a host did.
    pub(crate) fn note(&mut self, action: HostAction) {
        self.actions.push_front(action.clone());
        self.actions.truncate(limits::HOST_ACTIONS_SHOWN);
        self.changes.push(RoomChange::Action(action));
    }

    /// The newest first.
    pub(crate) fn actions(&self) -> &VecDeque<HostAction> {
        &self.actions
    }

    /// The changes since the last call.
    pub(crate) fn take_changes(&mut self) -> Vec<RoomChange> {
        std::mem::take(&mut self.changes)
    }

    /// All that holds, to be stored again after changes were lost: who was held back, and who was let back.
    pub(crate) fn all(&self) -> Vec<RoomChange> {
        let muted = self.muted.all().map(|somebody| (Hold::Mute, somebody));
        let removed = self.removed.all().map(|somebody| (Hold::Ban, somebody));
        vec![
            RoomChange::Settings(self.settings.clone()),
            RoomChange::AllHeldBack(muted.chain(removed).collect()),
        ]
    }

    fn list_mut(&mut self, hold: Hold) -> &mut HeldBackList {
        match hold {
            Hold::Mute => &mut self.muted,
            Hold::Ban => &mut self.removed,
        }
    }
}

#[cfg(test)]
mod tests;

//! What hosts have decided, pure: who may write, who may come in, who is muted or out, and what was done.
//!
//! No I/O and no clock, as in [`crate::room`], which knows who is here. What changes is handed out as [`HostChange`]s for
//! the store, which brings it all back after a restart.
//!
//! Somebody is known by [`Identifier`]s: the account, the browser's key, the tab's key, the address. A name alone is the identifier of
//! last resort, for who never told anything else; slow mode counts it beside the surest identifier.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use crate::limits;
use crate::protocol::AccountId;
use crate::protocol::ResetRequest;
use crate::protocol::{ErrorCode, HostAction, KeyHash, Refusal};
use crate::room::HostName;

/// What holds for everybody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// What hosts have called the room.
    pub title: Option<String>,
    /// Only hosts may write.
    pub locked: bool,
    /// Nobody new gets a name.
    pub door_closed: bool,
    /// Seconds between two messages of one person; 0 for none.
    pub slow_mode_seconds: u32,
}

/// One thing that somebody is known by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identifier {
    /// Their account.
    Account(AccountId),
    /// Hash of their browser's key.
    Guest(KeyHash),
    /// Hash of their tab's key.
    Tab(KeyHash),
    /// Where they come from, an IPv6 address as its /64.
    Address(IpAddr),
    /// Their name, in the form that is compared.
    Name(Arc<str>),
}

impl Identifier {
    /// Whether nobody else can have it: an account, or a browser's key.
    pub fn is_proof(&self) -> bool {
        matches!(self, Identifier::Account(_) | Identifier::Guest(_))
    }
}

/// How somebody is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// They may not write.
    Mute,
    /// They may not be here.
    Ban,
}

/// Somebody who is held back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The name they had then, in the form that is compared.
    pub folded: Arc<str>,
    /// The same as the room showed it.
    pub display: Arc<str>,
    /// What they are known by.
    pub identifiers: BTreeSet<Identifier>,
}

/// What has to be stored of what hosts do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostChange {
    /// What holds for everybody now.
    Settings(Settings),
    /// Somebody is held back, with all their identifiers.
    Hold(Hold, Held),
    /// They, by their folded name, are no more.
    Release(Hold, Arc<str>),
    /// These are held back, and nobody else.
    AllHeld(Vec<(Hold, Held)>),
    /// A name is a host's for ever.
    Name(HostName),
    /// Something was done.
    Action(HostAction),
}

/// All who are held back in one way.
#[derive(Debug, Default)]
struct HoldList {
    by_name: BTreeMap<Arc<str>, Held>,
    /// How many of them have a identifier.
    identifiers: HashMap<Identifier, usize>,
}

impl HoldList {
    fn insert(&mut self, mut held: Held) -> Held {
        if let Some(before) = self.remove(&held.folded) {
            held.identifiers.extend(before.identifiers);
        }
        for identifier in &held.identifiers {
            *self.identifiers.entry(identifier.clone()).or_default() += 1;
        }
        self.by_name.insert(held.folded.clone(), held.clone());
        held
    }

    fn remove(&mut self, folded: &str) -> Option<Held> {
        let held = self.by_name.remove(folded)?;
        for identifier in &held.identifiers {
            if let Some(count) = self.identifiers.get_mut(identifier) {
                *count -= 1;
                if *count == 0 {
                    self.identifiers.remove(identifier);
                }
            }
        }
        Some(held)
    }

    /// Who has this identifier.
    fn of(&self, identifier: &Identifier) -> Vec<Held> {
        if !self.identifiers.contains_key(identifier) {
            return Vec::new();
        }
        self.by_name.values().filter(|held| held.identifiers.contains(identifier)).cloned().collect()
    }

    fn has_any(&self, identifiers: &[Identifier]) -> bool {
        !self.identifiers.is_empty()
            && identifiers.iter().any(|identifier| self.identifiers.contains_key(identifier))
    }

    /// Whether this name itself is held back: its owner never told anything that nobody else can have.
    fn has_name(&self, folded: &str) -> bool {
        self.by_name.get(folded).is_some_and(|held| !held.identifiers.iter().any(Identifier::is_proof))
    }

    fn names(&self) -> Vec<Arc<str>> {
        self.by_name.values().map(|held| held.display.clone()).collect()
    }
}

/// What hosts have decided.
#[derive(Debug, Default)]
pub(crate) struct Moderation {
    /// What holds for everybody. Change it with [`Moderation::set`].
    settings: Settings,
    muted: HoldList,
    removed: HoldList,
    /// When who has spoken last, in ms since 1970: for slow mode.
    spoken: HashMap<Identifier, i64>,
    /// What hosts did, the newest first.
    actions: VecDeque<HostAction>,
    /// Who waits for a reset link, as the accounts know it.
    pub reset_requests: Vec<ResetRequest>,
    changes: Vec<HostChange>,
}

impl Moderation {
    /// What the store has kept; the actions with the newest first.
    pub(crate) fn new(settings: Settings, held: Vec<(Hold, Held)>, actions: Vec<HostAction>) -> Moderation {
        let mut moderation = Moderation { settings, actions: actions.into(), ..Moderation::default() };
        for (hold, held) in held {
            moderation.list_mut(hold).insert(held);
        }
        moderation
    }

    /// What holds for everybody.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Changes what holds for everybody; whether that changed anything.
    pub(crate) fn set(&mut self, change: impl FnOnce(&mut Settings)) -> bool {
        let mut settings = self.settings.clone();
        change(&mut settings);
        let changed = settings != self.settings;
        if changed {
            self.settings = settings.clone();
            self.changes.push(HostChange::Settings(settings));
        }
        changed
    }

    /// Holds somebody back, by all that they are known by now and were before.
    ///
    /// # Errors
    /// `bad_request` when as many as can be are.
    pub(crate) fn hold(&mut self, hold: Hold, held: Held) -> Result<(), Refusal> {
        let list = self.list_mut(hold);
        if list.by_name.len() >= limits::HELD_BACK && !list.by_name.contains_key(&held.folded) {
            let reason =
                format!("{} people are held back already: let some of them back first.", limits::HELD_BACK);
            return Err(Refusal::new(ErrorCode::BadRequest, reason));
        }
        let held = list.insert(held);
        self.changes.push(HostChange::Hold(hold, held));
        Ok(())
    }

    /// Who is held back by one identifier is from now on by another as well: both are the same person's.
    pub(crate) fn follow(&mut self, known: Identifier, also: Identifier) {
        for hold in [Hold::Mute, Hold::Ban] {
            for mut held in self.list_mut(hold).of(&known) {
                held.identifiers.insert(also.clone());
                let held = self.list_mut(hold).insert(held);
                self.changes.push(HostChange::Hold(hold, held));
            }
        }
    }

    /// Lets somebody back by the name they had; the name as it was shown. None if they were not held back.
    pub(crate) fn release(&mut self, hold: Hold, folded: &str) -> Option<Arc<str>> {
        let held = self.list_mut(hold).remove(folded)?;
        self.changes.push(HostChange::Release(hold, held.folded));
        Some(held.display)
    }

    /// Whether who has this name and these identifiers may not write.
    pub(crate) fn is_muted(&self, folded: &str, identifiers: &[Identifier]) -> bool {
        self.muted.has_any(identifiers) || self.muted.has_name(folded)
    }

    /// Whether who has one of these identifiers may not be here.
    pub(crate) fn is_removed(&self, identifiers: &[Identifier]) -> bool {
        self.removed.has_any(identifiers)
    }

    /// Whether somebody with this name was removed: nobody takes it until they are let back in.
    pub(crate) fn is_name_out(&self, folded: &str) -> bool {
        self.removed.by_name.contains_key(folded)
    }

    /// Who is muted, and who is out, as the room showed them.
    pub(crate) fn held_back(&self) -> (Vec<Arc<str>>, Vec<Arc<str>>) {
        (self.muted.names(), self.removed.names())
    }

    /// Whether somebody may write now; from then on the time of slow mode runs for all that they are known as.
    ///
    /// # Errors
    /// `locked`, `muted` or `slow_mode`.
    pub(crate) fn speak(
        &mut self,
        is_muted: bool,
        speakers: impl IntoIterator<Item = Identifier>,
        now_ms: i64,
    ) -> Result<(), Refusal> {
        if self.settings.locked {
            return Err(Refusal::new(ErrorCode::Locked, "The host has locked the room."));
        }
        if is_muted {
            return Err(Refusal::new(ErrorCode::Muted, "The host has muted you."));
        }
        let pause_ms = i64::from(self.settings.slow_mode_seconds) * 1000;
        if pause_ms == 0 {
            return Ok(());
        }
        let speakers: Vec<Identifier> = speakers.into_iter().collect();
        let last_ms = speakers.iter().filter_map(|speaker| self.spoken.get(speaker)).max();
        let next_ms = last_ms.map_or(now_ms, |last| last + pause_ms);
        if now_ms < next_ms {
            let reason = format!(
                "Slow mode: one message every {} seconds. The next one in {}.",
                self.settings.slow_mode_seconds,
                (next_ms - now_ms + 999) / 1000
            );
            let retry_after_ms = Some((next_ms - now_ms).unsigned_abs());
            return Err(Refusal { retry_after_ms, ..Refusal::new(ErrorCode::SlowMode, reason) });
        }
        for speaker in speakers {
            if self.spoken.len() >= limits::SLOW_MODE_SPEAKERS {
                self.forget_speakers(now_ms, pause_ms);
            }
            self.spoken.insert(speaker, now_ms);
        }
        Ok(())
    }

    /// What was said from then on was not stored: for slow mode it was not said.
    pub(crate) fn unspeak(&mut self, since_ms: i64) {
        self.spoken.retain(|_, last| *last < since_ms);
    }

    /// Those whose pause is over; and of the others a part, which spoke longest ago: a whole scan then pays for many.
    fn forget_speakers(&mut self, now_ms: i64, pause_ms: i64) {
        let mut times: Vec<i64> = self.spoken.values().copied().collect();
        times.sort_unstable();
        let oldest_ms = times.get(limits::SLOW_MODE_SPEAKERS / 16).copied().unwrap_or(now_ms);
        self.spoken.retain(|_, last| now_ms < *last + pause_ms && *last > oldest_ms);
    }

    /// Notes what a host did.
    pub(crate) fn note(&mut self, action: HostAction) {
        self.actions.push_front(action.clone());
        self.actions.truncate(limits::HOST_ACTIONS_SHOWN);
        self.changes.push(HostChange::Action(action));
    }

    /// What hosts did, the newest first.
    pub(crate) fn actions(&self) -> &VecDeque<HostAction> {
        &self.actions
    }

    /// What has to be stored since the last call.
    pub(crate) fn take_changes(&mut self) -> Vec<HostChange> {
        std::mem::take(&mut self.changes)
    }

    /// All that holds, to be stored anew after changes were lost: who was held back, and who was let back.
    pub(crate) fn all(&self) -> Vec<HostChange> {
        let lists = [(Hold::Mute, &self.muted), (Hold::Ban, &self.removed)];
        let held =
            lists.iter().flat_map(|(hold, list)| list.by_name.values().map(|held| (*hold, held.clone())));
        vec![HostChange::Settings(self.settings.clone()), HostChange::AllHeld(held.collect())]
    }

    fn list_mut(&mut self, hold: Hold) -> &mut HoldList {
        match hold {
            Hold::Mute => &mut self.muted,
            Hold::Ban => &mut self.removed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Identifier = Identifier::Guest([1; 32]);
    const TAB: Identifier = Identifier::Tab([2; 32]);

    fn held(name: &str, identifiers: &[Identifier]) -> Held {
        Held { folded: name.into(), display: name.into(), identifiers: identifiers.iter().cloned().collect() }
    }

    fn known(identifier: Identifier) -> [Identifier; 1] {
        [identifier]
    }

    #[test]
    fn who_is_held_back_is_known_by_any_mark_and_by_the_name_only_without_proof() {
        let mut moderation = Moderation::default();
        moderation.hold(Hold::Mute, held("ana", &[KEY, TAB])).expect("room for one");
        moderation.hold(Hold::Mute, held("ben", &[TAB])).expect("room for two");
        assert!(moderation.is_muted("cleo", &[KEY]) && moderation.is_muted("cleo", &[TAB]));
        assert!(!moderation.is_muted("ana", &[]), "somebody else, who only has her name");
        assert!(moderation.is_muted("ben", &[]), "nobody has proved to be Ben");
        assert!(!moderation.is_removed(&[KEY]));
        moderation.release(Hold::Mute, "ana").expect("was muted");
        assert!(!moderation.is_muted("ana", &[KEY]) && moderation.is_muted("ana", &[TAB]), "Ben's tab too");
        assert_eq!(moderation.release(Hold::Mute, "ana"), None);
    }

    #[test]
    fn held_back_twice_is_known_by_all_marks_and_let_back_once() {
        let mut moderation = Moderation::default();
        moderation.hold(Hold::Ban, held("ana", &[KEY])).expect("room");
        moderation.hold(Hold::Ban, held("ana", &[TAB])).expect("room");
        assert!(moderation.is_removed(&[KEY]) && moderation.is_removed(&[TAB]));
        assert!(moderation.is_name_out("ana"));
        moderation.release(Hold::Ban, "ana").expect("was out");
        assert!(!moderation.is_removed(&[KEY, TAB]) && !moderation.is_name_out("ana"));
    }

    #[test]
    fn a_mark_that_turns_out_to_be_theirs_holds_as_long_as_the_one_it_follows() {
        let mut moderation = Moderation::default();
        let account = Identifier::Account(1);
        moderation.hold(Hold::Mute, held("ana", &[KEY])).expect("room");
        moderation.hold(Hold::Ban, held("ben", &[TAB])).expect("room");
        moderation.take_changes();
        moderation.follow(KEY, account.clone());
        assert!(
            moderation.is_muted("zoe", std::slice::from_ref(&account))
                && !moderation.is_removed(std::slice::from_ref(&account))
        );
        let stored = HostChange::Hold(Hold::Mute, held("ana", &[KEY, account.clone()]));
        assert_eq!(moderation.take_changes(), [stored]);
        moderation.release(Hold::Mute, "ana").expect("was muted");
        assert!(!moderation.is_muted("zoe", &[KEY, account.clone()]));
    }

    #[test]
    fn slow_mode_counts_from_the_last_message_of_each() {
        let mut moderation = Moderation::default();
        moderation.set(|settings| settings.slow_mode_seconds = 10);
        moderation.speak(false, known(KEY), 1_000).expect("the first");
        let refusal = moderation.speak(false, known(KEY), 4_500).expect_err("too early");
        assert_eq!((refusal.code, refusal.retry_after_ms), (ErrorCode::SlowMode, Some(6_500)));
        moderation.speak(false, known(TAB), 4_500).expect("somebody else");
        moderation.speak(false, known(KEY), 11_000).expect("in time");
        moderation.set(|settings| settings.slow_mode_seconds = 0);
        moderation.speak(false, known(KEY), 11_001).expect("no slow mode");
    }

    #[test]
    fn only_so_many_speakers_are_remembered_and_the_latest_of_them() {
        let mut moderation = Moderation::default();
        moderation.set(|settings| settings.slow_mode_seconds = 3_600);
        for number in 0..limits::SLOW_MODE_SPEAKERS as i64 + 100 {
            let name = Identifier::Name(number.to_string().into());
            moderation.speak(false, [name], number).expect("somebody new");
            assert!(moderation.spoken.len() <= limits::SLOW_MODE_SPEAKERS);
        }
        let last = Identifier::Name((limits::SLOW_MODE_SPEAKERS + 99).to_string().into());
        moderation.speak(false, [last], 1_000_000).expect_err("too early");
    }

    #[test]
    fn locked_goes_before_muted_goes_before_slow() {
        let mut moderation = Moderation::default();
        moderation
            .set(|settings| *settings = Settings { locked: true, slow_mode_seconds: 5, ..settings.clone() });
        let code = |moderation: &mut Moderation, muted| {
            moderation.speak(muted, known(KEY), 0).err().map(|it| it.code)
        };
        assert_eq!(code(&mut moderation, true), Some(ErrorCode::Locked));
        moderation.set(|settings| settings.locked = false);
        assert_eq!(code(&mut moderation, true), Some(ErrorCode::Muted));
        assert_eq!(code(&mut moderation, false), None, "neither refusal made the time run");
        assert_eq!(code(&mut moderation, false), Some(ErrorCode::SlowMode));
    }

    #[test]
    fn only_so_many_are_held_back() {
        let mut moderation = Moderation::default();
        for number in 0..limits::HELD_BACK {
            moderation.hold(Hold::Mute, held(&number.to_string(), &[])).expect("room");
        }
        let refusal = moderation.hold(Hold::Mute, held("one more", &[])).expect_err("full");
        assert_eq!(refusal.code, ErrorCode::BadRequest);
        moderation.hold(Hold::Mute, held("7", &[KEY])).expect("the same again");
    }

    #[test]
    fn what_changes_nothing_is_not_stored() {
        let mut moderation = Moderation::default();
        assert!(moderation.set(|settings| settings.locked = true));
        assert!(!moderation.set(|settings| settings.locked = true));
        assert_eq!(moderation.take_changes().len(), 1);
    }
}

//! Hosts' decisions, pure: who may write, who may come in, who is muted or out, and what was done.
//!
//! Somebody is known by [`Identifier`]s: the account, the browser's key, the tab's key, the address. Slow mode counts by the
//! name beside the surest of them.

use std::collections::VecDeque;
use std::hash::RandomState;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hashlink::LruCache;

use super::held_back::HeldBackList;
use super::kept::{HeldBack, Hold, Identifier, RoomChange, Settings};
use crate::limits;
use crate::protocol::names::Name;
use crate::protocol::{HostAction, Reason, Refusal, ResetRequest};

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
mod tests {
    use super::*;
    use crate::protocol::ErrorCode;

    const KEY: Identifier = Identifier::Guest([1; 32]);
    const TAB: Identifier = Identifier::Tab([2; 32]);

    fn moderation() -> Moderation {
        Moderation::new(Settings::default(), Vec::new(), Vec::new())
    }

    fn name(text: &str) -> Name {
        Name::stored(text.into(), text.into())
    }

    fn held(text: &str, identifiers: &[Identifier]) -> HeldBack {
        HeldBack { name: name(text), identifiers: identifiers.iter().cloned().collect() }
    }

    fn known(identifier: Identifier) -> [Identifier; 1] {
        [identifier]
    }

    #[test]
    fn who_is_held_back_is_known_by_any_mark_and_by_the_name_only_without_proof() {
        let mut moderation = moderation();
        moderation.hold(Hold::Mute, held("ana", &[KEY, TAB])).expect("room for one");
        moderation.hold(Hold::Mute, held("ben", &[TAB])).expect("room for two");
        assert!(moderation.is_muted("cleo", &[KEY]) && moderation.is_muted("cleo", &[TAB]));
        assert!(!moderation.is_muted("ana", &[]), "somebody else, who only has her name");
        assert!(moderation.is_muted("ben", &[]), "nobody has proved to be Ben");
        assert!(!moderation.is_removed(&[KEY]));
        moderation.release(Hold::Mute, &name("ana")).expect("was muted");
        assert!(!moderation.is_muted("ana", &[KEY]) && moderation.is_muted("ana", &[TAB]), "Ben's tab too");
        assert_eq!(moderation.release(Hold::Mute, &name("ana")), None);
    }

    #[test]
    fn held_back_twice_is_known_by_all_marks_and_let_back_once() {
        let mut moderation = moderation();
        moderation.hold(Hold::Ban, held("ana", &[KEY])).expect("room");
        moderation.hold(Hold::Ban, held("ana", &[TAB])).expect("room");
        assert!(moderation.is_removed(&[KEY]) && moderation.is_removed(&[TAB]));
        assert!(moderation.is_name_out("ana"));
        moderation.release(Hold::Ban, &name("ana")).expect("was out");
        assert!(!moderation.is_removed(&[KEY, TAB]) && !moderation.is_name_out("ana"));
    }

    #[test]
    fn nobody_new_looks_like_who_is_out() {
        let mut moderation = moderation();
        moderation.hold(Hold::Ban, held("paula", &[KEY])).expect("room");
        moderation.hold(Hold::Ban, held("paula", &[TAB])).expect("room");
        moderation.hold(Hold::Mute, held("ivan", &[])).expect("room");
        assert!(moderation.is_look_out(&name("Раula")) && moderation.is_look_out(&name("pauIa")));
        assert!(!moderation.is_look_out(&name("Paul")) && !moderation.is_look_out(&name("lvan")));
        moderation.release(Hold::Ban, &name("paula")).expect("was out");
        assert!(!moderation.is_look_out(&name("Раula")));
    }

    #[test]
    fn a_mark_that_turns_out_to_be_theirs_holds_as_long_as_the_one_it_follows() {
        let mut moderation = moderation();
        let account = Identifier::Account(1);
        moderation.hold(Hold::Mute, held("ana", &[KEY])).expect("room");
        moderation.hold(Hold::Ban, held("ben", &[TAB])).expect("room");
        moderation.take_changes();
        moderation.follow(&KEY, &account);
        assert!(
            moderation.is_muted("zoe", std::slice::from_ref(&account))
                && !moderation.is_removed(std::slice::from_ref(&account))
        );
        let stored = RoomChange::Hold(Hold::Mute, held("ana", &[KEY, account.clone()]));
        assert_eq!(moderation.take_changes(), [stored]);
        moderation.release(Hold::Mute, &name("ana")).expect("was muted");
        assert!(!moderation.is_muted("zoe", &[KEY, account.clone()]));
    }

    #[test]
    fn slow_mode_counts_from_the_last_message_of_each() {
        let (mut moderation, start) = (moderation(), Instant::now());
        let after = |ms| Some(start + Duration::from_millis(ms));
        moderation.set(|settings| settings.slow_mode_seconds = 10);
        moderation.speak(false, known(KEY), after(1_000)).expect("the first");
        let refusal = moderation.speak(false, known(KEY), after(4_500)).expect_err("too early");
        assert_eq!((refusal.code, refusal.retry_after_ms), (ErrorCode::SlowMode, Some(6_500)));
        moderation.speak(false, known(TAB), after(4_500)).expect("somebody else");
        moderation.speak(false, known(KEY), after(11_000)).expect("in time");
        moderation.unspeak(start + Duration::from_millis(11_000));
        moderation.speak(false, known(KEY), after(11_001)).expect("it was not stored");
        moderation.speak(false, known(TAB), after(11_001)).expect_err("this one was");
        moderation.set(|settings| settings.slow_mode_seconds = 0);
        moderation.speak(false, known(KEY), after(11_001)).expect("no slow mode");
    }

    #[test]
    fn only_so_many_speakers_are_remembered_and_the_latest_of_them() {
        let (mut moderation, start) = (moderation(), Instant::now());
        moderation.set(|settings| settings.slow_mode_seconds = 3_600);
        for number in 0..limits::SLOW_MODE_SPEAKERS as u64 + 100 {
            let name = Identifier::Name(number.to_string().into());
            let now = Some(start + Duration::from_millis(number));
            moderation.speak(false, [name], now).expect("somebody new");
            assert!(moderation.spoken.len() <= limits::SLOW_MODE_SPEAKERS);
        }
        let later = Some(start + Duration::from_secs(1_000));
        let mut speaks_again = |number: usize| {
            moderation.speak(false, [Identifier::Name(number.to_string().into())], later).is_ok()
        };
        assert!(!speaks_again(limits::SLOW_MODE_SPEAKERS + 99) && !speaks_again(100), "they are remembered");
        assert!(speaks_again(99), "who spoke before them is not");
    }

    #[test]
    fn locked_goes_before_muted_goes_before_slow() {
        let (mut moderation, now) = (moderation(), Instant::now());
        moderation
            .set(|settings| *settings = Settings { locked: true, slow_mode_seconds: 5, ..settings.clone() });
        let code = |moderation: &mut Moderation, muted| {
            moderation.speak(muted, known(KEY), Some(now)).err().map(|it| it.code)
        };
        assert_eq!(code(&mut moderation, true), Some(ErrorCode::Locked));
        moderation.set(|settings| settings.locked = false);
        assert_eq!(code(&mut moderation, true), Some(ErrorCode::Muted));
        assert_eq!(code(&mut moderation, false), None, "neither refusal made the time run");
        assert_eq!(code(&mut moderation, false), Some(ErrorCode::SlowMode));
    }

    #[test]
    fn only_so_many_are_held_back() {
        let mut moderation = moderation();
        for number in 0..limits::HELD_BACK {
            moderation.hold(Hold::Mute, held(&number.to_string(), &[])).expect("room");
        }
        let refusal = moderation.hold(Hold::Mute, held("one more", &[])).expect_err("full");
        assert_eq!(refusal.code, ErrorCode::BadRequest);
        moderation.hold(Hold::Mute, held("7", &[KEY])).expect("the same again");
    }

    #[test]
    fn what_changes_nothing_is_not_stored() {
        let mut moderation = moderation();
        assert!(moderation.set(|settings| settings.locked = true));
        assert!(!moderation.set(|settings| settings.locked = true));
        assert_eq!(moderation.take_changes().len(), 1);
    }
}

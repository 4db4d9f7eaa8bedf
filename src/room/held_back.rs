//! Everybody who is held back in one way, found by what they are known by.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::kept::{HeldBack, Identifier};
use super::looks::Looks;
use crate::limits;
use crate::protocol::names::Name;

#[derive(Debug, Default)]
pub(super) struct HeldBackList {
    /// By folded name.
    by_name: BTreeMap<Arc<str>, HeldBack>,
    /// All of theirs.
    identifiers: HashSet<Identifier>,
    looks: Looks,
}

impl HeldBackList {
    /// Holds somebody back by these identifiers and those known before: all of them come back, or the surest of very many.
    pub(super) fn insert(&mut self, mut somebody: HeldBack) -> HeldBack {
        let before = self.by_name.remove(somebody.name.folded());
        before.iter().for_each(|before| self.looks.remove(&before.name));
        self.looks.insert(&somebody.name);
        somebody.identifiers.extend(before.into_iter().flat_map(|before| before.identifiers));
        while somebody.identifiers.len() > limits::HELD_BACK_IDENTIFIERS {
            somebody.identifiers.pop_last();
        }
        self.identifiers.extend(somebody.identifiers.iter().cloned());
        self.by_name.insert(somebody.name.shared_folded(), somebody.clone());
        somebody
    }

    pub(super) fn remove(&mut self, folded: &str) -> Option<HeldBack> {
        let somebody = self.by_name.remove(folded)?;
        self.looks.remove(&somebody.name);
        // Others may have some of the same.
        self.identifiers = self.by_name.values().flat_map(|left| left.identifiers.iter().cloned()).collect();
        Some(somebody)
    }

    /// The folded name of who is shown so.
    pub(super) fn shown_as(&self, display: &str) -> Option<Arc<str>> {
        let somebody = self.by_name.values().find(|somebody| somebody.name.display() == display)?;
        Some(somebody.name.shared_folded())
    }

    /// Everybody with this identifier.
    pub(super) fn of(&self, identifier: &Identifier) -> Vec<HeldBack> {
        self.all().filter(|somebody| somebody.identifiers.contains(identifier)).collect()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = HeldBack> {
        self.by_name.values().cloned()
    }

    pub(super) fn is_full(&self) -> bool {
        self.by_name.len() >= limits::HELD_BACK
    }

    pub(super) fn has(&self, folded: &str) -> bool {
        self.by_name.contains_key(folded)
    }

    /// Whether somebody new under this name would be taken for one of them.
    pub(super) fn has_look_of(&self, newcomer: &Name) -> bool {
        self.looks.alike(newcomer).next().is_some()
    }

    pub(super) fn has_any(&self, identifiers: &[Identifier]) -> bool {
        identifiers.iter().any(|identifier| self.identifiers.contains(identifier))
    }

    /// Whether this name itself is held back: its owner never told anything that nobody else can have.
    pub(super) fn is_by_name(&self, folded: &str) -> bool {
        self.by_name
            .get(folded)
            .is_some_and(|somebody| !somebody.identifiers.iter().any(Identifier::is_proof))
    }

    /// Whom somebody with one of these identifiers was held back as; or with this name.
    pub(super) fn name_of(&self, folded: &str, identifiers: &[Identifier]) -> Option<Arc<str>> {
        let is_theirs = |it: &&HeldBack| identifiers.iter().any(|one| it.identifiers.contains(one));
        let somebody = self.by_name.values().find(is_theirs).or_else(|| self.by_name.get(folded))?;
        Some(somebody.name.shared_display())
    }

    /// As the room showed them.
    pub(super) fn names(&self) -> Vec<Arc<str>> {
        self.by_name.values().map(|somebody| somebody.name.shared_display()).collect()
    }
}

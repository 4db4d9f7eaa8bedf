//! Whom somebody new could be taken for, found by what names look like; pure.
//!
//! An index, not a walk over everybody: a room may have 100,000 members, and the hub asks for each who comes. It holds a number
//! for each name, and few have the same one.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use crate::protocol::look_alikes::{Picture, key};
use crate::protocol::names::Name;

#[derive(Debug, Default)]
pub(super) struct Looks {
    /// The number of a name's key, the folded name and the shown one.
    all: BTreeSet<(u64, Arc<str>, Arc<str>)>,
    hasher: RandomState,
    is_near: bool,
}

impl Looks {
    /// One in which punctuation, spaces and symbols make no difference.
    pub(super) fn near() -> Looks {
        Looks { is_near: true, ..Looks::default() }
    }

    pub(super) fn insert(&mut self, name: &Name) {
        self.all.insert(self.entry(name));
    }

    /// Ends what [`Looks::insert`] began, with the same name in the same spelling.
    pub(super) fn remove(&mut self, name: &Name) {
        self.all.remove(&self.entry(name));
    }

    /// The folded names of all whom somebody new under this one could be taken for.
    pub(super) fn alike(&self, newcomer: &Name) -> impl Iterator<Item = &str> {
        let picture = Picture::of(newcomer.display(), self.is_near);
        let (number, least) = (self.hasher.hash_one(picture.key()), Arc::<str>::default());
        self.all
            .range((number, least.clone(), least)..)
            .take_while(move |(other, _, _)| *other == number)
            .filter(move |(_, _, shown)| picture.passes_for(shown))
            .map(|(_, folded, _)| &**folded)
    }

    fn entry(&self, name: &Name) -> (u64, Arc<str>, Arc<str>) {
        let number = self.hasher.hash_one(key(name.display(), self.is_near).as_str());
        (number, name.shared_folded(), name.shared_display())
    }
}

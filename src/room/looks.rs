//! Whom somebody new could be taken for, found by what names look like; pure.
//!
//! An index, not a walk over everybody: a room may have 100,000 members, and the hub asks for each who comes. It holds a number
//! for each look of a name, as few names have more than three.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use crate::protocol::look_alikes::bare;
use crate::protocol::names::Name;

#[derive(Debug, Default)]
pub(super) struct Looks {
    /// A look's number and the folded name.
    all: BTreeSet<(u64, Arc<str>)>,
    hasher: RandomState,
    is_bare: bool,
}

impl Looks {
    /// One in which punctuation and spaces make no difference.
    pub(super) fn without_punctuation() -> Looks {
        Looks { is_bare: true, ..Looks::default() }
    }

    pub(super) fn insert(&mut self, name: &Name) {
        for look in name.looks() {
            self.all.insert((self.number(&look), name.shared_folded()));
        }
    }

    /// Ends what [`Looks::insert`] began, with the same name in the same spelling.
    pub(super) fn remove(&mut self, name: &Name) {
        for look in name.looks() {
            self.all.remove(&(self.number(&look), name.shared_folded()));
        }
    }

    /// The folded names that one of these looks could be taken for.
    pub(super) fn alike<'a>(&'a self, seen: &'a [String]) -> impl Iterator<Item = &'a str> {
        let least = Arc::<str>::default();
        seen.iter().flat_map(move |look| {
            let number = self.number(look);
            self.all
                .range((number, least.clone())..)
                .take_while(move |(other, _)| *other == number)
                .map(|(_, folded)| &**folded)
        })
    }

    fn number(&self, look: &str) -> u64 {
        match self.is_bare {
            true => self.hasher.hash_one(bare(look)),
            false => self.hasher.hash_one(look),
        }
    }
}

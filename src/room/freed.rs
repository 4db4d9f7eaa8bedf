//! Names that hosts have freed: for a while they are for anybody but who has just lost them; pure.

use std::collections::VecDeque;
use std::time::Instant;

use super::kept::Identifier;
use super::looks::Looks;
use crate::limits;
use crate::protocol::names::Name;

/// The newest [`limits::FREED_NAMES`], the oldest first. They are forgotten with a restart.
#[derive(Debug, Default)]
pub(crate) struct Freed(VecDeque<Lost>);

#[derive(Debug)]
struct Lost {
    /// The one name, to find what looks like it.
    looks: Looks,
    /// What its owner was known by.
    identifiers: Vec<Identifier>,
    until: Instant,
}

impl Freed {
    /// Somebody with these identifiers loses this name now.
    pub(crate) fn insert(&mut self, name: &Name, identifiers: Vec<Identifier>, now: Instant) {
        let mut looks = Looks::near();
        looks.insert(name);
        if self.0.len() >= limits::FREED_NAMES {
            self.0.pop_front();
        }
        self.0.push_back(Lost { looks, identifiers, until: now + limits::FREED });
    }

    /// What those were known by who have lost it lately.
    pub(crate) fn identifiers_of(&self, name: &Name, now: Instant) -> Vec<Identifier> {
        let is_it = |lost: &&Lost| lost.until > now && lost.looks.alike(name).next().is_some();
        self.0.iter().filter(is_it).flat_map(|lost| lost.identifiers.iter().cloned()).collect()
    }

    /// Whether it was lost lately, or one that looks like it, by somebody with one of these identifiers.
    pub(crate) fn is_lost_by(&self, name: &Name, identifiers: &[Identifier], now: Instant) -> bool {
        let is_theirs =
            |lost: &&Lost| lost.until > now && lost.identifiers.iter().any(|one| identifiers.contains(one));
        self.0.iter().filter(is_theirs).any(|lost| lost.looks.alike(name).next().is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: Identifier = Identifier::Guest([1; 32]);

    fn name(text: &str) -> Name {
        Name::parse(text).expect("a name")
    }

    #[test]
    fn a_name_is_lost_for_a_while_in_every_look_by_who_had_it_alone() {
        let (mut freed, now) = (Freed::default(), Instant::now());
        freed.insert(&name("Anna"), vec![Identifier::Account(1), MARK], now);
        for text in ["Anna", "ANNA", "Anna.", "Аnnа"] {
            assert!(freed.is_lost_by(&name(text), &[MARK], now), "{text}");
            assert!(!freed.is_lost_by(&name(text), &[Identifier::Guest([2; 32])], now), "{text}");
            assert!(!freed.is_lost_by(&name(text), &[MARK], now + limits::FREED), "{text}");
        }
        assert!(!freed.is_lost_by(&name("Hanna"), &[MARK], now));
        for number in 0..limits::FREED_NAMES {
            freed.insert(&name(&format!("Name {number}")), vec![MARK], now);
        }
        assert!(!freed.is_lost_by(&name("Anna"), &[MARK], now), "the memory is bounded");
    }
}

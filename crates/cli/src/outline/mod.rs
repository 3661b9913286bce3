//! A run as a tree of its parts, folded from its events.

mod draw;
mod line;
mod part;
mod voice;

use std::collections::HashMap;

use headwater::{
    Class, Event,
    catalogue::{self, Kind, Role},
};

pub(crate) use draw::Look;
pub(crate) use line::Line;
pub(crate) use part::{Part, State};
pub(crate) use voice::{Voice, delta_text};

/// What is known of a run after the events so far.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    parts: Vec<Part>,
    /// The last part of each kind at a subject.
    by_kind: HashMap<(Kind, String), usize>,
    /// Every part at a subject.
    by_subject: HashMap<String, Vec<usize>>,
    voice: Option<Voice>,
    durable: usize,
    transient: usize,
}

impl Outline {
    /// Takes the next event into account.
    pub(crate) fn apply(&mut self, event: &Event) {
        match event.class() {
            Class::Transient => self.transient += 1,
            Class::Durable | Class::Internal => self.durable += 1,
        }
        if let Some(text) = delta_text(event) {
            Voice::hear(&mut self.voice, event, &text);
        }
        let Some(entry) = catalogue::lookup_name(event.ty()) else {
            return;
        };
        let Some(kind) = entry.role.kind() else { return };
        let subject = event.subject().unwrap_or(event.stream());
        let known = self.by_kind.get(&(kind, subject.to_owned())).copied();
        let at = match (known, entry.role) {
            // A second opening at the same place is a part of its own, once the first is over.
            (Some(at), Role::Opens(_)) if self.parts[at].state != State::Open => {
                self.add(kind, subject, event)
            }
            (Some(at), _) => at,
            (None, _) => self.add(kind, subject, event),
        };
        self.parts[at].apply(event, entry);
    }

    /// How many events there were.
    pub(crate) fn events(&self) -> usize {
        self.durable + self.transient
    }

    /// How many of them were durable.
    pub(crate) fn durable(&self) -> usize {
        self.durable
    }

    /// How many of them were deltas and progress.
    pub(crate) fn transient(&self) -> usize {
        self.transient
    }

    /// How many parts there are, the run included.
    pub(crate) fn len(&self) -> usize {
        self.parts.len()
    }

    /// Parts that have not ended.
    pub(crate) fn open(&self) -> usize {
        self.parts.iter().filter(|part| part.state == State::Open).count()
    }

    /// Every part, in the order in which they began.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// What is being said, or was said last.
    pub(crate) fn voice(&self) -> Option<&Voice> {
        self.voice.as_ref()
    }

    fn add(&mut self, kind: Kind, subject: &str, event: &Event) -> usize {
        let at = self.parts.len();
        let parent = self.parent_of(kind, subject);
        self.parts.push(Part::new(kind, subject, parent, event));
        if let Some(parent) = parent {
            self.parts[parent].children.push(at);
        }
        self.by_kind.insert((kind, subject.to_owned()), at);
        self.by_subject.entry(subject.to_owned()).or_default().push(at);
        at
    }

    /// The part a new one belongs to: of another kind at the same subject while that is open, else the nearest above.
    fn parent_of(&self, kind: Kind, subject: &str) -> Option<usize> {
        let here = self.by_subject.get(subject).and_then(|all| {
            all.iter().rev().find(|&&at| self.parts[at].kind != kind && self.parts[at].state == State::Open)
        });
        if let Some(&at) = here {
            return Some(at);
        }
        let mut path = subject;
        while let Some((above, _)) = path.rsplit_once('/') {
            if let Some(&at) = self.by_subject.get(above).and_then(|all| all.last()) {
                return Some(at);
            }
            path = above;
        }
        None
    }
}

#[cfg(test)]
mod tests;

//! What is said: shown at once, and what was missed in one piece when no more of it comes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use chat_core::{Instant, Message, MessageId, PeerKey, Place, Stamp, UnixMillis};

use super::{Plain, show};
use crate::{
    engine::Engine,
    store::{Changed, Shown, Told},
};

/// What was missed is shown when nothing of it has come for so long ...
const QUIET: Duration = Duration::from_millis(400);
/// ... or after so long, or when it is so much, in several pieces.
const HELD_SPAN: Duration = Duration::from_secs(3);
const HELD_MAX: usize = 1000;

/// What came late, until it is shown.
#[derive(Debug, Default)]
pub(super) struct Missed {
    held: Vec<Told>,
    /// When the first and the last of it came.
    came: Option<(Instant, Instant)>,
}

/// Its place in the order that is the same for everybody.
fn order(told: &Told) -> (Stamp, PeerKey) {
    match told {
        Told::Message(shown) => (shown.message.stamp, shown.message.from),
        Told::Change(changed) => (changed.change.stamp, changed.change.from),
    }
}

/// What was said as it is by now, which the store knows, whatever order it came in: without what was taken back, and
/// without the changes that it has in it.
fn as_it_is(held: Vec<Told>, engine: &Engine) -> Vec<Told> {
    let ids = held.iter().filter_map(|told| match told {
        Told::Message(shown) => Some(shown.message.id),
        Told::Change(_) => None,
    });
    let ids: BTreeSet<MessageId> = ids.collect();
    // What a store that is full has not kept is shown as it came.
    let known: BTreeMap<MessageId, Shown> = engine
        .ask(move |store| {
            let find = |id| Some((id, store.find(id).ok()??));
            ids.into_iter().filter_map(find).collect()
        })
        .unwrap_or_default();
    let settled = held.into_iter().map(|told| match told {
        Told::Message(shown) => Told::Message(known.get(&shown.message.id).cloned().unwrap_or(shown)),
        change @ Told::Change(_) => change,
    });
    let is_shown = |told: &Told| match told {
        Told::Message(shown) => !shown.deleted,
        Told::Change(changed) => {
            changed.change.what.target().is_none_or(|target| !known.contains_key(&target))
        }
    };
    settled.filter(is_shown).collect()
}

impl Missed {
    fn hold(&mut self, now: Instant, held: Told) {
        self.held.push(held);
        self.came = Some((self.came.map_or(now, |(first, _)| first), now));
    }

    /// When it is to be shown.
    pub(super) fn due(&self) -> Option<Instant> {
        let (first, last) = self.came?;
        Some(if self.held.len() < HELD_MAX { (last + QUIET).min(first + HELD_SPAN) } else { first })
    }
}

impl Plain {
    pub(super) fn on_message(&mut self, now: Instant, message: Arc<Message>, engine: &mut Engine) {
        if let Place::Direct(key) = message.place {
            self.people.on_talk(key, message.from);
        }
        if message.late && !message.own && !self.people.trust(message.from).muted {
            self.missed.hold(now, Told::Message(Shown::new(0, message)));
        } else {
            self.show_said(&message, "", engine);
        }
    }

    /// An edit or the like. It comes after what it is about.
    pub(super) fn on_change(&mut self, now: Instant, changed: Box<Changed>) {
        if changed.change.late && !self.missed.held.is_empty() {
            self.missed.hold(now, Told::Change(changed));
        } else {
            self.show_change(&changed);
        }
    }

    pub(super) fn show_missed_when_due(&mut self, now: Instant, engine: &mut Engine) {
        if self.missed.due().is_some_and(|due| due <= now) {
            self.show_missed(engine);
        }
    }

    /// Shows what was missed, in the order in which it was said, between two lines that set it apart from what is said
    /// now.
    pub(super) fn show_missed(&mut self, engine: &mut Engine) {
        let mut held = as_it_is(std::mem::take(&mut self.missed).held, engine);
        held.sort_by_key(order);
        let mut messages = held.iter().filter_map(|held| match held {
            Told::Message(shown) => Some(&*shown.message),
            Told::Change(_) => None,
        });
        let (count, first, last) = (messages.clone().count(), messages.clone().next(), messages.next_back());
        let is_block = count > 1;
        if let (Some(first), Some(last), true) = (first, last, is_block) {
            let now = self.clock.wall();
            let [first, to] = [first, last].map(|message| self.show.time_of(message, now));
            let span = if first == to { format!("at {first}") } else { format!("{first} to {to}") };
            let before = UnixMillis(last.stamp.0 / 1000) < self.begun;
            let when = if before { "before you came" } else { "while you were apart" };
            self.notice(&format!("{count} messages from {when}, {span}:"));
        }
        for held in held {
            match held {
                Told::Message(shown) => {
                    let marks = show::marks(&shown).unwrap_or_default();
                    let late = if is_block { "" } else { " (came late)" };
                    self.show_said(&shown.message, &format!("{marks}{late}"), engine);
                }
                Told::Change(changed) => self.show_change(&changed),
            }
        }
        if is_block {
            self.notice("so much for what you missed");
        }
    }

    /// Shows what somebody has said, with `marks` behind it.
    fn show_said(&mut self, message: &Message, marks: &str, engine: &mut Engine) {
        if let Some(news) = self.clocks.news(message) {
            let whose = (message.from != self.people.own())
                .then(|| self.people.label(message.from, Some(&message.nick)));
            self.notice(&news.text(whose.as_deref()));
        }
        let is_muted = self.people.trust(message.from).muted;
        if !is_muted {
            self.warn_of_speaker(message);
        }
        let is_echoed = message.own && self.is_echoed && message.file.is_none();
        if is_echoed || is_muted {
            self.recall.push(message);
        } else {
            let is_offer = message.file.is_some() && message.from != self.people.own();
            let offer = match is_offer {
                true if self.comes_unasked(message) => "; it comes by itself, from somebody you verified",
                true => "; /accept fetches it",
                false => "",
            };
            let marks = format!("{offer}{marks}");
            self.show_message(message, (!marks.is_empty()).then_some(&marks));
        }
        if !is_muted {
            self.on_offer(message, engine);
        }
    }
}

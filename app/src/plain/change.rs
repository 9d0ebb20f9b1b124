//! Edits, deletions, reactions and topics: as they are typed, and as they are shown.

use chat_core::{Action, Change, Emoji, Message, PeerKey, Place, RoomName, Text, Topic, What};

use super::{Pending, Plain, act::NOWHERE, recall::Recalled};
use crate::{clean, engine::Engine, store::Changed};

/// For whoever changes something before anything was said.
const NOTHING: &str = "nothing was said that it could be about";

impl Plain {
    /// Lets what we said last say something else.
    pub(super) fn edit(&mut self, text: &str, engine: &mut Engine) -> Result<(), String> {
        let text = Text::new(text).map_err(|error| error.to_string())?;
        let Recalled { id: target, place, .. } = self.own_last()?;
        self.act(Action::Edit { place, target, text }, Pending::Change, engine);
        Ok(())
    }

    /// Takes back what we said last.
    pub(super) fn delete(&mut self, engine: &mut Engine) -> Result<(), String> {
        let Recalled { id: target, place, .. } = self.own_last()?;
        self.act(Action::Delete { place, target }, Pending::Change, engine);
        Ok(())
    }

    /// Reacts to what somebody said last.
    pub(super) fn react(
        &mut self,
        emoji: &str,
        who: Option<&str>,
        gone: bool,
        engine: &mut Engine,
    ) -> Result<(), String> {
        let emoji = Emoji::new(emoji).map_err(|error| error.to_string())?;
        let Recalled { id: target, place, .. } = self.others_last(who)?;
        self.act(Action::React { place, target, emoji, gone }, Pending::Change, engine);
        Ok(())
    }

    pub(super) fn set_topic(&mut self, topic: &str, engine: &mut Engine) -> Result<(), String> {
        let topic = Topic::new(topic).map_err(|error| error.to_string())?;
        let room = self.here.clone().ok_or(NOWHERE)?;
        self.act(Action::Topic { room, topic }, Pending::Change, engine);
        Ok(())
    }

    /// What the room where we write is about.
    pub(super) fn topic(&self, engine: &Engine) -> Result<String, String> {
        let room = self.here.clone().ok_or(NOWHERE)?;
        Ok(topic_of(&room, engine)
            .map_or_else(|| format!("{room} has no topic"), |topic| format!("{room}: {topic}")))
    }

    /// What `who`, or anybody else, said last.
    pub(super) fn others_last(&self, who: Option<&str>) -> Result<Recalled, String> {
        let key = who.map(|who| self.people.resolve(who)).transpose().map_err(|error| error.to_string())?;
        let own = self.people.own();
        let is_meant = |from: PeerKey| key.map_or(from != own, |key| from == key);
        self.recall.latest(is_meant).cloned().ok_or_else(|| NOTHING.into())
    }

    fn own_last(&self) -> Result<Recalled, String> {
        let own = self.people.own();
        self.recall.latest(|from| from == own).cloned().ok_or_else(|| NOTHING.into())
    }

    /// Shows a change that counts, as something that its author does.
    pub(super) fn show_change(&mut self, changed: &Changed) {
        let Changed { change, before, .. } = changed;
        let Some(text) = self.told(change, before.as_deref()) else { return };
        match &change.what {
            What::Edit { target, text } => self.recall.edit(*target, text),
            What::Delete { target } => self.recall.forget(*target),
            _ => {}
        }
        let shown = self.show.message(&as_message(change, text), None, &self.people, self.clock.wall());
        self.teller.tell(&shown.text);
    }

    fn told(&self, change: &Change, before: Option<&Message>) -> Option<String> {
        Some(match (&change.what, before) {
            (What::Edit { text, .. }, Some(before)) => {
                format!("corrects \"{}\" to: {text}", super::delivery::beginning(&before.text))
            }
            (What::Delete { .. }, Some(before)) => {
                format!("takes back what was said at {}", self.show.time_of(before, self.clock.wall()))
            }
            (What::React { emoji, gone, .. }, Some(before)) => {
                let verb = if *gone { "takes back" } else { "reacts" };
                let whom = self.people.label(before.from, Some(&before.nick));
                format!("{verb} {emoji} to {whom}: {}", super::delivery::beginning(&before.text))
            }
            (What::Topic(topic), _) if topic.as_str().is_empty() => String::from("removes the topic"),
            (What::Topic(topic), _) => format!("sets the topic: {topic}"),
            _ => return None,
        })
    }
}

/// What `room` is about, if anything.
pub(super) fn topic_of(room: &RoomName, engine: &Engine) -> Option<String> {
    let topics = engine.ask(|store| store.topics())?.ok()?;
    let topic = topics.get(&Place::Room(room.clone()))?.as_str();
    (!topic.is_empty()).then(|| clean::name(topic).into_owned())
}

/// A change as if its author had told of it.
fn as_message(change: &Change, text: String) -> Message {
    let Change { id, place, from, boot, nick, sent, stamp, late, own, .. } = change.clone();
    Message {
        id,
        place,
        from,
        boot,
        nick,
        text,
        action: true,
        reply: None,
        file: None,
        sent,
        stamp,
        late,
        own,
    }
}

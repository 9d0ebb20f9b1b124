//! Edits, deletions, reactions and topics: as they are typed, and as they are shown.

use chat_core::{Action, Change, Emoji, Message, Place, RoomName, Text, Topic, What};

use super::{Pending, Plain, act::NOWHERE, command::unquoted, recall::Recalled};
use crate::{clean, engine::Engine, store::Changed};

impl Plain {
    /// Lets what we said last, in the room where we write, say something else.
    pub(super) fn edit(&mut self, text: &str, engine: &mut Engine) -> Result<(), String> {
        // `/delete @NICK` is about what one person was told, so this may be meant for them, and would be said in the room.
        let addressee = text.strip_prefix('@').and_then(|rest| rest.split_whitespace().next());
        if let Some(Ok(key)) = addressee.map(|whom| self.people.resolve(whom))
            && self.own_last(&Place::Direct(key)).is_some()
        {
            let whom = self.people.label(key, None);
            return Err(format!(
                "nothing was corrected: what you told {whom} alone cannot be, /delete @{whom} takes it back; to correct what you \
                 said here, begin with another word"
            ));
        }
        let text = Text::new(text).map_err(|error| error.to_string())?;
        let room = self.here.clone().ok_or(NOWHERE)?;
        let last = self.own_last(&Place::Room(room.clone()));
        let Recalled { id: target, place, offers, text: name, .. } =
            last.ok_or_else(|| format!("nothing of yours in {room} to correct"))?;
        if offers {
            let name = clean::name(&name);
            return Err(format!(
                "nothing was corrected: what you said last is a file; /stop {name} withdraws it, and /file offers another"
            ));
        }
        self.act(Action::Edit { place, target, text }, Pending::Change, engine);
        Ok(())
    }

    /// Takes back what we said last in the room where we write, or to `whom` alone.
    pub(super) fn delete(&mut self, whom: Option<&str>, engine: &mut Engine) -> Result<(), String> {
        let (place, nothing) = match whom {
            Some(whom) => {
                let key = self.people.resolve(whom).map_err(|error| error.to_string())?;
                let whom = self.people.label(key, None);
                (Place::Direct(key), format!("nothing that you told {whom} alone to take back"))
            }
            None => {
                let room = self.here.clone().ok_or(NOWHERE)?;
                let nothing = format!(
                    "nothing of yours in {room} to take back; /delete @NICK is for what you told one person"
                );
                (Place::Room(room), nothing)
            }
        };
        let Recalled { id: target, place, .. } = self.own_last(&place).ok_or(nothing)?;
        self.act(Action::Delete { place, target }, Pending::Change, engine);
        Ok(())
    }

    /// Reacts to what somebody said last in the room where we write, or to us alone.
    pub(super) fn react(
        &mut self,
        emoji: &str,
        who: Option<&str>,
        gone: bool,
        engine: &mut Engine,
    ) -> Result<(), String> {
        let emoji = Emoji::new(emoji).map_err(|error| error.to_string())?;
        let Recalled { id: target, place, .. } = self.others_last(who, "to react to")?;
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

    /// What `who`, or anybody else, said last in the room where we write: what stands elsewhere is for other readers. What
    /// `@who` said to us alone.
    pub(super) fn others_last(&self, who: Option<&str>, what_for: &str) -> Result<Recalled, String> {
        if let Some(whom) = who.and_then(|who| who.strip_prefix('@')) {
            let key = self.people.resolve(unquoted(whom)).map_err(|error| error.to_string())?;
            let last = self.recall.latest(&Place::Direct(key), |from| from == key).cloned();
            let nothing = || format!("{} told you nothing alone {what_for}", self.people.label(key, None));
            return last.ok_or_else(nothing);
        }
        let key = who.map(|who| self.people.resolve(who)).transpose().map_err(|error| error.to_string())?;
        let (own, room) = (self.people.own(), self.here.clone().ok_or(NOWHERE)?);
        let last =
            self.recall.latest(&Place::Room(room.clone()), |from| key.map_or(from != own, |key| from == key));
        last.cloned().ok_or_else(|| match key {
            Some(key) => format!("nothing of {} in {room} {what_for}", self.people.label(key, None)),
            None => format!("nothing of anybody else in {room} {what_for}"),
        })
    }

    fn own_last(&self, place: &Place) -> Option<Recalled> {
        let own = self.people.own();
        self.recall.latest(place, |from| from == own).cloned()
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
        self.rest = shown.rest.or(self.rest.take());
    }

    fn told(&self, change: &Change, before: Option<&Message>) -> Option<String> {
        Some(match (&change.what, before) {
            (What::Edit { text, .. }, Some(before)) => {
                format!("corrects \"{}\" to: {text}", super::delivery::beginning(&before.text))
            }
            // Only who said it sees again what it was.
            (What::Delete { .. }, Some(before)) if change.from == self.people.own() => {
                let at = self.show.time_of(before, self.clock.wall());
                format!("takes back \"{}\", said at {at}", super::delivery::beginning(&before.text))
            }
            (What::Delete { .. }, Some(before)) => {
                let what = if before.file.is_some() { "a file offered" } else { "what was said" };
                format!("takes back {what} at {}", self.show.time_of(before, self.clock.wall()))
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

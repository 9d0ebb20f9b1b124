//! The lines about what was said and what became of it.

use std::collections::BTreeMap;

use chat_core::{MessageId, Nick, PeerKey, Place, Trust, What};
use serde::Serialize;

use super::{
    files::Offered,
    line::{Line, Room, is_false},
};
use crate::{
    clean,
    store::{Changed, Cursor, Shown, Told},
};

/// Clocks that differ by less are as good as equal.
const SKEW_MS: i64 = 1000;

#[derive(Debug, Serialize)]
pub(crate) struct Said<'a> {
    id: String,
    room: String,
    from: From<'a>,
    text: String,
    #[serde(skip_serializing_if = "is_false")]
    action: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<Offered>,
    #[serde(skip_serializing_if = "is_false")]
    edited: bool,
    #[serde(skip_serializing_if = "is_false")]
    deleted: bool,
    /// For each emoji, who feels it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    reactions: BTreeMap<&'a str, Vec<String>>,
    sent_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    skew_ms: Option<i64>,
    late: bool,
    own: bool,
    cursor: Cursor,
    #[serde(skip_serializing_if = "is_false")]
    replay: bool,
}

/// An edit, a deletion or a reaction.
#[derive(Debug, Serialize)]
pub(crate) struct About<'a> {
    id: String,
    room: String,
    from: From<'a>,
    target: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    emoji: Option<&'a str>,
    #[serde(skip_serializing_if = "is_false")]
    removed: bool,
    sent_ms: u64,
    late: bool,
    cursor: Cursor,
}

#[derive(Debug, Serialize)]
struct From<'a> {
    nick: &'a str,
    key: String,
    verified: bool,
    #[serde(skip_serializing_if = "is_false")]
    muted: bool,
}

impl<'a> From<'a> {
    fn new(nick: &'a Nick, key: PeerKey, trust: Trust) -> Self {
        Self { nick: nick.as_str(), key: key.to_string(), verified: trust.verified, muted: trust.muted }
    }
}

impl<'a> Line<'a> {
    /// `trust` is what is thought of its author.
    pub(crate) fn told(told: &'a Told, trust: Trust) -> Self {
        match told {
            Told::Message(shown) => Self::message(shown, trust, false),
            Told::Change(changed) => Self::change(changed, trust),
        }
    }

    /// A message as it is now; with `replay` in answer to a question.
    pub(crate) fn message(shown: &'a Shown, trust: Trust, replay: bool) -> Self {
        let message = &shown.message;
        let mut reactions: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (emoji, key) in &shown.reactions {
            reactions.entry(emoji.as_str()).or_default().push(key.to_string());
        }
        Self::Message(Box::new(Said {
            id: message.id.to_string(),
            room: message.place.to_string(),
            from: From::new(&message.nick, message.from, trust),
            text: clean::text(&message.text).into_owned(),
            action: message.action,
            reply: message.reply.map(|id| id.to_string()),
            file: message.file.as_deref().map(Offered::new),
            edited: shown.edited,
            deleted: shown.deleted,
            reactions,
            sent_ms: message.sent.0,
            skew_ms: Some(message.skew_ms()).filter(|skew| skew.abs() >= SKEW_MS),
            late: message.late,
            own: message.own,
            cursor: shown.cursor,
            replay,
        }))
    }

    fn change(changed: &'a Changed, trust: Trust) -> Self {
        let change = &changed.change;
        let about =
            |target, text, emoji, removed| Box::new(about(changed, trust, target, text, (emoji, removed)));
        match &change.what {
            What::Edit { target, text } => {
                Self::Edit(about(*target, Some(clean::text(text).into_owned()), None, false))
            }
            What::Delete { target } => Self::Delete(about(*target, None, None, false)),
            What::React { target, emoji, gone } => {
                Self::React(about(*target, None, Some(emoji.as_str()), *gone))
            }
            What::Topic(topic) => Self::topic(&change.place, change.from, topic.as_str(), changed.cursor),
            // A kind that this program does not know: nothing of it is told.
            _ => Self::topic(&change.place, change.from, "", changed.cursor),
        }
    }

    fn topic(place: &Place, key: PeerKey, topic: &'a str, cursor: Cursor) -> Self {
        let (topic, cursor) = (Some(topic), Some(cursor));
        Self::Room(Room { topic, cursor, ..Room::new(place, "topic", key) })
    }
}

fn about<'a>(
    changed: &'a Changed,
    trust: Trust,
    target: MessageId,
    text: Option<String>,
    (emoji, removed): (Option<&'a str>, bool),
) -> About<'a> {
    let Changed { cursor, change, .. } = changed;
    About {
        id: change.id.to_string(),
        room: change.place.to_string(),
        from: From::new(&change.nick, change.from, trust),
        target: target.to_string(),
        text,
        emoji,
        removed,
        sent_ms: change.sent.0,
        late: change.late,
        cursor: *cursor,
    }
}

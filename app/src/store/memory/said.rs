//! What was said, in memory: messages and changes under one row of numbers.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
};

use chat_core::{
    Change, EntryId, Message, MessageId, PeerKey, Place, RoomKeyId, Stamp, StoredEntry, Topic, What,
};

use super::{
    deed::{About, Deed},
    row::Row,
    topics::Topics,
};
use crate::store::{Author, Changed, Cursor, REACTIONS_MAX, Search, Shown, Told};

/// Messages and changes.
#[derive(Debug, Default)]
pub(super) struct Said {
    newest: Cursor,
    messages: Row,
    changes: BTreeMap<Cursor, Change>,
    /// The entries of each conversation that hold messages.
    order: BTreeMap<Place, BTreeMap<Position, RoomKeyId>>,
    /// The messages that each entry holds: by item, and so by number too.
    messages_in: BTreeMap<EntryId, Vec<(u16, Cursor)>>,
    /// The changes of each message, also of those that are not there.
    about: BTreeMap<(Place, MessageId), About>,
    /// The changes that each entry holds.
    changes_in: BTreeMap<EntryId, BTreeSet<Cursor>>,
    /// Changes whose message is not there, and topics that came behind a later one: of them nothing is told.
    waiting: BTreeSet<Cursor>,
    topics: Topics,
    /// Of whom nothing is shown.
    blocked: BTreeSet<PeerKey>,
}

/// The place of an entry in a conversation.
type Position = (Stamp, PeerKey, EntryId);

impl Said {
    pub(super) fn set_blocked(&mut self, blocked: BTreeSet<PeerKey>) {
        self.blocked = blocked;
    }

    /// Adds what an entry says, and tells what is new of it.
    pub(super) fn add(&mut self, entry: &StoredEntry, mut on_fresh: impl FnMut(Told)) {
        if let Some(first) = entry.messages.first() {
            let order = self.order.entry(first.place.clone()).or_default();
            order.insert((first.stamp, first.from, entry.id), entry.room);
            let numbers = (self.newest + 1..).zip(&entry.messages);
            let numbers = numbers.map(|(cursor, message)| (message.id.item, cursor)).collect();
            self.messages_in.insert(entry.id, numbers);
        }
        for message in &entry.messages {
            self.say(message).into_iter().for_each(&mut on_fresh);
        }
        for change in &entry.changes {
            self.change(entry.room, change).into_iter().for_each(&mut on_fresh);
        }
    }

    /// Adds a message as it is by now. `None` when it was taken back before it came.
    fn say(&mut self, message: &Arc<Message>) -> Option<Told> {
        let cursor = self.next();
        let mut shown = Shown::new(cursor, Arc::clone(message));
        let done = self.about(&message.place, message.id);
        let by_author = |deed| done.and_then(|done| done.get(&(deed, message.from)).copied());
        let (edited, deleted) = (by_author(Deed::Edit), by_author(Deed::Delete));
        let is_void = |deed: &Deed, cursor| match deed {
            Deed::Delete => deleted != Some(cursor),
            Deed::Edit => deleted.is_some() || edited != Some(cursor),
            _ => deleted.is_some(),
        };
        let done: Vec<(Cursor, bool)> =
            done.into_iter().flatten().map(|((deed, _), cursor)| (*cursor, is_void(deed, *cursor))).collect();
        for (cursor, is_void) in done {
            self.waiting.remove(&cursor);
            if is_void {
                self.remove(cursor);
            }
        }
        if let Some(What::Edit { text, .. }) =
            edited.and_then(|cursor| self.changes.get(&cursor)).map(|change| &change.what)
        {
            shown.say_instead(text);
        }
        if deleted.is_some() {
            shown.take_back();
        }
        let told = (!shown.deleted).then(|| Told::Message(self.with_reactions(shown.clone())));
        self.messages.put(shown);
        told
    }

    /// Keeps a change, and answers it if it counts and changes anything now.
    fn change(&mut self, room: RoomKeyId, change: &Change) -> Option<Told> {
        let target = change.what.target();
        let at = target.and_then(|target| self.cursor(target));
        let message =
            at.and_then(|at| self.messages.get(at)).filter(|shown| shown.message.place == change.place);
        let counts = match (&change.what, &message) {
            (What::Topic(_), _) => matches!(change.place, Place::Room(_)),
            (_, Some(shown)) => change.may(shown.message.from, &shown.message.place) && !shown.deleted,
            (_, None) => true,
        };
        let rival = self.rival(room, change);
        if !counts || rival.as_ref().is_some_and(|(_, rival)| rival.position() >= change.position()) {
            return None;
        }
        if let Some((cursor, _)) = rival {
            self.remove(cursor);
        }
        let cursor = self.next();
        match target.zip(Deed::of(&change.what)) {
            Some((target, deed)) => {
                let about = self.about.entry((change.place.clone(), target)).or_default();
                about.insert((deed, change.from), cursor);
            }
            None => self.topics.put(room, change.position(), cursor),
        }
        let is_hidden = target.is_none() && !self.topics.is_seen(room, change.position(), &self.blocked);
        if target.is_some() && message.is_none() || is_hidden {
            self.waiting.insert(cursor);
        }
        self.changes_in.entry(change.id.entry).or_default().insert(cursor);
        let before = message.as_ref().map(|shown| Arc::clone(&shown.message));
        let changed = Told::from(Changed { cursor, change: change.clone(), before });
        self.changes.insert(cursor, change.clone());
        let is_news = match (&change.what, message) {
            (What::Topic(_), _) => !is_hidden,
            (What::Edit { text, .. }, Some(mut shown)) => {
                shown.say_instead(text);
                self.messages.put(shown);
                true
            }
            (What::Delete { target }, Some(mut shown)) => {
                shown.take_back();
                self.messages.put(shown);
                let done = self.about(&change.place, *target).into_iter().flatten();
                let others: Vec<Cursor> =
                    done.map(|(_, other)| *other).filter(|other| *other != cursor).collect();
                others.into_iter().for_each(|other| self.remove(other));
                true
            }
            (What::React { gone, .. }, Some(_)) => {
                let was_gone =
                    rival.is_none_or(|(_, rival)| matches!(rival.what, What::React { gone: true, .. }));
                *gone != was_gone
            }
            _ => false,
        };
        is_news.then_some(changed)
    }

    /// The change of before that would lose its effect by `change`, or the other way round.
    fn rival(&self, room: RoomKeyId, change: &Change) -> Option<(Cursor, Change)> {
        let cursor = match (change.what.target(), Deed::of(&change.what)) {
            (Some(target), Some(deed)) => {
                let about = self.about(&change.place, target)?;
                *deed.rivals().into_iter().find_map(|deed| about.get(&(deed, change.from)))?
            }
            _ => self.topics.of(room, change.from)?,
        };
        self.changes.get(&cursor).map(|change| (cursor, change.clone()))
    }

    /// What is kept of changes of one message.
    fn about(&self, place: &Place, target: MessageId) -> Option<&About> {
        // Of most messages there is nothing, and often of none.
        if self.about.is_empty() {
            return None;
        }
        self.about.get(&(place.clone(), target))
    }

    fn cursor(&self, id: MessageId) -> Option<Cursor> {
        let messages = self.messages_in.get(&id.entry)?;
        let at = messages.binary_search_by_key(&id.item, |(item, _)| *item).ok()?;
        messages.get(at).map(|(_, cursor)| *cursor)
    }

    fn remove(&mut self, cursor: Cursor) {
        self.waiting.remove(&cursor);
        let Some(change) = self.changes.remove(&cursor) else { return };
        if let Some(changes) = self.changes_in.get_mut(&change.id.entry) {
            changes.remove(&cursor);
        }
        if let Some((target, deed)) = change.what.target().zip(Deed::of(&change.what))
            && let Some(about) = self.about.get_mut(&(change.place, target))
        {
            about.remove(&(deed, change.from));
        }
    }

    /// Erases what an entry says. What was said about it waits, in case it comes back.
    pub(super) fn forget(&mut self, room: RoomKeyId, entry: EntryId) {
        for (_, cursor) in self.messages_in.remove(&entry).unwrap_or_default() {
            let Some(Shown { message, .. }) = self.messages.remove(cursor) else { continue };
            let about = self.about.get(&(message.place.clone(), message.id));
            self.waiting.extend(about.into_iter().flat_map(BTreeMap::values));
            if let Some(order) = self.order.get_mut(&message.place) {
                order.remove(&(message.stamp, message.from, entry));
            }
        }
        for cursor in self.changes_in.remove(&entry).unwrap_or_default() {
            if let Some(change) = self.changes.get(&cursor) {
                self.topics.remove(room, change.position());
            }
            self.remove(cursor);
        }
    }

    /// Lets an entry stand at `stamp`, with all that it says.
    pub(super) fn move_to(&mut self, stamp: Stamp, room: RoomKeyId, entry: EntryId) {
        for &(_, cursor) in self.messages_in.get(&entry).into_iter().flatten() {
            let Some(mut shown) = self.messages.get(cursor) else { continue };
            let message = Arc::make_mut(&mut shown.message);
            if let Some(order) = self.order.get_mut(&message.place) {
                order.remove(&(message.stamp, message.from, entry));
                order.insert((stamp, message.from, entry), room);
            }
            message.stamp = stamp;
            self.messages.put(shown);
        }
        for cursor in self.changes_in.get(&entry).into_iter().flatten() {
            let Some(change) = self.changes.get_mut(cursor) else { continue };
            let is_topic = self.topics.of(room, change.from) == Some(*cursor);
            change.stamp = stamp;
            if is_topic {
                self.topics.put(room, change.position(), *cursor);
            }
        }
    }

    fn with_reactions(&self, shown: Shown) -> Shown {
        let about = self.about(&shown.message.place, shown.message.id);
        let behind = (Bound::Excluded((Deed::Delete, PeerKey([0xff; 32]))), Bound::Unbounded);
        let felt = about.into_iter().flat_map(|about| about.range(behind.clone()));
        let felt = felt.map_while(|((deed, from), _)| match deed {
            Deed::Felt(emoji) => Some((emoji, *from)),
            _ => None,
        });
        let felt = felt.filter(|(_, from)| !self.blocked.contains(from)).take(REACTIONS_MAX);
        let reactions = felt.map(|(emoji, from)| (emoji.clone(), from)).collect();
        Shown { reactions, ..shown }
    }

    const fn next(&mut self) -> Cursor {
        self.newest += 1;
        self.newest
    }

    pub(super) const fn newest(&self) -> Cursor {
        self.newest
    }

    pub(super) fn shown(&self, cursor: Cursor) -> Option<Shown> {
        self.messages.get(cursor).map(|shown| self.with_reactions(shown))
    }

    pub(super) fn find(&self, id: MessageId) -> Option<Shown> {
        self.cursor(id).and_then(|cursor| self.shown(cursor))
    }

    pub(super) fn since(&self, cursor: Cursor, limit: usize) -> Vec<Told> {
        let later = cursor.saturating_add(1);
        let messages = self.messages.since(later);
        let messages = messages.filter(|shown| !shown.deleted && !self.blocked.contains(&shown.message.from));
        let messages = messages.map(|shown| Told::Message(self.with_reactions(shown)));
        let changes = self.changes.range(later..);
        let changes = changes.filter(|(cursor, change)| {
            !self.waiting.contains(cursor) && !self.blocked.contains(&change.from)
        });
        let changes = changes
            .map(|(&cursor, change)| Told::from(Changed { cursor, change: change.clone(), before: None }));
        let mut told: Vec<_> = messages.take(limit).chain(changes.take(limit)).collect();
        told.sort_unstable_by_key(Told::cursor);
        told.truncate(limit);
        told
    }

    /// What was said last in `place`, or anywhere, in the order in which it was said.
    pub(super) fn latest(
        &self,
        place: Option<&Place>,
        meant: Option<&BTreeSet<RoomKeyId>>,
        limit: usize,
    ) -> Vec<Shown> {
        let places = self.order.keys().filter(|other| place.is_none_or(|place| place == *other));
        let all = places.flat_map(|place| {
            let messages = self.backwards(place, meant).filter_map(|(at, cursor)| {
                let shown = self.messages.get(cursor).filter(|shown| !shown.deleted)?;
                Some((at, shown))
            });
            messages.take(limit)
        });
        let mut latest: Vec<_> = all.collect();
        latest.sort_unstable_by_key(|(at, _)| *at);
        let surplus = latest.len().saturating_sub(limit);
        latest.into_iter().skip(surplus).map(|(_, shown)| self.with_reactions(shown)).collect()
    }

    /// The newest messages that are searched for, in the order in which they came.
    pub(super) fn search(&self, search: &Search, meant: Option<&BTreeSet<RoomKeyId>>) -> Vec<Shown> {
        let wanted: Vec<String> = search.words.iter().map(|word| word.to_lowercase()).collect();
        let is_meant = |message: &Message| {
            let text = message.text.to_lowercase();
            let has = |(index, word): (usize, &String)| {
                let is_last = index + 1 == wanted.len();
                text.match_indices(word.as_str()).any(|(at, _)| {
                    let (before, after) = (&text[..at], &text[at + word.len()..]);
                    let is_whole = is_last || !after.starts_with(char::is_alphanumeric);
                    !before.ends_with(char::is_alphanumeric) && is_whole
                })
            };
            let is_from = |author: &Author| {
                author.keys.contains(&message.from) || author.nick.eq_ignore_ascii_case(message.nick.as_str())
            };
            let position = (message.stamp, message.from, message.id.entry);
            let room = || self.order.get(&message.place)?.get(&position).copied();
            wanted.iter().enumerate().all(has)
                && search.from.as_ref().is_none_or(is_from)
                && search.place.as_ref().is_none_or(|place| *place == message.place)
                && (search.place.is_none()
                    || meant.is_none_or(|meant| room().is_some_and(|room| meant.contains(&room))))
                && message.stamp >= search.since
                && !self.blocked.contains(&message.from)
        };
        let messages = self.messages.since(0).rev();
        let found = messages.filter(|shown| !shown.deleted && is_meant(&shown.message)).take(search.limit);
        let mut found: Vec<_> = found.map(|shown| self.with_reactions(shown)).collect();
        found.reverse();
        found
    }

    /// What rooms are about to those who do not see who is blocked. Of rooms of one name, that of the one that is `meant`,
    /// or the latest.
    pub(super) fn topics(&self, meant: impl Fn(&Place) -> Option<RoomKeyId>) -> BTreeMap<Place, Topic> {
        let mut topics = self.topics.seen(&self.blocked);
        topics.sort_unstable();
        let topics = topics.into_iter().filter_map(|(cursor, room)| {
            let Change { place, what: What::Topic(topic), .. } = self.changes.get(&cursor)? else {
                return None;
            };
            meant(place).is_none_or(|meant| meant == room).then(|| (place.clone(), topic.clone()))
        });
        topics.collect()
    }

    /// The newest `limit` messages of a conversation, those before `before` if given, oldest first. Of several rooms of
    /// one name only one may be `meant`.
    pub(super) fn history(
        &self,
        place: &Place,
        meant: Option<&BTreeSet<RoomKeyId>>,
        limit: usize,
        before: Option<MessageId>,
    ) -> Option<Vec<Cursor>> {
        let end = match before {
            None => None,
            Some(id) => {
                let message = self.messages.get(self.cursor(id)?)?.message;
                Some(((message.stamp, message.from, id.entry), id.item))
            }
        };
        let earlier = self.backwards(place, meant).filter(|(at, _)| end.is_none_or(|end| *at < end));
        let mut cursors: Vec<Cursor> = earlier.take(limit).map(|(_, cursor)| cursor).collect();
        cursors.reverse();
        Some(cursors)
    }

    /// The messages of a conversation, the last one first.
    fn backwards(
        &self,
        place: &Place,
        meant: Option<&BTreeSet<RoomKeyId>>,
    ) -> impl Iterator<Item = ((Position, u16), Cursor)> {
        let entries = self.order.get(place).into_iter().flatten().rev();
        let entries = entries.filter(move |((_, author, _), room)| {
            meant.is_none_or(|meant| meant.contains(room)) && !self.blocked.contains(author)
        });
        entries.flat_map(|(position, _)| {
            let items = self.messages_in.get(&position.2).into_iter().flatten().rev();
            items.map(move |&(item, cursor)| ((*position, item), cursor))
        })
    }
}

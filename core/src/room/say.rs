//! What the person says, from the command to the entry.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::time::Duration;

use super::{
    Room, Rooms, Timer, Turn, Wish,
    entry::{Entry, STAMP_MAX},
    gather::Batch,
    history::day_of,
    item::{Body, Item},
};
use crate::{
    change::Change,
    event::{Event, Message, MessageId, Place, Refusal, Stamp},
    store::{Record, RoomKeyId, StoredEntry},
};

/// Things said that the store has not taken yet.
const SAYS_MAX: usize = 4096;
/// A stamp that is so far ahead of the stamp clock does not push later ones ahead.
const AHEAD_MAX: Duration = Duration::from_secs(60);

impl Rooms {
    pub(super) fn say(&mut self, turn: &mut Turn<'_>, tag: u64, place: &Place, item: Item) {
        match self.may_say(turn, place) {
            Ok(id) => {
                let Some(room) = self.rooms.get_mut(&id) else { return };
                self.undurable.says += 1;
                let ready = room.gather.add(turn.now, tag, item);
                ready.into_iter().for_each(|batch| self.write(turn, id, batch));
                self.plan_close(id);
            }
            Err(reason) => turn.refuse(tag, reason),
        }
    }

    fn may_say(&mut self, turn: &mut Turn<'_>, place: &Place) -> Result<RoomKeyId, Refusal> {
        if self.full_until.is_some_and(|until| turn.now < until) {
            return Err(Refusal::StoreFull);
        }
        if self.undurable.says >= SAYS_MAX {
            return Err(Refusal::Busy);
        }
        let id = match place {
            Place::Room(_) => self.names.get(place).copied().ok_or(Refusal::NotInRoom)?,
            Place::Direct(peer) => self.open_to_say(turn, *peer)?,
        };
        let today = day_of(self.clock.stamp(turn.now));
        match self.rooms.get(&id) {
            Some(room) if room.history.is_full(today) => Err(Refusal::StoreFull),
            Some(_) => Ok(id),
            None => Err(Refusal::NotInRoom),
        }
    }

    /// What waits in a room has waited enough.
    pub(super) fn on_gathered(&mut self, turn: &mut Turn<'_>, id: RoomKeyId) {
        let batch = self.rooms.get_mut(&id).and_then(|room| room.gather.close(turn.now));
        batch.into_iter().for_each(|batch| self.write(turn, id, batch));
        self.plan_close(id);
    }

    /// Nothing waits for company any more.
    pub(super) fn close_all(&mut self, turn: &mut Turn<'_>) {
        let rooms: Vec<RoomKeyId> = self.rooms.keys().copied().collect();
        rooms.into_iter().for_each(|room| self.on_gathered(turn, room));
    }

    fn plan_close(&mut self, id: RoomKeyId) {
        match self.rooms.get(&id).and_then(|room| room.gather.due()) {
            Some(due) => self.timers.set(Timer::Close(id), due),
            None => self.timers.clear(Timer::Close(id)),
        }
    }

    /// Makes an entry of what was said, gives it to the neighbours, shows it and stores it: in this order, since the
    /// network takes longest.
    pub(super) fn write(&mut self, turn: &mut Turn<'_>, id: RoomKeyId, batch: Batch) {
        let (clock, wall) = (self.clock.stamp(turn.now), self.clock.wall(turn.now));
        let Some(room) = self.rooms.get_mut(&id) else { return };
        let (previous, boot, nick) = (room.own, self.own.1, self.nick.clone());
        let body = Body { previous, boot, wall, nick, items: batch.items };
        let stamp = room.next_stamp(clock);
        let entry = Entry::seal(self.suite, &mut self.rng, &self.identity, &room.key, stamp, &body);
        room.history.insert(turn.now, stamp, entry.id);
        room.arrival = Some(turn.now);
        self.undurable.add_own(entry.id, id, stamp, room.own, batch.tags);
        (room.own, room.written) = (Some((entry.id, stamp)), stamp);
        self.receipts.expect(entry.id, id, stamp);
        self.push_own(turn, id, &entry);
        let shown = Shown { placed: stamp, own: true, late: false, again: false };
        self.show(turn, id, &entry, Some(body), shown);
        if previous.is_none() {
            self.reach_the_beginning(turn, id);
        }
    }

    /// Tells the person what an entry says, and hands it to the store.
    pub(super) fn show(
        &self,
        turn: &mut Turn<'_>,
        id: RoomKeyId,
        entry: &Entry,
        body: Option<Body>,
        shown: Shown,
    ) {
        if let Some(room) = self.rooms.get(&id) {
            hand_out(turn, &room.place, entry, body, shown);
        }
    }
}

/// The same for an entry of any room that is known as `place`.
pub(super) fn hand_out(turn: &mut Turn<'_>, place: &Place, entry: &Entry, body: Option<Body>, shown: Shown) {
    let (messages, changes) = body.map_or_else(Default::default, |body| read(place, entry, body, shown));
    if !shown.again {
        messages.iter().for_each(|message| turn.event(Event::Message(message.clone())));
        changes.iter().for_each(|change| turn.event(Event::Change(change.clone())));
    }
    turn.out.push(Wish::Persist(Record::Entry(StoredEntry {
        room: entry.room,
        place: place.clone(),
        id: entry.id,
        stamp: entry.stamp,
        placed: shown.placed,
        author: entry.author,
        bytes: entry.bytes.clone(),
        messages,
        changes,
    })));
}

/// How an entry's messages are shown and marked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    /// Their place in the order that people see.
    pub(super) placed: Stamp,
    /// This very run wrote it.
    pub(super) own: bool,
    /// It came by repair, and long after it was said.
    pub(super) late: bool,
    /// It has been shown before, or is not shown one by one, and only has to be stored.
    pub(super) again: bool,
}

impl Room {
    /// The stamp of an entry written when the stamp clock says `clock`: later than whatever is in the room, unless
    /// that claims to be from the future.
    fn next_stamp(&self, clock: Stamp) -> Stamp {
        let limit = latest_before(clock);
        let written = Some(self.written).filter(|written| *written <= limit);
        stamp_after(clock, self.history.newest(limit).max(written))
    }
}

/// The stamp of an entry written when the stamp clock says `clock` and the newest one before has the stamp `newest`.
pub(super) fn stamp_after(clock: Stamp, newest: Option<Stamp>) -> Stamp {
    let newest = newest.filter(|newest| *newest <= latest_before(clock));
    let after = newest.map_or(0, |newest| newest.0.saturating_add(1));
    Stamp(clock.0.max(after)).min(STAMP_MAX)
}

fn latest_before(clock: Stamp) -> Stamp {
    Stamp(clock.0.saturating_add(u64::try_from(AHEAD_MAX.as_micros()).unwrap_or(0)))
}

/// What an entry says, and what it changes of what was said before.
fn read(place: &Place, entry: &Entry, body: Body, shown: Shown) -> (Vec<Arc<Message>>, Vec<Change>) {
    let Body { boot, wall: sent, nick, items, .. } = body;
    let Shown { placed: stamp, own, late, .. } = shown;
    let (mut messages, mut changes) = (Vec::with_capacity(items.len()), Vec::new());
    for (item, said) in (0..).zip(items) {
        let id = MessageId { entry: entry.id, item };
        let (from, nick, place) = (entry.author, nick.clone(), place.clone());
        let (text, action, reply, file) = match said {
            Item::File(offer) => (offer.name.as_str().into(), false, None, Some(Box::new(offer))),
            Item::Text { text, action, reply } => (text, action, reply, None),
            Item::Change(what) => {
                changes.push(Change { id, place, from, boot, nick, what, sent, stamp, late, own });
                continue;
            }
            // The rooms have taken it in; the person hears of it in another way.
            Item::Successor(_) | Item::Key(_) | Item::Unknown => continue,
        };
        messages.push(Arc::new(Message {
            id,
            place,
            from,
            boot,
            nick,
            text,
            action,
            reply,
            file,
            sent,
            stamp,
            late,
            own,
        }));
    }
    (messages, changes)
}

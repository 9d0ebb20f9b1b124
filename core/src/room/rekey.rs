//! Another key for a private room. A new room, whose secret is drawn at random, takes its place: the former room is told
//! which one and who is left out, and everybody else is given the secret in a conversation for two. It waits there for
//! those who are away.

use alloc::{boxed::Box, collections::BTreeSet, vec::Vec};

use super::{
    Rooms, Turn, Wish,
    entry::Entry,
    gather::Batch,
    item::{Body, GivenKey, Item, Successor},
    key::{RoomKey, RoomRoot},
    say::{Shown, hand_out, stamp_after},
    successors::told,
};
use crate::{
    event::{Event, Place, Refusal},
    identity::PeerKey,
    rekey::{GIVEN_MAX, LEFT_OUT_MAX, RekeyState, StoredSuccessor},
    store::{RoomKeyId, StoredAuthor},
    text::RoomName,
};

/// Rooms that get another key at the same time.
const PENDING_MAX: usize = 16;

/// Rooms of which the store is asked who has written there.
#[derive(Debug, Default)]
pub(super) struct Rekeys {
    next: u64,
    pending: Vec<Pending>,
}

#[derive(Debug)]
struct Pending {
    number: u64,
    tag: u64,
    name: RoomName,
    room: RoomKeyId,
    without: Vec<PeerKey>,
    /// Answers of the store that are missing, and what the others named.
    asked: usize,
    authors: Vec<StoredAuthor>,
}

impl Rooms {
    /// Puts another room in the place of this one, as soon as the store has said who has written there.
    pub(super) fn rekey(&mut self, turn: &mut Turn<'_>, tag: u64, name: RoomName, without: Vec<PeerKey>) {
        let room = match self.may_rekey(turn, &name, &without) {
            Ok(room) => room,
            Err(reason) => return turn.refuse(tag, reason),
        };
        let number = self.rekeys.next;
        self.rekeys.next += 1;
        // Some may not have followed yet to where we are.
        let former = self.successors.lineage(room).into_iter().map(|(room, _)| room);
        let rooms: Vec<RoomKeyId> = core::iter::once(room).chain(former).collect();
        let asked = rooms.len();
        let authors = Vec::new();
        self.rekeys.pending.push(Pending { number, tag, name, room, without, asked, authors });
        rooms.into_iter().for_each(|room| self.fetch_authors(turn, number, room));
    }

    fn may_rekey(&self, turn: &Turn<'_>, name: &RoomName, without: &[PeerKey]) -> Result<RoomKeyId, Refusal> {
        let id = self.names.get(&Place::Room(name.clone())).ok_or(Refusal::NotInRoom)?;
        let is_private = self.rooms.get(id).is_some_and(|room| room.root.is_some());
        let is_pending = self.rekeys.pending.iter().any(|pending| pending.room == *id);
        match () {
            () if !is_private => Err(Refusal::OpenRoom),
            () if without.len() > LEFT_OUT_MAX || without.contains(&self.own.0) => Err(Refusal::LeftOut),
            () if self.full_until.is_some_and(|until| turn.now < until) => Err(Refusal::StoreFull),
            () if is_pending || self.rekeys.pending.len() >= PENDING_MAX => Err(Refusal::Busy),
            () => Ok(*id),
        }
    }

    /// These have written in a room, or in one whose place it has taken.
    pub(super) fn on_authors(
        &mut self,
        turn: &mut Turn<'_>,
        number: u64,
        room: RoomKeyId,
        authors: &[StoredAuthor],
    ) {
        let Some(at) = self.rekeys.pending.iter().position(|pending| pending.number == number) else {
            return;
        };
        let Some(pending) = self.rekeys.pending.get_mut(at) else { return };
        // Whoever was left out before is not asked in again for what they had written until then.
        let lineage = self.successors.lineage(pending.room);
        let left_out: BTreeSet<PeerKey> = match room == pending.room {
            true => BTreeSet::new(),
            false => lineage.into_iter().flat_map(|(_, without)| without).collect(),
        };
        pending.authors.extend(authors.iter().filter(|author| !left_out.contains(&author.key)));
        pending.asked = pending.asked.saturating_sub(1);
        if pending.asked == 0 {
            let pending = self.rekeys.pending.swap_remove(at);
            self.make_successor(turn, pending);
        }
    }

    fn make_successor(&mut self, turn: &mut Turn<'_>, pending: Pending) {
        let Pending { tag, name, room, without, authors, .. } = pending;
        // We may have left it meanwhile.
        let here = self.names.get(&Place::Room(name.clone())).filter(|here| **here == room);
        let Some(former) = here.and_then(|id| self.rooms.get(id)) else {
            return turn.refuse(tag, Refusal::NotInRoom);
        };
        let Some(former_root) = former.root.clone() else { return turn.refuse(tag, Refusal::OpenRoom) };
        let root = RoomRoot::new(self.rng.bytes());
        let successor = RoomKey::private(self.suite, &name, &root).id();
        let key = GivenKey {
            former: room,
            name: name.as_str().into(),
            root: root.clone(),
            proof: former.key.succession(self.suite, &self.own.0, successor),
            without: without.clone(),
        };
        // Whoever is here gets it first if it is not for all; some have been here and never said anything.
        let silent: Vec<PeerKey> = former.seen.iter().copied().collect();
        let mut seen: BTreeSet<PeerKey> = without.iter().copied().chain([self.own.0]).collect();
        let known = |key| StoredAuthor { key, direct: None };
        let here = self.members_of(room).into_iter().map(known).chain(authors);
        let members: Vec<_> =
            here.chain(silent.into_iter().map(known)).filter(|member| seen.insert(member.key)).collect();
        self.on_gathered(turn, room);
        let told_of = Item::Successor(Successor { room: successor, without: without.clone() });
        self.write(turn, room, Batch::of(told_of));
        let (mut given, mut missed) = (0, 0);
        for member in &members {
            match given < GIVEN_MAX && self.give(turn, member, &key) {
                true => given += 1,
                false => missed += 1,
            }
        }
        turn.stats.keys_sent += given as u64;
        turn.stats.keys_unsent += missed;
        let made = StoredSuccessor {
            name: name.clone(),
            former: room,
            former_root,
            successor,
            root: Some(root.clone()),
            from: self.own.0,
            nick: self.nick.clone(),
            without,
            stamp: self.clock.stamp(turn.now),
            followed: true,
        };
        self.keep_successor(turn, made.clone());
        let _ = self.move_to(turn, &name, &root, &made.without);
        let (given, missed) =
            (u32::try_from(given).unwrap_or(u32::MAX), u32::try_from(missed).unwrap_or(u32::MAX));
        let state = RekeyState::Made { root, given, missed };
        turn.event(Event::Rekey(Box::new(told(&made, state, false))));
        turn.event(Event::Done { tag, message: None });
    }

    /// Gives somebody the key, at once or when they come.
    fn give(&mut self, turn: &mut Turn<'_>, member: &StoredAuthor, key: &GivenKey) -> bool {
        let (peer, item) = (member.key, Item::Key(Box::new(key.clone())));
        if let Some(&id) = self.names.get(&Place::Direct(peer)) {
            self.on_gathered(turn, id);
            self.write(turn, id, Batch::of(item));
        } else {
            let Some(direct) = self.peers.get(&peer).copied().or(member.direct) else { return false };
            let Some(room) = RoomKey::direct(self.suite, &self.identity, &peer, &direct) else {
                return false;
            };
            self.write_aside(turn, peer, &room, item);
        }
        turn.out.push(Wish::Written(peer));
        true
    }

    /// Says something in a conversation that is not open, since the other is away: it need not be opened for that, and
    /// there may be more of them than may be open.
    fn write_aside(&mut self, turn: &mut Turn<'_>, peer: PeerKey, key: &RoomKey, item: Item) {
        let (id, clock) = (key.id(), self.clock.stamp(turn.now));
        let previous = self.aside.own.get(&id).copied();
        let stamp = stamp_after(clock, self.aside.newest(id));
        let (boot, wall, nick) = (self.own.1, self.clock.wall(turn.now), self.nick.clone());
        let body = Body { previous, boot, wall, nick, items: Vec::from([item]) };
        let entry = Entry::seal(self.suite, &mut self.rng, &self.identity, key, stamp, &body);
        self.aside.insert(id, stamp, entry.id);
        self.aside.own.insert(id, (entry.id, stamp));
        self.undurable.add_own(entry.id, id, stamp, previous, Vec::new());
        let shown = Shown { placed: stamp, own: true, late: false, again: false };
        hand_out(turn, &Place::Direct(peer), &entry, Some(body), shown);
    }
}

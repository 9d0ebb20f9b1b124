//! Rooms that are to take the place of others, as somebody has told: in the former room itself, where everybody reads of
//! it, and with its key in a conversation for two.
//!
//! A key counts when it is one that only few can know, and when whoever gives it shows that they know the key of the
//! former room. Nobody is moved by it: the person decides.

use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use super::{
    Room, Rooms, Turn, Wish,
    entry::Entry,
    item::{Body, GivenKey, Item, Successor},
    key::{RoomKey, RoomRoot},
};
use crate::{
    event::{Event, Place, Refusal, Stamp},
    identity::PeerKey,
    rekey::{LEFT_OUT_MAX, Rekey, RekeyState, StoredSuccessor},
    store::{Record, RoomKeyId},
    suite::equal,
    text::{Nick, RoomName},
};

/// Successors of one room that one person may tell of, and all together; the newest count.
const AUTHOR_MAX: usize = 4;
const ROOM_MAX: usize = 64;
/// Successors that are known of all rooms.
const ALL_MAX: usize = 1024;
/// So far back a room's predecessors are looked for.
const LINEAGE_MAX: usize = 16;

/// What is known of rooms that take the place of others, by room and by who has told.
#[derive(Debug, Default)]
pub(super) struct Successors(BTreeMap<(RoomKeyId, PeerKey), StoredSuccessor>);

impl Rooms {
    /// Begins with what the store knows, and tells of it once more: of what we have followed first, then of the latest.
    pub(super) fn restore_successors(&mut self, turn: &mut Turn<'_>, stored: &[StoredSuccessor]) {
        for known in stored.iter().take(ALL_MAX) {
            self.successors.0.insert((known.successor, known.from), known.clone());
        }
        let (followed, mut others): (Vec<_>, Vec<_>) = self.successors.0.values().partition(|it| it.followed);
        others.sort_by_key(|known| core::cmp::Reverse(known.stamp));
        followed.into_iter().chain(others).for_each(|known| tell(turn, known, true));
    }

    /// Takes in what an entry that has just come, in this room and place, says about successors.
    pub(super) fn take_successors(
        &mut self,
        turn: &mut Turn<'_>,
        place: &Place,
        room: RoomKeyId,
        entry: &Entry,
        body: &Body,
    ) {
        for item in &body.items {
            match (item, place) {
                (Item::Successor(told), Place::Room(name)) => {
                    self.on_successor(turn, name, room, (entry, &body.nick), told);
                }
                (Item::Key(key), Place::Direct(_)) => self.on_key(turn, (entry, &body.nick), key),
                (Item::Successor(_) | Item::Key(_), _) => turn.stats.keys_misplaced += 1,
                _ => {}
            }
        }
    }

    /// Somebody tells the room that another one is to take its place.
    fn on_successor(
        &mut self,
        turn: &mut Turn<'_>,
        name: &RoomName,
        room: RoomKeyId,
        (entry, nick): (&Entry, &Nick),
        told: &Successor,
    ) {
        // Of a room that we have left we need not know.
        let Some(root) = self.rooms.get(&room).map(|room| room.root.clone()) else { return };
        let Some(former_root) = root else {
            turn.stats.keys_misplaced += 1;
            return;
        };
        if told.without.len() > LEFT_OUT_MAX || told.room == room {
            turn.stats.keys_bad += 1;
            return;
        }
        // Its key may have been faster.
        if !self.successors.0.contains_key(&(told.room, entry.author)) {
            self.learn_successor(
                turn,
                StoredSuccessor {
                    name: name.clone(),
                    former: room,
                    former_root,
                    successor: told.room,
                    root: None,
                    from: entry.author,
                    nick: nick.clone(),
                    without: told.without.clone(),
                    stamp: entry.stamp,
                    followed: false,
                },
            );
        }
    }

    /// Somebody gives us the key of a room that is to take the place of one of ours.
    fn on_key(&mut self, turn: &mut Turn<'_>, (entry, nick): (&Entry, &Nick), key: &GivenKey) {
        let Some((name, former_root)) = self.secret_of(key.former) else {
            turn.stats.keys_elsewhere += 1;
            return;
        };
        let successor = RoomKey::private(self.suite, &name, &key.root).id();
        let is_fit = key.name == name.as_str() && key.without.len() <= LEFT_OUT_MAX;
        // Or those who were left out could call everybody back to where they are.
        let is_old = successor == key.former || self.successors.0.values().any(|it| it.former == successor);
        if !is_fit || is_old || RoomKey::is_public(self.suite, &name, &key.root) {
            turn.stats.keys_bad += 1;
            return;
        }
        let former = RoomKey::private(self.suite, &name, &former_root);
        if !equal(&former.succession(self.suite, &entry.author, successor), &key.proof) {
            turn.stats.keys_unproven += 1;
            return;
        }
        let known = self.successors.0.get(&(successor, entry.author));
        if known.is_some_and(|known| known.root.is_some()) {
            return;
        }
        self.learn_successor(
            turn,
            StoredSuccessor {
                name,
                former: key.former,
                former_root,
                successor,
                root: Some(key.root.clone()),
                from: entry.author,
                nick: nick.clone(),
                without: key.without.clone(),
                stamp: entry.stamp,
                followed: self.rooms.contains_key(&successor),
            },
        );
    }

    /// Keeps a successor and tells of it, unless there are too many newer ones.
    fn learn_successor(&mut self, turn: &mut Turn<'_>, known: StoredSuccessor) {
        let name = (known.successor, known.from);
        self.keep_successor(turn, known);
        if let Some(known) = self.successors.0.get(&name).filter(|known| !known.followed) {
            tell(turn, known, false);
        }
    }

    pub(super) fn keep_successor(&mut self, turn: &mut Turn<'_>, known: StoredSuccessor) {
        let (former, from) = (known.former, known.from);
        store(turn, &known);
        self.successors.0.insert((known.successor, from), known);
        while let Some(dropped) = self.successors.surplus(former, from) {
            turn.stats.keys_dropped += 1;
            self.forget_successor(turn, dropped);
        }
    }

    fn forget_successor(&mut self, turn: &mut Turn<'_>, name: (RoomKeyId, PeerKey)) {
        if self.successors.0.remove(&name).is_some() {
            turn.out.push(Wish::Persist(Record::NoSuccessor(name.0, name.1)));
        }
    }

    /// The room of this name was left for good: what would take its place does not concern us any more.
    pub(super) fn forget_successors(&mut self, turn: &mut Turn<'_>, name: &RoomName) {
        let idle = self.successors.0.iter().filter(|(_, known)| known.name == *name && !known.followed);
        let idle: Vec<_> = idle.map(|(&name, _)| name).collect();
        idle.into_iter().for_each(|name| self.forget_successor(turn, name));
    }

    /// The person decides to go to the room that takes the place of theirs.
    pub(super) fn follow(&mut self, turn: &mut Turn<'_>, tag: u64, name: &RoomName, successor: RoomKeyId) {
        let given = self.successors.0.values().find(|it| it.successor == successor && it.name == *name);
        let without = self.successors.left_out(successor);
        let Some(root) = given.and_then(|_| self.successors.root_of(successor)) else {
            return turn.refuse(tag, Refusal::NoKey);
        };
        match self.names.get(&Place::Room(name.clone())) {
            Some(&here) if here == successor => return turn.event(Event::Done { tag, message: None }),
            Some(&here) if !self.successors.is_kin(here, successor) => {
                return turn.refuse(tag, Refusal::NameTaken);
            }
            _ => {}
        }
        if !self.move_to(turn, name, &root, &without) {
            return turn.refuse(tag, Refusal::TooManyRooms);
        }
        let followed = self.successors.0.values_mut().filter(|it| it.successor == successor);
        for known in followed.filter(|it| it.root.is_some()) {
            known.followed = true;
            store(turn, known);
            tell(turn, known, false);
        }
        turn.event(Event::Done { tag, message: None });
    }

    /// Leaves the room of this name, if we are in one, and enters the one with this secret.
    pub(super) fn move_to(
        &mut self,
        turn: &mut Turn<'_>,
        name: &RoomName,
        root: &RoomRoot,
        without: &[PeerKey],
    ) -> bool {
        let mut seen = BTreeSet::new();
        if let Some(&former) = self.names.get(&Place::Room(name.clone())) {
            // What was said before goes out before.
            self.on_gathered(turn, former);
            for member in self.members_of(former) {
                self.tell_presence(turn, former, member, false);
            }
            seen.extend(
                self.rooms.get_mut(&former).map(|room| core::mem::take(&mut room.seen)).unwrap_or_default(),
            );
            self.put_aside(former);
        }
        let is_in = self.enter_room(turn, name, Some(root.clone()));
        // Some may not have followed yet when it gets another key.
        seen.retain(|key| !without.contains(key));
        let place = self.names.get(&Place::Room(name.clone()));
        if let Some(room) = place.and_then(|id| self.rooms.get_mut(id)) {
            room.seen.extend(seen);
        }
        self.prove_all(turn);
        self.count_votes(turn);
        is_in
    }

    /// Who is in a room of ours now, as far as is known.
    pub(super) fn members_of(&self, room: RoomKeyId) -> BTreeSet<PeerKey> {
        let sharing = self.links.values().filter(|link| link.shared.contains_key(&room));
        let shown = self.shown.iter().filter(|(_, rooms)| rooms.contains(&room)).map(|(side, _)| side.0);
        sharing.map(super::Link::peer).chain(shown).collect()
    }

    /// The name and the secret of a private room that we are in, were in before we followed, or may follow to.
    fn secret_of(&self, id: RoomKeyId) -> Option<(RoomName, RoomRoot)> {
        if let Some(Room { place: Place::Room(name), root: Some(root), .. }) = self.rooms.get(&id) {
            return Some((name.clone(), root.clone()));
        }
        let is_entered = |it: &&StoredSuccessor| self.names.contains_key(&Place::Room(it.name.clone()));
        self.successors.0.values().filter(is_entered).find_map(|it| {
            let root = match id {
                id if id == it.former && it.followed => Some(&it.former_root),
                id if id == it.successor => it.root.as_ref(),
                _ => None,
            };
            Some((it.name.clone(), root?.clone()))
        })
    }

    /// The key of a room of this id that we were in before we followed.
    pub(super) fn former_key(&self, id: RoomKeyId) -> Option<(RoomName, RoomKey)> {
        let known = self.successors.0.values().find(|it| it.former == id && it.followed)?;
        Some((known.name.clone(), RoomKey::private(self.suite, &known.name, &known.former_root)))
    }
}

impl Successors {
    /// The rooms in whose places `room` has come, the last one first, each with those who were left out then.
    pub(super) fn lineage(&self, room: RoomKeyId) -> Vec<(RoomKeyId, Vec<PeerKey>)> {
        let (mut lineage, mut at) = (Vec::new(), room);
        while lineage.len() < LINEAGE_MAX
            && let Some(known) = self.0.values().find(|it| it.successor == at && it.followed)
        {
            let without = self.left_out(at);
            at = known.former;
            lineage.push((at, without));
        }
        lineage
    }

    /// Who was left out of a room by anybody who has given its key: nobody else can take that back for them.
    fn left_out(&self, successor: RoomKeyId) -> Vec<PeerKey> {
        let given = self.0.values().filter(|it| it.successor == successor && it.root.is_some());
        given.flat_map(|it| &it.without).copied().collect()
    }

    fn root_of(&self, successor: RoomKeyId) -> Option<RoomRoot> {
        self.0.values().filter(|it| it.successor == successor).find_map(|it| it.root.clone())
    }

    /// Whether two rooms have come of the same one, as far as keys show it.
    fn is_kin(&self, one: RoomKeyId, other: RoomKeyId) -> bool {
        let mut kin = BTreeSet::from([one]);
        loop {
            let count = kin.len();
            for known in self.0.values().filter(|it| it.root.is_some()) {
                if kin.contains(&known.former) || kin.contains(&known.successor) {
                    kin.extend([known.former, known.successor]);
                }
            }
            if kin.contains(&other) || kin.len() == count {
                return kin.contains(&other);
            }
        }
    }

    /// One that is too many: of this person in this room, of this room, or of all. A word that no key has followed goes
    /// before any key, since it costs nothing. Whoever tells of most loses most, and of those who tell of as much it is
    /// `from`, who came last: stamps are claims.
    fn surplus(&self, former: RoomKeyId, from: PeerKey) -> Option<(RoomKeyId, PeerKey)> {
        let oldest = |is_meant: &dyn Fn(&StoredSuccessor) -> bool, max: usize| {
            let meant = self.0.iter().filter(|(_, it)| is_meant(it));
            if meant.clone().count() <= max {
                return None;
            }
            meant.min_by_key(|(_, it)| it.stamp).map(|(&name, _)| name)
        };
        let is_idle = |it: &StoredSuccessor| !it.followed;
        let is_word = |it: &StoredSuccessor| it.root.is_none();
        let in_room = |it: &StoredSuccessor| it.former == former && !it.followed;
        let by_author = oldest(&|it| in_room(it) && it.from == from, AUTHOR_MAX);
        let by_room = || {
            let all = self.0.values().filter(|it| in_room(it));
            if all.clone().count() <= ROOM_MAX {
                return None;
            }
            let has_words = all.clone().any(is_word);
            let is_meant = |it: &StoredSuccessor| in_room(it) && is_word(it) == has_words;
            let mut tellers: BTreeMap<PeerKey, (usize, bool, Stamp)> = BTreeMap::new();
            for it in all.filter(|it| is_meant(it)) {
                let (count, _, newest) = tellers.entry(it.from).or_insert((0, it.from == from, it.stamp));
                (*count, *newest) = (*count + 1, it.stamp.max(*newest));
            }
            let (most, _) = tellers.into_iter().max_by_key(|&(_, told)| told)?;
            oldest(&|it| is_meant(it) && it.from == most, 0)
        };
        let of_all = || {
            let word = oldest(&|it| is_idle(it) && is_word(it), 0);
            word.or_else(|| oldest(&is_idle, 0)).or_else(|| oldest(&|_| true, 0))
        };
        by_author.or_else(by_room).or_else(|| (self.0.len() > ALL_MAX).then(of_all).flatten())
    }
}

fn store(turn: &mut Turn<'_>, known: &StoredSuccessor) {
    turn.out.push(Wish::Persist(Record::Successor(Box::new(known.clone()))));
}

fn tell(turn: &mut Turn<'_>, known: &StoredSuccessor, again: bool) {
    let state = match &known.root {
        Some(root) if known.followed => RekeyState::Followed { root: root.clone() },
        Some(_) => RekeyState::Offered,
        None => RekeyState::Announced,
    };
    turn.event(Event::Rekey(Box::new(told(known, state, again))));
}

/// What the person hears of a successor.
pub(super) fn told(known: &StoredSuccessor, state: RekeyState, again: bool) -> Rekey {
    Rekey {
        room: known.name.clone(),
        former: known.former,
        successor: known.successor,
        from: known.from,
        nick: known.nick.clone(),
        without: known.without.clone(),
        state,
        again,
    }
}

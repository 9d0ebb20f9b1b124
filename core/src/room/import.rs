//! Entries that somebody brings along, as in a file: what the store has not got yet is verified as if it had come over a
//! link, and becomes part of the history, however old it is. Others get it by the ordinary repair.
//!
//! Rooms that we have left, and conversations with people who are away, take part: their keys can be had.

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    vec::Vec,
};

use super::{
    Rooms, Turn,
    aside::Home,
    entry::Entry,
    history::{DAY_ENTRIES_MAX, day_of},
    receipts::Arrived,
    say::{Shown, hand_out},
    strays::Stray,
};
use crate::{
    event::{EntryId, Event, Place, Refusal, Stamp},
    identity::PeerKey,
    intake::{Bundle, Intake},
    store::RoomKeyId,
};

/// Bundles that are not answered yet.
const IMPORTS_MAX: usize = 16;

/// What is being imported.
#[derive(Debug, Default)]
pub(super) struct Imports {
    waiting: VecDeque<(u64, Bundle)>,
    current: Option<Current>,
    handed: Vec<Handed>,
}

/// A bundle of which the store is asked what it has already.
#[derive(Debug)]
struct Current {
    tag: u64,
    intake: Intake,
    entries: Vec<Entry>,
    /// Answers of the store that are missing, and what the others named.
    asked: usize,
    here: BTreeSet<EntryId>,
}

/// A bundle whose new entries are not durable yet.
#[derive(Debug)]
struct Handed {
    tag: u64,
    intake: Intake,
    entries: BTreeMap<EntryId, Waiting>,
}

/// An entry that the store has not answered.
#[derive(Debug)]
struct Waiting {
    room: RoomKeyId,
    stamp: Stamp,
    /// Whether it was imported; otherwise it came over a link just before.
    is_ours: bool,
}

/// What becomes of an entry.
enum Fate {
    New,
    Known,
    Refused,
}

impl Rooms {
    pub(super) fn import(&mut self, turn: &mut Turn<'_>, tag: u64, bundle: Bundle) {
        if self.full_until.is_some_and(|until| turn.now < until) {
            return turn.refuse(tag, Refusal::StoreFull);
        }
        if self.imports.waiting.len() + self.imports.handed.len() >= IMPORTS_MAX {
            turn.stats.imports_refused += 1;
            return turn.refuse(tag, Refusal::Busy);
        }
        self.imports.waiting.push_back((tag, bundle));
        self.next_import(turn);
    }

    /// Asks the store what it has of the next bundle. One at a time: so the answer is about all bundles before it.
    fn next_import(&mut self, turn: &mut Turn<'_>) {
        while self.imports.current.is_none()
            && let Some((tag, bundle)) = self.imports.waiting.pop_front()
        {
            let mut current = Current {
                tag,
                intake: Intake::default(),
                entries: Vec::new(),
                asked: 0,
                here: BTreeSet::new(),
            };
            let mut wanted: BTreeMap<RoomKeyId, Vec<EntryId>> = BTreeMap::new();
            let mut homes: BTreeMap<(RoomKeyId, PeerKey), bool> = BTreeMap::new();
            for bytes in bundle.into_entries() {
                let Some(entry) = Entry::read(self.suite, bytes) else {
                    turn.stats.malformed += 1;
                    current.intake.refused += 1;
                    continue;
                };
                let owner = (entry.room, entry.author);
                if !*homes.entry(owner).or_insert_with(|| self.home_of(owner).is_some()) {
                    turn.stats.elsewhere += 1;
                    current.intake.elsewhere += 1;
                    continue;
                }
                wanted.entry(entry.room).or_default().push(entry.id);
                current.entries.push(entry);
            }
            current.asked = wanted.len();
            self.imports.current = Some(current);
            if wanted.is_empty() {
                self.take_in(turn);
            }
            wanted.into_iter().for_each(|(room, ids)| self.fetch_known(turn, room, ids));
        }
    }

    /// The store has these entries of what is being imported.
    pub(super) fn on_known(&mut self, turn: &mut Turn<'_>, ids: impl Iterator<Item = EntryId>) {
        let Some(current) = &mut self.imports.current else { return };
        current.here.extend(ids);
        current.asked = current.asked.saturating_sub(1);
        if current.asked == 0 {
            self.take_in(turn);
            self.next_import(turn);
        }
    }

    /// Takes in what is new of the present bundle.
    fn take_in(&mut self, turn: &mut Turn<'_>) {
        let Some(Current { tag, mut intake, entries, here, .. }) = self.imports.current.take() else {
            return;
        };
        let mut handed = BTreeMap::new();
        let mut oldest: BTreeMap<RoomKeyId, u32> = BTreeMap::new();
        let mut homes: BTreeMap<(RoomKeyId, PeerKey), Option<Home>> = BTreeMap::new();
        for entry in entries {
            let owner = (entry.room, entry.author);
            let (room, stamp, id) = (entry.room, entry.stamp, entry.id);
            let home = homes.entry(owner).or_insert_with(|| self.home_of(owner));
            let Some(home) = home else {
                intake.elsewhere += 1;
                continue;
            };
            let is_stray = self.is_absurd(turn.now, stamp);
            if self.keeps.is_too_old(room, day_of(stamp), is_stray) {
                turn.stats.outdated += 1;
                intake.old += 1;
                continue;
            }
            let is_here = here.contains(&id) || handed.contains_key(&id) || self.undurable.has(&id);
            match self.take_in_one(turn, home, &entry, is_here, is_stray) {
                Fate::New => {
                    intake.new += 1;
                    turn.stats.imported += 1;
                    handed.insert(id, Waiting { room, stamp, is_ours: true });
                }
                Fate::Known => {
                    intake.known += 1;
                    turn.stats.duplicates += 1;
                    // It may have come over a link a moment ago.
                    if self.undurable.has(&id) {
                        handed.entry(id).or_insert(Waiting { room, stamp, is_ours: false });
                    }
                }
                Fate::Refused => {
                    intake.refused += 1;
                    continue;
                }
            }
            if !is_stray {
                let day = day_of(stamp);
                oldest.entry(room).and_modify(|oldest| *oldest = day.min(*oldest)).or_insert(day);
            }
        }
        oldest.into_iter().for_each(|(room, day)| self.reach_back(turn, room, day));
        let handed = Handed { tag, intake, entries: handed };
        if handed.entries.is_empty() {
            handed.tell(turn);
        } else {
            self.imports.handed.push(handed);
        }
    }

    fn take_in_one(
        &mut self,
        turn: &mut Turn<'_>,
        home: &Home,
        entry: &Entry,
        is_here: bool,
        is_stray: bool,
    ) -> Fate {
        let (day, now) = (day_of(entry.stamp), turn.now);
        let placed = self.placed(now, entry.stamp);
        let room = self.rooms.get_mut(&entry.room);
        if is_here || room.as_ref().is_some_and(|room| room.history.has(entry.stamp, entry.id)) {
            return Fate::Known;
        }
        let (place, key) = match (home, &room) {
            (Home::Aside(place, key), _) => (place.clone(), key),
            (Home::Here, Some(room)) => (room.place.clone(), &room.key),
            (Home::Here, None) => return Fate::Refused,
        };
        let held =
            room.as_ref().map_or_else(|| self.aside.count(entry.room, day), |it| it.history.count(day));
        if held >= DAY_ENTRIES_MAX {
            turn.stats.day_full += 1;
            return Fate::Refused;
        }
        let is_party = match place {
            Place::Room(_) => true,
            Place::Direct(other) => [other, self.own.0].contains(&entry.author),
        };
        let body = match entry.open(self.suite, key) {
            Ok(body) if is_party => body,
            _ => {
                turn.stats.forged += 1;
                return Fate::Refused;
            }
        };
        if is_stray {
            turn.stats.strays += 1;
            let aside = &mut self.aside.strays;
            let strays = match room {
                Some(room) => &mut room.strays,
                None => aside.entry(entry.room).or_default(),
            };
            let stray = Stray { author: entry.author, stamp: entry.stamp, placed };
            if !strays.admit(entry.id, stray) {
                turn.stats.strays_refused += 1;
                return Fate::Refused;
            }
        }
        match self.rooms.get_mut(&entry.room) {
            Some(room) => {
                room.history.insert(now, entry.stamp, entry.id);
                room.arrival = Some(now);
            }
            None => self.aside.insert(entry.room, entry.stamp, entry.id),
        }
        self.undurable.add(entry.id, Arrived { room: entry.room, stamp: entry.stamp, author: entry.author });
        if let Some(body) = &body {
            self.take_successors(turn, &place, entry.room, entry, body);
        }
        hand_out(turn, &place, entry, body, Shown { placed, own: false, late: true, again: true });
        Fate::New
    }

    /// The store has these entries for good.
    pub(super) fn on_imported(&mut self, turn: &mut Turn<'_>, entries: &[EntryId]) {
        if self.imports.handed.is_empty() {
            return;
        }
        let entries: BTreeSet<EntryId> = entries.iter().copied().collect();
        for handed in &mut self.imports.handed {
            handed.entries.retain(|id, _| !entries.contains(id));
        }
        let (done, rest) =
            core::mem::take(&mut self.imports.handed).into_iter().partition(|it| it.entries.is_empty());
        self.imports.handed = rest;
        Vec::into_iter(done).for_each(|handed| handed.tell(turn));
    }

    /// The store did not take these entries: the bundles that they came in are refused, and may come again.
    pub(super) fn on_not_imported(&mut self, turn: &mut Turn<'_>, entries: &[EntryId]) {
        let is_hit = |handed: &Handed| entries.iter().any(|id| handed.entries.contains_key(id));
        let (hit, rest) = core::mem::take(&mut self.imports.handed).into_iter().partition(is_hit);
        self.imports.handed = rest;
        for Handed { tag, entries: lost, .. } in Vec::into_iter(hit) {
            let lost = lost.into_iter().filter(|(id, waiting)| waiting.is_ours && entries.contains(id));
            for (id, Waiting { room, stamp, .. }) in lost {
                self.take_out(room, stamp, id);
                // It was not shown: what comes of it later is new.
                self.undurable.drop(&id);
            }
            turn.refuse(tag, Refusal::StoreFull);
        }
    }
}

impl Handed {
    fn tell(self, turn: &mut Turn<'_>) {
        turn.event(Event::Imported { tag: self.tag, intake: self.intake });
        turn.event(Event::Done { tag: self.tag, message: None });
    }
}

//! Who is in which room: each side proves the rooms it is in, and learns nothing of the others. What a link does not
//! take because too much waits on it is said again.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::time::Duration;

use super::{
    LinkId, Rooms, Timer, Turn, Wish,
    bucket::Rate,
    entry::Entry,
    history::day_of,
    link::{Link, Shared},
    membership::NEWCOMER_ENTRIES,
    receipts::RECEIPTS_WAIT,
};
use crate::{
    event::{EntryId, Place},
    frames::{Frame, LIST_MAX, PROOFS_MAX},
    store::RoomKeyId,
    suite::equal,
};

/// The number of proofs is always a multiple of this.
const PROOFS_STEP: usize = 16;
/// Comparisons that begin because a floor was told: some at once, and one every few seconds.
const MEETINGS: Rate = Rate { per_second: 1, burst: 4 * MEETING };
const MEETING: u64 = 5;
/// After so long it is tried again to say what did not go out.
const UNSENT_PAUSE: Duration = Duration::from_secs(1);
/// Receipts of one link that may wait for that; more get lost.
const UNSENT_RECEIPTS_MAX: usize = 16_384;

/// Whether `tag` is the beginning of `binding`.
pub(super) fn is_tag_of(tag: &[u8; 8], binding: &[u8; 32]) -> bool {
    binding.starts_with(tag)
}

impl Rooms {
    /// The room that the peer of `id` means by `index`, if it has proven it and we are in it.
    pub(crate) fn proven(&self, id: LinkId, index: u16) -> Option<RoomKeyId> {
        self.links.get(&id)?.room_at(index)
    }

    /// Our index for a place, if the peer of `id` is there too.
    pub(crate) fn index_for(&self, id: LinkId, place: &Place) -> Option<u16> {
        self.links.get(&id)?.index(*self.names.get(place)?)
    }

    /// Brings all links up to date after a room was entered or left.
    pub(super) fn prove_all(&mut self, turn: &mut Turn<'_>) {
        let links: Vec<_> = self.links.keys().copied().collect();
        links.into_iter().for_each(|link| self.prove(turn, link));
    }

    /// Proves to the peer of `id` the rooms that it may see, unless it has been told already.
    pub(super) fn prove(&mut self, turn: &mut Turn<'_>, id: LinkId) {
        if self.restored.is_none() {
            return;
        }
        let Some(link) = self.links.get_mut(&id) else { return };
        let visible = |room: &super::Room| link.may_see(&room.place);
        let rooms: BTreeSet<_> =
            self.rooms.iter().filter(|(_, room)| visible(room)).map(|(&id, _)| id).collect();
        if link.arrange(&rooms) || !link.told {
            link.told = true;
            let frame = self.links.get(&id).map(|link| self.proofs(link));
            frame.into_iter().for_each(|frame| turn.out.push(Wish::Send { link: id, frame }));
        }
        self.recognise(turn, id);
    }

    fn proofs(&self, link: &Link) -> Frame {
        let count = link.slots.len().max(1).next_multiple_of(PROOFS_STEP).min(PROOFS_MAX);
        let slots = link.slots.iter().copied().chain(core::iter::repeat(None)).take(count);
        let proof =
            |(index, room): (u64, Option<RoomKeyId>)| match room.and_then(|room| self.rooms.get(&room)) {
                Some(room) => room.key.proof(self.suite, &self.own, &link.side, &link.binding),
                None => self.suite.mac(&self.pads, &[&link.binding, &index.to_le_bytes()]),
            };
        Frame::Proofs {
            binding: link.binding.first_chunk().copied().unwrap_or_default(),
            proofs: (0..).zip(slots).map(proof).collect(),
        }
    }

    pub(super) fn on_proofs(&mut self, turn: &mut Turn<'_>, id: LinkId, tag: [u8; 8], proofs: Vec<[u8; 32]>) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let bindings = [Some(link.binding), link.previous];
        match bindings.into_iter().flatten().find(|binding| is_tag_of(&tag, binding)) {
            Some(binding) => {
                link.proofs = Some((binding, proofs));
                self.recognise(turn, id);
            }
            // The peer may have come to the next handshake before us.
            None => link.early = Some((tag, proofs)),
        }
    }

    /// Compares the peer's latest proofs with the rooms that we are in.
    fn recognise(&mut self, turn: &mut Turn<'_>, id: LinkId) {
        if self.restored.is_none() {
            return;
        }
        let Some(link) = self.links.get_mut(&id) else { return };
        let Some((binding, proofs)) = &link.proofs else { return };
        let (mut entered, mut left) = (Vec::new(), Vec::new());
        let peer = link.peer();
        for (&room_id, room) in &self.rooms {
            if !link.may_see(&room.place) {
                continue;
            }
            let expected = room.key.proof(self.suite, &link.side, &self.own, binding);
            let proven = (0..).zip(proofs).filter(|(_, proof)| equal(proof, &expected)).last();
            match (proven, link.shared.get_mut(&room_id)) {
                (Some((index, _)), Some(shared)) => shared.index = index,
                (Some((index, _)), None) => {
                    link.shared.insert(room_id, Shared::new(index));
                    entered.push(room_id);
                }
                (None, Some(_)) => {
                    link.shared.remove(&room_id);
                    left.push(room_id);
                }
                (None, None) => {}
            }
        }
        entered.into_iter().for_each(|room| self.on_shared(turn, id, room));
        for &room in &left {
            if !self.is_in(room, &peer) {
                self.tell_presence(turn, room, peer, false);
            }
        }
        if !left.is_empty() {
            self.count_votes(turn);
        }
    }

    /// The peer of `id` has proven a room that we are in.
    fn on_shared(&mut self, turn: &mut Turn<'_>, id: LinkId, room_id: RoomKeyId) {
        let Some(link) = self.links.get(&id) else { return };
        let elsewhere = self
            .links
            .iter()
            .any(|(&other, it)| other != id && it.peer() == link.peer() && it.shared.contains_key(&room_id));
        let peer = link.peer();
        self.see(room_id, peer);
        if !elsewhere && !self.is_shown(room_id, &peer) {
            self.tell_presence(turn, room_id, peer, true);
        }
        self.tell_floor(turn, id, room_id);
        if self.timers.get(Timer::Audit(id)).is_none() {
            self.plan_audit(turn.now, id);
        }
        self.timers.set_by(Timer::Receipts(id), turn.now + RECEIPTS_WAIT);
    }

    /// Tells the peer of `id` where our history of a room begins; both compare from the later of the two floors.
    pub(super) fn tell_floor(&mut self, turn: &mut Turn<'_>, id: LinkId, room_id: RoomKeyId) {
        let (Some(link), Some(room)) = (self.links.get(&id), self.rooms.get(&room_id)) else { return };
        // What is stamped further ahead than clocks differ is none of the latest.
        let last = day_of(*self.window(turn, room_id).end());
        let (day, deep) = (room.floor, room.history.deep((room.floor, last), NEWCOMER_ENTRIES));
        turn.send(id, link, room_id, |index| Frame::Floor { room: index, day, deep });
        self.begin_if_we_lead(turn, id, room_id);
    }

    /// The peer of `id` has told where its history of a room begins, and from which day on its latest entries are.
    pub(super) fn on_floor(&mut self, turn: &mut Turn<'_>, id: LinkId, index: u16, deep: u32) {
        if let Some(room) = self.links.get(&id).and_then(|link| link.room_at(index)) {
            self.reach_for_the_latest(turn, room, deep);
            self.begin_if_we_lead(turn, id, room);
        }
    }

    /// Of two peers that have just met in a room, the smaller one leads the first comparison, and another one when the
    /// later of their floors is another day. What a neighbour makes of that too often is left to its heartbeats.
    fn begin_if_we_lead(&mut self, turn: &mut Turn<'_>, id: LinkId, room_id: RoomKeyId) {
        let (Some(link), Some(room)) = (self.links.get_mut(&id), self.rooms.get(&room_id)) else { return };
        let Some(theirs) = link.floor(room_id).filter(|_| self.own < link.side) else { return };
        let Some(shared) = link.shared.get_mut(&room_id) else { return };
        let from = Some(room.floor.max(theirs));
        if shared.met != from && shared.meetings.take(turn.now, MEETINGS, MEETING) {
            shared.met = from;
            self.begin(turn, id, room_id);
        }
    }

    /// This frame did not go out because too much waits on its link. What nobody would ask for again is kept.
    pub(crate) fn on_unsent(&mut self, turn: &mut Turn<'_>, id: LinkId, frame: Frame) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let room_of = |index: u16| link.slots.get(usize::from(index)).copied().flatten();
        match frame {
            Frame::Proofs { .. } => link.told = false,
            Frame::Floor { room, .. } => link.unsent_floors.extend(room_of(room)),
            Frame::Stored { room, ids } => {
                let Some(room) = room_of(room) else { return };
                let free = UNSENT_RECEIPTS_MAX.saturating_sub(link.unsent_receipts.len());
                turn.stats.receipts_dropped += ids.len().saturating_sub(free) as u64;
                link.unsent_receipts.extend(ids.into_iter().take(free).map(|entry| (room, entry)));
            }
            Frame::Push { entries, repair: false, .. } => {
                let entries = entries.into_iter().filter_map(|bytes| Entry::read(self.suite, bytes));
                return entries.for_each(|entry| self.news.is_unknown_to(&entry.id, id));
            }
            _ => return,
        }
        self.timers.set_by(Timer::Unsent(id), turn.now + UNSENT_PAUSE);
    }

    /// Says again what did not go out. Whatever does not go out this time either comes back here.
    pub(super) fn say_again(&mut self, turn: &mut Turn<'_>, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let floors = core::mem::take(&mut link.unsent_floors);
        let mut receipts: BTreeMap<RoomKeyId, Vec<EntryId>> = BTreeMap::new();
        for (room, entry) in core::mem::take(&mut link.unsent_receipts) {
            receipts.entry(room).or_default().push(entry);
        }
        self.prove(turn, id);
        floors.into_iter().for_each(|room| self.tell_floor(turn, id, room));
        for (room, entries) in receipts {
            entries.chunks(LIST_MAX).for_each(|entries| self.acknowledge(turn, id, room, entries));
        }
    }
}

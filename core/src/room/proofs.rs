//! Who is in which room: each side proves the rooms it is in, and learns nothing of the others.

use alloc::{collections::BTreeSet, vec::Vec};

use super::{
    LinkId, Rooms, Timer, Turn, Wish,
    link::{Link, Shared},
    receipts::RECEIPTS_WAIT,
};
use crate::{
    event::{Event, Place},
    frames::{Frame, PROOFS_MAX},
    store::RoomKeyId,
    suite::equal,
};

/// The number of proofs is always a multiple of this.
const PROOFS_STEP: usize = 16;

/// Whether `tag` is the beginning of `binding`.
pub(super) fn is_tag_of(tag: &[u8; 8], binding: &[u8; 32]) -> bool {
    binding.starts_with(tag)
}

impl Rooms {
    /// Brings all links up to date after a room was entered or left.
    pub(super) fn prove_all(&mut self, turn: &mut Turn<'_>) {
        let links: Vec<_> = self.links.keys().copied().collect();
        links.into_iter().for_each(|link| self.prove(turn, link));
    }

    /// Proves to the peer of `id` the rooms that it may see, unless it has been told already.
    pub(super) fn prove(&mut self, turn: &mut Turn<'_>, id: LinkId) {
        if self.queued.is_some() {
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
        if self.queued.is_some() {
            return;
        }
        let Some(link) = self.links.get_mut(&id) else { return };
        let Some((binding, proofs)) = &link.proofs else { return };
        let mut entered = Vec::new();
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
                    if let Place::Room(name) = &room.place {
                        let (room, key) = (name.clone(), link.peer());
                        turn.event(Event::Room { room, key, joined: false });
                    }
                }
                (None, None) => {}
            }
        }
        entered.into_iter().for_each(|room| self.on_shared(turn, id, room));
    }

    /// The peer of `id` has proven a room that we are in.
    fn on_shared(&mut self, turn: &mut Turn<'_>, id: LinkId, room_id: RoomKeyId) {
        let (Some(link), Some(room)) = (self.links.get(&id), self.rooms.get(&room_id)) else { return };
        let elsewhere = self
            .links
            .iter()
            .any(|(&other, it)| other != id && it.peer() == link.peer() && it.shared.contains_key(&room_id));
        if let (Place::Room(name), false) = (&room.place, elsewhere) {
            turn.event(Event::Room { room: name.clone(), key: link.peer(), joined: true });
        }
        turn.send(id, link, room_id, |index| Frame::Floor { room: index, day: room.floor });
        if self.timers.get(Timer::Audit(id)).is_none() {
            self.plan_audit(turn.now, id);
        }
        self.timers.set_by(Timer::Receipts(id), turn.now + RECEIPTS_WAIT);
        self.begin_if_we_lead(turn, id, room_id);
    }

    /// The peer of `id` has told where its history of a room begins.
    pub(super) fn on_floor(&mut self, turn: &mut Turn<'_>, id: LinkId, index: u16) {
        if let Some(room) = self.links.get(&id).and_then(|link| link.room_at(index)) {
            self.begin_if_we_lead(turn, id, room);
        }
    }

    /// Of two peers that have just met in a room, the smaller one leads the first comparison.
    fn begin_if_we_lead(&mut self, turn: &mut Turn<'_>, id: LinkId, room: RoomKeyId) {
        let leads = |link: &Link| self.own < link.side && link.floor(room).is_some();
        if self.links.get(&id).is_some_and(leads) {
            self.begin(turn, id, room);
        }
    }
}

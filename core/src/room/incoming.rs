//! What comes over links: they go up and down, and bring frames, each of which goes to the part that it concerns.

use super::{LinkId, Rooms, Timer, Turn, key::Side, link::Link, proofs};
use crate::{
    frames::Frame,
    identity::{BootId, PeerKey},
    store::RoomKeyId,
};

impl Rooms {
    /// A link is up, and its peer has proven who it is.
    pub(crate) fn on_link_up(
        &mut self,
        turn: &mut Turn<'_>,
        link: LinkId,
        peer: PeerKey,
        boot: BootId,
        binding: [u8; 32],
    ) {
        let mut begun = Link::new(Side(peer, boot), binding);
        self.spent.give_back(&mut begun);
        self.links.insert(link, begun);
        if self.restored.is_none() {
            return;
        }
        let _ = self.open_direct(turn, peer);
        self.prove(turn, link);
    }

    /// Another handshake has taken the link over.
    pub(crate) fn on_rebound(&mut self, turn: &mut Turn<'_>, link: LinkId, binding: [u8; 32]) {
        let Some(entry) = self.links.get_mut(&link).filter(|entry| entry.binding != binding) else { return };
        entry.previous = Some(entry.binding);
        entry.binding = binding;
        entry.told = false;
        if let Some((_, proofs)) = entry.early.take_if(|(tag, _)| proofs::is_tag_of(tag, &binding)) {
            entry.proofs = Some((binding, proofs));
        }
        self.prove(turn, link);
    }

    /// Somebody's signed record tells their X25519 key: a direct conversation becomes possible.
    pub(crate) fn on_peer_known(&mut self, turn: &mut Turn<'_>, key: PeerKey, direct: [u8; 32]) {
        self.learn(key, direct);
        if self.restored.is_some() && self.links.values().any(|link| link.peer() == key) {
            let _ = self.open_direct(turn, key);
        }
    }

    pub(crate) fn on_link_down(&mut self, turn: &mut Turn<'_>, link: LinkId) {
        for timer in [Timer::Run, Timer::Asked, Timer::Ask, Timer::Behind, Timer::Unsent, Timer::Audit] {
            self.timers.clear(timer(link));
        }
        self.timers.clear(Timer::Graft(link));
        self.timers.clear(Timer::Receipts(link));
        let Some(mut gone) = self.links.remove(&link) else { return };
        self.spent.keep(turn.now, &mut gone);
        self.put_unanswered_aside(gone.peer());
        self.count_votes(turn);
        self.ask_others(turn, gone.asked);
    }

    /// A frame came over a link, reliably or as a datagram.
    pub(crate) fn on_frame(&mut self, turn: &mut Turn<'_>, id: LinkId, frame: Frame) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let index = match frame {
            Frame::Proofs { binding, proofs } => return self.on_proofs(turn, id, binding, proofs),
            Frame::Floor { room, day, deep } => {
                link.set_floor(room, day);
                return self.on_floor(turn, id, room, deep);
            }
            Frame::Heartbeat { counter, clock, rooms, .. } => {
                return self.on_heartbeat(turn, id, counter, clock, &rooms);
            }
            Frame::Record(_)
            | Frame::Known(_)
            | Frame::Ask(_)
            | Frame::Keep(_)
            | Frame::Sum(_)
            | Frame::Compare { .. }
            | Frame::FileWant { .. }
            | Frame::FileEnd { .. }
            | Frame::Relay { .. }
            | Frame::Relayed { .. } => return,
            Frame::Unknown { .. } => {
                turn.stats.unknown += 1;
                return;
            }
            Frame::Push { room, .. }
            | Frame::Have { room, .. }
            | Frame::Want { room, .. }
            | Frame::Stored { room, .. }
            | Frame::Prune { room }
            | Frame::Sums { room, .. }
            | Frame::Reconcile { room, .. } => room,
        };
        match link.room_at(index) {
            Some(room) => self.on_room_frame(turn, id, room, frame),
            None => turn.stats.malformed += 1,
        }
    }

    /// A frame about a room that the peer of the link has proven.
    pub(super) fn on_room_frame(&mut self, turn: &mut Turn<'_>, link: LinkId, room: RoomKeyId, frame: Frame) {
        match frame {
            Frame::Push { entries, repair, .. } => self.on_push(turn, link, room, entries, repair),
            Frame::Have { marks, cause, .. } => self.on_have(turn, link, room, &marks, cause),
            Frame::Want { marks, .. } => self.on_want(turn, link, room, &marks),
            Frame::Prune { .. } => self.on_pruned(link, room, false),
            Frame::Stored { ids, .. } => self.on_stored(turn, link, room, &ids),
            Frame::Sums { answer: false, from, to, days, .. } => {
                self.on_sums_asked(turn, link, room, (from, to), days);
            }
            Frame::Sums { from, to, days, .. } => self.on_sums_answered(turn, link, room, (from, to), &days),
            Frame::Reconcile { from, to, round, message, .. } if round % 2 == 0 => {
                self.on_reconcile_asked(turn, link, room, (from, to), round, message);
            }
            Frame::Reconcile { from, to, round, message, .. } => {
                self.on_reconcile_answered(turn, link, room, (from, to), round, &message);
            }
            _ => {}
        }
    }
}

//! How time goes on for the peers: what they want is carried out, over links that keep order.

use super::*;

impl World {
    /// Lets a peer do something, and carries out what it wants.
    pub(super) fn turn(&mut self, index: usize, act: impl FnOnce(&mut Rooms, &mut Turn<'_>)) {
        let peer = &mut self.peers[index];
        let backlog = peer.backlog;
        // Everybody meets everybody, or nobody anybody.
        let met: Vec<_> = peer.links.keys().copied().filter(|_| self.meet).collect();
        let mut turn = Turn {
            now: self.now,
            backlog: &|_| backlog,
            met: &|_| met.clone(),
            stats: &mut peer.stats,
            out: &mut peer.out,
        };
        act(&mut peer.rooms, &mut turn);
        while let Some(wish) = self.peers[index].out.pop() {
            self.carry_out(index, wish);
        }
    }

    fn carry_out(&mut self, index: usize, wish: Wish) {
        let peer = &mut self.peers[index];
        let takes = peer.store.takes;
        match wish {
            Wish::Event(event) => peer.events.push(event),
            Wish::Written(key) => peer.written.push(key),
            Wish::Moved => peer.moves += 1,
            Wish::Send { link, frame } => {
                let Some(&(other, theirs)) = peer.links.get(&link) else { return };
                if (self.refuse)(index, other, &frame) {
                    self.turn(index, |rooms, turn| rooms.on_unsent(turn, link, frame));
                } else if !(self.lose)(index, other, &frame) {
                    let frame = (self.alter)(index, other, frame);
                    let bytes = frame.encode();
                    assert!(bytes.len() <= 64 << 10, "a record is at most 64 KiB");
                    self.seen.push((index, other, frame));
                    let slow = self.slow.get(&(index, other)).copied().unwrap_or_default();
                    self.later(self.stream + slow, other, Happening::Frame(theirs, bytes));
                }
            }
            Wish::Persist(Record::Forget(forgotten)) => {
                let result = peer.store.forget(&forgotten);
                let each = peer.store.forgets_in * u32::try_from(forgotten.ids.len()).unwrap();
                self.later(takes + each, index, Happening::Forgotten(result));
            }
            Wish::Persist(record) => {
                let own = peer.identity.key();
                if let Some((id, result)) = peer.store.append(record, own) {
                    self.later(takes, index, Happening::Durable(id, result));
                }
            }
            Wish::Fetch { request, what } => {
                let answer = peer.store.read(&what);
                self.later(takes, index, Happening::Answer(request, answer));
            }
        }
    }

    pub(super) fn later(&mut self, after: Duration, index: usize, happening: Happening) {
        self.count += 1;
        self.queue.insert((self.now + after, self.count), (index, happening));
    }

    /// Goes on for `span`.
    pub(super) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            let queued = self.queue.first_key_value().map(|(&(at, _), _)| at);
            let wakes = self.peers.iter().filter_map(|peer| peer.rooms.next_wake());
            let Some(next) = wakes.chain(queued).min().filter(|&next| next <= end) else { break };
            self.now = self.now.max(next);
            if queued == Some(next) {
                let (_, (index, happening)) = self.queue.pop_first().unwrap();
                self.happen(index, happening);
            } else {
                (0..self.peers.len()).for_each(|index| self.turn(index, |rooms, turn| rooms.on_tick(turn)));
            }
        }
        self.now = end;
        (0..self.peers.len()).for_each(|index| self.turn(index, |rooms, turn| rooms.on_tick(turn)));
    }

    fn happen(&mut self, index: usize, happening: Happening) {
        match happening {
            Happening::Frame(link, bytes) => {
                let frame = Frame::decode(&bytes).expect("what one peer writes another can read");
                self.turn(index, |rooms, turn| rooms.on_frame(turn, link, frame));
            }
            Happening::Durable(id, result) => {
                self.turn(index, |rooms, turn| rooms.on_durable(turn, &[id], result));
            }
            Happening::Forgotten(result) => {
                self.turn(index, |rooms, turn| rooms.on_forgotten(turn, result));
            }
            Happening::Answer(request, answer) => {
                self.turn(index, |rooms, turn| rooms.on_answer(turn, request, answer));
            }
            Happening::Heartbeat(link) => {
                let Some(&(other, theirs)) = self.peers[index].links.get(&link) else { return };
                let frame = self.peers[index].rooms.heartbeat(self.now, link);
                let frame = (self.alter)(index, other, frame);
                let bytes = frame.encode();
                assert!(bytes.len() <= 1100, "a heartbeat fits a datagram");
                if !(self.lose)(index, other, &frame) {
                    self.later(LATENCY, other, Happening::Frame(theirs, bytes));
                }
                self.later(HEARTBEAT, index, Happening::Heartbeat(link));
            }
        }
    }

    /// Brings a link up between two peers who know each other's records.
    pub(super) fn connect(&mut self, one: usize, other: usize) {
        let (known_one, known_other) = (self.known(one), self.known(other));
        self.link(one, other);
        self.turn(one, |rooms, turn| rooms.on_peer_known(turn, known_other.0, known_other.1));
        self.turn(other, |rooms, turn| rooms.on_peer_known(turn, known_one.0, known_one.1));
        for (index, (key, direct, nick)) in [(one, self.known(other)), (other, self.known(one))] {
            let peers = &mut self.peers[index].store.peers;
            if peers.iter().all(|peer| peer.key != key) {
                peers.push(StoredPeer { key, nick, direct, addresses: Vec::new(), seen: UnixMillis(0) });
            }
        }
    }

    /// Brings a link up, nothing more; answers both ends' names for it.
    pub(super) fn link(&mut self, one: usize, other: usize) -> (LinkId, LinkId) {
        self.count += 2;
        let (a, b) = (LinkId(self.count), LinkId(self.count + 1));
        self.count += 1;
        let mut binding = [7; 32];
        binding[..8].copy_from_slice(&self.count.to_le_bytes());
        self.peers[one].links.insert(a, (other, b));
        self.peers[other].links.insert(b, (one, a));
        let side = |peer: &Peer| (peer.identity.key(), BootId(peer.boot));
        let (side_one, side_other) = (side(&self.peers[one]), side(&self.peers[other]));
        self.turn(one, |rooms, turn| rooms.on_link_up(turn, a, side_other.0, side_other.1, binding));
        self.turn(other, |rooms, turn| rooms.on_link_up(turn, b, side_one.0, side_one.1, binding));
        for (index, link, of) in [(one, a, other), (other, b, one)] {
            let origin = Origin::Address([10, 0, 0, self.peers[of].host].into());
            self.turn(index, |rooms, _| rooms.on_reached(link, origin));
        }
        self.later(Duration::from_millis(4000), one, Happening::Heartbeat(a));
        self.later(Duration::from_millis(4700), other, Happening::Heartbeat(b));
        (a, b)
    }

    /// Takes all links between two peers down.
    pub(super) fn cut(&mut self, one: usize, other: usize) {
        for (index, other) in [(one, other), (other, one)] {
            let links: Vec<_> =
                self.peers[index].links.iter().filter(|(_, to)| to.0 == other).map(|(&id, _)| id).collect();
            for link in links {
                self.peers[index].links.remove(&link);
                self.turn(index, |rooms, turn| rooms.on_link_down(turn, link));
            }
        }
        let peers = &self.peers;
        self.queue.retain(|_, (index, happening)| match happening {
            Happening::Frame(link, _) => peers[*index].links.contains_key(link),
            _ => true,
        });
    }

    pub(super) fn run_ms(&mut self, millis: u64) {
        self.run(Duration::from_millis(millis));
    }

    pub(super) fn run_s(&mut self, seconds: u64) {
        self.run(Duration::from_secs(seconds));
    }
}

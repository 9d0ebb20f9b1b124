//! What peers say about themselves: what they send us goes at a pace for each identity, and what we say is signed anew
//! when it changes.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::time::Duration;

use bytes::Bytes;

use super::{Node, links::ADDRESSES_MAX};
use crate::{
    frames::Frame,
    identity::PeerKey,
    members::Taken,
    record::{PAUSE_MAX, PAUSE_MIN, PeerRecord, RECORD_MAX, Tag, pause_most},
    session::{LinkId, Pace},
    store::{Record, StoredPeer},
    time::Instant,
    timers::Timers,
};

/// Records of one identity: more than anybody renames themselves, or answers accusations when half of the network is
/// cut off from the other half.
const RECORDS: Pace = Pace { each: Duration::from_secs(2), burst: 64 };
/// Identities whose pace is kept. Of more, those are forgotten that are not here and have waited longest: a newcomer
/// is never kept waiting for others.
const PACED_MAX: usize = 1024;
/// A change of our sessions is told after this, together with what changes meanwhile.
pub(super) const SESSIONS_PAUSE: Duration = PAUSE_MAX;

/// How often each identity has told of itself, and which links have a record that waits.
#[derive(Debug)]
pub(super) struct Records {
    paces: BTreeMap<PeerKey, Instant>,
    late: Timers<LinkId>,
    /// When ours is to be signed anew, and when it was.
    due: Option<Instant>,
    signed: Option<Instant>,
    pause: Duration,
    /// Others say to have lost us in this version.
    accused: u64,
}

impl Records {
    pub(super) const fn new() -> Self {
        Self {
            paces: BTreeMap::new(),
            late: Timers::new(),
            due: None,
            signed: None,
            pause: PAUSE_MIN,
            accused: 0,
        }
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.late.next().map(|(at, _)| at).into_iter().chain(self.due).min()
    }

    /// Ours is to be signed anew by `at`.
    pub(super) fn sign_by(&mut self, at: Instant) {
        let at = self.signed.map_or(at, |signed| at.max(signed + self.pause));
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// Ours is signed, and goes to so many.
    fn on_signed(&mut self, now: Instant, readers: usize) {
        let is_fast = self.signed.is_some_and(|signed| now - signed < self.pause * 2);
        self.pause = if is_fast { (self.pause * 2).min(pause_most(readers)) } else { PAUSE_MIN };
        self.signed = Some(now);
    }

    /// The link is down.
    pub(super) fn forget(&mut self, link: LinkId) {
        self.late.clear(link);
    }

    /// Whether a record of `key` is in time.
    fn take(&mut self, now: Instant, key: PeerKey, is_here: impl Fn(&PeerKey) -> bool) -> bool {
        if self.paces.len() >= PACED_MAX && !self.paces.contains_key(&key) {
            self.make_room(now, is_here);
        }
        RECORDS.take(now, self.paces.entry(key).or_default())
    }

    /// Those who are here are no more than there are sessions.
    fn make_room(&mut self, now: Instant, is_here: impl Fn(&PeerKey) -> bool) {
        self.paces.retain(|_, free| *free > now);
        let mut by_time: Vec<_> = self.paces.iter().map(|(&key, &free)| (free, key)).collect();
        by_time.sort_unstable();
        let surplus = (by_time.len() + 1).saturating_sub(PACED_MAX);
        let away = by_time.into_iter().filter(|(_, key)| !is_here(key)).take(surplus);
        away.for_each(|(_, key)| {
            self.paces.remove(&key);
        });
    }
}

impl Node {
    /// What our record says of our sessions may not hold any more.
    pub(super) fn on_neighbours_changed(&mut self) {
        self.records.sign_by(self.now + SESSIONS_PAUSE);
    }

    /// Signs what we say about ourselves anew, and tells it to everybody in session.
    pub(super) fn publish(&mut self, gone: bool) {
        let least = self.own_version().max(self.records.accused).saturating_add(1);
        // Whoever is reached over somebody else is not reached by those who are looking for a way.
        let direct = self.peers.values().filter(|peer| !peer.is_relayed());
        let neighbours = direct.filter(|peer| self.contacts.is_neighbour(peer.key, peer.boot));
        let version = least.max(self.wall_now().0);
        let record = PeerRecord {
            key: self.identity.key(),
            version,
            boot: self.boot,
            nick: self.nick.clone(),
            direct: self.identity.direct_public(),
            gone,
            addresses: self.net.addresses(self.config.chat_port),
            neighbours: neighbours.map(|peer| peer.tag).collect::<BTreeSet<_>>().into_iter().collect(),
            lost: self.members.lost().collect(),
            rooms: self.rooms.tags(),
        };
        self.records.due = None;
        let is_answered = self.own_version() > self.records.accused;
        if self.own.as_ref().is_some_and(|(own, _)| is_answered && own.says_the_same(&record)) {
            return;
        }
        let signed = record.sign(self.config.suite, &self.identity);
        self.own = Some((record, signed));
        self.records.on_signed(self.now, self.members.len());
        let links: Vec<LinkId> = self.peers.keys().copied().collect();
        links.into_iter().for_each(|link| self.send_own_record(link));
    }

    /// Which version of our own record the others have, or will.
    pub(super) fn own_version(&self) -> u64 {
        self.own.as_ref().map_or(0, |(own, _)| own.version)
    }

    /// Tells a peer what we say about ourselves; of one that has too much to read already, at a later heartbeat.
    pub(super) fn send_own_record(&mut self, link: LinkId) {
        if let Some((_, signed)) = &self.own
            && let Some(peer) = self.peers.get_mut(&link)
        {
            peer.is_untold = !self.sessions.send(link, Frame::Record(signed.clone()).encode());
        }
    }

    /// A record came over a link: of its peer, or of somebody else.
    pub(super) fn on_record(&mut self, link: LinkId, signed: &[u8]) {
        let Some(peer) = self.peers.get(&link) else { return };
        let (Some(key), true) = (PeerRecord::key(signed), signed.len() <= RECORD_MAX) else {
            self.stats.room.malformed += 1;
            return;
        };
        let is_here = |key: &PeerKey| self.peers.values().any(|peer| peer.key == *key);
        if key != peer.key {
            // Several may send the same one of whoever has just come.
            let run = PeerRecord::run(signed).map(|(key, boot)| Tag::of(self.config.suite, &key, boot));
            if let Some(tag) = run.filter(|tag| self.members.of(tag).is_some_and(|it| it.has_signed(signed)))
            {
                return self.members.on_shown(tag, link);
            }
            // Of those that come too fast the latest one is asked for later.
            if !self.members.may_hear(self.now, peer.tag) || !self.records.take(self.now, key, is_here) {
                self.stats.records_late += 1;
                return;
            }
            return self.take_record(link, signed);
        }
        let in_time = self.records.take(self.now, key, is_here);
        // Whoever has just come is shown at once: coming costs a handshake, and those have a pace of their own. Of those
        // that come too fast the latest waits for its turn, so that whoever is in a hurry still ends up as what it said
        // last.
        if peer.late.is_none() && (in_time || !peer.has_told) {
            return self.take_record(link, signed);
        }
        self.stats.records_late += 1;
        if let Some(peer) = self.peers.get_mut(&link) {
            peer.late = Some(Bytes::copy_from_slice(signed));
            self.records.late.set_by(link, self.now + RECORDS.each);
        }
    }

    /// Takes in what waited long enough, and says what is due.
    pub(super) fn on_records_due(&mut self) {
        while let Some(link) = self.records.late.pop_due(self.now) {
            let late = self.peers.get_mut(&link).and_then(|peer| peer.late.take());
            late.into_iter().for_each(|signed| self.on_record(link, &signed));
        }
        if self.records.due.is_some_and(|due| due <= self.now) {
            self.records.due = None;
            if self.own.is_some() && self.quitting.is_none() {
                self.publish(false);
            }
        }
    }

    fn take_record(&mut self, link: LinkId, signed: &[u8]) {
        let Some(peer) = self.peers.get(&link) else { return };
        if self.members.of(&peer.tag).is_some_and(|member| member.has_signed(signed)) {
            // Verified when it came first: whoever visits shows what is known.
            return self.on_told(link);
        }
        let record = PeerRecord::verify(self.config.suite, signed);
        let tag = record.as_ref().map(|record| Tag::of(self.config.suite, &record.key, record.boot));
        let (Some(record), Some(tag)) = (record, tag) else {
            self.stats.room.malformed += 1;
            return;
        };
        let is_own = tag == peer.tag;
        if (record.key, record.boot) == (self.identity.key(), self.boot) {
            return;
        }
        if let Some(version) = self.members.accuses_us(&record, self.own_version()) {
            self.records.accused = self.records.accused.max(version);
            self.records.sign_by(self.now);
        }
        let by = peer.tag;
        match self.members.hear(self.now, by, tag, (record, Bytes::copy_from_slice(signed))) {
            Taken::Old => {}
            Taken::Full => self.stats.members_full += 1,
            taken => self.members.spread(self.now, tag, link, taken),
        }
        if is_own {
            self.on_told(link);
        }
    }

    /// The peer of `link` has told about itself.
    fn on_told(&mut self, link: LinkId) {
        if let Some(peer) = self.peers.get_mut(&link) {
            peer.has_told = true;
        }
        self.remember(link);
    }

    /// The peer of `link` has proven who it is, and told about itself: it is remembered.
    pub(super) fn remember(&mut self, link: LinkId) {
        // What is known of it is not known yet.
        if self.queued.is_some() {
            return;
        }
        let Some(peer) = self.peers.get(&link) else { return };
        let Some(member) = self.members.of(&peer.tag) else { return };
        let (key, nick, direct) = (peer.key, member.record.nick.clone(), member.record.direct);
        let (address, remembered) = (peer.address(), Some((nick.clone(), direct)));
        if peer.remembered == remembered {
            return;
        }
        if let Some(peer) = self.peers.get_mut(&link) {
            peer.remembered = remembered;
        }
        let known = self.acquaintances.of(&key).map_or_else(Vec::new, |stored| stored.addresses.clone());
        let others = known.into_iter().filter(|&other| Some(other) != address);
        let addresses = address.into_iter().chain(others).take(ADDRESSES_MAX).collect();
        let stored = StoredPeer { key, nick, direct, addresses, seen: self.wall_now() };
        // Somebody may have to be forgotten first.
        self.meet(stored.clone());
        self.with_rooms(|rooms, turn| rooms.on_peer_known(turn, key, direct));
        self.ledger.collect(Record::Peer(stored));
    }

    /// Remembers somebody, and forgets somebody else when there are too many.
    pub(super) fn meet(&mut self, stored: StoredPeer) {
        let is_here = |key: &PeerKey| self.peers.values().any(|peer| peer.key == *key);
        if let Some(forgotten) = self.acquaintances.meet(stored, is_here) {
            self.sessions.unremember(&forgotten);
            self.rooms.forget(&forgotten);
            self.regard(forgotten);
            self.stats.peers_forgotten += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u16) -> PeerKey {
        let mut key = [0; 32];
        key[..2].copy_from_slice(&number.to_be_bytes());
        PeerKey(key)
    }

    #[test]
    fn nobody_waits_for_others_and_nobody_here_gets_more_than_its_share() {
        let (mut records, now) = (Records::new(), Instant::ORIGIN);
        let mut taken = |number: u16| {
            let taken = (0..80).filter(|_| records.take(now, key(number), |key| key.0[0] == 0)).count();
            (taken, records.paces.len())
        };
        for number in 0..5000 {
            let (taken, paced) = taken(number);
            assert!(taken == 64 && paced <= PACED_MAX, "{number}: {taken} of {paced}");
        }
        assert_eq!((taken(0).0, taken(255).0), (0, 0), "they are here");
        assert_eq!((taken(4999).0, taken(300).0), (0, 64), "it went a moment ago, and long ago");
    }

    #[test]
    fn whoever_has_to_say_more_and_more_to_many_says_it_less_often() {
        let pauses = |readers| {
            let (mut records, mut now) = (Records::new(), Instant::ORIGIN);
            let mut next = |quiet: Duration| {
                now += quiet;
                records.sign_by(now);
                let due = records.next_wake().expect("ours is due");
                let pause = due - now;
                now = due;
                records.due = None;
                records.on_signed(now, readers);
                pause.as_millis()
            };
            let in_a_row = core::array::from_fn::<_, 7, _>(|_| next(Duration::ZERO));
            (in_a_row, next(Duration::from_secs(10)), next(Duration::ZERO))
        };
        assert_eq!(pauses(5), ([0, 200, 200, 200, 200, 200, 200], 0, 200));
        assert_eq!(pauses(50), ([0, 200, 400, 800, 1000, 1000, 1000], 0, 200));
        assert_eq!(pauses(150), ([0, 200, 400, 800, 1600, 3000, 3000], 0, 200));
        assert_eq!(pauses(2000), ([0, 200, 400, 800, 1600, 3200, 5000], 0, 200));
    }

    #[test]
    fn those_who_are_here_have_a_place_each_however_many_they_are() {
        let (mut records, now) = (Records::new(), Instant::ORIGIN);
        let many = 2 * u16::try_from(PACED_MAX).unwrap();
        assert!((0..many).all(|number| records.take(now, key(number), |_| true)));
        assert!(records.take(now, key(9999), |_| true));
        assert!(records.take(now, key(9998), |_| false));
        assert_eq!(records.paces.len(), PACED_MAX, "they have gone");
    }
}

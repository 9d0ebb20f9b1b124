//! Where no way leads to somebody whom the person wants: a neighbour of both is asked to pass on what we say to each
//! other, sealed. What we pass on for others is in `passing.rs`.
//!
//! Our own calls come first, and go on now and then: a session that needs nobody takes the place of one that does. Over
//! which neighbour is tried one after the other: first those whom the record of the one at the other end names or who
//! name it in theirs, then a few others, whose last session may be newer than their record.

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    string::String,
    vec::Vec,
};
use core::{net::SocketAddr, time::Duration};

use bytes::Bytes;

use super::Node;
use crate::{
    frames::Frame,
    identity::PeerKey,
    record::Tag,
    relay::Relayed,
    room::Bucket,
    session::{Effort, Failure, LinkId},
    time::Instant,
};

/// It is looked no oftener than this for whom there is no way to.
const LOOK_EACH: Duration = Duration::from_millis(250);
/// A neighbour that is named, and over whom it did not work, is tried again after this: a session there may have ended
/// or begun a moment ago.
const AGAIN: Duration = Duration::from_secs(10);
/// One whom nothing speaks for.
const GUESS_AGAIN: Duration = Duration::from_secs(60);
/// Of those so many are tried: each costs it one look and us one datagram.
const GUESSES: usize = 4;
/// Neighbours that are remembered to have been tried in vain, for each run at the other end.
const FAILED_MAX: usize = 16;
/// Runs at the other end that are looked after, and those that are called at a time: the others wait for them.
const RUNS_MAX: usize = 256;
const CALLS_MAX: usize = 8;
/// Where nobody is in session with both, a neighbour of the other end is called, one in this time.
const CALL_EACH: Duration = Duration::from_secs(10);

/// Over whom we reach others, and what the neighbours may have us pass on.
#[derive(Debug, Default)]
pub(super) struct Relays {
    /// The number of each session that needs nobody: what others are reached over.
    numbers: BTreeMap<LinkId, u16>,
    links: BTreeMap<u16, LinkId>,
    latest: u16,
    tries: BTreeMap<Tag, Try>,
    due: Option<Instant>,
    looked: Instant,
    /// What of a quota is used up, by each neighbour and by all together.
    pub(super) used: BTreeMap<LinkId, Bucket>,
    pub(super) used_by_all: Bucket,
    /// When all that was told of ways that do not exist is paid for, for each neighbour.
    pub(super) told: BTreeMap<LinkId, Instant>,
    /// For traces: what the packet says that goes to a neighbour next, and what those say that wait there.
    pub(super) saying: Vec<String>,
    pub(super) inside: VecDeque<(Bytes, Vec<String>)>,
}

/// The search for a way to one run.
#[derive(Debug, Default)]
struct Try {
    /// Over whom it is called now.
    over: Option<u16>,
    /// Over whom that came to nothing, and until when nobody tries again.
    failed: BTreeMap<Tag, Instant>,
    called: Option<Instant>,
}

impl Relays {
    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.due
    }

    /// Something has changed that may matter.
    pub(super) fn stir(&mut self, now: Instant) {
        let at = now.max(self.looked + LOOK_EACH);
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }

    /// A session that needs nobody begins.
    pub(super) fn on_up(&mut self, link: LinkId) {
        // There are far fewer sessions than numbers, and one is not given again for long.
        for _ in 0..=u16::MAX {
            self.latest = self.latest.wrapping_add(1);
            if self.latest != 0 && !self.links.contains_key(&self.latest) {
                self.numbers.insert(link, self.latest);
                self.links.insert(self.latest, link);
                return;
            }
        }
    }

    pub(super) fn on_down(&mut self, link: LinkId) {
        if let Some(number) = self.numbers.remove(&link) {
            self.links.remove(&number);
        }
        self.used.remove(&link);
        self.told.remove(&link);
    }

    /// The session of the neighbour with this number.
    pub(super) fn link(&self, number: u16) -> Option<LinkId> {
        self.links.get(&number).copied()
    }

    /// Until when nobody calls `far` over `relay`, where that came to nothing.
    #[cfg(test)]
    pub(super) fn failed_until(&self, far: Tag, relay: Tag) -> Option<Instant> {
        self.tries.get(&far)?.failed.get(&relay).copied()
    }

    /// As if it had come to nothing to call `far` over `relay`.
    #[cfg(test)]
    pub(super) fn fail(&mut self, far: Tag, relay: Tag, until: Instant) {
        self.tries.entry(far).or_default().failed.insert(relay, until);
    }

    pub(super) fn number(&self, link: LinkId) -> Option<u16> {
        self.numbers.get(&link).copied()
    }
}

impl Node {
    /// A packet of a session of ours goes to the neighbour that passes it on.
    pub(super) fn send_over(&mut self, way: Relayed, bytes: Bytes) {
        let Some(link) = self.relays.link(way.relay) else { return };
        self.trace_inside(&bytes);
        let frame = Frame::Relay { to: way.far, bytes };
        if self.sessions.pass(link, frame.encode()) {
            self.stats.relay.sent += 1;
        } else {
            self.stats.relay.dropped += 1;
        }
    }

    /// A session with `key` is wanted, over a neighbour if need be.
    pub(super) fn want(&mut self, key: PeerKey) {
        self.contacts.on_written(self.now, key);
        self.relays.stir(self.now);
    }

    /// Looks for whom there is no way to, when that is due.
    pub(super) fn on_relays_due(&mut self) {
        if self.relays.due.is_none_or(|due| due > self.now) {
            return;
        }
        (self.relays.due, self.relays.looked) = (None, self.now);
        if !self.may_call() {
            return;
        }
        let (unreached, again) = self.contacts.out_of_reach(self.now);
        again.into_iter().for_each(|at| self.look_by(at));
        let runs: Vec<(Tag, PeerKey)> = self
            .members
            .all()
            .filter(|(_, member)| !unreached.is_empty() && unreached.contains(&member.record.key.short()))
            .filter(|(_, member)| member.is_here())
            .map(|(&tag, member)| (tag, member.record.key))
            .take(RUNS_MAX)
            .collect();
        // Whoever is being called right now may have to be reached over others all the same: what failed is remembered.
        self.relays.tries.retain(|tag, search| {
            search.failed.retain(|_, until| *until > self.now);
            !search.failed.is_empty() || runs.iter().any(|(other, _)| other == tag)
        });
        for (tag, key) in runs {
            self.find_way(tag, key);
        }
        let relays: BTreeSet<PeerKey> =
            self.peers.values().filter_map(|peer| self.through(peer.at)).collect();
        self.contacts.set_relays(self.now, &relays.into_iter().collect::<Vec<_>>());
    }

    /// Calls a run over the next neighbour, unless that is being done, or it is reached over one that works.
    pub(super) fn find_way(&mut self, tag: Tag, key: PeerKey) {
        let now = self.now;
        let standing = self.members.link_of(&tag).and_then(|link| self.peers.get(&link)).map(|peer| peer.at);
        let over = standing.and_then(Relayed::of).and_then(|way| self.relay_of(way.relay));
        let search = self.relays.tries.entry(tag).or_default();
        let works = standing.is_some() && over.is_some_and(|relay| !search.failed.contains_key(&relay));
        if works || search.over.is_some() {
            return;
        }
        if self.relays.tries.values().filter(|search| search.over.is_some()).count() >= CALLS_MAX {
            return self.relays.stir(now);
        }
        let Some(number) = self.next_relay(tag, key) else { return self.on_no_relay(tag) };
        if let Some(search) = self.relays.tries.get_mut(&tag) {
            search.over = Some(number);
        }
        let to = Relayed { relay: number, far: tag }.address();
        let (stats, out) = (&mut self.stats.session, &mut self.session_wishes);
        self.sessions.dial(now, (to, 0), Effort::Full, stats, out);
    }

    /// The neighbour over whom a run is called next, by its number.
    fn next_relay(&self, tag: Tag, key: PeerKey) -> Option<u16> {
        let search = self.relays.tries.get(&tag)?;
        let mut guesses = GUESSES.saturating_sub(search.failed.len());
        let mut open: Vec<_> = self
            .relays
            .numbers
            .iter()
            .filter_map(|(link, &number)| Some((number, self.peers.get(link)?)))
            .filter(|(_, peer)| peer.key != key && !search.failed.contains_key(&peer.tag))
            .filter(|(_, peer)| !peer.is_suspect)
            .map(|(number, peer)| (!self.is_named(&peer.tag, &tag), number))
            .collect();
        open.sort_unstable();
        open.into_iter()
            .find(|(is_guess, _)| !is_guess || core::mem::replace(&mut guesses, 0) > 0)
            .map(|(_, number)| number)
    }

    /// Nobody is left over whom a run may be reached. In a crowd somebody may be called who is in session with it.
    fn on_no_relay(&mut self, tag: Tag) {
        let Some(search) = self.relays.tries.get_mut(&tag) else { return };
        let again = search.failed.values().min().copied();
        let may_call = search.called.is_none_or(|at| self.now - at >= CALL_EACH);
        if self.contacts.is_crowd() {
            if may_call {
                search.called = Some(self.now);
                let named = self.members.of(&tag).map_or(&[][..], |member| &member.record.neighbours);
                let open = named.iter().filter(|other| self.members.link_of(other).is_none());
                let keys: Vec<PeerKey> =
                    open.filter_map(|other| Some(self.members.of(other)?.record.key)).collect();
                let picked = usize::try_from(self.rng.below(keys.len() as u64)).unwrap_or(0);
                if let Some(&key) = keys.get(picked) {
                    self.contacts.call_now(self.now, key);
                }
            }
            self.look_by(self.now + CALL_EACH);
        }
        again.into_iter().for_each(|at| self.look_by(at));
    }

    /// It came to nothing to call a run over this neighbour, or it does not work any more.
    pub(super) fn on_way_failed(&mut self, way: Relayed, why: Failure) {
        let relay = self.relay_of(way.relay);
        let is_named = relay.is_some_and(|relay| self.is_named(&relay, &way.far));
        if let Some(search) = self.relays.tries.get_mut(&way.far) {
            if search.over == Some(way.relay) {
                search.over = None;
            }
            let pause = match why {
                Failure::Busy => LOOK_EACH,
                Failure::Duplicate => return self.relays.stir(self.now),
                Failure::Full => GUESS_AGAIN,
                _ if is_named => AGAIN,
                _ => GUESS_AGAIN,
            };
            if let Some(relay) = relay.filter(|_| search.failed.len() < FAILED_MAX) {
                search.failed.insert(relay, self.now + pause);
            }
        }
        self.relays.stir(self.now);
    }

    /// A session begins, or goes on elsewhere, at this address.
    pub(super) fn on_way_found(&mut self, tag: Tag, at: SocketAddr) {
        let relay = Relayed::of(at).and_then(|way| self.relay_of(way.relay));
        if let Some(search) = self.relays.tries.get_mut(&tag) {
            search.over = None;
            relay.into_iter().for_each(|relay| _ = search.failed.remove(&relay));
        }
        self.relays.stir(self.now);
    }

    /// The neighbour of `link` does not answer, or is gone: whoever is reached over it is called over others.
    pub(super) fn on_relay_doubtful(&mut self, link: LinkId) {
        let Some(number) = self.relays.number(link) else { return };
        let over = |at: SocketAddr| Relayed::of(at).filter(|way| way.relay == number);
        let mut ways: Vec<Relayed> = self.peers.values().filter_map(|peer| over(peer.at)).collect();
        let tried = self.relays.tries.iter().filter(|(_, search)| search.over == Some(number));
        ways.extend(tried.map(|(&far, _)| Relayed { relay: number, far }));
        for way in ways {
            self.sessions.give_up(way.address(), &mut self.session_wishes);
            self.on_way_failed(way, Failure::Timeout);
        }
    }

    /// The neighbour of `link` has no way to this run.
    pub(super) fn on_no_way(&mut self, link: LinkId, far: Tag) {
        let Some(way) = self.relays.number(link).map(|relay| Relayed { relay, far }) else { return };
        self.sessions.give_up(way.address(), &mut self.session_wishes);
        let standing = self.members.link_of(&far);
        let is_over_it = |link: &LinkId| self.peers.get(link).is_some_and(|peer| peer.at == way.address());
        if let Some(standing) = standing.filter(is_over_it) {
            // It may be a lie, so nothing ends; if it is none, that shows soon.
            self.sessions.ask(self.now, standing);
            self.on_way_failed(way, Failure::Timeout);
        }
    }

    /// Whose neighbour is it over whom somebody at this address is reached?
    pub(super) fn through(&self, at: SocketAddr) -> Option<PeerKey> {
        let link = self.relays.link(Relayed::of(at)?.relay)?;
        self.peers.get(&link).map(|peer| peer.key)
    }

    /// Whether one of the two says to have a session with the other.
    fn is_named(&self, relay: &Tag, far: &Tag) -> bool {
        let names = |one: &Tag, other: &Tag| {
            self.members.of(one).is_some_and(|it| it.record.neighbours.contains(other))
        };
        names(relay, far) || names(far, relay)
    }

    fn relay_of(&self, number: u16) -> Option<Tag> {
        let link = self.relays.link(number)?;
        self.peers.get(&link).map(|peer| peer.tag)
    }

    fn look_by(&mut self, at: Instant) {
        self.relays.due = Some(self.relays.due.map_or(at, |due| due.min(at)));
    }
}

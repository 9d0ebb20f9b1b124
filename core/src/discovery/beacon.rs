//! UDP broadcast: one datagram when we come, heard by everybody on the link at once, and more of them only where multicast
//! is shown not to work.
//!
//! ```text
//!   0   4  magic "p2pB"         4   1  version 1         5   1  flags: 1 = in session with nobody; 2, 4: `ask`
//!   6   2  port of the chat     8   8  first bytes of the key          16   8  boot id
//! ```
//!
//! All numbers are big-endian. What follows these 24 bytes is ignored, so that more can be said one day. Nothing of it
//! is believed: it causes a handshake at most, at a pace, and at an address of the link that it came from.

use alloc::{collections::BTreeMap, vec::Vec};
use core::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;

use super::{
    Announcement, Call, Found, PeerDiscovery, Share, Sighting, SightingKind, Word,
    ask::{echo, ways},
};
use crate::{
    boundary::{Datagram, Interface, Subnet, Transmit, Via},
    event::{Multicast, Source},
    findings::{LinkFindings, Reached, Tally, Way},
    identity::BootId,
    outbox::Outbox,
    rng::Rng,
    session::Pace,
    stats::{BeaconStats, Stats},
    time::Instant,
};

/// The port that everybody listens at.
const PORT: u16 = 27181;
const MAGIC: [u8; 4] = *b"p2pB";
const VERSION: u8 = 1;
const ALONE: u8 = 1;
const ASK: u8 = 2;
const ECHO: u8 = 4;
const LEN: usize = 24;
/// Links used at a time.
const LINKS_MAX: usize = 64;
/// Whoever is alone for so long tries again.
const ALONE_AFTER: Duration = Duration::from_secs(8);
/// From then on to the next one; each further interval is twice as long.
const ALONE_AGAIN: Duration = Duration::from_secs(10);
const ALONE_DOUBLINGS: u32 = 3;
/// Between two of one who has company, where multicast does not work: no less than this, and so much for each who is there.
/// All together stay below two packets a second, the random quarter included.
const AGAIN_MIN: Duration = Duration::from_secs(30);
const AGAIN_EACH: Duration = Duration::from_millis(700);
/// However often interfaces come and go.
const GAP: Duration = Duration::from_secs(1);
/// Of those present so many answer a newcomer (as many as it will have neighbours).
const ANSWERS: u64 = 8;
/// Answers to all newcomers: a keynote's worth at once.
const ANSWERING: Pace = Pace { each: Duration::from_millis(50), burst: 64 };
/// Whoever knows so many keeps only those newcomers in mind whom it calls.
const CANDIDATES: usize = 64;
/// Those heard that are told of again only when something has changed.
const HEARD_MAX: usize = 256;
/// Whoever is not heard for so long is not seen any more: longer than the longest interval where it goes on.
const HEARD_FOR: Duration = Duration::from_secs(300);

/// Discovery by UDP broadcast.
#[derive(Debug)]
pub(crate) struct Beacon {
    rng: Rng,
    own: Option<Announcement>,
    links: BTreeMap<u32, (Vec<Subnet>, Tally)>,
    /// A beacon that goes out whatever is known.
    due: Option<Instant>,
    sent: Option<Instant>,
    /// Since when there has been nobody in session, and how often we have called since.
    alone: Option<(Instant, u32)>,
    /// The next one of those that go on, as planned when something changed.
    again: Option<Instant>,
    /// How many others are known.
    known: usize,
    multicast: Multicast,
    heard: BTreeMap<[u8; 8], Heard>,
    answered: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Heard {
    boot: BootId,
    at: Instant,
    address: SocketAddr,
}

impl Beacon {
    pub(crate) const fn new(rng: Rng) -> Self {
        Self {
            rng,
            own: None,
            links: BTreeMap::new(),
            due: None,
            sent: None,
            alone: None,
            again: None,
            known: 0,
            multicast: Multicast::Unknown,
            heard: BTreeMap::new(),
            answered: Instant::ORIGIN,
        }
    }

    /// So many peers are in session, and so many are known; `multicast` is how that works.
    pub(crate) fn on_company(&mut self, now: Instant, sessions: usize, known: usize, multicast: Multicast) {
        let alone = match (sessions, self.alone) {
            (0, None) => Some((now, 0)),
            (0, alone) => alone,
            _ => None,
        };
        let is_same = (self.alone.is_some(), self.multicast) == (alone.is_some(), multicast);
        (self.alone, self.known, self.multicast) = (alone, known, multicast);
        if !is_same {
            self.plan(now);
        }
    }

    /// What has been heard on each link.
    pub(crate) fn tallies(&self) -> impl Iterator<Item = LinkFindings> {
        self.links.iter().map(|(&interface, &(_, tally))| LinkFindings {
            interface,
            way: Way::Broadcast,
            tally,
        })
    }

    /// Says that we are there, on all links.
    fn send(&mut self, now: Instant, stats: &mut BeaconStats, out: &mut Outbox<Found>) {
        let Some(own) = &self.own else { return };
        let bytes = write(own, self.alone.is_some());
        self.broadcast(&bytes, stats, out);
        (self.due, self.sent) = (None, Some(now));
    }

    /// Says `call` on all links.
    pub(crate) fn call(&mut self, call: &Call, stats: &mut BeaconStats, out: &mut Outbox<Found>) {
        let Some(own) = &self.own else { return };
        let bytes = write_call(own, self.alone.is_some(), call);
        self.broadcast(&bytes, stats, out);
    }

    fn broadcast(&mut self, bytes: &Bytes, stats: &mut BeaconStats, out: &mut Outbox<Found>) {
        let to = SocketAddr::from((Ipv4Addr::BROADCAST, PORT));
        for (&interface, (_, tally)) in &mut self.links {
            stats.sent += 1;
            tally.sent += 1;
            out.push(Found::Transmit(Transmit { via: Via::Beacon, interface, to, bytes: bytes.clone() }));
        }
    }

    /// When the next one goes out of those that go on.
    fn plan(&mut self, now: Instant) {
        // A random quarter more or less, so that those who started together do not go on so.
        let mut spread = |interval: Duration| self.rng.duration(interval * 3 / 4..=interval * 5 / 4);
        let sent = self.sent.unwrap_or(now);
        self.again = match (self.alone, self.multicast) {
            (Some((since, 0)), _) => Some(since + ALONE_AFTER),
            (Some((_, tries)), _) => {
                Some(sent + spread(ALONE_AGAIN * (1 << (tries - 1).min(ALONE_DOUBLINGS))))
            }
            // Nobody has been heard by multicast, and yet there is company.
            (None, Multicast::Alone | Multicast::Silent | Multicast::Off) => {
                let each = AGAIN_EACH.saturating_mul(u32::try_from(self.known).unwrap_or(u32::MAX));
                Some(sent + spread(AGAIN_MIN.max(each)))
            }
            (None, Multicast::Ok | Multicast::Unknown) => None,
        };
    }

    /// The link that a datagram came on, and on which its sender is; when the system does not say, the one that its sender
    /// is on. `None` when it comes from elsewhere.
    fn link_of(&self, datagram: &Datagram<'_>) -> Option<u32> {
        let (interface, from) = (datagram.interface, datagram.from.ip());
        let is_near = |(subnets, _): &(Vec<Subnet>, Tally)| subnets.iter().any(|own| own.contains(from));
        let mut near = self.links.iter().filter(|(_, link)| is_near(link)).map(|(&index, _)| index);
        near.find(|&index| interface == 0 || interface == index)
    }

    /// Whether a newcomer is called by us: by about eight of all.
    fn is_answering(&mut self, now: Instant) -> bool {
        let all = u64::try_from(self.known).unwrap_or(u64::MAX).max(1);
        self.rng.below(all) < ANSWERS && ANSWERING.take(now, &mut self.answered)
    }
}

impl PeerDiscovery for Beacon {
    fn announce(&mut self, now: Instant, announcement: &Announcement, _out: &mut Outbox<Found>) {
        let said = |own: &Announcement| (own.key, own.boot, own.port);
        if self.own.as_ref().map(said) != Some(said(announcement)) {
            self.due = Some(now);
            self.alone.get_or_insert((now, 0));
            self.plan(now);
        }
        self.own = Some(announcement.clone());
    }

    fn on_interfaces(&mut self, now: Instant, interfaces: &[Interface], _out: &mut Outbox<Found>) {
        let links = interfaces.iter().filter_map(|interface| {
            let own: Vec<Subnet> =
                interface.addresses.iter().filter(|own| reaches_many(own)).copied().collect();
            let tally = self.links.get(&interface.index).map(|(_, tally)| *tally).unwrap_or_default();
            (!own.is_empty()).then_some((interface.index, (own, tally)))
        });
        self.links = links.take(LINKS_MAX).collect();
        // Whether this is another network, or the same one after a sleep: others may be there.
        let earliest = self.sent.map_or(now, |sent| now.max(sent + GAP));
        self.due = (!self.links.is_empty()).then_some(earliest);
        if let Some((since, tries)) = &mut self.alone {
            (*since, *tries) = (now, 0);
            self.plan(now);
        }
    }

    fn on_datagram(
        &mut self,
        now: Instant,
        datagram: &Datagram<'_>,
        stats: &mut Stats,
        out: &mut Outbox<Found>,
    ) {
        let Some(own) = &self.own else { return };
        let stats = &mut stats.beacon;
        let Some(interface) = self.link_of(datagram) else {
            stats.off_link += 1;
            return;
        };
        let Some(Said { is_alone, port, id, boot, call }) = read(datagram.bytes) else {
            stats.malformed += 1;
            return;
        };
        let link = self.links.get_mut(&interface);
        if (id, boot) == (own.key.short(), own.boot) {
            stats.own += 1;
            link.into_iter().for_each(|(_, tally)| tally.own += 1);
            return;
        }
        stats.heard += 1;
        let is_elsewhere = |subnets: &[Subnet]| subnets.iter().all(|own| own.address != datagram.from.ip());
        link.into_iter().filter(|(own, _)| is_elsewhere(own)).for_each(|(_, tally)| tally.others += 1);
        if let Some(call) = call {
            let from = datagram.from.ip();
            out.push(Found::Call { call, by: Reached::BROADCAST, from, interface });
            return;
        }
        let address = SocketAddr::new(datagram.from.ip(), port);
        let heard = Heard { boot, at: now, address };
        let share = if self.is_answering(now) {
            Share::Call
        } else if self.known >= CANDIDATES && !self.heard.contains_key(&id) {
            // Those who call it tell us of it; in a crowd nobody needs to keep everybody in mind.
            Share::Nothing
        } else {
            Share::Mind
        };
        stats.left_to_others += u64::from(share != Share::Call);
        if share != Share::Nothing && (self.heard.len() < HEARD_MAX || self.heard.contains_key(&id)) {
            self.heard.insert(id, heard);
        }
        let sighting = sighting(id, &heard, SightingKind::Seen);
        out.push(Found::Newcomer { sighting, is_alone, share });
    }

    fn reconfirm(&mut self, _now: Instant, _address: SocketAddr, _stats: &mut Stats) {}

    fn on_tick(&mut self, now: Instant, stats: &mut Stats, out: &mut Outbox<Found>) {
        if self.next_wake().is_none_or(|at| at > now) {
            return;
        }
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if is_due(self.again)
            && let Some((_, tries)) = &mut self.alone
        {
            *tries += 1;
        }
        if is_due(self.due) || is_due(self.again) {
            self.send(now, &mut stats.beacon, out);
            self.plan(now);
        }
        let old: Vec<_> =
            self.heard.iter().filter(|(_, heard)| now - heard.at >= HEARD_FOR).map(|(id, _)| *id).collect();
        for id in old {
            let gone = self.heard.remove(&id);
            out.extend(gone.map(|heard| Found::Sighting(sighting(id, &heard, SightingKind::Lost))));
        }
    }

    fn next_wake(&self) -> Option<Instant> {
        let send =
            self.due.into_iter().chain(self.again).filter(|_| self.own.is_some() && !self.links.is_empty());
        let forget = self.heard.values().map(|heard| heard.at + HEARD_FOR).min();
        send.chain(forget).min()
    }

    fn withdraw(&mut self, _now: Instant, _out: &mut Outbox<Found>) {
        // Sessions say goodbye; nobody else listens to this.
        (self.own, self.due, self.again) = (None, None, None);
        self.heard.clear();
    }
}

/// Whether broadcast leads to others from this address.
const fn reaches_many(own: &Subnet) -> bool {
    matches!(own.address, IpAddr::V4(_)) && own.prefix < 31
}

fn sighting(id: [u8; 8], heard: &Heard, kind: SightingKind) -> Sighting {
    Sighting {
        source: Source::Broadcast,
        kind,
        id: Some(id),
        boot: Some(heard.boot),
        nick: None,
        addresses: Vec::from([heard.address]),
    }
}

/// What a beacon says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Said {
    is_alone: bool,
    port: u16,
    id: [u8; 8],
    boot: BootId,
    call: Option<Call>,
}

fn write(own: &Announcement, is_alone: bool) -> Bytes {
    head(own, if is_alone { ALONE } else { 0 }).into()
}

/// A beacon that asks or answers.
pub(crate) fn write_call(own: &Announcement, is_alone: bool, call: &Call) -> Bytes {
    let flag = if call.word == Word::Ask { ASK } else { ECHO };
    let mut bytes = head(own, flag | if is_alone { ALONE } else { 0 });
    bytes.extend(call.nonce);
    if let Word::Echo { heard, listens } = call.word {
        bytes.push(ways(heard, listens));
    }
    bytes.into()
}

/// What a beacon asks or answers; `None` for any other datagram.
pub(crate) fn read_call(bytes: &[u8]) -> Option<Call> {
    read(bytes)?.call
}

fn head(own: &Announcement, flags: u8) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(LEN + 9);
    bytes.extend(MAGIC);
    bytes.extend([VERSION, flags]);
    bytes.extend(own.port.to_be_bytes());
    bytes.extend(own.key.short());
    bytes.extend(own.boot.0.to_be_bytes());
    bytes
}

fn read(bytes: &[u8]) -> Option<Said> {
    let (magic, rest) = bytes.split_first_chunk()?;
    let (&[version, flags], rest) = rest.split_first_chunk()?;
    let (port, rest) = rest.split_first_chunk()?;
    let (id, rest) = rest.split_first_chunk()?;
    let (boot, rest) = rest.split_first_chunk()?;
    let port = u16::from_be_bytes(*port);
    let boot = BootId(u64::from_be_bytes(*boot));
    let is_plain = *magic == MAGIC && version == VERSION && port != 0;
    let call = |word, nonce: &[u8; 8]| Call { word, nonce: *nonce, id: *id, port };
    let call = match (flags & ASK != 0, flags & ECHO != 0) {
        (false, false) => None,
        (true, _) => Some(call(Word::Ask, rest.first_chunk()?)),
        (false, true) => {
            let (nonce, rest) = rest.split_first_chunk()?;
            Some(call(echo(*rest.first()?), nonce))
        }
    };
    is_plain.then_some(Said { is_alone: flags & ALONE != 0, port, id: *id, boot, call })
}

#[cfg(test)]
mod tests;

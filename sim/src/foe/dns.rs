//! Foes of multicast DNS.

use std::{
    collections::{BTreeSet, VecDeque},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use chat_core::Instant;

use super::{
    Air, MDNS_PORT, Script,
    packet::{
        self, IN, IN_TOP, Message, QUERY, RESPONSE, TRUNCATED_QUERY, instance, kind, name, records, service,
    },
};
use crate::lan::Flight;

/// Messages and names that a foe keeps in mind.
const KEPT_MAX: usize = 64;
/// Seconds that a foe's records hold.
const TTL: u32 = 4500;
const CHAT_PORT: u16 = 27182;
/// Records in one message of a flood.
const RECORDS: u64 = 10;
/// Between the two announcements of CVE-2025-68471.
const TWICE: Duration = Duration::from_secs(2);

/// What is changed in others' messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Feint {
    Goodbye,
    Squat,
    Tiebreak,
    CacheFlush,
}

/// Sends others' own messages, changed.
pub(super) struct Edited {
    feint: Feint,
    kept: VecDeque<(SocketAddr, Vec<u8>)>,
}

impl Edited {
    pub(super) const fn new(feint: Feint) -> Self {
        Self { feint, kept: VecDeque::new() }
    }

    fn send(&self, air: &mut Air<'_>, from: SocketAddr, message: &[u8]) {
        let mut bytes = message.to_vec();
        let mut changed = false;
        for place in records(message) {
            changed |= self.change(air, &mut bytes, &place);
        }
        if changed {
            // In the victim's name, or in somebody's who is not there.
            let source = if air.coin(1) { from.ip() } else { elsewhere(air, from.ip()) };
            air.shoot(SocketAddr::new(source, MDNS_PORT), Air::group(from.ip()), bytes);
        }
    }

    /// Changes one record; whether it did.
    fn change(&self, air: &Air<'_>, bytes: &mut [u8], place: &packet::Place) -> bool {
        let data = place.data.clone();
        match (self.feint, place.kind) {
            (Feint::Goodbye, _) => bytes[place.ttl..place.ttl + 4].fill(0),
            (Feint::Squat, kind::SRV) if data.len() > 6 => bytes[data.start + 4..data.start + 6].fill(0x77),
            (Feint::Squat | Feint::CacheFlush, kind::A | kind::AAAA) if !data.is_empty() => {
                bytes[place.class] |= 0x80;
                // Far from every host.
                bytes[data.end - 2] |= 0x80;
                bytes[data.end - 1] = 1 + (air.draw(data.end as u64) % 250) as u8;
            }
            // The latest priority there is wins every comparison of data.
            (Feint::Tiebreak, kind::SRV) if data.len() > 6 => bytes[data.start..data.start + 2].fill(0xff),
            (Feint::Tiebreak, kind::A | kind::AAAA) if !data.is_empty() => bytes[data].fill(0xfd),
            _ => return false,
        }
        true
    }
}

impl Script for Edited {
    fn act(&mut self, air: &mut Air<'_>) {
        if let Some((from, message)) = self.kept.get(air.below(self.kept.len(), 0)) {
            self.send(air, *from, message);
        }
    }

    fn hear(&mut self, air: &mut Air<'_>, flight: &Flight) {
        let is_mine = !air.seen.contains(&flight.from.ip());
        let is_wanted = packet::is_response(&flight.bytes) != (self.feint == Feint::Tiebreak);
        // A probe deserves an answer too: the name is taken.
        let is_probe = !packet::is_response(&flight.bytes) && !records(&flight.bytes).is_empty();
        if is_mine || !flight.many || !(is_wanted || self.feint == Feint::Squat && is_probe) {
            return;
        }
        let mut message = flight.bytes.to_vec();
        if is_probe && self.feint == Feint::Squat {
            message = answering(&message);
        }
        self.send(air, flight.from, &message);
        if self.kept.len() >= KEPT_MAX {
            self.kept.pop_front();
        }
        self.kept.push_back((flight.from, message));
    }
}

/// What a foe writes by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ruse {
    Records,
    Queries,
    CnameLoop,
    CnameTwice,
    EmptyData,
    Compression,
    Truncated,
    OffLink,
    Peers { one_place: bool },
}

/// Writes messages of its own.
pub(super) struct Written {
    ruse: Ruse,
    /// Names of others.
    names: BTreeSet<Vec<u8>>,
    again: VecDeque<(Instant, Vec<u8>)>,
}

impl Written {
    pub(super) const fn new(ruse: Ruse) -> Self {
        Self { ruse, names: BTreeSet::new(), again: VecDeque::new() }
    }

    /// Somebody's name, or one that nobody has.
    fn somebody(&self, air: &Air<'_>) -> Vec<u8> {
        let theirs = self.names.iter().nth(air.below(self.names.len(), 20));
        theirs.cloned().unwrap_or_else(|| instance(b"nobody-0000"))
    }

    fn cname(&self, air: &Air<'_>) -> Vec<u8> {
        let owner = self.somebody(air);
        let message = Message::new(RESPONSE);
        let message = message.answer(&service(), (kind::CNAME, IN_TOP), TTL, &service());
        message.answer(&owner, (kind::CNAME, IN_TOP), TTL, &owner).finish()
    }
}

impl Script for Written {
    fn act(&mut self, air: &mut Air<'_>) {
        let group = Air::group(air.own());
        let own = SocketAddr::new(air.own(), MDNS_PORT);
        match self.ruse {
            Ruse::Records => {
                let source = SocketAddr::new(elsewhere(air, air.own()), MDNS_PORT);
                air.shoot(source, group, invented(air));
            }
            Ruse::Queries => query(air, &self.somebody(air)),
            Ruse::CnameLoop => air.shoot(own, group, self.cname(air)),
            Ruse::CnameTwice => {
                if self.again.front().is_some_and(|(at, _)| *at <= air.now)
                    && let Some((_, message)) = self.again.pop_front()
                {
                    air.shoot(own, group, message);
                }
                let message = self.cname(air);
                self.again.push_back((air.now + TWICE, message.clone()));
                air.shoot(own, group, message);
            }
            Ruse::EmptyData => air.shoot(own, group, empty(&self.somebody(air))),
            Ruse::Compression => air.shoot(own, group, unreadable(air)),
            Ruse::Truncated => {
                let source = SocketAddr::new(elsewhere(air, air.own()), MDNS_PORT);
                let known = [0xC0, 12];
                let message = Message::new(TRUNCATED_QUERY).question(&service(), kind::PTR, IN);
                let label = format!("known-{}", air.draw(1) % 10_000);
                let message =
                    message.answer(&known, (kind::PTR, IN), TTL, &instance(label.as_bytes())).finish();
                air.shoot(source, group, message);
            }
            Ruse::OffLink => off_link(air, &self.somebody(air)),
            Ruse::Peers { one_place } => {
                let source = SocketAddr::new(elsewhere(air, air.own()), MDNS_PORT);
                let number = air.draw(2);
                let place = air.vacant(if one_place { 7 } else { air.turn });
                let label = format!("peer{}-{:04}", number % 1000, number % 9973);
                let nick = format!("peer{}", number % 1000);
                air.shoot(source, group, announcement((label.as_bytes(), &nick), number, place));
            }
        }
    }

    fn hear(&mut self, _air: &mut Air<'_>, flight: &Flight) {
        if flight.many && self.names.len() < KEPT_MAX {
            let bytes = &flight.bytes;
            let names = records(bytes).into_iter().filter_map(|place| packet::expand(bytes, place.name));
            self.names.extend(names.filter(|name| *name != service()));
        }
    }
}

/// What a peer says of itself who does not exist.
pub(super) fn announcement((label, nick): (&[u8], &str), number: u64, place: IpAddr) -> Vec<u8> {
    let (instance, host) = (instance(label), name(&[format!("p2pc-{number:x}").as_bytes(), b"local"]));
    let srv = [&[0, 0, 0, 0], &CHAT_PORT.to_be_bytes()[..], &host].concat();
    let text = ["txtvers=1".into(), "v=1".into(), format!("id={number:016x}"), format!("b={number:016x}")];
    let text = packet::strings(&[&text[..], &["cap=0".into(), format!("n={nick}")]].concat());
    let message = Message::new(RESPONSE)
        .answer(&service(), (kind::PTR, IN), TTL, &instance)
        .answer(&instance, (kind::SRV, IN_TOP), 120, &srv)
        .answer(&instance, (kind::TXT, IN_TOP), TTL, &text);
    match place {
        IpAddr::V4(place) => message.answer(&host, (kind::A, IN_TOP), 120, &place.octets()).finish(),
        IpAddr::V6(place) => message.answer(&host, (kind::AAAA, IN_TOP), 120, &place.octets()).finish(),
    }
}

/// One of some hundred addresses that nobody has.
fn elsewhere(air: &Air<'_>, like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) if air.own().is_ipv4() => air.vacant(air.draw(9) % 500),
        IpAddr::V4(like) => like.into(),
        IpAddr::V6(_) => Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 9, (air.draw(9) % 500) as u16 + 1).into(),
    }
}

/// Records of names that were never heard before: instances of the service, and anything else.
fn invented(air: &Air<'_>) -> Vec<u8> {
    let mut message = Message::new(RESPONSE);
    for index in 0..RECORDS {
        let number = air.draw(100 + index);
        let fresh = instance(format!("x{number:x}").as_bytes());
        message = match index % 3 {
            0 => message.answer(&service(), (kind::PTR, IN), TTL, &fresh),
            1 => {
                let host = name(&[format!("h{number:x}").as_bytes(), b"local"]);
                let srv = [&[0, 0, 0, 0, 0x6a, 0x2e], &host[..]].concat();
                message.answer(&fresh, (kind::SRV, IN_TOP), TTL, &srv)
            }
            _ => message.answer(&name(&[b"host", b"local"]), (kind::A, IN), TTL, &number.to_be_bytes()[..4]),
        };
    }
    message.finish()
}

/// A question in somebody's name: a peer's own, the group's, one that is not on the link; from any port.
fn query(air: &mut Air<'_>, somebody: &[u8]) {
    let group = Air::group(air.own());
    let source = match air.below(4, 3) {
        0 | 1 => air.someone(4).unwrap_or_else(|| air.own()),
        2 => group.ip(),
        _ => air.vacant(air.draw(5) % 50),
    };
    let port = [MDNS_PORT, MDNS_PORT, 0, 53, CHAT_PORT, 40_000][air.below(6, 6)];
    let class = if air.coin(7) { IN } else { IN_TOP };
    let message = Message::new(QUERY).question(&service(), kind::PTR, class);
    let message = message.question(somebody, kind::ANY, class).finish();
    let to = match air
        .someone(8)
        .filter(|someone| air.below(3, 9) == 0 && someone.is_ipv4() == source.is_ipv4())
    {
        Some(someone) => SocketAddr::new(someone, MDNS_PORT),
        None => Air::group(source),
    };
    air.shoot(SocketAddr::new(source, port), to, message);
}

/// Every type that the chat reads, with nothing in it.
fn empty(owner: &[u8]) -> Vec<u8> {
    let kinds = [kind::A, kind::CNAME, kind::PTR, kind::TXT, kind::AAAA, kind::SRV, kind::NSEC];
    let both = kinds.iter().fold(Message::new(RESPONSE), |message, &kind| {
        message.answer(&service(), (kind, IN), TTL, &[]).answer(owner, (kind, IN_TOP), TTL, &[])
    });
    both.finish()
}

/// A message whose names cannot be read.
fn unreadable(air: &Air<'_>) -> Vec<u8> {
    let tail = [0, 12, 0, 1, 0, 0, 17, 148, 0, 2, 0xC0, 12];
    let with = |name: &[u8]| Message::new(RESPONSE).raw(1, &[name, &tail].concat()).finish();
    match air.below(7, 3) {
        // A pointer to itself, one forward, and two to each other.
        0 => with(&[0xC0, 12]),
        1 => with(&[0xC0, 40]),
        2 => with(&[0xC0, 14, 0xC0, 12]),
        // Labels of the two kinds that were never used, and more of them than a name may have.
        3 => with(&[0x40 | 5, 1, 2, 3, 4, 5, 0]),
        4 => with(&[0x80 | 5, 1, 2, 3, 4, 5, 0]),
        5 => with(&[&[63; 64][..]; 5].concat()),
        // Counts of what is not there.
        _ => {
            let mut bytes =
                Message::new(RESPONSE).answer(&service(), (kind::PTR, IN), TTL, &[0xC0, 12]).finish();
            bytes[4..12].fill(0xff);
            bytes
        }
    }
}

/// Announcements and questions from other networks.
fn off_link(air: &mut Air<'_>, somebody: &[u8]) {
    let number = air.draw(1);
    let like = air.own();
    let source: IpAddr = match like {
        IpAddr::V4(_) => Ipv4Addr::new(192, 0, 2, (number % 250) as u8 + 1).into(),
        IpAddr::V6(_) => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, (number % 250) as u16 + 1).into(),
    };
    let bytes = if number & 1 == 0 {
        let label = format!("far-{:04}", number % 9973);
        announcement((label.as_bytes(), "far"), number, source)
    } else {
        Message::new(QUERY).question(somebody, kind::ANY, IN_TOP).finish()
    };
    let group = Air::group(like);
    let one = air.someone(2).filter(|someone| number & 2 == 0 && someone.is_ipv4() == like.is_ipv4());
    let to = one.map_or(group, |someone| SocketAddr::new(someone, MDNS_PORT));
    air.shoot(SocketAddr::new(source, MDNS_PORT), to, bytes);
}

/// What a probe proposes, as if it were said already.
fn answering(probe: &[u8]) -> Vec<u8> {
    let mut message = Message::new(RESPONSE);
    for place in records(probe) {
        // Targets of the probe's SRV records point into the probe: only what has no names can be moved.
        let owner = packet::expand(probe, place.name).unwrap_or_default();
        let data = match place.kind {
            kind::SRV => {
                let target = packet::expand(probe, place.data.start + 6).unwrap_or_default();
                [&probe[place.data.start..place.data.start + 6], &target].concat()
            }
            _ => probe[place.data].to_vec(),
        };
        message = message.answer(&owner, (place.kind, IN_TOP), TTL, &data);
    }
    message.finish()
}

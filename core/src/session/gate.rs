//! Who may start a handshake with us, decided before any Diffie-Hellman.
//!
//! While few handshakes are half open, everybody may, at a pace for each address. Above that the initiator must send
//! a cookie back first, which shows that it is reached at its address (as in WireGuard). The last third of the table
//! is kept for those who are known here, so that strangers cannot shut friends out, and nobody may have more than a
//! few places in it at a time.

use alloc::{collections::BTreeMap, vec::Vec};
use core::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use super::{
    origin::Origin,
    pace::Pace,
    packet::{COOKIE, Hello},
};
use crate::{
    boundary::{Interface, Subnet, is_on_link},
    identity::{BootId, PeerKey},
    record::Tag,
    relay::is_made_up,
    rng::Rng,
    suite::{Suite, equal},
    time::Instant,
};

/// How long one secret makes cookies; they are taken for as long again.
const SECRET_LIFE: Duration = Duration::from_secs(120);
/// Addresses whose pace is remembered; further ones must show a cookie.
const PACED_MAX: usize = 1024;
/// Addresses known here; those of friends stay, of others the latest.
const KNOWN_MAX: usize = 1024;

/// Handshakes of one address.
const PER_ADDRESS: Pace = Pace { each: Duration::from_millis(100), burst: 32 };
/// Handshakes of one IPv6 /64. It may be one host that makes addresses up, or a whole link.
const PER_PREFIX: Pace = Pace { each: Duration::from_millis(30), burst: 128 };
/// Handshakes within our own host, where every peer has the same address.
const PER_OWN: Pace = Pace { each: Duration::from_millis(2), burst: 500 };
/// Cookies asked for at addresses on the link where nobody was ever proven. Where nobody is, the system keeps what it is
/// to send for three seconds while it looks for them, and with some five hundred such datagrams its buffer is full for
/// everybody.
const COOKIES: Pace = Pace { each: Duration::from_millis(10), burst: 64 };
/// Of those, at one address: one in a hurry shall not use them up.
const COOKIES_PER_ADDRESS: Pace = Pace { each: Duration::from_millis(250), burst: 2 };
/// Answers to packets of sessions that are not known here.
const STRANGERS: Pace = Pace { each: Duration::from_millis(50), burst: 20 };

/// What becomes of a message 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Admission {
    /// Answer it.
    Granted,
    /// Ask to have this sent back first.
    Prove([u8; COOKIE]),
    /// Say nothing.
    Refused,
}

/// Handshakes that wait for message 3.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crowd {
    pub(super) all: usize,
    /// Those of the same origin that have shown a cookie, or have not, like the new one.
    pub(super) alike: usize,
}

pub(super) struct Gate {
    suite: &'static dyn Suite,
    half_open_max: usize,
    secret: [u8; 32],
    /// The secret before it.
    former: [u8; 32],
    changed: Instant,
    own: Vec<IpAddr>,
    known: BTreeMap<IpAddr, Known>,
    /// When all handshakes of an origin are paid for; by whether a cookie was shown.
    paces: BTreeMap<(Origin, bool), Instant>,
    strangers: Instant,
    links: Vec<Subnet>,
    /// When all cookies are paid for that strangers on the link were asked for, altogether and at each address.
    cookies: (Instant, BTreeMap<IpAddr, Instant>),
}

/// An address at which somebody was proven.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// Whether that was somebody whom we remember.
    remembered: bool,
    at: Instant,
}

impl Gate {
    pub(super) fn new(suite: &'static dyn Suite, half_open_max: usize, rng: &mut Rng) -> Self {
        Self {
            suite,
            half_open_max,
            secret: rng.bytes(),
            former: rng.bytes(),
            changed: Instant::ORIGIN,
            own: Vec::new(),
            known: BTreeMap::new(),
            paces: BTreeMap::new(),
            strangers: Instant::ORIGIN,
            links: Vec::new(),
            cookies: Default::default(),
        }
    }

    /// Whether the initiator has sent back what it was asked to.
    pub(super) fn has_cookie(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        from: SocketAddr,
        hello: &Hello,
    ) -> bool {
        self.renew_secret(now, rng);
        let secrets = [&self.secret, &self.former];
        secrets.iter().any(|secret| equal(&self.cookie(secret, from, hello), &hello.cookie))
    }

    /// What becomes of a message 1; `proven`: whether it has the cookie.
    pub(super) fn admit(
        &mut self,
        now: Instant,
        from: SocketAddr,
        hello: &Hello,
        proven: bool,
        crowd: Crowd,
    ) -> Admission {
        let (third, origin) = (self.half_open_max / 3, self.origin(from));
        let known = self.is_known(from);
        let most = match (proven, known) {
            (true, true) => self.half_open_max,
            (true, false) => third * 2,
            (false, _) => third,
        };
        let fits = crowd.all < most && crowd.alike < self.share(origin);
        match (fits && self.is_in_pace(now, origin, proven), proven) {
            (true, _) => Admission::Granted,
            (false, false) if known || self.may_ask(now, from.ip()) => {
                Admission::Prove(self.cookie(&self.secret, from, hello))
            }
            (false, _) => Admission::Refused,
        }
    }

    /// Whether a stranger at this address may be asked for a cookie.
    fn may_ask(&mut self, now: Instant, address: IpAddr) -> bool {
        let address = address.to_canonical();
        if !is_on_link(&self.links, address) {
            return true;
        }
        let (all, each) = &mut self.cookies;
        // A flood ends here for most of its datagrams, and only as many addresses are remembered as were asked.
        if COOKIES.next(*all) > now {
            return false;
        }
        each.retain(|_, free| *free > now);
        COOKIES_PER_ADDRESS.take(now, each.entry(address).or_default()) && COOKIES.take(now, all)
    }

    /// Whether to tell somebody that his session is not known here.
    pub(super) fn may_answer_stranger(&mut self, now: Instant) -> bool {
        STRANGERS.take(now, &mut self.strangers)
    }

    /// Somebody was proven at this address, now or before: the last to be turned away.
    pub(super) fn know(&mut self, now: Instant, address: IpAddr, remembered: bool) {
        let address = address.to_canonical();
        if is_made_up(address) {
            // Whoever passes things on can name anybody.
            return;
        }
        if self.known.len() >= KNOWN_MAX && !self.known.contains_key(&address) {
            let least = self.known.iter().min_by_key(|(_, known)| (known.remembered, known.at));
            // Strangers do not push out friends.
            let Some(least) = least.filter(|(_, known)| remembered || !known.remembered) else { return };
            let least = *least.0;
            self.known.remove(&least);
        }
        let known = self.known.entry(address).or_insert(Known { remembered, at: now });
        (known.remembered, known.at) = (known.remembered || remembered, now);
    }

    pub(super) fn origin(&self, address: SocketAddr) -> Origin {
        Origin::of(address, &self.own)
    }

    /// The short name of a run.
    pub(super) fn tag(&self, (peer, boot): (PeerKey, BootId)) -> Tag {
        Tag::of(self.suite, &peer, boot)
    }

    pub(super) fn on_interfaces(&mut self, interfaces: &[Interface]) {
        let addresses = interfaces.iter().flat_map(|interface| &interface.addresses);
        self.links = addresses.copied().collect();
        self.own = self.links.iter().map(|subnet| subnet.address.to_canonical()).collect();
    }

    /// What only somebody reached at `from` can know of.
    fn cookie(&self, secret: &[u8; 32], from: SocketAddr, hello: &Hello) -> [u8; COOKIE] {
        let message = self.suite.hash(&[&hello.from.to_be_bytes(), &hello.noise]);
        let IpAddr::V6(address) = mapped(from.ip()) else { return [0; COOKIE] };
        let mac = self.suite.mac(secret, &[&address.octets(), &from.port().to_be_bytes(), &message]);
        mac.first_chunk().copied().unwrap_or_default()
    }

    fn renew_secret(&mut self, now: Instant, rng: &mut Rng) {
        let age = now - self.changed;
        if age >= SECRET_LIFE {
            self.former = if age < SECRET_LIFE * 2 { self.secret } else { rng.bytes() };
            self.secret = rng.bytes();
            self.changed = now;
        }
    }

    fn is_known(&self, address: SocketAddr) -> bool {
        self.known.contains_key(&address.ip().to_canonical()) || self.origin(address) == Origin::Own
    }

    /// How many half-open handshakes those from one origin may have, without a cookie and again with one.
    fn share(&self, origin: Origin) -> usize {
        let part = match origin {
            Origin::Own => 2,
            Origin::Prefix(_) => 4,
            Origin::Address(_) | Origin::Relay(_) => 8,
        };
        (self.half_open_max / part).max(1)
    }

    fn is_in_pace(&mut self, now: Instant, origin: Origin, proven: bool) -> bool {
        let pace = match origin {
            Origin::Own => PER_OWN,
            Origin::Address(_) | Origin::Relay(_) => PER_ADDRESS,
            Origin::Prefix(_) => PER_PREFIX,
        };
        if self.paces.len() >= PACED_MAX && !self.paces.contains_key(&(origin, proven)) {
            self.paces.retain(|_, free| *free > now);
            if self.paces.len() >= PACED_MAX {
                return false;
            }
        }
        pace.take(now, self.paces.entry((origin, proven)).or_default())
    }
}

/// The IPv6 form of any address.
const fn mapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => IpAddr::V6(address.to_ipv6_mapped()),
        IpAddr::V6(_) => address,
    }
}

#[cfg(test)]
mod tests;

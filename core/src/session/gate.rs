//! Who may start a handshake with us, decided before any Diffie-Hellman.
//!
//! While few handshakes are half open, everybody may, at a pace for each address. Above that the initiator must send
//! a cookie back first, which shows that it is reached at its address (as in WireGuard). The last third of the table
//! is kept for those who are known here, so that strangers cannot shut friends out.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use super::packet::{COOKIE, Hello};
use crate::{
    boundary::Interface,
    rng::Rng,
    suite::{Suite, equal},
    time::Instant,
};

/// How long one secret makes cookies; they are taken for as long again.
const SECRET_LIFE: Duration = Duration::from_secs(120);
/// Addresses whose pace is remembered; further ones must show a cookie.
const PACED_MAX: usize = 1024;
/// Addresses known here; further ones are strangers when it is crowded.
const KNOWN_MAX: usize = 1024;

/// Handshakes of one address.
const PER_ADDRESS: Pace = Pace { each: Duration::from_millis(100), burst: 32 };
/// Handshakes of one IPv6 /64. It may be one host that makes addresses up, or a whole link.
const PER_PREFIX: Pace = Pace { each: Duration::from_millis(30), burst: 128 };
/// Handshakes within our own host, where every peer has the same address.
const PER_OWN: Pace = Pace { each: Duration::from_millis(2), burst: 500 };
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

pub(super) struct Gate {
    suite: &'static dyn Suite,
    half_open_max: usize,
    secret: [u8; 32],
    /// The secret before it.
    former: [u8; 32],
    changed: Instant,
    own: Vec<IpAddr>,
    known: BTreeSet<IpAddr>,
    /// When the next handshake of an address would be in time; by prefix, and whether a cookie was shown.
    paces: BTreeMap<(IpAddr, bool), Instant>,
    strangers: Instant,
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
            known: BTreeSet::new(),
            paces: BTreeMap::new(),
            strangers: Instant::ORIGIN,
        }
    }

    /// `half_open` is the number of handshakes that wait for message 3.
    pub(super) fn admit(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        from: SocketAddr,
        hello: &Hello,
        half_open: usize,
    ) -> Admission {
        self.renew_secret(now, rng);
        let third = self.half_open_max / 3;
        let proven = [&self.secret, &self.former]
            .iter()
            .any(|secret| equal(&self.cookie(secret, from, hello), &hello.cookie));
        let most = match (proven, self.is_known(from.ip())) {
            (true, true) => self.half_open_max,
            (true, false) => third * 2,
            (false, _) => third,
        };
        match (half_open < most && self.is_in_pace(now, from.ip(), proven), proven) {
            (true, _) => Admission::Granted,
            (false, false) => Admission::Prove(self.cookie(&self.secret, from, hello)),
            (false, true) => Admission::Refused,
        }
    }

    /// Whether to tell somebody that his session is not known here.
    pub(super) fn may_answer_stranger(&mut self, now: Instant) -> bool {
        STRANGERS.take(now, &mut self.strangers)
    }

    /// This address belongs to a peer that was proven before: the last to be turned away.
    pub(super) fn know(&mut self, address: IpAddr) {
        if self.known.len() < KNOWN_MAX {
            self.known.insert(address.to_canonical());
        }
    }

    pub(super) fn on_interfaces(&mut self, interfaces: &[Interface]) {
        let addresses = interfaces.iter().flat_map(|interface| &interface.addresses);
        self.own = addresses.map(|subnet| subnet.address.to_canonical()).collect();
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

    fn is_own(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.own.contains(&address)
    }

    fn is_known(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.known.contains(&address) || self.is_own(address)
    }

    fn is_in_pace(&mut self, now: Instant, address: IpAddr, proven: bool) -> bool {
        let address = address.to_canonical();
        let (pace, key) = match address {
            _ if self.is_own(address) => (PER_OWN, address),
            IpAddr::V4(_) => (PER_ADDRESS, address),
            IpAddr::V6(address) => (PER_PREFIX, IpAddr::V6((address.to_bits() >> 64 << 64).into())),
        };
        if self.paces.len() >= PACED_MAX && !self.paces.contains_key(&(key, proven)) {
            self.paces.retain(|_, free| *free > now);
            if self.paces.len() >= PACED_MAX {
                return false;
            }
        }
        pace.take(now, self.paces.entry((key, proven)).or_default())
    }
}

/// The IPv6 form of any address.
const fn mapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => IpAddr::V6(address.to_ipv6_mapped()),
        IpAddr::V6(_) => address,
    }
}

/// One in `each`, and `burst` at once.
#[derive(Clone, Copy, Debug)]
struct Pace {
    each: Duration,
    burst: u32,
}

impl Pace {
    /// Takes one if it is in time; `free` is when all those taken are paid for.
    fn take(self, now: Instant, free: &mut Instant) -> bool {
        let next = now.max(*free) + self.each;
        let granted = next <= now + self.each * self.burst;
        if granted {
            *free = next;
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{boundary::Subnet, suite::REAL};

    const NOW: Instant = Instant::from_nanos(1_000_000_000);

    fn gate() -> (Gate, Rng) {
        let mut rng = Rng::new([1; 32]);
        (Gate::new(REAL, 63, &mut rng), rng)
    }

    fn hello(number: u64) -> Hello {
        Hello { from: number, cookie: [0; COOKIE], noise: [3; 32] }
    }

    #[test]
    fn a_crowd_must_show_a_cookie_made_for_its_address_and_message() {
        let (mut gate, mut rng) = gate();
        let (one, other) = ("10.0.0.1:7".parse().unwrap(), "10.0.0.1:8".parse().unwrap());
        assert_eq!(gate.admit(NOW, &mut rng, one, &hello(1), 20), Admission::Granted);
        let Admission::Prove(cookie) = gate.admit(NOW, &mut rng, one, &hello(1), 21) else { panic!() };
        let with = |number| Hello { cookie, ..hello(number) };
        assert_eq!(gate.admit(NOW, &mut rng, one, &with(1), 21), Admission::Granted);
        assert!(matches!(gate.admit(NOW, &mut rng, other, &with(1), 21), Admission::Prove(_)));
        assert!(matches!(gate.admit(NOW, &mut rng, one, &with(2), 21), Admission::Prove(_)));
        let later = NOW + SECRET_LIFE;
        assert_eq!(gate.admit(later, &mut rng, one, &with(1), 21), Admission::Granted);
        let later = later + SECRET_LIFE;
        assert!(matches!(gate.admit(later, &mut rng, one, &with(1), 21), Admission::Prove(_)));
    }

    #[test]
    fn the_last_third_is_for_those_who_are_known() {
        let (mut gate, mut rng) = gate();
        let from: SocketAddr = "10.0.0.1:7".parse().unwrap();
        let Admission::Prove(cookie) = gate.admit(NOW, &mut rng, from, &hello(1), 42) else { panic!() };
        let hello = Hello { cookie, ..hello(1) };
        assert_eq!(gate.admit(NOW, &mut rng, from, &hello, 42), Admission::Refused);
        gate.know(from.ip());
        assert_eq!(gate.admit(NOW, &mut rng, from, &hello, 42), Admission::Granted);
        assert_eq!(gate.admit(NOW, &mut rng, from, &hello, 63), Admission::Refused);
    }

    #[test]
    fn one_address_has_its_pace_and_the_own_host_a_generous_one() {
        let (mut gate, mut rng) = gate();
        let mut granted = |gate: &mut Gate, from: &str| {
            let from = from.parse().unwrap();
            (0..400).filter(|&n| gate.admit(NOW, &mut rng, from, &hello(n), 0) == Admission::Granted).count()
        };
        assert_eq!(granted(&mut gate, "10.0.0.1:7"), 32);
        assert_eq!(granted(&mut gate, "10.0.0.1:8"), 0, "another port is no other address");
        assert_eq!(granted(&mut gate, "10.0.0.2:7"), 32);
        assert_eq!(granted(&mut gate, "[2001:db8::1]:7"), 128);
        assert_eq!(granted(&mut gate, "[2001:db8::2]:7"), 0, "the same /64");
        assert_eq!(granted(&mut gate, "127.0.0.1:7"), 400);
        let subnet = Subnet { address: "10.0.0.9".parse().unwrap(), prefix: 24 };
        gate.on_interfaces(&[Interface {
            index: 2,
            name: "lan0".into(),
            addresses: [subnet].into(),
            multicast: true,
            loopback: false,
            mtu: 1500,
        }]);
        assert_eq!(granted(&mut gate, "10.0.0.9:7"), 400);
    }

    /// Who sends in another's name must not use up the other's pace.
    #[test]
    fn a_cookie_opens_a_pace_of_its_own() {
        let (mut gate, mut rng) = gate();
        let from: SocketAddr = "10.0.0.1:7".parse().unwrap();
        (0..100).for_each(|n| _ = gate.admit(NOW, &mut rng, from, &hello(n), 0));
        let Admission::Prove(cookie) = gate.admit(NOW, &mut rng, from, &hello(1), 0) else { panic!() };
        let honest = Hello { cookie, ..hello(1) };
        assert_eq!(gate.admit(NOW, &mut rng, from, &honest, 0), Admission::Granted);
    }

    #[test]
    fn memory_stays_bounded_whatever_addresses_are_made_up() {
        let (mut gate, mut rng) = gate();
        for number in 0..5000u32 {
            let from = SocketAddr::new(IpAddr::V4((0x0a00_0000 + number).into()), 7);
            gate.admit(NOW, &mut rng, from, &hello(1), 0);
            gate.know(from.ip());
        }
        assert_eq!((gate.paces.len(), gate.known.len()), (PACED_MAX, KNOWN_MAX));
    }
}

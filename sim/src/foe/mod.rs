//! Hostile peers: machines on a link that mean ill.
//!
//! A foe hears what its link carries to everybody and what is sent to it; some also listen in on others. It may send
//! any bytes from any address. What it does is drawn from the seed like everything else, so an attack can be repeated.
//!
//! | file | what its foes abuse |
//! |---|---|
//! | `dns` | multicast DNS: others' records taken back, claimed, contradicted, flooded, or not to be read at all |
//! | `handshake` | what costs work before anything is proven |
//! | `flood` | the sessions of others: repeated, diverted, garbled, denied |
//! | `member` | the rooms: a real node that lies, dawdles, holds back or is many |
//! | `text` | eyes: names and messages that look like others or steer a terminal |
//!
//! Each model counts how often it acted: a run whose foes never did anything shows nothing.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;
use chat_core::{Instant, Interface, PeerKey, Suite};

use crate::{
    chance::{Chance, Domain},
    lan::Flight,
    plan::Foe,
};

mod dns;
mod flood;
mod handshake;
mod member;
mod model;
mod packet;
mod text;

pub use model::Model;

/// Addresses that a foe keeps in mind.
const SEEN_MAX: usize = 64;
const MDNS_PORT: u16 = 5353;

/// What a foe does.
pub(crate) trait Script {
    /// Its pace says that it is time to act.
    fn act(&mut self, air: &mut Air<'_>);

    /// A datagram came by.
    fn hear(&mut self, _air: &mut Air<'_>, _flight: &Flight) {}

    /// What it wanted to do at [`wake`](Self::wake) is due.
    fn tick(&mut self, _air: &mut Air<'_>) {}

    /// When it wants to be called besides.
    fn wake(&self) -> Option<Instant> {
        None
    }

    /// Whether it hears what others on its link send to each other.
    fn taps(&self) -> bool {
        false
    }
}

/// A datagram with whatever source its sender likes.
#[derive(Clone, Debug)]
pub(crate) struct Shot {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Bytes,
}

/// What a foe's script sees and wants.
pub(crate) struct Air<'a> {
    pub(crate) now: Instant,
    pub(crate) suite: &'static dyn Suite,
    /// What its system lists; the first is the only one.
    pub(crate) interfaces: &'a [Interface],
    /// Addresses of others who were heard.
    pub(crate) seen: &'a BTreeSet<IpAddr>,
    /// How often it has acted by its pace.
    pub(crate) turn: u64,
    chance: Chance,
    /// Which foe, and the how-manieth call of its script.
    about: [u64; 2],
    /// So many hostile datagrams may still go out.
    left: u64,
    fired: u64,
    shots: Vec<Shot>,
    members: Vec<PeerKey>,
    said: Vec<(PeerKey, String)>,
}

impl Air<'_> {
    /// Sends hostile bytes, if the pace allows it.
    pub(crate) fn shoot(&mut self, from: SocketAddr, to: SocketAddr, bytes: impl Into<Bytes>) {
        if self.left > 0 {
            self.left -= 1;
            self.fire();
            self.shots.push(Shot { from, to, bytes: bytes.into() });
        }
    }

    /// Sends what an honest peer would send.
    pub(crate) fn pass(&mut self, shot: Shot) {
        self.shots.push(shot);
    }

    /// Something hostile was done without sending anything.
    pub(crate) const fn fire(&mut self) {
        self.fired += 1;
    }

    /// A real node of its own has this key.
    pub(crate) fn enlist(&mut self, member: PeerKey) {
        self.members.push(member);
    }

    /// A person of its own says `text`.
    pub(crate) fn say(&mut self, author: PeerKey, text: &str) {
        self.said.push((author, text.to_owned()));
    }

    /// Any number, always the same for the same thing at the same moment.
    pub(crate) fn draw(&self, what: u64) -> u64 {
        self.chance.draw(Domain::Hostile, &[self.about[0], self.about[1], what])
    }

    /// One of two.
    pub(crate) fn coin(&self, what: u64) -> bool {
        self.below(2, what) == 0
    }

    /// A number below `bound`, 0 when that is 0.
    pub(crate) fn below(&self, bound: usize, what: u64) -> usize {
        let bound = bound as u64;
        self.chance.below(bound, Domain::Hostile, &[self.about[0], self.about[1], what]) as usize
    }

    /// 32 bytes that do not change from call to call: for keys.
    pub(crate) fn secret(&self, what: u64) -> [u8; 32] {
        self.chance.bytes(Domain::Hostile, &[self.about[0], u64::MAX, what])
    }

    /// Any bytes.
    pub(crate) fn noise(&self, length: usize, what: u64) -> Vec<u8> {
        let start = self.draw(what);
        let word = |index| crate::chance::fold(start, index).to_le_bytes();
        (0..).flat_map(word).take(length).collect()
    }

    /// Its own address.
    pub(crate) fn own(&self) -> IpAddr {
        let first = self.interfaces.first().and_then(|card| card.addresses.first());
        first.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |subnet| subnet.address)
    }

    /// An address on the link that nobody has: another one for every number below 31,000.
    pub(crate) fn vacant(&self, number: u64) -> IpAddr {
        // The upper half of the link's addresses; hosts have the lowest.
        let byte = |number: u64| u8::try_from(number).unwrap_or(0);
        let (high, low) = (0x80 | byte(number / 250 % 124), 1 + byte(number % 250));
        match self.own() {
            IpAddr::V4(own) => Ipv4Addr::new(own.octets()[0], own.octets()[1], high, low).into(),
            IpAddr::V6(own) => {
                let mut segments = own.segments();
                segments[7] = u16::from_be_bytes([high, low]);
                Ipv6Addr::from(segments).into()
            }
        }
    }

    /// One of the others who were heard.
    pub(crate) fn someone(&self, what: u64) -> Option<IpAddr> {
        self.seen.iter().nth(self.below(self.seen.len(), what)).copied()
    }

    /// Everybody's multicast DNS, in the family of `like`.
    pub(crate) fn group(like: IpAddr) -> SocketAddr {
        match like {
            IpAddr::V4(_) => SocketAddr::new(Ipv4Addr::new(224, 0, 0, 251).into(), MDNS_PORT),
            IpAddr::V6(_) => SocketAddr::new(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb).into(), MDNS_PORT),
        }
    }
}

/// A machine with a script.
pub(crate) struct Villain {
    plan: Foe,
    script: Box<dyn Script>,
    number: u64,
    /// How often it acted.
    pub(crate) fired: u64,
    /// Datagrams sent so far.
    pub(crate) sent: u64,
    /// When it wants to be called, and the how-manieth wish that is.
    pub(crate) wake: Option<Instant>,
    pub(crate) wishes: u64,
    turn: u64,
    calls: u64,
    seen: BTreeSet<IpAddr>,
}

/// Why a foe is called.
#[derive(Clone, Copy)]
pub(crate) enum Call<'a> {
    /// It wanted to be.
    Wake,
    /// A datagram came by.
    Heard(&'a Flight),
}

/// What a foe wants after a call.
pub(crate) struct Wants {
    pub(crate) shots: Vec<Shot>,
    /// The keys of real nodes that it has started.
    pub(crate) members: Vec<PeerKey>,
    /// What persons of its own said: the author and the words.
    pub(crate) said: Vec<(PeerKey, String)>,
    /// When it wants to be called again.
    pub(crate) wake: Option<Instant>,
}

impl Villain {
    pub(crate) fn new(number: usize, plan: Foe) -> Self {
        Self {
            script: plan.model.script(),
            plan,
            number: number as u64,
            fired: 0,
            sent: 0,
            wake: None,
            wishes: 0,
            turn: 0,
            calls: 0,
            seen: BTreeSet::new(),
        }
    }

    /// Whether it hears what others on its link send to each other.
    pub(crate) fn taps(&self, now: Instant) -> bool {
        self.script.taps() && self.is_up(now)
    }

    /// Lets it act.
    pub(crate) fn play(
        &mut self,
        now: Instant,
        (chance, suite): (Chance, &'static dyn Suite),
        interfaces: &[Interface],
        call: Call<'_>,
    ) -> Wants {
        self.calls += 1;
        if let Call::Heard(flight) = call
            && flight.many
            && self.seen.len() < SEEN_MAX
            && !interfaces.iter().flat_map(|card| &card.addresses).any(|own| own.address == flight.from.ip())
        {
            self.seen.insert(flight.from.ip());
        }
        let mut air = Air {
            now,
            suite,
            interfaces,
            seen: &self.seen,
            turn: self.turn,
            chance,
            about: [self.number, self.calls],
            left: self.left(now),
            fired: 0,
            shots: Vec::new(),
            members: Vec::new(),
            said: Vec::new(),
        };
        if self.is_up(now) {
            match call {
                Call::Heard(flight) => self.script.hear(&mut air, flight),
                Call::Wake => {
                    if self.script.wake().is_some_and(|at| at <= now) {
                        self.script.tick(&mut air);
                    }
                    if self.next_turn() <= now {
                        self.turn += 1;
                        if self.fired < self.plan.most {
                            self.script.act(&mut air);
                        }
                    }
                }
            }
        }
        let Air { shots, members, said, fired, .. } = air;
        self.fired += fired;
        let wakes = [Some(self.next_turn()), self.script.wake()];
        let wake = wakes.into_iter().flatten().min().map(|at| at.max(now + Duration::from_nanos(1)));
        Wants { shots, members, said, wake: wake.filter(|_| now < self.end()) }
    }

    fn next_turn(&self) -> Instant {
        let passed =
            Duration::from_secs(1).as_nanos() * u128::from(self.turn) / u128::from(self.plan.rate.max(1));
        Instant::ORIGIN + self.plan.at.0 + Duration::from_nanos(u64::try_from(passed).unwrap_or(u64::MAX))
    }

    /// How many hostile datagrams it may send now: at most those of a second at once.
    fn left(&self, now: Instant) -> u64 {
        let up = (now - (Instant::ORIGIN + self.plan.at.0)).as_millis();
        let rate = u64::from(self.plan.rate.max(1));
        let earned = u64::try_from(up).unwrap_or(u64::MAX).saturating_mul(rate) / 1000 + rate;
        earned.min(self.plan.most).saturating_sub(self.fired)
    }

    fn is_up(&self, now: Instant) -> bool {
        now >= Instant::ORIGIN + self.plan.at.0 && now < self.end()
    }

    fn end(&self) -> Instant {
        let span = self.plan.span.map(|span| self.plan.at.0 + span.0);
        span.map_or(Instant::from_nanos(u64::MAX), |end| Instant::ORIGIN + end)
    }
}

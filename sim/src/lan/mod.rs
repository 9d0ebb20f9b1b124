//! The links between hosts: who is on which, with which addresses, and when a datagram gets away.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;
use chat_core::{Instant, Interface, Subnet, Transmit};

use crate::{
    chance::{Spread, nanos},
    plan::{Family, Plan, Router, Segment},
};

pub(crate) mod fate;
mod holders;
pub mod profile;

use holders::{Holders, Kind};

/// A network of links.
#[derive(Debug)]
pub(crate) struct Lan {
    family: Family,
    links: Vec<Link>,
    /// The cards of each host.
    cards: Vec<Vec<Card>>,
    /// What the way from one link to another adds, where there is one.
    ways: BTreeMap<(usize, usize), Duration>,
}

/// One link and whoever is on it.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) plan: Segment,
    /// Hosts and their cards, in slots that stay.
    pub(crate) members: Vec<(usize, usize)>,
    /// How long the way takes.
    pub(crate) latency: Spread,
    holders: Holders,
    /// A shared medium is busy until then.
    busy: Instant,
}

/// A host's way onto a link.
#[derive(Clone, Debug)]
pub(crate) struct Card {
    pub(crate) link: usize,
    pub(crate) up: bool,
    /// When it last told the switch which groups it is in.
    pub(crate) reported: Instant,
    addresses: Vec<Subnet>,
    /// It is sending until then.
    busy: Instant,
}

/// A datagram under way: one for all its receivers.
#[derive(Debug)]
pub(crate) struct Flight {
    /// Different for every datagram of a run.
    pub(crate) id: u64,
    pub(crate) sender: usize,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    /// The link on which it arrives.
    pub(crate) link: usize,
    /// Whether it is for everybody there.
    pub(crate) many: bool,
    pub(crate) bytes: Bytes,
}

/// Why a datagram, or one copy of it, did not arrive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(usize)]
pub(crate) enum Lost {
    /// The link loses some.
    Link,
    /// A fault took it.
    Fault,
    /// The link does not carry that.
    NotCarried,
    /// There is no such address, or no way to it.
    NoRoute,
    /// The queue was full.
    Queue,
    /// It is larger than what fits.
    TooLarge,
    /// The card was down.
    Down,
    /// Nobody listens there.
    NobodyThere,
}

/// Where a datagram leaves from, and when.
#[derive(Debug)]
pub(crate) struct Departure {
    /// Where it arrives.
    pub(crate) link: usize,
    /// When its last bit is out.
    pub(crate) at: Instant,
    /// What routers add to the way.
    pub(crate) extra: Duration,
    pub(crate) from: IpAddr,
    pub(crate) to: Receivers,
}

/// Who gets a datagram.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Receivers {
    /// The one with this card.
    One(usize, usize),
    /// Everybody on the link.
    Many,
}

/// Bytes around a datagram on the wire: Ethernet, IPv6, UDP, and the gap before the next one.
const OVERHEAD: usize = 14 + 40 + 8 + 24;
/// Bytes of the headers that count for the MTU: UDP's, and those of either IP.
const UDP: usize = 8;
const IPV4: usize = 20;
const IPV6: usize = 40;

impl Lan {
    pub(crate) fn new(plan: &Plan) -> Self {
        let link = |(number, segment): (usize, &Segment)| Link {
            plan: segment.clone(),
            members: Vec::new(),
            latency: Spread::new(&(segment.latency[0].0..=segment.latency[1].0)),
            holders: Holders::new(number),
            busy: Instant::ORIGIN,
        };
        let mut lan = Self {
            family: plan.family,
            links: plan.segments.iter().enumerate().map(link).collect(),
            cards: vec![Vec::new(); plan.hosts.len() + plan.foes.len()],
            ways: ways(&plan.routers, plan.segments.len()),
        };
        for (host, planned) in plan.hosts.iter().enumerate() {
            planned.on.iter().for_each(|&link| lan.attach(Instant::ORIGIN, host, link));
        }
        for (number, foe) in plan.foes.iter().enumerate() {
            lan.attach(Instant::ORIGIN, plan.hosts.len() + number, foe.on);
        }
        lan
    }

    /// The host gets a card on the link, up and with an address.
    pub(crate) fn attach(&mut self, now: Instant, host: usize, link: usize) {
        let number = self.cards[host].len();
        let slot = self.links[link].members.len();
        let addresses = self.addresses(link, slot);
        self.cards[host].push(Card { link, up: true, reported: now, addresses, busy: now });
        self.links[link].members.push((host, number));
        self.hold(host, number);
    }

    /// The host's card `number` has other addresses: those of `twin`, or new ones.
    pub(crate) fn readdress(&mut self, host: usize, number: usize, twin: Option<usize>) {
        self.release(host, number);
        let link = self.cards[host][number].link;
        let twin = twin.and_then(|twin| self.cards[twin].iter().find(|card| card.link == link));
        let addresses = match twin {
            Some(twin) => twin.addresses.clone(),
            None => {
                // The slots above all members are leases that nobody has had.
                let taken = self.links[link].holders.known();
                self.addresses(link, self.links[link].members.len() + taken)
            }
        };
        self.cards[host][number].addresses = addresses;
        self.hold(host, number);
    }

    pub(crate) fn set_up(&mut self, now: Instant, host: usize, number: usize, up: bool) {
        let card = &mut self.cards[host][number];
        (card.up, card.reported) = (up, now);
    }

    /// The host tells the switches anew which groups it is in.
    pub(crate) fn report(&mut self, now: Instant, host: usize) {
        self.cards[host].iter_mut().for_each(|card| card.reported = now);
    }

    pub(crate) fn card(&self, host: usize, number: usize) -> Option<&Card> {
        self.cards.get(host)?.get(number)
    }

    pub(crate) fn cards(&self, host: usize) -> &[Card] {
        &self.cards[host]
    }

    pub(crate) fn link(&self, link: usize) -> &Link {
        &self.links[link]
    }

    /// An address of the host by which others may reach it.
    pub(crate) fn address(&self, host: usize) -> Option<IpAddr> {
        self.cards[host].iter().find(|card| card.up)?.addresses.first().map(|subnet| subnet.address)
    }

    /// What the host's system lists.
    pub(crate) fn interfaces(&self, host: usize) -> Vec<Interface> {
        let listed = |(number, card): (usize, &Card)| {
            let plan = &self.links[card.link].plan;
            Interface {
                index: index_of(number),
                name: format!("eth{number}"),
                addresses: card.addresses.clone(),
                multicast: true,
                loopback: false,
                mtu: plan.mtu,
            }
        };
        self.cards[host].iter().enumerate().filter(|(_, card)| card.up).map(listed).collect()
    }

    /// Sends off what a host wants to send. A fault may have slowed the wire to `limit`: bits a second, bytes of queue.
    pub(crate) fn depart(
        &mut self,
        now: Instant,
        host: usize,
        transmit: &Transmit,
        limit: Option<(u64, u64)>,
    ) -> Result<Departure, Lost> {
        let (number, link, extra, to) = self.way(host, transmit)?;
        let Some(card) = self.cards[host].get_mut(number).filter(|card| card.up) else {
            return Err(Lost::Down);
        };
        let own = &mut self.links[card.link];
        let plan = &own.plan;
        let headers = UDP + if transmit.to.is_ipv6() { IPV6 } else { IPV4 };
        if transmit.bytes.len() + headers > plan.mtu as usize {
            return Err(Lost::TooLarge);
        }
        let many = to == Receivers::Many;
        if (many && !plan.multicast) || (plan.isolated && link == card.link) {
            return Err(Lost::NotCarried);
        }
        let wants_v6 = transmit.to.is_ipv6();
        let link_local =
            matches!(transmit.to.ip(), IpAddr::V6(ip) if ip.is_multicast() || ip.is_unicast_link_local());
        let fits = |subnet: &&Subnet| match subnet.address {
            IpAddr::V4(_) => !wants_v6,
            IpAddr::V6(ip) => wants_v6 && ip.is_unicast_link_local() == link_local,
        };
        let from = card.addresses.iter().find(fits).ok_or(Lost::NoRoute)?.address;
        let rate = if many && plan.multicast_rate > 0 { plan.multicast_rate } else { plan.rate };
        let (rate, queue) = limit.unwrap_or((rate, plan.queue));
        let mut at = now;
        if rate > 0 {
            let busy = if plan.shared { &mut own.busy } else { &mut card.busy };
            if *busy > now {
                if queue > 0 && bytes_in(*busy - now, rate) > queue {
                    return Err(Lost::Queue);
                }
                at = *busy;
            }
            at += time_of(transmit.bytes.len() + OVERHEAD, rate);
            *busy = at;
        }
        let beacon = nanos(plan.beacon.0);
        if many && beacon > 0 {
            at = Instant::from_nanos(at.as_nanos().next_multiple_of(beacon));
        }
        Ok(Departure { link, at, extra, from, to })
    }

    /// By which card, to which link, and who gets it there.
    fn way(&self, host: usize, transmit: &Transmit) -> Result<(usize, usize, Duration, Receivers), Lost> {
        let to = transmit.to.ip();
        let cards = &self.cards[host];
        if is_for_many(to) {
            let number =
                (transmit.interface as usize).checked_sub(FIRST_INDEX as usize).ok_or(Lost::NoRoute)?;
            let card = cards.get(number).ok_or(Lost::NoRoute)?;
            return Ok((number, card.link, Duration::ZERO, Receivers::Many));
        }
        let named = |number: usize| transmit.interface == 0 || transmit.interface == index_of(number);
        let usable = || cards.iter().enumerate().filter(|(number, card)| card.up && named(*number));
        for (number, card) in usable() {
            if let Some((other, its)) = self.holder(card.link, to) {
                return Ok((number, card.link, Duration::ZERO, Receivers::One(other, its)));
            }
        }
        for (number, card) in usable() {
            for (&(_, link), &extra) in self.ways.range((card.link, 0)..=(card.link, usize::MAX)) {
                if let Some((other, its)) = self.holder(link, to) {
                    return Ok((number, link, extra, Receivers::One(other, its)));
                }
            }
        }
        Err(Lost::NoRoute)
    }

    /// Whose card on the link answers for an address: of those that are up, the latest that claimed it.
    fn holder(&self, link: usize, to: IpAddr) -> Option<(usize, usize)> {
        let who = self.links[link].holders.of(to);
        let is_up = |&&(host, number): &&(usize, usize)| self.cards[host][number].up;
        who.iter().rev().find(is_up).or(who.last()).copied()
    }

    fn addresses(&self, link: usize, slot: usize) -> Vec<Subnet> {
        let number = u16::try_from(slot + 1).unwrap_or(u16::MAX);
        let has = |kind: &Kind| match kind {
            Kind::V4 => self.family != Family::V6,
            Kind::Local => self.family != Family::V4,
            Kind::Routed => self.family != Family::V4 && !self.ways.is_empty(),
        };
        let kinds = Kind::ALL.into_iter().filter(has);
        kinds.map(|kind| self.links[link].holders.subnet(kind, number)).collect()
    }

    fn hold(&mut self, host: usize, number: usize) {
        let card = &self.cards[host][number];
        for subnet in &card.addresses {
            self.links[card.link].holders.add(subnet.address, (host, number));
        }
    }

    fn release(&mut self, host: usize, number: usize) {
        let card = &self.cards[host][number];
        for subnet in &card.addresses {
            self.links[card.link].holders.remove(subnet.address, (host, number));
        }
    }
}

/// The system's number of a host's first card; 1 is the loopback interface.
const FIRST_INDEX: u32 = 2;

/// The system's number of a host's card.
pub(crate) fn index_of(number: usize) -> u32 {
    FIRST_INDEX + u32::try_from(number).unwrap_or(0)
}

pub(crate) fn is_for_many(to: IpAddr) -> bool {
    to.is_multicast() || to == IpAddr::V4(Ipv4Addr::BROADCAST)
}

fn bytes_in(span: Duration, rate: u64) -> u64 {
    u64::try_from(span.as_nanos() * u128::from(rate) / 8_000_000_000).unwrap_or(u64::MAX)
}

fn time_of(bytes: usize, rate: u64) -> Duration {
    Duration::from_nanos((bytes as u64 * 8).saturating_mul(1_000_000_000) / rate)
}

/// The shortest way between any two links over routers.
fn ways(routers: &[Router], links: usize) -> BTreeMap<(usize, usize), Duration> {
    let mut ways = BTreeMap::new();
    for Router { between: [one, other], latency } in routers {
        ways.insert((*one, *other), latency.0);
        ways.insert((*other, *one), latency.0);
    }
    for middle in 0..links {
        let (to, from): (Vec<_>, Vec<_>) = {
            let to = ways.iter().filter(|((_, end), _)| *end == middle).map(|(way, extra)| (*way, *extra));
            let from =
                ways.iter().filter(|((start, _), _)| *start == middle).map(|(way, extra)| (*way, *extra));
            (to.collect(), from.collect())
        };
        for &((start, _), first) in &to {
            for &((_, end), second) in from.iter().filter(|((_, end), _)| *end != start) {
                let known = ways.entry((start, end)).or_insert(Duration::MAX);
                *known = (*known).min(first.saturating_add(second));
            }
        }
    }
    ways
}

//! The discoveries that run: any set of them, side by side.

use crate::{
    boundary::{Datagram, Reason, Via},
    config::Config,
    discovery::{Beacon, Found, PeerDiscovery},
    mdns::Mdns,
    outbox::Outbox,
    rng::Rng,
    stats::Stats,
    time::Instant,
};

/// Those with sockets and timers of their own. What is typed, remembered or told has neither.
#[derive(Debug)]
pub(super) struct Discoveries {
    pub(super) mdns: Option<Mdns>,
    pub(super) beacon: Option<Beacon>,
}

impl Discoveries {
    pub(super) fn new(config: &Config, rng: &mut Rng) -> Self {
        let mdns = config.discovery.mdns.then(|| Mdns::new(config, rng.fork("mdns")));
        let beacon = config.discovery.broadcast.then(|| Beacon::new(rng.fork("beacon")));
        Self { mdns, beacon }
    }

    pub(super) fn each(&mut self) -> impl Iterator<Item = &mut dyn PeerDiscovery> {
        fn of<D: PeerDiscovery>(one: &mut Option<D>) -> Option<&mut dyn PeerDiscovery> {
            one.as_mut().map(|one| one as &mut dyn PeerDiscovery)
        }
        of(&mut self.mdns).into_iter().chain(of(&mut self.beacon))
    }

    /// A datagram came through the socket of one of them.
    pub(super) fn on_datagram(
        &mut self,
        now: Instant,
        datagram: &Datagram<'_>,
        stats: &mut Stats,
        out: &mut Outbox<Found>,
    ) {
        match datagram.via {
            Via::Mdns => self.mdns.iter_mut().for_each(|mdns| mdns.on_datagram(now, datagram, stats, out)),
            Via::Beacon => {
                self.beacon.iter_mut().for_each(|beacon| beacon.on_datagram(now, datagram, stats, out));
            }
            Via::Chat => {}
        }
    }

    pub(super) fn on_tick(&mut self, now: Instant, stats: &mut Stats, out: &mut Outbox<Found>) {
        let is_due = |one: &&mut dyn PeerDiscovery| one.next_wake().is_some_and(|at| at <= now);
        self.each().filter(is_due).for_each(|one| one.on_tick(now, stats, out));
    }

    pub(super) fn wakes(&self) -> impl Iterator<Item = (Option<Instant>, Reason)> {
        let mdns = self.mdns.as_ref().and_then(Mdns::next_wake);
        let beacon = self.beacon.as_ref().and_then(Beacon::next_wake);
        [(mdns, Reason::Mdns), (beacon, Reason::Beacon)].into_iter()
    }
}

//! Multicast DNS (RFC 6762) and DNS-based service discovery (RFC 6763): our own engine, asking and answering, on
//! every link by itself.
//!
//! ```text
//!   datagram --> link (interface and family)
//!                  query    --> respond --> answers, waiting their time --> transmit
//!                  response --> probe (is our name contested?)
//!                           --> cache --> service --> sighting
//!   time     --> probe --> announce                --> transmit
//!                query: who is there, who is still there, what is missing
//! ```
//!
//! | file | what of the RFCs |
//! |---|---|
//! | `probe`, `announce` | 6762 sections 8.1 to 8.4, 9, 10.1: our names, from the first probe to the goodbye |
//! | `respond`, `answers`, `budget` | 6762 sections 5.4, 6 and 7: answering, when, to whom, how often |
//! | `query`, `cache` | 6762 sections 5.2, 7.1, 10: asking, and what is known until when |
//! | `resolve`, `missed` | 6762 sections 7.3, 10.4, 10.5: those who are not where they were said to be |
//! | `ours`, `service` | 6763 sections 4 to 6, 9, 12: our records, and peers out of others' records |
//! | `heard`, `ask` | whether multicast works at all, and with whom |
//!
//! Nothing here is believed beyond what discovery needs: who somebody is, the handshake proves.

mod announce;
mod answers;
mod ask;
mod budget;
mod cache;
mod conflicts;
mod density;
mod heard;
mod link;
mod links;
mod missed;
mod ours;
mod probe;
mod query;
mod receive;
mod resolve;
mod respond;
mod sender;
mod service;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
};
use core::{
    fmt,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use announce::Phase;
use answers::Answers;
use budget::Budget;
use cache::Due;
use conflicts::Conflicts;
use heard::Heard;
use link::{Link, LinkKey};
use ours::{Ours, Own, service_name};
use query::Browsing;
use sender::Sender;
use service::Directory;

use crate::{
    boundary::{Datagram, Interface},
    config::{Config, MdnsSocket},
    discovery::{Announcement, Found, PeerDiscovery},
    dns::{Data, Name},
    findings::LinkFindings,
    outbox::Outbox,
    rng::Rng,
    stats::{MdnsStats, Stats},
    suite::Suite,
    time::Instant,
};

/// The port of multicast DNS (RFC 6762 section 3).
const PORT: u16 = 5353;
/// With so many sessions on a link others tell us of whoever comes there.
const COMPANY: usize = 8;

/// Discovery by multicast DNS.
///
/// After every call, [`on_tick`](PeerDiscovery::on_tick) does what has become due; [`on_datagram`] includes it.
///
/// [`on_datagram`]: PeerDiscovery::on_datagram
pub(crate) struct Mdns {
    suite: &'static dyn Suite,
    socket: MdnsSocket,
    cache_max: usize,
    cache_key: u64,
    peers_max: usize,
    rng: Rng,
    service: Name,
    ours: Option<Ours>,
    links: BTreeMap<LinkKey, Link>,
    /// What was said a moment ago on links that have gone.
    said: BTreeMap<LinkKey, Answers>,
    /// Our own addresses on all links: what comes from one of them, or says one of them, may be our echo.
    everywhere: BTreeSet<IpAddr>,
    conflicts: Conflicts,
    directory: Directory,
    heard: Heard,
    budget: Budget,
    /// The name last told to the person.
    told: Option<String>,
    woken: Instant,
    /// When something is due next: asked for with every input, and changed by few.
    wake: Option<Instant>,
    withdrawn: bool,
}

impl Mdns {
    pub(crate) fn new(config: &Config, mut rng: Rng) -> Self {
        let (directory, cache_key) = (Directory::new(rng.u64()), rng.u64());
        Self {
            suite: config.suite,
            socket: config.mdns_socket,
            cache_max: config.mdns_cache_max,
            cache_key,
            peers_max: config.mdns_peers_max,
            rng,
            service: service_name(),
            ours: None,
            links: BTreeMap::new(),
            said: BTreeMap::new(),
            everywhere: BTreeSet::new(),
            conflicts: Conflicts::default(),
            directory,
            heard: Heard::new(matches!(config.mdns_socket, MdnsSocket::Exclusive | MdnsSocket::Shared)),
            budget: Budget::new(),
            told: None,
            woken: Instant::ORIGIN,
            wake: None,
            withdrawn: false,
        }
    }

    /// Those in session are at these addresses now.
    pub(crate) fn set_company(&mut self, sessions: &[SocketAddr]) {
        for link in self.links.values_mut() {
            let here = sessions.iter().filter(|address| link.is_home_of(**address));
            link.has_company = here.count() >= COMPANY;
        }
    }

    /// So many others are known, whether or not by multicast.
    pub(crate) fn set_known(&mut self, known: usize) {
        self.links.values_mut().for_each(|link| link.known = known);
    }

    /// What has been heard on each link.
    pub(crate) fn tallies(&self) -> impl Iterator<Item = LinkFindings> {
        self.heard.tallies()
    }

    /// How many records of others are held.
    pub(crate) fn cached(&self) -> usize {
        self.links.values().map(|link| link.cache.len()).sum()
    }
}

impl fmt::Debug for Mdns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phases = self.links.iter().map(|(key, link)| (key, link.phase));
        f.debug_map().entries(phases).finish()
    }
}

impl PeerDiscovery for Mdns {
    fn announce(&mut self, now: Instant, announcement: &Announcement, out: &mut Outbox<Found>) {
        self.on_announcement(now, announcement, out);
        self.plan_wake();
    }

    fn on_interfaces(&mut self, now: Instant, interfaces: &[Interface], out: &mut Outbox<Found>) {
        self.on_sites(now, interfaces, out);
        let own = self.own();
        self.directory.tell(now, &self.links, own, &mut self.rng, out);
        self.plan_wake();
    }

    fn on_datagram(
        &mut self,
        now: Instant,
        datagram: &Datagram<'_>,
        stats: &mut Stats,
        out: &mut Outbox<Found>,
    ) {
        self.on_bytes(now, datagram, &mut stats.mdns, out);
        self.run(now, &mut stats.mdns, out);
        self.plan_wake();
    }

    fn on_tick(&mut self, now: Instant, stats: &mut Stats, out: &mut Outbox<Found>) {
        self.run(now, &mut stats.mdns, out);
        self.plan_wake();
    }

    fn next_wake(&self) -> Option<Instant> {
        self.wake
    }

    fn reconfirm(&mut self, now: Instant, address: SocketAddr, stats: &mut Stats) {
        stats.mdns.doubts_dropped += self.directory.reconfirm(now, address, &mut self.links, &mut self.rng);
        self.plan_wake();
    }

    fn withdraw(&mut self, now: Instant, out: &mut Outbox<Found>) {
        let mut stats = MdnsStats::default();
        let mut sender = Sender { now, heard: &mut self.heard, stats: &mut stats, out };
        for link in self.links.values_mut() {
            if let Some(ours) = &self.ours {
                link.goodbye(ours, &ours.announced(&link.site), &mut sender);
            }
            link.phase = Phase::Quiet;
            link.answers.clear();
        }
        self.withdrawn = true;
        self.plan_wake();
    }
}

impl Mdns {
    fn plan_wake(&mut self) {
        let links = self.links.values().filter_map(Link::next_wake);
        let wake = links.chain(self.directory.next_wake()).chain(self.heard.next_wake()).min();
        self.wake = wake.filter(|_| !self.withdrawn);
    }

    fn on_announcement(&mut self, now: Instant, announcement: &Announcement, out: &mut Outbox<Found>) {
        let is_back = core::mem::take(&mut self.withdrawn);
        if self.ours.as_ref().is_some_and(|ours| ours.announcement() == announcement) {
            if is_back {
                self.probe(now, Duration::ZERO);
            }
            return;
        }
        if self.ours.as_mut().is_some_and(|ours| ours.update(announcement)) {
            self.links.values_mut().for_each(|link| link.announce_again(now));
            return;
        }
        self.goodbye(now, &[Own::Service, Own::Srv, Own::Txt], out);
        self.ours = Some(Ours::new(self.suite, announcement.clone()));
        self.told = None;
        self.probe(now, Duration::ZERO);
    }

    /// Does all that is due.
    fn run(&mut self, now: Instant, stats: &mut MdnsStats, out: &mut Outbox<Found>) {
        if self.withdrawn {
            return;
        }
        let mut established = false;
        let own = self.ours.as_ref().map(|ours| ours.name_of(ours::Unique::Instance));
        let mut sender = Sender { now, heard: &mut self.heard, stats, out };
        for link in self.links.values_mut() {
            if let Some(ours) = &self.ours {
                established |= link.step(now, ours, self.socket == MdnsSocket::Exclusive, &mut sender);
                link.flush(now, ours, &mut sender);
            }
            while let Some(due) = link.cache.pop_due(now, &mut self.rng) {
                match due {
                    Due::Browse => link.browse.hasten(now),
                    Due::Refresh { name, kind } => link.ask(now, &[(name, kind)], self.socket, &mut sender),
                    Due::Gone { name, entry } => on_gone(link, &mut self.directory, &name, &entry),
                }
            }
            // Of those whom others tell us of we need no more than that they are there.
            let has_company = link.has_company;
            let is_known = |instance: &Name| {
                has_company || own == Some(instance) || self.directory.is_reachable(instance)
            };
            let browsing = Browsing { service: &self.service, is_known: &is_known, socket: self.socket };
            link.browse(now, browsing, &mut self.rng, &mut sender);
        }
        self.directory.ask(now, &self.service, &mut self.links, self.socket, &mut sender);
        self.heard.on_tick(now, out);
        self.directory.on_tick(now, out);
        if established {
            self.on_established(out);
        }
        let own = self.own();
        self.directory.tell(now, &self.links, own, &mut self.rng, out);
    }

    fn on_established(&mut self, out: &mut Outbox<Found>) {
        self.conflicts.on_success();
        let Some(ours) = &self.ours else { return };
        let label = ours.label();
        let is_news =
            if self.told.is_some() { self.told.as_ref() != Some(&label) } else { ours.is_renamed() };
        if is_news {
            out.push(Found::Renamed(label.clone()));
            self.told = Some(label);
        }
    }

    /// Begins to find out on all links whether our names are free.
    fn probe(&mut self, now: Instant, wait: Duration) {
        if self.socket == MdnsSocket::OneShot || self.ours.is_none() {
            return;
        }
        for link in self.links.values_mut() {
            link.probe_after(now, wait, &mut self.rng);
        }
    }

    /// Takes records back wherever they are ours.
    fn goodbye(&mut self, now: Instant, gone: &[Own], out: &mut Outbox<Found>) {
        let Some(ours) = &self.ours else { return };
        let mut stats = MdnsStats::default();
        let mut sender = Sender { now, heard: &mut self.heard, stats: &mut stats, out };
        for link in self.links.values_mut() {
            link.goodbye(ours, gone, &mut sender);
            gone.iter().for_each(|own| link.answers.forget(*own));
        }
    }

    fn own(&self) -> Option<service::Own> {
        let announcement = self.ours.as_ref()?.announcement();
        Some(service::Own { id: announcement.key.short(), boot: announcement.boot })
    }
}

/// A record that the cache kept with this name is no more.
fn on_gone(link: &Link, directory: &mut Directory, name: &Name, entry: &cache::Entry) {
    match &entry.data {
        Data::Ptr(instance) => directory.touch(instance.clone(), false),
        // Where somebody was when last asked is not kept fresh; that it fell out of date is no news.
        _ if !entry.is_dying() => {}
        Data::A(_) | Data::Aaaa(_) => {
            link.cache
                .instances_on(name.borrow())
                .for_each(|instance| directory.touch(instance.clone(), false));
        }
        _ => directory.touch(name.clone(), false),
    }
}

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod tests;

//! The links come, change and go with the interfaces (RFC 6762 sections 8, 8.4 and 10.3).

use alloc::{collections::BTreeMap, vec::Vec};
use core::{net::IpAddr, time::Duration};

use super::{
    Mdns,
    cache::Cache,
    link::{Family, Link, LinkKey, Site},
    ours::Own,
    sender::Sender,
};
use crate::{
    boundary::{Datagram, Interface},
    config::MdnsSocket,
    discovery::Found,
    dns::Name,
    outbox::Outbox,
    stats::MdnsStats,
    time::Instant,
};

/// Links used at a time.
const LINKS_MAX: usize = 64;
/// The same interfaces told again mean a wake-up, at most this often.
const WAKE_AGAIN: Duration = Duration::from_secs(10);

impl Mdns {
    /// Takes over the full list of interfaces.
    pub(super) fn on_sites(&mut self, now: Instant, interfaces: &[Interface], out: &mut Outbox<Found>) {
        let sites = if self.socket == MdnsSocket::None { BTreeMap::new() } else { sites(interfaces) };
        self.everywhere =
            sites.values().flat_map(|site| site.subnets.iter().map(|subnet| subnet.address)).collect();
        if sites.iter().eq(self.links.iter().map(|(key, link)| (key, &link.site))) && !sites.is_empty() {
            self.on_wake(now);
            return;
        }
        self.woken = now;
        let is_same =
            |key: &LinkKey, link: &Link| sites.get(key).is_some_and(|site| site.is_same_network(&link.site));
        let gone: Vec<LinkKey> =
            self.links.iter().filter(|(key, link)| !is_same(key, link)).map(|(key, _)| *key).collect();
        for (key, mut link) in gone.into_iter().filter_map(|key| self.links.remove_entry(&key)) {
            instances(&link).for_each(|instance| self.directory.touch(instance, false));
            // Those on the other end of a loose contact have heard it (RFC 6762 section 6).
            link.answers.clear();
            self.said.insert(key, link.answers);
        }
        self.said.retain(|_, said| said.is_recent(now));
        if self.links.is_empty() {
            self.heard.restart();
        }
        self.heard.set_links(sites.keys().copied());
        for (key, site) in sites {
            self.on_site(now, key, site, out);
        }
        if self.links.is_empty() || self.socket == MdnsSocket::OneShot {
            self.heard.on_off(out);
        }
    }

    /// The link a datagram came on; when the system does not say, the one that its sender is on.
    pub(super) fn link_of(&self, datagram: &Datagram<'_>) -> Option<LinkKey> {
        let from = datagram.from.ip();
        let family = Family::of(from);
        if datagram.interface != 0 {
            return Some(LinkKey { interface: datagram.interface, family });
        }
        let mut near =
            self.links.values().filter(|link| link.key.family == family && link.site.has_neighbour(from));
        near.next().map(|link| link.key)
    }

    /// The interfaces are as they were: the machine has slept. Others may have come, and our name may be taken.
    fn on_wake(&mut self, now: Instant) {
        if now - self.woken < WAKE_AGAIN {
            return;
        }
        self.woken = now;
        for link in self.links.values_mut() {
            link.browse.restart(now, &mut self.rng);
        }
        self.probe(now, Duration::ZERO);
    }

    /// A link is new, or its addresses have changed.
    fn on_site(&mut self, now: Instant, key: LinkKey, site: Site, out: &mut Outbox<Found>) {
        let Some(link) = self.links.get_mut(&key) else {
            // Under the same key everywhere, so that the same instances are kept of both families.
            let cache = Cache::new(now, self.cache_key, self.peers_max);
            let mut link = Link::new(now, key, site, cache, &mut self.rng);
            link.answers = self.said.remove(&key).unwrap_or_default();
            if self.ours.is_some() && self.socket != MdnsSocket::OneShot && !self.withdrawn {
                link.probe_after(now, Duration::ZERO, &mut self.rng);
            }
            if self.links.len() < LINKS_MAX {
                self.links.insert(key, link);
            }
            return;
        };
        if link.site == site {
            return;
        }
        let is_gone = |address: &IpAddr| !site.addresses.contains(address);
        let gone: Vec<Own> = link.site.addresses.iter().copied().filter(is_gone).map(Own::Address).collect();
        // Without a goodbye the next announcement replaces them.
        let is_held = link.is_change_held(now);
        if let Some(ours) = self.ours.as_ref().filter(|_| !is_held) {
            let mut stats = MdnsStats::default();
            let mut sender = Sender { now, heard: &mut self.heard, stats: &mut stats, out };
            link.goodbye(ours, &gone, &mut sender);
        }
        gone.into_iter().for_each(|own| link.answers.forget(own));
        if link.site.addresses != site.addresses {
            link.announce_again(now);
        }
        link.site = site;
        instances(link).for_each(|instance| self.directory.touch(instance, false));
    }
}

/// The instances heard on a link.
fn instances(link: &Link) -> impl Iterator<Item = Name> {
    link.cache.pointers().map(|(instance, _)| instance.clone())
}

/// The links that the interfaces make.
fn sites(interfaces: &[Interface]) -> BTreeMap<LinkKey, Site> {
    let usable = interfaces.iter().filter(|interface| interface.multicast || interface.loopback);
    let links = usable.flat_map(|interface| {
        let site = Site::new(interface);
        [Family::V4, Family::V6].map(|family| (LinkKey { interface: interface.index, family }, site.clone()))
    });
    links
        .filter(|(key, site)| site.addresses.iter().any(|address| Family::of(*address) == key.family))
        .take(LINKS_MAX)
        .collect()
}

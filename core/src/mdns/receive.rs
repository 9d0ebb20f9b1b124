//! What comes in: checked, sorted into queries and responses, and handed to those whom it concerns.

use alloc::collections::BTreeSet;
use core::net::IpAddr;

use super::{
    Mdns, PORT,
    cache::{self, Taken},
    link::{Link, LinkKey},
    ours::{Ours, Own, Unique},
    probe::is_our_own,
    respond::Incoming,
    sender::Sender,
};
use crate::{
    boundary::Datagram,
    config::MdnsSocket,
    discovery::{Call, Found},
    dns::{CLASS_IN, Data, Kind, Message, Name, NameRef, Record, TXT_MAX},
    findings::Reached,
    outbox::Outbox,
    stats::MdnsStats,
    time::Instant,
};

/// Records among which it is looked for where an instance is.
const PLACES_MAX: usize = 32;

impl Mdns {
    /// Takes in whatever came.
    pub(super) fn on_bytes(
        &mut self,
        now: Instant,
        datagram: &Datagram<'_>,
        stats: &mut MdnsStats,
        out: &mut Outbox<Found>,
    ) {
        if self.withdrawn {
            return;
        }
        let own = self.own();
        let by_multicast = datagram.to.is_multicast();
        let from = datagram.from.ip();
        let Some(link) = self.link_of(datagram).and_then(|key| self.links.get_mut(&key)) else {
            stats.off_link += 1;
            return;
        };
        // What was multicast to us is on the link, or was reflected to it on purpose (RFC 6762 section 11).
        if !by_multicast && !link.site.has_neighbour(from) {
            stats.off_link += 1;
            return;
        }
        let is_ours = self.everywhere.contains(&from);
        if by_multicast && is_ours && self.heard.is_echo(now, link.key, datagram.bytes) {
            self.heard.on_own(link.key, out);
            return;
        }
        let Some(message) = Message::read(datagram.bytes).filter(|message| message.flags.is_plain()) else {
            stats.malformed += 1;
            return;
        };
        stats.bad_records += message.bad;
        let incoming = Incoming { from: datagram.from, by_multicast, message: &message };
        if message.flags.is_response() {
            let is_asked = by_multicast || link.browse.is_asked(now, message.id, self.socket);
            if datagram.from.port() != PORT || !is_asked {
                stats.unasked += 1;
                return;
            }
            stats.responses_in += 1;
            // An answer to us alone does not show that multicast reaches us, unless there is no other way to tell.
            if by_multicast || self.socket == MdnsSocket::OneShot {
                self.heard.on_others(link.key, is_ours, out);
            }
            let key = link.key;
            self.on_response(now, key, &incoming, stats, out);
            return;
        }
        stats.queries_in += 1;
        if by_multicast {
            self.heard.on_others(link.key, is_ours, out);
        }
        if by_multicast && let Some(call) = call_of(&message, &self.service) {
            out.push(Found::Call { call, by: Reached::MULTICAST, from, interface: link.key.interface });
            return;
        }
        if by_multicast && datagram.from.port() == PORT {
            self.directory.on_probe(now, &self.service, link, own, &message, out);
            self.directory.on_query(now, link, &message);
            let mut questions = message.questions.iter().filter(|asked| asked.name == self.service);
            if questions.any(|asked| asked.kind == Kind::PTR && asked.class == CLASS_IN && !asked.unicast) {
                let ours = self.ours.as_ref().map(|ours| ours.name_of(Unique::Instance));
                link.on_browse_heard(now, ours, &message, &mut self.rng);
            }
        }
        let Some(ours) = self.ours.as_ref().filter(|_| self.socket != MdnsSocket::OneShot) else { return };
        let is_of_ours = message.authority.iter().any(|record| ours.unique(record.name).is_some());
        if is_of_ours && is_our_own(ours, &self.everywhere, &message) {
            return;
        }
        if link.phase.is_established() {
            let mut sender = Sender { now, heard: &mut self.heard, stats, out };
            link.on_query(now, ours, &incoming, &mut self.rng, &mut self.budget, &mut sender);
        } else if is_of_ours && link.on_rival(now, ours, &self.everywhere, &message) {
            stats.conflicts += 1;
        }
    }

    fn on_response(
        &mut self,
        now: Instant,
        key: LinkKey,
        response: &Incoming<'_>,
        stats: &mut MdnsStats,
        out: &mut Outbox<Found>,
    ) {
        let &Incoming { from, by_multicast, message } = response;
        let Some(link) = self.links.get_mut(&key) else { return };
        if let Some(ours) = &self.ours {
            let contested = |record| link.contested(ours, &self.everywhere, record);
            let contested: BTreeSet<Unique> = message.claims().filter_map(contested).collect();
            if link.phase.is_established() && by_multicast {
                for record in &message.answers {
                    if let Some(own) = ours.same(record, &link.site) {
                        link.on_same(now, own, record.ttl, from.ip());
                    }
                }
                if message.claims().any(|record| is_elsewhere(ours, &self.everywhere, link, record)) {
                    link.on_elsewhere(now, ours, from.ip());
                }
            }
            if !contested.is_empty() {
                stats.conflicts += 1;
                self.on_conflict(now, key, &contested, out);
            }
        }
        self.remember(now, key, from.ip(), message, stats);
    }

    /// Somebody else has a name of ours. While we ask for it, it is theirs; when it was ours already, we ask again
    /// (RFC 6762 sections 8.1 and 9).
    fn on_conflict(
        &mut self,
        now: Instant,
        key: LinkKey,
        contested: &BTreeSet<Unique>,
        out: &mut Outbox<Found>,
    ) {
        let label = self.ours.as_ref().map(Ours::label).unwrap_or_default();
        let Some(link) = self.links.get_mut(&key) else { return };
        let is_established = link.phase.is_established();
        if is_established && !self.conflicts.is_doubtful(now) {
            return;
        }
        let wait = self.conflicts.on_conflict(now, &label);
        if is_established {
            link.probe_after(now, wait, &mut self.rng);
            return;
        }
        let gone: &[Own] =
            if contested.contains(&Unique::Instance) { &[Own::Service, Own::Srv, Own::Txt] } else { &[] };
        self.goodbye(now, gone, out);
        if let Some(ours) = &mut self.ours {
            contested.iter().for_each(|which| ours.rename(*which, &mut self.rng));
        }
        self.probe(now, wait);
    }

    /// Keeps what is said of instances of our service and of their hosts, and of nothing else.
    fn remember(
        &mut self,
        now: Instant,
        key: LinkKey,
        from: IpAddr,
        message: &Message<'_>,
        stats: &mut MdnsStats,
    ) {
        let mut room = self.cache_max.saturating_sub(self.cached());
        let Some(link) = self.links.get_mut(&key) else { return };
        stats.foreign += message.claims().count() as u64;
        // Pointers first, then what they point to, then where that is: whatever the order in the message.
        for rank in 0..3 {
            for record in message.claims().filter(|record| is_kept(rank, record, &self.service)) {
                if rank == 2 && !link.cache.is_target(record.name) {
                    continue;
                }
                if matches!(record.data, Data::Txt(strings) if strings.len() > TXT_MAX) {
                    stats.texts_too_large += 1;
                    stats.foreign = stats.foreign.saturating_sub(1);
                    continue;
                }
                stats.foreign = stats.foreign.saturating_sub(1);
                let heard = cache::Heard {
                    name: record.name,
                    data: record.data.clone(),
                    ttl: record.ttl,
                    flush: record.flush,
                    source: from,
                    is_placed: is_placed(&record.data, message),
                    is_capped: self.socket == MdnsSocket::OneShot,
                };
                let before = link.cache.len();
                let taken = link.cache.insert(now, &heard, room, self.cache_max, &mut self.rng);
                room = room.saturating_sub(link.cache.len().saturating_sub(before));
                match (taken, &record.data) {
                    (Taken::Refused, _) => stats.cache_full += 1,
                    (Taken::Crowded, _) => stats.crowded += 1,
                    (Taken::Again, Data::Ptr(instance)) => self.directory.hear(now, *instance),
                    // What it says is known, and so is what was made of it, unless somebody is not there.
                    (Taken::Again, _) if !self.directory.has_doubts() => {}
                    (Taken::Again, Data::A(_) | Data::Aaaa(_)) => {
                        let instances = link.cache.instances_on(record.name);
                        instances.for_each(|instance| self.directory.hear_place(instance));
                    }
                    (Taken::Again, _) => self.directory.hear_place(&record.name.to_name()),
                    (Taken::News(instance), Data::Ptr(_)) => self.directory.touch(instance, record.ttl > 0),
                    (Taken::News(_), Data::A(_) | Data::Aaaa(_)) => {
                        let instances = link.cache.instances_on(record.name).cloned();
                        instances.for_each(|instance| self.directory.touch(instance, false));
                    }
                    (Taken::News(instance), _) => self.directory.touch(instance, false),
                }
            }
        }
        link.cache.plan();
    }
}

/// What a question asks that is part of an examination of the network.
fn call_of(message: &Message<'_>, service: &Name) -> Option<Call> {
    let asked = message.questions.first().filter(|asked| asked.kind == Kind::TXT)?;
    let label = asked.name.labels().next().filter(|_| asked.name.is_child_of(service))?;
    Call::from_label(label)
}

/// Whether this is what we said on another link of our addresses there, and replaces what we said here.
fn is_elsewhere(
    ours: &Ours,
    everywhere: &BTreeSet<IpAddr>,
    link: &Link,
    record: &Record<NameRef<'_>, &[u8]>,
) -> bool {
    let address = match record.data {
        Data::A(v4) => IpAddr::V4(v4),
        Data::Aaaa(v6) => IpAddr::V6(v6),
        _ => return false,
    };
    record.flush
        && record.ttl > 0
        && everywhere.contains(&address)
        && !link.site.addresses.contains(&address)
        && ours.unique(record.name) == Some(Unique::Host)
}

/// Whether a message that names an instance also says where it is.
fn is_placed(pointer: &Data<NameRef<'_>, &[u8]>, message: &Message<'_>) -> bool {
    let Data::Ptr(instance) = *pointer else { return false };
    let is_place =
        |record: &Record<NameRef<'_>, &[u8]>| record.data.kind() == Kind::SRV && record.name == instance;
    // Of those that tell of many, as reflectors do, the first few are looked at.
    message.claims().take(PLACES_MAX).any(is_place)
}

/// Whether this record is one of those that are kept in this round.
fn is_kept(rank: u8, record: &Record<NameRef<'_>, &[u8]>, service: &Name) -> bool {
    record.class == CLASS_IN
        && match &record.data {
            Data::Ptr(instance) => rank == 0 && record.name == *service && instance.is_child_of(service),
            Data::Srv { .. } | Data::Txt(_) => rank == 1 && record.name.is_child_of(service),
            Data::A(_) | Data::Aaaa(_) => rank == 2,
            _ => false,
        }
}

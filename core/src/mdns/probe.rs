//! Finding out whether our names are free, and what to do when they are not (RFC 6762 sections 8.1, 8.2 and 9).

use alloc::{collections::BTreeSet, vec::Vec};
use core::{net::IpAddr, time::Duration};

use bytes::Bytes;

use super::{
    announce::Phase,
    link::Link,
    ours::{Ours, Unique},
};
use crate::{
    dns::{CLASS_IN, Data, Flags, Kind, Message, NameRef, Record, Section, Writer},
    time::Instant,
};

/// Probes sent for a name (RFC 6762 section 8.1).
pub(super) const PROBES: u8 = 3;
/// Between probes, and from the last one to the first announcement (RFC 6762 section 8.1).
pub(super) const PROBE_INTERVAL: Duration = Duration::from_millis(250);
/// The wait of whoever loses against a simultaneous probe (RFC 6762 section 8.2).
const DEFER: Duration = Duration::from_secs(1);
impl Link {
    /// One probe for both our names, with everything we would say under them.
    pub(super) fn probe(&self, ours: &Ours, unicast: bool) -> Bytes {
        let mut writer = Writer::new(0, Flags::QUERY, self.limit());
        let names = [Unique::Instance, Unique::Host];
        for which in names {
            writer.question(ours.name_of(which), Kind::ANY, unicast);
        }
        for own in names.into_iter().flat_map(|which| ours.of(which, &self.site)) {
            let record = Record { flush: false, ..ours.record(own, &self.site) };
            writer.record(Section::Authority, &record);
        }
        writer.finish()
    }

    /// Somebody probes for a name that we probe for: the one with the lexicographically later data has it, the
    /// other waits a second and probes again. True when we are the other.
    pub(super) fn on_rival(
        &mut self,
        now: Instant,
        ours: &Ours,
        everywhere: &BTreeSet<IpAddr>,
        probe: &Message<'_>,
    ) -> bool {
        let loses = |which: &Unique| {
            let theirs: Vec<_> =
                probe.authority.iter().filter(|record| record.name == *ours.name_of(*which)).collect();
            // Our own, back from a bridge or a reflector, perhaps of another link with other addresses.
            if theirs.iter().all(|record| is_own(ours, *which, &record.data, everywhere)) {
                return false;
            }
            let mut theirs: Vec<_> = theirs
                .iter()
                .map(|record| (record.class, record.data.kind(), record.data.to_owned().wire()))
                .collect();
            let own = ours.of(*which, &self.site).into_iter().map(|own| ours.record(own, &self.site).data);
            let mut own: Vec<_> = own.map(|data| (CLASS_IN, data.kind(), data.wire())).collect();
            theirs.sort();
            own.sort();
            own < theirs
        };
        let lost =
            matches!(self.phase, Phase::Probing { .. }) && [Unique::Instance, Unique::Host].iter().any(loses);
        if lost {
            self.phase = Phase::Probing { sent: 0, at: now + DEFER };
        }
        lost
    }

    /// Which of our names a record of a response contests here.
    pub(super) fn contested(
        &self,
        ours: &Ours,
        everywhere: &BTreeSet<IpAddr>,
        record: &Record<NameRef<'_>, &[u8]>,
    ) -> Option<Unique> {
        let which = ours.unique(record.name)?;
        let contests = match self.phase {
            // What comes before the first probe left may be as old as somebody's cache.
            Phase::Probing { sent, .. } => sent > 0,
            // The types that we alone have. What else somebody puts there does not contradict us.
            Phase::Announcing { .. } | Phase::Settled => match which {
                Unique::Instance => [Kind::SRV, Kind::TXT].contains(&record.data.kind()),
                Unique::Host => [Kind::A, Kind::AAAA].contains(&record.data.kind()),
            },
            Phase::Quiet => false,
        };
        // A goodbye claims nothing. The same data are our own echo, or a twin that says the same.
        let is_claim =
            record.ttl > 0 && record.class == CLASS_IN && !is_own(ours, which, &record.data, everywhere);
        (contests && is_claim).then_some(which)
    }
}

/// Whether we say this ourselves under that name, on whatever link.
pub(super) fn is_own(
    ours: &Ours,
    which: Unique,
    data: &Data<NameRef<'_>, &[u8]>,
    everywhere: &BTreeSet<IpAddr>,
) -> bool {
    match (which, data) {
        (_, Data::Nsec { next, .. }) => *next == *ours.name_of(which),
        (Unique::Host, Data::A(address)) => everywhere.contains(&IpAddr::V4(*address)),
        (Unique::Host, Data::Aaaa(address)) => everywhere.contains(&IpAddr::V6(*address)),
        (Unique::Instance, data) => ours.says(data),
        _ => false,
    }
}

/// Whether this is a probe that proposes nothing but what we say ourselves: our own, back from somewhere.
pub(super) fn is_our_own(ours: &Ours, everywhere: &BTreeSet<IpAddr>, probe: &Message<'_>) -> bool {
    !probe.authority.is_empty()
        && probe.authority.iter().all(|record| {
            ours.unique(record.name).is_some_and(|which| is_own(ours, which, &record.data, everywhere))
        })
}

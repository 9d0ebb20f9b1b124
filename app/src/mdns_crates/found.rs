//! Who was found, and until when that is good for: the crate `mdns` remembers nothing.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use chat_core::{Instant, Sighting, SightingKind, Source};

use super::line::{Instance, Report, Seen};

/// Whoever is found beyond that is not told of.
const FOUND_MAX: usize = 4096;
/// A find is good for at least so long, whatever the child says,
const SHORTEST: u32 = 5;
/// and for at most a day.
const LONGEST: u32 = 86_400;

/// Those who were told to the node and not taken back.
#[derive(Debug, Default)]
pub(super) struct Found {
    told: BTreeMap<Instance, Told>,
}

#[derive(Debug)]
struct Told {
    until: Instant,
    sighting: Sighting,
}

impl Found {
    /// What the node is to be told of a report.
    pub(super) fn on_report(&mut self, now: Instant, report: Report) -> Vec<Sighting> {
        match report {
            Report::Seen(seen) => self.on_seen(now, seen),
            Report::Lost(instance) => self.told.remove(&instance).map(Told::lost).into_iter().collect(),
        }
    }

    fn on_seen(&mut self, now: Instant, seen: Seen) -> Vec<Sighting> {
        if self.told.len() >= FOUND_MAX && !self.told.contains_key(&seen.instance) {
            return Vec::new();
        }
        let until = now + Duration::from_secs(seen.lasts.clamp(SHORTEST, LONGEST).into());
        let addresses = seen.addresses.into_iter().filter(|address| !is_link_local(*address));
        let sighting = Sighting {
            source: Source::Outside,
            kind: SightingKind::Seen,
            id: seen.id,
            boot: seen.boot,
            nick: seen.nick,
            addresses: addresses.map(|address| (address, seen.port).into()).collect(),
        };
        let before = self.told.insert(seen.instance, Told { until, sighting: sighting.clone() });
        // Another run of it: the one before is gone, and has not said so.
        let other = before
            .filter(|Told { sighting: before, .. }| (before.id, before.boot) != (sighting.id, sighting.boot));
        other.map(Told::lost).into_iter().chain([sighting]).collect()
    }

    /// Takes back what is not good any more.
    pub(super) fn on_tick(&mut self, now: Instant) -> Vec<Sighting> {
        let over = self.told.iter().filter(|(_, told)| told.until <= now);
        let over: Vec<Instance> = over.map(|(instance, _)| instance.clone()).collect();
        over.iter().filter_map(|instance| self.told.remove(instance)).map(Told::lost).collect()
    }

    /// When [`on_tick`](Self::on_tick) is next needed.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.told.values().map(|told| told.until).min()
    }
}

impl Told {
    fn lost(self) -> Sighting {
        Sighting { kind: SightingKind::Lost, ..self.sighting }
    }
}

/// Such an address means nothing without its interface, which `mdns` does not tell. Whoever it finds has one of IPv4.
const fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local())
}

#[cfg(test)]
mod tests {
    use chat_core::BootId;

    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::ORIGIN + Duration::from_secs(seconds)
    }

    fn instance(name: &str) -> Instance {
        Instance::new(name).unwrap()
    }

    fn seen(name: &str, lasts: u32, boot: u64) -> Report {
        Report::Seen(Seen {
            instance: instance(name),
            lasts,
            id: Some([7; 8]),
            boot: Some(BootId(boot)),
            nick: None,
            port: 27_182,
            addresses: ["10.0.0.2", "fe80::2"].map(|address| address.parse().unwrap()).into(),
        })
    }

    fn kinds(sightings: &[Sighting]) -> Vec<(SightingKind, Option<u64>)> {
        sightings.iter().map(|sighting| (sighting.kind, sighting.boot.map(|boot| boot.0))).collect()
    }

    #[test]
    fn a_find_is_taken_back_when_it_is_not_renewed() {
        let mut found = Found::default();
        let told = found.on_report(at(0), seen("ada", 60, 1));
        assert_eq!(kinds(&told), [(SightingKind::Seen, Some(1))]);
        assert_eq!(told[0].source, Source::Outside);
        assert_eq!(told[0].addresses, ["10.0.0.2:27182".parse().unwrap()], "no link-local address");
        assert_eq!(kinds(&found.on_report(at(50), seen("ada", 60, 1))), [(SightingKind::Seen, Some(1))]);
        assert!(found.on_tick(at(60)).is_empty());
        assert_eq!(found.next_wake(), Some(at(110)));
        assert_eq!(kinds(&found.on_tick(at(110))), [(SightingKind::Lost, Some(1))]);
        assert!(found.next_wake().is_none() && found.on_tick(at(500)).is_empty());
    }

    #[test]
    fn a_goodbye_is_told_once_and_only_of_whom_was_found() {
        let mut found = Found::default();
        assert!(found.on_report(at(0), Report::Lost(instance("ada"))).is_empty());
        found.on_report(at(0), seen("ada", 60, 1));
        let lost = found.on_report(at(1), Report::Lost(instance("ada")));
        assert_eq!(kinds(&lost), [(SightingKind::Lost, Some(1))]);
        assert!(found.on_report(at(1), Report::Lost(instance("ada"))).is_empty());
    }

    #[test]
    fn another_run_takes_the_place_of_the_one_before() {
        let mut found = Found::default();
        found.on_report(at(0), seen("ada", 60, 1));
        let told = found.on_report(at(1), seen("ada", 60, 2));
        assert_eq!(kinds(&told), [(SightingKind::Lost, Some(1)), (SightingKind::Seen, Some(2))]);
    }

    #[test]
    fn no_find_is_good_for_ever_and_none_for_no_time() {
        let mut found = Found::default();
        found.on_report(at(0), seen("ada", 0, 1));
        found.on_report(at(0), seen("bob", u32::MAX, 1));
        assert_eq!(found.on_tick(at(4)).len(), 0);
        assert_eq!(found.on_tick(at(5)).len(), 1);
        assert_eq!(found.on_tick(at(86_400)).len(), 1);
    }

    #[test]
    fn there_is_an_end_to_how_many_are_found() {
        let mut found = Found::default();
        for number in 0..FOUND_MAX {
            assert_eq!(found.on_report(at(0), seen(&number.to_string(), 60, 1)).len(), 1);
        }
        assert!(found.on_report(at(0), seen("one more", 60, 1)).is_empty());
        assert_eq!(found.on_report(at(1), seen("0", 60, 1)).len(), 1, "those who are known stay so");
        found.on_tick(at(60));
        assert_eq!(found.on_report(at(60), seen("one more", 60, 1)).len(), 1);
    }
}

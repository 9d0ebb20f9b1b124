//! S12: multicast DNS at the pace that RFC 6762 allows, read with another's decoder.

use std::{collections::BTreeMap, time::Duration};

use chat_core::{Instant, Via};
use simple_dns::{Packet, PacketFlag, ResourceRecord, rdata::RData};

use crate::watch::{Check, Fact, Truth};

/// A record is multicast once a second (RFC 6762 section 6) ...
const REPEAT: Duration = Duration::from_secs(1);
/// ... or after 250 ms, to defend it against a probe; probes are as far apart (sections 6 and 8.1).
const PROBE: Duration = Duration::from_millis(250);
/// Answers that others may give too wait at least so long (section 6).
const SHARED_WAIT: Duration = Duration::from_millis(20);
/// Whoever heard a probe may defend its records in the seconds that follow.
const DEFENDED: Duration = Duration::from_secs(3);

/// S12: records at most once a second, probes 250 ms apart, shared answers after 20 ms.
#[derive(Default)]
pub(super) struct Polite {
    /// By host, then by interface and family.
    hosts: BTreeMap<usize, BTreeMap<(u32, bool), Link>>,
}

#[derive(Default)]
struct Link {
    sent: BTreeMap<u64, Instant>,
    probes: BTreeMap<String, Instant>,
    /// When a probe of somebody was last heard.
    rival: Option<Instant>,
    /// The oldest question since shared records were last multicast.
    asked: Option<Instant>,
}

impl Check for Polite {
    fn name(&self) -> &'static str {
        "S12"
    }

    fn see(&mut self, truth: &Truth, now: Instant, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            // Another program, or another network.
            Fact::Booted { host, .. } => {
                self.hosts.remove(host);
            }
            // Addresses that come and go are probed for and announced anew.
            Fact::Cards { host, .. } => {
                let links = self.hosts.get_mut(host).into_iter().flatten();
                links.for_each(|(_, link)| link.probes.clear());
            }
            Fact::Received { host, flight, intact } if flight.many && flight.to.port() == 5353 => {
                let family = flight.to.is_ipv6();
                // The header says enough (RFC 1035 section 4.1.1): a query, with records to be claimed or without.
                let head = |at: usize| flight.bytes.get(at).copied().unwrap_or(0);
                let is_query = head(2) & 0x80 == 0;
                let is_probe = is_query && (head(8), head(9)) != (0, 0);
                let links = self.hosts.get_mut(host).into_iter().flatten();
                for (_, link) in links.filter(|((_, of), _)| *of == family) {
                    if is_probe || !*intact {
                        link.rival = Some(now);
                    }
                    if is_query || !*intact {
                        link.asked = Some(link.asked.unwrap_or(now));
                    }
                }
            }
            Fact::Sent { host, transmit, .. }
                if transmit.via == Via::Mdns && transmit.to.ip().is_multicast() =>
            {
                let at = (transmit.interface, transmit.to.is_ipv6());
                let link = self.hosts.entry(*host).or_default().entry(at).or_default();
                // What cannot be read is another property's business.
                let Ok(packet) = Packet::parse(&transmit.bytes) else { return Ok(()) };
                let what = if packet.has_flags(PacketFlag::RESPONSE) {
                    link.on_response(truth, now, &packet)
                } else {
                    link.on_query(truth, now, &packet)
                };
                return what.map_err(|what| format!("host {host} {what}"));
            }
            _ => {}
        }
        Ok(())
    }
}

impl Link {
    fn on_query(&mut self, truth: &Truth, now: Instant, packet: &Packet<'_>) -> Result<(), String> {
        let Some(question) = packet.questions.first().filter(|_| !packet.name_servers.is_empty()) else {
            return Ok(());
        };
        let before = self.probes.insert(question.qname.to_string(), now);
        if before.is_some_and(|before| now - before < truth.bounds.at_least(PROBE)) {
            return Err(format!("probes for {} within 250 ms", question.qname));
        }
        Ok(())
    }

    fn on_response(&mut self, truth: &Truth, now: Instant, packet: &Packet<'_>) -> Result<(), String> {
        let defends = self.rival.is_some_and(|rival| now - rival < DEFENDED);
        let gap = truth.bounds.at_least(if defends { PROBE } else { REPEAT });
        // A goodbye takes back, and may come right after.
        let said = packet.answers.iter().chain(&packet.additional_records).filter(|record| record.ttl > 0);
        for record in said {
            let before = self.sent.insert(identity(record), now);
            if before.is_some_and(|before| now - before < gap) {
                return Err(format!("multicasts {} again within {gap:?}", record.name));
            }
        }
        let has = |wanted: fn(&RData<'_>) -> bool| {
            packet.answers.iter().any(|record| record.ttl > 0 && wanted(&record.rdata))
        };
        // An announcement has everything, and nobody asked for it.
        if has(|data| matches!(data, RData::PTR(_))) && !has(|data| matches!(data, RData::SRV(_))) {
            let asked = self.asked.take();
            let wait = truth.bounds.at_least(SHARED_WAIT);
            if asked.is_none_or(|asked| now - asked < wait) {
                return Err("answers with shared records at once".into());
            }
        }
        Ok(())
    }
}

/// What makes a record the same record: everything but its time to live.
fn identity(record: &ResourceRecord<'_>) -> u64 {
    crate::suite::digest_word(format!("{} {:?} {:?}", record.name, record.class, record.rdata).as_bytes())
}

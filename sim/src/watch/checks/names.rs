//! S6: a name has one owner.

use std::{collections::BTreeMap, time::Duration};

use chat_core::{Instant, Via};
use simple_dns::{Packet, PacketFlag, rdata::RData};

use crate::watch::{Check, Fact, Truth};

/// Two that claim one name find out from the first announcement of either; the loser has three probes' time to take
/// another: up to a second's wait, 250 ms, and 750 ms (RFC 6762 sections 8.1 and 9); announcements may wait a second.
const SETTLED: Duration = Duration::from_secs(3);

/// S6: of two that hear each other only one announces a service's name, once they had time to find out.
#[derive(Default)]
pub(super) struct Names {
    /// Who announced an instance, which of its runs, and when last.
    owners: BTreeMap<String, BTreeMap<usize, (chat_core::BootId, Instant)>>,
}

impl Check for Names {
    fn name(&self) -> &'static str {
        "S6"
    }

    fn see(&mut self, truth: &Truth, now: Instant, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Sent { host, transmit, .. } = fact else { return Ok(()) };
        if transmit.via != Via::Mdns {
            return Ok(());
        }
        let Ok(packet) = Packet::parse(&transmit.bytes) else { return Ok(()) };
        if !packet.has_flags(PacketFlag::RESPONSE) {
            return Ok(());
        }
        for record in packet.answers.iter().chain(&packet.additional_records) {
            if !matches!(record.rdata, RData::SRV(_)) {
                continue;
            }
            let owners = self.owners.entry(record.name.to_string()).or_default();
            if record.ttl == 0 {
                owners.remove(host);
                continue;
            }
            owners.insert(*host, (truth.hosts[*host].boot, now));
            let rival = owners.iter().find(|(other, (boot, at))| {
                truth.hosts[**other].boot == *boot
                    && truth.undisturbed(*host, **other).is_some_and(|since| since + SETTLED < *at)
            });
            if let Some((rival, _)) = rival {
                return Err(format!("hosts {host} and {rival} both announce {}", record.name));
            }
        }
        Ok(())
    }
}

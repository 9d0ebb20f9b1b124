//! Asks and echoes of those who examine the network: questions for names that nobody has.

use super::{Mdns, sender::Sender};
use crate::{
    config::MdnsSocket,
    discovery::{Call, Found, Word},
    dns::{Flags, Kind, Name, Writer},
    outbox::Outbox,
    stats::MdnsStats,
    time::Instant,
};

/// What everybody who offers anything answers (RFC 6763 section 9).
const EVERYTHING: [&[u8]; 4] = [b"_services", b"_dns-sd", b"_udp", b"local"];

impl Mdns {
    /// Whether what is multicast reaches us at all.
    pub(crate) const fn listens(&self) -> bool {
        matches!(self.socket, MdnsSocket::Exclusive | MdnsSocket::Shared)
    }

    /// Says `call` on all links. Beside an ask stands a question that other programs answer, to see whether they are
    /// heard.
    pub(crate) fn call(&mut self, now: Instant, call: &Call, stats: &mut MdnsStats, out: &mut Outbox<Found>) {
        let Some(name) = self.service.child(call.label().as_bytes()).filter(|_| !self.withdrawn) else {
            return;
        };
        let everything = Name::new(EVERYTHING).filter(|_| call.word == Word::Ask && self.listens());
        let mut sender = Sender { now, heard: &mut self.heard, stats, out };
        for link in self.links.values() {
            let mut writer = Writer::new(0, Flags::QUERY, link.limit());
            writer.question(&name, Kind::TXT, false);
            if let Some(everything) = &everything {
                writer.question(everything, Kind::PTR, false);
            }
            sender.query(link.transmit(link.group(), writer.finish()));
        }
    }
}

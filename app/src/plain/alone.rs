//! Why it is so quiet: a person who sees nobody is told what was tried.

use std::time::Duration;

use chat_core::{Instant, Multicast, NetChange, Nick};

use crate::{address, multicast, people::People};

/// How long nobody may be there before that is explained.
const SOON: Duration = Duration::from_secs(4);

/// Explains once that nobody is there, and once more when the reason changes.
#[derive(Debug)]
pub(super) struct Alone {
    due: Option<Instant>,
    port: u16,
    net: Option<NetChange>,
    is_multicast_wanted: bool,
}

impl Alone {
    pub(super) fn new(now: Instant, port: u16, is_multicast_wanted: bool) -> Self {
        Self { due: Some(now + SOON), port, net: None, is_multicast_wanted }
    }

    /// Takes in what the network looks like; the answer is a line about it when the interfaces have changed.
    pub(super) fn on_net(&mut self, now: Instant, net: NetChange) -> Option<String> {
        let before = self.net.take();
        if before.as_ref().is_some_and(|before| before.multicast != net.multicast) {
            self.due.get_or_insert(now + SOON);
        }
        let is_news = before.is_none_or(|before| before.interfaces != net.interfaces);
        let line = is_news.then(|| match net.interfaces.as_slice() {
            [] => String::from("network: none; waiting for one"),
            some => format!("network: {} \u{b7} UDP port {}", some.join(", "), self.port),
        });
        self.net = Some(net);
        line
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.due
    }

    /// What to say when nobody is there at `now`.
    pub(super) fn on_tick(&mut self, now: Instant, people: &People) -> Option<String> {
        if self.due.is_none_or(|due| now < due) {
            return None;
        }
        self.due = None;
        people.is_alone().then(|| self.explain(people))
    }

    fn explain(&self, people: &People) -> String {
        if let Some(found) = people.found().next() {
            let name = found.nick.as_ref().map_or("somebody", Nick::as_str);
            let at = found.address.map(|at| format!(" at {}", address::show(at))).unwrap_or_default();
            return format!(
                "alone so far: {name} was found{at} and does not answer; a firewall there or here may drop UDP"
            );
        }
        let why = match self.net.as_ref().map(|net| net.multicast) {
            _ if !self.is_multicast_wanted => "mDNS is left out by --discovery",
            None => multicast::reason(Multicast::Unknown),
            Some(state) => multicast::reason(state),
        };
        let own = self.net.iter().flat_map(|net| &net.interfaces).find_map(|name| {
            let subnet = name.split(' ').nth(1)?;
            subnet.split('/').next()
        });
        let way = match own {
            Some(own) => format!("others reach you with /connect {}", with_port(own, self.port)),
            None => String::from("/connect ADDRESS reaches somebody directly"),
        };
        format!("alone so far: {why}; {way}")
    }
}

/// The address as somebody else types it; the port only where it is not the usual one.
fn with_port(ip: &str, port: u16) -> String {
    match (port, ip.contains(':')) {
        (address::PORT, _) => ip.to_string(),
        (port, false) => format!("{ip}:{port}"),
        (port, true) => format!("[{ip}]:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use chat_core::{BootId, PeerChange, PeerKey, PeerState, Source};

    use super::*;

    fn people() -> People {
        People::new(PeerKey([0; 32]), Nick::new("ana").unwrap(), vec![])
    }

    fn at(seconds: u64) -> Instant {
        Instant::ORIGIN + Duration::from_secs(seconds)
    }

    fn net(multicast: Multicast) -> NetChange {
        NetChange { interfaces: vec!["eth0 10.0.0.2/24".into()], multicast }
    }

    fn change(state: PeerState) -> PeerChange {
        PeerChange {
            state,
            key: (state != PeerState::Found).then_some(PeerKey([1; 32])),
            id: None,
            boot: Some(BootId(1)),
            nick: Nick::new("bo").ok(),
            address: "10.0.0.7:9".parse().ok(),
            via: Source::Mdns,
            direct: false,
        }
    }

    #[test]
    fn silence_is_explained_once_for_each_reason() {
        let mut alone = Alone::new(at(0), 4000, true);
        let line = alone.on_net(at(0), net(Multicast::Unknown)).unwrap();
        assert!(line.contains("eth0 10.0.0.2/24") && line.contains("4000"), "{line}");
        assert_eq!(alone.on_tick(at(3), &people()), None);
        let why = alone.on_tick(at(4), &people()).unwrap();
        assert!(why.contains("nothing has been heard") && why.contains("/connect 10.0.0.2:4000"), "{why}");
        assert_eq!((alone.on_tick(at(60), &people()), alone.next_wake()), (None, None));
        assert_eq!(alone.on_net(at(70), net(Multicast::Silent)), None, "the interfaces are the same");
        assert!(alone.on_tick(at(74), &people()).unwrap().contains("firewall"));
        let none = NetChange { interfaces: vec![], ..net(Multicast::Off) };
        assert!(alone.on_net(at(80), none).unwrap().contains("none"));
    }

    #[test]
    fn company_needs_no_words_and_a_mute_peer_does() {
        let mut people = people();
        people.on_peer(change(PeerState::Found));
        let why = Alone::new(at(0), 1, true).on_tick(at(9), &people).unwrap();
        assert!(why.contains("bo was found at 10.0.0.7:9"), "{why}");
        people.on_peer(change(PeerState::Online));
        assert_eq!(Alone::new(at(0), 1, true).on_tick(at(9), &people), None);
    }
}

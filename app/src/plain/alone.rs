//! Why it is so quiet: a person who sees nobody is told what was tried.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use chat_core::{Instant, Multicast, NetChange, Nick};

use crate::{
    address, multicast,
    people::{People, as_shown},
};

/// How long nobody may be there before that is explained.
const SOON: Duration = Duration::from_secs(4);

/// Explains why nobody is there, each reason once as long as the network stays the same.
#[derive(Debug)]
pub(super) struct Alone {
    due: Option<Instant>,
    port: u16,
    net: Option<NetChange>,
    is_multicast_wanted: bool,
    /// Somebody was there.
    had_company: bool,
    told: BTreeSet<&'static str>,
}

impl Alone {
    pub(super) fn new(now: Instant, port: u16, is_multicast_wanted: bool) -> Self {
        let (due, told) = (Some(now + SOON), BTreeSet::new());
        Self { due, port, net: None, is_multicast_wanted, had_company: false, told }
    }

    /// Somebody is there.
    pub(super) const fn on_company(&mut self) {
        self.had_company = true;
    }

    /// Takes in what the network looks like; the answer is a line about it when the interfaces have changed.
    pub(super) fn on_net(&mut self, now: Instant, net: NetChange) -> Option<String> {
        let before = self.net.take();
        if before.as_ref().is_some_and(|before| before.multicast != net.multicast) {
            self.due.get_or_insert(now + SOON);
        }
        let is_news = before.is_none_or(|before| before.interfaces != net.interfaces);
        if is_news {
            self.told.clear();
            self.due.get_or_insert(now + SOON);
        }
        let line = is_news.then(|| match net.interfaces.as_slice() {
            [] => String::from("network: none; waiting for one"),
            some if some.iter().all(|name| is_loopback(name)) => {
                String::from("no network; only this machine")
            }
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
        if !people.is_alone() {
            return None;
        }
        let since = if self.had_company { "alone now" } else { "alone so far" };
        if let Some(found) = people.found().next() {
            let name = found.nick.as_ref().map(as_shown);
            let name = name.as_ref().map_or("somebody", Nick::as_str);
            let at = found.address.map(|at| format!(" at {}", address::show(at))).unwrap_or_default();
            let why = "does not answer; a firewall there or here may drop UDP";
            return self.told.insert(why).then(|| format!("{since}: {name} was found{at} and {why}"));
        }
        let why = self.why();
        self.told.insert(why).then(|| format!("{since}: {why}{}", self.way()))
    }

    fn why(&self) -> &'static str {
        match &self.net {
            Some(net) if net.interfaces.is_empty() => "there is no network",
            Some(net) if net.interfaces.iter().all(|name| is_loopback(name)) => {
                "there is no network, and nobody else runs this program on this machine"
            }
            _ if !self.is_multicast_wanted => "mDNS is left out by --discovery, and nobody answers otherwise",
            Some(net) if net.multicast == Multicast::Ok => {
                "multicast works here, but nobody who is heard by it runs this program"
            }
            Some(net) => multicast::reason(net.multicast),
            None => multicast::reason(Multicast::Unknown),
        }
    }

    /// What helps where neither multicast nor broadcast do.
    fn way(&self) -> String {
        let interfaces = self.net.iter().flat_map(|net| &net.interfaces);
        match interfaces.clone().filter_map(|name| ip(name)).find(|ip| !ip.is_loopback()) {
            Some(own) => format!(
                "; if you know where somebody is, /connect ADDRESS (or --connect ADDRESS at the start) is enough to \
                 find all; to reach you: /connect {}",
                with_port(own, self.port)
            ),
            None if interfaces.count() > 0 => String::new(),
            None => String::from("; who comes is told here"),
        }
    }
}

/// The address in `name address/prefix`.
fn ip(interface: &str) -> Option<IpAddr> {
    interface.split(' ').nth(1)?.split('/').next()?.parse().ok()
}

fn is_loopback(interface: &str) -> bool {
    ip(interface).is_some_and(|ip| ip.is_loopback())
}

/// The address as somebody else types it; the port only where it is not the usual one.
fn with_port(ip: IpAddr, port: u16) -> String {
    if port == address::PORT { ip.to_string() } else { SocketAddr::from((ip, port)).to_string() }
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
            through: None,
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
        // Back and forth between reasons that were told: nothing new.
        for (second, multicast) in [(80, Multicast::Unknown), (90, Multicast::Silent)] {
            assert_eq!(alone.on_net(at(second), net(multicast)), None);
            assert_eq!(alone.on_tick(at(second + 4), &people()), None);
        }
        let none = NetChange { interfaces: vec![], ..net(Multicast::Off) };
        assert!(alone.on_net(at(100), none).unwrap().contains("none"));
    }

    #[test]
    fn others_who_are_heard_are_no_reason_by_themselves() {
        let mut alone = Alone::new(at(0), 1, true);
        alone.on_net(at(0), net(Multicast::Ok));
        let why = alone.on_tick(at(4), &people()).unwrap();
        assert!(why.contains("nobody who is heard by it runs this program"), "{why}");
        assert!(why.contains("/connect 10.0.0.2:1"), "{why}");
    }

    #[test]
    fn a_machine_by_itself_has_no_network() {
        let mut alone = Alone::new(at(0), 1, true);
        let lo = NetChange { interfaces: vec!["lo 127.0.0.1/8".into()], multicast: Multicast::Alone };
        assert!(alone.on_net(at(0), lo).unwrap().starts_with("no network; only this machine"));
        let why = alone.on_tick(at(4), &people()).unwrap();
        assert!(why.starts_with("alone so far: there is no network") && !why.contains("127.0.0.1"), "{why}");
        alone.on_company();
        // The cable comes: what was told holds no more.
        assert!(alone.on_net(at(9), net(Multicast::Alone)).unwrap().contains("eth0"));
        assert!(alone.on_tick(at(13), &people()).unwrap().starts_with("alone now: only our own multicast"));
    }

    #[test]
    fn company_needs_no_words_and_a_mute_peer_does() {
        let mut people = people();
        // A record proves nothing, so nobody has the badge by it.
        people.on_peer(PeerChange { nick: Nick::new("bo✓").ok(), ..change(PeerState::Found) });
        let why = Alone::new(at(0), 1, true).on_tick(at(9), &people).unwrap();
        assert!(why.contains("bo was found at 10.0.0.7:9"), "{why}");
        people.on_peer(change(PeerState::Online));
        assert_eq!(Alone::new(at(0), 1, true).on_tick(at(9), &people), None);
    }
}

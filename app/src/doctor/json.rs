//! The same for a report to others: one object, with names and keys left out (`docs/JSON.md`).

use chat_core::{LinkFindings, MdnsSocket, PeerFindings, PeerState, Reached, Way};
use chat_net::{LookedAt, Membership};
use serde_json::{Value, json};

use super::{
    Cause, Facts,
    facts::name,
    remedy::{Remedy, remedy},
};
use crate::address;

/// One line.
pub(crate) fn json(facts: &Facts, causes: &[Cause], program: &str) -> String {
    let facts = &facts.redacted();
    let interface = |LookedAt { interface, left_out }: &LookedAt| {
        let addresses = interface.addresses.iter().map(|own| format!("{}/{}", own.address, own.prefix));
        json!({
            "name": interface.name,
            "addresses": addresses.collect::<Vec<_>>(),
            "multicast": interface.multicast,
            "mtu": interface.mtu,
            "used": left_out.is_none(),
            "why": left_out.map(|why| why.to_string()),
        })
    };
    let group = |Membership { interface, group }: &Membership| {
        json!({
            "interface": named(facts, *interface),
            "group": group,
        })
    };
    let holders = facts.surroundings.mdns_holders.as_ref();
    let holders = holders.map(|all| all.iter().map(|one| one.name.clone()).collect::<Vec<_>>());
    json!({
        "type": "doctor",
        "v": 1,
        "program": program,
        "version": env!("CARGO_PKG_VERSION"),
        "system": std::env::consts::OS,
        "interfaces": facts.surroundings.interfaces.iter().map(interface).collect::<Vec<_>>(),
        "port": facts.port,
        "mdns": match facts.findings.mdns {
            MdnsSocket::Exclusive => "exclusive",
            MdnsSocket::Shared => "shared",
            MdnsSocket::OneShot => "one-shot",
            MdnsSocket::None => "none",
        },
        "mdns_holders": holders,
        "groups": facts.surroundings.groups.as_ref().map(|all| all.iter().map(group).collect::<Vec<_>>()),
        "multicast": facts.findings.multicast.word(),
        "links": facts.findings.links.iter().map(|link| self::link(facts, link)).collect::<Vec<_>>(),
        "peers": facts.findings.peers.iter().map(peer).collect::<Vec<_>>(),
        "verdict": causes.iter().map(|cause| {
            let Remedy { what, fix } = remedy(cause, facts, program);
            let (place, command) = fix.unzip();
            json!({ "cause": cause.word(), "text": what, "place": place, "command": command })
        }).collect::<Vec<_>>(),
    })
    .to_string()
}

/// The name of an interface.
fn named(facts: &Facts, index: u32) -> Option<&str> {
    let mut all = facts.surroundings.interfaces.iter().map(|one| &one.interface);
    all.find(|interface| interface.index == index).map(|interface| interface.name.as_str())
}

fn link(facts: &Facts, link: &LinkFindings) -> Value {
    let way = match link.way {
        Way::MulticastV4 => "multicast-v4",
        Way::MulticastV6 => "multicast-v6",
        Way::Broadcast => "broadcast",
    };
    let tally = link.tally;
    json!({
        "interface": named(facts, link.interface),
        "way": way,
        "sent": tally.sent,
        "own": tally.own,
        "others": tally.others,
    })
}

fn ways(ways: Reached) -> Vec<&'static str> {
    let all = [(ways.multicast, "multicast"), (ways.broadcast, "broadcast"), (ways.unicast, "unicast")];
    all.into_iter().filter_map(|(is_there, word)| is_there.then_some(word)).collect()
}

fn peer(peer: &PeerFindings) -> Value {
    let state = match peer.state {
        PeerState::Found => "found",
        PeerState::Online => "online",
        _ => "suspect",
    };
    json!({
        "name": name(peer),
        "address": peer.address.map(address::show),
        "state": state,
        "silent": peer.is_silent,
        "ways": peer.sources.iter().map(|source| source.word()).collect::<Vec<_>>(),
        "session": peer.path.map(|path| json!({
            "rtt_us": u64::try_from(path.rtt.as_micros()).unwrap_or(u64::MAX),
            "sent": path.sent,
            "lost": path.lost,
        })),
        "echo": peer.echo.map(|echo| json!({
            "heard": ways(echo.heard),
            "listens": ways(echo.listens),
            "came": ways(echo.came),
        })),
        "clock_ahead_ms": peer.clock_ahead_ms,
    })
}

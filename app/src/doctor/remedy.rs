//! What a cause means in words, and one command that helps.

use std::net::SocketAddr;

use chat_core::{PeerFindings, Source};
use chat_net::{Firewall, Holder};

use super::{Cause, Facts, facts::name};
use crate::address;

/// The port of multicast DNS.
const MDNS: u16 = 5353;
/// The port of the broadcast.
const BROADCAST: u16 = 27_181;

/// What is wrong and what helps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Remedy {
    pub(crate) what: String,
    /// Where, and the command.
    pub(crate) fix: Option<(String, String)>,
}

/// A cause in words. `program` is what the person has started.
pub(crate) fn remedy(cause: &Cause, facts: &Facts, program: &str) -> Remedy {
    let with =
        |what: String, place: &str, command: String| Remedy { what, fix: Some((place.to_owned(), command)) };
    let here = "here";
    match cause {
        Cause::NoNetwork => with(
            String::from("no network is up: no interface has a cable, or a wireless network, and an address"),
            here,
            String::from(match facts.surroundings.firewall {
                Firewall::Windows => "Get-NetAdapter",
                Firewall::MacOs => "networksetup -listallhardwareports",
                _ => "ip address",
            }),
        ),
        Cause::OnlyThisMachine => with(
            String::from("only loopback is up: nobody but other programs on this machine can be met"),
            here,
            String::from("ip link"),
        ),
        Cause::PortTaken => with(
            format!(
                "{} has UDP port {MDNS} for itself: others do not find this machine by multicast, and are found late",
                holders(facts).unwrap_or_else(|| String::from("another program"))
            ),
            here,
            String::from("sudo ss -ulpn 'sport = :5353'"),
        ),
        Cause::OwnUnheard { interface, multicast, broadcast } => {
            let (kind, ports) = match (multicast, broadcast) {
                (true, true) => ("multicast and broadcast", vec![MDNS, BROADCAST, facts.port]),
                (true, false) => ("multicast", vec![MDNS]),
                _ => ("broadcast", vec![BROADCAST]),
            };
            let what = format!(
                "not even our own {kind} comes back on {interface}: the firewall of this machine drops UDP {} coming in",
                list(&ports, ", ")
            );
            with(what, here, open_here(facts.surroundings.firewall, &ports))
        }
        Cause::Silent { peer } => {
            let peer = &facts.findings.peers[*peer];
            let port = peer.address.map_or(address::PORT, |at| at.port());
            let what = format!(
                "{} was found{}, was called{} and does not answer: most likely its firewall drops UDP {port} coming in",
                name(peer),
                by(peer),
                at(peer.address)
            );
            with(what, &format!("on {}", name(peer)), format!("sudo ufw allow {port}/udp"))
        }
        Cause::PeerDeaf { peer } => {
            let peer = &facts.findings.peers[*peer];
            let (who, port) = (name(peer), peer.address.map_or(address::PORT, |at| at.port()));
            let what = format!(
                "{who}{} hears us when we speak to all, and not what is sent to it alone, while its own packets arrive \
                 here: the firewall of {who} drops UDP {port} coming in",
                at(peer.address)
            );
            with(what, &format!("on {who}"), format!("sudo ufw allow {port}/udp"))
        }
        Cause::WeAreDeaf { peer } => {
            let peer = &facts.findings.peers[*peer];
            let what = format!(
                "{}{} hears us, and what it sends to us alone does not arrive: the firewall of this machine drops UDP \
                 {} coming in",
                name(peer),
                at(peer.address),
                facts.port
            );
            with(what, here, open_here(facts.surroundings.firewall, &[facts.port]))
        }
        Cause::KeptApart { peer } => {
            let peer = &facts.findings.peers[*peer];
            let what = format!(
                "{}{} is heard when it speaks to all, and nothing passes from here to it alone or back: the access \
                 point keeps its guests apart (client isolation), or firewalls at both ends drop UDP",
                name(peer),
                at(peer.address)
            );
            let to = peer.address.map_or_else(String::new, |at| at.ip().to_string());
            with(what, "to see it pass or not", format!("ping -c 3 {to}"))
        }
        Cause::MulticastUnheard { peer } | Cause::BroadcastUnheard { peer } => {
            let (kind, port) = match cause {
                Cause::MulticastUnheard { .. } => ("multicast", MDNS),
                _ => ("broadcast", BROADCAST),
            };
            let peer = &facts.findings.peers[*peer];
            let who = name(peer);
            let what = format!(
                "{who}{} does not hear our {kind}, though it listens: its firewall drops UDP {port} coming in, or the \
                 network between filters it",
                at(peer.address)
            );
            with(what, &format!("on {who}"), format!("sudo ufw allow {port}/udp"))
        }
        Cause::MulticastFiltered { interface } => with(
            format!(
                "multicast of others does not reach {interface}, and they are there: the switch or access point \
                 filters it. Broadcast and sessions stand in, so people are met all the same; on the access point \
                 allow multicast, or switch IGMP snooping off"
            ),
            "to see it come or not",
            format!("sudo tcpdump -ni {interface} udp port {MDNS}"),
        ),
        Cause::OwnClock { ahead_ms } => with(
            format!("the clock of this machine is wrong: it is {}", behind(*ahead_ms)),
            here,
            set_clock(facts.surroundings.firewall),
        ),
        Cause::Clock { peer, ahead_ms } => {
            let who = name(&facts.findings.peers[*peer]);
            let what =
                format!("the clocks of {who} and of this machine differ: ours is {}", behind(*ahead_ms));
            with(what, "on the one that is wrong", String::from("sudo timedatectl set-ntp true"))
        }
        Cause::Lossy { peer, percent } => {
            let peer = &facts.findings.peers[*peer];
            let to = peer.address.map_or_else(String::new, |at| at.ip().to_string());
            let what = format!(
                "{percent} % of the packets to {} get lost: a weak radio link, or a bad cable, there or here",
                name(peer)
            );
            with(what, here, format!("ping -c 50 -i 0.2 -s 1200 {to}"))
        }
        Cause::NobodyElse => {
            let what = String::from(
                "everything that can be tested from here works, and nobody on another machine is heard: nobody runs this program \
                 here now, or this network keeps its guests apart",
            );
            match facts.address() {
                Some(own) => {
                    let own =
                        if own.port() == address::PORT { own.ip().to_string() } else { own.to_string() };
                    with(what, "on another machine", format!("{program} --connect {own}"))
                }
                None => Remedy { what, fix: None },
            }
        }
        Cause::VirtualLeftOut { interface } => with(
            format!(
                "{interface} is left out since its name says that it is virtual; the others may be behind it"
            ),
            here,
            format!("{program} --interface {interface}"),
        ),
        Cause::AllWell => {
            let others = match facts.online() {
                1 => String::from("one other is there"),
                others => format!("{others} others are there"),
            };
            Remedy { what: format!("all is well: {others}"), fix: None }
        }
    }
}

/// The other programs that have the port of multicast DNS.
pub(super) fn holders(facts: &Facts) -> Option<String> {
    let holders = facts.surroundings.mdns_holders.as_ref().filter(|holders| !holders.is_empty())?;
    let one = |Holder { name, user }: &Holder| match name {
        Some(name) => crate::clean::name(name).into_owned(),
        None => format!("a program of user {user}"),
    };
    Some(holders.iter().map(one).collect::<Vec<_>>().join(", "))
}

fn open_here(firewall: Firewall, ports: &[u16]) -> String {
    let all = list(ports, ",");
    match firewall {
        Firewall::Ufw => format!("sudo ufw allow proto udp to any port {all}"),
        Firewall::Firewalld => {
            let each: String = ports.iter().map(|port| format!(" --add-port={port}/udp")).collect();
            format!("sudo firewall-cmd{each}")
        }
        Firewall::Nftables => {
            format!("sudo nft 'insert rule inet filter input udp dport {{ {all} }} accept'")
        }
        Firewall::Windows => format!(
            "New-NetFirewallRule -DisplayName p2p-chat -Direction Inbound -Protocol UDP -LocalPort {all} \
             -Action Allow"
        ),
        Firewall::MacOs => String::from(
            "open 'x-apple.systempreferences:com.apple.preference.security?Privacy_LocalNetwork'",
        ),
        _ => format!("sudo iptables -I INPUT -p udp -m multiport --dports {all} -j ACCEPT"),
    }
}

fn set_clock(firewall: Firewall) -> String {
    String::from(match firewall {
        Firewall::Windows => "w32tm /resync",
        Firewall::MacOs => "sudo sntp -sS time.apple.com",
        _ => "sudo timedatectl set-ntp true",
    })
}

/// How far our clock is from that of others, which is so much ahead of it.
fn behind(ahead_ms: i64) -> String {
    let seconds = ahead_ms.unsigned_abs() / 1000;
    let time = match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    };
    format!("{time} {}", if ahead_ms > 0 { "behind" } else { "ahead" })
}

fn by(peer: &PeerFindings) -> String {
    let ways: Vec<&str> = peer.sources.iter().copied().map(Source::word).collect();
    if ways.is_empty() { String::new() } else { format!(" by {}", ways.join(", ")) }
}

fn at(place: Option<SocketAddr>) -> String {
    place.map_or_else(String::new, |place| format!(" at {}", address::show(place)))
}

fn list(ports: &[u16], between: &str) -> String {
    ports.iter().map(u16::to_string).collect::<Vec<_>>().join(between)
}

//! The table and the verdict in plain lines of no more than 100 columns, commands excepted: those are to be copied.

use std::net::IpAddr;

use chat_core::{EchoFindings, Interface, MdnsSocket, PeerFindings, PeerState, Reached, Tally, Way};
use chat_net::{LookedAt, Why};
use unicode_width::UnicodeWidthStr as _;

use super::{
    Cause, Facts,
    facts::{GROUP_V4, GROUP_V6, name},
    remedy::{Remedy, holders, remedy},
};
use crate::{address, plain::show::columns};

/// The width of a line.
const WIDTH: usize = 100;
/// Where everything but the labels begins.
const INDENT: usize = 12;
/// The width of the column of addresses.
const ADDRESSES: usize = 44;
/// Rows of one kind: the rest is summed up.
const ROWS_MAX: usize = 24;

/// All that is known, each line a fact, and the verdict.
pub(crate) fn table(facts: &Facts, causes: &[Cause], program: &str) -> Vec<String> {
    let mut lines = Vec::new();
    section(
        "interfaces",
        columns(facts.surroundings.interfaces.iter().flat_map(interface).collect()),
        &mut lines,
    );
    section("sockets", wrapped(&sockets(facts)), &mut lines);
    section("groups", facts.outward().filter_map(|interface| groups(facts, interface)).collect(), &mut lines);
    section(
        "heard",
        columns(facts.outward().flat_map(|interface| heard(facts, interface)).collect()),
        &mut lines,
    );
    let peers = columns(facts.findings.peers.iter().map(peer).collect()).into_iter();
    let peers = peers.zip(&facts.findings.peers).flat_map(|(row, peer)| [Some(row), peer.echo.map(ways)]);
    let peers: Vec<String> = peers.flatten().collect();
    section("peers", if peers.is_empty() { vec![String::from("nobody")] } else { peers }, &mut lines);
    lines.extend(verdict_lines(facts, causes, program));
    lines
}

/// The verdict alone.
pub(crate) fn verdict_lines(facts: &Facts, causes: &[Cause], program: &str) -> Vec<String> {
    let mut rows = Vec::new();
    for (number, cause) in (1..).zip(causes) {
        let Remedy { what, fix } = remedy(cause, facts, program);
        let number = if causes.len() > 1 { format!("{number}. ") } else { String::new() };
        rows.extend(wrapped(&format!("{number}{what}").split(' ').map(String::from).collect::<Vec<_>>()));
        rows.extend(fix.map(|(place, command)| format!("   {place}: {command}")));
    }
    let mut lines = Vec::new();
    section("verdict", rows, &mut lines);
    lines
}

/// Rows behind a label.
fn section(label: &str, rows: Vec<String>, lines: &mut Vec<String>) {
    let more = rows.len().saturating_sub(ROWS_MAX);
    let rest = (more > 0).then(|| format!("and {more} more"));
    for (number, row) in rows.into_iter().take(ROWS_MAX).chain(rest).enumerate() {
        let label = if number == 0 { label } else { "" };
        lines.push(format!("{label:INDENT$}{row}").trim_end().to_owned());
    }
}

/// Words, or parts that stay together, in as few lines as they fit in.
fn wrapped(parts: &[String]) -> Vec<String> {
    wrapped_to(parts, WIDTH - INDENT)
}

fn wrapped_to(parts: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + part.width() <= width => {
                line.push(' ');
                line.push_str(part);
            }
            _ => lines.push(part.clone()),
        }
    }
    lines
}

fn interface(LookedAt { interface, left_out }: &LookedAt) -> Vec<[String; 3]> {
    let shown: Vec<String> =
        interface.addresses.iter().map(|own| format!("{}/{}", own.address, own.prefix)).collect();
    let used = left_out.map_or_else(|| String::from("used"), |why| format!("left out: {}", word(why)));
    let mut rows: Vec<[String; 3]> =
        wrapped_to(&shown, ADDRESSES).into_iter().map(|row| [String::new(), row, String::new()]).collect();
    if rows.is_empty() {
        rows.push(Default::default());
    }
    if let Some([name, _, last]) = rows.first_mut() {
        (*name, *last) = (interface.name.clone(), used);
    }
    rows
}

/// Why an interface is not used, shorter than the system part says it.
fn word(why: Why) -> String {
    match why {
        Why::Down => String::from("it is down"),
        Why::NotRunning => String::from("not connected"),
        Why::NoAddress => String::from("no address"),
        Why::Virtual => String::from("virtual by its name"),
        Why::Loopback => String::from("this machine only"),
        Why::NotNamed => String::from("not asked for"),
        other => other.to_string(),
    }
}

fn sockets(facts: &Facts) -> Vec<String> {
    let others = holders(facts);
    let by = |others: Option<&String>| others.cloned().unwrap_or_else(|| String::from("another program"));
    let mdns = match facts.findings.mdns {
        _ if !facts.discovery.mdns => String::from("multicast DNS left out by --discovery"),
        // It may have come since.
        MdnsSocket::Exclusive if others.is_none() => {
            String::from("multicast DNS UDP 5353, nobody else has it")
        }
        MdnsSocket::Exclusive | MdnsSocket::Shared => {
            format!("multicast DNS UDP 5353 shared with {}", by(others.as_ref()))
        }
        MdnsSocket::OneShot => {
            format!("multicast DNS UDP 5353 taken by {}: asking only", by(others.as_ref()))
        }
        MdnsSocket::None => String::from("no socket for multicast DNS"),
    };
    let broadcast =
        if facts.discovery.broadcast { "broadcast UDP 27181" } else { "broadcast left out by --discovery" };
    let chat = format!("chat UDP {}", facts.port);
    vec![chat, format!("\u{b7} {mdns}"), format!("\u{b7} {broadcast}")]
}

/// Whether the system has joined the groups of multicast DNS.
fn groups(facts: &Facts, interface: &Interface) -> Option<String> {
    let joined = facts.surroundings.groups.as_ref()?;
    let has = |group: IpAddr| joined.iter().any(|one| one.interface == interface.index && one.group == group);
    let of = |group: IpAddr| format!("{group} {}", if has(group) { "joined" } else { "not joined" });
    // A group of a family that the interface does not have is nothing to miss.
    let has_family = |is_v4| interface.addresses.iter().any(|own| own.address.is_ipv4() == is_v4);
    let wanted = [(true, GROUP_V4), (false, GROUP_V6)].into_iter().filter(|(is_v4, _)| has_family(*is_v4));
    let said: Vec<String> = wanted.map(|(_, group)| of(group)).collect();
    Some(format!("{} {}", interface.name, said.join(" \u{b7} ")))
}

fn heard(facts: &Facts, interface: &Interface) -> Vec<[String; 4]> {
    let ways = [
        (Way::MulticastV4, "multicast v4"),
        (Way::MulticastV6, "multicast v6"),
        (Way::Broadcast, "broadcast"),
    ];
    let known = ways.into_iter().filter_map(|(way, word)| Some((word, facts.tally(interface, way)?)));
    let rows = known.map(|(word, Tally { sent, own, others })| {
        [
            interface.name.clone(),
            word.to_owned(),
            format!("own {own} of {sent}"),
            format!("of others {others}"),
        ]
    });
    rows.collect()
}

/// Which ways lead there, and which back.
fn ways(EchoFindings { heard, listens, came }: EchoFindings) -> String {
    let all = |ways: Reached| {
        let each = [
            (ways.multicast, listens.multicast, "multicast"),
            (ways.broadcast, listens.broadcast, "broadcast"),
            (ways.unicast, listens.unicast, "unicast"),
        ];
        let words = each.map(|(is_there, is_open, word)| match (is_there, is_open) {
            (true, _) => word.to_owned(),
            (false, true) => format!("not {word}"),
            (false, false) => format!("{word} off"),
        });
        words.join(", ")
    };
    format!("  there: {} \u{b7} back: {}", all(heard), all(came))
}

fn peer(peer: &PeerFindings) -> [String; 4] {
    let how = match (peer.state, &peer.path) {
        (PeerState::Found, _) if peer.is_silent => String::from("found, does not answer"),
        (PeerState::Found, _) => String::from("found, not in session yet"),
        (_, None) => String::from("there, others vouch for it"),
        (_, Some(path)) => {
            let rtt = path.rtt.as_secs_f64() * 1000.0;
            // What would be shown as 0.0 says nothing.
            let clock = peer.clock_ahead_ms.filter(|ahead| ahead.unsigned_abs() >= 50);
            let clock = clock.map(|ahead| format!(" \u{b7} clock {:+.1} s", ahead as f64 / 1000.0));
            format!(
                "session {rtt:.1} ms \u{b7} lost {}/{}{}",
                path.lost,
                path.sent,
                clock.unwrap_or_default()
            )
        }
    };
    let ways: Vec<&str> = peer.sources.iter().map(|source| source.word()).collect();
    let by = if ways.is_empty() { String::from("it called us") } else { format!("by {}", ways.join(", ")) };
    [name(peer), peer.address.map(address::show).unwrap_or_default(), how, by]
}

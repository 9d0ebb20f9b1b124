//! The links that people have.

use std::time::Duration;

use crate::{
    plan::Segment,
    units::{Share, Span},
};

/// The names of the profiles.
pub const NAMES: [&str; 4] = ["switch", "wifi", "guest", "vpn"];

/// The profile called `name`.
#[must_use]
pub fn named(name: &str) -> Option<Segment> {
    match name {
        "switch" => Some(switch()),
        "wifi" => Some(wifi()),
        "guest" => Some(guest()),
        "vpn" => Some(vpn()),
        _ => None,
    }
}

/// Gigabit Ethernet through a switch.
fn switch() -> Segment {
    Segment {
        name: "switch".into(),
        latency: [micros(50), micros(200)],
        loss: Share::from_ppm(1),
        multicast_loss: Share::from_ppm(1),
        rate: 1_000_000_000,
        multicast_rate: 0,
        queue: 512 << 10,
        shared: false,
        multicast: true,
        isolated: false,
        beacon: Span::default(),
        mtu: 1500,
    }
}

/// Radio: one medium for all; unicast is repeated until it arrives, multicast goes once, slowly and at the beacon
/// (RFC 9119 section 3).
fn wifi() -> Segment {
    Segment {
        name: "wifi".into(),
        latency: [micros(500), Span::from_millis(5)],
        loss: Share::from_ppm(1_000),
        multicast_loss: Share::from_ppm(20_000),
        rate: 50_000_000,
        multicast_rate: 6_000_000,
        queue: 256 << 10,
        shared: true,
        beacon: Span(Duration::from_micros(102_400)),
        ..switch()
    }
}

/// Radio whose stations are kept apart from each other.
fn guest() -> Segment {
    Segment { name: "guest".into(), isolated: true, ..wifi() }
}

/// A private network over the Internet: unicast only.
fn vpn() -> Segment {
    Segment {
        name: "vpn".into(),
        latency: [Span::from_millis(10), Span::from_millis(40)],
        loss: Share::from_ppm(2_000),
        rate: 20_000_000,
        multicast: false,
        mtu: 1380,
        ..switch()
    }
}

fn micros(micros: u64) -> Span {
    Span(Duration::from_micros(micros))
}

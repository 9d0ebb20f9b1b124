use std::{fs, path::PathBuf};

use chat_core::Subnet;

use super::*;

/// A tap without sockets, and the file that it writes.
fn tap(name: &str) -> (Tap, PathBuf) {
    let path = std::env::temp_dir().join(format!("chat-tap-{name}-{}", std::process::id()));
    let capture = Capture::open(&path).unwrap();
    (Tap::new(capture, "test", &[], Box::new(|end| panic!("{end}"))).unwrap(), path)
}

fn eth(index: u32) -> Interface {
    let addresses = vec![Subnet { address: [10, 0, 0, 1].into(), prefix: 24 }];
    Interface { index, name: format!("eth{index}"), addresses, multicast: true, loopback: false, mtu: 1500 }
}

fn hear(tap: &mut Tap, bytes: &[u8]) {
    let (from, to) = ("10.0.0.9:5".parse().unwrap(), [10, 0, 0, 1].into());
    tap.heard(&Datagram { via: Via::Chat, interface: 7, from, to, bytes }, &[eth(7)]);
}

fn send(tap: &mut Tap, bytes: &'static [u8]) {
    let transmit =
        Transmit { via: Via::Chat, interface: 7, to: "10.0.0.9:5".parse().unwrap(), bytes: bytes.into() };
    tap.waits();
    tap.sent(0, &transmit, (transmit.to, None), &[eth(7)]);
    tap.waits_no_more();
}

fn told(received: Option<u64>, line: &str) -> Trace {
    Trace { received, lines: vec![line.into()] }
}

/// What the file says between the known words, in order.
fn order(path: &PathBuf, words: &[&str]) -> Vec<usize> {
    let bytes = fs::read(path).unwrap();
    fs::remove_file(path).unwrap();
    let find = |word: &&str| bytes.windows(word.len()).position(|part| part == word.as_bytes());
    words.iter().map(|word| find(word).unwrap_or_else(|| panic!("no {word}"))).collect()
}

#[test]
fn what_came_in_stands_before_what_was_sent_each_with_its_own_comment() {
    let (mut tap, path) = tap("order");
    hear(&mut tap, b"heard 1");
    hear(&mut tap, b"heard 2");
    // As many inputs may come before a poll.
    tap.trace(told(Some(1), "comment 1"));
    tap.trace(told(None, "comment of sent 1"));
    send(&mut tap, b"sent 1");
    send(&mut tap, b"sent 2, and nothing told");
    tap.trace(told(Some(2), "comment 2"));
    assert!(tap.flush(&[eth(7)]));
    hear(&mut tap, b"heard 3");
    tap.trace(told(Some(3), "comment 3"));
    tap.trace(told(Some(1), "too late"));
    drop(tap);
    let words = [
        "eth7",
        "heard 1",
        "comment 1",
        "heard 2",
        "comment 2",
        "sent 1",
        "comment of sent 1",
        "sent 2",
        "heard 3",
        "comment 3",
    ];
    let places = order(&path, &words);
    assert!(places.is_sorted(), "{places:?}");
}

/// More in one turn than may wait at all.
#[test]
fn what_was_left_out_is_counted_and_its_interfaces_are_named_again() {
    let (mut tap, path) = tap("dropped");
    (0..300).for_each(|_| hear(&mut tap, &[1; 60_000]));
    assert!(tap.flush(&[eth(7)]));
    // The name of the interface was among it.
    assert_eq!((tap.dropped, tap.named.len()), (300, 0));
    hear(&mut tap, b"after that");
    assert!(tap.flush(&[eth(7)]));
    drop(tap);
    let dropped = str::from_utf8(&[4, 0, 8, 0, 0x2c, 1, 0, 0]).unwrap();
    let places = order(&path, &["Everything that", "eth7", "after that", dropped]);
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn a_broadcast_is_known_by_its_subnet() {
    let of = |to: &str| cast(to.parse().unwrap(), 7, &[eth(7)]);
    assert_eq!(of("10.0.0.255"), Cast::Broadcast);
    assert_eq!(of("255.255.255.255"), Cast::Broadcast);
    assert_eq!(
        (of("10.0.0.9"), of("10.0.1.255"), of("fe80::1")),
        (Cast::Unicast, Cast::Unicast, Cast::Unicast)
    );
    assert_eq!((of("224.0.0.251"), of("ff02::fb")), (Cast::Multicast, Cast::Multicast));
}

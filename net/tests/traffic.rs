//! Datagrams between sockets, on this machine and over cables.
#![cfg(target_os = "linux")]

mod common;

use std::{net::SocketAddr, thread};

use chat_core::{Transmit, Via};
use chat_net::Net;
use common::{
    Heard, hear, index,
    namespace::{Host, entered, ip},
    open, send,
};

#[test]
fn a_train_of_datagrams_goes_in_few_calls_and_comes_as_it_was() {
    if !entered("a_train_of_datagrams_goes_in_few_calls_and_comes_as_it_was") {
        return;
    }
    ip("link set lo up");
    for (to, home) in [("127.0.0.1", "127.0.0.1"), ("[::1]", "::1")] {
        let (mut one, other) = (open(&["lo"]), open(&["lo"]));
        let to: SocketAddr = format!("{to}:{}", other.port()).parse().unwrap();
        let sizes = [[1200_usize; 100].as_slice(), &[700, 30, 30, 31, 0, 1]].concat();
        for (number, &size) in (0_u8..).zip(&sizes) {
            one.send(Transmit { via: Via::Chat, interface: 0, to, bytes: vec![number; size].into() });
        }
        one.flush();
        let heard = hear(&other, sizes.len() - 1);
        let said: Vec<_> = heard.iter().map(|one| (one.bytes.len(), one.bytes[0])).collect();
        let sent: Vec<_> = (0_u8..).zip(&sizes).map(|(number, &size)| (size, number)).collect();
        assert_eq!(said, sent.into_iter().filter(|&(size, _)| size > 0).collect::<Vec<_>>());
        let from = SocketAddr::new(home.parse().unwrap(), one.port());
        assert!(heard.iter().all(|one| one.from == from && one.to == from.ip() && one.interface == 1));
        let stats = one.stats();
        assert_eq!(stats.sent, sizes.len() as u64);
        assert!(stats.calls < 10, "{stats:?}");
    }
}

#[test]
fn failures_are_counted_and_nothing_else_happens() {
    if !entered("failures_are_counted_and_nothing_else_happens") {
        return;
    }
    ip("link set lo up");
    let (mut one, other) = (open(&[]), open(&[]));
    let to = format!("127.0.0.1:{}", other.port());
    let before = one.stats();
    send(&mut one, Via::Chat, 0, "10.1.2.3:4", b"no route");
    send(&mut one, Via::Chat, 0, "[2001:db8::1]:4", b"no route");
    send(&mut one, Via::Chat, 0, &to, &[0; 70_000]);
    send(&mut one, Via::Beacon, 0, "[::1]:4", b"no such socket");
    send(&mut one, Via::Chat, 0, "127.0.0.1:0", b"no port");
    send(&mut one, Via::Chat, 0, "[fe80::1]:4", b"no interface");
    send(&mut one, Via::Chat, 0, "127.0.0.1:9", b"refused by nobody");
    send(&mut one, Via::Chat, 0, "127.255.255.255:9", b"not allowed");
    send(&mut one, Via::Chat, 0, &to, b"after all that");
    let after = one.stats();
    let failed = (after.unreachable, after.too_long, after.no_socket, after.bad_address, after.failed);
    assert_eq!(failed, (2, 1, 1, 2, 1), "{after:?}");
    assert_eq!(after.sent - before.sent, 2);
    assert_eq!(hear(&other, 1).last().unwrap().bytes, b"after all that");
}

#[test]
fn a_train_that_is_refused_goes_datagram_by_datagram() {
    if !entered("a_train_that_is_refused_goes_datagram_by_datagram") {
        return;
    }
    // Segments longer than the interface carries are refused together, and fail singly as well.
    ip("link set lo up mtu 1280");
    let (mut one, other) = (open(&["lo"]), open(&["lo"]));
    let to: SocketAddr = format!("127.0.0.1:{}", other.port()).parse().unwrap();
    for size in [1400, 1400, 1400, 1000, 1000, 1000] {
        one.send(Transmit { via: Via::Chat, interface: 0, to, bytes: vec![1; size].into() });
    }
    one.flush();
    assert_eq!(hear(&other, 3).len(), 3);
    assert_eq!((one.stats().sent, one.stats().too_long), (3, 3), "{:?}", one.stats());
}

#[test]
fn two_peers_on_a_machine_without_network_hear_each_other_by_multicast() {
    if !entered("two_peers_on_a_machine_without_network_hear_each_other_by_multicast") {
        return;
    }
    ip("link set lo up");
    let (mut one, other) = (open(&[]), open(&[]));
    send(&mut one, Via::Mdns, 1, "224.0.0.251:5353", b"hello");
    let expected = Heard {
        via: Via::Mdns,
        interface: 1,
        from: "127.0.0.1:5353".parse().unwrap(),
        to: "224.0.0.251".parse().unwrap(),
        bytes: b"hello".into(),
    };
    assert_eq!(hear(&other, 1), std::slice::from_ref(&expected));
    assert_eq!(hear(&one, 1), [expected], "one's own is heard too");
    assert_eq!(one.stats().not_joined, 0);
}

#[test]
fn broadcast_is_heard_by_everybody_on_the_link_that_was_meant_and_by_oneself() {
    if !entered("broadcast_is_heard_by_everybody_on_the_link_that_was_meant_and_by_oneself") {
        return;
    }
    ip("link set lo up");
    let (mut one, other) = (open(&[]), open(&[]));
    send(&mut one, Via::Beacon, 1, "255.255.255.255:27181", b"a machine without network");
    let expected = Heard {
        via: Via::Beacon,
        interface: 1,
        from: "127.0.0.1:27181".parse().unwrap(),
        to: "255.255.255.255".parse().unwrap(),
        bytes: b"a machine without network".into(),
    };
    assert_eq!(hear(&other, 1), std::slice::from_ref(&expected));
    assert_eq!(hear(&one, 1), [expected]);
    drop((one, other));
    let [here, there] = cables("10.9.1");
    let mut own = here.run(|| open(&["eth0", "eth1"]));
    let theirs = there.run(|| [open(&["eth0", "eth1"]), open(&["eth0", "eth1"])]);
    for name in ["eth0", "eth1"] {
        let out = index(&own, name);
        send(&mut own, Via::Beacon, out, "255.255.255.255:27181", name.as_bytes());
        for their in &theirs {
            let heard = hear(their, 1);
            let said: Vec<_> = heard.iter().map(|one| (one.interface, one.bytes.as_slice())).collect();
            assert_eq!(said, [(index(their, name), name.as_bytes())]);
        }
    }
}

/// Two machines with two cables between them; the second cable has another subnet, unless told.
fn cables(second: &str) -> [Host; 2] {
    let hosts = [Host::new(), Host::new()];
    hosts[0].connect("eth0", &hosts[1], "eth0");
    hosts[0].connect("eth1", &hosts[1], "eth1");
    for (number, host) in (1..).zip(&hosts) {
        for (name, subnet) in [("eth0", "10.9.0"), ("eth1", second)] {
            host.ip(&format!("addr add {subnet}.{number}/24 dev {name}"));
            // Without duplicate address detection an address can be used at once.
            host.ip(&format!("addr add fe80::{number}/64 dev {name} nodad"));
            host.ip(&format!("link set {name} up"));
        }
    }
    hosts.iter().for_each(|host| ["eth0", "eth1"].iter().for_each(|name| host.wait_for(name)));
    hosts
}

#[test]
fn multicast_leaves_by_the_named_interface_and_tells_where_it_came_in() {
    if !entered("multicast_leaves_by_the_named_interface_and_tells_where_it_came_in") {
        return;
    }
    let [here, there] = cables("10.9.1");
    let mut one = here.run(|| open(&[]));
    let other = there.run(|| open(&[]));
    for (name, number) in [("eth0", 0), ("eth1", 1)] {
        let (out, inn) = (index(&one, name), index(&other, name));
        let heard = |to: &str, one: &mut _| {
            send(one, Via::Mdns, out, to, name.as_bytes());
            let mut heard = hear(&other, 1);
            assert_eq!(heard.len(), 1, "{heard:?}");
            heard.remove(0)
        };
        let ipv4 = heard("224.0.0.251:5353", &mut one);
        assert_eq!((ipv4.interface, ipv4.bytes.as_slice()), (inn, name.as_bytes()));
        assert_eq!(ipv4.from, SocketAddr::from(([10, 9, number, 1], 5353)));
        let ipv6 = heard("[ff02::fb]:5353", &mut one);
        assert_eq!((ipv6.interface, ipv6.bytes.as_slice()), (inn, name.as_bytes()));
        let SocketAddr::V6(from) = ipv6.from else { panic!("{ipv6:?}") };
        assert!(from.ip().is_unicast_link_local() && from.scope_id() == inn, "{from}");
    }
}

#[test]
fn of_two_ways_to_equal_subnets_the_named_one_is_taken() {
    if !entered("of_two_ways_to_equal_subnets_the_named_one_is_taken") {
        return;
    }
    let [here, there] = cables("10.9.0");
    let mut one = here.run(|| open(&[]));
    let other = there.run(|| open(&[]));
    for name in ["eth0", "eth1"] {
        for (to, trains) in [("10.9.0.2", 1), ("10.9.0.2", 3), ("[fe80::2]", 1)] {
            let to = format!("{to}:{}", other.port()).parse().unwrap();
            for _ in 0..trains {
                let bytes = name.as_bytes().to_vec().into();
                let interface = index(&one, name);
                one.send(Transmit { via: Via::Chat, interface, to, bytes });
            }
            one.flush();
            let heard = hear(&other, trains);
            assert_eq!(heard.len(), trains);
            assert!(heard.iter().all(|one| one.interface == index(&other, name)), "{name} {to} {heard:?}");
        }
    }
}

#[test]
fn an_own_address_is_reached_whatever_interface_is_named() {
    if !entered("an_own_address_is_reached_whatever_interface_is_named") {
        return;
    }
    let [here, _there] = cables("10.9.1");
    let (mut one, other) = here.run(|| (open(&[]), open(&[])));
    let to = format!("10.9.0.1:{}", other.port());
    let (eth0, eth1) = (index(&one, "eth0"), index(&one, "eth1"));
    for interface in [0, 1, eth0, eth1] {
        send(&mut one, Via::Chat, interface, &to, b"next door");
        let heard = hear(&other, 1);
        assert_eq!(heard.len(), 1, "{interface}");
        assert_eq!(heard[0].from, SocketAddr::from(([10, 9, 0, 1], one.port())));
    }
}

#[test]
fn interfaces_come_and_go_with_their_groups() {
    if !entered("interfaces_come_and_go_with_their_groups") {
        return;
    }
    let [here, there] = cables("10.9.1");
    there.ip("link set eth1 down");
    let mut one = here.run(|| open(&["eth0", "eth1"]));
    let other = there.run(|| open(&[]));
    // The sockets stay in the namespace they were made in; the list of interfaces is that of where it is asked for.
    let refresh = |mut net: Net| there.run(move || (net.refresh(), net));
    let names = |net: &Net| net.interfaces().iter().map(|one| one.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&other), ["eth0"]);
    let (changed, other) = refresh(other);
    assert!(!changed);

    let shout = |one: &mut Net, other: &Net, enough| {
        for interface in [2, 3] {
            send(one, Via::Mdns, interface, "224.0.0.251:5353", b"anybody?");
        }
        hear(other, enough).iter().map(|one| one.interface).collect::<Vec<_>>()
    };
    there.ip("link set eth1 up");
    there.wait_for("eth1");
    let (changed, other) = refresh(other);
    assert!(changed);
    assert_eq!(names(&other), ["eth0", "eth1"]);
    assert_eq!(shout(&mut one, &other, 2), [2, 3], "joined on the new one too");

    there.ip("link del eth0");
    let (changed, other) = refresh(other);
    assert!(changed);
    assert_eq!(names(&other), ["eth1"]);
    assert_eq!(shout(&mut one, &other, 1), [3]);

    let mut other = other;
    let other = there.run(move || {
        other.rejoin();
        other
    });
    assert_eq!(other.stats().not_joined, 0);
    assert_eq!(shout(&mut one, &other, 1), [3]);
}

#[test]
fn what_is_left_out_is_not_heard() {
    if !entered("what_is_left_out_is_not_heard") {
        return;
    }
    let [here, there] = cables("10.9.1");
    let mut one = here.run(|| open(&[]));
    // Another program has joined on eth1, and the kernel takes its groups in for everybody who does not object.
    let (other, _elsewhere) = there.run(|| (open(&["eth0"]), open(&["eth1"])));
    send(&mut one, Via::Mdns, 3, "224.0.0.251:5353", b"not even woken");
    thread::sleep(std::time::Duration::from_millis(50));
    let ipv4 = other.sockets().iter().find(|socket| socket.via() == Via::Mdns && socket.is_ipv4()).unwrap();
    assert!(!ipv4.receive(&mut chat_net::Batch::new()));
    for interface in [2, 3] {
        for group in ["224.0.0.251:5353", "[ff02::fb]:5353"] {
            send(&mut one, Via::Mdns, interface, group, b"anybody?");
        }
    }
    let heard = hear(&other, 2);
    assert_eq!(heard.iter().map(|one| one.interface).collect::<Vec<_>>(), [2, 2], "{heard:?}");
}

#[test]
fn whoever_waits_is_woken_by_a_datagram_and_by_the_end() {
    if !entered("whoever_waits_is_woken_by_a_datagram_and_by_the_end") {
        return;
    }
    ip("link set lo up");
    let (mut one, other) = (open(&[]), open(&[]));
    let to = format!("127.0.0.1:{}", other.port());
    let waiting = other.sockets().iter().cloned().map(|socket| {
        thread::spawn(move || {
            let mut batch = chat_net::Batch::new();
            let mut heard = 0;
            while socket.wait() {
                while socket.receive(&mut batch) {
                    heard += 1;
                }
            }
            heard
        })
    });
    let waiting: Vec<_> = waiting.collect();
    thread::sleep(std::time::Duration::from_millis(20));
    send(&mut one, Via::Chat, 0, &to, b"wake up");
    thread::sleep(std::time::Duration::from_millis(20));
    drop(other);
    assert_eq!(waiting.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>(), 1);
}

//! What is opened, and what is said when it cannot be.
#![cfg(target_os = "linux")]

mod common;

use std::net::{SocketAddr, UdpSocket};

use chat_core::{MdnsSocket, Via};
use chat_net::{CHAT_PORT, Net, OpenError, Options, Why};
use common::{
    namespace::{entered, ip},
    open,
};
use socket2::{Domain, SockRef, Socket, Type};

#[test]
fn the_chat_port_is_the_first_free_one_for_both_families() {
    if !entered("the_chat_port_is_the_first_free_one_for_both_families") {
        return;
    }
    ip("link set lo up");
    let first = open(&[]);
    assert_eq!(first.port(), CHAT_PORT);
    let chat = first.sockets().iter().filter(|socket| socket.via() == Via::Chat);
    assert_eq!(chat.map(|socket| socket.is_ipv4()).collect::<Vec<_>>(), [true, false]);

    let _next_for_ipv6_only = UdpSocket::bind(("::1", CHAT_PORT + 1)).unwrap();
    assert_eq!(open(&[]).port(), CHAT_PORT + 2, "a port taken for one family is taken");

    let _all: Vec<_> = (0..16).map(|next| UdpSocket::bind(("127.0.0.1", CHAT_PORT + next))).collect();
    let any = open(&[]).port();
    assert!(any != 0 && !(CHAT_PORT..CHAT_PORT + 16).contains(&any), "{any}");
}

#[test]
fn a_named_port_is_not_exchanged_for_another() {
    if !entered("a_named_port_is_not_exchanged_for_another") {
        return;
    }
    ip("link set lo up");
    let options = Options { port: Some(4000), ..Options::default() };
    let taken = UdpSocket::bind("[::1]:4000").unwrap();
    let error = Net::open(&options).unwrap_err();
    assert!(matches!(error, OpenError::PortTaken { port: 4000 }), "{error:?}");
    assert!(error.to_string().contains("4000 is in use"), "{error}");
    drop(taken);
    let net = Net::open(&options).unwrap();
    assert_eq!(net.port(), 4000);
    drop(net);
    assert_eq!(Net::open(&options).unwrap().port(), 4000, "a dropped one has let it go");
}

/// Item 63 (RFC 6762 section 15.1).
#[test]
fn the_multicast_port_is_shared_and_it_is_known_with_whom() {
    if !entered("the_multicast_port_is_shared_and_it_is_known_with_whom") {
        return;
    }
    ip("link set lo up");
    let first = open(&[]);
    assert_eq!(first.mdns_socket(), MdnsSocket::Exclusive);
    let second = open(&[]);
    assert_eq!(second.mdns_socket(), MdnsSocket::Shared);
    let count = |net: &Net, via| net.sockets().iter().filter(|socket| socket.via() == via).count();
    assert_eq!((count(&second, Via::Mdns), count(&second, Via::Beacon)), (2, 1));
    drop((first, second));

    let unwanted = Net::open(&Options { mdns: false, broadcast: false, ..Options::default() }).unwrap();
    assert_eq!(unwanted.mdns_socket(), MdnsSocket::None);
    assert!(unwanted.sockets().iter().all(|socket| socket.via() == Via::Chat));

    let ipv4 = UdpSocket::bind("0.0.0.0:5353").unwrap();
    assert_eq!(open(&[]).mdns_socket(), MdnsSocket::Shared, "of the family that can be had");
    let _ipv6 = UdpSocket::bind("[::1]:5353").unwrap();
    let asking = open(&[]);
    assert_eq!(asking.mdns_socket(), MdnsSocket::OneShot);
    assert_eq!(asking.stats().not_joined, 0);
    drop(ipv4);
}

/// Item 10 (RFC 6762 section 11): whoever checks it takes a smaller one for a sign that a packet comes from afar.
#[test]
fn multicast_dns_leaves_with_a_ttl_of_255() {
    if !entered("multicast_dns_leaves_with_a_ttl_of_255") {
        return;
    }
    ip("link set lo up");
    let net = open(&[]);
    let mdns: Vec<_> = net.sockets().iter().filter(|socket| socket.via() == Via::Mdns).collect();
    assert_eq!(mdns.len(), 2);
    for socket in mdns {
        let options = SockRef::from(&**socket);
        let ttl = if socket.is_ipv4() {
            (options.multicast_ttl_v4().unwrap(), options.ttl_v4().unwrap())
        } else {
            (options.multicast_hops_v6().unwrap(), options.unicast_hops_v6().unwrap())
        };
        assert_eq!(ttl, (255, 255), "IPv4: {}", socket.is_ipv4());
    }
}

/// Item 63 (RFC 6762 section 15.1).
#[test]
fn the_multicast_port_is_shared_with_whatever_way_of_sharing_the_other_has() {
    if !entered("the_multicast_port_is_shared_with_whatever_way_of_sharing_the_other_has") {
        return;
    }
    ip("link set lo up");
    for (address, port) in [(true, true), (true, false), (false, true)] {
        let other = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        other.set_reuse_address(address).unwrap();
        other.set_reuse_port(port).unwrap();
        other.bind(&"0.0.0.0:5353".parse::<SocketAddr>().unwrap().into()).unwrap();
        let net = open(&[]);
        assert_eq!(net.mdns_socket(), MdnsSocket::Shared, "{address} {port}");
        assert_eq!(net.sockets().iter().filter(|socket| socket.via() == Via::Mdns).count(), 2);
    }
}

#[test]
fn an_unknown_interface_is_answered_by_the_list_of_all() {
    if !entered("an_unknown_interface_is_answered_by_the_list_of_all") {
        return;
    }
    ip("link set lo up");
    ip("link add eth0 type veth peer name docker0");
    ip("link set eth0 up");
    ip("link set docker0 up");
    ip("addr add 10.9.0.1/24 dev eth0");
    ip("addr add 10.9.1.1/24 dev docker0");
    let options = Options { interfaces: vec!["eth0".into(), "eth7".into()], ..Options::default() };
    let error = Net::open(&options).unwrap_err();
    let text = error.to_string();
    let OpenError::UnknownInterface { name, looked_at } = error else { panic!("{text}") };
    assert_eq!(name, "eth7");
    let why = |name: &str| looked_at.iter().find(|one| one.interface.name == name).unwrap().left_out;
    assert_eq!((why("lo"), why("docker0"), why("eth0")), (Some(Why::Loopback), Some(Why::Virtual), None));
    assert!(text.contains("\"eth7\"") && text.contains("10.9.0.1/24"), "{text}");
    assert_eq!(text.lines().count(), 4, "{text}");
}

#[test]
fn nothing_up_is_an_error_with_the_reasons() {
    if !entered("nothing_up_is_an_error_with_the_reasons") {
        return;
    }
    ip("link add eth0 type veth peer name eth1");
    ip("link set eth1 up");
    let error = Net::open(&Options::default()).unwrap_err();
    let text = error.to_string();
    let OpenError::NoNetwork { looked_at } = error else { panic!("{text}") };
    let why = |name: &str| looked_at.iter().find(|one| one.interface.name == name).unwrap().left_out;
    assert_eq!(why("lo"), Some(Why::NoAddress), "it gets its own when it is up");
    assert_eq!(why("eth0"), Some(Why::Down));
    assert_eq!(why("eth1"), Some(Why::NotRunning), "the other end is down");
    assert!(text.contains("eth0: it is down"), "{text}");

    ip("link set eth0 up");
    ip("link set lo up");
    let named = Options { interfaces: vec!["lo".into()], ..Options::default() };
    assert_eq!(common::index(&Net::open(&named).unwrap(), "lo"), 1);
}

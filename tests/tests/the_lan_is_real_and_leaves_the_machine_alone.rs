//! The harness itself: what the scenarios stand on.
#![forbid(unsafe_code)]

use std::{process::Command, time::Duration};

use chat_core::hex;
use chat_tests::{
    lan::{Families, Host, Lan},
    running::Running,
    watch::PATIENCE,
};

const STRANGER: &str = env!("CARGO_BIN_EXE_stranger");

#[test]
fn hosts_hear_each_other_by_unicast_and_multicast_in_both_families() {
    let Some(mut lan) = Lan::new() else { return };
    let (one, other) = (lan.host(), lan.host());
    let link_local = "fe80::";
    assert!(one.shell("ip -6 address show dev eth0").contains(link_local));
    for (group, port) in [("224.0.0.251", 5353), ("ff02::fb", 5353)] {
        let listener = hear(&one, group, port);
        // Two listeners on one host share the port, as chat programs do.
        let beside = hear(&one, group, port);
        let to = if group.contains(':') { format!("[{group}]:{port}") } else { format!("{group}:{port}") };
        other.run(STRANGER, &["say", &to, "to all"], "").expect_code(0);
        expect_heard(&listener, "to all");
        expect_heard(&beside, "to all");
    }
    let listener = hear(&one, "224.0.0.251", 27182);
    other.run(STRANGER, &["say", &format!("{}:27182", one.v4()), "to one"], "").expect_code(0);
    expect_heard(&listener, "to one");
    let listener = hear(&one, "ff02::fb", 27182);
    other.run(STRANGER, &["say", &format!("[{}]:27182", one.v6()), "to one"], "").expect_code(0);
    expect_heard(&listener, "to one");
}

#[test]
fn a_cable_can_be_pulled_out_and_put_back() {
    let Some(mut lan) = Lan::new() else { return };
    let (one, other) = (lan.host(), lan.host());
    let listener = hear(&one, "224.0.0.251", 5353);
    let say = |text| {
        // Without a carrier the system may refuse to send.
        let _ = other.run(STRANGER, &["say", "224.0.0.251:5353", text], "");
    };
    other.unplug();
    assert!(other.shell("ip link show eth0").contains("NO-CARRIER"));
    say("into the void");
    listener.expect_none("datagram", Duration::from_millis(300), |line| line.is_of("heard"));
    other.plug_in();
    say("here again");
    expect_heard(&listener, "here again");
}

#[test]
fn a_host_has_only_the_addresses_it_was_given() {
    let Some(mut lan) = Lan::new() else { return };
    let addresses = |host: &Host| host.shell("ip -o address");
    let v4 = addresses(&lan.host_with(Families::V4));
    assert!(v4.contains("10.77.0.1/24") && !v4.contains("fe80::"), "{v4}");
    let v6 = addresses(&lan.host_with(Families::V6));
    assert!(v6.contains("fe80::") && !v6.contains("10.77.") && !v6.contains("fd77:"), "{v6}");
    let alone = addresses(&lan.loopback_host());
    assert!(alone.contains("127.0.0.1/8") && !alone.contains("eth0"), "{alone}");
    let dead = lan.dead_host().shell("ip -o link show up");
    assert!(dead.is_empty(), "{dead}");
}

#[test]
fn a_malformed_packet_of_ours_is_found_and_nobody_elses() {
    const MALFORMED: &str = "000084000000000100000000c00c000c0001000011940020";
    const SOUND: &str = "000000000001000000000000095f7032702d63686174045f756470056c6f63616c00000c0001";
    let mdns = "224.0.0.251:5353";
    // What is sent from which port to whom, how many packets of that are judged, and whether there are complaints.
    for (hex, port, to, count, complains) in [
        (SOUND, "5353", mdns, 1, false),
        (MALFORMED, "5353", mdns, 1, true),
        (MALFORMED, "40000", mdns, 0, false),
        (MALFORMED, "27182", "224.0.0.251:40000", 1, false),
    ] {
        let Some(mut lan) = Lan::beside_others() else { return };
        let (one, other) = (lan.host(), lan.host());
        for host in [&one, &other] {
            host.run(STRANGER, &["forge", port, to, hex], "").expect_code(0);
        }
        other.leave_out();
        let Some((judged, bad)) = lan.judged() else { return };
        assert_eq!((judged, !bad.is_empty()), (count, complains), "{hex} from {port}: {bad:#?}");
    }
}

#[test]
fn nothing_reaches_the_machine_and_nothing_remains() {
    let links = || {
        let output = Command::new("ip").args(["-o", "link"]).output().expect("ip runs");
        let names = String::from_utf8_lossy(&output.stdout).into_owned();
        names.lines().filter_map(|line| line.split(": ").nth(1).map(str::to_owned)).collect::<Vec<_>>()
    };
    let Some(mut lan) = Lan::new() else { return };
    let before = links();
    let (one, other) = (lan.host(), lan.host());
    one.run(STRANGER, &["say", "224.0.0.251:5353", "hello"], "").expect_code(0);
    assert_eq!(links(), before, "the machine sees nothing of it");
    let routes = one.shell("ip route show table all; ip -6 route show table all");
    assert!(!routes.contains("default"), "no way out: {routes}");
    let home = one.home().to_path_buf();
    assert!(home.is_dir());
    let listener = hear(&other, "224.0.0.251", 5353);
    let process = format!("/proc/{}", listener.id());
    assert!(std::path::Path::new(&process).exists());
    drop((listener, one, other, lan));
    assert_eq!(links(), before);
    assert!(!home.exists() && !std::path::Path::new(&process).exists());
}

fn hear(host: &Host, group: &str, port: u16) -> Running {
    let name = format!("stranger on {}", host.name());
    let listener = Running::start(name, host.command(STRANGER).args(["hear", group, &port.to_string()]));
    listener.expect("sign of hearing", PATIENCE, |line| line.is_of("hearing"));
    listener
}

#[track_caller]
fn expect_heard(listener: &Running, text: &str) {
    let hex = hex(text.as_bytes());
    listener.expect(text, PATIENCE, |line| line.json["hex"] == hex.as_str());
}

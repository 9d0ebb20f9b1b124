//! `doctor` on networks that are broken on purpose: it names what is wrong, and where all is well it says that.
#![forbid(unsafe_code)]

use std::time::Duration;

use chat_tests::{
    bin::Program::{Smol, Std},
    chat::{Chat, introduce},
    lan::{Families, Host, Lan},
    outcome::Outcome,
    running::Running,
};
use serde_json::Value;

/// It looks for six and a half seconds.
const LIMIT: Duration = Duration::from_secs(20);
/// Alone for so long one is told why, and some time for a busy machine.
const ALONE: Duration = Duration::from_secs(14);

/// What the doctor says on `host` in JSON, with its exit code.
fn report(host: &Host, arguments: &[&str]) -> (Value, Option<i32>) {
    let all = [&["doctor", "--json", "--ephemeral"], arguments].concat();
    let Outcome { code, out, err, .. } = host.run_for(Std.path(), &all, "", LIMIT);
    let report = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"));
    (report, code)
}

/// The words of its causes.
fn causes(report: &Value) -> Vec<&str> {
    let causes = report["verdict"].as_array().expect("a verdict");
    causes.iter().map(|cause| cause["cause"].as_str().expect("a word")).collect()
}

/// The row of one way on the only cable.
fn link<'a>(report: &'a Value, way: &str) -> &'a Value {
    let links = report["links"].as_array().expect("links");
    links.iter().find(|link| link["interface"] == "eth0" && link["way"] == way).expect(way)
}

#[test]
fn where_all_is_well_it_says_so_and_names_nobody() {
    let Some(mut lan) = Lan::beside_others() else { return };
    let hosts = [lan.host(), lan.host(), lan.host()];
    let bob = Chat::start(&hosts[1], Std, &[]);
    let eve = Chat::start(&hosts[2], Smol, &[]);
    introduce(&bob, &eve);
    let (told, code) = report(&hosts[0], &[]);
    assert_eq!((causes(&told), code), (vec!["all-well"], Some(0)), "{told:#}");
    assert_eq!(told["peers"].as_array().map(Vec::len), Some(2), "{told:#}");
    for peer in told["peers"].as_array().into_iter().flatten() {
        assert!(peer["session"]["rtt_us"].as_u64().is_some_and(|rtt| rtt > 0), "{told:#}");
        assert!(peer["clock_ahead_ms"].as_i64().is_some_and(|ahead| ahead.abs() < 1000), "{told:#}");
    }
    for way in ["multicast-v4", "multicast-v6", "broadcast"] {
        let link = link(&told, way);
        let (own, sent) = (link["own"].as_u64(), link["sent"].as_u64());
        // The last one may be under way.
        assert!(own > Some(0) && own <= sent, "{told:#}");
    }
    assert!(link(&told, "multicast-v4")["others"].as_u64() > Some(0), "{told:#}");
    let groups: Vec<&Value> = told["groups"].as_array().into_iter().flatten().collect();
    for group in ["224.0.0.251", "ff02::fb"] {
        assert!(groups.iter().any(|one| one["group"] == group && one["interface"] == "eth0"), "{told:#}");
    }
    let text = told.to_string();
    for secret in [bob.key(), eve.key(), bob.nick(), eve.nick()] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[test]
fn it_reads_well_as_text_and_beside_a_chat_that_has_the_profile() {
    let Some(mut lan) = Lan::beside_others() else { return };
    let hosts = [lan.host(), lan.host()];
    let bob = Chat::start(&hosts[1], Std, &[]);
    let own =
        Running::start("a chat with the profile".into(), hosts[0].command(Std.path()).args(["--plain"]));
    own.expect("bob", LIMIT, |line| line.text.contains(bob.nick()));
    let beside = hosts[0].run_for(Std.path(), &["doctor"], "", LIMIT);
    assert_eq!(beside.code, Some(0), "{beside:?}");
    assert!(beside.err.contains("the profile is in use; looking beside it"), "{beside:?}");
    assert!(beside.out.contains("shared with"), "our own chat has the port too: {}", beside.out);
    own.write("/doctor\n");
    let verdict = own.expect("verdict", LIMIT, |line| line.text.contains("verdict"));
    assert!(verdict.text.contains("all is well"), "{own}");
    for label in ["interfaces  ", "sockets  ", "groups  ", "heard  ", "peers  "] {
        assert!(own.lines().iter().any(|line| line.text.trim_start().starts_with(label)), "{label}: {own}");
        assert!(beside.out.lines().any(|line| line.starts_with(label)), "{label}: {}", beside.out);
    }
}

#[test]
fn filtered_multicast_is_named_though_broadcast_has_found_people() {
    let Some(mut lan) = Lan::beside_others() else { return };
    let hosts = [lan.host(), lan.host()];
    hosts.iter().for_each(Host::filter_multicast);
    let _bob = Chat::start(&hosts[1], Std, &[]);
    let (told, code) = report(&hosts[0], &[]);
    assert_eq!((causes(&told), code), (vec!["multicast-filtered"], Some(0)), "{told:#}");
    assert_eq!(link(&told, "multicast-v4")["others"], 0, "{told:#}");
    assert!(told["verdict"][0]["text"].as_str().is_some_and(|text| text.contains("eth0")), "{told:#}");
}

#[test]
fn where_nobody_can_be_heard_it_says_how_to_be_reached() {
    let Some(mut lan) = Lan::beside_others() else { return };
    let hosts = [lan.host(), lan.host()];
    hosts[0].filter_all_but_unicast(&[&hosts[1]]);
    hosts[1].filter_all_but_unicast(&[&hosts[0]]);
    let _bob = Chat::start(&hosts[1], Std, &[]);
    let (told, _) = report(&hosts[0], &[]);
    assert_eq!(causes(&told), ["nobody-else"], "{told:#}");
    let command = told["verdict"][0]["command"].as_str().unwrap_or_default();
    assert!(command.ends_with("--connect 10.77.0.1"), "{told:#}");
    // By hand it is found, and then it is clear what is filtered.
    let (told, _) = report(&hosts[0], &["--connect", "10.77.0.2"]);
    assert_eq!(causes(&told), ["multicast-filtered"], "{told:#}");
}

#[test]
fn who_is_found_and_cannot_be_reached_is_named() {
    let Some(mut lan) = Lan::beside_others() else { return };
    let hosts = [lan.host_with(Families::V4), lan.host_with(Families::V4)];
    let _bob = Chat::start(&hosts[1], Std, &[]);
    // What we send to Bob alone goes to a card that nobody has; his own packets come, and to all we can speak.
    let card = hosts[0].shell("cat /sys/class/net/eth0/address");
    for (host, other, card) in [(0, 1, "02:00:00:00:00:99"), (1, 0, card.trim())] {
        let other = hosts[other].v4();
        hosts[host].shell(&format!("ip neighbour replace {other} lladdr {card} dev eth0 nud permanent"));
    }
    let (told, _) = report(&hosts[0], &[]);
    assert_eq!(causes(&told).first(), Some(&"peer-deaf"), "{told:#}");
    assert!(told["verdict"][0]["text"].as_str().is_some_and(|text| text.contains("10.77.0.2")), "{told:#}");
}

#[test]
fn without_a_network_it_says_that_and_exits_with_two() {
    let Some(mut lan) = Lan::beside_others() else { return };
    let (told, code) = report(&lan.dead_host(), &[]);
    assert_eq!((causes(&told), code), (vec!["no-network"], Some(2)), "{told:#}");
    let (told, code) = report(&lan.loopback_host(), &[]);
    assert_eq!((causes(&told), code), (vec!["only-this-machine"], Some(0)), "{told:#}");
    let host = lan.host();
    let unknown = host.run_for(Std.path(), &["doctor", "--interface", "eth7"], "", LIMIT);
    assert_eq!((unknown.code, unknown.out.as_str()), (Some(2), ""), "{unknown:?}");
}

#[test]
fn whoever_is_alone_is_told_what_is_wrong_after_eight_seconds_and_once() {
    let Some(mut lan) = Lan::beside_others() else { return };
    let host = lan.host();
    // An interface that others may be behind, and that is not used for its name.
    host.shell(
        "ip link add tun0 type veth peer name behind && ip address add 10.9.9.1/24 dev tun0 \
         && ip link set tun0 up && ip link set behind up",
    );
    let lonely =
        Running::start("a lonely one".into(), host.command(Std.path()).args(["--plain", "--ephemeral"]));
    let verdict = lonely.expect("verdict", ALONE, |line| line.text.contains("verdict"));
    assert!(verdict.at - lonely.begun() > Duration::from_secs(7), "{lonely}");
    lonely.expect("cause", LIMIT, |line| line.text.contains("--interface tun0"));
    assert!(
        lonely.lines().iter().all(|line| !line.text.contains("interfaces  ")),
        "the table is not wanted: {lonely}"
    );
    lonely.expect_none("second verdict", Duration::from_secs(4), |line| line.text.contains("verdict"));
}

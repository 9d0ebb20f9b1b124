//! `--capture`: everything that was sent and heard, as Wireshark reads it, with what was said; and whatever becomes of the
//! file, the chat goes on.
#![forbid(unsafe_code)]

use std::{fs, io::Write as _, path::Path, process::Command, time::Duration};

use chat_tests::{
    SESSIONS,
    bin::Program,
    chat::{Chat, introduce},
    lan::{Families, Host, Lan},
    running::Running,
    watch::{self, PATIENCE},
};
use rustix::process::Signal;

/// Everybody speaks on this port: it is free on hosts that nobody else is on.
const CHAT_PORT: &str = "27182";

#[test]
fn all_packets_of_chat_std_are_there() {
    talk(Program::Std, Program::Smol, Families::Both);
}

#[test]
fn all_packets_of_chat_smol_are_there() {
    talk(Program::Smol, Program::Std, Families::Both);
}

#[test]
fn link_local_addresses_are_told_rightly() {
    talk(Program::Std, Program::Smol, Families::V6);
}

/// Ada comes after Bob and leaves before him, so he hears all that she sends, and she all that he sends to her.
fn talk(one: Program, other: Program, families: Families) {
    let Some(mut lan) = Lan::new() else { return };
    if !has_tshark() {
        return;
    }
    let (here, there) = (lan.host_with(families), lan.host_with(families));
    let (adas, bobs) = (here.home().join("ada.pcapng"), there.home().join("bob.pcapng"));
    for host in [&here, &there] {
        // The kernel counts once what comes as a train. It takes a while until it says that a cable is in.
        host.shell("ip link set eth0 gso_max_segs 1");
        let is_up = || host.shell("ip link show dev eth0").contains("state UP").then_some(());
        assert!(watch::until(PATIENCE, is_up).is_some(), "no cable");
    }
    let before = (counted(&here), counted(&there));
    let mut bob = Chat::start(&there, other, &["--nick", "bob", "--capture", &bobs.to_string_lossy()]);
    let mut ada = Chat::start(&here, one, &["--nick", "ada", "--capture", &adas.to_string_lossy()]);
    introduce(&ada, &bob);
    ada.say("hello \"naïve\" 日本");
    bob.expect_message("hello \"naïve\" 日本", &ada, "#lobby");
    bob.say_to(&ada, "between us");
    ada.expect_message("between us", &bob, &bob.direct());
    // It is written within a second, not only at the end.
    let is_there =
        || packets(&adas).iter().any(|packet| packet.comments.contains("between us")).then_some(());
    assert!(watch::until(Duration::from_secs(5), is_there).is_some(), "nothing yet of what was just said");
    // None is missing by the count of the kernel, either. At the end it may have some that nobody looks at any more.
    for (host, file, before) in [(&here, &adas, before.0), (&there, &bobs, before.1)] {
        let mut counts = (0, 0);
        let are_equal = watch::until(PATIENCE, || {
            let heard = packets(file).iter().filter(|packet| packet.way == "in").count() as u64;
            counts = (heard, counted(host) - before);
            (counts.0 == counts.1).then_some(())
        });
        assert!(
            are_equal.is_some(),
            "{}, the kernel of {} and what is in the file: {counts:?}",
            file.display(),
            host.name()
        );
    }
    ada.signal(Signal::TERM);
    assert_eq!(ada.wait(Duration::from_secs(5)), Some(0), "{ada}");
    bob.expect_gone(ada.key(), "quit", PATIENCE);
    bob.quit();

    let (of_ada, of_bob) = (packets(&adas), packets(&bobs));
    for (host, own, file) in [(&here, &of_ada, &adas), (&there, &of_bob, &bobs)] {
        assert_sound(file, own, host, families);
        let said: String = own.iter().map(|packet| format!("{}\n", packet.comments)).collect();
        for text in [
            "ada in #lobby: \"hello \\\"naïve\\\" 日本\"",
            ": \"between us\"",
            "ack: ",
            "hello: handshake 1 of 3",
            "close: the sender leaves",
        ] {
            assert!(said.contains(text), "no comment with {text:?}:\n{said}");
        }
    }
    // No packet is missing, and none is made up.
    let (sent, heard) = (from(&of_ada, "out", &of_ada), from(&of_bob, "in", &of_ada));
    assert!(sent.len() > 10, "{sent:?}");
    assert_same(&sent, &heard, "what Ada sent is what Bob heard of her");
    let to_her = |packets: &[Packet], way| -> Vec<String> {
        let chat = from(packets, way, &of_bob).into_iter().filter(|line| line.contains(CHAT_PORT));
        chat.filter(|line| !line.contains("5353")).collect()
    };
    assert_same(&to_her(&of_bob, "out"), &to_her(&of_ada, "in"), "what Bob sent to Ada is what she heard");
}

#[test]
fn a_full_disk_ends_the_capture_and_not_the_chat() {
    let Some(mut lan) = Lan::new() else { return };
    if !has_tshark() {
        return;
    }
    let (here, there) = (lan.host(), lan.host());
    for program in Program::ALL {
        let disk = here.home().join(program.name());
        fs::create_dir(&disk).expect("a directory");
        here.shell(&format!("mount -t tmpfs -o size=64k,mode=700 none '{}'", disk.display()));
        let file = disk.join("ada.pcapng");
        let mut ada = Chat::start(&here, program, &["--ephemeral", "--capture", &file.to_string_lossy()]);
        let bob = Chat::start(&there, program, &["--ephemeral"]);
        introduce(&ada, &bob);
        let ended = (0..100).find_map(|number| {
            ada.say(&format!("{number} {}", "padding".repeat(300)));
            ada.take(Duration::ZERO, |line| line.json["code"] == "capture-ended")
        });
        let ended = ended.unwrap_or_else(|| panic!("64 KiB take no 200: {ada}"));
        let message = ended.json["message"].as_str().unwrap_or_default();
        assert!(message.contains("No space left") && message.ends_with("the chat goes on"), "{message}");
        ada.say("still here");
        bob.expect_message("still here", &ada, "#lobby");
        ada.expect_none("second word of it", Duration::ZERO, |line| line.json["code"] == "capture-ended");
        // The name means the disk only in there, and what it holds ends with a whole packet.
        let copy = here.home().join(format!("{}.pcapng", program.name()));
        here.shell(&format!("cp '{}' '{}'", file.display(), copy.display()));
        assert!(packets(&copy).len() > 20);
        ada.quit();
        bob.quit();
    }
}

#[test]
fn a_file_that_cannot_be_is_said_in_one_line() {
    let Some(mut lan) = Lan::new() else { return };
    let host = lan.host();
    let kept = host.home().join("kept");
    fs::write(&kept, "something").expect("a file");
    let folder = host.home().to_string_lossy().into_owned();
    for program in Program::ALL {
        for (file, why) in
            [("/no/such/folder/a", "cannot write"), ("/dev/null", "neither"), (&folder, "neither")]
        {
            let outcome = host.run(program.path(), &["--plain", "--ephemeral", "--capture", file], "");
            assert_eq!(outcome.code, Some(1), "{outcome}");
            assert_eq!(outcome.err.lines().count(), 1, "{outcome}");
            assert!(outcome.err.contains(why) && outcome.err.contains(file), "{outcome}");
        }
        // Whoever cannot start for another reason empties no file.
        let kept = kept.to_string_lossy();
        let outcome =
            host.run(program.path(), &["--ephemeral", "--interface", "nix0", "--capture", &kept], "");
        assert_eq!(outcome.code, Some(2), "{outcome}");
    }
    assert_eq!(fs::read_to_string(&kept).expect("a file"), "something");
}

/// A pipe that Wireshark would read from while the chat goes on.
#[test]
fn a_pipe_is_written_as_soon_as_somebody_reads() {
    let Some(mut lan) = Lan::new() else { return };
    let host = lan.host();
    let pipe = host.home().join("pipe");
    host.shell(&format!("mkfifo '{}'", pipe.display()));
    let ada = Chat::start(&host, Program::Std, &["--ephemeral", "--capture", &pipe.to_string_lossy()]);
    let mut reader = Running::start("cat".into(), host.command("cat").arg(&pipe));
    // It has asked who is there by then.
    ada.expect_none("complaint", Duration::from_secs(1), |line| line.is_of("error"));
    ada.quit();
    assert_eq!(reader.wait(Duration::from_secs(5)), Some(0), "{reader}");
    let read = reader.lines().iter().map(|line| line.text.clone()).collect::<String>();
    assert!(read.contains("eth0") && read.contains("_p2p-chat"), "{read:?}");
}

/// One packet as Wireshark reads it.
#[derive(Debug)]
struct Packet {
    interface: String,
    /// `in` or `out`.
    way: &'static str,
    from: String,
    to: String,
    ports: [String; 2],
    hops: String,
    checksums: [String; 2],
    payload: String,
    protocol: String,
    comments: String,
}

const FIELDS: [&str; 15] = [
    "frame.interface_name",
    "frame.packet_flags_direction",
    "ip.src",
    "ipv6.src",
    "ip.dst",
    "ipv6.dst",
    "udp.srcport",
    "udp.dstport",
    "ip.ttl",
    "ipv6.hlim",
    "ip.checksum.status",
    "udp.checksum.status",
    "udp.payload",
    "_ws.col.Protocol",
    "frame.comment",
];

/// What tshark makes of the file. Whatever it complains of fails the test.
fn packets(file: &Path) -> Vec<Packet> {
    let mut command = Command::new("tshark");
    command.args(["-n", "-T", "fields", "-E", "separator=/t", "-E", "aggregator=|"]);
    command.args(FIELDS.iter().flat_map(|field| ["-e", field]));
    let said = read(&mut command, file);
    let packet = |line: &str| {
        let fields: Vec<_> = line.split('\t').map(str::to_owned).collect();
        let [
            interface,
            way,
            v4,
            v6,
            to4,
            to6,
            source,
            target,
            ttl,
            hops,
            ip,
            udp,
            payload,
            protocol,
            comments,
        ] = <[String; 15]>::try_from(fields).unwrap_or_else(|fields| panic!("{fields:?}"));
        let way = match way.as_str() {
            "1" | "0x00000001" => "in",
            "2" | "0x00000002" => "out",
            other => panic!("no direction: {other:?}"),
        };
        Packet {
            interface,
            way,
            from: v4 + &v6,
            to: to4 + &to6,
            ports: [source, target],
            hops: ttl + &hops,
            checksums: [ip, udp],
            payload,
            protocol,
            comments,
        }
    };
    said.lines().map(packet).collect()
}

/// Runs tshark over the file, with checksums verified.
fn read(command: &mut Command, file: &Path) -> String {
    let checked = ["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-d", SESSIONS];
    let output = command
        .args(checked)
        .args(["-d", "udp.port==27182,data"])
        .arg("-r")
        .arg(file)
        .output()
        .expect("tshark runs");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}");
    assert!(!complaints.contains("cut short") && !complaints.contains("corrupt"), "{complaints}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn assert_sound(file: &Path, packets: &[Packet], host: &Host, families: Families) {
    // Errors, and warnings but for one: it takes multicast DNS that is said again for a fault.
    let complaints = "_ws.malformed || _ws.unreassembled || _ws.expert.severity >= 8388608 || \
                      (_ws.expert.severity == 6291456 && !(_ws.expert.message contains \"retransmission\"))";
    let mut command = Command::new("tshark");
    command.args(["-n", "-Y", complaints]);
    assert_eq!(read(&mut command, file), "", "Wireshark complains");
    for packet in packets {
        assert_eq!(packet.interface, "eth0", "{packet:?}");
        let is_mdns = packet.ports.iter().any(|port| port == "5353");
        assert_eq!(packet.protocol == "MDNS", is_mdns, "{packet:?}");
        assert_eq!(packet.hops, if is_mdns { "255" } else { "64" }, "{packet:?}");
        // 1 is good; IPv6 has no sum of its own.
        assert_eq!(packet.checksums[1], "1", "{packet:?}");
        assert!(["1", ""].contains(&packet.checksums[0].as_str()), "{packet:?}");
        // What is not the chat's is said by its own bytes.
        let is_chat = packet.ports.iter().all(|port| !["5353", "27181"].contains(&port.as_str()));
        assert_eq!(
            packet.comments.is_empty(),
            !is_chat && !packet.comments.contains("from this machine"),
            "{packet:?}"
        );
        if packet.way == "out" {
            let own = [host.v4().to_string(), host.v6().to_string()];
            assert!(own.contains(&packet.from) || packet.from.starts_with("fe80::"), "{packet:?}");
            assert!(packet.from.starts_with("fe80::") || !packet.to.starts_with("ff02::"), "{packet:?}");
        }
    }
    let all = |wanted: &str| packets.iter().any(|packet| packet.to == wanted);
    assert_eq!(all("224.0.0.251"), families != Families::V6);
    assert!(all("ff02::fb"));
}

/// What went this way from whoever sent `own`, sorted.
fn from(packets: &[Packet], way: &str, own: &[Packet]) -> Vec<String> {
    let is_own = |packet: &&Packet| own.iter().any(|own| own.way == "out" && own.from == packet.from);
    let line = |packet: &Packet| {
        let Packet { from, to, ports, payload, hops, .. } = packet;
        format!("{from} {to} {ports:?} {hops} {payload}")
    };
    let mut lines: Vec<_> =
        packets.iter().filter(|packet| packet.way == way).filter(is_own).map(line).collect();
    lines.sort_unstable();
    lines
}

#[track_caller]
fn assert_same(sent: &[String], heard: &[String], what: &str) {
    let without = |one: &[String], other: &[String]| -> Vec<String> {
        one.iter().filter(|line| !other.contains(line)).cloned().collect()
    };
    let (lost, new) = (without(sent, heard), without(heard, sent));
    assert!(
        sent == heard,
        "{what}: {} and {}; not heard {lost:#?}; not sent {new:#?}",
        sent.len(),
        heard.len()
    );
}

/// Datagrams of both families that programs on this host have taken, as its kernel counts.
fn counted(host: &Host) -> u64 {
    let four = host.shell("grep '^Udp: [0-9]' /proc/net/snmp");
    let four = four.split_whitespace().nth(1);
    let six = host.shell("grep '^Udp6InDatagrams' /proc/net/snmp6 || true");
    let number = |text: Option<&str>| text.map_or(0, |text| text.parse().expect("a number"));
    number(four) + number(six.split_whitespace().nth(1))
}

fn has_tshark() -> bool {
    let has = Command::new("tshark").arg("--version").output().is_ok();
    if !has {
        assert!(std::env::var_os("CI").is_none(), "tshark is missing, and CI may not skip");
        let _ = writeln!(std::io::stderr(), "SKIPPED: tshark is missing");
    }
    has
}

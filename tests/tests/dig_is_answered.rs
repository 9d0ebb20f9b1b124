//! Who asks from any port, as `dig` does, gets an answer that an ordinary resolver understands (RFC 6762 section 6.7).
#![forbid(unsafe_code)]

use std::time::Duration;

use chat_tests::{
    bin::Program::{Smol, Std},
    chat::Chat,
    foreign,
    lan::{Host, Lan},
    running::Running,
    watch::PATIENCE,
};
use simple_dns::{
    Packet,
    rdata::{PTR, RData},
};

/// The longest that such an answer may be kept, in seconds.
const TTL: u32 = 10;
/// One address gets five answers a second, lest a forged one be flooded.
const PACE: Duration = Duration::from_millis(200);

#[test]
fn by_unicast_in_both_families() {
    if !foreign::has("dig") {
        return;
    }
    let Some(mut lan) = Lan::beside_others() else { return };
    let (here, there) = (lan.host(), lan.host());
    there.leave_out();
    for (program, nick, label) in
        [(Std, "ada", "ada"), (Smol, "Zoë. v1.2 😀", r"Zo\195\171\.\032v1\.2\032\240\159\152\128")]
    {
        let chat = Chat::start(&here, program, &["--nick", nick, "--ephemeral"]);
        // Names are probed for and announced first.
        std::thread::sleep(Duration::from_secs(3));
        let digits = chat.instance().split_off(nick.len());
        let instance = format!("{label}{digits}._p2p-chat._udp.local.");
        let (v4, v6) = (here.v4().to_string(), here.v6().to_string());
        for server in [&v4, &v6] {
            let ask = |name: &str, kind: &str| ask(&there, server, name, kind);
            let [pointer] = &*ask("_p2p-chat._udp.local.", "PTR") else { panic!("one PTR by {server}") };
            assert_eq!(plain(pointer), format!("ptr {}", plain(&instance)));
            let [service] = &*ask(&instance, "SRV") else { panic!("one SRV by {server}") };
            let host = service.rsplit(' ').next().unwrap_or_default().to_owned();
            assert_eq!(*service, format!("SRV 0 0 {} {host}", chat.port()));
            let [text] = &*ask(&instance, "TXT") else { panic!("one TXT by {server}") };
            let id = format!("\"id={}\"", &chat.key()[..16]);
            assert!(text.starts_with("TXT \"txtvers=1\" \"v=1\" ") && text.contains(&id), "{text}");
            let all = ask(&instance, "ANY");
            assert!(all.len() == 2 && all.contains(service) && all.contains(text), "{all:?}");
            assert_eq!(ask(&host, "A"), [format!("A {v4}")]);
            assert!(ask(&host, "AAAA").contains(&format!("AAAA {v6}")));
            assert_eq!(ask("_services._dns-sd._udp.local.", "PTR"), ["PTR _p2p-chat._udp.local."]);
        }
        chat.quit();
    }
}

/// `dig` listens to nobody but the address that it has asked, and nobody answers from that of a group.
#[test]
fn by_multicast_in_both_families() {
    const SERVICE: &str = "5f7032702d63686174045f756470056c6f63616c00";
    let Some(mut lan) = Lan::beside_others() else { return };
    let (here, there) = (lan.host(), lan.host());
    there.leave_out();
    let chat = Chat::start(&here, Smol, &["--nick", "ada"]);
    std::thread::sleep(Duration::from_secs(3));
    for group in ["224.0.0.251:5353", "[ff02::fb]:5353"] {
        // PTR, and class IN with and without the wish for a unicast answer, which makes no difference here.
        for (id, class) in [("beef", "0001"), ("0001", "8001")] {
            let query = format!("{id}0100000100000000000009{SERVICE}000c{class}");
            let mut stranger = there.command(env!("CARGO_BIN_EXE_stranger"));
            let asking =
                Running::start(format!("stranger asks {group}"), stranger.args(["ask", group, &query]));
            let heard = asking.expect("answer", PATIENCE, |line| line.is_of("heard"));
            let bytes = bytes(heard.json["hex"].as_str().unwrap_or_default());
            let answer = Packet::parse(&bytes).expect("sound DNS");
            assert_eq!(answer.id(), u16::from_str_radix(id, 16).expect("hex"));
            assert_eq!(bytes[2..4], [0x84, 0], "an authoritative answer without an error");
            let [question] = &*answer.questions else { panic!("{answer:?}") };
            assert_eq!(question.qname.to_string(), "_p2p-chat._udp.local");
            let [pointer] = &*answer.answers else { panic!("{answer:?}") };
            let RData::PTR(PTR(instance)) = &pointer.rdata else { panic!("{answer:?}") };
            assert_eq!(instance.to_string(), format!("{}._p2p-chat._udp.local", chat.instance()));
            for record in answer.answers.iter().chain(&answer.additional_records) {
                assert!(!record.cache_flush && (1..=TTL).contains(&record.ttl), "{record:?}");
            }
            asking.expect_none("second answer", Duration::from_millis(500), |line| line.is_of("heard"));
        }
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let pairs = hex.as_bytes().chunks(2).filter_map(|pair| str::from_utf8(pair).ok());
    pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
}

/// The records that answer, each with its type and data.
#[track_caller]
fn ask(host: &Host, server: &str, name: &str, kind: &str) -> Vec<String> {
    std::thread::sleep(PACE);
    let server = format!("@{server}");
    // It would ask for ANY by TCP.
    let options =
        ["-p", "5353", &server, name, kind, "+notcp", "+norecurse", "+noedns", "+tries=1", "+time=3"];
    let outcome = host.run("dig", &options, "");
    let said = &outcome.expect_code(0).out;
    // It has compared id and question itself, and warns of every name below local, too.
    let warnings = said.lines().filter(|line| line.to_lowercase().contains("warning:")).count();
    assert!(said.contains("status: NOERROR") && warnings == 1, "{outcome}");
    let section = |title: &str| {
        let lines = said.lines().skip_while(|line| *line != format!(";; {title} SECTION:")).skip(1);
        lines.take_while(|line| !line.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(section("QUESTION").len(), 1, "{outcome}");
    let mut answers = Vec::new();
    for line in section("ANSWER") {
        let fields: Vec<_> = line.split_whitespace().collect();
        let [owner, ttl, class, rest @ ..] = &*fields else { panic!("{outcome}") };
        assert_eq!(plain(owner), plain(name), "{outcome}");
        assert!(ttl.parse().is_ok_and(|ttl: u32| (1..=TTL).contains(&ttl)), "{outcome}");
        // With the bit that flushes caches it would be CLASS32769.
        assert_eq!(*class, "IN", "{outcome}");
        answers.push(rest.join(" "));
    }
    for line in section("ADDITIONAL") {
        assert_eq!(line.split_whitespace().nth(2), Some("IN"), "{outcome}");
    }
    answers
}

/// A name however it is escaped.
fn plain(name: &str) -> String {
    name.replace("\\032", " ").replace("\\ ", " ").to_lowercase()
}

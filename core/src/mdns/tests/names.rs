//! Our own names.

use super::{ours::Unique, *};

fn ours(nick: &str) -> Ours {
    let nick = Nick::new(nick).unwrap();
    Ours::new(REAL, Announcement { key: PeerKey([3; 32]), boot: BootId(4), nick, port: 1 })
}

/// Item 60 (RFC 6763 sections 4.1, 7.2).
#[test]
fn the_instance_is_the_nick_and_four_digits() {
    let digits = PeerKey([3; 32]).digits();
    let ana = ours("Ana. B \u{1F600}");
    assert_eq!(ana.label(), format!("Ana. B \u{1F600}-{digits:04}"));
    let instance = ana.name_of(Unique::Instance);
    assert_eq!(instance.labels().next(), Some(ana.label().as_bytes()), "one label, dot and all");
    assert_eq!(instance.labels().count(), 4);
}

/// Item 60 (RFC 6763 sections 4.1, 7.2).
#[test]
fn long_nicks_are_cut_at_a_character_and_keep_their_end() {
    let mut long = ours(&"\u{1F600}".repeat(32));
    let digits = format!("-{:04}", PeerKey([3; 32]).digits());
    assert_eq!(long.label(), "\u{1F600}".repeat(14) + &digits);
    let mut rng = Rng::new([1; 32]);
    for number in 2..=10 {
        long.rename(Unique::Instance, &mut rng);
        assert_eq!(long.label(), "\u{1F600}".repeat(13) + &digits + &format!(" ({number})"));
    }
    for _ in 0..1_000 {
        long.rename(Unique::Instance, &mut rng);
        assert!(long.label().len() <= 63);
        assert!(long.name_of(Unique::Instance).borrow().is_child_of(&service_name()));
    }
}

/// Item 62 (RFC 6763 sections 7.1, 9, 12).
#[test]
fn the_host_is_named_by_key_and_boot() {
    let host = ours("a").name_of(Unique::Host).clone();
    let label = String::from_utf8(host.labels().next().unwrap().to_vec()).unwrap();
    assert!(
        label
            .strip_prefix("p2pc-")
            .is_some_and(|hex| hex.len() == 12 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
    );
    assert_eq!(*ours("another nick").name_of(Unique::Host), host);
    let (key, nick) = (PeerKey([3; 32]), Nick::new("a").unwrap());
    let other = Ours::new(REAL, Announcement { key, boot: BootId(5), nick, port: 1 });
    assert_ne!(*other.name_of(Unique::Host), host);
}

/// Item 61 (RFC 6763 section 6).
#[test]
fn the_text_says_what_it_should() {
    let lan = &mut Lan::new();
    let host = lan.settled("Zo\u{eb}");
    let sent = lan.sent.iter().filter(|sent| sent.message().flags.is_response()).last().unwrap();
    let message = sent.message();
    let Some(Data::Txt(strings)) =
        message.answers.iter().map(|record| record.data.clone()).find(|data| data.kind() == Kind::TXT)
    else {
        panic!("no text")
    };
    assert_eq!(&strings[..10], b"\x09txtvers=1");
    let value = |key| crate::dns::txt_value(strings, key).map(|value| core::str::from_utf8(value).unwrap());
    assert_eq!(value("v"), Some("1"));
    assert_eq!(value("id"), Some("0101010101010101"));
    assert_eq!(value("b"), Some("0000000000000001"));
    assert_eq!(value("cap"), Some("0"));
    assert_eq!(value("n"), Some("Zo\u{eb}"));
    assert!(strings.len() < 200);
    assert_eq!(lan.instance(host).labels().nth(1), Some(&b"_p2p-chat"[..]));
}

/// Item 60 (RFC 6763 sections 4.1, 7.2).
#[test]
fn the_service_has_a_legal_name() {
    let labels: Vec<Vec<u8>> = service_name().labels().map(<[u8]>::to_vec).collect();
    assert_eq!(labels[1..], [b"_udp".to_vec(), b"local".to_vec()]);
    let (underscore, name) = labels[0].split_first().unwrap();
    assert!(*underscore == b'_' && (1..=15).contains(&name.len()));
    assert!(name.iter().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == b'-'));
    assert!(name[0] != b'-' && name[name.len() - 1] != b'-' && !name.windows(2).any(|pair| pair == b"--"));
    assert!(name.iter().any(u8::is_ascii_lowercase), "and a letter in it");
}

#[test]
fn the_text_is_as_the_page_about_the_protocol_has_it() {
    let ((ana, boot), nick) = (crate::vectors::ana(), Nick::new("ana").unwrap());
    let txt = ours::txt(&Announcement { key: ana.key(), boot, nick, port: 1 });
    crate::vectors::check("txt", &[("of ana", &txt)]);
}

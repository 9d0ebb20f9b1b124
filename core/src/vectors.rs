//! The test vectors of `docs/PROTOCOL.md`: what the page says is what the program does.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use crate::{
    identity::{BootId, Identity, hex},
    record::{PeerRecord, Tag},
    suite::REAL,
    text::Nick,
    trust::Between,
};

const PAGE: &str = include_str!("../../docs/PROTOCOL.md");
/// What the names of vectors begin with: each group is checked by a test beside what it is about, those of phrases, folders
/// and exports in `app`.
const GROUPS: [&str; 15] = [
    "identity",
    "record",
    "compare",
    "room",
    "entry",
    "digest",
    "handshake",
    "packet",
    "frame",
    "piece",
    "beacon",
    "txt",
    "phrase",
    "folder",
    "export",
];

/// The two persons of the page.
pub(crate) fn ana() -> (Identity, BootId) {
    (Identity::new(REAL, &[1; 32]), BootId(0x0a0a_0a0a_0a0a_0a0a))
}

pub(crate) fn bo() -> (Identity, BootId) {
    (Identity::new(REAL, &[2; 32]), BootId(0x0b0b_0b0b_0b0b_0b0b))
}

/// Checks that the page has these vectors of `group`, and no others.
pub(crate) fn check(group: &str, vectors: &[(&str, &[u8])]) {
    assert!(GROUPS.contains(&group));
    let page: BTreeMap<String, String> =
        lines().filter(|(name, _)| name.split(' ').next() == Some(group)).collect();
    let computed: Vec<(String, String)> =
        vectors.iter().map(|(name, bytes)| (format!("{group} {name}"), hex(bytes))).collect();
    let is_same =
        computed.len() == page.len() && computed.iter().all(|(name, hex)| page.get(name) == Some(hex));
    let all: String = computed.iter().map(|(name, hex)| format!("{name} = {hex}\n")).collect();
    assert!(is_same, "the page should say:\n{all}");
}

fn lines() -> impl Iterator<Item = (String, String)> {
    let lines = PAGE.lines().filter_map(|line| line.split_once(" = "));
    let is_hex = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    lines.filter(move |(_, value)| is_hex(value)).map(|(name, value)| (name.into(), value.into()))
}

#[test]
fn every_vector_of_the_page_belongs_to_a_group() {
    assert!(lines().count() > 40);
    for (name, _) in lines() {
        assert!(GROUPS.iter().any(|group| name.starts_with(&format!("{group} "))), "{name}");
    }
}

#[test]
fn people_and_their_records() {
    let ((ana, boot), (bo, bo_boot)) = (ana(), bo());
    let (tag, bo_tag) = (Tag::of(REAL, &ana.key(), boot), Tag::of(REAL, &bo.key(), bo_boot));
    check(
        "identity",
        &[
            ("ana key", &ana.key().0),
            ("ana direct key", &ana.direct_public()),
            ("ana run tag", &tag.0),
            ("bo key", &bo.key().0),
            ("bo direct key", &bo.direct_public()),
            ("bo run tag", &bo_tag.0),
        ],
    );
    let record = PeerRecord {
        key: ana.key(),
        version: 1_790_000_000_000,
        boot,
        nick: Nick::new("ana").unwrap(),
        direct: ana.direct_public(),
        gone: false,
        addresses: ["10.0.0.1:27182", "[2001:db8::1]:27183"].map(|address| address.parse().unwrap()).into(),
        neighbours: [bo_tag].into(),
        lost: [(Tag([3; 8]), 17)].into(),
        rooms: [[4; 8], [5; 8]].into(),
    };
    check("record", &[("of ana", &record.sign(REAL, &ana))]);
    let between = Between { asker: ana.key(), asked: bo.key(), binding: [7; 32] };
    let digits = format!("{}", between.digits(REAL, [&[8; 32], &[9; 32]]));
    check(
        "compare",
        &[
            ("commitment, binding 07.., nA 08..", &between.commitment(REAL, &[8; 32])),
            ("digits as ASCII, nB 09..", digits.as_bytes()),
        ],
    );
}

//! Lines there and back, and whatever else may come through a pipe.

use std::{
    io::{BufReader, Read},
    net::{Ipv4Addr, Ipv6Addr},
};

use quickcheck::{Arbitrary, Gen, quickcheck};

use super::*;

impl Arbitrary for Announcement {
    fn arbitrary(g: &mut Gen) -> Self {
        let id = u64::arbitrary(g).to_be_bytes();
        Self { id, boot: BootId(u64::arbitrary(g)), nick: nick(g), port: u16::arbitrary(g) }
    }
}

impl Arbitrary for Order {
    fn arbitrary(g: &mut Gen) -> Self {
        if bool::arbitrary(g) {
            Self::Interfaces(addresses(g))
        } else {
            Self::Announce(Announcement::arbitrary(g))
        }
    }
}

impl Arbitrary for Report {
    fn arbitrary(g: &mut Gen) -> Self {
        let label: String = String::arbitrary(g).chars().take(LABEL_MAX / 4).chain(['x']).collect();
        let instance = Instance::new(&label).unwrap();
        if bool::arbitrary(g) {
            return Self::Lost(instance);
        }
        Self::Seen(Seen {
            instance,
            lasts: u32::arbitrary(g),
            id: Option::<u64>::arbitrary(g).map(u64::to_be_bytes),
            boot: Option::arbitrary(g).map(BootId),
            nick: bool::arbitrary(g).then(|| nick(g)),
            port: u16::arbitrary(g),
            addresses: addresses(g),
        })
    }
}

fn nick(g: &mut Gen) -> Nick {
    Nick::lenient(&String::arbitrary(g))
}

fn addresses(g: &mut Gen) -> Vec<IpAddr> {
    let mut all: Vec<IpAddr> = Vec::arbitrary(g);
    all.truncate(ADDRESSES_MAX);
    all
}

fn lines(bytes: impl Read) -> Vec<Result<String, NoLine>> {
    let mut from = BufReader::with_capacity(7, bytes);
    std::iter::from_fn(|| next(&mut from)).collect()
}

quickcheck! {
    fn an_order_is_read_as_it_was_written(order: Order) -> bool {
        let line = order.line();
        lines(line.as_bytes()) == [Ok(line.trim_end().to_string())] && Order::read(line.trim_end()) == Some(order)
    }

    fn a_report_is_read_as_it_was_written(report: Report) -> bool {
        let line = report.line();
        lines(line.as_bytes()) == [Ok(line.trim_end().to_string())] && Report::read(line.trim_end()) == Some(report)
    }

    /// A line with a byte changed is another line or none, and never one that would be written otherwise.
    fn a_damaged_report_is_one_or_none(report: Report, at: usize, byte: u8) -> bool {
        let mut bytes = report.line().into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        lines(bytes.as_slice()).into_iter().flatten().all(|line| {
            Report::read(&line).is_none_or(|read| read.line().trim_end_matches('\n') == line)
        })
    }

    fn whatever_comes_ends(bytes: Vec<u8>) -> bool {
        let ends = bytes.iter().filter(|&&byte| byte == b'\n').count();
        let read = lines(bytes.as_slice());
        read.iter().flatten().for_each(|line| drop((Report::read(line), Order::read(line))));
        read.len() == ends
    }
}

#[test]
fn the_longest_line_fits() {
    let widest = IpAddr::V6(Ipv6Addr::from([0xfedc; 8]));
    let seen = Seen {
        instance: Instance::new(&"x".repeat(LABEL_MAX)).unwrap(),
        lasts: u32::MAX,
        id: Some([0xff; 8]),
        boot: Some(BootId(u64::MAX)),
        nick: Some(Nick::new(&"\u{1f600}".repeat(32)).unwrap()),
        port: u16::MAX,
        addresses: vec![widest; ADDRESSES_MAX],
    };
    let line = Report::Seen(seen).line();
    assert!(line.len() < LINE_MAX, "{}", line.len());
    assert!(Report::read(line.trim_end()).is_some());
}

#[test]
fn what_is_no_line_is_skipped_and_the_next_is_read() {
    let long = "x".repeat(3 * LINE_MAX);
    let bytes = [long.as_bytes(), b"\n\xff\xfe\nlost 61\nno end"].concat();
    assert_eq!(lines(bytes.as_slice()), [Err(NoLine), Err(NoLine), Ok("lost 61".into())]);
    let edge = |length| lines(format!("{}\n", "x".repeat(length)).as_bytes())[0].is_ok();
    assert!(edge(LINE_MAX - 1) && !edge(LINE_MAX));
}

#[test]
fn an_endless_line_takes_no_memory() {
    let endless = std::io::repeat(b'x').take(50_000_000);
    assert!(lines(BufReader::new(endless)).is_empty());
}

#[test]
fn what_would_be_written_otherwise_is_no_report() {
    let good = "seen 61 130 - - - 27182 10.0.0.2";
    assert!(Report::read(good).is_some());
    for bad in [
        "",
        "lost",
        "lost ",
        "lost 6",
        "lost 6G",
        "lost ff",
        "lost 61 ",
        "LOST 61",
        "seen 61 130 - - - 27182",
        "seen 61 +130 - - - 27182 10.0.0.2",
        "seen 61 0130 - - - 27182 10.0.0.2",
        "seen 61 -1 - - - 27182 10.0.0.2",
        "seen 61 130 - - - 65536 10.0.0.2",
        "seen 61 130 - - - 27182 10.0.0.2,",
        "seen 61 130 - - - 27182 10.0.0.2 -",
        "seen 61 130 AABBCCDDEEFF0011 - - 27182 10.0.0.2",
        "seen 61 130 - - 1b5b324a 27182 10.0.0.2",
        "seen  61 130 - - - 27182 10.0.0.2",
        "interfaces 10.0.0.1",
    ] {
        assert_eq!(Report::read(bad), None, "{bad:?}");
    }
    let long = "61".repeat(LABEL_MAX + 1);
    assert_eq!(Report::read(&format!("lost {long}")), None);
    let many = vec![IpAddr::V4(Ipv4Addr::LOCALHOST).to_string(); ADDRESSES_MAX + 1].join(",");
    assert_eq!(Report::read(&format!("seen 61 130 - - - 27182 {many}")), None);
}

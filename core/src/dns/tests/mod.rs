use alloc::{string::String, vec, vec::Vec};

use quickcheck::{Arbitrary, Gen, quickcheck};

use super::*;

mod hostile;
mod oracle;

quickcheck! {
    /// Item 5 (RFC 6762 section 18.14).
    fn what_is_written_reads_back(message: Sketch) -> bool {
        let bytes = message.write(9000).0;
        Sketch::read(&bytes) == Some(message)
    }

    fn a_message_that_does_not_fit_stops_at_a_record(message: Sketch, limit: u16) -> bool {
        let limit = usize::from(limit % 600).max(HEADER);
        let (bytes, complete) = message.write(limit);
        let Some(read) = Sketch::read(&bytes) else { return false };
        let whole = message.write(9000).0.len() <= limit;
        bytes.len() <= limit && complete == whole && message.begins_with(&read)
    }

    /// Item 8 (RFC 6762 section 16).
    fn names_differ_only_beyond_case(name: Name) -> bool {
        let upper = Name::new(name.labels().map(<[u8]>::to_ascii_uppercase).collect::<Vec<_>>().iter().map(Vec::as_slice));
        upper.is_some_and(|upper| upper == name && upper.cmp(&name).is_eq() && upper.borrow() == name)
    }
}

/// Item 9 (RFC 1035 section 4.1.4).
#[test]
fn names_have_limits() {
    let long = [b'x'; LABEL_MAX];
    assert!(Name::new([&long[..], &long, &long, &long[..61]]).is_some(), "255 bytes in all");
    assert!(Name::new([&long[..], &long, &long, &long[..62]]).is_none());
    assert!(Name::new([&[b'x'; 64][..]]).is_none());
    assert!(Name::new([&b"a"[..], b""]).is_none());
    assert_eq!(Name::new([]).map(|root| root.labels().count()), Some(0));
}

/// Item 8 (RFC 6762 section 16).
#[test]
fn names_fold_ascii_and_nothing_else() {
    let name = |label: &str| Name::new([label.as_bytes(), b"local"]).unwrap();
    assert_eq!(name("Zo\u{eb}.B"), name("zO\u{eb}.b"));
    assert_ne!(name("Zo\u{eb}"), name("Zo\u{cb}"));
    let instance = name("a.b");
    assert!(instance.borrow().is_child_of(&Name::new([&b"LOCAL"[..]]).unwrap()));
    assert!(!instance.borrow().is_child_of(&instance));
}

/// Item 5 (RFC 6762 section 18.14).
#[test]
fn a_name_is_written_once() {
    let host = Name::new([&b"host"[..], b"local"]).unwrap();
    let instance = Name::new([&b"me"[..], b"_p2p-chat", b"_udp", b"local"]).unwrap();
    let srv = Data::Srv { priority: 0, weight: 0, port: 1, target: host.clone() };
    let write = |writer: Writer| {
        let mut writer = writer;
        assert!(writer.record(Section::Answer, &record(&instance, srv.clone())));
        assert!(writer.record(Section::Additional, &record(&host, Data::A([1, 2, 3, 4].into()))));
        writer.finish()
    };
    let (small, plain) = (
        write(Writer::new(0, Flags::RESPONSE, 1440)),
        write(Writer::new(0, Flags::RESPONSE, 1440).with_plain_srv()),
    );
    // "local" in the target, and all of the second owner, are two bytes each.
    assert_eq!(small.len(), HEADER + (3 + 10 + 5 + 7 + 10 + 6 + 5 + 2) + (2 + 10 + 4));
    assert_eq!(plain.len(), small.len() + 5);
    assert_eq!(Sketch::read(&small), Sketch::read(&plain));
}

#[test]
fn what_was_taken_back_is_not_pointed_to() {
    let host = Name::new([&b"a-host-with-a-name"[..], b"local"]).unwrap();
    let root = Name::default();
    let mut writer = Writer::new(0, Flags::RESPONSE, 100);
    let big = Data::Other { kind: Kind(65_280), bytes: alloc::vec![0; 90].into() };
    assert!(!writer.record(Section::Answer, &record(&host, big)));
    // The end of the name in the same place again, but as part of something that is no name.
    let mut opaque = alloc::vec![9; 8];
    opaque.extend_from_slice(b"\x05local\0");
    let length = opaque.len();
    let empty = writer.bytes_so_far();
    assert!(
        writer.record(
            Section::Answer,
            &record(&root, Data::Other { kind: Kind(65_280), bytes: opaque.into() })
        )
    );
    let before = writer.bytes_so_far();
    assert_eq!(before, empty + 11 + length);
    assert!(writer.record(Section::Answer, &record(&host, Data::A([1, 2, 3, 4].into()))));
    assert_eq!(writer.bytes_so_far(), before + host.wire().len() + 10 + 4);
}

#[test]
fn names_that_build_on_each_other_stay_readable() {
    let labels: Vec<Vec<u8>> = (b'a'..=b'z').chain(b'A'..=b'Z').map(|letter| alloc::vec![letter]).collect();
    let names: Vec<Name> =
        (1..labels.len()).map(|n| Name::new(labels[..n].iter().rev().map(Vec::as_slice)).unwrap()).collect();
    let mut writer = Writer::new(0, Flags::RESPONSE, 9000);
    assert!(names.iter().all(|name| writer.record(Section::Answer, &record(name, Data::Ptr(name.clone())))));
    let bytes = writer.finish();
    let message = Message::read(&bytes).unwrap();
    assert_eq!((message.bad, message.answers.len()), (0, names.len()));
    assert!(message.answers.iter().zip(&names).all(|(read, name)| read.name == *name));
}

#[test]
fn sections_do_not_go_back() {
    let name = Name::new([&b"a"[..]]).unwrap();
    let mut writer = Writer::new(7, Flags::QUERY, 512);
    assert!(writer.is_empty());
    assert!(writer.record(Section::Authority, &record(&name, Data::Ptr(name.clone()))));
    assert!(!writer.question(&name, Kind::ANY, true));
    assert!(!writer.record(Section::Answer, &record(&name, Data::Ptr(name.clone()))));
    writer.set(Flags::TRUNCATED);
    let bytes = writer.finish();
    let message = Message::read(&bytes).unwrap();
    assert_eq!((message.id, message.authority.len(), message.bad), (7, 1, 0));
    assert!(message.flags.is_truncated() && !message.flags.is_response());
}

/// Item 61 (RFC 6763 section 6).
#[test]
fn pairs_of_a_text_record() {
    let strings = TxtBuilder::default()
        .with("txtvers", "1")
        .with("n", "Zo\u{eb}=x")
        .with("a=b", "no key")
        .with("", "no key")
        .with("long", "x".repeat(251))
        .with("N", "second")
        .finish();
    assert_eq!(strings.len(), 10 + 9 + 9);
    assert_eq!(txt_value(&strings, "TXTVERS"), Some(&b"1"[..]));
    assert_eq!(txt_value(&strings, "n"), Some("Zo\u{eb}=x".as_bytes()));
    assert_eq!(txt_value(&strings, "long"), None);
    assert_eq!(txt_value(b"\x01a\x03a=1\x02=x\x00\x02b=\x09cut=", "a"), None);
    assert_eq!(txt_value(b"\x01a\x03a=1\x02=x\x00\x02b=\x09cut=", "b"), Some(&b""[..]));
    assert_eq!(txt_value(b"\x02b=\x09cut=", "cut"), None);
    let full =
        (0..100).fold(TxtBuilder::default(), |txt, n| txt.with("k", alloc::format!("{n:0100}"))).finish();
    assert!(full.len() <= TXT_MAX && full.len() > TXT_MAX - 103);
}

/// Item 61 (RFC 6763 section 6).
#[test]
fn an_empty_text_record_is_one_zero_byte() {
    let name = Name::new([&b"a"[..]]).unwrap();
    let mut writer = Writer::new(0, Flags::RESPONSE, 512);
    assert!(writer.record(Section::Answer, &record(&name, Data::Txt(TxtBuilder::default().finish()))));
    let bytes = writer.finish();
    assert!(bytes.ends_with(&[0, 1, 0]));
    assert_eq!(Message::read(&bytes).unwrap().answers[0].data, Data::Txt(&b""[..]));
}

fn record(name: &Name, data: Data) -> Record {
    Record { name: name.clone(), class: CLASS_IN, flush: true, ttl: 120, data }
}

/// A message in owned form, for comparing.
#[derive(Clone, Debug)]
struct Sketch {
    id: u16,
    flags: Flags,
    questions: Vec<(Name, Kind, bool)>,
    records: Vec<(Section, Record)>,
}

impl Sketch {
    /// The message in at most `limit` bytes, and whether that is all of it.
    fn write(&self, limit: usize) -> (bytes::Bytes, bool) {
        let mut writer = Writer::new(self.id, self.flags, limit);
        let complete =
            self.questions.iter().all(|(name, kind, unicast)| writer.question(name, *kind, *unicast))
                && self.records.iter().all(|(section, record)| writer.record(*section, record));
        (writer.finish(), complete)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let message = Message::read(bytes).filter(|message| message.bad == 0)?;
        let sections = [
            (Section::Answer, &message.answers),
            (Section::Authority, &message.authority),
            (Section::Additional, &message.additional),
        ];
        let owned = |record: &Record<NameRef<'_>, &[u8]>| Record {
            name: record.name.to_name(),
            class: record.class,
            flush: record.flush,
            ttl: record.ttl,
            data: record.data.to_owned(),
        };
        let records = sections
            .into_iter()
            .flat_map(|(section, records)| records.iter().map(move |record| (section, owned(record))))
            .collect();
        let questions =
            message.questions.iter().map(|asked| (asked.name.to_name(), asked.kind, asked.unicast)).collect();
        Some(Self { id: message.id, flags: message.flags, questions, records })
    }

    fn begins_with(&self, other: &Self) -> bool {
        let mut cut = self.clone();
        cut.questions.truncate(other.questions.len());
        cut.records.truncate(other.records.len());
        cut == *other
    }

    /// Every letter of it, case included.
    fn exact(&self) -> impl PartialEq {
        let item = |(section, record): &(Section, Record)| {
            let wire = record.data.wire();
            (
                *section,
                record.name.wire().to_vec(),
                record.class,
                record.flush,
                record.ttl,
                record.data.kind(),
                wire,
            )
        };
        let questions: Vec<_> = self
            .questions
            .iter()
            .map(|(name, kind, unicast)| (name.wire().to_vec(), *kind, *unicast))
            .collect();
        (self.id, self.flags, questions, self.records.iter().map(item).collect::<Vec<_>>())
    }
}

impl PartialEq for Sketch {
    fn eq(&self, other: &Self) -> bool {
        self.exact() == other.exact()
    }
}

impl Arbitrary for Sketch {
    fn arbitrary(g: &mut Gen) -> Self {
        let pick = |g: &mut Gen, most: usize| usize::arbitrary(g) % (most + 1);
        let questions = (0..pick(g, 3))
            .map(|_| (Name::arbitrary(g), Kind(u16::arbitrary(g)), bool::arbitrary(g)))
            .collect();
        let mut records: Vec<_> = (0..pick(g, 12))
            .map(|_| {
                (
                    *g.choose(&[Section::Answer, Section::Authority, Section::Additional]).unwrap(),
                    Record::arbitrary(g),
                )
            })
            .collect();
        records.sort_by_key(|(section, _)| *section);
        Self { id: u16::arbitrary(g), flags: Flags(u16::arbitrary(g)), questions, records }
    }

    fn shrink(&self) -> alloc::boxed::Box<dyn Iterator<Item = Self>> {
        let fewer = |n: usize| {
            let mut less = self.clone();
            if n < less.records.len() {
                less.records.remove(n);
            } else {
                less.questions.remove(n - less.records.len());
            }
            less
        };
        alloc::boxed::Box::new(
            (0..self.records.len() + self.questions.len()).map(fewer).collect::<Vec<_>>().into_iter(),
        )
    }
}

impl Arbitrary for Name {
    /// Few labels that repeat, so that compression has something to find; some odd, some long.
    fn arbitrary(g: &mut Gen) -> Self {
        let odd: Vec<u8> = (0..1 + u8::arbitrary(g) % 63).map(|_| u8::arbitrary(g)).collect();
        let labels: [&[u8]; 8] = [
            b"local",
            b"_udp",
            b"_p2p-chat",
            b"Local",
            b"a",
            "Zo\u{eb}. dot \u{1F600}".as_bytes(),
            &odd,
            b"b",
        ];
        let count = usize::arbitrary(g) % *g.choose(&[4, 6, 24]).unwrap();
        Self::new((0..count).map(|_| *g.choose(&labels).unwrap()))
            .unwrap_or_else(|| Self::new([&b"b"[..]]).unwrap())
    }
}

impl Arbitrary for Record {
    fn arbitrary(g: &mut Gen) -> Self {
        let bytes: Vec<u8> = (0..u8::arbitrary(g) % 100).map(|_| u8::arbitrary(g)).collect();
        let data = match u8::arbitrary(g) % 8 {
            0 => Data::A(u32::arbitrary(g).into()),
            1 => Data::Aaaa(u128::arbitrary(g).into()),
            2 => Data::Ptr(Name::arbitrary(g)),
            3 => Data::Srv {
                priority: u16::arbitrary(g),
                weight: u16::arbitrary(g),
                port: u16::arbitrary(g),
                target: Name::arbitrary(g),
            },
            4 => Data::Nsec {
                next: Name::arbitrary(g),
                types: TypeSet::new((0..u8::arbitrary(g) % 5).map(|_| Kind(u8::arbitrary(g).into()))),
            },
            5 => Data::Other { kind: Kind(65_280), bytes: bytes.into() },
            _ => {
                let value = String::arbitrary(g);
                Data::Txt(
                    TxtBuilder::default().with("txtvers", "1").with("n", value).with("b", bytes).finish(),
                )
            }
        };
        // The top bit of a TTL reads as zero.
        let ttl = u32::arbitrary(g) >> 1;
        let class = *g.choose(&[CLASS_IN, CLASS_IN, CLASS_ANY, 3]).unwrap();
        Self { name: Name::arbitrary(g), class, flush: bool::arbitrary(g), ttl, data }
    }
}

/// Every type a sketch may hold, once.
fn full_message() -> bytes::Bytes {
    let service = Name::new([&b"_p2p-chat"[..], b"_udp", b"local"]).unwrap();
    let instance = service.child("Zo\u{eb}. dot".as_bytes()).unwrap();
    let host = Name::new([&b"p2pc-0123456789ab"[..], b"local"]).unwrap();
    let answers = vec![
        (&service, Data::Ptr(instance.clone())),
        (&instance, Data::Srv { priority: 1, weight: 2, port: 27182, target: host.clone() }),
        (&instance, Data::Txt(TxtBuilder::default().with("txtvers", "1").with("n", "Zo\u{eb}").finish())),
        (&host, Data::A([192, 168, 1, 7].into())),
        (&host, Data::Aaaa("fe80::7".parse().unwrap())),
        (&host, Data::Nsec { next: host.clone(), types: TypeSet::new([Kind::A, Kind::AAAA]) }),
        (&host, Data::Other { kind: Kind(65_281), bytes: bytes::Bytes::from_static(b"opaque") }),
    ];
    let mut writer = Writer::new(0, Flags::RESPONSE, 1440);
    assert!(writer.question(&service, Kind::PTR, true));
    for (name, data) in answers {
        assert!(writer.record(Section::Answer, &record(name, data)));
    }
    writer.finish()
}

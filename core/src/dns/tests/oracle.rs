//! Three other codecs read what we write, and must see the same.

use alloc::{format, vec::Vec};

use domain::{base as nlnet, rdata::AllRecordData};
use hickory_proto::{op::Message as Hickory, rr as hickory};
use quickcheck::quickcheck;
use simple_dns as simple;

use super::*;

quickcheck! {
    fn simple_dns_reads_the_same(message: Sketch) -> bool {
        let bytes = normal(&message);
        by_simple(&bytes) == Some(by_us(&bytes, |_| true))
    }

    fn hickory_reads_the_same(message: Sketch) -> bool {
        let bytes = normal(&message);
        by_hickory(&bytes) == Some(by_us(&bytes, |kind| kind != Kind::NSEC))
    }

    fn domain_reads_the_same(message: Sketch) -> bool {
        let bytes = normal(&message);
        by_domain(&bytes) == Some(by_us(&bytes, |_| true))
    }

    fn damaged_messages_read_the_same_where_all_can_read_them(damage: Vec<(u16, u8)>) -> bool {
        let mut bytes = full_message().to_vec();
        for (at, byte) in damage.into_iter().take(3) {
            let length = bytes.len();
            let at = usize::from(at) % length;
            // Not the flags: an opcode of updates changes what others make of the sections.
            if !(2..4).contains(&at) {
                bytes[at] = byte;
            }
        }
        if Message::read(&bytes).is_none_or(|message| message.bad > 0) {
            return true;
        }
        let ours = known(by_us(&bytes, |_| true));
        // Simple-dns gives the strings of a text as pairs only, and some strings are none.
        let pairless = |mut lines: Vec<Line>| {
            lines.retain(|line| line.2 != Kind::TXT.0);
            lines
        };
        by_domain(&bytes).is_none_or(|theirs| known(theirs) == ours)
            && by_simple(&bytes).is_none_or(|theirs| pairless(known(theirs)) == pairless(ours))
    }
}

#[test]
fn all_see_the_full_message() {
    let bytes = full_message();
    let ours = by_us(&bytes, |_| true);
    assert_eq!(ours.len(), 7);
    assert_eq!(by_domain(&bytes).as_ref(), Some(&ours));
    assert_eq!(by_simple(&bytes).as_ref(), Some(&ours));
}

/// Section, owner, type, class with its top bit, time to live, uncompressed data.
type Line = (u8, Vec<u8>, u16, u16, u32, Vec<u8>);

/// The message with flags that all take for a plain response, and with classes and questions that all know.
fn normal(message: &Sketch) -> bytes::Bytes {
    let mut message = message.clone();
    message.flags = Flags::RESPONSE;
    message.questions.iter_mut().for_each(|(_, kind, _)| *kind = Kind::ANY);
    for (_, record) in &mut message.records {
        record.class = CLASS_IN;
        // Two of them take an unknown record without data for part of an update.
        if let Data::Other { bytes, .. } = &mut record.data
            && bytes.is_empty()
        {
            *bytes = bytes::Bytes::from_static(b"x");
        }
    }
    message.write(9000).0
}

/// The lines that all read, without their times. What to make of a time of 2^31 and more, or of an empty text, each
/// decides alone.
fn known(lines: Vec<Line>) -> Vec<Line> {
    let kinds = [Kind::A, Kind::AAAA, Kind::PTR, Kind::SRV, Kind::TXT, Kind::NSEC];
    let timeless = |(section, owner, kind, class, _, data)| (section, owner, kind, class, 0, data);
    let is_known = |line: &Line| kinds.contains(&Kind(line.2)) && (line.2 != Kind::TXT.0 || line.5.len() > 1);
    lines.into_iter().filter(is_known).map(timeless).collect()
}

fn by_us(bytes: &[u8], wanted: impl Fn(Kind) -> bool) -> Vec<Line> {
    let message = Sketch::read(bytes).unwrap();
    let line = |(section, record): &(Section, Record)| {
        let class = record.class | if record.flush { TOP_BIT } else { 0 };
        (
            *section as u8,
            record.name.wire().to_vec(),
            record.data.kind().0,
            class,
            record.ttl,
            record.data.wire(),
        )
    };
    message.records.iter().filter(|(_, record)| wanted(record.data.kind())).map(line).collect()
}

fn wire<'l>(labels: impl IntoIterator<Item = &'l [u8]>) -> Vec<u8> {
    Name::new(labels).unwrap().wire().to_vec()
}

fn by_domain(bytes: &[u8]) -> Option<Vec<Line>> {
    use nlnet::{ToName as _, rdata::ComposeRecordData as _};
    let message = nlnet::Message::from_octets(bytes).ok()?;
    let sections = [message.answer().ok()?, message.authority().ok()?, message.additional().ok()?];
    let mut lines = Vec::new();
    for (section, records) in (0..).zip(sections) {
        for record in records {
            let record = record.ok()?;
            let data = record.to_any_record::<AllRecordData<_, _>>().ok()?;
            let mut rdata = Vec::new();
            match data.data() {
                // Types above 255 have no place in ours.
                AllRecordData::Nsec(nsec) => {
                    let next = Name::new(
                        nsec.next_name().iter().map(|label| label.as_slice()).take_while(|l| !l.is_empty()),
                    );
                    let types = TypeSet::new(nsec.types().iter().map(|kind| Kind(kind.to_int())));
                    rdata = Data::Nsec { next: next?, types }.wire();
                }
                other => other.compose_rdata(&mut rdata).ok()?,
            }
            lines.push((
                section,
                record.owner().to_vec().into_octets(),
                record.rtype().to_int(),
                record.class().to_int(),
                record.ttl().as_secs(),
                rdata,
            ));
        }
    }
    Some(lines)
}

fn by_hickory(bytes: &[u8]) -> Option<Vec<Line>> {
    let message = Hickory::from_vec(bytes).map_err(|error| std::println!("hickory: {error}")).ok()?;
    let sections = [&message.answers, &message.authorities, &message.additionals];
    let mut lines = Vec::new();
    for (section, records) in (0..).zip(sections) {
        for record in records {
            let data = match &record.data {
                hickory::RData::A(a) => Data::A(a.0),
                hickory::RData::AAAA(aaaa) => Data::Aaaa(aaaa.0),
                hickory::RData::PTR(target) => Data::Ptr(Name::new(target.iter()).unwrap()),
                hickory::RData::SRV(srv) => Data::Srv {
                    priority: srv.priority,
                    weight: srv.weight,
                    port: srv.port,
                    target: Name::new(srv.target.iter()).unwrap(),
                },
                hickory::RData::TXT(txt) => Data::Txt(strings(txt.txt_data.iter().map(|string| &string[..]))),
                hickory::RData::Unknown { code, rdata } => {
                    if u16::from(*code) == Kind::NSEC.0 {
                        continue;
                    }
                    Data::Other { kind: Kind((*code).into()), bytes: rdata.anything.clone().into() }
                }
                hickory::RData::Update0(kind) => {
                    Data::Other { kind: Kind((*kind).into()), bytes: bytes::Bytes::new() }
                }
                other => panic!("{}", format!("{other:?}")),
            };
            let class = u16::from(record.dns_class) | if record.mdns_cache_flush { TOP_BIT } else { 0 };
            lines.push((section, wire(record.name.iter()), data.kind().0, class, record.ttl, data.wire()));
        }
    }
    Some(lines)
}

fn by_simple(bytes: &[u8]) -> Option<Vec<Line>> {
    use simple::rdata::RData;
    let name = |name: &simple::Name<'_>| Name::new(name.as_bytes());
    let message = simple::Packet::parse(bytes).ok()?;
    let sections = [&message.answers, &message.name_servers, &message.additional_records];
    let mut lines = Vec::new();
    for (section, records) in (0..).zip(sections) {
        for record in records {
            let data = match &record.rdata {
                RData::A(a) => Data::A(a.address.into()),
                RData::AAAA(aaaa) => Data::Aaaa(aaaa.address.into()),
                RData::PTR(target) => Data::Ptr(name(&target.0)?),
                RData::SRV(srv) => Data::Srv {
                    priority: srv.priority,
                    weight: srv.weight,
                    port: srv.port,
                    target: name(&srv.target)?,
                },
                RData::TXT(txt) => {
                    Data::Txt(strings(txt.iter_raw().map(pair).collect::<Vec<_>>().iter().map(Vec::as_slice)))
                }
                RData::NSEC(nsec) => {
                    let bits = |map: &simple::rdata::NsecTypeBitMap<'_>| {
                        let set: Vec<_> = (0..map.bitmap.len() * 8)
                            .filter(|bit| map.bitmap[bit / 8] & (0x80 >> (bit % 8)) != 0)
                            .map(|bit| Kind(u16::try_from(bit).unwrap()))
                            .collect();
                        set
                    };
                    let first = nsec.type_bit_maps.iter().filter(|map| map.window_block == 0);
                    Data::Nsec { next: name(&nsec.next_name)?, types: TypeSet::new(first.flat_map(bits)) }
                }
                RData::NULL(kind, data) => {
                    Data::Other { kind: Kind(*kind), bytes: bytes::Bytes::copy_from_slice(data.get_data()) }
                }
                _ => continue,
            };
            let class = record.class as u16 | if record.cache_flush { TOP_BIT } else { 0 };
            let owner = name(&record.name)?.wire().to_vec();
            lines.push((section, owner, data.kind().0, class, record.ttl, data.wire()));
        }
    }
    Some(lines)
}

fn pair((key, value): (&[u8], Option<&[u8]>)) -> Vec<u8> {
    let mut string = key.to_vec();
    if let Some(value) = value {
        string.push(b'=');
        string.extend_from_slice(value);
    }
    string
}

fn strings<'s>(each: impl Iterator<Item = &'s [u8]>) -> bytes::Bytes {
    let mut wire = Vec::new();
    for string in each {
        wire.push(u8::try_from(string.len()).unwrap());
        wire.extend_from_slice(string);
    }
    if wire == [0] { bytes::Bytes::new() } else { wire.into() }
}

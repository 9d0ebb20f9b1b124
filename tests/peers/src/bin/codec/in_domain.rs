//! domain. It writes with a table of names that the caller chooses.

use std::{hint::black_box, sync::LazyLock};

use domain::{
    base::{
        HashCompressor, Message, MessageBuilder, Name, Record, TreeCompressor, Ttl, iana::Class,
        wire::Composer,
    },
    rdata::{A, Aaaa, AllRecordData, Ptr, Srv, Txt},
};

use crate::{
    Write,
    work::{HOST_TTL, KIND, OTHER_TTL, Seen, Service, WANTED, WANTED_HOST, id_in},
};

type Owned = Name<Vec<u8>>;
type OwnedRecord = Record<Owned, AllRecordData<Vec<u8>, Owned>>;

static NAME: LazyLock<Owned> = LazyLock::new(|| name(&WANTED));
static HOST: LazyLock<Owned> = LazyLock::new(|| name(&WANTED_HOST));

pub(crate) fn parse(bytes: &[u8]) {
    let message = Message::from_octets(bytes).expect("a message");
    let sections = [message.answer(), message.additional()].map(|section| section.expect("a section"));
    for record in sections.into_iter().flatten() {
        let record = record.expect("a record");
        let _ = black_box(record.into_any_record::<AllRecordData<_, _>>());
    }
}

pub(crate) fn read(bytes: &[u8]) -> Seen {
    let (wanted, host) = (&*NAME, &*HOST);
    let message = Message::from_octets(bytes).expect("a message");
    let mut seen = Seen::default();
    let sections = [message.answer(), message.additional()].map(|section| section.expect("a section"));
    for record in sections.into_iter().flatten() {
        let record = record.expect("a record");
        let record = record.into_any_record::<AllRecordData<_, _>>().expect("what it says");
        seen.records += 1;
        seen.owners += u32::from(record.owner() == wanted);
        match record.data() {
            AllRecordData::Ptr(target) => seen.pointers += u32::from(target.ptrdname() == wanted),
            AllRecordData::Srv(srv) => {
                seen.ports += u32::from(srv.port());
                seen.hosts += u32::from(srv.target() == host);
            }
            AllRecordData::Txt(texts) => seen.text(texts.iter().find_map(id_in)),
            AllRecordData::A(address) => seen.address(&address.addr().octets()),
            AllRecordData::Aaaa(address) => seen.address(&address.addr().octets()),
            _ => {}
        }
    }
    seen
}

pub(crate) fn hashing(services: &[Service]) -> Write {
    let (pointers, others) = records(services);
    Box::new(move || write(HashCompressor::new(Vec::new()), &pointers, &others).into_target())
}

pub(crate) fn growing(services: &[Service]) -> Write {
    let (pointers, others) = records(services);
    Box::new(move || write(TreeCompressor::new(Vec::new()), &pointers, &others).into_target())
}

fn write<T: Composer>(target: T, pointers: &[OwnedRecord], others: &[OwnedRecord]) -> T {
    let mut message = MessageBuilder::from_target(target).ok().expect("an empty message");
    message.header_mut().set_qr(true);
    message.header_mut().set_aa(true);
    let mut message = message.answer();
    pointers.iter().for_each(|record| message.push(record).expect("it fits"));
    let mut message = message.additional();
    others.iter().for_each(|record| message.push(record).expect("it fits"));
    message.finish()
}

fn records(services: &[Service]) -> (Vec<OwnedRecord>, Vec<OwnedRecord>) {
    let record = |name: &Owned, class: u16, ttl, data| {
        Record::new(name.clone(), Class::from_int(class), Ttl::from_secs(ttl), data)
    };
    // The top bit is the cache-flush bit (RFC 6762 section 10.2), which it knows nothing of.
    let (shared, unique) = (1, 0x8001);
    let kind = name(&KIND);
    let (mut pointers, mut others) = (Vec::new(), Vec::new());
    for service in services {
        let instance = name(&[&service.instance, KIND[0], KIND[1], KIND[2]]);
        let host = name(&[&service.host, "local"]);
        pointers.push(record(&kind, shared, OTHER_TTL, AllRecordData::Ptr(Ptr::new(instance.clone()))));
        let texts: Vec<u8> = service.texts.iter().flat_map(|text| wire(text).collect::<Vec<_>>()).collect();
        let texts = Txt::from_octets(texts).expect("texts");
        others.extend([
            record(
                &instance,
                unique,
                HOST_TTL,
                AllRecordData::Srv(Srv::new(0, 0, service.port, host.clone())),
            ),
            record(&instance, unique, OTHER_TTL, AllRecordData::Txt(texts)),
            record(&host, unique, HOST_TTL, AllRecordData::A(A::new(service.v4))),
            record(&host, unique, HOST_TTL, AllRecordData::Aaaa(Aaaa::new(service.v6))),
        ]);
    }
    (pointers, others)
}

fn name(labels: &[&str]) -> Owned {
    let wire = labels.iter().flat_map(|label| wire(label)).chain([0]).collect();
    Name::from_octets(wire).expect("a name")
}

fn wire(label: &str) -> impl Iterator<Item = u8> {
    [label.len() as u8].into_iter().chain(label.bytes())
}

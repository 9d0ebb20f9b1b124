//! Our own codec.

use std::{hint::black_box, sync::LazyLock};

use bytes::Bytes;

use crate::{
    Write,
    dns::{CLASS_IN, Data, Flags, Message, Name, Record, Section, TxtBuilder, Writer, txt_value},
    work::{HOST_TTL, KIND, OTHER_TTL, Seen, Service, WANTED, WANTED_HOST},
};

static NAME: LazyLock<Name> = LazyLock::new(|| name(&WANTED));
static HOST: LazyLock<Name> = LazyLock::new(|| name(&WANTED_HOST));

pub(crate) fn parse(bytes: &[u8]) {
    let _ = black_box(Message::read(bytes));
}

pub(crate) fn read(bytes: &[u8]) -> Seen {
    let (wanted, host) = (&*NAME, &*HOST);
    let message = Message::read(bytes).expect("a message");
    let mut seen = Seen::default();
    for record in message.claims() {
        seen.records += 1;
        seen.owners += u32::from(record.name == *wanted);
        match &record.data {
            Data::Ptr(target) => seen.pointers += u32::from(*target == *wanted),
            Data::Srv { port, target, .. } => {
                seen.ports += u32::from(*port);
                seen.hosts += u32::from(*target == *host);
            }
            Data::Txt(strings) => seen.text(txt_value(strings, "id")),
            Data::A(address) => seen.address(&address.octets()),
            Data::Aaaa(address) => seen.address(&address.octets()),
            Data::Nsec { .. } | Data::Other { .. } => {}
        }
    }
    seen
}

pub(crate) fn writer(services: &[Service]) -> Write {
    let records: Vec<_> = services.iter().map(pointer).chain(services.iter().flat_map(others)).collect();
    Box::new(move || {
        let mut writer = Writer::new(0, Flags::RESPONSE, 9000);
        for (section, record) in &records {
            assert!(writer.record(*section, record), "it fits");
        }
        // As it is sent: shared bytes become a vector without a copy.
        writer.finish().into()
    })
}

fn pointer(service: &Service) -> (Section, Record) {
    let data = Data::Ptr(instance(service));
    (Section::Answer, Record { name: name(&KIND), class: CLASS_IN, flush: false, ttl: OTHER_TTL, data })
}

fn others(service: &Service) -> [(Section, Record); 4] {
    let host = name(&[&service.host, "local"]);
    let mut texts = TxtBuilder::default();
    for text in &service.texts {
        let (key, value) = text.split_once('=').expect("a key");
        texts = texts.with(key, value);
    }
    let texts: Bytes = texts.finish();
    let srv = Data::Srv { priority: 0, weight: 0, port: service.port, target: host.clone() };
    [
        (instance(service), HOST_TTL, srv),
        (instance(service), OTHER_TTL, Data::Txt(texts)),
        (host.clone(), HOST_TTL, Data::A(service.v4)),
        (host, HOST_TTL, Data::Aaaa(service.v6)),
    ]
    .map(|(name, ttl, data)| (Section::Additional, Record { name, class: CLASS_IN, flush: true, ttl, data }))
}

fn instance(service: &Service) -> Name {
    name(&KIND).child(service.instance.as_bytes()).expect("a name")
}

fn name(labels: &[&str]) -> Name {
    Name::new(labels.iter().map(|label| label.as_bytes())).expect("a name")
}

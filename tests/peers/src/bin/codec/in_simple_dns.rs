//! simple-dns.

use std::{hint::black_box, sync::LazyLock};

use simple_dns::{
    CLASS, Name, Packet, PacketFlag, ResourceRecord,
    rdata::{A, AAAA, PTR, RData, SRV, TXT},
};

use crate::{
    Write,
    work::{HOST_TTL, KIND, OTHER_TTL, Seen, Service, WANTED, WANTED_HOST},
};

static NAME: LazyLock<Name<'_>> = LazyLock::new(|| name(&WANTED.join(".")));
static HOST: LazyLock<Name<'_>> = LazyLock::new(|| name(&WANTED_HOST.join(".")));

pub(crate) fn parse(bytes: &[u8]) {
    let _ = black_box(Packet::parse(bytes));
}

pub(crate) fn read(bytes: &[u8]) -> Seen {
    let (wanted, host) = (&*NAME, &*HOST);
    let message = Packet::parse(bytes).expect("a message");
    let mut seen = Seen::default();
    for record in message.answers.iter().chain(&message.additional_records) {
        seen.records += 1;
        seen.owners += u32::from(record.name == *wanted);
        match &record.rdata {
            RData::PTR(target) => seen.pointers += u32::from(target.0 == *wanted),
            RData::SRV(srv) => {
                seen.ports += u32::from(srv.port);
                seen.hosts += u32::from(srv.target == *host);
            }
            RData::TXT(texts) => {
                let id = texts.iter_raw().find(|(key, _)| key.eq_ignore_ascii_case(b"id"));
                seen.text(id.and_then(|(_, value)| value));
            }
            RData::A(address) => seen.address(&address.address.to_be_bytes()),
            RData::AAAA(address) => seen.address(&address.address.to_be_bytes()),
            _ => {}
        }
    }
    seen
}

pub(crate) fn writer(services: &[Service]) -> Write {
    let mut message = Packet::new_reply(0);
    message.set_flags(PacketFlag::AUTHORITATIVE_ANSWER);
    let kind = name(&KIND.join("."));
    let record = |name: &Name<'static>, ttl, data| ResourceRecord::new(name.clone(), CLASS::IN, ttl, data);
    for service in services {
        let instance = name(&format!("{}.{}", service.instance, KIND.join(".")));
        let host = name(&format!("{}.local", service.host));
        message.answers.push(record(&kind, OTHER_TTL, RData::PTR(PTR(instance.clone()))));
        let mut texts = TXT::new();
        for text in &service.texts {
            texts.add_char_string(text.clone().try_into().expect("a short text"));
        }
        let srv = SRV { priority: 0, weight: 0, port: service.port, target: host.clone() };
        message.additional_records.extend(
            [
                record(&instance, HOST_TTL, RData::SRV(srv)),
                record(&instance, OTHER_TTL, RData::TXT(texts)),
                record(&host, HOST_TTL, RData::A(A { address: service.v4.to_bits() })),
                record(&host, HOST_TTL, RData::AAAA(AAAA { address: service.v6.to_bits() })),
            ]
            .map(|record| record.with_cache_flush(true)),
        );
    }
    Box::new(move || message.build_bytes_vec_compressed().expect("it can be written"))
}

fn name(text: &str) -> Name<'static> {
    Name::new(text).expect("a name").into_owned()
}

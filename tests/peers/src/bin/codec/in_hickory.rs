//! hickory-proto.

use std::{hint::black_box, sync::LazyLock};

use hickory_proto::{
    op::{Message, OpCode},
    rr::{
        Name, RData, Record,
        rdata::{A, AAAA, PTR, SRV, TXT},
    },
};

use crate::{
    Write,
    work::{HOST_TTL, KIND, OTHER_TTL, Seen, Service, WANTED, WANTED_HOST, id_in},
};

static NAME: LazyLock<Name> = LazyLock::new(|| name(&WANTED));
static HOST: LazyLock<Name> = LazyLock::new(|| name(&WANTED_HOST));

pub(crate) fn parse(bytes: &[u8]) {
    let _ = black_box(Message::from_vec(bytes));
}

pub(crate) fn read(bytes: &[u8]) -> Seen {
    let (wanted, host) = (&*NAME, &*HOST);
    let message = Message::from_vec(bytes).expect("a message");
    let mut seen = Seen::default();
    for record in message.answers.iter().chain(&message.additionals) {
        seen.records += 1;
        seen.owners += u32::from(record.name == *wanted);
        match &record.data {
            RData::PTR(target) => seen.pointers += u32::from(target.0 == *wanted),
            RData::SRV(srv) => {
                seen.ports += u32::from(srv.port);
                seen.hosts += u32::from(srv.target == *host);
            }
            RData::TXT(texts) => seen.text(texts.txt_data.iter().find_map(|text| id_in(text))),
            RData::A(address) => seen.address(&address.0.octets()),
            RData::AAAA(address) => seen.address(&address.0.octets()),
            _ => {}
        }
    }
    seen
}

pub(crate) fn writer(services: &[Service]) -> Write {
    let mut message = Message::response(0, OpCode::Query);
    message.metadata.authoritative = true;
    let kind = name(&KIND);
    let record = |name: &Name, ttl, data| Record::from_rdata(name.clone(), ttl, data);
    for service in services {
        let instance = name(&[&service.instance, KIND[0], KIND[1], KIND[2]]);
        let host = name(&[&service.host, "local"]);
        message.answers.push(record(&kind, OTHER_TTL, RData::PTR(PTR(instance.clone()))));
        let srv = SRV::new(0, 0, service.port, host.clone());
        for mut along in [
            record(&instance, HOST_TTL, RData::SRV(srv)),
            record(&instance, OTHER_TTL, RData::TXT(TXT::new(service.texts.to_vec()))),
            record(&host, HOST_TTL, RData::A(A(service.v4))),
            record(&host, HOST_TTL, RData::AAAA(AAAA(service.v6))),
        ] {
            along.mdns_cache_flush = true;
            message.additionals.push(along);
        }
    }
    Box::new(move || message.to_vec().expect("it can be written"))
}

fn name(labels: &[&str]) -> Name {
    Name::from_labels(labels.iter().map(|label| label.as_bytes())).expect("a name")
}

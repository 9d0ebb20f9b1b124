//! What strangers say, byte for byte.

use super::*;

/// A query of a stranger.
pub(super) fn query(questions: &[(&Name, Kind, bool)]) -> Bytes {
    query_with(0, Flags::QUERY, questions, &[])
}

pub(super) fn query_with(
    id: u16,
    flags: Flags,
    questions: &[(&Name, Kind, bool)],
    known: &[Record],
) -> Bytes {
    let mut writer = Writer::new(id, flags, 1472);
    for (name, kind, unicast) in questions {
        assert!(writer.question(name, *kind, *unicast));
    }
    for record in known {
        assert!(writer.record(Section::Answer, record));
    }
    writer.finish()
}

/// A response of a stranger.
pub(super) fn response(records: &[Record]) -> Bytes {
    let mut writer = Writer::new(0, Flags::RESPONSE, 1472);
    for record in records {
        assert!(writer.record(Section::Answer, record));
    }
    writer.finish()
}

pub(super) fn record(name: &Name, ttl: u32, flush: bool, data: Data) -> Record {
    Record { name: name.clone(), class: CLASS_IN, flush, ttl, data }
}

/// All that a peer of another make says of itself.
pub(super) fn stranger(label: &str, last: u8, ttl: u32) -> Vec<Record> {
    stranger_on(&format!("host{last}"), label, last, ttl)
}

pub(super) fn stranger_on(host: &str, label: &str, last: u8, ttl: u32) -> Vec<Record> {
    let instance = service_name().child(label.as_bytes()).unwrap();
    let host = Name::new([host.as_bytes(), b"local"]).unwrap();
    let txt = crate::dns::TxtBuilder::default()
        .with("txtvers", "1")
        .with("id", format!("{last:016x}"))
        .with("b", format!("{last:016x}"))
        .with("n", label)
        .finish();
    vec![
        record(&service_name(), ttl, false, Data::Ptr(instance.clone())),
        record(&instance, ttl, true, Data::Srv { priority: 0, weight: 0, port: 4000, target: host.clone() }),
        record(&instance, ttl, true, Data::Txt(txt)),
        record(&host, ttl, true, Data::A([10, 1, 0, last].into())),
    ]
}

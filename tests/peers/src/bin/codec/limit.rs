//! What a writer can do at best: it knows what comes, and where each name was written.

use crate::{
    Write,
    work::{HOST_TTL, KIND, OTHER_TTL, Service},
};

pub(crate) fn writer(services: &[Service]) -> Write {
    let services = services.to_vec();
    Box::new(move || write(&services))
}

/// The message of these services.
pub(crate) fn write(services: &[Service]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(9000);
    let words = |bytes: &mut Vec<u8>, words: &[u16]| {
        words.iter().for_each(|word| bytes.extend_from_slice(&word.to_be_bytes()));
    };
    let label = |bytes: &mut Vec<u8>, label: &str| {
        bytes.push(label.len() as u8);
        bytes.extend_from_slice(label.as_bytes());
    };
    let count = services.len() as u16;
    words(&mut bytes, &[0, 0x8400, 0, count, 0, 4 * count]);
    let (kind, mut local) = (bytes.len(), 0);
    // The longest answer has 50 instances.
    let mut instances = [0; 64];
    for (service, at) in services.iter().zip(&mut instances) {
        if local == 0 {
            label(&mut bytes, KIND[0]);
            label(&mut bytes, KIND[1]);
            local = bytes.len();
            label(&mut bytes, KIND[2]);
            bytes.push(0);
        } else {
            words(&mut bytes, &[0xC000 | kind as u16]);
        }
        words(&mut bytes, &[12, 1, 0, OTHER_TTL as u16, service.instance.len() as u16 + 3]);
        *at = bytes.len() as u16;
        label(&mut bytes, &service.instance);
        words(&mut bytes, &[0xC000 | kind as u16]);
    }
    for (service, at) in services.iter().zip(instances) {
        words(
            &mut bytes,
            &[0xC000 | at, 33, 0x8001, 0, HOST_TTL as u16, service.host.len() as u16 + 9, 0, 0, service.port],
        );
        let host = bytes.len() as u16;
        label(&mut bytes, &service.host);
        words(&mut bytes, &[0xC000 | local as u16]);
        let length: usize = service.texts.iter().map(|text| 1 + text.len()).sum();
        words(&mut bytes, &[0xC000 | at, 16, 0x8001, 0, OTHER_TTL as u16, length as u16]);
        service.texts.iter().for_each(|text| label(&mut bytes, text));
        words(&mut bytes, &[0xC000 | host, 1, 0x8001, 0, HOST_TTL as u16, 4]);
        bytes.extend_from_slice(&service.v4.octets());
        words(&mut bytes, &[0xC000 | host, 28, 0x8001, 0, HOST_TTL as u16, 16]);
        bytes.extend_from_slice(&service.v6.octets());
    }
    bytes
}

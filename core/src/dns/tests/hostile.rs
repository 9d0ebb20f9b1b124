//! Bytes that nobody of good will sends.

use alloc::{vec, vec::Vec};

use quickcheck::quickcheck;

use super::*;

quickcheck! {
    fn any_bytes_can_be_read(bytes: Vec<u8>) -> bool {
        touch(&bytes);
        true
    }

    fn any_bytes_behind_a_header_can_be_read(counts: (u8, u8, u8, u8), body: Vec<u8>) -> bool {
        let mut bytes = vec![0, 0, 0x84, 0];
        for count in [counts.0, counts.1, counts.2, counts.3] {
            bytes.extend([0, count % 8]);
        }
        bytes.extend(body);
        touch(&bytes);
        true
    }

    fn a_damaged_message_can_be_read(at: Vec<(u16, u8)>) -> bool {
        let mut bytes = full_message().to_vec();
        for (at, byte) in at {
            let length = bytes.len();
            bytes[usize::from(at) % length] = byte;
        }
        touch(&bytes);
        true
    }
}

#[test]
fn a_message_may_end_anywhere() {
    let whole = full_message();
    for cut in 0..whole.len() {
        touch(&whole[..cut]);
        match Message::read(&whole[..cut]) {
            None => assert!(cut < HEADER),
            Some(message) => {
                assert_eq!(message.bad, 1, "cut at {cut}");
                assert!(message.answers.len() < 7);
            }
        }
    }
    assert_eq!(Message::read(&whole).map(|message| (message.bad, message.answers.len())), Some((0, 7)));
}

/// Item 7 (RFC 6762 section 6.1).
#[test]
fn a_bad_record_does_not_spoil_the_rest() {
    let name = Name::new([&b"host"[..], b"local"]).unwrap();
    let good = Data::A([1, 2, 3, 4].into());
    let spoil = |data: Data, from_end: usize, byte: u8| {
        let mut writer = Writer::new(0, Flags::RESPONSE, 1440);
        assert!(writer.record(Section::Answer, &record(&name, data)));
        let at = writer.bytes_so_far() - from_end;
        assert!(writer.record(Section::Answer, &record(&name, good.clone())));
        let mut bytes = writer.finish().to_vec();
        bytes[at] = byte;
        let message = Message::read(&bytes).unwrap();
        assert_eq!((message.bad, message.answers.len()), (1, 1));
        assert_eq!(message.answers[0].data, good);
    };
    // A pointer that leads forward, a label of a reserved kind, a string longer than its record, a short address.
    spoil(Data::Ptr(name.clone()), 1, 0xFF);
    spoil(Data::Ptr(name.clone()), 2, 0x80);
    spoil(Data::Txt(bytes::Bytes::from_static(b"\x02ab")), 3, 0xFF);
    spoil(Data::Other { kind: Kind(65_281), bytes: bytes::Bytes::from_static(b"abc") }, 13, 0);
}

/// Item 9 (RFC 1035 section 4.1.4).
#[test]
fn pointers_lead_backward_only() {
    for name in
        [&b"\xC0\x0C"[..], b"\x01a\xC0\x0C", b"\x01a\xC0\x0E", b"\xC0\x0E\xC0\x0C", b"\xC0\xFF", b"\xC0"]
    {
        let mut bytes = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        bytes.extend_from_slice(name);
        bytes.extend([0, 12, 0, 1]);
        let message = Message::read(&bytes).unwrap();
        assert_eq!((message.questions.len(), message.bad), (0, 1), "{name:x?}");
    }
}

/// Item 9 (RFC 1035 section 4.1.4).
/// Even one that ends well.
#[test]
fn a_pointer_forward_spoils_its_own_question_only() {
    let mut bytes = vec![0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0];
    bytes.extend([0xC0, 18, 0, 12, 0, 1]);
    bytes.extend([1, b'a', 0, 0, 12, 0, 1]);
    let message = Message::read(&bytes).unwrap();
    assert_eq!((message.questions.len(), message.bad), (1, 1));
}

/// Item 9 (RFC 1035 section 4.1.4).
#[test]
fn a_name_takes_few_hops() {
    // Every second name points to the one before, down to a label.
    let chain = |hops: usize| {
        let mut bytes = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        let labels: Vec<u8> = b"\x01a\x00\x00\x00".to_vec();
        let mut rdata = labels;
        for hop in 0..hops {
            let back = u16::try_from(HEADER + 11 + if hop == 0 { 0 } else { 5 + (hop - 1) * 2 }).unwrap();
            rdata.extend((back | 0xC000).to_be_bytes());
        }
        bytes[5] = 0;
        bytes[7] = 2;
        // A record of the root whose opaque data is the chain, then one that is owned by its last link.
        bytes.extend([0, 0xFF, 0, 0, 1, 0, 0, 0, 0]);
        bytes.extend(u16::try_from(rdata.len()).unwrap().to_be_bytes());
        bytes.extend(rdata);
        let last = u16::try_from(bytes.len() - 2).unwrap();
        bytes.extend((last | 0xC000).to_be_bytes());
        bytes.extend([0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4]);
        bytes
    };
    let read = |hops| Message::read(&chain(hops)).map(|message| (message.answers.len(), message.bad));
    assert_eq!(read(15), Some((2, 0)), "sixteen hops with the owner's own");
    assert_eq!(read(16), Some((1, 1)));
}

#[test]
fn chains_of_pointers_cost_nothing() {
    // 1497 records, each owned by a pointer to the owner before: quadratic for whoever follows them.
    let mut bytes = vec![0, 0, 0x84, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0];
    bytes.extend([0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]);
    let mut previous = HEADER;
    while bytes.len() + 12 <= 9000 {
        let here = bytes.len();
        bytes.extend((u16::try_from(previous).unwrap() | 0xC000).to_be_bytes());
        bytes.extend([0, 255, 0, 1, 0, 0, 0, 0, 0, 0]);
        previous = here;
    }
    let message = Message::read(&bytes).unwrap();
    assert!(message.answers.len() <= 17);
    assert!(message.bad > 400);

    // The same as one name: 1497 pointers in a row inside opaque data, and a question at their end.
    let mut bytes = vec![0, 0, 0x84, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0xFF, 0, 0, 1, 0, 0, 0, 0];
    bytes.extend(2994_u16.to_be_bytes());
    let first = u16::try_from(bytes.len()).unwrap();
    for n in 0..1497 {
        bytes.extend((0xC000 | if n == 0 { 12 } else { first + (n - 1) * 2 }).to_be_bytes());
    }
    let last = first + 1496 * 2;
    bytes.extend((last | 0xC000).to_be_bytes());
    bytes.extend([0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4]);
    assert_eq!(Message::read(&bytes).unwrap().bad, 1);
}

#[test]
fn counts_are_not_believed() {
    let mut bytes = vec![0, 0, 0x84, 0];
    bytes.extend([0xFF; 8]);
    let message = Message::read(&bytes).unwrap();
    assert_eq!((message.bad, message.questions.capacity(), message.answers.capacity()), (1, 0, 0));
    // Five bytes a question: more of them than are read.
    bytes.extend([0; 9000]);
    let message = Message::read(&bytes).unwrap();
    assert_eq!((message.questions.len(), message.bad), (ITEMS_MAX, 1));
}

/// Reads all that can be read of a message.
fn touch(bytes: &[u8]) {
    let Some(message) = Message::read(bytes) else { return };
    for record in message.claims().chain(&message.authority) {
        assert!(record.name.labels().count() < 128);
        let owned = record.data.to_owned();
        assert_eq!(record.data, owned);
        assert!(owned.wire().len() <= bytes.len() + 255);
    }
    for question in &message.questions {
        assert!(question.name.to_name().wire().len() <= 255);
    }
    assert!(message.questions.len() + message.claims().count() <= ITEMS_MAX);
}

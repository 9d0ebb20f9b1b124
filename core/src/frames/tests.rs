use alloc::{boxed::Box, vec};

use quickcheck::{Arbitrary, Gen, quickcheck};

use super::*;

impl Arbitrary for Frame {
    fn arbitrary(g: &mut Gen) -> Self {
        let room = u16::arbitrary(g);
        match u8::arbitrary(g) % 20 {
            0 => Self::Record(bytes(g)),
            1 => Self::Proofs { binding: array(g), proofs: many(g, PROOFS_MAX, array) },
            2 => Self::Floor { room, day: u32::arbitrary(g), deep: u32::arbitrary(g) },
            3 => Self::Push { room, entries: many(g, PUSH_MAX, bytes), repair: bool::arbitrary(g) },
            4 => {
                let cause = Cause::from_number(u8::arbitrary(g) % 3);
                Self::Have { room, marks: many(g, LIST_MAX, |g| Mark(array(g))), cause }
            }
            5 => Self::Want { room, marks: many(g, WANT_MAX, |g| Mark(array(g))) },
            6 => Self::Stored { room, ids: many(g, LIST_MAX, |g| EntryId(array(g))) },
            7 => Self::Sums {
                room,
                answer: bool::arbitrary(g),
                from: u32::arbitrary(g),
                to: u32::arbitrary(g),
                days: many(g, DAYS_MAX, |g| (u32::arbitrary(g), array(g))),
            },
            8 => Self::Reconcile {
                room,
                from: Stamp(u64::arbitrary(g)),
                to: Stamp(u64::arbitrary(g)),
                round: u16::arbitrary(g),
                message: bytes(g),
            },
            9 => Self::Prune { room },
            10 => Self::Known(many(g, KNOWN_MAX, |g| (Tag(array(g)), u64::arbitrary(g)))),
            11 => Self::Ask(many(g, ASK_MAX, |g| Tag(array(g)))),
            14 => {
                let step = Step::from_number(u8::arbitrary(g) % 3).unwrap();
                Self::Compare { step, binding: array(g), value: array(g) }
            }
            16 => {
                let file = MessageId { entry: EntryId(array(g)), item: u16::arbitrary(g) };
                let (offset, size) = (u64::arbitrary(g), u64::arbitrary(g));
                Self::FileWant { room, number: u32::arbitrary(g), file, offset, size }
            }
            17 => {
                let why = Ended::from_number(u8::arbitrary(g) % 4);
                Self::FileEnd { number: u32::arbitrary(g), by_sender: bool::arbitrary(g), why }
            }
            18 => Self::Relay { to: Tag(array(g)), bytes: bytes(g) },
            19 => Self::Relayed { from: Tag(array(g)), bytes: bytes(g) },
            13 => Self::Sum(u64::arbitrary(g)),
            12 => Self::Keep(Keep::from_number(u8::arbitrary(g) % 3)),
            _ => Self::Heartbeat {
                counter: u64::arbitrary(g),
                clock: UnixMillis(u64::arbitrary(g)),
                members: u64::arbitrary(g),
                rooms: many(g, PULSES_MAX, |g| Pulse {
                    room: u16::arbitrary(g),
                    up_to: Stamp(u64::arbitrary(g)),
                    digest: array(g),
                }),
            },
        }
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        Box::new(core::iter::empty())
    }
}

fn array<const N: usize>(g: &mut Gen) -> [u8; N] {
    core::array::from_fn(|_| u8::arbitrary(g))
}

fn bytes(g: &mut Gen) -> Bytes {
    Vec::<u8>::arbitrary(g).into()
}

fn many<T>(g: &mut Gen, max: usize, mut one: impl FnMut(&mut Gen) -> T) -> Vec<T> {
    let count = usize::arbitrary(g) % (max + 1);
    (0..count).map(|_| one(g)).collect()
}

quickcheck! {
    fn what_is_written_is_read(frame: Frame) -> bool {
        Frame::decode(&frame.encode()) == Some(frame)
    }

    fn any_bytes_are_read_or_refused(kind: u8, bytes: Vec<u8>) -> bool {
        let bytes: Vec<u8> = core::iter::once(kind % 22).chain(bytes).collect();
        Frame::decode(&bytes).is_none_or(|frame| Frame::decode(&frame.encode()) == Some(frame))
    }

    fn a_flipped_byte_never_panics(frame: Frame, at: usize, flip: u8) -> bool {
        let mut bytes = frame.encode().to_vec();
        let at = at % bytes.len();
        bytes[at] ^= flip;
        let _ = Frame::decode(&bytes);
        true
    }

    fn a_cut_frame_is_refused(frame: Frame) -> bool {
        let bytes = frame.encode();
        bytes.len() < 2 || Frame::decode(&bytes[..bytes.len() - 1]).is_none()
    }

    fn nothing_may_follow(frame: Frame) -> bool {
        let mut bytes = frame.encode().to_vec();
        bytes.push(0);
        Frame::decode(&bytes).is_none()
    }

    fn marks_sort_like_stamp_and_id(one: (u64, u8), other: (u64, u8)) -> bool {
        let key = |(stamp, id): (u64, u8)| (Stamp(stamp), EntryId([id; 32]));
        let mark = |(stamp, id): (Stamp, EntryId)| Mark::new(stamp, &id);
        mark(key(one)).cmp(&mark(key(other))) == key(one).cmp(&key(other))
    }
}

#[test]
fn an_unknown_kind_is_told_apart_from_rubbish() {
    assert_eq!(Frame::decode(&[200, 1, 2, 3]), Some(Frame::Unknown { kind: 200 }));
    assert_eq!(Frame::decode(&[]), None);
    assert_eq!(Frame::decode(&[kind::FLOOR, 0xff]), None);
}

#[test]
fn lists_beyond_their_bound_are_refused() {
    let push = |count| Frame::Push { room: 0, entries: vec![Bytes::new(); count], repair: false }.encode();
    assert!(Frame::decode(&push(PUSH_MAX)).is_some());
    assert!(Frame::decode(&push(PUSH_MAX + 1)).is_none());
    let want = |count| Frame::Want { room: 0, marks: vec![Mark([0; 32]); count] }.encode();
    assert!(Frame::decode(&want(WANT_MAX)).is_some());
    assert!(Frame::decode(&want(WANT_MAX + 1)).is_none());
    let message = Bytes::from(vec![0; RECONCILE_MAX + 1]);
    let long = Frame::Reconcile { room: 0, from: Stamp(0), to: Stamp(1), round: 0, message };
    assert!(Frame::decode(&long.encode()).is_none());
    let relay = |size| Frame::Relay { to: Tag([1; 8]), bytes: vec![0; size].into() }.encode();
    assert!(Frame::decode(&relay(RELAYED_MAX)).is_some());
    assert!(Frame::decode(&relay(RELAYED_MAX + 1)).is_none());
}

#[test]
fn lengths_that_lie_cost_nothing() {
    // A push whose list says to have 2^63 elements, and one whose byte string says to be as long.
    assert_eq!(Frame::decode(&[kind::PUSH, 0x83, 0, 0x9b, 0x7f, 255, 255, 255, 255, 255, 255, 255]), None);
    assert_eq!(Frame::decode(&[kind::RECORD, 0x81, 0x5b, 0x7f, 255, 255, 255, 255, 255, 255, 255]), None);
    let deep: Vec<u8> = core::iter::once(kind::PUSH).chain(vec![0x81; 50_000]).collect();
    assert_eq!(Frame::decode(&deep), None);
}

/// What a packet has room for inside another session: it is smaller there, with a header, a tag, and a frame's own.
const DATAGRAM_FITS: usize = RELAYED_MAX - 33 - 3;

#[test]
fn what_is_mentioned_fits_a_datagram_and_the_rest_is_no_mention() {
    let have = |count, cause| {
        let marks = vec![Mark([255; 32]); count];
        Frame::Have { room: u16::MAX, marks, cause }
    };
    let most = have(MENTION_MAX, Cause::News);
    assert!(most.is_mention() && most.encode().len() <= DATAGRAM_FITS, "{}", most.encode().len());
    assert!(!have(MENTION_MAX + 1, Cause::News).is_mention());
    assert!(!have(1, Cause::Repair).is_mention() && !have(1, Cause::Receipt).is_mention());
}

#[test]
fn a_full_heartbeat_fits_a_datagram() {
    let pulse = Pulse { room: u16::MAX, up_to: Stamp(u64::MAX), digest: [255; 16] };
    let rooms = vec![pulse; PULSES_MAX];
    let frame = Frame::Heartbeat { counter: u64::MAX, clock: UnixMillis(u64::MAX), members: u64::MAX, rooms };
    assert!(frame.encode().len() <= DATAGRAM_FITS, "{}", frame.encode().len());
}

#[test]
fn a_mark_knows_its_stamp_and_which_ids_it_may_mean() {
    let id = EntryId(core::array::from_fn(|index| u8::try_from(index).unwrap()));
    let mark = Mark::new(Stamp(77), &id);
    let (low, high) = mark.ids();
    assert_eq!(mark.stamp(), Stamp(77));
    assert!(low <= id && id <= high);
    assert_eq!(Mark::new(Stamp(77), &low), mark);
    assert_eq!(Mark::new(Stamp(77), &high), mark);
}

#[test]
fn every_kind_looks_as_the_page_about_the_protocol_has_it() {
    let mark = Mark::new(Stamp(1_790_000_000_000_000), &EntryId([0xee; 32]));
    let (tag, room) = (Tag([3; 8]), 2);
    let pulse = Pulse { room, up_to: Stamp(5), digest: [4; 16] };
    let file = MessageId { entry: EntryId([0xee; 32]), item: 3 };
    let frames = [
        ("record", Frame::Record(Bytes::from_static(&[1, 2, 3]))),
        ("proofs", Frame::Proofs { binding: [7; 8], proofs: vec![[8; 32], [9; 32]] }),
        ("floor", Frame::Floor { room, day: 20_617, deep: 20_717 }),
        (
            "push",
            Frame::Push { room, entries: vec![Bytes::from_static(&[1, 2]), Bytes::new()], repair: true },
        ),
        ("have", Frame::Have { room, marks: vec![mark], cause: Cause::News }),
        ("want", Frame::Want { room, marks: vec![mark] }),
        ("stored", Frame::Stored { room, ids: vec![EntryId([0xee; 32])] }),
        (
            "sums",
            Frame::Sums { room, answer: false, from: 20_716, to: 20_718, days: vec![(20_717, [4; 16])] },
        ),
        (
            "reconcile",
            Frame::Reconcile {
                room,
                from: mark.stamp(),
                to: Stamp(mark.stamp().0 + 1),
                round: 0,
                message: question(mark).into(),
            },
        ),
        (
            "heartbeat",
            Frame::Heartbeat {
                counter: 1,
                clock: UnixMillis(1_790_000_000_000),
                members: 77,
                rooms: vec![pulse],
            },
        ),
        ("known", Frame::Known(vec![(tag, 1_790_000_000_000)])),
        ("ask", Frame::Ask(vec![tag, Tag([5; 8])])),
        ("keep", Frame::Keep(Keep::Choice)),
        ("prune", Frame::Prune { room }),
        ("sum", Frame::Sum(u64::MAX)),
        ("compare", Frame::Compare { step: Step::Number, binding: [7; 8], value: [9; 32] }),
        ("want file", Frame::FileWant { room, number: 7, file, offset: 32_768, size: 100_000 }),
        ("end file", Frame::FileEnd { number: 7, by_sender: true, why: Ended::Gone }),
        ("relay", Frame::Relay { to: tag, bytes: Bytes::from_static(&[1, 2]) }),
        ("relayed", Frame::Relayed { from: tag, bytes: Bytes::from_static(&[1, 2]) }),
        ("no way", Frame::Relayed { from: tag, bytes: Bytes::new() }),
    ];
    // One of each kind.
    let mut kinds: Vec<u8> = frames.iter().map(|(_, frame)| kind(frame)).collect();
    kinds.dedup();
    assert!(kinds.into_iter().eq(1..=20));
    let encoded = frames.map(|(name, frame)| (name, kind(&frame), frame.encode()));
    assert!(encoded.iter().all(|(_, kind, bytes)| bytes[0] == *kind));
    let vectors: Vec<(&str, &[u8])> = encoded.iter().map(|(name, _, bytes)| (*name, &bytes[..])).collect();
    crate::vectors::check("frame", &vectors);
}

/// How whoever has only this mark begins a reconciliation.
fn question(mark: Mark) -> Vec<u8> {
    let mut set = negentropy::NegentropyStorageVector::new();
    set.insert(mark.stamp().0, negentropy::Id::from_byte_array(mark.0)).unwrap();
    set.seal().unwrap();
    negentropy::Negentropy::borrowed(&set, 16_384).unwrap().initiate().unwrap()
}

/// Its number. A new kind needs one, and a vector, too.
fn kind(frame: &Frame) -> u8 {
    match frame {
        Frame::Record(_) => 1,
        Frame::Proofs { .. } => 2,
        Frame::Floor { .. } => 3,
        Frame::Push { .. } => 4,
        Frame::Have { .. } => 5,
        Frame::Want { .. } => 6,
        Frame::Stored { .. } => 7,
        Frame::Sums { .. } => 8,
        Frame::Reconcile { .. } => 9,
        Frame::Heartbeat { .. } => 10,
        Frame::Known(_) => 11,
        Frame::Ask(_) => 12,
        Frame::Keep(_) => 13,
        Frame::Prune { .. } => 14,
        Frame::Sum(_) => 15,
        Frame::Compare { .. } => 16,
        Frame::FileWant { .. } => 17,
        Frame::FileEnd { .. } => 18,
        Frame::Relay { .. } => 19,
        Frame::Relayed { .. } => 20,
        Frame::Unknown { kind } => *kind,
    }
}

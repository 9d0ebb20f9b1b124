use alloc::{collections::BTreeMap, vec, vec::Vec};
use core::time::Duration;

use super::{download::head, *};
use crate::{event::EntryId, text::RoomName};

const LINK: LinkId = LinkId(7);
const SIZE: u64 = 100_000;

/// The files of one node with one link to whoever offers them, and the clock.
struct Bench {
    files: Files,
    now: Instant,
    stats: FileStats,
    backlog: usize,
    /// Sessions with whoever offers it.
    links: Vec<LinkId>,
}

impl Bench {
    fn new() -> Self {
        let (files, stats) = (Files::new(), FileStats::default());
        Self { files, now: Instant::ORIGIN, stats, backlog: 0, links: vec![LINK] }
    }

    fn with<T>(&mut self, act: impl FnOnce(&mut Files, &mut Turn<'_>) -> T) -> (T, Vec<Wish>) {
        let mut out = Outbox::new();
        let (backlog, links) = (self.backlog, self.links.clone());
        let mut turn = Turn {
            now: self.now,
            backlog: &|_| Some(backlog),
            link_to: &|_, _, except| Some((*links.iter().find(|link| !except.contains(link))?, 3)),
            stats: &mut self.stats,
            out: &mut out,
        };
        let result = act(&mut self.files, &mut turn);
        (result, core::iter::from_fn(|| out.pop()).collect())
    }

    /// Wants a file, and answers the number under which it was asked for.
    fn want(&mut self) -> u32 {
        let place = Place::Room(RoomName::lobby());
        let wanted = Wanted { file: file(1), place, from: PeerKey([9; 32]), size: SIZE, have: 0 };
        let (_, wishes) = self.with(|files, turn| files.want(turn, wanted));
        number(&wishes).expect("it is asked for")
    }

    fn piece(&mut self, number: u32, offset: u64, length: usize) -> Vec<Wish> {
        let record: Bytes = [&head(number, offset)[..], &vec![1; length]].concat().into();
        self.with(|files, turn| files.on_bulk(turn, LINK, &record)).1
    }

    fn asked(&mut self, number: u32, file: MessageId, size: u64) -> Vec<Wish> {
        let (peer, room) = (PeerKey([8; 32]), RoomKeyId([1; 16]));
        let asked = Asked { peer, room, file, offset: 0, size };
        self.with(|files, turn| files.on_want(turn, LINK, number, asked)).1
    }
}

fn file(byte: u8) -> MessageId {
    MessageId { entry: EntryId([byte; 32]), item: 0 }
}

fn number(wishes: &[Wish]) -> Option<u32> {
    wishes.iter().find_map(|wish| match wish {
        Wish::Send { frame: Frame::FileWant { number, .. }, .. } => Some(*number),
        _ => None,
    })
}

fn writes(wishes: &[Wish]) -> usize {
    wishes.iter().filter(|wish| matches!(wish, Wish::Write { .. })).count()
}

fn told(wishes: &[Wish]) -> Vec<TransferState> {
    let state = |wish: &Wish| match wish {
        Wish::Tell(transfer) => Some(transfer.state),
        _ => None,
    };
    wishes.iter().filter_map(state).collect()
}

#[test]
fn pieces_that_nobody_asked_for_are_not_written() {
    let mut bench = Bench::new();
    let number = bench.want();
    assert_eq!(writes(&bench.piece(number + 1, 0, 10)), 0);
    let (_, wishes) = bench.with(|files, turn| files.on_bulk(turn, LINK, &Bytes::from_static(&[0; 11])));
    assert_eq!(writes(&wishes), 0, "shorter than its head");
    let other = Bytes::copy_from_slice(&[&head(number, 0)[..], &[1; 10]].concat());
    let (_, wishes) = bench.with(|files, turn| files.on_bulk(turn, LinkId(8), &other));
    assert_eq!(writes(&wishes), 0, "from somebody else");
    assert_eq!(bench.stats.pieces_unwanted, 3);
    assert_eq!(writes(&bench.piece(number, 0, 10)), 1);
}

#[test]
fn a_sender_who_skips_repeats_or_overruns_is_asked_anew_after_a_pause() {
    for (offset, length) in [(10, 10), (0, 0), (0, 100_001), (u64::MAX, 10)] {
        let mut bench = Bench::new();
        let number = bench.want();
        let wishes = bench.piece(number, offset, length);
        assert_eq!((writes(&wishes), told(&wishes)), (0, vec![TransferState::Waiting]), "{offset} {length}");
        assert_eq!(bench.stats.pieces_misplaced, 1);
        assert!(self::number(&bench.with(Files::pump).1).is_none(), "not at once");
        bench.now += Duration::from_secs(5);
        let (_, wishes) = bench.with(|files, turn| {
            files.on_tick(turn);
            files.pump(turn);
        });
        assert!(self::number(&wishes).is_some_and(|again| again != number));
        assert_eq!(writes(&bench.piece(number, 0, 10)), 0, "the old number means nothing any more");
    }
}

#[test]
fn silence_of_half_a_minute_has_it_asked_for_anew_from_where_it_was() {
    let mut bench = Bench::new();
    let number = bench.want();
    bench.now += Duration::from_secs(29);
    assert_eq!(writes(&bench.piece(number, 0, 10)), 1);
    bench.now += Duration::from_secs(29);
    assert!(bench.files.next_wake().unwrap() > bench.now);
    bench.now += Duration::from_secs(1);
    let (_, wishes) = bench.with(|files, turn| {
        files.on_tick(turn);
        files.pump(turn);
    });
    let again = wishes.iter().find_map(|wish| match wish {
        Wish::Send { frame: Frame::FileWant { offset, .. }, .. } => Some(*offset),
        _ => None,
    });
    assert_eq!((again, bench.stats.silences), (Some(10), 1));
}

#[test]
fn who_does_not_offer_it_ends_nothing_for_another_run_of_theirs() {
    let mut bench = Bench::new();
    let number = bench.want();
    assert_eq!(writes(&bench.piece(number, 0, 10)), 1);
    let (_, wishes) = bench.with(|files, turn| files.on_end(turn, LINK, number, true, Ended::Gone));
    assert_eq!(told(&wishes), [TransferState::Gone]);
    assert!(self::number(&bench.with(Files::pump).1).is_none(), "it is not asked again");
    // The one that has it comes back.
    let other = LinkId(8);
    bench.links.push(other);
    let (_, wishes) = bench.with(Files::pump);
    assert!(
        matches!(wishes[0], Wish::Send { link, frame: Frame::FileWant { offset: 10, .. } } if link == other)
    );
    // So may the first, whose session is another one then.
    bench.with(|files, turn| files.on_down(turn, other));
    bench.with(|files, turn| files.on_down(turn, LINK));
    assert!(self::number(&bench.with(Files::pump).1).is_some());
    let (_, wishes) = bench.with(|files, turn| files.stop(turn, file(1)));
    assert_eq!(told(&wishes), [TransferState::Stopped]);
}

#[test]
fn asking_without_end_keeps_nobody_busy() {
    let mut bench = Bench::new();
    let refused = |wishes: &[Wish]| {
        wishes
            .iter()
            .any(|wish| matches!(wish, Wish::Send { frame: Frame::FileEnd { why: Ended::Busy, .. }, .. }))
    };
    let taken = (0..100).filter(|&number| !refused(&bench.asked(number, file(2), u64::MAX))).count();
    assert_eq!((taken, bench.stats.uploads_refused), (UPLOADS_OF_ONE, 92));
    assert!(refused(&bench.asked(200, file(2), 0)), "nothing of it is left");
    // Whoever asks and stops again and again has the host read no more than a little at a time.
    let mut reads = 0;
    for number in 1000..2000 {
        bench.asked(number, file(2), u64::MAX);
        let (_, wishes) = bench.with(Files::pump);
        reads += wishes.iter().filter(|wish| matches!(wish, Wish::Read { .. })).count();
        (0..3000).for_each(|number| {
            bench.with(|files, turn| files.on_end(turn, LINK, number, false, Ended::Stopped));
        });
    }
    assert_eq!(reads, 256);
}

#[test]
fn of_what_was_never_there_nobody_is_told() {
    let mut bench = Bench::new();
    bench.asked(1, file(2), SIZE);
    let (_, wishes) = bench.with(Files::pump);
    let read = wishes.iter().find_map(|wish| match wish {
        Wish::Read { number, length, .. } => Some((*number, *length)),
        _ => None,
    });
    let (read, length) = read.unwrap();
    assert_eq!(u64::from(length), SIZE);
    let (_, wishes) = bench.with(|files, turn| files.on_read(turn, read, None));
    assert_eq!(told(&wishes), []);
    assert!(wishes.iter().any(|wish| matches!(
        wish,
        Wish::Send { frame: Frame::FileEnd { by_sender: true, why: Ended::Gone, .. }, .. }
    )));
}

#[test]
fn no_more_is_read_than_the_link_takes() {
    let mut bench = Bench { backlog: 600 << 10, ..Bench::new() };
    bench.asked(1, file(2), u64::MAX);
    assert_eq!(bench.with(Files::pump).1.len(), 0);
    bench.backlog = 0;
    assert_eq!(bench.with(Files::pump).1.len(), (512 << 10) / PIECE as usize, "half a MiB");
    assert_eq!(bench.with(Files::pump).1.len(), 0, "which are under way now");
}

#[test]
fn of_several_files_over_one_link_each_has_its_turn() {
    let mut bench = Bench::new();
    (2..5).for_each(|number| drop(bench.asked(number, file(number as u8), u64::MAX)));
    let mut read: BTreeMap<MessageId, usize> = BTreeMap::new();
    // Room for one piece at a time, as when acknowledgements come one by one.
    bench.backlog = (512 << 10) - 1;
    for _ in 0..30 {
        let (_, wishes) = bench.with(Files::pump);
        let [Wish::Read { number, file, length, .. }] = wishes[..] else { panic!("{wishes:?}") };
        *read.entry(file).or_default() += 1;
        let bytes = Bytes::from(vec![0; length as usize]);
        bench.with(|files, turn| files.on_read(turn, number, Some(bytes)));
    }
    assert_eq!(read.into_values().collect::<Vec<_>>(), [10, 10, 10]);
}

#[test]
fn the_head_of_a_piece_is_as_the_page_about_the_protocol_has_it() {
    crate::vectors::check("piece", &[("head of transfer 7 at 70000", &head(7, 70_000))]);
}

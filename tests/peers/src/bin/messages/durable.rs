//! Ours with a history on disk: said, committed with all that waits, synced, and then answered.

use std::{thread, time::Duration};

use chat_app::{
    Start,
    store::{Sqlite, Store},
};
use chat_core::PeerKey;
use chat_tests::{
    scratch::Scratch,
    watch::{median, now},
};

use crate::{
    board::{Begun, Board, Promise},
    ours::Crowd,
    trial::{Figure, Figures},
};

/// Messages of which each is answered before the next, and the time between answer and next.
pub(crate) const SINGLES: u64 = 100;
pub(crate) const PAUSE: Duration = Duration::from_millis(5);

/// One says so many flat out to one; the histories of both are in the system's directory for temporary files.
pub(crate) fn run(start: Start, flood: u64) -> Figures {
    let (scratch, board) = (Scratch::new(), Board::new(1, SINGLES, flood, Promise::Order));
    let store = |number: usize, own: PeerKey| {
        let path = scratch.path().join(format!("{number}.db"));
        Box::new(Sqlite::open(&path, own, Sqlite::BYTES_MAX).expect("a store")) as Box<dyn Store>
    };
    let crowd = Crowd::new(start, &board, store);
    let answered = crowd.sender().answered();
    let single = |number| {
        let begun = now();
        crowd.sender().say(&board.message(number));
        answered.wait("an answer", number + 1);
        let took = now() - begun;
        thread::sleep(PAUSE);
        took
    };
    let kept: Vec<Duration> = (0..SINGLES).map(single).collect();
    board.wait(SINGLES);
    let begun = Begun::now();
    crowd.flood(&board);
    let (_, total) = board.counts();
    answered.wait("the last answer", total);
    let rate = flood as f64 / (now() - begun.at()).as_secs_f64();
    // The other has all of it, too.
    board.wait(total);
    let mut figures = board.figures(&begun);
    figures.extend([(Figure::Rate, rate), (Figure::Kept, median(&kept).as_secs_f64())]);
    crowd.quit();
    figures
}

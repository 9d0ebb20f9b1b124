//! A file of ours, offered and fetched through the lower stream, beside messages: of those single ones are said all the
//! while. Its bytes are in memory at both ends, as with the others.

use std::{
    sync::mpsc::{Receiver, Sender, channel},
    time::Instant,
};

use bytes::Bytes;
use chat_app::{
    Start,
    store::{Memory, Store},
};
use chat_core::{
    Action, Event, FileName, Identity, MessageId, Offer, PeerKey, Place, REAL, RoomName, Wanted,
};
use chat_tests::watch::PATIENCE;

use crate::{
    board::{Begun, Board, Promise},
    bulk::{Check, SIZE, figures},
    ours::{Crowd, Files, Listen, Peer, secret},
    trial::{Figure, Figures},
};

/// Single messages that are said in the meantime, at most.
const MEANWHILE: u64 = 1000;

/// What the sender has to offer.
struct Offered(Bytes);

impl Files for Offered {
    fn piece(&self, offset: u64, length: u32) -> Option<Bytes> {
        let (from, length) = (usize::try_from(offset).ok()?, length as usize);
        Some(self.0.slice(from..from + length))
    }

    fn write(&mut self, _: u64, _: &[u8]) {}
}

/// Looks at what the receiver is given.
struct Fetched {
    check: Check,
    tell: Sender<Instant>,
}

impl Files for Fetched {
    fn piece(&self, _: u64, _: u32) -> Option<Bytes> {
        None
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) {
        assert_eq!(offset, self.check.seen() as u64, "pieces come in order");
        self.check.pass(bytes);
        if self.check.seen() == SIZE {
            self.tell.send(std::mem::take(&mut self.check).end()).expect("somebody waits");
        }
    }
}

/// The file alone.
pub(crate) fn alone(start: Start) -> Figures {
    let (crowd, offer, told) = crowd(start, None);
    let begun = fetch(&crowd, &offer);
    let figures = figures(begun.at(), begun.spent(), told.recv_timeout(PATIENCE).expect("all of it"));
    crowd.quit();
    figures
}

/// The file, and single messages while it is under way: how long those take.
pub(crate) fn beside(start: Start) -> Figures {
    let board = Board::new(1, MEANWHILE, 0, Promise::Order);
    let (crowd, offer, told) = crowd(start, Some(&board));
    let begun = fetch(&crowd, &offer);
    let mut end = None;
    let said = board.singles_while(|message| {
        crowd.sender().say(message);
        end = end.or_else(|| told.try_recv().ok());
        end.is_none()
    });
    board.wait(said);
    let end = end.unwrap_or_else(|| told.recv_timeout(PATIENCE).expect("all of it"));
    let mut figures = figures(begun.at(), begun.spent(), end);
    figures.extend([(Figure::Middle, board.alone(50)), (Figure::Late, board.alone(99))]);
    crowd.quit();
    figures
}

/// Two who know each other, of whom the first has offered a file; and when the second has it.
fn crowd(start: Start, board: Option<&std::sync::Arc<Board>>) -> (Crowd, MessageId, Receiver<Instant>) {
    let store = |number| -> Box<dyn Store> { Box::new(Memory::new(key(number), Memory::BYTES_MAX)) };
    let (tell, told) = channel();
    let (tell_offer, offers) = channel();
    let hear: Listen = {
        let board = board.cloned();
        Box::new(move |event| match event {
            Event::Message(message) if message.file.is_some() => _ = tell_offer.send(message.id),
            Event::Message(message) => {
                board.iter().for_each(|board| _ = board.hear(0, message.text.as_bytes()))
            }
            _ => {}
        })
    };
    let fetched = Fetched { check: Check::default(), tell };
    let peers = vec![
        Peer::start(
            start,
            &secret(0),
            store(0),
            Box::new(|_| {}),
            Box::new(Offered(crate::bulk::bytes().into())),
        ),
        Peer::start(start, &secret(1), store(1), hear, Box::new(fetched)),
    ];
    let crowd = Crowd::introduce(peers);
    let (name, size) = (FileName::lenient("large"), SIZE as u64);
    let offer = Offer { name, size, hash: [0; 32], folder: false };
    crowd.sender().ask(0, Action::Offer { place: lobby(), offer });
    let offer = offers.recv_timeout(PATIENCE).expect("the offer");
    (crowd, offer, told)
}

/// Has the second of them fetch what the first has offered.
fn fetch(crowd: &Crowd, &file: &MessageId) -> Begun {
    let begun = Begun::now();
    let wanted = Wanted { file, place: lobby(), from: key(0), size: SIZE as u64, have: 0 };
    crowd.receiver().ask(0, Action::Fetch(wanted));
    begun
}

fn lobby() -> Place {
    Place::Room(RoomName::lobby())
}

fn key(number: usize) -> PeerKey {
    Identity::new(REAL, &secret(number)).key()
}

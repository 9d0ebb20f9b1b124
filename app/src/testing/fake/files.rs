//! The files of the node without a network: bo's are 100,000 bytes of which each tells its place.

use std::sync::Arc;

use bytes::Bytes;
use chat_core::{
    Event, FileName, MessageId, Offer, Output, Place, Record, Request, RoomKeyId, StoreError, Token,
    Transfer, TransferState, Wanted,
};

use super::{BO, Fake};

/// Bytes of each file that bo offers.
pub(crate) const SIZE: usize = 100_000;
/// Bytes of one piece.
const PIECE: usize = 32 << 10;

#[derive(Debug, Default)]
pub(super) struct Files {
    /// What we fetch, and how far it is.
    wanted: Option<(Wanted, u64)>,
    /// What we offered last.
    offered: Option<(MessageId, RoomKeyId, u64)>,
    /// What bo has of it.
    taken: Vec<u8>,
    /// Of what we fetch no more than one piece comes.
    is_held: bool,
}

/// What bo's files hold.
pub(crate) fn content() -> Vec<u8> {
    (0..SIZE).map(|at| (at ^ (at >> 8)) as u8).collect()
}

impl Fake {
    pub(super) fn bo_offers(&mut self, place: &Place, name: &str, is_true: bool) {
        let mut hash = *blake3::hash(&content()).as_bytes();
        hash[0] ^= u8::from(!is_true);
        let offer = Offer { name: FileName::lenient(name), size: SIZE as u64, hash, folder: false };
        let mut entry = self.entry(place, BO, offer.name.as_str());
        Arc::make_mut(&mut entry.messages[0]).file = Some(Box::new(offer));
        self.tell(Event::Message(entry.messages[0].clone()));
        self.heard = Some(entry.clone());
        self.persist(vec![Record::Entry(entry)], vec![]);
    }

    pub(super) fn offer(&mut self, tag: u64, place: &Place, offer: Offer) {
        let mut entry = self.entry(place, self.own, offer.name.as_str());
        let size = offer.size;
        let message = Arc::make_mut(&mut entry.messages[0]);
        (message.own, message.file) = (true, Some(Box::new(offer)));
        let message = Arc::clone(&entry.messages[0]);
        self.files.offered = Some((message.id, entry.room, size));
        self.tell(Event::Message(Arc::clone(&message)));
        self.persist(vec![Record::Entry(entry)], vec![Event::Done { tag, message: Some(message.id) }]);
    }

    pub(super) fn fetch(&mut self, wanted: Wanted) {
        let have = wanted.have;
        self.files.wanted = Some((wanted, have));
        self.moved(TransferState::Moving);
        self.send_piece();
    }

    pub(super) fn stop(&mut self, file: MessageId) {
        if self.files.wanted.as_ref().is_some_and(|(wanted, _)| wanted.file == file) {
            self.moved(TransferState::Stopped);
            self.files.wanted = None;
        }
        self.files.offered.take_if(|(offered, ..)| *offered == file);
    }

    fn send_piece(&mut self) {
        let Some((wanted, at)) = &self.files.wanted else { return };
        let (file, offset) = (wanted.file, *at);
        let from = usize::try_from(offset).unwrap();
        let bytes = Bytes::from(content()).slice(from..SIZE.min(from + PIECE));
        (self.on_output)(Output::Write { token: Token(0), file, offset, bytes });
    }

    pub(super) fn on_written(&mut self, result: Result<(), StoreError>) {
        let Some((wanted, at)) = &mut self.files.wanted else { return };
        if let Err(error) = result {
            self.moved(TransferState::Unwritten(error));
            self.files.wanted = None;
            return;
        }
        *at = wanted.size.min(*at + PIECE as u64);
        if self.files.is_held {
        } else if *at == wanted.size {
            self.moved(TransferState::Whole);
            self.files.wanted = None;
        } else {
            self.send_piece();
        }
    }

    fn moved(&mut self, state: TransferState) {
        let Some((wanted, bytes)) = &self.files.wanted else { return };
        let transfer = Transfer { file: wanted.file, peer: BO, incoming: true, bytes: *bytes, state };
        (self.on_output)(Output::Event(Event::Transfer(transfer)));
    }

    pub(super) fn bo_holds(&mut self, is_held: bool) {
        self.files.is_held = is_held;
    }

    pub(super) fn bo_withdraws(&mut self) {
        self.moved(TransferState::Gone);
    }

    pub(super) fn bo_fetches(&mut self) {
        self.files.taken.clear();
        self.bo_moved(TransferState::Moving);
        self.ask_for_piece();
    }

    fn ask_for_piece(&mut self) {
        let Some((file, room, size)) = self.files.offered else { return };
        let offset = self.files.taken.len() as u64;
        let length = u32::try_from((size - offset).min(PIECE as u64)).unwrap();
        let what = Request::Piece { room, file, offset, length };
        (self.on_output)(Output::Fetch { token: Token(0), what });
    }

    pub(super) fn on_piece(&mut self, bytes: Option<Bytes>) {
        let Some(bytes) = bytes else { return self.bo_moved(TransferState::Gone) };
        self.files.taken.extend_from_slice(&bytes);
        match self.files.offered {
            Some((.., size)) if self.files.taken.len() as u64 == size => self.bo_moved(TransferState::Whole),
            _ => self.ask_for_piece(),
        }
    }

    fn bo_moved(&mut self, state: TransferState) {
        let Some((file, ..)) = self.files.offered else { return };
        let bytes = self.files.taken.len() as u64;
        (self.on_output)(Output::Event(Event::Transfer(Transfer {
            file,
            peer: BO,
            incoming: false,
            bytes,
            state,
        })));
    }
}

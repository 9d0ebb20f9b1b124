//! Files of ours that others fetch.

use alloc::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::{
    Files, PIECE, Transfer, TransferState, Turn, UPLOADS_MAX, UPLOADS_OF_ONE, Wish,
    download::{TOLD_EACH, head},
};
use crate::{
    event::MessageId,
    frames::{Ended, Frame},
    identity::PeerKey,
    session::LinkId,
    store::RoomKeyId,
};

/// Bytes that are read for one link and not acknowledged by it yet: as much as the other side takes unread.
const AHEAD: usize = 512 << 10;
/// Pieces that the host is reading at a time, whoever asked for them and does not want them any more.
const READS_MAX: usize = 256;

/// A file of ours that somebody fetches.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) file: MessageId,
    room: RoomKeyId,
    peer: PeerKey,
    size: u64,
    /// The first byte that the host was not asked for yet, and that was not sent, and that the person was not told of.
    asked: u64,
    sent: u64,
    told: u64,
    /// Whether anything of it was there: of the rest nobody need hear.
    has_begun: bool,
}

impl Upload {
    const fn told(&self, state: TransferState) -> Transfer {
        Transfer { file: self.file, peer: self.peer, incoming: false, bytes: self.sent, state }
    }

    /// Bytes that the host has been asked for and has not read.
    fn reading(&self) -> usize {
        usize::try_from(self.asked - self.sent).unwrap_or(usize::MAX)
    }
}

/// What somebody wants of us.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) peer: PeerKey,
    pub(crate) room: RoomKeyId,
    pub(crate) file: MessageId,
    pub(crate) offset: u64,
    pub(crate) size: u64,
}

impl Files {
    /// Somebody wants a file, from a byte on.
    pub(crate) fn on_want(&mut self, turn: &mut Turn<'_>, link: LinkId, number: u32, asked: Asked) {
        let Asked { peer, room, file, offset, size } = asked;
        let of_one = self.uploads.range((link, 0)..=(link, u32::MAX)).count();
        let is_full = self.uploads.len() >= UPLOADS_MAX || of_one >= UPLOADS_OF_ONE;
        if is_full || offset >= size || self.uploads.contains_key(&(link, number)) {
            turn.stats.uploads_refused += 1;
            let frame = Frame::FileEnd { number, by_sender: true, why: Ended::Busy };
            return turn.out.push(Wish::Send { link, frame });
        }
        let upload =
            Upload { file, room, peer, size, asked: offset, sent: offset, told: offset, has_begun: false };
        self.uploads.insert((link, number), upload);
    }

    /// Asks the host for more, for each link as much as it has room for, and for its files by turns.
    pub(super) fn feed_uploads(&mut self, turn: &mut Turn<'_>) {
        let mut ahead: BTreeMap<LinkId, usize> = BTreeMap::new();
        for (&(link, _), upload) in &self.uploads {
            let ahead = ahead.entry(link).or_insert_with(|| (turn.backlog)(link).unwrap_or(usize::MAX));
            *ahead = ahead.saturating_add(upload.reading());
        }
        // Whoever was served last comes last.
        let mut queue: VecDeque<_> = self.uploads.keys().copied().collect();
        let served = queue.partition_point(|at| *at <= self.served);
        queue.rotate_left(served.min(queue.len()));
        while let Some(at @ (link, _)) = queue.pop_front()
            && self.reads.len() < READS_MAX
        {
            let Some(upload) = self.uploads.get_mut(&at) else { continue };
            let Some(ahead) = ahead.get_mut(&link).filter(|ahead| **ahead < AHEAD) else { continue };
            let length = u32::try_from(upload.size - upload.asked).unwrap_or(PIECE).min(PIECE);
            if length == 0 {
                continue;
            }
            let (room, file, offset) = (upload.room, upload.file, upload.asked);
            upload.asked += u64::from(length);
            *ahead += length as usize;
            self.served = at;
            let number = self.request();
            self.reads.insert(number, at);
            turn.out.push(Wish::Read { number, room, file, offset, length });
            queue.push_back(at);
        }
    }

    /// What the host has read, in the order in which it was asked; `None` when we do not offer that any more.
    pub(crate) fn on_read(&mut self, turn: &mut Turn<'_>, number: u64, bytes: Option<Bytes>) {
        let Some(at @ (link, number)) = self.reads.remove(&number) else { return };
        let Some(upload) = self.uploads.get_mut(&at) else { return };
        let expected = (upload.size - upload.sent).min(PIECE.into());
        // A file that has become shorter is not the one that was offered.
        let Some(bytes) = bytes.filter(|bytes| bytes.len() as u64 == expected) else {
            return self.end_upload(turn, at, TransferState::Gone, Some(Ended::Gone));
        };
        turn.out.push(Wish::Bulk { link, head: head(number, upload.sent), bytes });
        upload.sent += expected;
        if !upload.has_begun || upload.sent - upload.told >= TOLD_EACH.max(upload.size / 100) {
            upload.has_begun = true;
            upload.told = upload.sent;
            turn.out.push(Wish::Tell(upload.told(TransferState::Moving)));
        }
    }

    /// `say`: what the other side is told.
    pub(super) fn end_upload(
        &mut self,
        turn: &mut Turn<'_>,
        at: (LinkId, u32),
        state: TransferState,
        say: Option<Ended>,
    ) {
        let Some(upload) = self.uploads.remove(&at) else { return };
        let (link, number) = at;
        if let Some(why) = say {
            turn.out.push(Wish::Send { link, frame: Frame::FileEnd { number, by_sender: true, why } });
        }
        if upload.has_begun {
            turn.out.push(Wish::Tell(upload.told(state)));
        }
    }
}

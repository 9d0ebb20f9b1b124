//! Files that we fetch.

use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;

use super::{Files, Transfer, TransferState, Turn, Wanted, Wish};
use crate::{
    event::MessageId,
    frames::{Ended, Frame},
    session::{HEAD_MAX, LinkId},
    store::StoreError,
    time::Instant,
};

/// Where nothing comes for so long, it is asked for anew.
const SILENCE: Duration = Duration::from_secs(30);
/// Whoever is busy, or sends what was not asked for, is asked again after this.
const PAUSE: Duration = Duration::from_secs(5);
/// Sessions in which it is not offered any more; of more the oldest may be asked again.
const REFUSED_MAX: usize = 8;
/// The person is told after so many bytes, or a hundredth of the file if that is more.
pub(super) const TOLD_EACH: u64 = 1 << 20;

/// A file that the person wants.
#[derive(Debug)]
pub(super) struct Download {
    wanted: Wanted,
    /// Bytes from the first one on that were given to the host, that it has written, and that the person was told of.
    taken: u64,
    written: u64,
    told: u64,
    /// The session over which it comes, and its number there.
    source: Option<(LinkId, u32)>,
    /// Sessions in which it is not offered any more.
    pub(super) refused: Vec<LinkId>,
    /// When silence has lasted too long; without a source, when it may be asked for again.
    due: Option<Instant>,
}

impl Download {
    pub(super) const fn new(now: Instant, wanted: Wanted) -> Self {
        let have = if wanted.have < wanted.size { wanted.have } else { wanted.size };
        Self {
            wanted,
            taken: have,
            written: have,
            told: have,
            source: None,
            refused: Vec::new(),
            due: Some(now),
        }
    }

    pub(super) const fn is_waiting(&self) -> bool {
        self.source.is_none()
    }

    pub(super) const fn told(&self, state: TransferState) -> Transfer {
        let Wanted { file, from, .. } = self.wanted;
        Transfer { file, peer: from, incoming: true, bytes: self.written, state }
    }

    pub(super) const fn next_wake(&self) -> Option<Instant> {
        self.due
    }

    /// It does not come over `link` any more; answers the number that it had there.
    pub(super) fn leave(&mut self, link: LinkId) -> Option<u32> {
        let (_, number) = self.source.take_if(|(source, _)| *source == link)?;
        self.due = None;
        Some(number)
    }
}

impl Files {
    pub(super) fn begin_downloads(&mut self, turn: &mut Turn<'_>) {
        for (&file, download) in &mut self.downloads {
            if download.source.is_some() || download.due.is_some_and(|due| due > turn.now) {
                continue;
            }
            download.due = None;
            let Wanted { place, from, size, .. } = &download.wanted;
            let Some((link, room)) = (turn.link_to)(from, place, &download.refused) else { continue };
            self.last_number = self.last_number.wrapping_add(1);
            let number = self.last_number;
            self.numbers.insert(number, file);
            (download.source, download.due) = (Some((link, number)), Some(turn.now + SILENCE));
            let frame = Frame::FileWant { room, number, file, offset: download.taken, size: *size };
            turn.out.push(Wish::Send { link, frame });
            turn.out.push(Wish::Tell(download.told(TransferState::Moving)));
        }
        // Nothing of it has to come.
        let whole = self.downloads.values().filter(|download| download.written == download.wanted.size);
        let whole: Vec<_> = whole.map(|download| download.wanted.file).collect();
        whole.into_iter().for_each(|file| self.end_download(turn, file, TransferState::Whole));
    }

    /// A piece of a file came: a number, a place in the file, and the bytes.
    pub(crate) fn on_bulk(&mut self, turn: &mut Turn<'_>, link: LinkId, record: &Bytes) {
        let Some((number, offset)) = read_head(record) else {
            turn.stats.pieces_unwanted += 1;
            return;
        };
        let file = self.numbers.get(&number).copied();
        let download = file.and_then(|file| self.downloads.get_mut(&file));
        let Some(download) = download.filter(|it| it.source == Some((link, number))) else {
            // It was on its way when we stopped.
            turn.stats.pieces_unwanted += 1;
            return;
        };
        let bytes = record.slice(HEAD_MAX..);
        let end = offset.saturating_add(bytes.len() as u64);
        if offset != download.taken || bytes.is_empty() || end > download.wanted.size {
            turn.stats.pieces_misplaced += 1;
            let file = download.wanted.file;
            return self.pause(turn, file);
        }
        (download.taken, download.due) = (end, Some(turn.now + SILENCE));
        let (file, length) = (download.wanted.file, bytes.len());
        let number = self.request();
        self.writes.insert(number, (file, length));
        self.unwritten += length;
        turn.out.push(Wish::Write { number, file, offset, bytes });
    }

    /// The host has written what it was given, or could not.
    pub(crate) fn on_written(&mut self, turn: &mut Turn<'_>, number: u64, result: Result<(), StoreError>) {
        let Some((file, length)) = self.writes.remove(&number) else { return };
        self.unwritten = self.unwritten.saturating_sub(length);
        let Some(download) = self.downloads.get_mut(&file) else { return };
        if let Err(error) = result {
            return self.end_download(turn, file, TransferState::Unwritten(error));
        }
        download.written += length as u64;
        let size = download.wanted.size;
        if download.written == size {
            self.end_download(turn, file, TransferState::Whole);
        } else if download.written - download.told >= TOLD_EACH.max(size / 100) {
            download.told = download.written;
            turn.out.push(Wish::Tell(download.told(TransferState::Moving)));
        }
    }

    pub(super) fn on_sender_ended(&mut self, turn: &mut Turn<'_>, link: LinkId, number: u32, why: Ended) {
        let file = self.numbers.get(&number).copied();
        let download = file.and_then(|file| self.downloads.get_mut(&file));
        let Some(download) = download.filter(|it| it.source == Some((link, number))) else { return };
        let Wanted { file, place, from, .. } = &download.wanted;
        let file = *file;
        match why {
            Ended::Busy => self.pause(turn, file),
            Ended::Gone => {
                download.refused.push(link);
                if download.refused.len() > REFUSED_MAX {
                    download.refused.remove(0);
                }
                self.numbers.remove(&number);
                (download.source, download.due) = (None, None);
                // That is said for one run of theirs: another may have it, now or when it comes back.
                if (turn.link_to)(from, place, &download.refused).is_none() {
                    turn.out.push(Wish::Tell(download.told(TransferState::Gone)));
                }
            }
            Ended::Stopped | Ended::Whole => self.end_download(turn, file, TransferState::Stopped),
        }
    }

    /// Asks for it again in a while.
    fn pause(&mut self, turn: &mut Turn<'_>, file: MessageId) {
        self.stop_source(turn, file, Ended::Stopped);
        let Some(download) = self.downloads.get_mut(&file) else { return };
        download.due = Some(turn.now + PAUSE);
        turn.out.push(Wish::Tell(download.told(TransferState::Waiting)));
    }

    pub(super) fn end_download(&mut self, turn: &mut Turn<'_>, file: MessageId, state: TransferState) {
        let why = if state == TransferState::Whole { Ended::Whole } else { Ended::Stopped };
        self.stop_source(turn, file, why);
        if let Some(download) = self.downloads.remove(&file) {
            turn.out.push(Wish::Tell(download.told(state)));
        }
    }

    /// Tells whoever sends it that nothing more is wanted.
    fn stop_source(&mut self, turn: &mut Turn<'_>, file: MessageId, why: Ended) {
        let Some(download) = self.downloads.get_mut(&file) else { return };
        if let Some((link, number)) = download.source.take() {
            self.numbers.remove(&number);
            let frame = Frame::FileEnd { number, by_sender: false, why };
            turn.out.push(Wish::Send { link, frame });
        }
        download.due = None;
    }

    /// Does what is due.
    pub(crate) fn on_tick(&mut self, turn: &mut Turn<'_>) {
        let due = self.downloads.values().filter(|download| download.due.is_some_and(|due| due <= turn.now));
        let due: Vec<_> = due.map(|download| (download.wanted.file, download.source.is_some())).collect();
        for (file, is_silent) in due {
            if is_silent {
                turn.stats.silences += 1;
                self.stop_source(turn, file, Ended::Stopped);
            }
            if let Some(download) = self.downloads.get_mut(&file) {
                download.due = None;
            }
        }
    }
}

/// What stands before the bytes of a piece: the number of the transfer and the place of the first byte, big-endian.
pub(super) fn head(number: u32, offset: u64) -> [u8; HEAD_MAX] {
    let mut head = [0; HEAD_MAX];
    let bytes = number.to_be_bytes().into_iter().chain(offset.to_be_bytes());
    head.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    head
}

fn read_head(record: &[u8]) -> Option<(u32, u64)> {
    let (number, rest) = record.split_first_chunk()?;
    Some((u32::from_be_bytes(*number), u64::from_be_bytes(*rest.first_chunk()?)))
}

//! Files beside the history: what the person has accepted, and what others fetch of ours.
//!
//! ```text
//! receiver  Want ──────────────────────────► sender, which asks its host for pieces
//!           ◄──── pieces on the lower stream
//!           the host writes them; what waits for it holds up the stream
//!           End ───────────────────────────► all is there; or either side stops
//! ```
//!
//! An offer is an item of an entry like any message, see [`Offer`]. Whoever was told of it in its room may fetch it, from
//! any byte on: so a transfer goes on after either side was away. Nothing here knows a path; that the bytes are the
//! right ones, by their hash, is for the host to see.

mod download;
mod offer;
#[cfg(test)]
mod tests;
mod upload;

use alloc::{collections::BTreeMap, vec::Vec};

use bytes::Bytes;

pub use self::offer::{FILE_NAME_MAX, FILE_SIZE_MAX, FileName, Offer};
pub(crate) use self::upload::Asked;
use self::{download::Download, upload::Upload};
use crate::{
    event::{MessageId, Place, Refusal},
    frames::{Ended, Frame},
    identity::PeerKey,
    outbox::Outbox,
    session::{HEAD_MAX, LinkId, PIECE_MAX},
    stats::FileStats,
    store::{RoomKeyId, StoreError},
    time::Instant,
};

/// Files that are fetched at a time.
pub(crate) const DOWNLOADS_MAX: usize = 64;
/// Files that others fetch at a time: all of them, and each.
pub(crate) const UPLOADS_MAX: usize = 64;
const UPLOADS_OF_ONE: usize = 8;
/// Bytes of one piece: each is asked of the host and given to it by itself, so the fewer the better.
pub(crate) const PIECE: u32 = PIECE_MAX as u32;
/// Bytes that wait for the host to write them before no more are taken from the network.
pub(crate) const UNWRITTEN_MAX: usize = 2 << 20;

/// A file that the person wants.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// The message that offers it.
    pub file: MessageId,
    /// Where it was offered.
    pub place: Place,
    /// Who offers it.
    pub from: PeerKey,
    /// Its bytes.
    pub size: u64,
    /// How many of them, from the first one on, are here already.
    pub have: u64,
}

/// How a file moves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transfer {
    /// The message that offers it.
    pub file: MessageId,
    /// Who is at the other end.
    pub peer: PeerKey,
    /// Whether it is we who fetch it.
    pub incoming: bool,
    /// Bytes from the first one on that are there: written by the host, or given to the network.
    pub bytes: u64,
    /// How it goes.
    pub state: TransferState,
}

impl Transfer {
    /// Whether nothing more will be told of it.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        match self.state {
            TransferState::Waiting | TransferState::Moving => false,
            TransferState::Gone => !self.incoming,
            _ => true,
        }
    }
}

/// How a file moves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TransferState {
    /// Whoever has it is not there, or busy; it begins by itself when they are.
    Waiting,
    /// Bytes come, or go.
    Moving,
    /// All bytes are there. Whether they are the right ones is for the host to see.
    Whole,
    /// Whoever is there does not offer it any more. What we fetch goes on when another run of theirs has it, or the same
    /// one in a later session, until the person stops it; what others fetch of us is over.
    Gone,
    /// The other side, or the person, has stopped it.
    Stopped,
    /// The host cannot write it.
    Unwritten(StoreError),
}

/// What the files want of their node.
#[derive(Debug)]
pub(crate) enum Wish {
    /// Send this over the stream of records.
    Send { link: LinkId, frame: Frame },
    /// Send this over the lower stream.
    Bulk { link: LinkId, head: [u8; HEAD_MAX], bytes: Bytes },
    /// Read this of a file of ours that was offered in this room; the answer comes with the same number.
    Read { number: u64, room: RoomKeyId, file: MessageId, offset: u64, length: u32 },
    /// Write this of a file that was accepted; the answer comes with the same number.
    Write { number: u64, file: MessageId, offset: u64, bytes: Bytes },
    /// Tell the person.
    Tell(Transfer),
}

/// What is at hand while the files deal with one thing that happened.
pub(crate) struct Turn<'a> {
    pub(crate) now: Instant,
    /// Bytes that wait on the lower stream of a link; `None` when the link is over.
    pub(crate) backlog: &'a dyn Fn(LinkId) -> Option<usize>,
    /// A link to this peer over which this place is shared, other than those, and our index for the place there.
    pub(crate) link_to: &'a LinkTo<'a>,
    pub(crate) stats: &'a mut FileStats,
    pub(crate) out: &'a mut Outbox<Wish>,
}

type LinkTo<'a> = dyn Fn(&PeerKey, &Place, &[LinkId]) -> Option<(LinkId, u16)> + 'a;

/// All transfers of a node.
#[derive(Debug)]
pub(crate) struct Files {
    downloads: BTreeMap<MessageId, Download>,
    /// Which download a number of ours stands for, on its link.
    numbers: BTreeMap<u32, MessageId>,
    uploads: BTreeMap<(LinkId, u32), Upload>,
    /// The one that the host was asked about last.
    served: (LinkId, u32),
    /// What the host has been asked for.
    reads: BTreeMap<u64, (LinkId, u32)>,
    writes: BTreeMap<u64, (MessageId, usize)>,
    /// Bytes in `writes`.
    unwritten: usize,
    last_number: u32,
    last_request: u64,
}

impl Files {
    pub(crate) const fn new() -> Self {
        Self {
            downloads: BTreeMap::new(),
            numbers: BTreeMap::new(),
            uploads: BTreeMap::new(),
            served: (LinkId(0), 0),
            reads: BTreeMap::new(),
            writes: BTreeMap::new(),
            unwritten: 0,
            last_number: 0,
            last_request: 0,
        }
    }

    /// The person wants a file; to want it twice is harmless.
    ///
    /// # Errors
    /// When too many are wanted.
    pub(crate) fn want(&mut self, turn: &mut Turn<'_>, wanted: Wanted) -> Result<(), Refusal> {
        if self.downloads.contains_key(&wanted.file) {
            return Ok(());
        }
        if self.downloads.len() >= DOWNLOADS_MAX {
            return Err(Refusal::Busy);
        }
        let file = wanted.file;
        self.downloads.insert(file, Download::new(turn.now, wanted));
        self.pump(turn);
        if let Some(download) = self.downloads.get(&file).filter(|download| download.is_waiting()) {
            turn.out.push(Wish::Tell(download.told(TransferState::Waiting)));
        }
        Ok(())
    }

    /// The person does not want a file any more, or offers it no more.
    pub(crate) fn stop(&mut self, turn: &mut Turn<'_>, file: MessageId) {
        self.end_download(turn, file, TransferState::Stopped);
        let sent: Vec<_> =
            self.uploads.iter().filter(|(_, upload)| upload.file == file).map(|(&at, _)| at).collect();
        sent.into_iter().for_each(|at| self.end_upload(turn, at, TransferState::Stopped, Some(Ended::Gone)));
    }

    /// Whether bytes of files may be taken from the network.
    pub(crate) const fn is_reading(&self) -> bool {
        self.unwritten <= UNWRITTEN_MAX
    }

    /// A link is over.
    pub(crate) fn on_down(&mut self, turn: &mut Turn<'_>, link: LinkId) {
        let gone: Vec<_> = self.uploads.range((link, 0)..=(link, u32::MAX)).map(|(&at, _)| at).collect();
        gone.into_iter().for_each(|at| self.end_upload(turn, at, TransferState::Stopped, None));
        for download in self.downloads.values_mut() {
            download.refused.retain(|&refused| refused != link);
            if let Some(number) = download.leave(link) {
                self.numbers.remove(&number);
                turn.out.push(Wish::Tell(download.told(TransferState::Waiting)));
            }
        }
    }

    /// A frame about files.
    pub(crate) fn on_end(
        &mut self,
        turn: &mut Turn<'_>,
        link: LinkId,
        number: u32,
        by_sender: bool,
        why: Ended,
    ) {
        if by_sender {
            self.on_sender_ended(turn, link, number, why);
        } else {
            let state = if why == Ended::Whole { TransferState::Whole } else { TransferState::Stopped };
            self.end_upload(turn, (link, number), state, None);
        }
    }

    /// Begins what can begin and gives more to links that have room for it.
    pub(crate) fn pump(&mut self, turn: &mut Turn<'_>) {
        if !self.downloads.is_empty() {
            self.begin_downloads(turn);
        }
        if !self.uploads.is_empty() {
            self.feed_uploads(turn);
        }
    }

    /// When [`on_tick`](Self::on_tick) is needed.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        self.downloads.values().filter_map(Download::next_wake).min()
    }

    const fn request(&mut self) -> u64 {
        self.last_request += 1;
        self.last_request
    }
}

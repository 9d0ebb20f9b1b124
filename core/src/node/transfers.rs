//! The node's side of files: between the sessions, the rooms and the host.

use core::ops::Range;

use super::{Node, ledger::Asker};
use crate::{
    boundary::{Output, Token},
    event::{Event, MessageId, Place},
    files::{Asked, Files, Turn, Wanted, Wish},
    identity::PeerKey,
    session::LinkId,
    store::{Request, StoreError},
};

impl Node {
    /// Fetches a file, when there is a session with whoever offers it: one is wanted from now on.
    pub(super) fn fetch_file(&mut self, tag: u64, wanted: Wanted) {
        self.want(wanted.from);
        let taken = self.with_files(|files, turn| files.want(turn, wanted));
        self.event(match taken {
            Ok(()) => Event::Done { tag, message: None },
            Err(reason) => Event::Refused { tag, reason },
        });
    }

    /// The peer of `link` wants these bytes of a file, offered in the room that it means by its index.
    pub(super) fn on_file_wanted(
        &mut self,
        link: LinkId,
        (room, number): (u16, u32),
        file: MessageId,
        bytes: Range<u64>,
    ) {
        let room = self.rooms.proven(link, room);
        let (Some(peer), Some(room)) = (self.peers.get(&link).map(|peer| peer.key), room) else {
            self.stats.files.rooms_unproven += 1;
            return;
        };
        let asked = Asked { peer, room, file, offset: bytes.start, size: bytes.end };
        self.with_files(|files, turn| files.on_want(turn, link, number, asked));
    }

    pub(super) fn on_written(&mut self, token: Token, result: Result<(), StoreError>) {
        if let Some(number) = self.ledger.on_written(token) {
            self.with_files(|files, turn| files.on_written(turn, number, result));
        }
    }

    pub(super) fn on_file(&mut self, wish: Wish) {
        match wish {
            Wish::Send { link, frame } => {
                // Where too much waits even for this, silence has it asked for again.
                self.sessions.send(link, frame.encode());
            }
            Wish::Bulk { link, head, bytes } => self.sessions.send_bulk(link, &head, bytes),
            Wish::Read { number, room, file, offset, length } => {
                self.fetch(Asker::Files(number), Request::Piece { room, file, offset, length });
            }
            Wish::Write { number, file, offset, bytes } => {
                let write: Output = self.ledger.write(number, file, offset, bytes);
                self.outputs.push(write);
            }
            Wish::Tell(transfer) => self.event(Event::Transfer(transfer)),
        }
    }

    /// Lets the files act on what is at hand.
    pub(super) fn with_files<T>(&mut self, act: impl FnOnce(&mut Files, &mut Turn<'_>) -> T) -> T {
        let Self { files, rooms, sessions, peers, stats, file_wishes: out, now, .. } = self;
        let backlog = |link| sessions.bulk_backlog(link);
        let link_to = |key: &PeerKey, place: &Place, except: &[LinkId]| {
            let theirs = peers.iter().filter(|(link, peer)| peer.key == *key && !except.contains(link));
            theirs.map(|(&link, _)| link).find_map(|link| Some((link, rooms.index_for(link, place)?)))
        };
        act(
            files,
            &mut Turn { now: *now, backlog: &backlog, link_to: &link_to, stats: &mut stats.files, out },
        )
    }
}

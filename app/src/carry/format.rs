//! What is in the file; `docs/PROTOCOL.md` describes it.

use std::io::{self, Read, Write};

use bytes::Bytes;
use chat_core::{RoomKeyId, RoomName};

/// The first line, with the version.
pub(crate) const MAGIC: &[u8; 18] = b"p2p-chat export 1\n";
/// As much of it as other versions share.
const FAMILY: &[u8] = b"p2p-chat export ";
/// The largest piece: what is larger is no piece. An entry has less than 9 KiB.
pub(crate) const PIECE_MAX: usize = 1 << 16;
/// The kinds of pieces.
const ROOM: u8 = 1;
const ENTRY: u8 = 2;
const END: u8 = 3;

/// One piece of the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Piece {
    /// The entries that follow are of this room; of an open one this is the name.
    Room(RoomKeyId, Option<RoomName>),
    /// The signed bytes.
    Entry(Bytes),
    /// The file is whole: it has so many entries.
    End(u64),
}

/// Why a file, or the rest of it, cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Flaw {
    #[error("it is no export of this program")]
    Foreign,
    #[error("that is a history itself, not an export of one: export it from its profile first")]
    History,
    #[error("it was exported by a version of this program that this one does not know")]
    Version,
    #[error("it ends too early: it was cut off")]
    Cut,
    #[error("it is damaged: a piece of {0} bytes, and there is none of more than {PIECE_MAX}")]
    TooLong(u32),
    #[error("it is damaged: it says to have {said} entries, and has {found}")]
    Miscounted { said: u64, found: u64 },
    #[error("it has more than the {0} bytes that any export has")]
    Endless(u64),
    #[error("{0}")]
    Unreadable(#[from] io::Error),
}

/// Writes a file.
pub(crate) struct Writer<W> {
    to: W,
    entries: u64,
}

impl<W: Write> Writer<W> {
    pub(crate) fn new(mut to: W) -> io::Result<Self> {
        to.write_all(MAGIC)?;
        Ok(Self { to, entries: 0 })
    }

    pub(crate) fn room(&mut self, id: RoomKeyId, name: Option<&RoomName>) -> io::Result<()> {
        let name = name.map_or("", RoomName::as_str);
        self.piece(ROOM, &[&id.0, name.as_bytes()].concat())
    }

    pub(crate) fn entry(&mut self, signed: &[u8]) -> io::Result<()> {
        self.entries += 1;
        self.piece(ENTRY, signed)
    }

    /// Says that this was all, and gives back what it was written to.
    pub(crate) fn end(mut self) -> io::Result<W> {
        self.piece(END, &self.entries.to_be_bytes())?;
        self.to.flush()?;
        Ok(self.to)
    }

    fn piece(&mut self, kind: u8, bytes: &[u8]) -> io::Result<()> {
        let too_long = || io::Error::other("an entry is too long to be exported");
        let length =
            u32::try_from(bytes.len()).ok().filter(|_| bytes.len() <= PIECE_MAX).ok_or_else(too_long)?;
        self.to.write_all(&[kind])?;
        self.to.write_all(&length.to_be_bytes())?;
        self.to.write_all(bytes)
    }
}

/// Reads a file piece by piece, and no more of it than `left` bytes.
pub(crate) struct Reader<R> {
    from: R,
    most: u64,
    left: u64,
    entries: u64,
    is_over: bool,
}

impl<R: Read> Reader<R> {
    /// Looks whether it is such a file at all.
    ///
    /// # Errors
    /// When it is not.
    pub(crate) fn new(from: R, most: u64) -> Result<Self, Flaw> {
        let mut reader = Self { from, most, left: most, entries: 0, is_over: false };
        let mut magic = [0; MAGIC.len()];
        match reader.fill(&mut magic) {
            Err(Flaw::Cut) => Err(Flaw::Foreign),
            Err(other) => Err(other),
            Ok(()) if magic == *MAGIC => Ok(reader),
            Ok(()) if magic.starts_with(FAMILY) => Err(Flaw::Version),
            Ok(()) if magic.starts_with(b"SQLite format 3\0") => Err(Flaw::History),
            Ok(()) => Err(Flaw::Foreign),
        }
    }

    /// The next piece, those of later versions left out; `None` behind the end.
    ///
    /// # Errors
    /// When there is no more to be had. What came before is as good as ever.
    pub(crate) fn next(&mut self) -> Result<Option<Piece>, Flaw> {
        while !self.is_over {
            let mut head = [0; 5];
            self.fill(&mut head)?;
            let [kind, a, b, c, d] = head;
            let length = u32::from_be_bytes([a, b, c, d]);
            if length as usize > PIECE_MAX {
                self.is_over = true;
                return Err(Flaw::TooLong(length));
            }
            let mut bytes = vec![0; length as usize];
            self.fill(&mut bytes)?;
            match kind {
                ROOM => match bytes.split_first_chunk() {
                    Some((id, name)) => {
                        let name = std::str::from_utf8(name).ok().and_then(|name| RoomName::new(name).ok());
                        return Ok(Some(Piece::Room(RoomKeyId(*id), name)));
                    }
                    None => continue,
                },
                ENTRY => {
                    self.entries += 1;
                    return Ok(Some(Piece::Entry(bytes.into())));
                }
                END => {
                    self.is_over = true;
                    let said = bytes.first_chunk().map_or(0, |first| u64::from_be_bytes(*first));
                    if said != self.entries {
                        return Err(Flaw::Miscounted { said, found: self.entries });
                    }
                    return Ok(Some(Piece::End(said)));
                }
                _ => {}
            }
        }
        Ok(None)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Flaw> {
        let wanted = bytes.len() as u64;
        if wanted > self.left {
            self.is_over = true;
            return Err(Flaw::Endless(self.most));
        }
        self.left -= wanted;
        self.from.read_exact(bytes).map_err(|error| {
            self.is_over = true;
            match error.kind() {
                io::ErrorKind::UnexpectedEof => Flaw::Cut,
                _ => Flaw::Unreadable(error),
            }
        })
    }
}

//! Writing it all down: it reads as a node reads, a day and then its entries, and holds no more than that in memory.

use std::{
    collections::BTreeMap,
    io::{self, BufWriter, Write},
    path::PathBuf,
    thread,
};

use chat_core::{Answer, REAL, Request, RoomKeyId, RoomName, Stamp, State, StoreError};

use super::{
    file::{Target, Unfinished},
    format::Writer,
};
use crate::happening::{Happening, Tell};

/// Microseconds in a day.
const DAY: u64 = 86_400_000_000;
/// Entries that are read at a time.
const PAGE: usize = 64;

/// What is to be exported.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Wanted {
    pub(crate) to: Target,
    /// Only what was said there.
    pub(crate) room: Option<RoomName>,
}

/// What was exported.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Exported {
    pub(crate) entries: u64,
    /// Rooms and conversations.
    pub(crate) rooms: u64,
}

/// Why nothing was exported.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    #[error("{} is there already, and is left as it is; take another name", .0.display())]
    Exists(PathBuf),
    #[error("another export is being written to {}", .0.display())]
    Busy(PathBuf),
    #[error("{} cannot be written: {}", .0.display(), .1)]
    Unwritable(PathBuf, io::Error),
    #[error("standard output cannot be written: {0}")]
    Output(io::Error),
    #[error("the history cannot be read: {0}")]
    Unreadable(#[from] StoreError),
    #[error("there is nothing of {0} in the history")]
    NoRoom(RoomName),
    #[error("stopped; nothing was exported")]
    Stopped,
}

/// Asks the store.
pub(crate) type Ask<'a> = dyn FnMut(Request) -> Result<Answer, StoreError> + 'a;

/// Exports what is wanted, unless it is stopped meanwhile.
///
/// # Errors
/// When it cannot be read or written; then no file is left.
pub(crate) fn export(
    ask: &mut Ask<'_>,
    wanted: &Wanted,
    is_stopped: &dyn Fn() -> bool,
) -> Result<Exported, ExportError> {
    let Answer::State(state) = ask(Request::State)? else { return Err(StoreError::Failed.into()) };
    let names = names(&state);
    let days = days(&state, wanted.room.as_ref(), &names);
    if let Some(room) = wanted.room.as_ref().filter(|_| days.is_empty()) {
        return Err(ExportError::NoRoom(room.clone()));
    }
    match &wanted.to {
        Target::Output => {
            let (_, exported) =
                write(ask, io::stdout().lock(), &days, &names, is_stopped, ExportError::Output)?;
            Ok(exported)
        }
        Target::File(path) => {
            let unwritable = |error| ExportError::Unwritable(path.clone(), error);
            let (file, exported) =
                write(ask, Unfinished::begin(path)?, &days, &names, is_stopped, unwritable)?;
            file.finish()?;
            Ok(exported)
        }
    }
}

/// The same on a thread of its own; what came of it is told.
///
/// # Errors
/// When the system gives no thread.
pub(crate) fn spawn(
    wanted: Wanted,
    mut ask: impl FnMut(Request) -> Result<Answer, StoreError> + Send + 'static,
    tell: Tell,
) -> io::Result<()> {
    let work = move || drop(tell.send(Happening::Exported(export(&mut ask, &wanted, &|| false))));
    thread::Builder::new().name(String::from("export")).spawn(work).map(drop)
}

fn write<W: Write>(
    ask: &mut Ask<'_>,
    to: W,
    days: &BTreeMap<RoomKeyId, Vec<u32>>,
    names: &BTreeMap<RoomKeyId, RoomName>,
    is_stopped: &dyn Fn() -> bool,
    unwritable: impl Fn(io::Error) -> ExportError,
) -> Result<(W, Exported), ExportError> {
    let mut writer = Writer::new(BufWriter::new(to)).map_err(&unwritable)?;
    let mut exported = Exported { rooms: days.len() as u64, ..Exported::default() };
    for (&room, days) in days {
        // The name of an open room is its secret, and no secret; that of a private one is nobody's business.
        writer
            .room(room, names.get(&room).filter(|name| RoomKeyId::of_open(REAL, name) == room))
            .map_err(&unwritable)?;
        for &day in days {
            let from = u64::from(day).saturating_mul(DAY);
            let (from, to) = (Stamp(from), Stamp(from.saturating_add(DAY)));
            let Answer::Ids(ids) = ask(Request::Ids { room, from, to })? else { continue };
            for page in ids.chunks(PAGE) {
                if is_stopped() {
                    return Err(ExportError::Stopped);
                }
                let ids = page.iter().map(|(_, id)| *id).collect();
                let Answer::Entries(entries) = ask(Request::Entries { room, ids })? else { continue };
                exported.entries += entries.len() as u64;
                entries.iter().try_for_each(|(_, signed)| writer.entry(signed)).map_err(&unwritable)?;
            }
        }
    }
    let to = writer.end().map_err(&unwritable)?;
    let to = to.into_inner().map_err(|error| unwritable(error.into_error()))?;
    Ok((to, exported))
}

/// What rooms are called, also those that were left.
fn names(state: &State) -> BTreeMap<RoomKeyId, RoomName> {
    let id = |room: &chat_core::StoredRoom| room.id.unwrap_or_else(|| RoomKeyId::of_open(REAL, &room.name));
    let mut names: BTreeMap<_, _> = state.rooms.iter().map(|room| (id(room), room.name.clone())).collect();
    let lobby = RoomName::lobby();
    names.entry(RoomKeyId::of_open(REAL, &lobby)).or_insert(lobby);
    names
}

/// The days that hold anything, oldest first.
fn days(
    state: &State,
    only: Option<&RoomName>,
    names: &BTreeMap<RoomKeyId, RoomName>,
) -> BTreeMap<RoomKeyId, Vec<u32>> {
    let mut days: BTreeMap<RoomKeyId, Vec<u32>> = BTreeMap::new();
    for stored in &state.days {
        if only.is_none_or(|only| names.get(&stored.room) == Some(only)) {
            days.entry(stored.room).or_default().push(stored.day);
        }
    }
    days.values_mut().for_each(|days| days.sort_unstable());
    days
}

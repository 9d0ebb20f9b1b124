//! Reading such a file and handing it to the node, a bundle at a time: the node says what became of each, and only then
//! more is read.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufReader, Read},
    path::PathBuf,
    sync::mpsc::{self, Receiver, Sender},
    thread,
};

use bytes::Bytes;
use chat_core::{Action, Bundle, Event, Intake, Refusal, RoomName};

use super::{
    entries,
    format::{Flaw, Piece, Reader},
    grouped,
};
use crate::{
    engine::Engine,
    happening::{Happening, Tell},
    store::Sqlite,
};

/// Bundles that the node works on at a time: while one is made durable, the next is verified.
const AHEAD: usize = 2;
/// Names of rooms that are told.
const NAMES_MAX: usize = 8;

/// Where an import comes from.
#[derive(Debug)]
pub(crate) enum Source {
    /// Standard input.
    Input,
    Opened(File),
    /// Opened by whoever reads it: that may take its time.
    File(PathBuf),
}

/// What was read.
#[derive(Debug)]
pub(crate) enum Part {
    /// The file has entries of this open room.
    Room(RoomName),
    Bundle(Bundle),
    /// Nothing more comes, and whether the file is whole.
    End(Result<(), Flaw>),
}

/// An import under way.
pub(crate) struct Import {
    /// Lets the next bundle be read; dropped, it ends the reading.
    more: Option<Sender<()>>,
    /// The commands that the node has not answered.
    tags: BTreeSet<u64>,
    outcome: Outcome,
    is_read: bool,
}

/// What came of an import.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) intake: Intake,
    /// Open rooms that the file has something of.
    rooms: BTreeSet<RoomName>,
    /// Why that was not all.
    pub(crate) trouble: Option<Trouble>,
}

/// Why an import ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("{0}")]
    File(#[from] Flaw),
    #[error("the rest was not taken in: {0}")]
    Refused(Refusal),
    #[error("it was stopped")]
    Stopped,
}

impl Import {
    /// Begins to read. What is read comes as happenings, each to be given to [`on_part`](Self::on_part).
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(crate) fn begin(source: Source, tell: Tell) -> io::Result<Self> {
        let (more, wanted) = mpsc::channel();
        (0..AHEAD).for_each(|_| _ = more.send(()));
        thread::Builder::new().name(String::from("import")).spawn(move || {
            let put = |part| tell.send(Happening::Read(part)).is_ok();
            let end = open(source).and_then(|from| read(from, Sqlite::BYTES_MAX, &wanted, &put));
            put(Part::End(end));
        })?;
        Ok(Self { more: Some(more), tags: BTreeSet::new(), outcome: Outcome::default(), is_read: false })
    }

    pub(crate) fn on_part(&mut self, part: Part, engine: &mut Engine) {
        match part {
            Part::Bundle(bundle) if self.more.is_some() => {
                self.tags.insert(engine.command(Action::Import(bundle)));
            }
            Part::Bundle(_) => {}
            Part::Room(name) if self.outcome.rooms.len() < NAMES_MAX => _ = self.outcome.rooms.insert(name),
            Part::Room(_) => {}
            Part::End(end) => {
                self.is_read = true;
                if let (Err(flaw), None) = (end, &self.outcome.trouble) {
                    self.outcome.trouble = Some(flaw.into());
                }
            }
        }
    }

    /// Takes in what the node tells; false when that concerns something else.
    pub(crate) fn on_event(&mut self, event: &Event) -> bool {
        match event {
            Event::Imported { tag, intake } if self.tags.contains(tag) => self.outcome.intake.add(*intake),
            Event::Done { tag, .. } if self.tags.remove(tag) => {
                self.more.iter().for_each(|more| _ = more.send(()));
            }
            Event::Refused { tag, reason } if self.tags.remove(tag) => {
                self.end(Trouble::Refused(*reason));
            }
            _ => return false,
        }
        true
    }

    /// Reads no more.
    pub(crate) fn stop(&mut self) {
        self.end(Trouble::Stopped);
    }

    fn end(&mut self, trouble: Trouble) {
        self.more = None;
        self.outcome.trouble.get_or_insert(trouble);
    }

    /// What came of it, once that is clear.
    pub(crate) fn outcome(&self) -> Option<&Outcome> {
        let is_over = (self.is_read || self.more.is_none()) && self.tags.is_empty();
        is_over.then_some(&self.outcome)
    }

    /// The same, as far as it has come.
    pub(crate) const fn so_far(&self) -> &Outcome {
        &self.outcome
    }
}

impl Outcome {
    /// In a line for people, who are in `rooms`.
    pub(crate) fn report(&self, rooms: &BTreeSet<RoomName>) -> String {
        let Intake { new, known, elsewhere, old, refused } = self.intake;
        let old = if old > 0 { format!("{} older than what is kept, ", grouped(old)) } else { String::new() };
        let missed: Vec<&str> = self.rooms.difference(rooms).map(RoomName::as_str).collect();
        let missed = match elsewhere {
            0 => String::new(),
            _ if missed.is_empty() => String::new(),
            _ => format!("; to have those of {} too, join and import again", missed.join(" ")),
        };
        format!(
            "imported {} ({} known already, {} of rooms that you are not in, {old}{} refused){missed}",
            entries(new),
            grouped(known),
            grouped(elsewhere),
            grouped(refused),
        )
    }
}

fn open(source: Source) -> Result<Box<dyn Read>, Flaw> {
    let file = match source {
        Source::Input => return Ok(Box::new(io::stdin())),
        Source::Opened(file) => file,
        Source::File(path) => File::open(path)?,
    };
    // Some systems open a folder and then say something that helps nobody.
    if file.metadata()?.is_dir() {
        return Err(Flaw::Unreadable(io::ErrorKind::IsADirectory.into()));
    }
    Ok(Box::new(BufReader::new(file)))
}

/// Reads `from` to its end, `most` bytes of it at most, as fast as more is wanted.
pub(super) fn read(
    from: impl Read,
    most: u64,
    wanted: &Receiver<()>,
    put: &dyn Fn(Part) -> bool,
) -> Result<(), Flaw> {
    let mut reader = Reader::new(from, most)?;
    let (mut bundle, mut size): (Vec<Bytes>, usize) = (Vec::new(), 0);
    let hand_over = |bundle: &mut Vec<Bytes>| {
        // Nobody wants more when the import has ended.
        let is_wanted = bundle.is_empty() || wanted.recv().is_ok();
        Bundle::new(std::mem::take(bundle)).is_ok_and(|bundle| is_wanted && put(Part::Bundle(bundle)))
    };
    let end = loop {
        match reader.next() {
            Ok(Some(Piece::Room(_, name))) => {
                name.into_iter().for_each(|name| _ = put(Part::Room(name)));
            }
            Ok(Some(Piece::Entry(entry))) => {
                let is_full = bundle.len() >= Bundle::ENTRIES_MAX || size + entry.len() > Bundle::BYTES_MAX;
                if is_full {
                    size = 0;
                    if !hand_over(&mut bundle) {
                        return Ok(());
                    }
                }
                size += entry.len();
                bundle.push(entry);
            }
            Ok(Some(Piece::End(_)) | None) => break Ok(()),
            Err(flaw) => break Err(flaw),
        }
    };
    if !bundle.is_empty() {
        hand_over(&mut bundle);
    }
    end
}

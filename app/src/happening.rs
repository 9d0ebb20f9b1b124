//! What a front end hears of: one queue, so that everything has one order.

use std::{sync::mpsc, thread};

use chat_core::{Event, StoreError};

use crate::{
    carry::{ExportError, Exported, Part},
    files,
    store::Told,
};

/// Something that a front end should know.
#[derive(Debug)]
pub(crate) enum Happening {
    /// From the node.
    Event(Event),
    /// Something is in the store now, and was not before: a message, or a change that counts.
    Stored(Told),
    /// The store takes nothing more, or does again.
    Store(Result<(), StoreError>),
    /// Something in the store cannot be read, or all can again.
    Readable(Result<(), StoreError>),
    /// Of files, what the disk has to do with.
    File(files::News),
    /// From a file that is imported.
    Read(Part),
    /// What came of an export.
    Exported(Result<Exported, ExportError>),
    /// The capture has ended before the program did, and why.
    CaptureEnded(String),
    /// From the person.
    Line(Line),
    /// The person's last line has been read.
    InputEnded,
    /// A signal asks to end.
    Stop,
    /// A thread without which nothing goes on has failed; what did its work.
    Failed(&'static str),
    /// Nobody reads what we write.
    OutputClosed,
    /// What was waiting to be written has been written.
    Drained,
}

/// One line of input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Line {
    Text(String),
    /// It was longer than [`LINE_MAX`](crate::input::LINE_MAX) bytes, and was skipped.
    TooLong,
    /// It was not UTF-8.
    NotText,
}

/// Where happenings are put.
pub(crate) type Tell = mpsc::Sender<Happening>;

/// Tells when the thread that holds it fails: whoever waits for its work would wait for ever.
pub(crate) struct Lifeline {
    what: &'static str,
    tell: Tell,
}

impl Lifeline {
    /// Of the thread that is, or does the work of, `what`.
    pub(crate) const fn new(what: &'static str, tell: Tell) -> Self {
        Self { what, tell }
    }
}

impl Drop for Lifeline {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = self.tell.send(Happening::Failed(self.what));
        }
    }
}

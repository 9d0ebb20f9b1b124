//! The store's own thread: it takes what waits, makes it durable, says so, and takes what waits by then.
//!
//! It never waits for more: a single message is durable after one `fsync`, and a thousand that came meanwhile
//! share the next.

use std::{
    io,
    sync::mpsc::{Receiver, Sender, SyncSender, TryIter},
    thread,
};

use chat_core::{Answer, Event, Input, Record, Request, State, StoreError, Token};
use chat_net::Submit;

use crate::{
    happening::{Happening, Tell},
    store::{Fresh, Store},
};

/// Jobs that are done in one go, at most.
const BATCH_MAX: usize = 4096;

/// What the thread is asked to do, in order.
pub(crate) enum Job {
    Persist {
        token: Token,
        records: Vec<Record>,
    },
    Fetch {
        token: Token,
        what: Request,
    },
    /// Passed on when everything before it is durable.
    Event(Event),
    /// A question of the front end, which sends itself the answer.
    Ask(Box<dyn FnOnce(&mut dyn Store) + Send>),
    /// Answered when everything before it is durable and the store is closed.
    Close(SyncSender<()>),
}

pub(crate) type Jobs = Sender<Job>;

/// Starts the thread. Where `messages` is set it tells of every message that is new in the store.
///
/// # Errors
/// When the system gives no thread.
pub(crate) fn spawn(
    store: Box<dyn Store>,
    jobs: Receiver<Job>,
    submit: Submit,
    tell: Tell,
    messages: bool,
) -> io::Result<()> {
    let keeper = Keeper { store, submit, tell, messages, trouble: Ok(()) };
    thread::Builder::new().name(String::from("store")).spawn(move || keeper.run(&jobs)).map(drop)
}

struct Keeper {
    store: Box<dyn Store>,
    submit: Submit,
    tell: Tell,
    messages: bool,
    /// How the last append went: only changes are told.
    trouble: Result<(), StoreError>,
}

impl Keeper {
    fn run(mut self, jobs: &Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let mut batch = Batch::new(first, jobs.try_iter());
            let fresh = self.append(&batch);
            let mut fresh = fresh.into_iter().peekable();
            let mut persisted = 0;
            for job in batch.steps.drain(..) {
                match job {
                    Step::Persist => {
                        while let Some(new) = fresh.next_if(|new| new.batch == persisted) {
                            self.tell_stored(&batch.records, new);
                        }
                        persisted += 1;
                    }
                    Step::Event(event) => self.tell(Happening::Event(event)),
                    Step::Fetch(token, what) => {
                        let answer = self.store.fetch(&what).unwrap_or_else(|_| nothing(&what));
                        (self.submit)(Input::Fetched { token, answer });
                    }
                    Step::Ask(ask) => ask(self.store.as_mut()),
                    Step::Close(done) => {
                        drop(self);
                        let _ = done.send(());
                        return;
                    }
                }
            }
        }
    }

    /// Appends what the batch holds, in one transaction, and tells the node at once.
    fn append(&mut self, batch: &Batch) -> Vec<Fresh> {
        let Some(token) = batch.newest else { return Vec::new() };
        let appended = self.store.append(&batch.records);
        let result = appended.as_ref().map(|_| ()).map_err(|&error| error);
        (self.submit)(Input::Persisted { token, result });
        if result != self.trouble {
            self.trouble = result;
            self.tell(Happening::Store(result));
        }
        if self.messages { appended.unwrap_or_default() } else { Vec::new() }
    }

    fn tell_stored(&self, batches: &[Vec<Record>], new: Fresh) {
        let record = batches.get(new.batch).and_then(|batch| batch.get(new.record));
        if let Some(Record::Entry(entry)) = record
            && let Some(message) = entry.messages.get(new.message)
        {
            self.tell(Happening::Stored(new.cursor, message.clone()));
        }
    }

    fn tell(&self, happening: Happening) {
        // The front end ends before this thread does.
        let _ = self.tell.send(happening);
    }
}

/// What was waiting: the records together, and the order of it all.
struct Batch {
    records: Vec<Vec<Record>>,
    newest: Option<Token>,
    steps: Vec<Step>,
}

/// A job whose records, if any, are durable already.
enum Step {
    /// The next of `records`.
    Persist,
    Fetch(Token, Request),
    Event(Event),
    Ask(Box<dyn FnOnce(&mut dyn Store) + Send>),
    Close(SyncSender<()>),
}

impl Batch {
    fn new(first: Job, waiting: TryIter<'_, Job>) -> Self {
        let mut batch = Self { records: Vec::new(), newest: None, steps: Vec::new() };
        for job in std::iter::once(first).chain(waiting.take(BATCH_MAX)) {
            match job {
                Job::Persist { token, records } => {
                    batch.newest = Some(token);
                    batch.records.push(records);
                    batch.steps.push(Step::Persist);
                }
                Job::Fetch { token, what } => batch.steps.push(Step::Fetch(token, what)),
                Job::Event(event) => batch.steps.push(Step::Event(event)),
                Job::Ask(ask) => batch.steps.push(Step::Ask(ask)),
                Job::Close(done) => {
                    // What comes after the end is not done any more.
                    batch.steps.push(Step::Close(done));
                    break;
                }
            }
        }
        batch
    }
}

/// The answer of a store that cannot be read: it was told when an append failed, and repair brings the rest.
fn nothing(what: &Request) -> Answer {
    match what {
        Request::State => Answer::State(State::default()),
        Request::Entries { .. } => Answer::Entries(Vec::new()),
        _ => Answer::Ids(Vec::new()),
    }
}

//! The store's own thread: it takes what waits, makes it durable, says so, and takes what waits by then.
//!
//! It never waits for more: a single message is durable after one `fsync`, and a thousand that came meanwhile
//! share the next.

use std::{
    io,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TryIter},
    thread,
    time::Duration,
};

use chat_core::{Answer, Input, Instant, Record, Request, StoreError, Token};
use chat_net::{Clock, Submit};

use crate::{
    happening::{Happening, Lifeline, Tell},
    store::{Fresh, Store, Told, settle},
};

/// Trouble is told once in this time: where little room is left, something small still fits now and then.
const TROUBLE_PAUSE: Duration = Duration::from_secs(60);
/// What could not be read is tried again after this.
const READ_PAUSE: Duration = Duration::from_secs(1);
/// Questions that wait for an answer, before the least of them get none.
const UNREAD_MAX: usize = 1024;
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
    /// A question of the front end, which sends itself the answer.
    Ask(Ask),
    /// Answered when everything before it is durable and the store is closed.
    Close(SyncSender<()>),
}

/// A question with the way of its answer inside.
type Ask = Box<dyn FnOnce(&mut dyn Store) + Send>;

pub(crate) type Jobs = Sender<Job>;

/// Starts the thread. It tells of every change that counts, and where `messages` is set of every message that is new
/// in the store.
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
    let lifeline = Lifeline::new("the store", tell.clone());
    let (writing, reading, clock) = (Trouble::default(), Trouble::default(), Clock::new());
    let keeper =
        Keeper { store, submit, tell, messages, clock, writing, reading, unread: Vec::new(), due: None };
    let live = move || {
        let _lifeline = lifeline;
        keeper.run(&jobs);
    };
    thread::Builder::new().name(String::from("store")).spawn(live).map(drop)
}

struct Keeper {
    store: Box<dyn Store>,
    submit: Submit,
    tell: Tell,
    messages: bool,
    clock: Clock,
    writing: Trouble,
    reading: Trouble,
    /// What the node has asked for and could not be read, and when it is tried again.
    unread: Vec<(Token, Request)>,
    due: Option<Instant>,
}

/// What the person knows of how appends go, or reads.
#[derive(Debug, Default)]
struct Trouble {
    /// Why the last one failed that was told of, unless it is over and that was told, too.
    told: Option<StoreError>,
    /// When to tell of the next one.
    next: Option<Instant>,
}

impl Trouble {
    /// Whether to tell how one went.
    fn is_news(&mut self, now: Instant, result: Result<(), StoreError>) -> bool {
        match result {
            Ok(()) => self.told.take().is_some(),
            Err(error) if self.told == Some(error) || self.next.is_some_and(|next| now < next) => false,
            Err(error) => {
                (self.told, self.next) = (Some(error), Some(now + TROUBLE_PAUSE));
                true
            }
        }
    }
}

impl Keeper {
    fn run(mut self, jobs: &Receiver<Job>) {
        let mut next = None;
        while let Some(first) = next.take().or_else(|| self.wait(jobs)) {
            let mut batch;
            (batch, next) = Batch::new(first, jobs.try_iter());
            let fresh = self.append(&batch);
            let mut fresh = fresh.into_iter().peekable();
            let mut persisted = 0;
            for job in batch.steps.drain(..) {
                match job {
                    Step::Persist => {
                        while let Some(new) = fresh.next_if(|new| new.batch == persisted) {
                            if self.messages || matches!(new.told, Told::Change(_)) {
                                self.tell(Happening::Stored(new.told));
                            }
                        }
                        persisted += 1;
                    }
                    Step::Fetch(token, what) => self.fetch(token, what),
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

    /// The next job; until it comes, what could not be read is tried again.
    fn wait(&mut self, jobs: &Receiver<Job>) -> Option<Job> {
        loop {
            let Some(due) = self.due else { return jobs.recv().ok() };
            let now = self.clock.now();
            if due <= now {
                self.due = None;
                let unread = std::mem::take(&mut self.unread);
                unread.into_iter().for_each(|(token, what)| self.fetch(token, what));
                continue;
            }
            match jobs.recv_timeout(due - now) {
                Ok(job) => return Some(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// Answers what the node asks for. What cannot be read is not taken for what is not there: days would be erased in part,
    /// or shown again, and nobody would get a key. It is answered when it can be read.
    fn fetch(&mut self, token: Token, what: Request) {
        let (answer, result) = match (self.store.fetch(&what), &what) {
            (Ok(answer), _) => (Some(answer), Ok(())),
            // Whoever wants these asks others, too.
            (Err(error), Request::Entries { .. }) if self.unread.len() >= UNREAD_MAX => {
                (Some(Answer::Entries(Vec::new())), Err(error))
            }
            (Err(error), _) => (None, Err(error)),
        };
        match answer {
            Some(answer) => (self.submit)(Input::Fetched { token, answer }),
            None => {
                self.unread.push((token, what));
                self.due = self.due.or_else(|| Some(self.clock.now() + READ_PAUSE));
            }
        }
        // What can be read meanwhile says nothing of the rest.
        if (result.is_err() || self.unread.is_empty()) && self.reading.is_news(self.clock.now(), result) {
            self.tell(Happening::Readable(result));
        }
    }

    /// Appends what the batch holds, in one transaction, and tells the node at once.
    fn append(&mut self, batch: &Batch) -> Vec<Fresh> {
        let Some(token) = batch.newest else { return Vec::new() };
        let appended = self.store.append(&batch.records);
        let result = appended.as_ref().map(|_| ()).map_err(|&error| error);
        if let (Err(_), Some(settings)) = (result, batch.settings()) {
            // Where there is no room for what was said there may be some for these. The node hands them out again anyway.
            let _ = self.store.append(&[settings]);
        }
        (self.submit)(Input::Persisted { token, result });
        if self.writing.is_news(self.clock.now(), result) {
            self.tell(Happening::Store(result));
        }
        let fresh = appended.unwrap_or_default();
        if self.messages { settle(fresh) } else { fresh }
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
    Ask(Ask),
    Close(SyncSender<()>),
}

impl Batch {
    /// What waits, up to something that makes room: that is done alone, so that nothing keeps a full store from it. The
    /// other answer is the job that was taken and does not belong to the batch.
    fn new(first: Job, waiting: TryIter<'_, Job>) -> (Self, Option<Job>) {
        let mut batch = Self { records: Vec::new(), newest: None, steps: Vec::new() };
        for job in std::iter::once(first).chain(waiting.take(BATCH_MAX)) {
            let is_first = batch.steps.is_empty();
            let makes_room = job.makes_room();
            if makes_room && !is_first {
                return (batch, Some(job));
            }
            match job {
                Job::Persist { token, records } => {
                    batch.newest = Some(token);
                    batch.records.push(records);
                    batch.steps.push(Step::Persist);
                }
                Job::Fetch { token, what } => batch.steps.push(Step::Fetch(token, what)),
                Job::Ask(ask) => batch.steps.push(Step::Ask(ask)),
                Job::Close(done) => {
                    // What comes after the end is not done any more.
                    batch.steps.push(Step::Close(done));
                    break;
                }
            }
            if makes_room {
                break;
            }
        }
        (batch, None)
    }

    /// What else there is, if there are entries among the records.
    fn settings(&self) -> Option<Vec<Record>> {
        let records = self.records.iter().flatten();
        let (entries, settings): (Vec<_>, Vec<_>) =
            records.partition(|record| matches!(record, Record::Entry(_)));
        let is_mixed = !entries.is_empty() && !settings.is_empty();
        is_mixed.then(|| settings.into_iter().cloned().collect())
    }
}

impl Job {
    /// Whether something is to be erased.
    fn makes_room(&self) -> bool {
        let Self::Persist { records, .. } = self else { return false };
        records.iter().any(|record| matches!(record, Record::Forget(_)))
    }
}

#[cfg(test)]
mod tests;

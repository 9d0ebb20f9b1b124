//! Files that are offered from here and fetched to here: all that has to do with a disk, on a thread of its own, so that
//! nobody talks slower for it.
//!
//! ```text
//! person: offer PATH -> prepare: size and hash -> Offer -> node; what is where is kept in the profile
//! node: read a piece of what we offer, write a piece of what we fetch
//! all of it is there -> hash -> its place under a name that nobody has yet
//! ```

mod incoming;
mod ledger;
mod offered;
mod packed;
mod place;
#[cfg(test)]
mod tests;
mod unpack;

use std::{
    collections::BTreeSet,
    io,
    path::PathBuf,
    sync::mpsc::{Receiver, Sender},
    thread,
};

use bytes::Bytes;
use chat_core::{Answer, Input, Message, MessageId, Offer, RoomKeyId, Token, Wanted};
use chat_net::Submit;

use self::{
    incoming::{Finish, Incoming},
    ledger::Ledger,
    offered::Offers,
};
pub(crate) use self::{
    ledger::Past,
    offered::Prepared,
    place::{bytes, downloads},
};
use crate::happening::{Happening, Lifeline, Tell};

/// Files whose hashes are computed at a time; those beyond wait.
const PREPARING_MAX: usize = 4;

/// What the thread is asked to do, in order.
pub(crate) enum Job {
    /// Finds out what an offer of this says; `ask` names it in the answer.
    Prepare { ask: u64, path: PathBuf },
    /// What was prepared is not offered.
    NotOffered,
    /// It has been offered with this message, in this room.
    Offered { file: MessageId, room: RoomKeyId, prepared: Prepared },
    /// Nobody gets it any more, or it is not fetched any more and what has come of it goes.
    Drop(MessageId),
    /// The person wants what this message offers.
    Accept(Box<Message>),
    /// The node wants a piece of what we offer.
    Read(Read),
    /// The node has a piece of what we fetch.
    Write { token: Token, file: MessageId, offset: u64, bytes: Bytes },
    /// All of it is there.
    Finish(MessageId),
    /// A thread that was started has come to its end.
    Ended(Ended),
}

/// A piece of what we offer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read {
    pub(crate) token: Token,
    pub(crate) room: RoomKeyId,
    pub(crate) file: MessageId,
    pub(crate) offset: u64,
    pub(crate) length: u32,
}

/// What a thread beside this one found out.
pub(crate) enum Ended {
    Prepared {
        ask: u64,
        prepared: Result<Prepared, String>,
    },
    /// What has come is ready to be put in its place; or why not, and whether it is damaged.
    Finished {
        file: MessageId,
        finish: Finish,
        finished: Result<(), (String, bool)>,
    },
}

pub(crate) type Jobs = Sender<Job>;

/// What front ends hear of files, beside what the node tells.
#[derive(Debug)]
pub(crate) enum News {
    /// Can be offered now, or cannot.
    Prepared { ask: u64, prepared: Result<Prepared, String> },
    /// The node can fetch what this message offers.
    Ready { wanted: Wanted, message: Box<Message> },
    /// It is here and whole.
    Received { file: MessageId, offer: Offer, path: PathBuf },
    /// Nothing comes of it, and why.
    Failed { file: MessageId, why: String },
}

/// Where things lie.
pub(crate) struct Places {
    /// Where files that come are put.
    pub(crate) downloads: PathBuf,
    /// Where it is kept what is offered and fetched; `None` when nothing is kept.
    pub(crate) ledger: Option<PathBuf>,
}

/// Starts the thread.
///
/// # Errors
/// When the system gives no thread.
pub(crate) fn spawn(
    places: Places,
    jobs: Receiver<Job>,
    back: Jobs,
    submit: Submit,
    tell: Tell,
) -> io::Result<()> {
    let lifeline = Lifeline::new("what carries files", tell.clone());
    let porter = Porter {
        offers: Offers::default(),
        incoming: Incoming::new(places.downloads),
        ledger: Ledger::open(places.ledger),
        back,
        submit,
        tell,
        preparing: 0,
        waiting: Vec::new(),
        undecided: 0,
        withdrawn: BTreeSet::new(),
        early: Vec::new(),
    };
    let live = move || {
        let _lifeline = lifeline;
        porter.run(&jobs);
    };
    thread::Builder::new().name(String::from("files")).spawn(live).map(drop)
}

/// Carries pieces between the node and the disk.
struct Porter {
    offers: Offers,
    incoming: Incoming,
    ledger: Ledger,
    back: Jobs,
    submit: Submit,
    tell: Tell,
    /// Hashes that are being computed for offers, and what waits for its turn.
    preparing: usize,
    waiting: Vec<(u64, PathBuf)>,
    /// What was prepared, and of which it is not known yet whether and with which message it is offered. Others may hear
    /// of that message, and want it, before we do.
    undecided: usize,
    /// What is not to be offered, although it may be told afterwards that it is.
    withdrawn: BTreeSet<MessageId>,
    /// What is wanted of files that are not known, while that is so.
    early: Vec<Read>,
}

impl Porter {
    fn run(mut self, jobs: &Receiver<Job>) {
        self.offers.restore(self.ledger.offers());
        // What was being fetched when the program ended goes on.
        for message in self.ledger.fetched() {
            self.resume(message);
        }
        while let Ok(job) = jobs.recv() {
            self.on_job(job);
        }
    }

    fn on_job(&mut self, job: Job) {
        match job {
            Job::Prepare { ask, path } => {
                self.waiting.push((ask, path));
                self.prepare();
            }
            Job::Offered { file, room, prepared } => {
                if !self.withdrawn.remove(&file) {
                    self.offers.add(file, room, prepared);
                    self.ledger.set_offers(self.offers.stored());
                }
                self.decided();
            }
            Job::NotOffered => self.decided(),
            Job::Drop(file) => {
                if self.offers.remove(file) {
                    self.ledger.set_offers(self.offers.stored());
                } else if self.undecided > 0 {
                    self.withdrawn.insert(file);
                }
                self.incoming.forget(file);
                self.ledger.forget(file);
            }
            Job::Accept(message) => self.accept(*message),
            Job::Read(read) if self.undecided > 0 && !self.offers.has(read.file) => self.early.push(read),
            Job::Read(read) => self.read(read),
            Job::Write { token, file, offset, bytes } => {
                let result = self.incoming.write(file, offset, &bytes);
                (self.submit)(Input::Written { token, result });
            }
            Job::Finish(file) => self.finish(file),
            Job::Ended(Ended::Prepared { ask, prepared }) => {
                self.preparing -= 1;
                self.undecided += usize::from(prepared.is_ok());
                self.tell(News::Prepared { ask, prepared });
                self.prepare();
            }
            Job::Ended(Ended::Finished { file, finish, finished }) => {
                self.put(file, finished);
                finish.discard();
            }
        }
    }

    /// Goes on with what was being fetched when the program ended.
    fn resume(&mut self, message: Message) {
        let put = self.ledger.put_as(message.id).and_then(|name| self.incoming.put_before(&message, name));
        if let Some(path) = put
            && let Some(offer) = &message.file
        {
            self.received(message.id, (**offer).clone(), path);
        } else {
            // Who has that name is somebody else.
            self.ledger.put(message.id, None);
            self.accept(message);
        }
    }

    /// Puts in its place what has come.
    fn put(&mut self, file: MessageId, finished: Result<(), (String, bool)>) {
        let put = self.incoming.put(file, finished, |name| self.ledger.put(file, Some(name)));
        match put {
            // The person does not want it any more.
            None => {}
            Some(Ok((offer, path))) => {
                self.incoming.close(file);
                self.received(file, offer, path);
            }
            Some(Err((why, is_damaged))) => {
                // What is damaged is of no use; what could not be put in its place may be next time.
                if is_damaged {
                    self.incoming.forget(file);
                }
                self.incoming.close(file);
                self.ledger.forget(file);
                self.tell(News::Failed { file, why });
            }
        }
    }

    fn received(&mut self, file: MessageId, offer: Offer, path: PathBuf) {
        self.ledger.receive(file);
        self.ledger.forget(file);
        self.tell(News::Received { file, offer, path });
    }

    /// Begins with those that wait, each on a thread of its own: a hash takes a second for each gigabyte.
    fn prepare(&mut self) {
        while self.preparing < PREPARING_MAX && !self.waiting.is_empty() {
            let (ask, path) = self.waiting.remove(0);
            self.preparing += 1;
            let back = self.back.clone();
            let work = move || {
                let prepared = Prepared::of(&path);
                // At the end of the program nobody waits for it.
                let _ = back.send(Job::Ended(Ended::Prepared { ask, prepared }));
            };
            if let Err(error) = thread::Builder::new().name(String::from("hash")).spawn(work) {
                self.preparing -= 1;
                self.tell(News::Prepared { ask, prepared: Err(error.to_string()) });
            }
        }
    }

    /// It is known now what became of something that was prepared.
    fn decided(&mut self) {
        self.undecided = self.undecided.saturating_sub(1);
        if self.undecided == 0 {
            self.withdrawn.clear();
        }
        let early = std::mem::take(&mut self.early);
        early.into_iter().for_each(|read| self.on_job(Job::Read(read)));
    }

    fn read(&mut self, read: Read) {
        let Read { token, room, file, offset, length } = read;
        let answer = Answer::Piece(self.offers.read(room, file, offset, length));
        (self.submit)(Input::Fetched { token, answer });
    }

    fn accept(&mut self, message: Message) {
        let file = message.id;
        match self.incoming.accept(&message) {
            Ok(have) => {
                let size = message.file.as_ref().map_or(0, |offer| offer.size);
                let wanted = Wanted { file, place: message.place.clone(), from: message.from, size, have };
                self.ledger.fetch(message.clone());
                self.tell(News::Ready { wanted, message: message.into() });
            }
            Err(why) => {
                self.ledger.forget(file);
                self.tell(News::Failed { file, why });
            }
        }
    }

    fn finish(&mut self, file: MessageId) {
        let Some(finish) = self.incoming.finish(file) else { return };
        let back = self.back.clone();
        let work = move || {
            let finished = finish.carry_out();
            let _ = back.send(Job::Ended(Ended::Finished { file, finish, finished }));
        };
        if let Err(error) = thread::Builder::new().name(String::from("hash")).spawn(work) {
            self.incoming.close(file);
            self.tell(News::Failed { file, why: error.to_string() });
        }
    }

    fn tell(&self, news: News) {
        // The front end ends before this thread does.
        let _ = self.tell.send(Happening::File(news));
    }
}

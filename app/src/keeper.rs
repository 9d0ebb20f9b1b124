//! The store's own thread: it takes what waits, makes it durable, says so, and takes what waits by then.
//!
//! It never waits for more: a single message is durable after one `fsync`, and a thousand that came meanwhile
//! share the next.

use std::{
    io,
    sync::mpsc::{Receiver, Sender, SyncSender, TryIter},
    thread,
    time::Duration,
};

use chat_core::{Answer, Input, Instant, Record, Request, State, StoreError, Token};
use chat_net::{Clock, Submit};

use crate::{
    happening::{Happening, Tell},
    store::{Fresh, Store, Told, settle},
};

/// Trouble is told once in this time: where little room is left, something small still fits now and then.
const TROUBLE_PAUSE: Duration = Duration::from_secs(60);
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
    let keeper = Keeper { store, submit, tell, messages, clock: Clock::new(), trouble: Trouble::default() };
    thread::Builder::new().name(String::from("store")).spawn(move || keeper.run(&jobs)).map(drop)
}

struct Keeper {
    store: Box<dyn Store>,
    submit: Submit,
    tell: Tell,
    messages: bool,
    clock: Clock,
    trouble: Trouble,
}

/// What the person knows of how appends go.
#[derive(Debug, Default)]
struct Trouble {
    /// Why the last one failed that was told of, unless it is over and that was told, too.
    told: Option<StoreError>,
    /// When to tell of the next one.
    next: Option<Instant>,
}

impl Trouble {
    /// Whether to tell how an append went.
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
        while let Some(first) = next.take().or_else(|| jobs.recv().ok()) {
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
        if self.trouble.is_news(self.clock.now(), result) {
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
}

impl Job {
    /// Whether something is to be erased.
    fn makes_room(&self) -> bool {
        let Self::Persist { records, .. } = self else { return false };
        records.iter().any(|record| matches!(record, Record::Forget(_)))
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

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeMap,
        sync::{Arc, Mutex, mpsc},
    };

    use chat_core::{EntryId, Forgotten, MessageId, Nick, PeerKey, Place, RoomKeyId, Topic, What};

    use super::*;
    use crate::store::{
        Cursor, Known, Memory, Shown,
        tests::{changes::change, entry, id},
    };

    type Appended = Result<Vec<Fresh>, StoreError>;
    type Stored = Result<Vec<Shown>, StoreError>;

    /// A store that fails when told to, and counts transactions.
    struct Moody {
        inner: Memory,
        mood: Arc<Mutex<(Result<(), StoreError>, usize)>>,
    }

    impl Store for Moody {
        fn append(&mut self, batches: &[Vec<Record>]) -> Appended {
            let mut mood = self.mood.lock().unwrap();
            mood.1 += 1;
            mood.0.and_then(|()| self.inner.append(batches))
        }

        fn fetch(&mut self, what: &Request) -> Result<Answer, StoreError> {
            self.mood.lock().unwrap().0.and_then(|()| self.inner.fetch(what))
        }

        fn history(
            &mut self,
            _: &Place,
            _: usize,
            _: Option<MessageId>,
        ) -> Result<Option<Vec<Cursor>>, StoreError> {
            Ok(None)
        }

        fn shown(&mut self, _: &[Cursor]) -> Stored {
            Ok(vec![])
        }

        fn since(&mut self, _: Cursor, _: usize) -> Result<Vec<Told>, StoreError> {
            Ok(vec![])
        }

        fn latest(&mut self, _: usize) -> Stored {
            Ok(vec![])
        }

        fn find(&mut self, _: MessageId) -> Result<Option<Shown>, StoreError> {
            Ok(None)
        }

        fn room_of(&mut self, _: EntryId) -> Result<Option<RoomKeyId>, StoreError> {
            Ok(None)
        }

        fn search(&mut self, _: &crate::store::Search) -> Stored {
            Ok(vec![])
        }

        fn topics(&mut self) -> Result<BTreeMap<Place, Topic>, StoreError> {
            Ok(BTreeMap::new())
        }

        fn trusts(&mut self) -> Result<Vec<chat_core::StoredTrust>, StoreError> {
            self.inner.trusts()
        }
        fn newest(&mut self) -> Result<Cursor, StoreError> {
            Ok(0)
        }

        fn known(&mut self) -> Result<Vec<Known>, StoreError> {
            Ok(vec![])
        }
    }

    fn nick(token: u64) -> Job {
        Job::Persist { token: Token(token), records: vec![Record::Nick(Nick::new("ana").unwrap())] }
    }

    /// Does all jobs, which wait already; what the node and the front end hear, and how many transactions it took.
    fn run(mood: Result<(), StoreError>, jobs: Vec<Job>) -> (Vec<String>, Vec<String>, usize) {
        let submitted = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&submitted);
        let submit: Submit = Arc::new(move |input| into.lock().unwrap().push(format!("{input:?}")));
        let mood = Arc::new(Mutex::new((mood, 0)));
        let inner = Memory::new(PeerKey([0; 32]), Memory::BYTES_MAX);
        let store = Box::new(Moody { inner, mood: Arc::clone(&mood) });
        let (tell, told) = mpsc::channel();
        let (send, waiting) = mpsc::channel();
        let (done, closed) = mpsc::sync_channel(1);
        jobs.into_iter().chain([Job::Close(done)]).for_each(|job| send.send(job).unwrap());
        spawn(store, waiting, submit, tell, true).unwrap();
        closed.recv().unwrap();
        let heard = told.iter().map(|happening| format!("{happening:?}")).collect();
        let submitted = submitted.lock().unwrap().clone();
        let transactions = mood.lock().unwrap().1;
        (heard, submitted, transactions)
    }

    #[test]
    fn what_waits_is_one_transaction() {
        let (heard, submitted, transactions) = run(Ok(()), vec![nick(1), nick(2), nick(3)]);
        assert_eq!(transactions, 1);
        assert_eq!(submitted, ["Persisted { token: Token(3), result: Ok(()) }"]);
        assert_eq!(heard, Vec::<String>::new());
    }

    #[test]
    fn what_makes_room_is_done_alone_and_in_its_turn() {
        let forget = |token| Job::Persist {
            token: Token(token),
            records: vec![Record::Forget(Forgotten { room: RoomKeyId([0; 16]), ids: Vec::new() })],
        };
        let (_, submitted, transactions) =
            run(Ok(()), vec![nick(1), nick(2), forget(3), forget(4), nick(5), nick(6)]);
        let answered =
            [2, 3, 4, 6].map(|token| format!("Persisted {{ token: Token({token}), result: Ok(()) }}"));
        assert_eq!((submitted, transactions), (answered.to_vec(), 4));
    }

    #[test]
    fn a_question_is_answered_with_what_was_said_before_it() {
        let (answer, answered) = mpsc::channel();
        let ask = Job::Ask(Box::new(move |store| {
            let Ok(Answer::State(state)) = store.fetch(&Request::State) else { panic!() };
            answer.send(state.nick.map(|nick| nick.to_string())).unwrap();
        }));
        let (.., transactions) = run(Ok(()), vec![nick(1), ask, nick(2)]);
        assert_eq!((answered.recv().unwrap().as_deref(), transactions), (Some("ana"), 1));
    }

    #[test]
    fn what_was_taken_back_when_its_message_was_stored_is_told_of_no_more() {
        let author = PeerKey([1; 32]);
        let persist =
            |number, entry| Job::Persist { token: Token(number), records: vec![Record::Entry(entry)] };
        let said = |number| entry(number, number, 0, author, &["said"]);
        let target = MessageId { entry: id(1), item: 0 };
        let deleted = change(3, 3, 0, author, What::Delete { target });
        let jobs = vec![persist(1, said(1)), persist(2, said(2)), persist(3, deleted)];
        let (heard, ..) = run(Ok(()), jobs);
        assert!(heard.len() == 1 && heard[0].contains("cursor: 2"), "{heard:#?}");
    }

    #[test]
    fn trouble_that_comes_and_goes_is_told_once_a_minute() {
        let at = |seconds| Instant::ORIGIN + Duration::from_secs(seconds);
        let mut trouble = Trouble::default();
        let told = (0..300).flat_map(|second| {
            let is_told = |trouble: &mut Trouble, result| {
                trouble.is_news(at(second), result).then_some((second, result))
            };
            [is_told(&mut trouble, Err(StoreError::Full)), is_told(&mut trouble, Ok(()))]
        });
        let told: Vec<_> = told.flatten().collect();
        let expected =
            (0..5).flat_map(|minute| [(minute * 60, Err(StoreError::Full)), (minute * 60, Ok(()))]);
        assert_eq!(told, expected.collect::<Vec<_>>());
        // What lasts is told once.
        let lasting = (300..900).filter(|&second| trouble.is_news(at(second), Err(StoreError::Failed)));
        assert_eq!(lasting.collect::<Vec<_>>(), [300]);
    }

    #[test]
    fn trouble_is_told_to_the_node_each_time_and_to_the_person_once() {
        let ask = || Job::Fetch { token: Token(9), what: Request::State };
        let (heard, submitted, _) = run(Err(StoreError::Full), vec![nick(1), ask()]);
        assert_eq!(heard, ["Store(Err(Full))"]);
        assert_eq!(submitted[0], "Persisted { token: Token(1), result: Err(Full) }");
        assert!(
            submitted[1].starts_with("Fetched { token: Token(9), answer: State(State { nick: None"),
            "{submitted:?}"
        );
    }
}

//! What the keeper does of what waits for it, and what it tells.

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

    fn latest(&mut self, _: Option<&Place>, _: usize) -> Stored {
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
    run_in(Memory::BYTES_MAX, mood, jobs)
}

/// The same with room for so many bytes of entries.
fn run_in(
    bytes_max: usize,
    mood: Result<(), StoreError>,
    jobs: Vec<Job>,
) -> (Vec<String>, Vec<String>, usize) {
    let submitted = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&submitted);
    let submit: Submit = Arc::new(move |input| into.lock().unwrap().push(format!("{input:?}")));
    let mood = Arc::new(Mutex::new((mood, 0)));
    let inner = Memory::new(PeerKey([0; 32]), bytes_max);
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
    let answered = [2, 3, 4, 6].map(|token| format!("Persisted {{ token: Token({token}), result: Ok(()) }}"));
    assert_eq!((submitted, transactions), (answered.to_vec(), 4));
}

#[test]
fn what_was_set_is_stored_although_there_is_no_room_for_what_was_said() {
    let (answer, answered) = mpsc::channel();
    let ask = Job::Ask(Box::new(move |store| {
        let Ok(Answer::State(state)) = store.fetch(&Request::State) else { panic!() };
        answer.send(state.nick.map(|nick| nick.to_string())).unwrap();
    }));
    let said = Record::Entry(entry(1, 1, 0, PeerKey([1; 32]), &["said"]));
    let said = Job::Persist { token: Token(2), records: vec![said] };
    let (_, submitted, transactions) = run_in(0, Ok(()), vec![nick(1), said, ask]);
    assert_eq!(answered.recv().unwrap().as_deref(), Some("ana"));
    let refused = "Persisted { token: Token(2), result: Err(Full) }";
    assert_eq!((submitted, transactions), (vec![refused.to_owned()], 2));
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
    let persist = |number, entry| Job::Persist { token: Token(number), records: vec![Record::Entry(entry)] };
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
        let is_told =
            |trouble: &mut Trouble, result| trouble.is_news(at(second), result).then_some((second, result));
        [is_told(&mut trouble, Err(StoreError::Full)), is_told(&mut trouble, Ok(()))]
    });
    let told: Vec<_> = told.flatten().collect();
    let expected = (0..5).flat_map(|minute| [(minute * 60, Err(StoreError::Full)), (minute * 60, Ok(()))]);
    assert_eq!(told, expected.collect::<Vec<_>>());
    // What lasts is told once.
    let lasting = (300..900).filter(|&second| trouble.is_news(at(second), Err(StoreError::Failed)));
    assert_eq!(lasting.collect::<Vec<_>>(), [300]);
}

#[test]
fn trouble_is_told_to_the_node_each_time_and_to_the_person_once() {
    let (heard, submitted, _) = run(Err(StoreError::Full), vec![nick(1), nick(2)]);
    assert_eq!(heard, ["Store(Err(Full))"]);
    assert_eq!(submitted, ["Persisted { token: Token(2), result: Err(Full) }"]);
}

#[test]
fn what_cannot_be_read_is_no_empty_answer_but_a_late_one() {
    let room = RoomKeyId([0; 16]);
    let (jobs, waiting) = mpsc::channel();
    let (submit, submitted) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    let mood = Arc::new(Mutex::new((Err(StoreError::Failed), 0)));
    let inner = Memory::new(PeerKey([0; 32]), Memory::BYTES_MAX);
    let store = Box::new(Moody { inner, mood: Arc::clone(&mood) });
    let submit: Submit = Arc::new(move |input| submit.send(format!("{input:?}")).unwrap());
    spawn(store, waiting, submit, tell, true).unwrap();
    for (token, what) in [(1, Request::Authors { room }), (2, Request::Entries { room, ids: vec![] })] {
        jobs.send(Job::Fetch { token: Token(token), what }).unwrap();
    }
    let heard = || format!("{:?}", told.recv_timeout(Duration::from_secs(20)).unwrap());
    assert_eq!(heard(), "Readable(Err(Failed))");
    // It was tried, and nothing is said of it.
    jobs.send(Job::Ask(Box::new(|_| {}))).unwrap();
    assert!(submitted.recv_timeout(READ_PAUSE * 2).is_err());
    mood.lock().unwrap().0 = Ok(());
    for answer in ["Token(1), answer: Authors([])", "Token(2), answer: Entries([])"] {
        let submitted = submitted.recv_timeout(Duration::from_secs(20)).unwrap();
        assert_eq!(submitted, format!("Fetched {{ token: {answer} }}"));
    }
    assert_eq!(heard(), "Readable(Ok(()))");
}

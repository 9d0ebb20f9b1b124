//! Who has heard how much of what was sent, and when: everything arrives once and in order, or the trial fails, unless
//! the stack promises less.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use chat_tests::watch::now;
use peers::machine;

use crate::{
    gauge::Gauge,
    trial::{Figure, Figures},
    work::{self, LENGTH, PAUSE},
};

/// What sender and receivers of a trial share.
pub(crate) struct Board {
    seats: Vec<Seat>,
    singles: u64,
    total: u64,
    promise: Promise,
    begun: Instant,
}

/// What a stack says of the messages of one sender. None may come twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Promise {
    /// Some may be lost.
    Nothing,
    /// All come.
    Delivery,
    /// All come in order.
    Order,
}

/// One receiver.
struct Seat {
    /// The messages it has heard.
    heard: Gauge,
    ledger: Mutex<Ledger>,
}

/// What it heard.
#[derive(Default)]
struct Ledger {
    /// The number after the largest so far, and what has not come before it.
    next: u64,
    missing: BTreeSet<u64>,
    /// Those that came after a later one.
    overtaken: u64,
    took: Vec<Duration>,
    last: Option<Instant>,
}

/// The state of things when all that is sent flat out begins.
pub(crate) struct Begun {
    at: Instant,
    spent: Duration,
}

impl Board {
    /// For so many receivers, each of which is to hear so many single messages and then those of the flood. The calling
    /// thread is the one that may wait.
    pub(crate) fn new(receivers: usize, singles: u64, flood: u64, promise: Promise) -> Arc<Self> {
        let seat = || Seat { heard: Gauge::new(), ledger: Mutex::default() };
        let seats = (0..receivers).map(|_| seat()).collect();
        Arc::new(Self { seats, singles, total: singles + flood, promise, begun: now() })
    }

    pub(crate) fn receivers(&self) -> usize {
        self.seats.len()
    }

    /// How many single messages there are, and with the flood.
    pub(crate) const fn counts(&self) -> (u64, u64) {
        (self.singles, self.total)
    }

    /// The message with this number. A single one says when it is sent: now.
    pub(crate) fn message(&self, number: u64) -> [u8; LENGTH] {
        let stamp = if number < self.singles { (now() - self.begun).as_nanos() as u64 } else { 0 };
        work::message(number, stamp)
    }

    /// Sends the single messages from this thread.
    pub(crate) fn singles(&self, mut send: impl FnMut(&[u8; LENGTH])) {
        for number in 0..self.singles {
            thread::sleep(PAUSE);
            send(&self.message(number));
        }
    }

    /// The same until `send` says that it is enough; how many that were.
    pub(crate) fn singles_while(&self, mut send: impl FnMut(&[u8; LENGTH]) -> bool) -> u64 {
        for number in 0..self.singles {
            thread::sleep(PAUSE);
            if !send(&self.message(number)) {
                return number + 1;
            }
        }
        self.singles
    }

    /// Receiver `seat` has heard a message. The answer is how many it has heard or missed.
    pub(crate) fn hear(&self, seat: usize, message: &[u8]) -> u64 {
        let (number, stamp) = work::read(message);
        let seat = &self.seats[seat];
        let mut ledger = seat.ledger.lock().expect("no panic");
        ledger.enter(number);
        assert!(self.promise < Promise::Order || ledger.missing.is_empty(), "all come in order");
        if number < self.singles {
            ledger.took.push((now() - self.begun).saturating_sub(Duration::from_nanos(stamp)));
        } else if number + 1 == self.total || number % LOOKS == 0 || !ledger.missing.is_empty() {
            ledger.last = Some(now());
        }
        let next = ledger.next;
        drop(ledger);
        seat.heard.add(1);
        next
    }

    /// What the slowest has heard.
    pub(crate) fn least(&self) -> u64 {
        self.seats.iter().map(|seat| seat.heard.count()).min().expect("somebody listens")
    }

    /// Waits in the thread that made this until all have heard so many.
    pub(crate) fn wait(&self, count: u64) {
        self.seats.iter().for_each(|seat| seat.heard.wait("messages", count));
    }

    /// What so many hundredths of the single messages did not exceed, in seconds, over all receivers.
    pub(crate) fn alone(&self, hundredth: usize) -> f64 {
        let seats = self.seats.iter().map(|seat| seat.ledger.lock().expect("no panic"));
        let mut took: Vec<Duration> = seats.flat_map(|ledger| ledger.took.clone()).collect();
        took.sort_unstable();
        took[(took.len() - 1) * hundredth / 100].as_secs_f64()
    }

    /// The end of a trial that began to send flat out `since`.
    pub(crate) fn figures(&self, since: &Begun) -> Figures {
        let spent = machine::spent() - since.spent;
        let flood = self.total - self.singles;
        let (mut rates, mut heard, mut astray) = (Vec::new(), 0, 0);
        for seat in &self.seats {
            let ledger = seat.ledger.lock().expect("no panic");
            let missing = ledger.missing.len() as u64 + (self.total - ledger.next);
            assert!(missing == 0 || self.promise == Promise::Nothing, "all come: {missing} do not");
            let last = ledger.last.expect("something of the flood was heard");
            let come = flood.saturating_sub(missing);
            rates.push(come as f64 / (last - since.at).as_secs_f64());
            heard += come;
            astray += missing + ledger.overtaken;
        }
        rates.sort_by(f64::total_cmp);
        Figures::from([
            (Figure::Rate, rates[rates.len() / 2]),
            (Figure::Cpu, spent.as_secs_f64() / heard as f64),
            (Figure::Middle, self.alone(50)),
            (Figure::Late, self.alone(99)),
            (Figure::Astray, astray as f64 / (self.total * self.seats.len() as u64) as f64),
        ])
    }
}

/// Every so many messages of the flood it is looked at the clock, beside at the last: that may be lost.
const LOOKS: u64 = 64;

impl Ledger {
    fn enter(&mut self, number: u64) {
        if number < self.next {
            assert!(self.missing.remove(&number), "each comes once");
            self.overtaken += 1;
        } else {
            self.missing.extend(self.next..number);
            self.next = number + 1;
        }
    }
}

impl Begun {
    pub(crate) fn now() -> Self {
        Self { at: now(), spent: machine::spent() }
    }

    /// When.
    pub(crate) const fn at(&self) -> Instant {
        self.at
    }

    /// What processors had spent by then.
    pub(crate) const fn spent(&self) -> Duration {
        self.spent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_overtaken_is_counted() {
        let board = Board::new(1, 2, 200, Promise::Nothing);
        let since = Begun::now();
        for number in (0..202).filter(|number| ![1, 70, 80, 201].contains(number)).chain([80]) {
            board.hear(0, &board.message(number));
        }
        assert_eq!(board.least(), 199);
        assert_eq!(board.figures(&since)[&Figure::Astray], 4.0 / 202.0);
    }

    #[test]
    #[should_panic(expected = "once")]
    fn what_comes_twice_is_noticed() {
        let board = Board::new(1, 1, 1, Promise::Nothing);
        board.hear(0, &board.message(0));
        board.hear(0, &board.message(0));
    }

    #[test]
    #[should_panic(expected = "in order")]
    fn what_is_overtaken_is_noticed() {
        let board = Board::new(1, 1, 2, Promise::Order);
        board.hear(0, &board.message(1));
    }

    #[test]
    #[should_panic(expected = "2 do not")]
    fn what_never_comes_is_noticed() {
        let board = Board::new(1, 1, 3, Promise::Delivery);
        let since = Begun::now();
        [0, 2].into_iter().for_each(|number| _ = board.hear(0, &board.message(number)));
        board.figures(&since);
    }
}

//! What waits for a node's loop: many threads put things in, the loop takes them out all at once.
//!
//! A bounded channel would wake whoever waits for room each time that one thing is taken, and let it put in one more:
//! whoever says a thousand things at once and the loop would take turns at each. Here room is made for all at a time.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// What the loop may be behind with before those who put something in have to wait.
const WAITING_MAX: usize = 256;

/// The way in, for any number of threads; when the last is dropped the loop sees that nobody is left.
pub struct Door<T>(Arc<Shared<T>>);

/// The loop's end; when it is dropped nothing more is taken.
pub struct Inbox<T>(Arc<Shared<T>>);

/// Nobody takes anything out any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Closed;

struct Shared<T> {
    state: Mutex<State<T>>,
    arrived: Condvar,
    taken: Condvar,
    /// Rung when there is something after there was nothing, for a loop that cannot wait here.
    bell: Box<dyn Fn() + Send + Sync>,
}

struct State<T> {
    waiting: VecDeque<T>,
    doors: usize,
    /// Those who wait for room.
    blocked: usize,
    is_loop_waiting: bool,
    is_closed: bool,
}

/// A way in and the end of it.
pub fn inbox<T>(bell: impl Fn() + Send + Sync + 'static) -> (Door<T>, Inbox<T>) {
    let waiting = VecDeque::new();
    let state = State { waiting, doors: 1, blocked: 0, is_loop_waiting: false, is_closed: false };
    let (arrived, taken) = (Condvar::new(), Condvar::new());
    let shared = Arc::new(Shared { state: Mutex::new(state), arrived, taken, bell: Box::new(bell) });
    (Door(Arc::clone(&shared)), Inbox(shared))
}

impl<T> Door<T> {
    /// Puts `thing` in; waits while the loop is behind.
    ///
    /// # Errors
    /// When nobody takes it any more.
    pub fn put(&self, thing: T) -> Result<(), Closed> {
        let shared = &*self.0;
        let mut state = shared.lock();
        while state.waiting.len() >= WAITING_MAX && !state.is_closed {
            state.blocked += 1;
            state = shared.taken.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.blocked -= 1;
        }
        if state.is_closed {
            return Err(Closed);
        }
        state.waiting.push_back(thing);
        if state.waiting.len() == 1 {
            shared.tell(state);
        }
        Ok(())
    }
}

impl<T> Inbox<T> {
    /// Moves everything that waits to the end of `into`. False when there is nothing, and nobody is left who could put
    /// something in.
    pub fn take(&self, into: &mut VecDeque<T>) -> bool {
        self.0.take(self.0.lock(), into)
    }

    /// The same, after waiting for something for at most so long.
    pub fn wait(&self, patience: Duration, into: &mut VecDeque<T>) -> bool {
        let mut state = self.0.lock();
        state.is_loop_waiting = true;
        let is_idle = |state: &mut State<T>| state.waiting.is_empty() && state.doors > 0;
        let waited = self.0.arrived.wait_timeout_while(state, patience, is_idle);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.is_loop_waiting = false;
        self.0.take(state, into)
    }
}

impl<T> Shared<T> {
    /// The state is sound whatever thread has ended while it had it.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, mut state: MutexGuard<'_, State<T>>, into: &mut VecDeque<T>) -> bool {
        if into.is_empty() {
            std::mem::swap(&mut state.waiting, into);
        } else {
            into.append(&mut state.waiting);
        }
        let (is_blocked, is_alive) = (state.blocked > 0, state.doors > 0);
        drop(state);
        if is_blocked {
            self.taken.notify_all();
        }
        is_alive || !into.is_empty()
    }

    /// Lets the loop know that something has changed.
    fn tell(&self, state: MutexGuard<'_, State<T>>) {
        let is_waiting = state.is_loop_waiting;
        drop(state);
        if is_waiting {
            self.arrived.notify_one();
        }
        (self.bell)();
    }
}

impl<T> Clone for Door<T> {
    fn clone(&self) -> Self {
        self.0.lock().doors += 1;
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for Door<T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.doors -= 1;
        if state.doors == 0 {
            self.0.tell(state);
        }
    }
}

impl<T> Drop for Inbox<T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.is_closed = true;
        let rest = std::mem::take(&mut state.waiting);
        drop(state);
        self.0.taken.notify_all();
        // Not while the lock is held: what is in it may hold a door.
        drop(rest);
    }
}

impl<T> fmt::Debug for Door<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Inbox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering::SeqCst},
        thread,
    };

    use super::*;
    use crate::Clock;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[test]
    fn what_many_put_in_comes_out_once_and_each_ones_in_order() {
        const EACH: usize = 10_000;
        let (door, inbox) = inbox(|| {});
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let door = door.clone();
                thread::spawn(move || (0..EACH).for_each(|number| door.put((thread, number)).unwrap()))
            })
            .collect();
        drop(door);
        let (mut next, mut taken) = ([0; 4], VecDeque::new());
        while inbox.wait(PATIENCE, &mut taken) {
            assert!(taken.len() <= WAITING_MAX, "{}", taken.len());
            for (thread, number) in taken.drain(..) {
                assert_eq!(number, next[thread]);
                next[thread] += 1;
            }
        }
        assert_eq!(next, [EACH; 4]);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }

    #[test]
    fn who_waits_for_room_goes_on_or_hears_that_there_will_be_none() {
        let (door, inbox) = inbox(|| {});
        (0..WAITING_MAX).for_each(|number| door.put(number).unwrap());
        let put = |door: Door<usize>| thread::spawn(move || door.put(WAITING_MAX));
        let (first, mut taken) = (put(door.clone()), VecDeque::new());
        thread::sleep(Duration::from_millis(20));
        assert!(!first.is_finished());
        assert!(inbox.take(&mut taken));
        assert_eq!((first.join().unwrap(), taken.len()), (Ok(()), WAITING_MAX));
        (1..WAITING_MAX).for_each(|number| door.put(number).unwrap());
        let second = put(door.clone());
        thread::sleep(Duration::from_millis(20));
        drop(inbox);
        assert_eq!((second.join().unwrap(), door.put(0)), (Err(Closed), Err(Closed)));
    }

    #[test]
    fn the_bell_is_rung_when_there_was_nothing_and_when_nobody_is_left() {
        let rung = Arc::new(AtomicUsize::new(0));
        let (door, inbox) = inbox({
            let rung = Arc::clone(&rung);
            move || _ = rung.fetch_add(1, SeqCst)
        });
        let mut taken = VecDeque::new();
        (0..3).for_each(|number| door.put(number).unwrap());
        assert_eq!(rung.load(SeqCst), 1);
        assert!(inbox.take(&mut taken));
        door.put(3).unwrap();
        assert!(inbox.take(&mut taken), "behind what is there");
        assert_eq!((rung.load(SeqCst), &taken), (2, &VecDeque::from([0, 1, 2, 3])));
        drop(door.clone());
        drop(door);
        taken.clear();
        assert_eq!((rung.load(SeqCst), inbox.take(&mut taken)), (3, false));
    }

    #[test]
    fn a_loop_waits_no_longer_than_it_may() {
        let (door, inbox) = inbox::<u8>(|| {});
        let (clock, mut taken) = (Clock::new(), VecDeque::new());
        let begun = clock.now();
        assert!(inbox.wait(Duration::from_millis(20), &mut taken));
        assert!(taken.is_empty() && clock.now() - begun >= Duration::from_millis(20));
        let late = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            drop(door);
        });
        assert!(!inbox.wait(PATIENCE, &mut taken));
        assert!(clock.now() - begun < PATIENCE);
        late.join().unwrap();
    }
}

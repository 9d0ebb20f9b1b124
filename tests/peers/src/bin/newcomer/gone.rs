//! How long it takes until all others tell that somebody is gone.

use std::{thread, time::Duration};

use crate::crowd::{Crowd, Peer};

const ROUNDS: usize = 5;
/// Between two, so that the one before has nothing to do with the next.
const PAUSE: Duration = Duration::from_secs(3);

/// The times of all rounds; nothing where somebody did not tell in time.
pub(crate) struct Leaving {
    /// All of them, the one who leaves among them.
    pub(crate) size: usize,
    pub(crate) killed: Vec<Option<Duration>>,
    pub(crate) quit: Vec<Option<Duration>>,
}

/// Lets one after the other end, without and with a word, and come back.
pub(crate) fn measure(crowd: &mut Crowd) -> Leaving {
    let size = crowd.size();
    let mut leaving = Leaving { size, killed: Vec::new(), quit: Vec::new() };
    for round in 0..ROUNDS {
        thread::sleep(PAUSE);
        leaving.killed.push(crowd.replace(round % size, Peer::kill, "lost"));
        thread::sleep(PAUSE);
        leaving.quit.push(crowd.replace((round + 1) % size, Peer::quit, "quit"));
    }
    leaving
}

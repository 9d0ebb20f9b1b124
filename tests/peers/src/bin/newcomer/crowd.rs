//! Peers who are there, and one more who comes.

use std::{
    process::Command,
    thread,
    time::{Duration, Instant},
};

use chat_tests::{namespace::Host, running::Running, scratch::Scratch, watch};

use crate::{lan::Lan, stack::Stack};

/// Longer nobody waits for a newcomer to know and be known.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);
/// The pair's peers come at any time of its interval of 15 s.
const PHASES: Duration = Duration::from_secs(15);
/// Others come one after the other, so that each has met those before it.
const GAP: Duration = Duration::from_millis(20);

/// How a newcomer fared, from just before it was started. Nothing where it took longer than [`LIMIT`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Welcome {
    /// It knows all.
    pub(crate) found: Option<Duration>,
    /// All know it.
    pub(crate) seen: Option<Duration>,
}

impl Welcome {
    /// Both.
    pub(crate) fn whole(self) -> Option<Duration> {
        Some(self.found?.max(self.seen?))
    }
}

/// Somebody who runs, and the key by which others tell of them.
pub(crate) struct Peer {
    running: Running,
    pub(crate) key: String,
}

/// Peers of one stack on a network of their own, and a host more for whoever comes.
pub(crate) struct Crowd {
    stack: Stack,
    lan: Lan,
    peers: Vec<Peer>,
    scratch: Scratch,
    came: usize,
}

impl Crowd {
    /// So many of them, started one after the other.
    pub(crate) fn start(stack: Stack, size: usize) -> Self {
        let (lan, scratch) = (Lan::new(size + 1), Scratch::new());
        let mut crowd = Self { stack, lan, peers: Vec::new(), scratch, came: 0 };
        let gap = if stack == Stack::Pair { PHASES / size as u32 } else { GAP };
        for number in 0..size {
            let command = crowd.command(number);
            crowd.peers.push(Peer::start(&crowd.lan.hosts()[number], command));
            thread::sleep(gap);
        }
        crowd
    }

    pub(crate) const fn stack(&self) -> Stack {
        self.stack
    }

    /// Without the newcomer.
    pub(crate) const fn size(&self) -> usize {
        self.peers.len()
    }

    pub(crate) const fn lan(&self) -> &Lan {
        &self.lan
    }

    /// How often somebody does not know somebody, of all ordered pairs.
    pub(crate) fn strangers(&self) -> usize {
        let now = watch::now();
        let unknown_to = |peer: &Peer| {
            self.others(&peer.key)
                .filter(|other| peer.tells_of(&other.key, "online", None, now).is_none())
                .count()
        };
        self.peers.iter().map(unknown_to).sum()
    }

    /// One more comes, is met, and goes again. It is nobody whom anybody has met before.
    pub(crate) fn welcome(&mut self) -> Welcome {
        self.came += 1;
        let command = self.command(self.size() + self.came);
        let newcomer = Peer::start(&self.lan.hosts()[self.size()], command);
        let begun = newcomer.running.begun();
        let until = begun + LIMIT;
        let after = |times: Vec<Option<Instant>>| {
            Some(times.into_iter().collect::<Option<Vec<_>>>()?.into_iter().max()? - begun)
        };
        let found = self.peers.iter().map(|peer| newcomer.tells_of(&peer.key, "online", None, until));
        let found = after(found.collect());
        let seen = self.peers.iter().map(|peer| peer.tells_of(&newcomer.key, "online", None, until));
        let seen = after(seen.collect());
        newcomer.leave(self.stack);
        Welcome { found, seen }
    }

    /// Ends a peer with `how`, and starts it again; when the last of the others told that it was gone, for `reason`.
    pub(crate) fn replace(
        &mut self,
        number: usize,
        how: impl FnOnce(&mut Peer),
        reason: &str,
    ) -> Option<Duration> {
        let since = watch::now();
        how(&mut self.peers[number]);
        let until = since + LIMIT;
        let key = self.peers[number].key.clone();
        let told = self.others(&key).map(|other| other.tells_of(&key, "gone", Some((since, reason)), until));
        let told = told.collect::<Option<Vec<_>>>();
        // Whoever said goodbye still has its profile for a moment.
        let _ = self.peers[number].running.wait(LIMIT);
        let command = self.command(number);
        let again = Peer::start(&self.lan.hosts()[number], command);
        let until = again.running.begun() + LIMIT;
        for other in self.others(&key) {
            // Whoever is not met again will not be told of as gone.
            let _ = other.tells_of(&key, "online", Some((since, "")), until);
            let _ = again.tells_of(&other.key, "online", None, until);
        }
        self.peers[number] = again;
        Some(told?.into_iter().max()? - since)
    }

    /// All but the one with this key.
    fn others<'c>(&'c self, key: &'c str) -> impl Iterator<Item = &'c Peer> {
        self.peers.iter().filter(move |other| other.key != key)
    }

    /// How the peer of this number is started, with what it kept if it has been there before.
    fn command(&self, number: usize) -> Command {
        let host = &self.lan.hosts()[number.min(self.size())];
        self.stack.prepare(host, self.scratch.path(), &format!("peer{number}"))
    }
}

impl Peer {
    /// Starts it on `host` and waits for its key. A thread of the host starts it: nothing has to be entered first.
    fn start(host: &Host, mut command: Command) -> Self {
        let running = host.run(move || Running::start("peer".into(), &mut command));
        let hello = running.expect("hello", LIMIT, |line| line.is_of("hello"));
        let key = hello.json["key"].as_str().unwrap_or_default().to_owned();
        Self { running, key }
    }

    /// When it told of the peer with this key that it is in this state, if it does in time; told once, it is not told
    /// again. With `since`, only what was told after that time and for that reason counts.
    fn tells_of(
        &self,
        key: &str,
        state: &str,
        since: Option<(Instant, &str)>,
        until: Instant,
    ) -> Option<Instant> {
        let left = until.saturating_duration_since(watch::now());
        let fits = |line: &chat_tests::running::Line| {
            line.is_peer(state, key)
                && since.is_none_or(|(since, reason)| {
                    line.at > since && (reason.is_empty() || line.json["reason"] == reason)
                })
        };
        self.running.take(left, fits).map(|line| line.at)
    }

    /// Lets it say goodbye, if it is somebody who does, and waits for its end.
    fn leave(mut self, stack: Stack) {
        if stack.is_own() {
            self.quit();
        }
        self.running.close_stdin();
        let _ = self.running.wait(LIMIT);
    }

    /// Tells our program to quit.
    pub(crate) fn quit(&mut self) {
        self.running.write("{\"cmd\":\"quit\"}\n");
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        self.running.kill();
    }
}

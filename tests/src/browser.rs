//! What other people's multicast DNS says of those who are on the network.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use crate::{
    avahi,
    foreign::Stack,
    running::{Line, Running},
    watch::{self, PATIENCE},
};

/// Somebody who browses.
#[derive(Debug)]
pub struct Browser {
    pub(crate) stack: Stack,
    /// How often it tells each thing: Avahi does in both families.
    pub(crate) times: usize,
    pub(crate) running: Running,
}

impl Browser {
    /// Waits until it sees an instance of this name that `fits`, and sees it in each family where they are told apart: whoever
    /// leaves before it was announced in one is never gone there.
    ///
    /// # Panics
    /// When it does not in time.
    #[track_caller]
    pub fn expect_seen(&self, name: &str, fits: impl Fn(&Seen) -> bool) -> Seen {
        let seen = |line: &Line| match self.read(line)? {
            Told::Seen(seen) => (seen.name == name && fits(&seen)).then_some(seen),
            Told::Gone(_) => None,
        };
        let is_any = |line: &Line| matches!(self.read(line), Some(Told::Seen(seen)) if seen.name == name);
        let what = format!("sight of {name:?}");
        let line = self.running.expect(&what, PATIENCE, |line| seen(line).is_some());
        for _ in 1..self.times {
            self.running.expect(&what, PATIENCE, is_any);
        }
        seen(&line).expect("that was looked for")
    }

    /// Waits until this instance is gone, in each family where they are told apart.
    ///
    /// # Panics
    /// When it is not within `limit`.
    #[track_caller]
    pub fn expect_gone(&self, name: &str, limit: Duration) {
        let deadline = watch::now() + limit;
        for _ in 0..self.times {
            let left = deadline.saturating_duration_since(watch::now());
            self.running.expect(&format!("end of {name:?}"), left, |line| self.is_gone(line, name));
        }
    }

    /// Whether it has never said that this one is gone.
    #[must_use]
    pub fn has_kept(&self, name: &str) -> bool {
        self.running.gather(|line| self.is_gone(line, name).then_some(())).is_empty()
    }

    /// The names of all that it has ever seen.
    #[must_use]
    pub fn names(&self) -> BTreeSet<String> {
        let name = |line: &Line| match self.read(line)? {
            Told::Seen(seen) => Some(seen.name),
            Told::Gone(_) => None,
        };
        self.running.gather(name).into_iter().collect()
    }

    /// Whether it still runs.
    #[must_use]
    pub fn is_alive(&mut self) -> bool {
        self.running.is_alive()
    }

    fn is_gone(&self, line: &Line, name: &str) -> bool {
        matches!(self.read(line), Some(Told::Gone(gone)) if gone == name)
    }

    fn read(&self, line: &Line) -> Option<Told> {
        if self.stack == Stack::Avahi {
            return avahi::read(&line.text);
        }
        let strings = |field: &str| -> Vec<String> {
            let all = line.json[field].as_array().into_iter().flatten();
            all.filter_map(|one| one.as_str().map(str::to_owned)).collect()
        };
        let name = line.json["name"].as_str()?.to_owned();
        if line.is_of("gone") {
            return Some(Told::Gone(name));
        }
        let host = line.json["host"].as_str()?.to_owned();
        let port = u16::try_from(line.json["port"].as_u64()?).ok()?;
        let addresses = strings("addresses").iter().filter_map(|one| one.parse().ok()).collect();
        Some(Told::Seen(Seen { name, host, port, addresses, txt: strings("txt").into_iter().collect() }))
    }
}

impl std::fmt::Display for Browser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.running.fmt(f)
    }
}

/// What a browser has to say of an instance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    /// The instance's label, not escaped.
    pub name: String,
    /// Where its SRV record points.
    pub host: String,
    /// Of its SRV record.
    pub port: u16,
    /// Of the host; Avahi tells only one.
    pub addresses: BTreeSet<IpAddr>,
    /// Its TXT strings.
    pub txt: BTreeSet<String>,
}

/// A line of a browser.
#[derive(Debug)]
pub(crate) enum Told {
    Seen(Seen),
    Gone(String),
}

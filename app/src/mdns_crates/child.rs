//! The child's own life: it does as it is told by a line on its standard input, and ends when that ends.

use std::{io, net::IpAddr, process::ExitCode};

use super::{
    Announcement,
    browse::Browsing,
    line::{self, Order},
    respond::Responding,
};

/// Runs until the parent closes our standard input, whether it wants to or is no more.
pub(super) fn run() -> ExitCode {
    leave_no_core();
    let mut state = State::default();
    let mut orders = io::stdin().lock();
    while let Some(line) = line::next(&mut orders) {
        let Some(order) = line.ok().and_then(|line| Order::read(&line)) else { continue };
        if let Err(error) = state.on_order(order) {
            // The parent knows when to try again.
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// What runs; its goodbye comes with its end.
#[derive(Default)]
struct State {
    addresses: Vec<IpAddr>,
    announcement: Option<Announcement>,
    responding: Option<Responding>,
    browsing: Option<Browsing>,
}

impl State {
    fn on_order(&mut self, order: Order) -> io::Result<()> {
        match order {
            Order::Announce(announcement) => {
                if let Some(responding) = &mut self.responding {
                    responding.announce(&announcement);
                    self.announcement = Some(announcement);
                    return Ok(());
                }
                self.announcement = Some(announcement);
            }
            Order::Interfaces(addresses) => self.addresses = addresses,
        }
        if let Some(announcement) = &self.announcement {
            // The old ones first: two services of one name on one link would be one too many.
            (self.responding, self.browsing) = (None, None);
            self.responding = Some(Responding::new(announcement, self.addresses.clone())?);
            self.browsing = Some(Browsing::new(announcement, &self.addresses)?);
        }
        Ok(())
    }
}

/// A datagram that ends us shall fill no disk.
#[cfg(unix)]
fn leave_no_core() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
}

#[cfg(not(unix))]
fn leave_no_core() {}

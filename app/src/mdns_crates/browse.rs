//! What the crate `mdns` does: it asks who is there, and reads the answers.
//!
//! It sends its first question one interval after the start, and then one in every interval, whatever it has heard. So
//! each question has a browser of its own, which lives for a little longer than its one interval, and of which the next
//! one is opened before it is closed.

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
    net::{IpAddr, Ipv4Addr},
    process,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use chat_core::{BootId, Instant, Nick, read_hex};
use chat_net::Clock;
use mdns::RecordKind;
use smol::{Timer, channel, future, stream::StreamExt as _};

use super::{
    Announcement, SERVICE,
    line::{ADDRESSES_MAX, Instance, Report, Seen},
    route,
};

/// The first question waits so long, so that not all ask at once when the power comes back (RFC 6762 section 5.2),
const FIRST_MIN: u64 = 20;
/// and up to so much longer, in milliseconds.
const FIRST_SPREAD: u64 = 100;
/// The pauses after that, before it goes slowly.
const QUICK: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(9), Duration::from_secs(27)];
/// The shortest pause after those.
const SLOW: Duration = Duration::from_secs(60);
/// Where N are there and each asks every N²/`CROWD` seconds, `CROWD` answers a second come of it for each N.
const CROWD: u64 = 20;
/// The longest pause.
const SLOWEST: Duration = Duration::from_secs(86_400);
/// How much longer than its question a browser lives, at most.
const LINGER: Duration = Duration::from_secs(1);
/// Added to the time for which a find is good.
const GRACE: Duration = Duration::from_secs(10);
/// Those who are counted.
const COUNTED_MAX: usize = 4096;
/// Instances taken out of one packet.
const INSTANCES_MAX: usize = 16;

/// Browsers that run until this is dropped.
pub(super) struct Browsing {
    _stop: channel::Sender<()>,
}

impl Browsing {
    /// One on each interface of IPv4. All would ask through the same one, so only that one does.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn new(announcement: &Announcement, addresses: &[IpAddr]) -> io::Result<Self> {
        let (stop, stopped) = channel::bounded(1);
        let crowd = Arc::new(Mutex::new(Crowd::default()));
        let addresses = addresses.iter().filter_map(|address| match address {
            IpAddr::V4(v4) => Some(*v4),
            IpAddr::V6(_) => None,
        });
        let addresses: Vec<Ipv4Addr> = addresses.collect();
        let asking = route().ok().and_then(|way| addresses.iter().position(|address| *address == way));
        for (number, address) in addresses.into_iter().enumerate() {
            let browser = Browser {
                address,
                asks: number == asking.unwrap_or(0),
                first: Duration::from_millis(FIRST_MIN + announcement.boot.0 % FIRST_SPREAD),
                boot: announcement.boot,
                crowd: Arc::clone(&crowd),
                clock: Clock::new(),
            };
            let stopped = stopped.clone();
            let run = move || {
                let stop = async {
                    let _ = stopped.recv().await;
                };
                smol::block_on(future::or(browser.run(), stop));
            };
            thread::Builder::new().name(String::from("mdns")).spawn(run)?;
        }
        Ok(Self { _stop: stop })
    }
}

struct Browser {
    address: Ipv4Addr,
    asks: bool,
    first: Duration,
    boot: BootId,
    crowd: Arc<Mutex<Crowd>>,
    clock: Clock,
}

impl Browser {
    async fn run(self) {
        let mut former = None;
        for number in 0.. {
            let pause = if self.asks { pause(number, self.first, self.size()) } else { SLOWEST };
            let ends = Timer::after(lifetime(pause));
            let discovery = mdns::discover::interface(SERVICE, pause, self.address);
            match discovery {
                Ok(discovery) => {
                    let mut answers = Box::pin(discovery.listen());
                    // Not before: what is answered meanwhile would be missed.
                    drop(former.take());
                    let hear = async {
                        // An error is not the end: a network that has gone comes back.
                        while let Some(answer) = answers.next().await {
                            match answer {
                                Ok(answer) => self.on_answer(&answer),
                                Err(error) => eprintln!("{}: {error:?}", self.address),
                            }
                        }
                        future::pending::<()>().await;
                    };
                    let end = async {
                        ends.await;
                    };
                    future::or(hear, end).await;
                    former = Some(answers);
                }
                // Its error shows as "_0".
                Err(error) => {
                    eprintln!("{}: {error:?}", self.address);
                    ends.await;
                }
            }
        }
    }

    fn on_answer(&self, answer: &mdns::Response) {
        let records: Vec<Said<'_>> = answer
            .records()
            .map(|record| Said { name: &record.name, ttl: record.ttl, kind: &record.kind })
            .collect();
        for (ttl, mut report) in reports(&records) {
            match &mut report {
                // We hear ourselves.
                Report::Seen(seen) if seen.boot == Some(self.boot) => continue,
                Report::Seen(seen) => {
                    let lasts = Duration::from_secs(ttl.into()).max(silence(self.size()));
                    seen.lasts = u32::try_from(lasts.as_secs()).unwrap_or(u32::MAX);
                    self.crowd().insert(self.clock.now(), seen.instance.clone(), lasts);
                }
                Report::Lost(instance) => self.crowd().remove(instance),
            }
            if io::stdout().lock().write_all(report.line().as_bytes()).is_err() {
                // Nobody listens.
                process::exit(1);
            }
        }
    }

    fn size(&self) -> u64 {
        self.crowd().size(self.clock.now())
    }

    fn crowd(&self) -> std::sync::MutexGuard<'_, Crowd> {
        self.crowd.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long to wait before this question, where so many others are there.
fn pause(number: usize, first: Duration, others: u64) -> Duration {
    let slow = Duration::from_secs(others.saturating_mul(others) / CROWD).clamp(SLOW, SLOWEST);
    match number.checked_sub(1) {
        None => first,
        Some(number) => QUICK.get(number).copied().unwrap_or(slow),
    }
}

/// How long a browser lives that asks after `pause`: never so long that it asks twice.
fn lifetime(pause: Duration) -> Duration {
    pause + (pause / 2).min(LINGER)
}

/// Somebody who is not heard for so long is gone: then two questions were not answered.
fn silence(others: u64) -> Duration {
    lifetime(pause(usize::MAX, Duration::ZERO, others)) * 2 + GRACE
}

/// Who is there, to know how many.
#[derive(Debug, Default)]
struct Crowd(BTreeMap<Instance, Instant>);

impl Crowd {
    fn insert(&mut self, now: Instant, instance: Instance, lasts: Duration) {
        if self.0.len() < COUNTED_MAX || self.0.contains_key(&instance) {
            self.0.insert(instance, now + lasts);
        }
    }

    fn remove(&mut self, instance: &Instance) {
        self.0.remove(instance);
    }

    fn size(&mut self, now: Instant) -> u64 {
        self.0.retain(|_, until| *until > now);
        self.0.len().try_into().unwrap_or(u64::MAX)
    }
}

/// One record of an answer.
#[derive(Clone, Copy)]
struct Said<'a> {
    name: &'a str,
    ttl: u32,
    kind: &'a RecordKind,
}

/// What an answer says of instances of our service, each with the pointer's time to live in seconds.
///
/// Whoever is not described in the same packet is left out: `mdns` asks for nothing but pointers.
fn reports(records: &[Said<'_>]) -> Vec<(u32, Report)> {
    let pointers = records.iter().filter_map(|record| match record.kind {
        RecordKind::PTR(target) if record.name == SERVICE => Some((record.ttl, target.as_str())),
        _ => None,
    });
    let report = |(ttl, target): (u32, &str)| {
        let instance = Instance::new(target.strip_suffix(SERVICE)?.strip_suffix('.')?)?;
        let report = match ttl {
            0 => Report::Lost(instance),
            _ => Report::Seen(seen(records, target, instance)?),
        };
        Some((ttl, report))
    };
    pointers.filter_map(report).take(INSTANCES_MAX).collect()
}

fn seen(records: &[Said<'_>], name: &str, instance: Instance) -> Option<Seen> {
    let (port, host) = records.iter().find_map(|record| match record.kind {
        RecordKind::SRV { port, target, .. } if record.name == name => Some((*port, target)),
        _ => None,
    })?;
    let texts = records.iter().filter(|record| record.name == name).find_map(|record| match record.kind {
        RecordKind::TXT(texts) => Some(texts.as_slice()),
        _ => None,
    });
    let value = |key: &str| {
        texts.unwrap_or_default().iter().find_map(|text| text.strip_prefix(key)?.strip_prefix('='))
    };
    let addresses =
        records.iter().filter(|record| record.name == *host).filter_map(|record| match record.kind {
            RecordKind::A(v4) => Some(IpAddr::V4(*v4)),
            RecordKind::AAAA(v6) => Some(IpAddr::V6(*v6)),
            _ => None,
        });
    let addresses: Vec<IpAddr> = addresses.take(ADDRESSES_MAX).collect();
    (!addresses.is_empty()).then(|| Seen {
        instance,
        lasts: 0,
        id: value("id").and_then(|id| read_hex(id).ok()),
        boot: value("b").and_then(|boot| read_hex(boot).ok()).map(|boot| BootId(u64::from_be_bytes(boot))),
        nick: value("n").map(Nick::lenient),
        port,
        addresses,
    })
}

#[cfg(test)]
mod tests;

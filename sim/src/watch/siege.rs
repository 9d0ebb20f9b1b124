//! What must hold for honest peers while foes are about: the usual promises (L8), and, while nothing else goes wrong,
//! that nobody is kept apart, lied to, or harmed through them.
//!
//! Addresses at which an honest program or a foe's real node is heard are left out of the rules about victims: those
//! have proven themselves.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use chat_core::{Action, Event, Instant, Message, Nick, PeerKey, PeerState, Via, is_invisible};

use super::{Check, Fact, Truth, checks};
use crate::{foe::Model, host::clock::EPOCH, lan::is_for_many, plan::Plan};

/// Two who run find each other within this: 250 ms of waiting, three probes 250 ms apart, the first announcement,
/// which may get lost, and the second one a second later (RFC 6762 sections 8.1 and 8.3), up to 120 ms to ask for an
/// address (section 6.3), 100 ms for a message of the handshake that is sent again: 2.3 s; and as much again since
/// they are under attack.
const MEET: Duration = Duration::from_millis(4600);
/// What is said is shown to everybody in session within this: a push that is lost twice comes with the second probe,
/// 1 + 2 initial probe timeouts (999 ms each, RFC 9002 section 6.2.2) later.
const REACH: Duration = Duration::from_secs(3);
/// At most so much goes to an address for what came from it, until it is proven (RFC 9000 section 8).
const AMPLIFICATION: usize = 3;
/// At most one dial to one address in this time (DESIGN section 4).
const DIAL_GAP: Duration = Duration::from_secs(10);
/// Multicast answers of one node on one link and family in a second: each of its nine records at most once
/// (RFC 6762 section 6), and the defence of two names once in 250 ms.
const ANSWERS_MAX: u32 = 9 + 2 * 4;
/// And multicast questions: one for each of 64 instances whose records are missing, and for those that take their
/// places (`ASKING_MAX` in `core/src/mdns/service.rs`); who is there, with 32 packets of known answers (`query.rs`);
/// and three probes.
const QUESTIONS_MAX: u32 = 2 * 64 + 32 + 3;
/// Unicast answers of multicast DNS in a second: what `core/src/mdns/budget.rs` allows, and its burst.
const UNICAST_MAX: u32 = 100;
/// How far ahead of the true time an honest entry may be stamped: a newest stamp a minute ahead is followed.
const AHEAD_MAX: Duration = Duration::from_secs(61);
/// What a hostile datagram takes of a link at most: 1200 bytes and their headers.
const SHOT_BITS: u64 = 1300 * 8;
const HELLO: u8 = 1;

/// The checks for a plan with foes.
pub(super) fn checks(plan: &Plan) -> Vec<Box<dyn Check>> {
    let (mut checks, is_drowned): (Vec<Box<dyn Check>>, _) = (Vec::new(), is_drowned(plan));
    if plan.faults.is_empty() {
        let members = plan.foes.iter().map(|foe| foe.model.is_member()).collect();
        checks.push(Box::new(Victims { members, ..Victims::default() }));
        checks.push(Box::<Chatter>::default());
        if !is_drowned {
            checks.push(Box::<Bonds>::default());
            checks.push(Box::<Words>::default());
        }
    }
    checks.extend(checks::safe());
    if !is_drowned {
        checks.extend(checks::live());
    }
    checks
}

/// Whether foes may fill half of a link or more, by which the slower of its two rates is meant: the other half are
/// the answers that they ask for. Or whether they are so many real nodes that, when all of them answer one question,
/// what waits for the link does not fit its queue. Where there is no air, nobody can keep a promise.
fn is_drowned(plan: &Plan) -> bool {
    plan.segments.iter().enumerate().any(|(number, link)| {
        let foes = plan.foes.iter().filter(|foe| foe.on == number);
        let crowd: u64 = foes.clone().map(|foe| keys(&foe.model) * SHOT_BITS / 8).sum();
        let bits: u64 = foes.map(|foe| u64::from(foe.rate) * SHOT_BITS).sum();
        let rates = [link.rate, link.multicast_rate];
        rates.into_iter().filter(|rate| *rate > 0).any(|rate| bits * 2 >= rate) || crowd >= link.queue
    })
}

/// Of a crowd, how many answer.
const fn keys(model: &Model) -> u64 {
    match model {
        Model::Sybil { keys } => *keys as u64,
        _ => 0,
    }
}

/// Honest peers find each other and stay together.
#[derive(Default)]
struct Bonds {
    /// By when who should have met whom.
    due: BTreeSet<(Instant, usize, usize)>,
    met: BTreeSet<(usize, usize)>,
}

impl Check for Bonds {
    fn name(&self) -> &'static str {
        "bonds"
    }

    fn see(&mut self, truth: &Truth, now: Instant, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Booted { host, .. } => {
                let others = others(truth, *host);
                self.due.extend(
                    others.flat_map(|other| [(now + MEET, *host, other), (now + MEET, other, *host)]),
                );
            }
            Fact::Ended { host, .. } => {
                self.met.retain(|(one, other)| one != host && other != host);
                self.due.retain(|(_, one, other)| one != host && other != host);
            }
            Fact::Told { host, event: Event::Peer(change) } => {
                let Some(other) = change.key.and_then(|key| host_of(truth, key)) else { return Ok(()) };
                match change.state {
                    PeerState::Online => _ = self.met.insert((*host, other)),
                    PeerState::Found => {}
                    state => return Err(format!("host {host} takes the honest host {other} for {state:?}")),
                }
            }
            _ => {}
        }
        while let Some((_, host, other)) = self.due.first().copied().filter(|(at, ..)| *at < now) {
            self.due.pop_first();
            if !self.met.contains(&(host, other)) {
                return Err(format!("host {host} has not met the honest host {other} within {MEET:?}"));
            }
        }
        Ok(())
    }
}

/// What honest people say is shown to everybody, and nothing else is.
#[derive(Default)]
struct Words {
    /// By when which words should be shown at which host.
    due: BTreeSet<(Instant, usize, String)>,
    shown: BTreeSet<(usize, String)>,
}

impl Words {
    fn on_shown(
        &mut self,
        truth: &Truth,
        now: Instant,
        host: usize,
        message: &Message,
    ) -> Result<(), String> {
        let text = &message.text;
        let said =
            truth.said.get(text).filter(|said| said.author == message.from && said.place == message.place);
        if said.is_none() && !truth.foul.contains(&(message.from, text.clone())) {
            return Err(format!("host {host} shows {text:?} of {}, which nobody said", message.from));
        }
        let truth_now =
            EPOCH.0 * 1000 + u64::try_from((now.since_origin() + AHEAD_MAX).as_micros()).unwrap_or(0);
        if said.is_some() && message.stamp.0 > truth_now {
            return Err(format!(
                "an honest entry is stamped {} µs too far ahead",
                message.stamp.0 - truth_now
            ));
        }
        if said.is_some() {
            self.shown.insert((host, text.clone()));
        }
        Ok(())
    }
}

impl Check for Words {
    fn name(&self) -> &'static str {
        "words"
    }

    fn see(&mut self, truth: &Truth, now: Instant, fact: &Fact<'_>) -> Result<(), String> {
        match fact {
            Fact::Asked { host, action: Action::Say { text, .. }, .. } => {
                let text = text.as_str().to_owned();
                self.due.extend(others(truth, *host).map(|other| {
                    // Who has just come must meet the others first.
                    let since = [*host, other].map(|host| truth.hosts[host].runs_since.unwrap_or(now) + MEET);
                    (now.max(since[0]).max(since[1]) + REACH, other, text.clone())
                }));
            }
            Fact::Ended { host, .. } => self.due.retain(|(_, other, _)| other != host),
            Fact::Told { host, event: Event::Message(message) } => {
                check_nick(*host, Some(&message.nick))?;
                self.on_shown(truth, now, *host, message)?;
            }
            Fact::Told { host, event: Event::Peer(change) } => check_nick(*host, change.nick.as_ref())?,
            _ => {}
        }
        while let Some((_, host, text)) = self.due.first().cloned().filter(|(at, ..)| *at < now) {
            self.due.pop_first();
            if !self.shown.remove(&(host, text.clone())) {
                return Err(format!("host {host} has not been shown {text:?} within {REACH:?}"));
            }
        }
        Ok(())
    }
}

/// Nobody is told of a name with something in it that cannot be seen.
fn check_nick(host: usize, nick: Option<&Nick>) -> Result<(), String> {
    match nick.filter(|nick| nick.as_str().contains(is_invisible)) {
        Some(nick) => Err(format!("host {host} is told of somebody called {:?}", nick.as_str())),
        None => Ok(()),
    }
}

/// Nobody's traffic can be aimed at others.
#[derive(Default)]
struct Victims {
    /// For each foe, whether its own address is proven.
    members: Vec<bool>,
    proven: BTreeSet<IpAddr>,
    /// What a host got from an address, and what it sent there for that.
    bytes: BTreeMap<(usize, SocketAddr), (usize, usize)>,
    /// The last dial of a host to an address: its id, and when it began.
    dials: BTreeMap<(usize, SocketAddr), ([u8; 8], Instant)>,
}

impl Check for Victims {
    fn name(&self) -> &'static str {
        "victims"
    }

    fn see(&mut self, truth: &Truth, now: Instant, fact: &Fact<'_>) -> Result<(), String> {
        if let Fact::Sent { host, transmit, .. } = fact
            && is_far(transmit.to.ip())
        {
            return Err(format!("host {host} sends to {}, which is not on its link", transmit.to));
        }
        match fact {
            Fact::Received { host, flight, .. } => {
                let foe = flight.sender.checked_sub(truth.hosts.len());
                if foe.is_none_or(|foe| self.members.get(foe) == Some(&true)) {
                    self.proven.insert(flight.from.ip());
                } else {
                    self.bytes.entry((*host, flight.from)).or_default().0 += flight.bytes.len();
                }
            }
            Fact::Sent { host, transmit, cause } if transmit.via == Via::Chat => {
                let to = SocketAddr::new(transmit.to.ip(), transmit.to.port());
                if self.proven.contains(&to.ip()) {
                    return Ok(());
                }
                if cause.is_some_and(|flight| flight.from == to) {
                    let (got, sent) = self.bytes.entry((*host, to)).or_default();
                    *sent += transmit.bytes.len();
                    if *sent > *got * AMPLIFICATION {
                        return Err(format!("host {host} sent {sent} bytes to {to} for {got}"));
                    }
                }
                if let (Some(&HELLO), Some(id)) = (transmit.bytes.first(), transmit.bytes.get(1..9)) {
                    let id = id.try_into().unwrap_or_default();
                    let dial = self.dials.entry((*host, to)).or_insert((id, now));
                    let gap = now - dial.1;
                    if dial.0 != id {
                        *dial = (id, now);
                        if gap < DIAL_GAP {
                            return Err(format!("host {host} dials {to} again after {gap:?}"));
                        }
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// No node can be made to shout.
#[derive(Default)]
struct Chatter {
    second: u64,
    /// Multicast messages by host, interface, family and whether they answer; unicast ones by host.
    multicast: BTreeMap<(usize, u32, bool, bool), u32>,
    unicast: BTreeMap<usize, u32>,
}

impl Check for Chatter {
    fn name(&self) -> &'static str {
        "chatter"
    }

    fn see(&mut self, _truth: &Truth, now: Instant, fact: &Fact<'_>) -> Result<(), String> {
        let Fact::Sent { host, transmit, .. } = fact else { return Ok(()) };
        if transmit.via != Via::Mdns {
            return Ok(());
        }
        if now.since_origin().as_secs() != self.second {
            self.second = now.since_origin().as_secs();
            self.multicast.clear();
            self.unicast.clear();
        }
        let is_answer = transmit.bytes.get(2).is_some_and(|flags| flags & 0x80 != 0);
        let (count, most) = if is_for_many(transmit.to.ip()) {
            let link = (*host, transmit.interface, transmit.to.is_ipv4(), is_answer);
            (self.multicast.entry(link).or_default(), if is_answer { ANSWERS_MAX } else { QUESTIONS_MAX })
        } else {
            (self.unicast.entry(*host).or_default(), UNICAST_MAX)
        };
        *count += 1;
        if *count > most {
            return Err(format!("host {host} sends more than {most} messages of multicast DNS in a second"));
        }
        Ok(())
    }
}

/// Whether no link of a simulation has this address.
fn is_far(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !is_for_many(address) && v4.octets()[0] != 10,
        IpAddr::V6(v6) => !v6.is_multicast() && !v6.is_unicast_link_local() && v6.segments()[0] != 0xfd00,
    }
}

/// The other honest hosts that run.
fn others(truth: &Truth, host: usize) -> impl Iterator<Item = usize> {
    let running = truth.hosts.iter().enumerate().filter(|(_, other)| other.runs_since.is_some());
    running.map(|(other, _)| other).filter(move |&other| other != host)
}

fn host_of(truth: &Truth, key: PeerKey) -> Option<usize> {
    truth.hosts.iter().position(|host| host.key == key)
}

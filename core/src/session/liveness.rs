//! Whether the peer is still there.
//!
//! ```text
//! heartbeat -- unit -- probe -- unit -- probe, suspect -- unit -- probe -- 1.5 units -- lost
//! ```
//!
//! A unit is 200 ms on a link of ours, so a crash is found out within 6 s + 0.9 s. Whatever authentic comes from the
//! peer is an answer. A heartbeat is answered by a heartbeat, and then serves both sides: two datagrams in 5 s show
//! both that the other is there.

use core::{ops::RangeInclusive, time::Duration};

use crate::{rng::Rng, time::Instant};

/// Every 5 s, with 20 % jitter, so that many peers do not beat in step.
const HEARTBEAT: RangeInclusive<Duration> = Duration::from_secs(4)..=Duration::from_secs(6);
const UNIT_MIN: Duration = Duration::from_millis(200);
/// A path so slow that this is too short cannot be told from a broken one.
const UNIT_MAX: Duration = Duration::from_secs(1);
const LATER: Duration = Duration::from_millis(1);
/// Whoever has said so much less long ago only acknowledges: a peer that asks faster gets no more for it, and when two
/// ask at once nothing is said twice.
const ANSWER_PAUSE: Duration = Duration::from_secs(2);
/// Probes after an unanswered heartbeat.
const PROBES: u8 = 3;
/// The same where little gets through.
const PROBES_STRAINED: u8 = 8;

/// Watches one peer.
#[derive(Debug)]
pub(super) struct Liveness {
    /// When the next heartbeat is due.
    heartbeat: Instant,
    /// When our last one went out, as a question or as an answer.
    said: Option<Instant>,
    question: Option<Question>,
}

/// The peer was asked something and has not answered.
#[derive(Debug)]
struct Question {
    /// Probes sent so far.
    probes: u8,
    /// How long to wait for an answer.
    until: Instant,
}

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Due {
    Nothing,
    /// Send a heartbeat.
    Heartbeat,
    /// Send a probe.
    Probe,
    /// Send a probe, and tell that the peer may be gone.
    Suspect,
    /// The peer is gone.
    Lost,
}

impl Liveness {
    pub(super) fn new(now: Instant, rng: &mut Rng) -> Self {
        Self { heartbeat: now + rng.duration(HEARTBEAT), said: None, question: None }
    }

    pub(super) const fn is_suspect(&self) -> bool {
        matches!(self.question, Some(Question { probes: 2.., .. }))
    }

    /// Something authentic came. Whether it had been suspected.
    pub(super) fn on_heard(&mut self, now: Instant) -> bool {
        let suspect = self.is_suspect();
        if self.question.take().is_some() {
            // Its time may have passed meanwhile, and a deadline is never in the past.
            self.heartbeat = self.heartbeat.max(now + LATER);
        }
        suspect
    }

    /// The peer asks, by a heartbeat, and hears our own as an answer. False: it has heard it just now.
    pub(super) fn on_asked(&mut self, now: Instant, rng: &mut Rng) -> bool {
        let answers = self.said.is_none_or(|said| now - said >= ANSWER_PAUSE);
        if answers {
            (self.said, self.heartbeat) = (Some(now), now + rng.duration(HEARTBEAT));
        }
        answers
    }

    /// Asks now, out of turn; the caller sends a probe. Nothing when an answer is being waited for already.
    pub(super) fn ask(&mut self, now: Instant, probe_timeout: Duration) -> bool {
        let asked = self.question.is_none();
        if asked {
            self.question = Some(Question { probes: 0, until: now + unit(probe_timeout) });
        }
        asked
    }

    pub(super) fn next_wake(&self) -> Instant {
        self.question.as_ref().map_or(self.heartbeat, |question| question.until)
    }

    /// Waiting times run from `now` and not from when they were due: a tick that comes late, after a suspend or
    /// on a machine out of breath, says nothing about the peer, whose answers may lie unread in our own socket.
    ///
    /// On a path that `is_strained` little gets through either way, so that silence says less: there are more probes, each
    /// waited for longer than the one before.
    pub(super) fn on_tick(
        &mut self,
        now: Instant,
        (probe_timeout, is_strained): (Duration, bool),
        rng: &mut Rng,
    ) -> Due {
        if self.next_wake() > now {
            return Due::Nothing;
        }
        let unit = unit(probe_timeout);
        let Some(question) = &mut self.question else {
            (self.said, self.heartbeat) = (Some(now), now + rng.duration(HEARTBEAT));
            self.question = Some(Question { probes: 0, until: now + unit });
            return Due::Heartbeat;
        };
        let most = if is_strained { PROBES_STRAINED } else { PROBES };
        if question.probes >= most {
            return Due::Lost;
        }
        question.probes += 1;
        question.until = now
            + match question.probes {
                probes if is_strained => unit * u32::from(probes),
                PROBES => unit * 3 / 2,
                _ => unit,
            };
        if question.probes == 2 { Due::Suspect } else { Due::Probe }
    }
}

fn unit(probe_timeout: Duration) -> Duration {
    probe_timeout.clamp(UNIT_MIN, UNIT_MAX)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn run(liveness: &mut Liveness, now: &mut Instant, rng: &mut Rng, steps: usize) -> Vec<Due> {
        let step = |_| {
            *now = liveness.next_wake();
            liveness.on_tick(*now, (Duration::ZERO, false), rng)
        };
        (0..steps).map(step).collect()
    }

    #[test]
    fn a_silent_peer_is_lost_within_seven_seconds_of_its_last_answer() {
        for seed in 0..100 {
            let (mut rng, mut now) = (Rng::new([seed; 32]), Instant::ORIGIN);
            let mut liveness = Liveness::new(now, &mut rng);
            assert_eq!(run(&mut liveness, &mut now, &mut rng, 1), [Due::Heartbeat]);
            assert!(!liveness.on_heard(now));
            let heard = now;
            let due = run(&mut liveness, &mut now, &mut rng, 5);
            assert_eq!(due, [Due::Heartbeat, Due::Probe, Due::Suspect, Due::Probe, Due::Lost]);
            assert!(now - heard < Duration::from_secs(7) && now - heard > Duration::from_millis(4800));
        }
    }

    #[test]
    fn where_little_gets_through_silence_says_less() {
        let (mut rng, mut now) = (Rng::new([1; 32]), Instant::ORIGIN);
        let mut liveness = Liveness::new(now, &mut rng);
        let mut dues = Vec::new();
        while dues.last() != Some(&Due::Lost) {
            now = liveness.next_wake();
            dues.push(liveness.on_tick(now, (Duration::ZERO, true), &mut rng));
        }
        assert_eq!(dues.iter().filter(|due| matches!(due, Due::Probe | Due::Suspect)).count(), 8);
        assert!((Duration::from_secs(11)..Duration::from_secs(14)).contains(&now.since_origin()), "{now:?}");
    }

    #[test]
    fn an_answer_ends_suspicion() {
        let (mut rng, mut now) = (Rng::new([0; 32]), Instant::ORIGIN);
        let mut liveness = Liveness::new(now, &mut rng);
        run(&mut liveness, &mut now, &mut rng, 3);
        assert!(liveness.on_heard(now));
        assert_eq!(run(&mut liveness, &mut now, &mut rng, 1), [Due::Heartbeat]);
    }

    #[test]
    fn a_question_of_the_other_is_as_good_as_our_own() {
        let (mut rng, mut now) = (Rng::new([1; 32]), Instant::ORIGIN);
        let mut liveness = Liveness::new(now, &mut rng);
        for _ in 0..100 {
            now += Duration::from_millis(3900);
            assert_eq!(
                liveness.on_tick(now, (Duration::ZERO, false), &mut rng),
                Due::Nothing,
                "nothing is asked"
            );
            assert!(liveness.on_asked(now, &mut rng));
            assert!(!liveness.on_asked(now + Duration::from_millis(1900), &mut rng), "it has just been said");
        }
        let heard = now;
        let due = run(&mut liveness, &mut now, &mut rng, 5);
        assert_eq!(due, [Due::Heartbeat, Due::Probe, Due::Suspect, Due::Probe, Due::Lost]);
        assert!(now - heard < Duration::from_secs(7));
    }

    #[test]
    fn a_deadline_is_never_in_the_past() {
        let (mut rng, now) = (Rng::new([0; 32]), Instant::ORIGIN);
        let mut liveness = Liveness::new(now, &mut rng);
        let heartbeat = liveness.next_wake();
        liveness.ask(now + Duration::from_millis(3990), Duration::from_secs(1));
        let heard = heartbeat + Duration::from_millis(500);
        liveness.on_heard(heard);
        assert!(liveness.next_wake() > heard);
    }

    #[test]
    fn a_machine_out_of_breath_accuses_nobody() {
        let (mut rng, mut now) = (Rng::new([0; 32]), Instant::ORIGIN);
        let mut liveness = Liveness::new(now, &mut rng);
        for expected in [Due::Heartbeat, Due::Probe, Due::Suspect, Due::Probe] {
            now += Duration::from_secs(3600);
            assert_eq!(liveness.on_tick(now, (Duration::ZERO, false), &mut rng), expected);
            assert!(liveness.next_wake() >= now + UNIT_MIN);
        }
    }
}

//! `sim bench`: how fast it is, beside a bare floor in the same process.

use std::time::Duration;

use serde_json::{Value, json};
use sim::plan::SuiteChoice;

use super::{
    Exit, Refusal,
    args::{self, Options},
    budget::Budget,
    show::{Paint, Show, grouped, number, time},
};

mod chat;
mod cores;
mod segment;

use chat::{Chat, End};
use segment::Segment;

/// How many peers the one segment has.
const SEGMENT_PEERS: usize = 1_000;
/// Which share of the floor's speed a world of real nodes has to reach.
const SEGMENT_GOAL: f64 = 0.25;
/// How many peers chat with each other: only for the most of them there are goals.
const CHAT_PEERS: [usize; 3] = [30, 100, 250];
/// Simulated seconds a second that the most of them have to reach.
const fn chat_goal(suite: SuiteChoice) -> f64 {
    match suite {
        SuiteChoice::Real => 100.0,
        SuiteChoice::Cheap => 300.0,
    }
}

/// Which share of the time may be used by the segment, by the starts of all chats, by each chat from there, and by each
/// of the two swarms.
const SEGMENT_SHARE: f64 = 0.25;
const STARTS_SHARE: f64 = 0.57;
const CHAT_SHARE: f64 = 0.02;
const SWARM_SHARE: f64 = 0.03;

/// Measures and prints. What falls short is said and changes no exit code: it is as much the machine's.
pub(super) fn bench(
    bench: &args::Bench,
    options: &Options,
    show: &Show,
    budget: &Budget,
) -> Result<Exit, Refusal> {
    let length = bench.span.0;
    show.line(format_args!(
        "sim {}  bench  {} cores, at most about {}{}",
        env!("CARGO_PKG_VERSION"),
        super::swarm::cores(),
        time(length),
        if cfg!(debug_assertions) { "  (a debug build: its figures mean nothing)" } else { "" }
    ));
    type Step = fn(&Bench<'_>) -> Result<(), Refusal>;
    let steps: [Step; 3] = [|bench| bench.segment(), |bench| bench.chats(), |bench| bench.cores()];
    let bench = Bench { length, options, show, budget };
    for step in steps {
        step(&bench)?;
        if let Some(stop) = budget.exceeded() {
            show.word(format_args!("{}  {stop}", show.paint(Paint::Odd, "STOP")));
            return Ok(stop.exit());
        }
    }
    Ok(Exit::Pass)
}

struct Bench<'a> {
    length: Duration,
    options: &'a Options,
    show: &'a Show,
    budget: &'a Budget,
}

impl Bench<'_> {
    /// The traffic of discovery on one segment.
    fn segment(&self) -> Result<(), Refusal> {
        let peers = self.options.peers.unwrap_or(SEGMENT_PEERS);
        let show = self.show;
        show.line(format_args!("[1/3] one segment, {} peers, no sessions", grouped(peers as u64)));
        show.line("      They start at once; each asks, probes three times and announces itself, and everybody hears it.");
        show.line("      Nobody is called: discovery is measured alone.");
        let measured = segment::measure(peers, self.length.mul_f64(SEGMENT_SHARE), self.budget)?;
        let Segment { rounds, end } = &measured;
        for (name, rate) in [("floor", measured.floor()), ("sim", measured.sim())] {
            show.line(format_args!("      {name:6} {:>9} deliveries/s", number(rate as u64)));
        }
        let ratio = measured.ratio();
        let goal = self.goal(ratio, SEGMENT_GOAL);
        let each: Vec<_> = rounds.iter().map(|round| format!("{:.3}", round.ratio())).collect();
        let end = match end {
            Some(at) => format!(", not to its end but to {} of {}", time(*at), time(segment::END)),
            None => String::new(),
        };
        show.word(format_args!(
            "      ratio  {ratio:>9.3} of the floor, goal {SEGMENT_GOAL}: {goal}  (median of {}: {}; {} deliveries each{end})",
            rounds.len(),
            each.join(" "),
            number(rounds.first().map_or(0, |round| round.sim.deliveries)),
        ));
        show.object(&json!({
            "type": "bench", "what": "segment", "peers": peers, "sessions": false, "rounds": rounds.len(),
            "floor_per_s": measured.floor(), "sim_per_s": measured.sim(), "ratio": ratio, "goal": SEGMENT_GOAL,
            "reached": ratio >= SEGMENT_GOAL, "whole": measured.end.is_none(),
        }));
        Ok(())
    }

    /// People who know each other.
    fn chats(&self) -> Result<(), Refusal> {
        let show = self.show;
        show.line(
            "[2/3] one message in 10 s in all, simulated seconds a second once everybody knows everybody",
        );
        let most = self.options.peers.unwrap_or(usize::MAX);
        let mut sizes = CHAT_PEERS.map(|size| size.min(most)).to_vec();
        sizes.dedup();
        let (mut starts, length) = (self.length.mul_f64(STARTS_SHARE), self.length.mul_f64(CHAT_SHARE));
        for peers in &sizes {
            for suite in [SuiteChoice::Real, SuiteChoice::Cheap] {
                let chat = chat::measure(*peers, suite, [starts, length], self.budget);
                starts = starts.saturating_sub(chat.start);
                // The goal is about the most of them.
                let goal = (CHAT_PEERS.last() == Some(peers)).then(|| chat_goal(suite));
                self.tell_chat(&chat, goal);
                if self.budget.exceeded().is_some() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn tell_chat(&self, chat: &Chat, goal: Option<f64>) {
        let suite = match chat.suite {
            SuiteChoice::Real => "real",
            SuiteChoice::Cheap => "cheap",
        };
        let (speed, word) = match &chat.end {
            End::Measured { simulated, wall } => {
                let speed = simulated.as_secs_f64() / wall.as_secs_f64();
                (
                    Some(speed),
                    format!(
                        "{speed:>9.1} ({} in {}, after a start of {})",
                        time(*simulated),
                        time(*wall),
                        time(chat.start)
                    ),
                )
            }
            End::NotBegun { simulated, ready } => (
                None,
                format!(
                    "not reached its start within {}: after {} simulated {ready} of {} know all others",
                    time(chat.start),
                    time(*simulated),
                    chat.peers
                ),
            ),
        };
        let verdict = goal.map_or(String::new(), |goal| {
            format!(", goal {goal}: {}", self.goal(speed.unwrap_or(0.0), goal))
        });
        self.show.word(format_args!("      {:>4} peers, {suite:5} {word}{verdict}", chat.peers));
        let mut object = json!({
            "type": "bench", "what": "chat", "peers": chat.peers, "suite": suite, "simulated_s_per_s": speed,
        });
        if let Some(goal) = goal {
            (object["goal"], object["reached"]) =
                (json!(goal), json!(speed.is_some_and(|speed| speed >= goal)));
        }
        self.show.object(&object);
    }

    /// A swarm on one core and on all.
    fn cores(&self) -> Result<(), Refusal> {
        let measured = cores::measure(self.options, self.length.mul_f64(SWARM_SHARE), self.budget)?;
        self.show.line("[3/3] a swarm, a seed a core");
        let [one, all] = measured.walls;
        let (jobs, runs) = (measured.jobs, measured.runs);
        let times = one.as_secs_f64() / all.as_secs_f64().max(1e-9);
        self.show.word(format_args!(
            "      {runs} runs in {} with 1 job, in {} with {jobs}: {times:.2} times as fast",
            time(one),
            time(all)
        ));
        let object: Value = json!({
            "type": "bench", "what": "swarm", "runs": runs, "jobs": jobs, "one_job_s": one.as_secs_f64(),
            "all_jobs_s": all.as_secs_f64(), "times": times,
        });
        self.show.object(&object);
        Ok(())
    }

    fn goal(&self, reached: f64, goal: f64) -> String {
        if reached >= goal {
            self.show.paint(Paint::Good, "PASS")
        } else {
            self.show.paint(Paint::Odd, "short")
        }
    }
}

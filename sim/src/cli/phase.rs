//! One run and what is said about it.

use std::{collections::BTreeMap, fs, io, path::PathBuf, rc::Rc};

use serde_json::{Value, json};
use sim::{
    Quiet,
    expect::Verdict,
    fault::Kind,
    plan::{Plan, SuiteChoice},
};

use super::{
    Exit,
    drive::{End, Ran},
    show::{Paint, Show, number, speed, time},
};

/// How to call this program.
pub(super) const PROGRAM: &str = "cargo run --release -p sim --";

/// One run that has come to an end, of whatever kind.
#[derive(Clone, Debug)]
pub(super) struct Phase {
    pub(super) name: String,
    pub(super) plan: Rc<Plan>,
    pub(super) ran: Ran,
    /// Nothing if it cannot be judged.
    pub(super) verdict: Option<Verdict>,
    /// The command that repeats it.
    replay: String,
    /// Where its plan is, if it was saved.
    saved: Option<PathBuf>,
}

impl Phase {
    /// Judges what ran. Of each of the kinds `asked` for one fault must have struck.
    pub(super) fn new(name: &str, replay: &str, plan: &Rc<Plan>, ran: Ran, asked: &[Kind]) -> Self {
        let judged = ran.outcome.as_ref().filter(|_| ran.end == End::Over);
        let verdict = judged.map(|outcome| match plan.expect.judge(plan, outcome) {
            Verdict::Pass => {
                let idle = asked.iter().filter(|kind| outcome.struck(plan, **kind) == 0);
                let idle: Vec<_> = idle.map(|kind| kind.name().to_owned()).collect();
                if idle.is_empty() { Verdict::Pass } else { Verdict::Vacuous(idle) }
            }
            verdict => verdict,
        });
        let (name, replay) = (name.to_owned(), replay.to_owned());
        Self { name, plan: Rc::clone(plan), ran, verdict, replay, saved: None }
    }

    pub(super) fn exit(&self) -> Exit {
        match (&self.ran.end, &self.verdict) {
            (End::Panicked(_), _) => Exit::Panic,
            (End::Stopped(stop), _) => stop.exit(),
            (End::Over, Some(Verdict::Pass | Verdict::Pending(..))) => Exit::Pass,
            (End::Over, Some(Verdict::Vacuous(_))) => Exit::Vacuous,
            (End::Over, Some(Verdict::Broken(_) | Verdict::NoMorePending(_)) | None) => Exit::Broken,
        }
    }

    /// Saves the plan of a run that failed in `folder`.
    pub(super) fn keep(&mut self, folder: &Option<PathBuf>) -> io::Result<()> {
        if matches!(self.exit(), Exit::Pass | Exit::Budget | Exit::Interrupted) {
            return Ok(());
        }
        let folder = folder.clone().unwrap_or_else(plans);
        fs::create_dir_all(&folder)?;
        let file = folder.join(format!("{}-{:#x}.toml", self.plan.name, self.plan.seed));
        fs::write(&file, self.plan.write().map_err(io::Error::other)?)?;
        self.saved = Some(file);
        Ok(())
    }

    /// `PASS`, `FAIL` and the like, with the reason.
    pub(super) fn word(&self, show: &Show) -> String {
        let bad = |word: &str, why: String| format!("{}  {why}", show.paint(Paint::Bad, word));
        match (&self.ran.end, &self.verdict) {
            (End::Panicked(what), _) => bad("PANIC", format!("of the simulator itself: {what}")),
            (End::Stopped(stop), _) => {
                format!("{}  {stop}; reached {}", show.paint(Paint::Odd, "STOP"), self.reached())
            }
            (_, Some(Verdict::Pass)) => show.paint(Paint::Good, "PASS"),
            (_, Some(Verdict::Pending(why, _))) => {
                format!("{}  it fails, as expected: {why}", show.paint(Paint::Odd, "PENDING"))
            }
            (_, Some(Verdict::NoMorePending(why))) => {
                bad("FAIL", format!("it passes, and is still marked as pending: {why}"))
            }
            (_, Some(Verdict::Vacuous(what))) => {
                bad("VACUOUS", format!("never happened: {}", what.join(", ")))
            }
            (_, Some(Verdict::Broken(violation))) => {
                let at = violation.at.since_origin();
                let (name, what) = (violation.check, &violation.what);
                bad("FAIL", format!("{name} at {}.{:09} s: {what}", at.as_secs(), at.subsec_nanos()))
            }
            (_, None) => bad("FAIL", "not judged".into()),
        }
    }

    /// How to go on after a failure.
    pub(super) fn failure(&self) -> Vec<String> {
        if self.exit() == Exit::Pass {
            return Vec::new();
        }
        let mut lines = vec![format!("seed     {:#x}", self.plan.seed)];
        if let Some(Verdict::Broken(violation)) = &self.verdict
            && let Some(meaning) = sim::explain(violation.check)
        {
            lines.push(format!("{:8} {meaning}", violation.check));
        }
        if let Some(file) = &self.saved {
            lines.push(format!("plan     {}", file.display()));
            lines.push(format!("replay   {PROGRAM} replay {}", file.display()));
        } else {
            lines.push(format!("replay   {}", self.replay));
        }
        lines
    }

    fn reached(&self) -> String {
        let Some(outcome) = &self.ran.outcome else { return "nothing".into() };
        format!(
            "{} of {} simulated, {} events",
            time(outcome.simulated),
            self.plan.duration,
            number(outcome.events)
        )
    }

    /// How it went in a line, for a table of several.
    pub(super) fn summary(&self) -> String {
        let Some(outcome) = &self.ran.outcome else { return String::new() };
        let known = match outcome.figures.whole {
            Some(whole) => {
                format!("all {} pairs in {}", number(outcome.figures.pairs as u64 / 2), time(whole))
            }
            None => format!("{} pairs apart", number(outcome.figures.missing as u64)),
        };
        format!(
            "{:>7} simulated in {:>7}  {known}, {} events",
            time(outcome.simulated),
            time(self.ran.wall),
            number(outcome.events)
        )
    }

    /// Everything about how it went.
    pub(super) fn details(&self) -> Vec<String> {
        let plan = &self.plan;
        let counted =
            |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        let mut lines = vec![format!(
            "{:10} {}, {}, {}, {}",
            plan.name,
            counted(plan.hosts.len(), "peer"),
            counted(plan.segments.len(), "segment"),
            counted(plan.faults.len(), "fault"),
            counted(plan.acts.len(), "act"),
        )];
        let Some(outcome) = &self.ran.outcome else { return lines };
        let (figures, counts) = (&outcome.figures, &outcome.counts);
        let mut add = |name: &str, what: String| lines.push(format!("{name:10} {what}"));
        add(
            "simulated",
            format!(
                "{} in {}, {}; {} events, {} a second",
                time(outcome.simulated),
                time(self.ran.wall),
                speed(outcome.simulated, self.ran.wall),
                number(outcome.events),
                number((outcome.events as f64 / self.ran.wall.as_secs_f64().max(1e-9)) as u64)
            ),
        );
        let first = figures
            .whole
            .map_or("never all of them".into(), |at| format!("all of them first at {}", time(at)));
        let now = figures.pairs - figures.missing;
        add(
            "known",
            format!(
                "{} of {} who hear each other; {first}",
                number(now as u64),
                number(figures.pairs as u64)
            ),
        );
        if let Some(quiet) = &figures.quiet {
            add("polite", polite(quiet));
        }
        let share = f64::from(figures.delivery().ppm()) / 1e4;
        add(
            "delivered",
            format!(
                "{} of {} ({share} %), of {} messages",
                number(figures.shown),
                number(figures.due),
                number(figures.said)
            ),
        );
        let lost: u64 = counts.lost.iter().sum();
        add(
            "traffic",
            format!(
                "{} datagrams of {} B on average; of {} copies {} arrived and {} were lost",
                number(counts.sent),
                counts.bytes.checked_div(counts.sent).unwrap_or(0),
                number(counts.copies),
                number(counts.delivered),
                number(lost)
            ),
        );
        let struck = self.struck().into_iter().map(|(name, times)| format!("{name} {}", number(times)));
        let struck: Vec<_> = struck.collect();
        if !struck.is_empty() {
            add("struck", struck.join(", "));
        }
        let happened = figures.happened.iter().map(|(name, times)| format!("{name} {}", number(*times)));
        add("happened", happened.collect::<Vec<_>>().join(", "));
        add("hash", outcome.hash.to_string());
        lines
    }

    /// How often each kind of fault of the plan struck.
    fn struck(&self) -> BTreeMap<&'static str, u64> {
        let Some(outcome) = &self.ran.outcome else { return BTreeMap::new() };
        let kinds = self.plan.faults.iter().map(|fault| fault.what.kind());
        kinds.map(|kind| (kind.name(), outcome.struck(&self.plan, kind))).collect()
    }

    /// The same for programs.
    pub(super) fn json(&self) -> Value {
        let mut object = json!({
            "type": "phase", "name": self.name, "seed": format!("{:#x}", self.plan.seed),
            "suite": suite(&self.plan), "peers": self.plan.hosts.len(), "exit": self.exit() as u8,
            "replay": self.replay, "wall_s": self.ran.wall.as_secs_f64(),
        });
        let (verdict, reason) = match (&self.ran.end, &self.verdict) {
            (End::Panicked(what), _) => ("panic", Some(what.clone())),
            (End::Stopped(stop), _) => ("stopped", Some(stop.to_string())),
            (_, Some(Verdict::Pass)) => ("pass", None),
            (_, Some(Verdict::Pending(why, _))) => ("pending", Some(why.clone())),
            (_, Some(Verdict::NoMorePending(why))) => ("no-more-pending", Some(why.clone())),
            (_, Some(Verdict::Vacuous(what))) => ("vacuous", Some(what.join(", "))),
            (_, Some(Verdict::Broken(violation))) => {
                object["violation"] =
                    json!({ "check": violation.check, "at_s": violation.at.since_origin().as_secs_f64() });
                ("broken", Some(violation.what.clone()))
            }
            (_, None) => ("not judged", None),
        };
        (object["verdict"], object["reason"]) = (json!(verdict), json!(reason));
        object["plan"] = json!(self.saved.as_ref().map(|file| file.display().to_string()));
        if let Some(outcome) = &self.ran.outcome {
            let figures = &outcome.figures;
            object["simulated_s"] = json!(outcome.simulated.as_secs_f64());
            object["events"] = json!(outcome.events);
            object["hash"] = json!(outcome.hash.to_string());
            object["pairs"] = json!({ "known": figures.pairs - figures.missing, "all": figures.pairs, "first_s": figures.whole.map(|at| at.as_secs_f64()) });
            object["delivery"] = json!({ "shown": figures.shown, "due": figures.due, "said": figures.said });
            object["traffic"] = json!({
                "sent": outcome.counts.sent, "bytes": outcome.counts.bytes, "copies": outcome.counts.copies,
                "arrived": outcome.counts.delivered, "lost": outcome.counts.lost.iter().sum::<u64>(),
            });
            if let Some(quiet) = &figures.quiet {
                object["polite"] = json!({
                    "fewest_found": quiet.fewest.map(|(found, _)| found), "seconds": quiet.span.as_secs_f64(),
                    "packets": quiet.packets, "bytes": quiet.bytes, "busiest": quiet.busiest.0,
                    "most_in_5_s": quiet.burst.0,
                });
            }
            object["struck"] = json!(self.struck());
            object["happened"] = json!(figures.happened);
        }
        object
    }
}

/// The word for a plan's cryptography.
pub(super) fn suite(plan: &Plan) -> &'static str {
    match plan.suite {
        SuiteChoice::Real => "real",
        SuiteChoice::Cheap => "cheap",
    }
}

/// Where plans are saved if nobody says otherwise.
fn plans() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    target.join("sim").join("plans")
}

/// How polite discovery was.
fn polite(quiet: &Quiet) -> String {
    let seconds = quiet.span.as_secs_f64().max(1e-9);
    let found = quiet.fewest.map_or("nobody was found in time".into(), |(found, host)| {
        format!("found in time at least {found} (host {host})")
    });
    format!(
        "{found}; then {:.2} packets and {:.0} B a second for {seconds:.0} s; most in 5 s: {} of host {}",
        quiet.packets as f64 / seconds,
        quiet.bytes as f64 / seconds,
        quiet.burst.0,
        quiet.burst.1
    )
}

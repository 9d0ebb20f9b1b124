//! What a command is about: a scenario by its name or file, a plan by its file, a seed.

use std::{fs, path::Path};

use sim::{
    Complaint,
    plan::Plan,
    scenario::{Changes, Scenario, library},
};

use super::{
    Refusal,
    args::{Options, Seed},
    clock::any_seed,
    phase::PROGRAM,
};

/// A scenario with its text, to show what is wrong in it.
pub(super) struct Subject {
    pub(super) scenario: Scenario,
    /// As it was called.
    pub(super) what: String,
    text: String,
}

impl Subject {
    /// The scenario of this name, or in this file.
    pub(super) fn find(what: &str) -> Result<Self, Refusal> {
        if let Some(text) = library::text(what) {
            return Self::read(what, what, text.to_owned());
        }
        if !Path::new(what).exists() && !what.ends_with(".toml") {
            return Err(Refusal(format!(
                "there is no scenario called `{what}`, and no such file; `sim list` shows them all"
            )));
        }
        let name = Path::new(what).file_stem().map_or_else(|| what.into(), |stem| stem.to_string_lossy());
        Self::read(what, &name, text_of(what)?)
    }

    fn read(what: &str, name: &str, text: String) -> Result<Self, Refusal> {
        match Scenario::read(name, &text) {
            Ok(scenario) => Ok(Self { scenario, what: what.to_owned(), text }),
            Err(complaint) => Err(Refusal(complaint.show(what, &text).to_string())),
        }
    }

    pub(super) fn plan(&self, seed: u64, changes: &Changes) -> Result<Plan, Refusal> {
        self.scenario.plan(seed, changes).map_err(|complaint: Complaint| {
            // Then the file was fine as it is, and what was typed beside it is not.
            if *changes == Changes::default() {
                Refusal(complaint.show(&self.what, &self.text).to_string())
            } else {
                Refusal(format!("{}, with these options: {}", self.what, complaint.what))
            }
        })
    }

    /// The command that repeats the run with this seed.
    pub(super) fn replay(&self, seed: u64, options: &Options) -> String {
        let what = if self.what == SWARM {
            format!("replay {seed:#x}")
        } else {
            format!("run {} --seed {seed:#x}", self.what)
        };
        format!("{PROGRAM} {what}{}", options.typed())
    }
}

/// The scenario that a bare seed belongs to.
pub(super) const SWARM: &str = "swarm";

/// The seed that was asked for, or `usual`.
pub(super) fn seed(options: &Options, usual: impl FnOnce() -> u64) -> u64 {
    match options.seed {
        None => usual(),
        Some(Seed::Random) => any_seed(),
        Some(Seed::Given(seed)) => seed,
    }
}

/// The plan in a file.
pub(super) fn plan_of(file: &str) -> Result<Plan, Refusal> {
    let text = text_of(file)?;
    Plan::read(&text).map_err(|complaint| Refusal(complaint.show(file, &text).to_string()))
}

fn text_of(file: &str) -> Result<String, Refusal> {
    fs::read_to_string(file).map_err(|error| Refusal(format!("{file}: {error}")))
}

//! Scenarios: short descriptions of runs, from which a seed makes plans.

use std::ops::Range;

use crate::{
    complaint::Complaint,
    expect::Expect,
    fault::Kind,
    plan::{Plan, SuiteChoice},
    units::Span,
};

mod draw;
mod file;
mod generate;
pub mod library;
mod schedule;

use file::File;

/// A description of runs: every seed makes another one of it.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What it is called.
    pub name: String,
    file: File,
}

/// What somebody changes about a scenario without writing another.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    /// Other than so many peers.
    pub peers: Option<usize>,
    /// Longer or shorter.
    pub duration: Option<Span>,
    /// With other cryptography.
    pub suite: Option<SuiteChoice>,
    /// Of all faults only those of these kinds; an empty list for none.
    pub faults: Option<Vec<Kind>>,
}

impl Scenario {
    /// Reads a scenario that is called `name` unless its text says otherwise.
    ///
    /// # Errors
    /// What is wrong with the text, and where.
    pub fn read(name: &str, text: &str) -> Result<Self, Complaint> {
        let file: File = toml::from_str(text).map_err(|error| Complaint::of_toml(&error))?;
        let scenario = Self { name: file.name.clone().unwrap_or_else(|| name.to_owned()), file };
        // Whatever a seed can change is within what the file says: one plan stands for all.
        scenario.plan(scenario.seed(), &Changes::default())?;
        Ok(scenario)
    }

    /// What it is about, in a line.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.file.about
    }

    /// The seed to take when nobody asks for another.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.file.seed.map_or(1, |seed| seed.0)
    }

    /// What must come of its runs.
    #[must_use]
    pub const fn expect(&self) -> &Expect {
        &self.file.expect
    }

    /// The run that it is with this seed.
    ///
    /// # Errors
    /// What makes no sense, and where it stands.
    pub fn plan(&self, seed: u64, changes: &Changes) -> Result<Plan, Complaint> {
        generate::plan(&self.file, &self.name, seed, changes)
    }
}

/// Where something stands in a scenario's text.
type Bytes = Range<usize>;

//! The scenarios that come with the program.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::Scenario;

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../scenarios/", $name, ".toml")))),*]
    };
}

/// Their names and texts, in the order in which they are listed: first those for everyday, then complaints.
pub const FILES: &[(&str, &str)] = files![
    "lan",
    "crowd",
    "desks-and-radio",
    "campus",
    "swarm",
    "nemesis",
    "boundary",
    "power-cut",
    "soak",
    "one-way-unicast",
    "one-way-mdns",
    "multicast-loss",
    "igmp-no-querier",
    "multicast-filtered",
    "guest-with-bridge",
    "guests-in-private",
    "filtered-pair",
    "kept-apart",
    "apart-in-a-crowd",
    "mdns-1000",
    "mdns-5000",
    "mdns-hostile",
    "interface-flap",
    "address-change",
    "sleep-counted",
    "sleep-uncounted",
    "clock-minutes",
    "clock-years",
    "spurious-goodbye",
    "forged-goodbye",
    "join-storm",
    "restored-disk",
    "cloned-machine",
    "crash-before-sync",
    "key-on-two-hosts",
    "duplicate-nick",
    "rename-after-verification",
    "blocked",
    "files",
    "two-cards-one-lan",
    "creator-leaves",
    "three-way-partition",
    "long-partition",
    "cable-between-switches",
    "air-gap",
    "both-move",
    "newcomer-long-history",
    "rekey",
    "retention",
    "guests-then-silence",
    "sybil",
    "ten-thousand-keys",
    "oversize-text",
    "full-disk",
    "simultaneous-handshake",
    "forgotten-session",
];

/// The text of the scenario called `name`.
#[must_use]
pub fn text(name: &str) -> Option<&'static str> {
    FILES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// Plans that have failed once, by file, in the order of their names: they are run first for ever.
///
/// # Errors
/// When the folder is there and cannot be read. Without the sources there is none, and nothing to run.
pub fn kept() -> io::Result<Vec<(PathBuf, String)>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let files = match fs::read_dir(&folder) {
        Ok(files) => files.map(|file| Ok(file?.path())).collect::<io::Result<Vec<_>>>()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut plans: Vec<_> =
        files.into_iter().filter(|file| file.extension().is_some_and(|ext| ext == "toml")).collect();
    plans.sort();
    plans.into_iter().map(|file| fs::read_to_string(&file).map(|text| (file, text))).collect()
}

/// The scenario called `name`; nothing if there is none.
///
/// # Panics
/// If one that comes with the program is wrong; a test reads them all.
#[must_use]
pub fn named(name: &str) -> Option<Scenario> {
    let text = text(name)?;
    match Scenario::read(name, text) {
        Ok(scenario) => Some(scenario),
        Err(complaint) => panic!("{}", complaint.show(name, text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_comes_with_the_program_and_can_be_read() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
        let mut there: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        there.sort();
        let mut listed: Vec<_> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
        listed.sort();
        assert_eq!(there, listed);
        for name in listed {
            let scenario = named(&name).unwrap();
            assert!(!scenario.about().is_empty(), "{name} does not say what it is about");
        }
    }
}

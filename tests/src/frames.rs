//! What was sent on a network, and what `tshark` has to say of it: every test in which programs meet is a test of
//! their packets, too.

use std::{io::Write as _, path::PathBuf, process::Command, thread, time::Duration};

use rustix::process::Signal;

use crate::{netns::Namespace, outcome::Outcome, running::Running, watch, watch::PATIENCE};

/// By the port it comes from: what a test throws at us from any other is none of ours.
const OURS: &str = "udp and (src port 5353 or src portrange 27181-27197)";
/// For `tshark -d`: sessions are encrypted, whatever they look like to it.
pub const SESSIONS: &str = "udp.port==27181-27197,data";
/// What `tshark` calls an error (`PI_ERROR` of its expert items); it has nothing above.
const ERROR: u32 = 0x0080_0000;
/// How long a packet may take from a host into the file: the kernel hands them over four times a second, and at the end
/// come the goodbyes.
const ON_THE_WAY: Duration = Duration::from_millis(300);

/// The frames of a network in a file, written by `dumpcap` until this is dropped.
#[derive(Debug)]
pub(crate) struct Frames {
    dumpcap: Running,
    file: PathBuf,
    strangers: Vec<String>,
}

impl Frames {
    /// Writes all frames with packets of ours on this bridge to `file`, or `None` where `tshark` is not there; then it
    /// has said so.
    ///
    /// # Panics
    /// With `CI` set, instead of `None`, and when it does not start.
    pub(crate) fn record(namespace: &Namespace, bridge: &str, file: PathBuf) -> Option<Self> {
        if let Some(program) = ["dumpcap", "tshark"].into_iter().find(|program| !is_there(program)) {
            assert!(std::env::var_os("CI").is_none(), "{program} is not there, and CI may not do without it");
            let _ = writeln!(std::io::stderr(), "{program} is not there: nobody judges the packets");
            return None;
        }
        let mut dumpcap = namespace.enter("dumpcap");
        // Promiscuous, as it is unless told otherwise: a bridge shows what passes through it to nobody else.
        dumpcap.args(["-q", "-i", bridge, "-f", OURS, "-w"]).arg(&file);
        let dumpcap = Running::start(format!("dumpcap on {bridge}"), &mut dumpcap);
        let begun = watch::until(PATIENCE, || dumpcap.errors().contains("File: ").then_some(()));
        assert!(begun.is_some(), "{dumpcap}");
        Some(Self { dumpcap, file, strangers: Vec::new() })
    }

    /// From now on, and until now, nobody judges what comes from this Ethernet address.
    pub(crate) fn leave_out(&mut self, address: String) {
        self.strangers.push(address);
    }

    /// Ends the recording. Answers how many frames there are, and of those that are malformed or worse, a line each.
    ///
    /// # Panics
    /// When the file cannot be read.
    pub(crate) fn judge(mut self) -> (usize, Vec<String>) {
        thread::sleep(ON_THE_WAY);
        self.dumpcap.signal(Signal::INT);
        assert_eq!(self.dumpcap.wait(PATIENCE), Some(0), "{}", self.dumpcap);
        let own = match &*self.strangers.join(", ") {
            "" => "frame".to_owned(),
            strangers => format!("not eth.src in {{{strangers}}}"),
        };
        // One run for both: its start is what takes time.
        let fields = ["-T", "fields", "-e", "_ws.malformed", "-e", "_ws.expert.severity"];
        let frames = self.tshark(&own, &fields);
        let is_bad = |fields: &String| {
            let (malformed, severity) = fields.split_once('\t').unwrap_or((fields, ""));
            !malformed.is_empty() || severity.split(',').any(|one| one.parse() == Ok(ERROR))
        };
        if !frames.iter().any(is_bad) {
            return (frames.len(), Vec::new());
        }
        let bad = format!("(_ws.malformed or _ws.expert.severity == {ERROR}) and {own}");
        (frames.len(), self.tshark(&bad, &["-V", "-x"]))
    }

    fn tshark(&self, filter: &str, options: &[&str]) -> Vec<String> {
        let mut tshark = Command::new("tshark");
        tshark.args(["-n", "-d", SESSIONS, "-Y", filter]).args(options).arg("-r").arg(&self.file);
        let outcome = Outcome::of(&mut tshark, &[], PATIENCE * 3);
        outcome.expect_code(0).out.lines().map(str::to_owned).collect()
    }
}

/// Whether a program of this name can be started.
pub(crate) fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // What only root needs is not always on a user's path.
    std::env::split_paths(&path).chain(["/usr/sbin".into()]).any(|folder| folder.join(program).is_file())
}

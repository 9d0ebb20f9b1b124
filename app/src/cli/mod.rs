//! The command line: what can be asked for, and one line for what cannot.

mod complaint;
#[cfg(test)]
mod tests;

use std::{ffi::OsString, net::SocketAddr, num::NonZeroU16, path::PathBuf, time::Duration};

use chat_core::{Nick, RoomName};
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, error::ErrorKind};

use crate::{
    address,
    fault::{Exit, Fault},
    profile,
};

/// Chat for the people on this network: no server, no account, no Internet.
#[derive(Clone, Debug, Parser)]
#[command(version, disable_help_subcommand = true, after_help = EXITS, subcommand_precedence_over_arg = true)]
pub(crate) struct Cli {
    /// The room to begin in; without it #lobby, where everybody starts
    #[arg(value_name = "#room", value_parser = room)]
    pub(crate) room: Option<RoomName>,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Plain lines, also on a terminal: for screen readers and logs
    #[arg(long, conflicts_with = "json")]
    pub(crate) plain: bool,
    /// JSON lines on standard input and output: for bots and scripts
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// With --json: begin with the messages that came after this one
    #[arg(long, value_name = "CURSOR", requires = "json", allow_negative_numbers = true, value_parser = cursor)]
    pub(crate) since: Option<u64>,
    #[command(flatten)]
    pub(crate) options: Options,
}

const EXITS: &str = "exit: 0 ok, 1 usage or configuration, 2 no usable network, 3 not delivered in time,\n      \
                     4 profile in use, 5 store damaged";

/// The largest `--author-rate`.
const AUTHOR_RATE_MAX: u32 = 1_000_000;
/// The most messages that a command shows.
const COUNT_MAX: usize = 10_000;
/// The longest `--timeout`: a day.
const TIMEOUT_MAX: Duration = Duration::from_secs(86_400);

/// What holds for every way of running.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Where keys, history and settings are kept
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) profile: Option<PathBuf>,
    /// Where files that you accept are put; without it your folder for downloads, or one in the profile you name
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) downloads: Option<PathBuf>,
    /// A fresh key, nothing read, nothing written
    #[arg(long, global = true, conflicts_with = "profile")]
    pub(crate) ephemeral: bool,
    /// What others see you as, from now on
    #[arg(long, value_name = "NAME", global = true, value_parser = nick)]
    pub(crate) nick: Option<Nick>,
    /// The UDP port to chat on; without it 27182 or one near it
    #[arg(long, value_name = "PORT", global = true, allow_negative_numbers = true, value_parser = port)]
    pub(crate) port: Option<NonZeroU16>,
    /// Use this network interface only (repeatable)
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) interface: Vec<String>,
    /// Reach somebody by address; without a port 27182 (repeatable)
    #[arg(long, value_name = "ADDR[:PORT]", global = true, value_parser = address::parse)]
    pub(crate) connect: Vec<SocketAddr>,
    /// How others are found: any of mdns, broadcast, manual
    #[arg(long, value_name = "LIST", global = true, default_value = "mdns,broadcast,manual",
          value_parser = discovery)]
    pub(crate) discovery: Discovery,
    /// Of a private #room: a file with its phrase or its key
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) room_key: Option<PathBuf>,
    /// Messages a second that one author may push unasked; what exceeds it comes later
    #[arg(long, value_name = "N", global = true, default_value_t = 200, allow_negative_numbers = true,
          value_parser = author_rate)]
    pub(crate) author_rate: u32,
    /// Write all packets into this file, for Wireshark; it holds in plain text what is said
    #[arg(long, value_name = "FILE.pcapng", global = true)]
    pub(crate) capture: Option<PathBuf>,
    /// What to log to standard error
    #[arg(long, value_name = "LEVEL", global = true, default_value = "error",
          value_parser = ["off", "error", "warn", "info", "debug", "trace"])]
    pub(crate) log: String,
}

/// What to do instead of chatting.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Send one message and wait until somebody else has stored it
    ///
    /// When all is well nothing is printed, except on a terminal. A room that this profile is not in is entered for
    /// this message only. What nobody else has stored in time is kept all the same, and goes out when this profile
    /// next sees the one it is for, or others in the room; but to somebody never met nothing is sent.
    #[command(after_help = EXITS)]
    Send {
        /// A room, a nick, a nick with its digits (ana-4821), or a key
        #[arg(value_name = "#room|nick|key")]
        to: String,
        /// What to say, or - for standard input
        #[arg(value_name = "TEXT|-", required = true)]
        text: Vec<String>,
        /// How long to wait, such as 10s, 500ms or 2m
        #[arg(long, value_name = "TIME", default_value = "10s", allow_negative_numbers = true,
              value_parser = duration)]
        timeout: Duration,
    },
    /// Search what was said, the newest last
    ///
    /// Beside words, the last of which may be the beginning of one: from:NICK, in:#room or in:@NICK, since:2d (m, h, d, w)
    /// or since:2026-11-29. It only reads, also while another program has the profile.
    #[command(after_help = EXITS)]
    Search {
        /// What to look for
        #[arg(value_name = "WORDS", required = true)]
        words: Vec<String>,
        /// At most so many messages
        #[arg(short = 'n', long, value_name = "N", default_value_t = 20, allow_negative_numbers = true,
              value_parser = count)]
        count: usize,
    },
    /// Show what was said last
    #[command(after_help = EXITS)]
    Tail {
        /// In this room only
        #[arg(value_name = "#room", value_parser = room)]
        room: Option<RoomName>,
        /// So many messages
        #[arg(short = 'n', long, value_name = "N", default_value_t = 20, allow_negative_numbers = true,
              value_parser = count)]
        count: usize,
        /// And what is said from then on, until a signal
        #[arg(short = 'f', long)]
        follow: bool,
    },
    /// Tell which rooms this profile is in
    #[command(after_help = EXITS)]
    Rooms,
    /// Write the history into a file, as it was signed: to carry it to where no network leads
    ///
    /// The file has no secret in it; who wrote when, and what was said in open rooms, everybody can read. It is never written
    /// over another one. Also while another program has the profile.
    #[command(after_help = EXITS)]
    Export {
        /// The file to make, or - for standard output
        #[arg(value_name = "FILE|-")]
        to: PathBuf,
        /// Only what was said in this room
        #[arg(value_name = "#room", value_parser = room)]
        room: Option<RoomName>,
    },
    /// Take in what such a file has of the rooms that this profile is or was in
    ///
    /// Each entry is verified as if it had come over the network. Others get what is new from here. While a chat has the
    /// profile, type /import FILE there.
    #[command(after_help = EXITS)]
    Import {
        /// The file to read, or - for standard input
        #[arg(value_name = "FILE|-")]
        from: PathBuf,
    },
    /// Look around for two seconds and tell who is there
    #[command(after_help = EXITS)]
    Peers,
    /// Test this network for six seconds and tell what is wrong with it and what helps
    ///
    /// With --json it is one object without names, keys and the hosts of public addresses, fit for a report to others.
    #[command(after_help = EXITS)]
    Doctor,
    /// Tell who you are, also while another program has the profile
    #[command(after_help = EXITS)]
    Id,
}

/// Which discoveries run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Discovery {
    pub(crate) mdns: bool,
    pub(crate) broadcast: bool,
    /// Addresses by hand, and those remembered. Typed ones are always used.
    pub(crate) manual: bool,
    /// The crates libmdns and mdns, in a process of their own.
    pub(crate) mdns_crates: bool,
}

impl Cli {
    /// Reads the arguments, those behind the program's name.
    ///
    /// # Errors
    /// What to print and how to exit: for `--help` and `--version` too.
    pub(crate) fn read(program: &'static str, arguments: &[OsString]) -> Result<Self, Stop> {
        let named = std::iter::once(OsString::from(program)).chain(arguments.iter().cloned());
        let mut command = Self::command().name(program).bin_name(program);
        let read = command.try_get_matches_from_mut(named).and_then(|found| Self::from_arg_matches(&found));
        match read {
            Ok(cli) => match cli.misplaced() {
                Some(word) => {
                    Err(Stop::Fault(Fault::usage(format!("{word} goes with the chat, not with a command"))))
                }
                None => Ok(cli),
            },
            Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
                Err(Stop::Answer(error.to_string()))
            }
            Err(error) => {
                Err(Stop::Fault(Fault::new(Exit::Usage, complaint::one_line(program, &error, &command))))
            }
        }
    }

    /// What stands beside a command and means nothing there.
    fn misplaced(&self) -> Option<String> {
        self.command.as_ref()?;
        let room = self.room.as_ref().map(ToString::to_string);
        let plain = self.plain.then(|| String::from("--plain"));
        room.or(plain).or_else(|| self.since.map(|_| String::from("--since")))
    }
}

/// Why there is nothing to run.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The person asked for this text.
    Answer(String),
    Fault(Fault),
}

fn room(text: &str) -> Result<RoomName, String> {
    RoomName::new(text).map_err(|error| {
        let meant = meant_room(text).map_or(String::new(), |room| format!(", such as {room}"));
        format!(
            "{error}{meant}; the commands are send, search, tail, rooms, export, import, peers, doctor and id"
        )
    })
}

/// The room that `name` would be with a `#` before it, as a shell takes it.
pub(crate) fn meant_room(name: &str) -> Option<String> {
    let room = RoomName::new(&format!("#{name}")).ok()?;
    Some(profile::quote(room.as_str()))
}

fn nick(text: &str) -> Result<Nick, String> {
    Nick::new(text).map_err(|error| error.to_string())
}

fn port(text: &str) -> Result<NonZeroU16, String> {
    let allowed = |_| String::from("allowed is a number from 1 to 65535; without --port a free one is taken");
    text.parse().map_err(allowed)
}

fn author_rate(text: &str) -> Result<u32, String> {
    let rate = text.parse().ok().filter(|rate| (1..=AUTHOR_RATE_MAX).contains(rate));
    rate.ok_or_else(|| format!("allowed is a number from 1 to {AUTHOR_RATE_MAX}"))
}

fn count(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| *count <= COUNT_MAX);
    count.ok_or_else(|| format!("allowed is a number up to {COUNT_MAX}"))
}

fn cursor(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| String::from("allowed is a number, the cursor of an earlier line"))
}

const DISCOVERIES: &str = "allowed are mdns, broadcast and manual, with a comma between";

fn discovery(text: &str) -> Result<Discovery, String> {
    let mut wanted = Discovery::default();
    for name in text.split(',') {
        match name.trim() {
            "mdns" => wanted.mdns = true,
            "broadcast" => wanted.broadcast = true,
            "manual" => wanted.manual = true,
            "mdns-crates" if cfg!(feature = "mdns-crates") => wanted.mdns_crates = true,
            "mdns-crates" => {
                return Err(String::from(
                    "mdns-crates is not built in; it comes with the cargo feature of that name: \
                     cargo build -p chat-std --features mdns-crates",
                ));
            }
            _ => return Err(String::from(DISCOVERIES)),
        }
    }
    Ok(wanted)
}

/// A number of seconds, or one with its unit: `10s`, `500ms`, `2m`.
fn duration(text: &str) -> Result<Duration, String> {
    const ALLOWED: &str =
        "allowed is a whole number of seconds from 1 to 86400, or one with s, ms or m behind it, up to a day";
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let millis = match &text[digits.len()..] {
        "ms" => 1,
        "s" | "" => 1_000,
        "m" => 60_000,
        _ => return Err(String::from(ALLOWED)),
    };
    let number: u64 = digits.parse().map_err(|_| String::from(ALLOWED))?;
    let duration = Duration::from_millis(number.saturating_mul(millis));
    let allowed = !duration.is_zero() && duration <= TIMEOUT_MAX;
    allowed.then_some(duration).ok_or_else(|| String::from(ALLOWED))
}

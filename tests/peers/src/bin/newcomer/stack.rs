//! Who is compared, and how each is started.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use chat_tests::{bin::Program, namespace::Host};
use peers::machine;

/// One way to find the others.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Stack {
    /// Our program as it is: broadcast, multicast DNS and remembered addresses race.
    Race,
    /// Our program with multicast DNS alone, which probes for its name and delays its answers.
    Mdns,
    Libp2p,
    MdnsSd,
    /// libmdns and mdns.
    Pair,
}

impl Stack {
    /// All but the one that needs seconds.
    pub(crate) const FAST: [Self; 4] = [Self::Race, Self::Libp2p, Self::Mdns, Self::MdnsSd];

    /// For the tables.
    pub(crate) fn name(self) -> String {
        let of = |package| format!("{package} {}", machine::version(package));
        match self {
            Self::Race => "chat-std, the race".into(),
            Self::Mdns => "chat-std, `--discovery mdns`".into(),
            Self::Libp2p => {
                format!("{} (mdns {})", of("libp2p"), machine::version("libp2p-mdns"))
            }
            Self::MdnsSd => of("mdns-sd"),
            Self::Pair => format!("{} + {}, asking each 15 s", of("libmdns"), of("mdns")),
        }
    }

    /// Whether this is our program.
    pub(crate) const fn is_own(self) -> bool {
        matches!(self, Self::Race | Self::Mdns)
    }

    /// Makes ready what a peer called `name` has before it is started on `host`, and the command that starts it. What it
    /// keeps is kept in `home`.
    pub(crate) fn prepare(self, host: &Host, home: &Path, name: &str) -> Command {
        if !self.is_own() {
            let kind = match self {
                Self::Libp2p => &["libp2p"][..],
                Self::MdnsSd => &["mdns-sd", name],
                _ => &["libmdns+mdns", name],
            };
            let mut command = Command::new(neighbour());
            command.args(kind);
            return command;
        }
        let profile = home.join(name);
        // It has run before, and met nobody.
        let mut first = own(&profile, name);
        first.args(["--json", "--discovery", "manual"]).stdin(Stdio::null()).stdout(Stdio::null());
        let made = host.run(move || first.status());
        assert!(made.is_ok_and(|status| status.success()), "no profile for {name}");
        let mut command = own(&profile, name);
        command.arg("--json");
        if self == Self::Mdns {
            command.args(["--discovery", "mdns"]);
        }
        command
    }
}

fn own(profile: &Path, name: &str) -> Command {
    let mut command = Command::new(Program::Std.path());
    command.arg("--profile").arg(profile).args(["--nick", name]).env_remove("RUST_LOG");
    command
}

/// It lies beside this program.
fn neighbour() -> PathBuf {
    env::current_exe().expect("a program knows where it is").with_file_name("neighbour")
}

//! One network and mount namespace, held open by a process of ours.
//!
//! The process is a `cat` whose input is a pipe from us: when the tests end, however they end, it ends too, and with
//! it the namespace and every interface in it. Nothing has a name that other programs could stumble over.

use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
};

/// What makes namespaces possible here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rights {
    /// We are root.
    Root,
    /// We are an ordinary user, and root in a user namespace of our own.
    UserNamespace,
}

#[derive(Debug)]
pub(crate) struct Namespace {
    holder: Child,
    rights: Rights,
}

impl Namespace {
    /// A namespace beside the machine's own.
    pub(crate) fn new(rights: Rights) -> Result<Self, String> {
        let mut unshare = Command::new("unshare");
        if rights == Rights::UserNamespace {
            unshare.args(["--user", "--map-root-user"]);
        }
        Self::hold(unshare, rights)
    }

    /// Another namespace with the same rights, so that both may share a cable.
    pub(crate) fn sibling(&self) -> Result<Self, String> {
        Self::hold(self.enter("unshare"), self.rights)
    }

    fn hold(mut unshare: Command, rights: Rights) -> Result<Self, String> {
        let mut holder = unshare
            .args(["--net", "--mount", "--propagation", "private", "sh", "-c", "echo inside && exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("unshare does not start: {error}"))?;
        let mut first = String::new();
        if let Some(out) = holder.stdout.take() {
            let _ = BufReader::new(out).read_line(&mut first);
        }
        if first.trim() == "inside" {
            return Ok(Self { holder, rights });
        }
        let output = holder.wait_with_output().map_err(|error| error.to_string())?;
        Err(format!("unshare: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }

    /// A command that runs `program` inside. The program keeps the command's process id.
    pub(crate) fn enter(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.id().to_string(), "--net", "--mount"]);
        if self.rights == Rights::UserNamespace {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.arg("--").arg(program);
        command
    }

    /// Runs a line of shell inside.
    pub(crate) fn shell(&self, line: &str) -> Result<String, String> {
        let output = self
            .enter("sh")
            .args(["-e", "-c", line])
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("nsenter does not start: {error}"))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(format!("`{line}`: {}", String::from_utf8_lossy(&output.stderr).trim()))
        }
    }

    /// The process that holds it open.
    pub(crate) fn id(&self) -> u32 {
        self.holder.id()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

//! The two programs: found by `CHAT_STD` and `CHAT_SMOL`, or built once into the target directory in use.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// One of the two programs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Program {
    /// `chat-std`, on blocking threads.
    Std,
    /// `chat-smol`, on smol.
    Smol,
}

impl Program {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Std, Self::Smol];

    /// Its file name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Std => "chat-std",
            Self::Smol => "chat-smol",
        }
    }

    /// Where it is. Builds it when neither `CHAT_STD` nor `CHAT_SMOL` says where.
    ///
    /// # Panics
    /// When it cannot be built.
    #[must_use]
    pub fn path(self) -> PathBuf {
        let variable = match self {
            Self::Std => "CHAT_STD",
            Self::Smol => "CHAT_SMOL",
        };
        env::var_os(variable).map_or_else(|| built().join(self.name()), PathBuf::from)
    }
}

/// Whether the programs are release builds, by `CHAT_RELEASE=1` or since the tests are one: only those are worth
/// measuring.
#[must_use]
pub fn is_release() -> bool {
    !cfg!(debug_assertions) || env::var("CHAT_RELEASE").is_ok_and(|value| value == "1")
}

/// The repository.
///
/// # Panics
/// Never: this package lies in a folder of it.
#[must_use]
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the folder above tests/")
}

/// The folder with both programs in it.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let target = target_directory();
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(repository()).arg("build").arg("--target-dir").arg(&target);
        cargo.args(Program::ALL.iter().flat_map(|program| ["-p", program.name()]));
        if cfg!(feature = "mdns-crates") {
            cargo.args(["--features", "chat-std/mdns-crates,chat-smol/mdns-crates"]);
        }
        let profile = if is_release() { "release" } else { "debug" };
        if is_release() {
            cargo.arg("--release");
        }
        let output = cargo.output().expect("cargo runs");
        assert!(
            output.status.success(),
            "the programs do not build:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        target.join(profile)
    })
}

/// The target directory that this test program lies in: `target/debug/deps/test-0123` lies three below it.
pub(crate) fn target_directory() -> PathBuf {
    let own = env::current_exe().expect("a test program knows where it is");
    own.ancestors().nth(3).expect("test programs lie in target/<profile>/deps").to_path_buf()
}

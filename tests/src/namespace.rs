//! Networks for tests: namespaces of the kernel, made for one test and gone with it, so that no packet of a test ever
//! reaches a network that it did not make.

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    process::Command,
    sync::mpsc::{Sender, channel},
    thread,
    time::Duration,
};

use nix::{
    sched::{CloneFlags, unshare},
    unistd::{getpid, gettid},
};

/// Whether the calling test runs in a network namespace of its own. The first thing in such a test is
/// `if !entered("its_own_name") { return; }`: outside it runs the same test inside, and has passed if that has.
///
/// Where namespaces cannot be made the test is skipped aloud, except on CI, where a skip is a failure.
///
/// # Panics
/// If the test fails inside, is not found by that name, or takes longer than a minute and a half.
#[must_use]
pub fn entered(test: &str) -> bool {
    const INSIDE: &str = "CHAT_TEST_NAMESPACE";
    if env::var(INSIDE).is_ok_and(|inside| inside == test) {
        return true;
    }
    // Anybody may make a user namespace and be root in it, unless the administrator has forbidden it.
    let Some(how) =
        ["-n", "-Urn"].into_iter().find(|how| succeeds(Command::new("unshare").args([how, "true"])))
    else {
        assert!(env::var_os("CI").is_none(), "{test}: no network namespace can be made here");
        eprintln!("{test}: SKIPPED, no network namespace can be made here");
        return false;
    };
    let output = Command::new("timeout")
        .args(["90", "unshare", how])
        .arg(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(INSIDE, test)
        .output()
        .unwrap();
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    print!("{said}");
    eprint!("{complained}");
    assert!(output.status.success() && said.contains("1 passed"), "{test} failed in its namespace");
    false
}

/// Carries out `ip ARGUMENTS` in the namespace of the calling thread.
///
/// # Panics
/// If it fails.
pub fn ip(arguments: &str) {
    assert!(succeeds(Command::new("ip").args(arguments.split(' '))), "ip {arguments}");
}

/// A machine of its own beside the test's: a thread in another network namespace. Whatever it starts is there too.
pub struct Host {
    jobs: Sender<Box<dyn FnOnce() + Send>>,
    namespace: String,
}

impl Host {
    /// A machine with nothing but its loopback interface, up.
    ///
    /// # Panics
    /// Outside of the namespace that [`entered`] makes.
    #[must_use]
    pub fn new() -> Self {
        let (jobs, todo) = channel::<Box<dyn FnOnce() + Send>>();
        let (tell, told) = channel();
        thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            tell.send(format!("/proc/{}/task/{}/ns/net", getpid(), gettid())).unwrap();
            todo.iter().for_each(|job| job());
        });
        let host = Self { jobs, namespace: told.recv().unwrap() };
        host.ip("link set lo up");
        host
    }

    /// Lets it do something, and waits for the result.
    ///
    /// # Panics
    /// If the job panics.
    pub fn run<R: Send + 'static>(&self, job: impl FnOnce() -> R + Send + 'static) -> R {
        let (tell, told) = channel();
        let job = move || tell.send(catch_unwind(AssertUnwindSafe(job))).unwrap();
        self.jobs.send(Box::new(job)).unwrap();
        told.recv().unwrap().unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Carries out `ip ARGUMENTS` on it.
    ///
    /// # Panics
    /// If it fails.
    pub fn ip(&self, arguments: &str) {
        let arguments = arguments.to_owned();
        self.run(move || ip(&arguments));
    }

    /// Waits until an interface runs: the kernel takes up to a second to notice that the other end is up, too.
    ///
    /// # Panics
    /// If it does not within three seconds.
    pub fn wait_for(&self, interface: &str) {
        let show = format!("link show dev {interface} up");
        self.run(move || {
            for _ in 0..300 {
                let shown = Command::new("ip").args(show.split(' ')).output().unwrap().stdout;
                if String::from_utf8_lossy(&shown).contains("state UP") {
                    return;
                }
                thread::sleep(Duration::from_millis(10));
            }
            panic!("ip {show} never says UP");
        });
    }

    /// Lays a cable from its new interface `own` to the new interface `theirs` of `other`. Both are down.
    ///
    /// # Panics
    /// If one of them exists.
    pub fn connect(&self, own: &str, other: &Self, theirs: &str) {
        self.ip(&format!("link add {own} type veth peer name {theirs} netns {}", other.namespace));
    }
}

impl Default for Host {
    fn default() -> Self {
        Self::new()
    }
}

fn succeeds(command: &mut Command) -> bool {
    command.status().is_ok_and(|status| status.success())
}

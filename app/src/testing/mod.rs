//! What several tests need, and those of the whole program.

mod carry;
pub(crate) mod child;
mod exits;
pub(crate) mod fake;
mod files;
mod json;
mod late;
#[cfg(unix)]
mod paper;
mod places;
mod plain;
mod queue;
#[cfg(unix)]
mod reading;
mod rooms;
mod send;
#[cfg(unix)]
mod terminal;
mod trust;
#[cfg(unix)]
mod typing;

use std::{
    path::PathBuf,
    process,
    sync::atomic::{AtomicU64, Ordering},
};

/// A folder that is gone after the test.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("chat-app-{}-{number}-{name}", process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A profile in it, as an argument.
    pub(crate) fn profile(&self) -> String {
        self.path("profile").into_os_string().into_string().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

//! All that is known of one name: of an instance, that it is there, where, and what it says; of a host, its addresses.

use alloc::vec::Vec;

use super::entry::Entry;
use crate::{
    dns::{Kind, Name},
    time::Instant,
};

/// A name, and the records that hang on it. A pointer hangs on the name that it leads to: there is but one for each.
#[derive(Debug)]
pub(in super::super) struct Owner {
    pub(super) name: Name,
    pub(super) records: Vec<Entry>,
    /// The slots of the instances on this host, each as often as it has SRV records that say so.
    pub(super) instances: Vec<u32>,
    /// When it is to be looked at, at the latest.
    pub(super) planned: Option<Instant>,
}

impl Owner {
    pub(super) const fn new(name: Name) -> Self {
        Self { name, records: Vec::new(), instances: Vec::new(), planned: None }
    }

    pub(in super::super) fn of(&self, kind: Kind) -> impl Iterator<Item = &Entry> {
        self.records.iter().filter(move |entry| entry.data.kind() == kind)
    }

    /// When the next of its records is to be looked at.
    pub(super) fn due(&self) -> Option<Instant> {
        self.records.iter().map(|entry| entry.due).min()
    }

    /// The pointer to it.
    pub(super) fn pointer(&self) -> Option<&Entry> {
        self.of(Kind::PTR).next()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.records.is_empty() && self.instances.is_empty()
    }
}

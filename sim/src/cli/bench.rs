//! `sim bench`: how fast it is, beside a bare floor in the same process.

use super::{Exit, show::Show};

/// Says what will be measured here.
pub(super) fn bench(show: &Show) -> Exit {
    show.error("nothing is measured yet: the events a second of 1,000 peers, beside a floor of queue, copy, decoder and table");
    Exit::Usage
}

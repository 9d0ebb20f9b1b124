//! How far the sender of a stream may be ahead of what is read.

use core::time::Duration;

use crate::time::Instant;

/// What comes in so long may be under way, if that is more than the least: what people say waits no longer behind it.
const STRETCH: Duration = Duration::from_millis(2);

/// Bytes that a receiver takes beyond those that it has read. Where the least is not the most it follows the rate at
/// which they come: a fast network needs more of them under way, a slow one would only queue them.
#[derive(Debug)]
pub(in crate::session) struct Window {
    least: u64,
    most: u64,
    bytes: u64,
    /// When the rate was measured last, and how much of the stream had come then.
    measured: Option<(Instant, u64)>,
}

impl Window {
    pub(super) const fn new(least: u64, most: u64) -> Self {
        Self { least, most, bytes: least, measured: None }
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The stream has come up to this offset.
    pub(super) fn measure(&mut self, now: Instant, offset: u64) {
        let (since, from) = *self.measured.get_or_insert((now, offset));
        let lasted = now - since;
        if lasted >= STRETCH {
            let came = u128::from(offset - from) * STRETCH.as_nanos() / lasted.as_nanos();
            self.bytes = u64::try_from(came).unwrap_or(u64::MAX).clamp(self.least, self.most);
            self.measured = Some((now, offset));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_the_rate_within_its_bounds() {
        let mut window = Window::new(100, 1000);
        let mut now = Instant::default();
        let mut offset = 0;
        let mut come = |rate_in_ms: u64, ms: u64| {
            for _ in 0..ms * 4 {
                now += Duration::from_micros(250);
                offset += rate_in_ms / 4;
                window.measure(now, offset);
            }
            window.bytes()
        };
        assert_eq!(come(8, 10), 100, "a slow one");
        assert_eq!(come(200, 10), 400);
        assert_eq!(come(4000, 10), 1000, "a fast one");
        assert_eq!(come(200, 10), 400);
        assert_eq!(come(0, 10), 100, "an idle one");
    }
}

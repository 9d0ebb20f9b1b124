//! The words that frames are made of besides numbers and bytes, each a number when it is sent.

/// Why entries are announced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cause {
    /// The receiver lacks them, or may.
    Repair,
    /// They have just come in, and may be on their way to the receiver as well.
    News,
    /// The sender wrote them and has no receipt of the receiver.
    Receipt,
}

/// The steps of a comparison of keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// The asker commits itself to a number.
    Commit,
    /// The asked sends its own.
    Number,
    /// The asker shows its number.
    Open,
}

/// How much a session is wanted by one end. When neither wants it, it may end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Keep {
    /// It is not needed.
    No,
    /// It makes up for a choice that is not there.
    Spare,
    /// It is one of the sender's choices.
    Choice,
}

/// Why nothing more of a file comes, or is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ended {
    /// All of it is there.
    Whole,
    /// It is not wanted, or given, any more.
    Stopped,
    /// It is not offered.
    Gone,
    /// Too many are being fetched; it may be asked for again.
    Busy,
}

impl Step {
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Commit => 0,
            Self::Number => 1,
            Self::Open => 2,
        }
    }

    pub(super) const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Commit),
            1 => Some(Self::Number),
            2 => Some(Self::Open),
            _ => None,
        }
    }
}

impl Keep {
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::No => 0,
            Self::Spare => 1,
            Self::Choice => 2,
        }
    }

    pub(super) const fn from_number(number: u8) -> Self {
        match number {
            0 => Self::No,
            1 => Self::Spare,
            _ => Self::Choice,
        }
    }
}

impl Cause {
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Repair => 0,
            Self::News => 1,
            Self::Receipt => 2,
        }
    }

    /// A cause of a later version is no reason not to listen.
    pub(super) const fn from_number(number: u8) -> Self {
        match number {
            1 => Self::News,
            2 => Self::Receipt,
            _ => Self::Repair,
        }
    }
}

impl Ended {
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Whole => 0,
            Self::Stopped => 1,
            Self::Gone => 2,
            Self::Busy => 3,
        }
    }

    /// For a reason of a later version it has ended all the same.
    pub(super) const fn from_number(number: u8) -> Self {
        match number {
            0 => Self::Whole,
            2 => Self::Gone,
            3 => Self::Busy,
            _ => Self::Stopped,
        }
    }
}

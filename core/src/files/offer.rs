//! What is offered: a name that no file system can be tricked by, a size, and the hash of it all.

use alloc::string::String;
use core::fmt;

use crate::text::{is_invisible, one_line, shows_nothing};

/// The longest file name in bytes of UTF-8: what is left of the 255 of most file systems when a number and an ending
/// are added.
pub const FILE_NAME_MAX: usize = 200;
/// The largest file in bytes: what a varint can count (RFC 9000 section 16).
pub const FILE_SIZE_MAX: u64 = (1 << 62) - 1;

/// The name of one file, whatever system it comes to: 1 to [`FILE_NAME_MAX`] bytes in NFC of which something can be seen;
/// no path, nothing hidden, no device, and no character that means something to a file system or a shell's pattern.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FileName(String);

impl FileName {
    /// What can be kept of `name`: what does harm becomes `_` or goes, what is too long is cut before its ending.
    #[must_use]
    pub fn lenient(name: &str) -> Self {
        let harmless = |c: char| if FORBIDDEN.contains(c) { '_' } else { c };
        let name: String = name.chars().filter(|&c| !is_invisible(c)).map(harmless).collect();
        let name = one_line(&name);
        let name = name.trim_start_matches(['.', ' ', '-', '~']);
        let mut name = cut(name);
        name.truncate(name.trim_end_matches(['.', ' ']).len());
        let stem = name.split('.').next().unwrap_or_default().trim_end();
        if DEVICES.iter().any(|device| stem.eq_ignore_ascii_case(device)) {
            name.insert(0, '_');
        }
        if name.chars().all(shows_nothing) { Self(String::from("file")) } else { Self(name) }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What separates directories somewhere, begins a stream, is a pattern, or cannot be in a name on Windows.
const FORBIDDEN: &str = "/\\:*?\"<>|";
/// Names that are devices on Windows, with any ending.
const DEVICES: [&str; 22] = [
    "CON", "PRN", "AUX", "NUL", "COM1", "COM2", "COM3", "COM4", "COM5", "COM6", "COM7", "COM8", "COM9",
    "LPT1", "LPT2", "LPT3", "LPT4", "LPT5", "LPT6", "LPT7", "LPT8", "LPT9",
];
/// Bytes of an ending that is kept when a name is cut.
const ENDING_MAX: usize = 16;

/// At most [`FILE_NAME_MAX`] bytes, less one that a device's name may need; the ending is kept.
fn cut(name: &str) -> String {
    let most = FILE_NAME_MAX - 1;
    if name.len() <= most {
        return String::from(name);
    }
    let ending = name.rfind('.').and_then(|dot| name.get(dot..)).filter(|ending| ending.len() <= ENDING_MAX);
    let ending = ending.unwrap_or_default();
    let stem = name.strip_suffix(ending).unwrap_or(name);
    let mut end = most - ending.len();
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    let mut short = String::from(stem.get(..end).unwrap_or_default());
    short.push_str(ending);
    short
}

/// A file that somebody offers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offer {
    /// What it is called.
    pub name: FileName,
    /// Its bytes, at most [`FILE_SIZE_MAX`].
    pub size: u64,
    /// The BLAKE3 hash of them.
    pub hash: [u8; 32],
    /// Whether the bytes are a folder, packed as the protocol's page says.
    pub folder: bool,
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use quickcheck::quickcheck;

    use super::*;

    fn name(from: &str) -> String {
        FileName::lenient(from).to_string()
    }

    #[test]
    fn a_harmless_name_stays() {
        for good in ["holiday.jpg", "r\u{e9}sum\u{e9} (2).pdf", "a-b~c", "\u{1f40b}.txt", "archive.tar.gz"] {
            assert_eq!(name(good), good);
        }
    }

    #[test]
    fn no_name_leads_anywhere_else_or_hides_anything() {
        for (bad, good) in [
            ("../../.ssh/authorized_keys", "_.._.ssh_authorized_keys"),
            ("/etc/passwd", "_etc_passwd"),
            ("..\\..\\boot.ini", "_.._boot.ini"),
            ("C:\\x", "C__x"),
            (".bashrc", "bashrc"),
            ("-rf", "rf"),
            ("~root", "root"),
            ("..", "file"),
            (".", "file"),
            ("", "file"),
            ("\u{2800}", "file"),
            ("nul", "_nul"),
            ("Com1.txt", "_Com1.txt"),
            ("NUL .txt", "_NUL .txt"),
            ("x.", "x"),
            ("x. . ", "x"),
            ("invoice\u{202e}gpj.exe", "invoicegpj.exe"),
            ("a\nb\0c", "abc"),
            ("a:b?*", "a_b__"),
        ] {
            assert_eq!(name(bad), good, "{bad:?}");
        }
        let long = name(&alloc::format!("{}.jpeg", "\u{e4}".repeat(300)));
        assert!(long.len() < FILE_NAME_MAX && long.ends_with("\u{e4}.jpeg"), "{long}");
        assert_eq!(name(&"x".repeat(300)).len(), FILE_NAME_MAX - 1);
    }

    quickcheck! {
        fn a_name_is_its_own_name_and_no_path(from: String) -> bool {
            let made = name(&from);
            let leads = made.contains(['/', '\\', '\0', ':']) || made.starts_with('.') || made.is_empty();
            !leads && made.len() <= FILE_NAME_MAX && name(&made) == made
        }
    }
}

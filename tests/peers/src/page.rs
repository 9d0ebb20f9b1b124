//! `docs/BENCHMARKS.md`: each part stands between two markers, and is replaced as a whole.

use std::{fs, io, path::Path};

/// Puts `text` where the page has the part called `name`.
pub fn put(name: &str, text: &str) -> io::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/BENCHMARKS.md");
    let page = fs::read_to_string(&path)?;
    let page =
        replace(&page, name, text).ok_or_else(|| io::Error::other(format!("no part called {name}")))?;
    fs::write(path, page)
}

fn replace(page: &str, name: &str, text: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->\n"));
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}{text}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_replaced_and_the_rest_stays() {
        let page = "a\n<!-- x -->\nold\n<!-- end of x -->\nb\n";
        let new = "a\n<!-- x -->\nnew\n<!-- end of x -->\nb\n";
        assert_eq!(replace(page, "x", "new\n").as_deref(), Some(new));
        assert_eq!(replace(page, "y", "new\n"), None);
    }
}

//! Exporters that get in each other's way: two that write one file would mix their records, and the second would empty what the
//! first has written. Compares paths as text and looks at no disk: links are not followed.

use std::path::{Path, PathBuf};

/// One line for every exporter that writes a file which an earlier one writes. `exporters`: ids and the paths they write.
pub(super) fn clashes<'a>(exporters: impl IntoIterator<Item = (&'a str, String)>) -> Vec<String> {
    let mut taken: Vec<(&str, PathBuf)> = Vec::new();
    let mut lines = Vec::new();
    for (id, written) in exporters {
        let path = plain(Path::new(&written));
        match taken.iter().find(|(_, other)| *other == path) {
            Some((first, _)) => lines.push(format!(
                "exporters::{id}: writes {written:?}, which exporter {first:?} writes already; give each a path of its own"
            )),
            None => taken.push((id, path)),
        }
    }
    lines
}

/// Absolute, without `.` and doubled slashes.
fn plain(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(paths: &[&str], expected: &[usize]) {
        let ids: Vec<String> = (0..paths.len()).map(|index| format!("file/{index}")).collect();
        let lines = clashes(
            ids.iter()
                .map(String::as_str)
                .zip(paths.iter().map(|&path| path.to_owned())),
        );
        let found: Vec<String> = lines
            .iter()
            .map(|line| line.split(": ").next().unwrap_or_default().to_owned())
            .collect();
        let expected: Vec<String> = expected
            .iter()
            .map(|index| format!("exporters::file/{index}"))
            .collect();
        assert_eq!(found, expected, "{lines:?}");
    }

    #[test]
    fn the_same_file_in_other_words_is_the_same_file() {
        check(&["a", "b", "/tmp/a"], &[]);
        check(&["a", "./a", "b", "a"], &[1, 3]);
        check(&["/tmp/a", "/tmp//./a"], &[1]);
        let here = std::env::current_dir().expect("a directory").join("a");
        check(&["a", &here.display().to_string()], &[1]);
        assert_eq!(
            clashes([("file", "a".to_owned()), ("file/x", "a".to_owned())]),
            ["exporters::file/x: writes \"a\", which exporter \"file\" writes already; give each a path of its own"]
        );
    }
}

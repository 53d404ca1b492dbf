//! `did you mean "…"?`: the word that was most likely meant. Refuses to guess when nothing is near.

/// The candidate nearest to `word`, if it is near enough that a slip of the keyboard explains the difference.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest_few(word, candidates, 1).into_iter().next()
}

/// The nearest candidates that are near enough, at most `most` of them, the nearest first.
pub fn nearest_few<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>, most: usize) -> Vec<&'a str> {
    let limit = (word.chars().count() / 3).clamp(1, 3);
    let others = candidates.into_iter().filter(|candidate| *candidate != word);
    let far = others.map(|candidate| (distance(&fold(word), &fold(candidate)), candidate));
    let mut near: Vec<(usize, &str)> = far.filter(|(far, _)| *far <= limit).collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(most).map(|(_, candidate)| candidate).collect()
}

/// ` (did you mean "…"?)`, or nothing.
pub fn hint<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, candidates)
        .map(|meant| format!(" (did you mean {meant:?}?)"))
        .unwrap_or_default()
}

/// Case and the kind of separator are no difference: `numConsumers` and `num-consumers` are `num_consumers`.
fn fold(word: &str) -> Vec<char> {
    word.chars()
        .filter(|c| !matches!(c, '_' | '-'))
        .flat_map(char::to_lowercase)
        .take(64)
        .collect()
}

/// Edits from one to the other: insert, delete, replace, swap neighbors (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replace.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(word: &str, candidates: &[&str], expected: Option<&str>) {
        assert_eq!(nearest(word, candidates.iter().copied()), expected, "{word}");
    }

    #[test]
    fn finds_slips_and_nothing_else() {
        check("verbosty", &["sampling", "verbosity"], Some("verbosity"));
        check("enpdoint", &["endpoint", "timeout"], Some("endpoint"));
        check("numConsumers", &["num_consumers", "queue_size"], Some("num_consumers"));
        check(
            "recievers",
            &["receivers", "processors", "exporters"],
            Some("receivers"),
        );
        check("color", &["endpoint", "timeout"], None);
        check("x", &["endpoint"], None);
        check("", &["a"], Some("a"));
        assert_eq!(hint("tls", ["tsl"]), " (did you mean \"tsl\"?)");
    }
}

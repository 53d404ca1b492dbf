//! "Did you mean": the valid name nearest to a misspelt one, for error messages.

/// ` (did you mean ...?)`, or nothing where no name is near.
pub(super) fn hint(given: &str, valid: &[&str]) -> String {
    let near = valid.iter().map(|name| (distance(given, name), *name)).min();
    match near {
        Some((changes, name)) if changes <= 2.max(given.len() / 3) && changes < name.len() => {
            format!(" (did you mean `{name}`?)")
        }
        _ => String::new(),
    }
}

/// Number of letters to insert, delete or replace (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(128).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_and_no_far_one() {
        let valid = ["interaction.satisfaction.gratitude", "execution.loops.retry"];
        assert_eq!(
            hint("execution.loop.retry", &valid),
            " (did you mean `execution.loops.retry`?)"
        );
        assert_eq!(hint("zzz", &valid), "");
        assert_eq!(hint("ge", &["de", "en"]), " (did you mean `de`?)");
    }
}

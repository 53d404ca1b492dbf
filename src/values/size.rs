//! Sizes as people write them: `256MiB`, `1GB`, or a bare number of bytes. Refuses zero and unknown units, with an example of
//! what would be right.

/// Reads bytes, with a unit or without.
///
/// # Errors
/// What is wrong, with an example.
pub fn parse(text: &str) -> Result<usize, String> {
    let fault = || format!("invalid size {text:?}; write it like 256MiB or 1GiB");
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale: usize = match unit.trim() {
        "" | "B" => 1,
        "KiB" | "K" | "k" => 1 << 10,
        "MiB" | "M" | "m" => 1 << 20,
        "GiB" | "G" | "g" => 1 << 30,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return Err(fault()),
    };
    let number: usize = number.parse().map_err(|_| fault())?;
    number.checked_mul(scale).filter(|bytes| *bytes > 0).ok_or_else(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, expected) in [
            ("256MiB", Some(256 << 20)),
            ("1GiB", Some(1 << 30)),
            ("64 MiB", Some(64 << 20)),
            ("1000", Some(1000)),
            ("2MB", Some(2_000_000)),
            ("0", None),
            ("MiB", None),
            ("1TiB", None),
            ("-1MiB", None),
            ("99999999999GiB", None),
        ] {
            assert_eq!(parse(text).ok(), expected, "{text}");
        }
    }
}

//! With what probability a sampler at the head kept a trace, read from the `ot` member of the W3C trace state: statistics are scaled by it.

/// The probability, in (0, 1]; `None` where the state names none.
pub(super) fn sampling_probability(state: &str) -> Option<f64> {
    let member = state.split(',').find_map(|member| member.trim().strip_prefix("ot="))?;
    let value = |key: &str| {
        member
            .split(';')
            .find_map(|pair| pair.strip_prefix(key)?.strip_prefix(':'))
    };
    match value("th") {
        Some(threshold) => of_threshold(threshold),
        None => of_power(value("p")?),
    }
}

/// Up to 14 hex digits of a fraction: the share of traces that were dropped.
fn of_threshold(digits: &str) -> Option<f64> {
    const ALL: u64 = 1 << 56;
    if !(1..=14).contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let dropped = u64::from_str_radix(digits, 16).ok()? << (4 * (14 - digits.len()));
    Some((ALL - dropped) as f64 / ALL as f64)
}

/// The negated exponent of two; 63 says that the trace was not kept.
fn of_power(exponent: &str) -> Option<f64> {
    let exponent: i32 = exponent.parse().ok()?;
    (0..63).contains(&exponent).then(|| 0.5_f64.powi(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities() {
        let check = |state: &str, expected: Option<f64>| assert_eq!(sampling_probability(state), expected, "{state:?}");
        check("", None);
        check("ot=th:8", Some(0.5));
        check("ot=th:0", Some(1.0));
        check("dd=s:1,ot=rv:1;th:c", Some(0.25));
        check("ot=th:c;rv:1", Some(0.25));
        check("ot=p:4;r:5", Some(0.0625));
        check("ot=p:63", None);
        check("ot=p:-1", None);
        check("ot=th:xyz", None);
        check("ot=th:000000000000000", None);
        check("vendor=th:8", None);
    }
}

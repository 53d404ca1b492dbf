//! Trace and span ids: fixed-size, printed as lower-case hex, parsed from hex in any case. Refuses other lengths.

use std::fmt;

/// 16 bytes; all zero is invalid.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId(pub [u8; 16]);

/// 8 bytes; all zero is invalid.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId(pub [u8; 8]);

const DIGITS: &[u8; 16] = b"0123456789abcdef";

macro_rules! id {
    ($name:ident, $len:literal) => {
        impl $name {
            /// From exactly as many hex digits as the id needs, in any case.
            pub fn from_hex(hex: &str) -> Option<$name> {
                let digits = hex.as_bytes();
                if digits.len() != 2 * $len {
                    return None;
                }
                let mut id = [0; $len];
                for (byte, pair) in id.iter_mut().zip(digits.chunks_exact(2)) {
                    let [high, low] = [pair[0], pair[1]].map(|digit| char::from(digit).to_digit(16));
                    *byte = u8::try_from(high? << 4 | low?).ok()?;
                }
                Some($name(id))
            }

            /// From as many bytes as the id has.
            pub fn from_slice(bytes: &[u8]) -> Option<$name> {
                bytes.try_into().ok().map($name)
            }

            /// All zero: invalid by the specification.
            pub fn is_zero(&self) -> bool {
                self.0 == [0; $len]
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut hex = [0; 2 * $len];
                for (pair, byte) in hex.chunks_exact_mut(2).zip(self.0) {
                    pair[0] = DIGITS[usize::from(byte >> 4)];
                    pair[1] = DIGITS[usize::from(byte & 15)];
                }
                f.write_str(std::str::from_utf8(&hex).unwrap_or_default())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

id!(TraceId, 16);
id!(SpanId, 8);

#[cfg(test)]
mod tests {
    use super::*;

    fn check(hex: &str, expected: Option<&str>) {
        assert_eq!(
            SpanId::from_hex(hex).map(|id| id.to_string()).as_deref(),
            expected,
            "{hex}"
        );
    }

    #[test]
    fn hex_in_any_case_and_no_other_length() {
        check("00F067aa0bA902b7", Some("00f067aa0ba902b7"));
        check("00f067aa0ba902b", None);
        check("00f067aa0ba902b70", None);
        check("00f067aa0ba902g7", None);
        check("+0f067aa0ba902b7", None);
        check("é0f067aa0ba902b", None);
        assert!(TraceId::from_hex("00000000000000000000000000000000").is_some_and(|id| id.is_zero()));
    }
}

//! The `traceparent` header: one value in, one value out. Refuses upper case, zero ids, version `ff`, and any length that the
//! version does not have.

use std::fmt;

/// Length of version 00, and of the part of later versions that is known.
const LEN: usize = 55;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

const SAMPLED: u8 = 0x01;
const RANDOM: u8 = 0x02;

/// `version-trace_id-parent_id-flags`. Written as version 00, whatever version it was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    /// Of the whole trace; not zero.
    pub trace_id: [u8; 16],
    /// The caller's span; not zero.
    pub parent_id: [u8; 8],
    /// What the caller says of the trace.
    pub flags: Flags,
}

/// The flags that version 00 knows; all others are cleared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags {
    /// The caller may have recorded its part of the trace.
    pub sampled: bool,
    /// The last seven bytes of the trace id are random.
    pub random: bool,
}

impl Flags {
    /// From the bits of a header; those that are not known are ignored.
    pub fn from_bits(bits: u8) -> Flags {
        Flags {
            sampled: bits & SAMPLED != 0,
            random: bits & RANDOM != 0,
        }
    }

    /// The bits, as in the header and in the low byte of an OTLP span's flags.
    pub fn bits(self) -> u8 {
        let bit = |set: bool, bit: u8| if set { bit } else { 0 };
        bit(self.sampled, SAMPLED) | bit(self.random, RANDOM)
    }
}

impl TraceParent {
    /// Reads the value of a header line; white space around it is none of it.
    pub fn parse(line: &[u8]) -> Option<TraceParent> {
        let (known, rest) = trim(line).split_at_checked(LEN)?;
        let dashes = [2, 35, 52].iter().all(|&at| known[at] == b'-');
        let [version] = hex(&known[..2])?;
        let rest_fits = match version {
            0xff => false,
            0x00 => rest.is_empty(),
            _ => rest.first().is_none_or(|&next| next == b'-'),
        };
        let (trace_id, parent_id) = (hex(&known[3..35])?, hex(&known[36..52])?);
        let [flags] = hex(&known[53..])?;
        let valid = dashes && rest_fits && trace_id != [0; 16] && parent_id != [0; 8];
        valid.then_some(TraceParent {
            trace_id,
            parent_id,
            flags: Flags::from_bits(flags),
        })
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Every request writes some: formatting byte by byte takes ten times as long.
        let mut text = String::with_capacity(LEN);
        text.push_str("00");
        for bytes in [&self.trace_id[..], &self.parent_id, &[self.flags.bits()]] {
            text.push('-');
            for byte in bytes {
                text.push(char::from(DIGITS[usize::from(byte >> 4)]));
                text.push(char::from(DIGITS[usize::from(byte & 15)]));
            }
        }
        f.write_str(&text)
    }
}

/// HTTP's optional white space: spaces and tabs.
pub(super) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// Lower-case digits only.
fn hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let digit = |character: u8| match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    if digits.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

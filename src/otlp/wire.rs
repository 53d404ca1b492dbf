//! The protobuf wire format and nothing else: reading fields from a slice and writing them to a `Vec`. Reading never panics
//! and never allocates; what is malformed reads as the end. Refuses to know what a field means.

/// Wire type of integers and booleans.
pub(super) const VARINT: u32 = 0;
/// Wire type of 8 bytes, little endian.
pub(super) const FIXED64: u32 = 1;
/// Wire type of a length and as many bytes: strings, bytes, messages.
pub(super) const LEN: u32 = 2;
/// Wire type that opens a group (unknown fields only: OTLP has none).
pub(super) const GROUP_START: u32 = 3;
/// Wire type that closes a group.
pub(super) const GROUP_END: u32 = 4;
/// Wire type of 4 bytes, little endian.
pub(super) const FIXED32: u32 = 5;

/// The reason of a refused varint.
pub(super) const BAD_VARINT: &str = "a varint is cut off or longer than 64 bits";
/// The reason of a refused length.
pub(super) const BAD_LENGTH: &str = "a field is longer than the message around it";

/// The key byte of a field with a small number, as it stands on the wire.
pub(super) const fn key(tag: u8, wire_type: u32) -> u8 {
    tag << 3 | wire_type as u8
}

/// Takes a varint off the front: at most 10 bytes, at most 64 bits.
#[inline(always)]
pub(super) fn varint(buf: &mut &[u8]) -> Option<u64> {
    let (&first, rest) = buf.split_first()?;
    if first < 0x80 {
        *buf = rest;
        return Some(u64::from(first));
    }
    if let [_, second @ 0..0x80, rest @ ..] = *buf {
        *buf = rest;
        return Some(u64::from(first & 0x7f) | u64::from(*second) << 7);
    }
    let (value, rest) = long_varint(buf)?;
    *buf = rest;
    Some(value)
}

/// Slices go in and out by value here and in [`rare_step`]: a reference would keep the caller's out of registers.
#[inline(never)]
fn long_varint(buf: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (index, &byte) in buf.iter().take(10).enumerate() {
        if index == 9 && byte > 1 {
            return None;
        }
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            return Some((value, &buf[index + 1..]));
        }
    }
    None
}

/// Takes `len` bytes off the front.
#[inline(always)]
pub(super) fn take<'a>(buf: &mut &'a [u8], len: u64) -> Option<&'a [u8]> {
    let (head, rest) = buf.split_at_checked(usize::try_from(len).ok()?)?;
    *buf = rest;
    Some(head)
}

/// Takes a length and as many bytes off the front.
#[inline(always)]
pub(super) fn delimited<'a>(buf: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = varint(buf)?;
    take(buf, len)
}

/// Takes a field's key off the front: number and wire type.
#[inline(always)]
pub(super) fn field_key(buf: &mut &[u8]) -> Result<u32, &'static str> {
    let key = u32::try_from(varint(buf).ok_or(BAD_VARINT)?).map_err(|_| "a field number is above 2^29 - 1")?;
    if key < 8 {
        return Err("a field number is 0");
    }
    if key & 7 > FIXED32 {
        return Err("a wire type is neither of 0 to 5");
    }
    Ok(key)
}

/// Takes the value of an unknown field off the front. `depth` is how many levels may still be entered; groups count.
#[inline(never)]
pub(super) fn skip(buf: &mut &[u8], key: u32, depth: u32) -> Result<(), &'static str> {
    if depth == 0 {
        return Err(super::schema::TOO_DEEP);
    }
    match key & 7 {
        VARINT => varint(buf).map(drop).ok_or(BAD_VARINT),
        FIXED64 => take(buf, 8).map(drop).ok_or(BAD_LENGTH),
        FIXED32 => take(buf, 4).map(drop).ok_or(BAD_LENGTH),
        LEN => delimited(buf).map(drop).ok_or(BAD_LENGTH),
        GROUP_START => loop {
            let inner = field_key(buf)?;
            if inner & 7 == GROUP_END {
                return if inner >> 3 == key >> 3 {
                    Ok(())
                } else {
                    Err(STRAY_GROUP_END)
                };
            }
            skip(buf, inner, depth - 1)?;
        },
        _ => Err(STRAY_GROUP_END),
    }
}

const STRAY_GROUP_END: &str = "a group is closed that was not opened";

/// A field's value as the wire knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raw<'a> {
    /// An integer or boolean.
    Varint(u64),
    /// Eight bytes.
    Fixed64(u64),
    /// Four bytes.
    Fixed32(u32),
    /// A string, bytes or message.
    Bytes(&'a [u8]),
    /// An unknown group; what it holds is of no interest.
    Group,
}

impl<'a> Raw<'a> {
    /// The bytes of a length-delimited field.
    #[inline(always)]
    pub(super) fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Raw::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The value of a number field.
    #[inline(always)]
    pub(super) fn number(self) -> u64 {
        match self {
            Raw::Varint(value) | Raw::Fixed64(value) => value,
            Raw::Fixed32(value) => u64::from(value),
            Raw::Bytes(_) | Raw::Group => 0,
        }
    }
}

/// One field of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    /// Field number.
    pub(super) tag: u32,
    /// Value.
    pub(super) raw: Raw<'a>,
    /// The encoded field, its key included.
    pub(super) whole: &'a [u8],
}

/// The fields of a message, in the order of the wire. Ends early at what is malformed.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

/// Walks the fields of a message.
#[inline(always)]
pub(super) fn fields(wire: &[u8]) -> Fields<'_> {
    Fields { rest: wire }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        let start = self.rest;
        let (key, mut rest) = match start {
            [] => return None,
            [first @ 8..0x80, rest @ ..] => (u32::from(*first), rest),
            _ => {
                let mut rest = start;
                (field_key(&mut rest).ok()?, rest)
            }
        };
        let raw = match key & 7 {
            LEN => Raw::Bytes(delimited(&mut rest)?),
            VARINT => Raw::Varint(varint(&mut rest)?),
            FIXED64 => Raw::Fixed64(u64::from_le_bytes(take(&mut rest, 8)?.try_into().ok()?)),
            FIXED32 => Raw::Fixed32(u32::from_le_bytes(take(&mut rest, 4)?.try_into().ok()?)),
            _ => {
                let mut behind = rest;
                skip(&mut behind, key, super::schema::MAX_DEPTH).ok()?;
                rest = behind;
                Raw::Group
            }
        };
        self.rest = rest;
        Some(Field {
            tag: key >> 3,
            raw,
            // What cannot panic is left out by the compiler where the caller has no use for it.
            whole: start.get(..start.len() - rest.len()).unwrap_or_default(),
        })
    }
}

/// The bodies of the length-delimited fields with one key, in the order of the wire. All other fields are stepped over
/// without being read.
#[derive(Clone, Debug)]
pub(super) struct Bodies<'a> {
    rest: &'a [u8],
    key: u8,
}

/// The bodies of all length-delimited fields with that number, which must be below 16, in order.
#[inline(always)]
pub(super) fn bodies(wire: &[u8], tag: u8) -> Bodies<'_> {
    debug_assert!(tag < 16, "the key is one byte");
    Bodies {
        rest: wire,
        key: key(tag, LEN),
    }
}

impl<'a> Iterator for Bodies<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let (key, body) = step(&mut self.rest)?;
            if key == self.key {
                return Some(body);
            }
        }
    }
}

/// Takes a field off the front: its key and body where it is length-delimited with a number below 16, else 0, which is no
/// key, and nothing.
#[inline(always)]
pub(super) fn step<'a>(buf: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    const LEN_KEY: u8 = LEN as u8;
    const FIXED64_KEY: u8 = FIXED64 as u8;
    let (&key, mut rest) = buf.split_first()?;
    // The wire type, and whether the key goes on.
    match key & 0x87 {
        LEN_KEY => {
            let body = delimited(&mut rest)?;
            *buf = rest;
            Some((key, body))
        }
        FIXED64_KEY => {
            *buf = rest.get(8..)?;
            Some((0, &[]))
        }
        _ => {
            let (key, body, rest) = rare_step(buf)?;
            *buf = rest;
            Some((key, body))
        }
    }
}

/// [`step`] for the fields that a span has one or two of, and for keys that are longer than they need be. The last slice is
/// what is behind the field.
#[inline(never)]
fn rare_step(wire: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let mut fields = fields(wire);
    let field = fields.next()?;
    Some(match (field.tag, field.raw) {
        (tag @ 1..16, Raw::Bytes(body)) => (key(tag as u8, LEN), body, fields.rest),
        _ => (0, &[], fields.rest),
    })
}

/// Takes a length-delimited field with that key byte off the front, if the next one is one.
#[inline(always)]
pub(super) fn delimited_if<'a>(buf: &mut &'a [u8], key: u8) -> Option<&'a [u8]> {
    let (&first, mut rest) = buf.split_first()?;
    if first != key {
        return None;
    }
    let body = delimited(&mut rest)?;
    *buf = rest;
    Some(body)
}

/// Key and value of a `KeyValue` in the form that every encoder writes: one key, one value, nothing else. `None` for any
/// other form, which may be as valid.
#[inline(always)]
pub(super) fn usual_key_value(wire: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut buf = wire;
    let name = delimited_if(&mut buf, key(1, LEN))?;
    let value = delimited_if(&mut buf, key(2, LEN))?;
    buf.is_empty().then_some((name, value))
}

/// The key alone of a `KeyValue` in that form, as long as the value is shorter than 16 KiB.
#[inline(always)]
pub(super) fn usual_key(wire: &[u8]) -> Option<&[u8]> {
    const KEY: u8 = key(1, LEN);
    const VALUE: u8 = key(2, LEN);
    let [KEY, name_len @ 0..0x80, rest @ ..] = wire else {
        return None;
    };
    let (name, value) = rest.split_at_checked(usize::from(*name_len))?;
    let ends = match value {
        [VALUE, len @ 0..0x80, body @ ..] => body.len() == usize::from(*len),
        [VALUE, low, high @ 0..0x80, body @ ..] => body.len() == usize::from(*low & 0x7f) | usize::from(*high) << 7,
        _ => false,
    };
    ends.then_some(name)
}

/// How many bytes a varint takes.
#[inline]
pub(super) const fn varint_len(value: u64) -> usize {
    // 7 bits a byte: ceil(bits / 7), with 0 taking one byte.
    (63 - (value | 1).leading_zeros() as usize) / 7 + 1
}

/// How many bytes a length-delimited field with a one-byte key takes.
#[inline]
pub(super) const fn field_len(body: usize) -> usize {
    1 + varint_len(body as u64) + body
}

/// Writes a varint.
#[inline]
pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Writes the key and length of a length-delimited field.
#[inline]
pub(super) fn put_frame(out: &mut Vec<u8>, tag: u8, len: usize) {
    put_uint_after(out, key(tag, LEN), len as u64);
}

/// Writes a length-delimited field.
#[inline]
pub(super) fn put_bytes(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    put_frame(out, tag, bytes.len());
    out.extend_from_slice(bytes);
}

/// Writes an integer field.
#[inline]
pub(super) fn put_uint(out: &mut Vec<u8>, tag: u8, value: u64) {
    put_uint_after(out, key(tag, VARINT), value);
}

/// Writes a key and the varint behind it, both at once where that is one byte, as most are.
#[inline]
fn put_uint_after(out: &mut Vec<u8>, key: u8, value: u64) {
    if value < 0x80 {
        out.extend_from_slice(&[key, value as u8]);
    } else {
        out.push(key);
        put_varint(out, value);
    }
}

/// Writes an eight-byte field.
#[inline]
pub(super) fn put_fixed64(out: &mut Vec<u8>, tag: u8, value: u64) {
    let [a, b, c, d, e, f, g, h] = value.to_le_bytes();
    out.extend_from_slice(&[key(tag, FIXED64), a, b, c, d, e, f, g, h]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_varint(wire: &[u8], expected: Option<(u64, usize)>) {
        let mut rest = wire;
        let read = varint(&mut rest).map(|value| (value, rest.len()));
        assert_eq!(read, expected, "{wire:x?}");
    }

    #[test]
    fn varints_up_to_ten_bytes_and_64_bits() {
        check_varint(&[], None);
        check_varint(&[0x7f, 9], Some((127, 1)));
        check_varint(&[0x80], None);
        check_varint(&[0x80, 0x00], Some((0, 0)));
        check_varint(&[0xff, 0x7f], Some((16_383, 0)));
        check_varint(&[0x80, 0x80, 0x01], Some((16_384, 0)));
        check_varint(
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            Some((u64::MAX, 0)),
        );
        check_varint(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], None);
        check_varint(
            &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
            None,
        );
    }

    #[test]
    fn the_length_of_a_varint_is_what_is_written() {
        for shift in 0..64 {
            for value in [1u64 << shift, (1u64 << shift) - 1, u64::MAX >> shift] {
                let mut out = Vec::new();
                put_varint(&mut out, value);
                assert_eq!(varint_len(value), out.len(), "{value}");
                check_varint(&out, Some((value, 0)));
            }
        }
    }

    #[test]
    fn malformed_bytes_read_as_the_end() {
        let wire = [0x08, 0x01, 0x12, 0x05, b'a'];
        assert_eq!(
            fields(&wire).map(|field| field.whole.to_vec()).collect::<Vec<_>>(),
            [[0x08, 0x01]]
        );
        assert_eq!(fields(&[0x0c]).count(), 0);
        assert_eq!(
            fields(&[0x0b, 0x0c, 0x10, 0x07])
                .map(|field| field.tag)
                .collect::<Vec<_>>(),
            [1, 2]
        );
    }
}

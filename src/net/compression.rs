//! Compression of request bodies. Inflating is bounded while it streams, so that a bomb costs its limit and no more; gzip may
//! have several members, `deflate` may be zlib (as HTTP says) or raw (as some clients send). Contexts are kept by thread, so
//! that a small request pays for its bytes only. Refuses truncated data, trailing garbage and zstd windows above 8 MiB
//! (RFC 9659).

use std::cell::RefCell;

use anyhow::Context;
use bytes::Bytes;
use flate2::{Compress, Crc, Decompress, FlushCompress, FlushDecompress, Status};
use zstd::zstd_safe::{
    self, CCtx, CParameter, DCtx, DParameter, InBuffer, OutBuffer, ResetDirective, zstd_sys::ZSTD_EndDirective,
};

/// Largest window that a zstd frame may ask for, as a power of two: 8 MiB (RFC 9659, section 3).
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// Smallest step by which an output buffer grows, in bytes.
const GROWTH: usize = 16 << 10;
/// Most that deflate can inflate a byte to, hence the most that is reserved on the word of a gzip trailer.
const DEFLATE_RATIO_MAX: usize = 1032;
/// Largest output buffer that a thread keeps for the next compression, in bytes.
const SCRATCH_MAX: usize = 8 << 20;

/// Bytes from which compression leaves the thread that serves connections.
const COMPRESS_ASIDE: usize = 64 << 10;

/// How the bytes of a body are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Not at all.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// RFC 1950 (zlib).
    Deflate,
}

impl Encoding {
    /// Reads a header value (`content-encoding`, `grpc-encoding`) or a config value. Case and surrounding blanks do not
    /// matter; empty means identity. `None` for what is not known, lists of several codings included.
    pub fn parse(name: &str) -> Option<Encoding> {
        let is = |names: &[&str]| names.iter().any(|known| name.trim().eq_ignore_ascii_case(known));
        match () {
            () if is(&["", "identity", "none"]) => Some(Encoding::Identity),
            () if is(&["gzip", "x-gzip"]) => Some(Encoding::Gzip),
            () if is(&["zstd"]) => Some(Encoding::Zstd),
            () if is(&["deflate", "zlib"]) => Some(Encoding::Deflate),
            () => None,
        }
    }

    /// The name in headers.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Identity => "identity",
            Encoding::Gzip => "gzip",
            Encoding::Zstd => "zstd",
            Encoding::Deflate => "deflate",
        }
    }
}

/// Why a body could not be inflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InflateError {
    /// It inflates to more than the limit.
    #[error("the body inflates to more than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// It is damaged, truncated, or something else altogether.
    #[error("the body is no valid {} data: {reason}", .encoding.name())]
    Corrupt {
        /// What it should be.
        encoding: Encoding,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// Inflates a whole body to at most `limit` bytes. Identity copies; a caller who holds `Bytes` keeps them instead.
///
/// # Errors
/// [`InflateError`]. No more than `limit` bytes and one step were ever written.
pub fn inflate(encoding: Encoding, wire: &[u8], limit: usize) -> Result<Bytes, InflateError> {
    match encoding {
        Encoding::Identity if wire.len() > limit => Err(InflateError::TooLarge { limit }),
        Encoding::Identity => Ok(Bytes::copy_from_slice(wire)),
        Encoding::Gzip => gunzip(wire, limit),
        Encoding::Zstd => unzstd(wire, limit),
        Encoding::Deflate => undeflate(wire, limit),
    }
}

thread_local! {
    static DECOMPRESS: RefCell<Decompress> = RefCell::new(Decompress::new(false));
    static UNZSTD: RefCell<DCtx<'static>> = RefCell::new({
        let mut context = DCtx::create();
        context.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX)).expect("23 is in the range of the parameter");
        context
    });
    static GZIP: RefCell<Option<(u32, Compress)>> = const { RefCell::new(None) };
    static ZSTD: RefCell<CCtx<'static>> = RefCell::new(CCtx::create());
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Makes room for at least one more byte, never beyond one byte above the limit.
fn grow(out: &mut Vec<u8>, limit: usize) -> Result<(), InflateError> {
    if out.len() > limit {
        return Err(InflateError::TooLarge { limit });
    }
    if out.len() == out.capacity() {
        out.reserve_exact(out.len().max(GROWTH).min((limit - out.len()).saturating_add(1)));
    }
    Ok(())
}

/// The inflated bytes; gives memory back where the guess was far too large.
fn finish(mut out: Vec<u8>, limit: usize) -> Result<Bytes, InflateError> {
    if out.len() > limit {
        return Err(InflateError::TooLarge { limit });
    }
    if out.capacity() / 2 > out.len() {
        out.shrink_to_fit();
    }
    Ok(Bytes::from(out))
}

/// Inflates one deflate stream (zlib or raw, as `state` was reset) and returns how much of `wire` it took.
fn inflate_stream(
    state: &mut Decompress,
    wire: &[u8],
    out: &mut Vec<u8>,
    limit: usize,
    corrupt: impl Fn(&'static str) -> InflateError,
) -> Result<usize, InflateError> {
    loop {
        grow(out, limit)?;
        let (taken, had) = (state.total_in() as usize, out.len());
        let status = state.decompress_vec(&wire[taken..], out, FlushDecompress::None);
        match status.map_err(|_| corrupt("damaged"))? {
            Status::StreamEnd => return Ok(state.total_in() as usize),
            Status::Ok | Status::BufError if state.total_in() as usize == taken && out.len() == had => {
                return Err(corrupt("truncated"));
            }
            Status::Ok | Status::BufError => {}
        }
    }
}

fn gunzip(wire: &[u8], limit: usize) -> Result<Bytes, InflateError> {
    let corrupt = |reason| InflateError::Corrupt {
        encoding: Encoding::Gzip,
        reason,
    };
    let trailer = wire.last_chunk::<4>().copied().ok_or(corrupt("truncated"))?;
    let hint = u32::from_le_bytes(trailer) as usize;
    let most = limit
        .min(wire.len().saturating_mul(DEFLATE_RATIO_MAX))
        .saturating_add(1);
    let mut out = Vec::with_capacity(hint.saturating_add(1).min(most));
    let mut rest = wire;
    DECOMPRESS.with_borrow_mut(|state| {
        while !rest.is_empty() {
            let header = gzip_header_len(rest).map_err(corrupt)?;
            let start = out.len();
            state.reset(false);
            let taken = inflate_stream(state, &rest[header..], &mut out, limit, corrupt)?;
            let (trailer, next) = rest[header + taken..]
                .split_first_chunk::<8>()
                .ok_or(corrupt("truncated"))?;
            let mut crc = Crc::new();
            crc.update(&out[start..]);
            let [a, b, c, d, length @ ..] = *trailer;
            if crc.sum() != u32::from_le_bytes([a, b, c, d]) {
                return Err(corrupt("wrong checksum"));
            }
            if u32::from_le_bytes(length) != (out.len() - start) as u32 {
                return Err(corrupt("wrong length"));
            }
            rest = next;
        }
        finish(out, limit)
    })
}

/// Length of the header of a gzip member (RFC 1952, section 2.3).
fn gzip_header_len(wire: &[u8]) -> Result<usize, &'static str> {
    const HCRC: u8 = 2;
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    const RESERVED: u8 = 0xe0;
    let &[0x1f, 0x8b, method, flags, ..] = wire else {
        return Err("no gzip header");
    };
    if method != 8 || flags & RESERVED != 0 {
        return Err("unknown gzip header");
    }
    let mut at = 10;
    if flags & EXTRA != 0 {
        let length = wire.get(at..at + 2).ok_or("truncated")?;
        at += 2 + usize::from(u16::from_le_bytes([length[0], length[1]]));
    }
    for flag in [NAME, COMMENT] {
        if flags & flag != 0 {
            at += 1 + memchr::memchr(0, wire.get(at..).ok_or("truncated")?).ok_or("truncated")?;
        }
    }
    if flags & HCRC != 0 {
        at += 2;
    }
    if at > wire.len() { Err("truncated") } else { Ok(at) }
}

fn undeflate(wire: &[u8], limit: usize) -> Result<Bytes, InflateError> {
    let looks_like_zlib = matches!(wire, [cmf, flg, ..] if cmf & 0x0f == 8
        && u16::from_be_bytes([*cmf, *flg]).is_multiple_of(31));
    if looks_like_zlib {
        match undeflate_as(Wrapping::Zlib, wire, limit) {
            Err(InflateError::Corrupt { .. }) => {}
            answer => return answer,
        }
    }
    undeflate_as(Wrapping::Raw, wire, limit)
}

/// Whether a deflate stream has a zlib header and checksum around it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrapping {
    Zlib,
    Raw,
}

fn undeflate_as(wrapping: Wrapping, wire: &[u8], limit: usize) -> Result<Bytes, InflateError> {
    let corrupt = |reason| InflateError::Corrupt {
        encoding: Encoding::Deflate,
        reason,
    };
    let mut out = Vec::with_capacity(wire.len().saturating_mul(4).min(limit.saturating_add(1)));
    DECOMPRESS.with_borrow_mut(|state| {
        state.reset(wrapping == Wrapping::Zlib);
        let taken = inflate_stream(state, wire, &mut out, limit, corrupt)?;
        if taken < wire.len() {
            return Err(corrupt("trailing garbage"));
        }
        finish(out, limit)
    })
}

fn unzstd(wire: &[u8], limit: usize) -> Result<Bytes, InflateError> {
    let corrupt = |reason| InflateError::Corrupt {
        encoding: Encoding::Zstd,
        reason,
    };
    if wire.is_empty() {
        return Err(corrupt("truncated"));
    }
    let claimed = zstd_safe::get_frame_content_size(wire).ok().flatten();
    if claimed.is_some_and(|claimed| claimed > limit as u64) {
        return Err(InflateError::TooLarge { limit });
    }
    let hint = claimed.map_or(wire.len().saturating_mul(4), |claimed| claimed as usize);
    let mut out = Vec::with_capacity(hint.saturating_add(1).min(limit.saturating_add(1)));
    UNZSTD.with_borrow_mut(|context| {
        context
            .reset(ResetDirective::SessionOnly)
            .expect("a session can always be reset");
        let mut input = InBuffer::around(wire);
        loop {
            grow(&mut out, limit)?;
            let (taken, had) = (input.pos(), out.len());
            let wanted = context
                .decompress_stream(&mut OutBuffer::around_pos(&mut out, had), &mut input)
                .map_err(|code| corrupt(zstd_safe::get_error_name(code)))?;
            if input.pos() == wire.len() && wanted == 0 {
                return finish(out, limit);
            }
            if input.pos() == taken && out.len() == had {
                return Err(corrupt("truncated"));
            }
        }
    })
}

/// Compresses bodies. Costs nothing to make; contexts live with the threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compressor {
    encoding: Encoding,
    level: i32,
}

impl Compressor {
    /// At the encoding's usual level for telemetry: 1 for all of them (higher ones cost a multiple for a few percent).
    pub fn new(encoding: Encoding) -> Compressor {
        Compressor { encoding, level: 1 }
    }

    /// At another level; clamped to what the encoding has (0–9, for zstd −131072–22).
    #[must_use]
    pub fn level(self, level: i32) -> Compressor {
        let level = match self.encoding {
            Encoding::Identity => self.level,
            Encoding::Gzip | Encoding::Deflate => level.clamp(0, 9),
            Encoding::Zstd => level.clamp(zstd_safe::min_c_level(), zstd_safe::max_c_level()),
        };
        Compressor { level, ..self }
    }

    /// What it makes.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// [`Compressor::compress`], large bodies on a thread that may block: others are served meanwhile.
    ///
    /// # Errors
    /// The compression panicked.
    pub async fn compress_aside(self, chunks: Vec<Bytes>) -> anyhow::Result<Bytes> {
        if chunks.iter().map(Bytes::len).sum::<usize>() < COMPRESS_ASIDE {
            return Ok(self.compress(&chunks));
        }
        tokio::task::spawn_blocking(move || self.compress(&chunks))
            .await
            .context("the compression of a request panicked")
    }

    /// Compresses the chunks, one after the other, to one body.
    pub fn compress(&self, chunks: &[Bytes]) -> Bytes {
        if self.encoding == Encoding::Identity {
            return match chunks {
                [only] => only.clone(),
                many => Bytes::from(many.concat()),
            };
        }
        SCRATCH.with_borrow_mut(|out| {
            out.clear();
            match self.encoding {
                Encoding::Zstd => self.zstd(chunks, out),
                Encoding::Deflate => {
                    let level = flate2::Compression::new(self.level as u32);
                    deflate(&mut Compress::new(level, true), chunks, out);
                }
                Encoding::Gzip | Encoding::Identity => self.gzip(chunks, out),
            }
            let body = Bytes::copy_from_slice(out);
            out.shrink_to(SCRATCH_MAX);
            body
        })
    }

    fn gzip(&self, chunks: &[Bytes], out: &mut Vec<u8>) {
        // Deflate, no flags, no time, no hint on the level, unknown system.
        out.extend_from_slice(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
        let level = self.level as u32;
        GZIP.with_borrow_mut(|kept| {
            let state = match kept {
                Some((kept_level, state)) if *kept_level == level => {
                    state.reset();
                    state
                }
                _ => {
                    &mut kept
                        .insert((level, Compress::new(flate2::Compression::new(level), false)))
                        .1
                }
            };
            deflate(state, chunks, out);
        });
        let mut crc = Crc::new();
        chunks.iter().for_each(|chunk| crc.update(chunk));
        out.extend_from_slice(&crc.sum().to_le_bytes());
        out.extend_from_slice(&(total(chunks) as u32).to_le_bytes());
    }

    fn zstd(&self, chunks: &[Bytes], out: &mut Vec<u8>) {
        const VALID: &str = "parameters in range and an output with room are all that zstd asks for";
        out.reserve(zstd_safe::compress_bound(total(chunks)));
        ZSTD.with_borrow_mut(|context| {
            context.reset(ResetDirective::SessionOnly).expect(VALID);
            context
                .set_parameter(CParameter::CompressionLevel(self.level))
                .expect(VALID);
            context.set_pledged_src_size(Some(total(chunks) as u64)).expect(VALID);
            let mut output = OutBuffer::around(out);
            for chunk in chunks {
                let mut input = InBuffer::around(chunk);
                while input.pos() < chunk.len() {
                    let directive = ZSTD_EndDirective::ZSTD_e_continue;
                    context
                        .compress_stream2(&mut output, &mut input, directive)
                        .expect(VALID);
                }
            }
            let (mut nothing, directive) = (InBuffer::around(&[]), ZSTD_EndDirective::ZSTD_e_end);
            while context
                .compress_stream2(&mut output, &mut nothing, directive)
                .expect(VALID)
                > 0
            {}
        });
    }
}

fn total(chunks: &[Bytes]) -> usize {
    chunks.iter().map(Bytes::len).sum()
}

/// Runs all chunks through `state` and ends the stream.
fn deflate(state: &mut Compress, chunks: &[Bytes], out: &mut Vec<u8>) {
    const VALID: &str = "a fresh deflate stream takes any input";
    out.reserve(total(chunks) / 4 + GROWTH);
    for chunk in chunks {
        let start = state.total_in();
        while ((state.total_in() - start) as usize) < chunk.len() {
            if out.capacity() == out.len() {
                out.reserve(out.len());
            }
            let taken = (state.total_in() - start) as usize;
            state
                .compress_vec(&chunk[taken..], out, FlushCompress::None)
                .expect(VALID);
        }
    }
    while state.compress_vec(&[], out, FlushCompress::Finish).expect(VALID) != Status::StreamEnd {
        out.reserve(out.len().max(GROWTH));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    const ALL: [Encoding; 4] = [Encoding::Identity, Encoding::Gzip, Encoding::Zstd, Encoding::Deflate];
    const CODED: [Encoding; 3] = [Encoding::Gzip, Encoding::Zstd, Encoding::Deflate];

    fn packed(encoding: Encoding, plain: &[u8]) -> Bytes {
        Compressor::new(encoding).compress(&[Bytes::copy_from_slice(plain)])
    }

    /// `expected`: the text that must come out, or the start of the error's text.
    fn check(encoding: Encoding, wire: &[u8], limit: usize, expected: Result<&[u8], &str>) {
        let found = inflate(encoding, wire, limit).map_err(|error| error.to_string());
        match (&found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found.as_ref(), expected),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
            _ => panic!("{encoding:?} of {} bytes: {found:?}, expected {expected:?}", wire.len()),
        }
    }

    #[test]
    fn names() {
        for (name, expected) in [
            ("gzip", Some(Encoding::Gzip)),
            (" GZip ", Some(Encoding::Gzip)),
            ("x-gzip", Some(Encoding::Gzip)),
            ("", Some(Encoding::Identity)),
            ("identity", Some(Encoding::Identity)),
            ("none", Some(Encoding::Identity)),
            ("zstd", Some(Encoding::Zstd)),
            ("zlib", Some(Encoding::Deflate)),
            ("deflate", Some(Encoding::Deflate)),
            ("br", None),
            ("gzip, zstd", None),
            ("snappy", None),
        ] {
            assert_eq!(Encoding::parse(name), expected, "{name:?}");
        }
    }

    #[test]
    fn limits_are_exact() {
        let plain = vec![7_u8; 100_000];
        for encoding in ALL {
            let wire = packed(encoding, &plain);
            check(encoding, &wire, 100_000, Ok(&plain));
            check(encoding, &wire, 99_999, Err("more than 99999 bytes"));
            check(encoding, &wire, 0, Err("more than 0 bytes"));
            check(encoding, &packed(encoding, b""), 0, Ok(b""));
        }
    }

    #[test]
    fn bombs_cost_their_limit() {
        let plain = vec![0_u8; 8 << 20];
        for encoding in CODED {
            let wire = packed(encoding, &plain);
            assert!(wire.len() < plain.len() / 50);
            check(encoding, &wire, 256 << 10, Err("inflates to more than 262144 bytes"));
        }
        // A gzip trailer and a zstd header that lie about the size.
        let mut lie = packed(Encoding::Gzip, &plain).to_vec();
        let end = lie.len();
        lie[end - 4..].copy_from_slice(&[1, 0, 0, 0]);
        check(Encoding::Gzip, &lie, 256 << 10, Err("inflates to more"));
        check(Encoding::Gzip, &lie, 16 << 20, Err("wrong length"));
        // No content size in the header: must be found while it streams.
        let unsized_frame = zstd::stream::encode_all(&plain[..], 1).unwrap();
        assert_eq!(zstd_safe::get_frame_content_size(&unsized_frame).ok().flatten(), None);
        check(Encoding::Zstd, &unsized_frame, 256 << 10, Err("inflates to more"));
        check(Encoding::Zstd, &unsized_frame, 8 << 20, Ok(&plain));
    }

    #[test]
    fn several_members_and_frames() {
        for encoding in [Encoding::Gzip, Encoding::Zstd] {
            let wire = [
                packed(encoding, b"one "),
                packed(encoding, b""),
                packed(encoding, b"two"),
            ]
            .concat();
            check(encoding, &wire, 7, Ok(b"one two"));
            check(encoding, &wire, 6, Err("more than 6 bytes"));
        }
    }

    #[test]
    fn gzip_headers_with_everything() {
        let packed = packed(Encoding::Gzip, b"text");
        let mut wire = vec![0x1f, 0x8b, 8, 2 | 4 | 8 | 16, 0, 0, 0, 0, 0, 3];
        wire.extend_from_slice(b"\x03\x00abcname\0comment\0\x00\x00");
        wire.extend_from_slice(&packed[10..]);
        check(Encoding::Gzip, &wire, 10, Ok(b"text"));
        for end in 0..wire.len() {
            check(Encoding::Gzip, &wire[..end], 10, Err("no valid"));
        }
        wire[3] |= 0x20;
        check(Encoding::Gzip, &wire, 10, Err("unknown gzip header"));
    }

    #[test]
    fn deflate_with_and_without_zlib() {
        let mut raw = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        raw.write_all(b"raw deflate").unwrap();
        let raw = raw.finish().unwrap();
        check(Encoding::Deflate, &raw, 100, Ok(b"raw deflate"));
        check(
            Encoding::Deflate,
            &[&raw[..], b"x"].concat(),
            100,
            Err("trailing garbage"),
        );
        check(Encoding::Deflate, &packed(Encoding::Deflate, b"zlib"), 100, Ok(b"zlib"));
    }

    #[test]
    fn damage_is_refused() {
        for encoding in CODED {
            let wire = packed(encoding, b"a text that is long enough to be damaged, damaged, damaged");
            for end in 0..wire.len() {
                check(encoding, &wire[..end], 1000, Err("no valid"));
            }
            check(encoding, &[&wire[..], b"garbage"].concat(), 1000, Err("no valid"));
            check(
                encoding,
                b"this is plain text, not compressed at all",
                1000,
                Err("no valid"),
            );
            check(encoding, b"", 1000, Err("truncated"));
        }
        let mut wire = packed(Encoding::Gzip, b"text").to_vec();
        let at = wire.len() - 6;
        wire[at] ^= 1;
        check(Encoding::Gzip, &wire, 100, Err("wrong checksum"));
    }

    #[test]
    fn a_huge_zstd_window_is_refused() {
        // Magic, no single segment, no content size, window descriptor 2^31, one empty last raw block.
        let wire = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x01, 0x00, 0x00];
        check(Encoding::Zstd, &wire, 1 << 30, Err("too much memory"));
    }

    #[test]
    fn other_decoders_read_ours() {
        let plain = "what a strange spelling, strange, strange".repeat(1000);
        let gzip = packed(Encoding::Gzip, plain.as_bytes());
        let text = std::io::read_to_string(flate2::read::GzDecoder::new(&gzip[..])).unwrap();
        assert_eq!(text, plain);
        let zlib = packed(Encoding::Deflate, plain.as_bytes());
        let text = std::io::read_to_string(flate2::read::ZlibDecoder::new(&zlib[..])).unwrap();
        assert_eq!(text, plain);
        let zstd = packed(Encoding::Zstd, plain.as_bytes());
        assert_eq!(zstd::stream::decode_all(&zstd[..]).unwrap(), plain.as_bytes());
    }

    #[test]
    fn levels_are_clamped() {
        for (encoding, level) in [
            (Encoding::Gzip, 99),
            (Encoding::Gzip, -3),
            (Encoding::Zstd, 99),
            (Encoding::Deflate, 10),
        ] {
            let wire = Compressor::new(encoding)
                .level(level)
                .compress(&[Bytes::from_static(b"text")]);
            check(encoding, &wire, 10, Ok(b"text"));
        }
    }

    proptest! {
        #[test]
        fn round_trip(chunks in proptest::collection::vec(proptest::collection::vec(0_u8..4, 0..5000), 0..5), level in 0..10) {
            let chunks: Vec<Bytes> = chunks.into_iter().map(Bytes::from).collect();
            let plain = chunks.concat();
            for encoding in ALL {
                let wire = Compressor::new(encoding).level(level).compress(&chunks);
                prop_assert_eq!(inflate(encoding, &wire, plain.len()).unwrap(), plain.clone());
            }
        }

        #[test]
        fn garbage_never_panics(wire in proptest::collection::vec(any::<u8>(), 0..300), limit in 0_usize..5000) {
            for encoding in ALL {
                if let Ok(plain) = inflate(encoding, &wire, limit) {
                    prop_assert!(plain.len() <= limit);
                }
            }
        }
    }
}

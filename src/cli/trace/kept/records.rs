//! The binary forms: records behind their lengths (four bytes, big-endian), as the Collector's file exporter writes them with
//! `format: proto` or `compression: zstd`; and a single protobuf request. A length is believed only as far as there are bytes.

use std::io::{self, Read};

use bytes::Bytes;
use tokio::sync::mpsc::Sender;

use super::{
    Piece,
    documents::{document_pieces, spans},
};
use crate::{
    net::compression::{Encoding, inflate},
    otlp::validate,
};

/// Largest record that is inflated, in bytes.
const MOST_INFLATED: usize = 1 << 30;

/// Reads records to the end of the file, or to where nobody takes them any more.
pub(super) fn read(file: &str, mut source: impl Read, out: &Sender<Piece>) -> io::Result<()> {
    let mut offset = 0_u64;
    for number in 1_u64.. {
        let place = format!("{file}: record {number} at byte {offset}");
        let mut head = Vec::new();
        source.by_ref().take(4).read_to_end(&mut head)?;
        if head.is_empty() {
            return Ok(());
        }
        let Ok(head) = <[u8; 4]>::try_from(&head[..]) else {
            fault(out, format!("{place}: half a length; was the file cut off?"));
            return Ok(());
        };
        let length = u64::from(u32::from_be_bytes(head));
        let mut body = Vec::new();
        source.by_ref().take(length).read_to_end(&mut body)?;
        if (body.len() as u64) < length {
            let text = format!("{place}: {} bytes of {length}; was the file cut off?", body.len());
            fault(out, text);
            return Ok(());
        }
        offset += 4 + length;
        for piece in record(&place, body) {
            if out.blocking_send(piece).is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Reads a file that is one request.
pub(super) fn request(file: &str, body: Vec<u8>, out: &Sender<Piece>) {
    for piece in record(file, body) {
        if out.blocking_send(piece).is_err() {
            return;
        }
    }
}

fn fault(out: &Sender<Piece>, text: String) {
    // Where nobody takes it there is nobody to tell.
    let _ = out.blocking_send(Piece::Fault(text));
}

/// What is in a record: protobuf or JSON, either of them perhaps compressed.
fn record(place: &str, body: Vec<u8>) -> Vec<Piece> {
    let mut body = Bytes::from(body);
    if body.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        body = match inflate(Encoding::Zstd, &body, MOST_INFLATED) {
            Ok(inflated) => inflated,
            Err(error) => return vec![Piece::Fault(format!("{place}: {error}"))],
        };
    }
    let mut pieces = Vec::new();
    if body.first() == Some(&b'{') {
        match std::str::from_utf8(&body) {
            Ok(text) => document_pieces(place, text, &mut pieces),
            Err(error) => pieces.push(Piece::Fault(format!("{place}: {error}"))),
        }
        return pieces;
    }
    match validate(body) {
        Ok(validated) => spans(place, validated, &mut pieces),
        Err(error) => pieces.push(Piece::Fault(format!("{place}: {error}"))),
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        net::compression::Compressor,
        otlp::{SpanBuilder, SpanId, TraceId, json},
    };

    fn shown(bytes: &[u8]) -> Vec<String> {
        let (out, mut pieces) = tokio::sync::mpsc::channel(100);
        read("f", bytes, &out).expect("memory can be read");
        drop(out);
        let mut shown = Vec::new();
        while let Ok(piece) = pieces.try_recv() {
            shown.push(match piece {
                Piece::Spans(batch) => format!("{} spans", batch.span_count()),
                Piece::Fault(fault) => fault,
                Piece::OtherSignal => "other".to_owned(),
            });
        }
        shown
    }

    fn record_of(body: &[u8]) -> Vec<u8> {
        let mut record = u32::try_from(body.len()).expect("small").to_be_bytes().to_vec();
        record.extend_from_slice(body);
        record
    }

    #[test]
    fn records_of_all_kinds_are_read() {
        let span = SpanBuilder::new(TraceId([1; 16]), SpanId([2; 8]), "x");
        let batch = SpanBuilder::batch(&[], ("", ""), [span]);
        let mut text = Vec::new();
        json::write(&batch, &mut text);
        let proto = batch.into_contiguous();
        let zstd = Compressor::new(Encoding::Zstd);
        let mut file = Vec::new();
        for body in [proto.to_vec(), text.clone()] {
            let compressed = zstd.compress(&[Bytes::from(body.clone())]);
            file.extend(record_of(&body));
            file.extend(record_of(&compressed));
        }
        assert_eq!(shown(&file), ["1 spans"; 4]);
        let cut = &file[..file.len() - 1];
        assert!(shown(cut)[3].contains("was the file cut off?"), "{:?}", shown(cut));
        assert_eq!(
            shown(&[0, 0]),
            ["f: record 1 at byte 0: half a length; was the file cut off?"]
        );
        assert_eq!(
            shown(&[0, 0xff, 0xff, 0xff, 1, 2]),
            ["f: record 1 at byte 0: 2 bytes of 16777215; was the file cut off?"]
        );
        let junk = [record_of(&[0xff; 9]), record_of(&proto)].concat();
        let found = shown(&junk);
        assert!(
            found[0].starts_with("f: record 1 at byte 0: malformed OTLP"),
            "{found:?}"
        );
        assert_eq!(found[1], "1 spans");
    }
}

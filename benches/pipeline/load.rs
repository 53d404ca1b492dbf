//! The two loads of the quality page: `std`, 577 bytes and 12 attributes a span in requests of 100; `chat`, 4.6 KB a span with a
//! conversation of 8 messages in requests of 50. Made from a fixed seed, with enough variants that no cache sees one twice in a row.

use std::io::Write;

use bytes::{BufMut, Bytes, BytesMut};
use flate2::{Compression, write::GzEncoder};
use plano::otlp::{SpanBuilder, SpanId, TraceBatch, TraceId, Value};

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Std,
    Chat,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Encoding {
    Identity,
    Gzip,
}

impl Encoding {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Encoding::Identity => "uncompressed",
            Encoding::Gzip => "gzip",
        }
    }
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Std => "std",
            Kind::Chat => "chat",
        }
    }

    pub(crate) fn request_spans(self) -> usize {
        match self {
            Kind::Std => 100,
            Kind::Chat => 50,
        }
    }

    /// Spans of a run: some seconds of work for the slowest path.
    pub(crate) fn spans(self, encoding: Encoding) -> usize {
        match (self, encoding) {
            (Kind::Std, Encoding::Identity) => 3_000_000,
            (Kind::Std, Encoding::Gzip) => 1_000_000,
            (Kind::Chat, Encoding::Identity) => 500_000,
            (Kind::Chat, Encoding::Gzip) => 100_000,
        }
    }
}

/// gRPC frames, ready to be sent, in rotation.
pub(crate) struct Load {
    pub(crate) frames: Vec<Bytes>,
    pub(crate) encoding: Encoding,
    pub(crate) spans_per_frame: usize,
    pub(crate) spans: usize,
    pub(crate) bytes_per_span: usize,
}

const VARIANTS: usize = 64;

impl Load {
    pub(crate) fn new(kind: Kind, encoding: Encoding, spans: usize) -> Load {
        let mut random = fastrand::Rng::with_seed(7);
        let spans_per_frame = kind.request_spans();
        let requests: Vec<Bytes> = (0..VARIANTS).map(|_| contiguous(&request(kind, &mut random))).collect();
        let bytes_per_span = requests.iter().map(Bytes::len).sum::<usize>() / VARIANTS / spans_per_frame;
        let frames = requests.iter().map(|request| frame(request, encoding)).collect();
        Load {
            frames,
            encoding,
            spans_per_frame,
            spans,
            bytes_per_span,
        }
    }
}

fn contiguous(batch: &TraceBatch) -> Bytes {
    let mut bytes = BytesMut::with_capacity(batch.byte_len());
    batch.chunks().iter().for_each(|chunk| bytes.put_slice(chunk));
    bytes.freeze()
}

fn frame(request: &Bytes, encoding: Encoding) -> Bytes {
    let message = match encoding {
        Encoding::Identity => request.to_vec(),
        Encoding::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
            encoder.write_all(request).expect("writing into memory");
            encoder.finish().expect("writing into memory")
        }
    };
    let mut framed = BytesMut::with_capacity(message.len() + 5);
    framed.put_u8(u8::from(encoding == Encoding::Gzip));
    framed.put_u32(u32::try_from(message.len()).expect("a small message"));
    framed.put_slice(&message);
    framed.freeze()
}

fn request(kind: Kind, random: &mut fastrand::Rng) -> TraceBatch {
    let resource = [
        ("service.name", Value::Str("checkout-assistant")),
        ("host.name", Value::Str("worker-7f9c")),
    ];
    let spans: Vec<SpanBuilder> = (0..kind.request_spans()).map(|_| span(kind, random)).collect();
    SpanBuilder::batch(&resource, ("bench", "1.0"), spans)
}

fn span(kind: Kind, random: &mut fastrand::Rng) -> SpanBuilder {
    let trace_id = TraceId(random.u128(1..).to_be_bytes());
    let start = 1_760_000_000_000_000_000 + random.u64(..1_000_000_000_000);
    let name = if kind == Kind::Std {
        "GET /api/v1/orders/{id}"
    } else {
        "openai.chat"
    };
    let span = SpanBuilder::new(trace_id, SpanId(random.u64(1..).to_be_bytes()), name)
        .parent(SpanId(random.u64(1..).to_be_bytes()))
        .kind(3)
        .times(start, start + random.u64(1_000_000..2_000_000_000));
    match kind {
        Kind::Std => http(span, random),
        Kind::Chat => chat(span, random),
    }
}

fn http(span: SpanBuilder, random: &mut fastrand::Rng) -> SpanBuilder {
    let id = random.u32(..);
    let agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";
    span.attribute("http.request.method", Value::Str("GET"))
        .attribute("http.route", Value::Str("/api/v1/orders/{id}"))
        .attribute("http.response.status_code", Value::Int(200))
        .attribute("url.path", Value::Str(&format!("/api/v1/orders/{id:010}")))
        .attribute("url.scheme", Value::Str("https"))
        .attribute("server.address", Value::Str("orders.prod.example.com"))
        .attribute("server.port", Value::Int(443))
        .attribute("client.address", Value::Str("10.14.201.37"))
        .attribute("user_agent.original", Value::Str(agent))
        .attribute("network.protocol.version", Value::Str("1.1"))
        .attribute("enduser.id", Value::Str(&format!("user-{id:010}")))
        .attribute("thread.id", Value::Int(i64::from(id % 64)))
}

/// What people and assistants say at a help desk; half of the conversations end well.
const USER: [&str; 12] = [
    "Hi, I ordered a pair of running shoes last week and the tracking page has not changed since Tuesday. Where are they now?",
    "I'd like to change the delivery address of my order, because I will be at my parents' house until the end of the month.",
    "The invoice you sent me shows two charges for the same item, and I only bought one. Could you check what happened there?",
    "Can you tell me whether the blue one comes in a size 44, and if so, when it would be back in stock in the Hamburg store?",
    "That is not what I asked. I meant the second order, the one from the 14th, not the one that has been delivered already.",
    "Thanks, that helps a lot! One more thing: does the warranty cover water damage if I use the watch for swimming?",
    "Okay, and how long does the refund take once you have received the parcel? My bank says that nothing is pending so far.",
    "I have tried to reset my password three times today, but the mail with the link never shows up, not in the spam folder either.",
    "Perfect, thank you so much for your help. That answers all of my questions for now.",
    "This is useless. I have explained it twice already and you keep sending me the same link. Let me speak to a human, please.",
    "Please send the replacement to the office instead; the reception is open from eight in the morning until six in the evening.",
    "Sure, my customer number is 4471-220-93 and the postcode is 22765. The order should be the latest one in the account.",
];
const ASSISTANT: [&str; 10] = [
    "I'm happy to help with that. I can see that your parcel left our warehouse on Monday and was scanned at the regional hub on Tuesday evening. Since then the carrier reports a delay of one to two working days because of the weather; the new estimate is Friday before noon. Would you like me to send you a message as soon as it is out for delivery?",
    "Of course. Before I change the address, I have to check that the order has not been handed over to the carrier yet. It has not, so I can still do it: could you give me the full street address, the postcode, and a phone number for the driver? The change costs nothing and does not delay the delivery.",
    "I looked into the invoice. The two entries are one charge and one authorization: the authorization was made when you placed the order, and it expires by itself after seven days. Only the charge remains, so you pay 89.90 in total. If the authorization is still visible next week, please let me know and I will contact the payment provider.",
    "The blue version is available in sizes 40 to 46, and size 44 is expected back on the 23rd. I can reserve a pair for you in the store at the main station for three days; you would get a confirmation by mail with a barcode that you show at the counter. Shall I do that?",
    "Thank you for the clarification, and sorry for the mix-up. The order from the 14th contains two items, which were split into two parcels. The first has been delivered, the second is waiting for customs clearance. That usually takes between two and four working days, and you do not have to do anything for it.",
    "You're welcome! The warranty covers manufacturing defects for two years. The watch is rated for swimming in a pool up to fifty meters, so water damage is covered as long as the crown was closed; salt water and diving are excluded. You find the details in section four of the warranty terms.",
    "Once the parcel arrives, we check it within two working days and start the refund on the same day. Banks usually take another three to five days to show it. You will get a mail from us with the reference number, which your bank can use to find the payment.",
    "I'm sorry for the trouble. I have sent a new link just now to the address that is stored in your account; it stays valid for thirty minutes. If it does not arrive within five minutes, it may be that your provider delays messages from unknown senders, and I can send a code to your phone instead.",
    "I have noted your request and added the new delivery details to the order. You will receive a confirmation within the next few minutes. Please check that the name on the door bell is the same as the one in the address, because the driver cannot leave the parcel otherwise.",
    "Let me summarize what we have done so far: the replacement has been ordered, the return label has been sent by mail, and the refund for the shipping costs has been approved. Is there anything else that I can do for you today?",
];
fn chat(mut span: SpanBuilder, random: &mut fastrand::Rng) -> SpanBuilder {
    span = span
        .attribute("gen_ai.system", Value::Str("openai"))
        .attribute("gen_ai.request.model", Value::Str("gpt-4o-mini"))
        .attribute("gen_ai.response.model", Value::Str("gpt-4o-mini-2024-07-18"))
        .attribute("llm.request.type", Value::Str("chat"))
        .attribute("gen_ai.request.temperature", Value::Double(0.2))
        .attribute("gen_ai.usage.input_tokens", Value::Int(random.i64(400..1200)))
        .attribute("gen_ai.usage.output_tokens", Value::Int(random.i64(40..200)));
    let mut index = 0;
    for _ in 0..3 {
        for (role, lines) in [("user", &USER[..]), ("assistant", &ASSISTANT[..])] {
            span = message(span, "gen_ai.prompt", index, role, lines, random);
            index += 1;
        }
    }
    span = message(span, "gen_ai.prompt", index, "user", &USER, random);
    message(span, "gen_ai.completion", 0, "assistant", &ASSISTANT, random)
}

/// One message: two or three lines in a random order, and a reference that no other message has.
fn message(
    span: SpanBuilder,
    prefix: &str,
    index: usize,
    role: &str,
    lines: &[&str],
    random: &mut fastrand::Rng,
) -> SpanBuilder {
    let (first, second) = (lines[random.usize(..lines.len())], lines[random.usize(..lines.len())]);
    let text = match role {
        "user" => format!(
            "{first} {second} (reference {:08x}, item {})",
            random.u32(..),
            random.u16(..)
        ),
        _ => format!("{first} {} Your case number is {:08x}.", second, random.u32(..)),
    };
    span.attribute(&format!("{prefix}.{index}.role"), Value::Str(role))
        .attribute(&format!("{prefix}.{index}.content"), Value::Str(&text))
}

//! Time of the signals analyzer: the start, a support conversation of 8 messages, one of 25, an agent's of 25 with tool calls,
//! and replies of 10 KB in several scripts.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group};
use plano::signals::{Analyzer, Conversation, Message, Role, Settings, ToolCall};

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(50).measurement_time(Duration::from_secs(3));
    targets = analyzer
}

/// What a customer writes: about 250 bytes each.
const REQUESTS: [&str; 4] = [
    "Hi there, my coffee machine stopped heating the water on Sunday, although the light is on and the pump makes its usual \
     noise. I bought it in March and I'd like to know whether the warranty covers this, and where I would have to send it.",
    "I have already descaled it twice with the liquid that came in the box, and I left it unplugged for a whole night as the \
     manual says. The display shows E4 for a second when I switch it on, then nothing. The serial number is CM-88213-K.",
    "That would be fine. I'm at home on Thursday until noon and on Friday all day, so either works for the pickup. Do I need the \
     original carton? We moved in June and I believe it went into the recycling together with everything else.",
    "Good, then Friday it is. One last question: the grinder has been rather loud since the summer, could the workshop look at \
     it while they have the machine open, or do I have to describe that in a second form? I wouldn't mind a small charge.",
];

/// What an assistant answers: about 500 bytes each.
const REPLIES: [&str; 4] = [
    "I'm sorry to hear that the machine left you without coffee. Machines that were bought in March are still covered by the \
     two-year warranty, and a heater that fails is part of it. Before we send it in, two things are worth a try: run the \
     descaling program once with fresh liquid, and leave the plug out of the socket for at least six hours so that the thermal \
     fuse can reset. If the water stays cold after that, please tell me what the display shows and the serial number on the \
     bottom plate.",
    "Thank you for the details. The code E4 means that the controller cannot read the temperature sensor, so descaling will not \
     bring the heater back and the unit has to go to our workshop in Leipzig. I can book a courier who collects the parcel at \
     your door; that is free of charge under the warranty. The repair usually takes eight working days, and you receive a \
     message when the technician has opened the case. Which days of the coming week would suit you for the collection?",
    "No problem at all: any sturdy box will do as long as there are about five centimeters of padding on each side. Please take \
     out the water tank, the drip tray and the bean container, since loose parts tend to break on the way. I have reserved \
     Friday between nine and one for the courier, who brings the label along, so you need no printer. A confirmation with the \
     reference of the repair has just been sent to the address that is stored in your account.",
    "The workshop can do that in the same visit, and you need no second form. I have added a note about the noise to the order, \
     with the request to clean the burrs and to check the bearing of the motor. Cleaning is included; should the bearing need \
     replacement, you will be asked before any work starts that the warranty doesn't cover, and the part itself costs about \
     twenty euros. Is there anything else that I can take care of before the courier comes on Friday?",
];

/// A conversation that goes on with other words in every round, as people do.
pub(crate) fn support(messages: usize) -> Conversation<'static> {
    let turn = |index: usize| {
        let (round, at) = (index / 8, index / 2 % 4);
        let (role, text) = if index.is_multiple_of(2) {
            (Role::User, REQUESTS[at])
        } else {
            (Role::Assistant, REPLIES[at])
        };
        let words = text.split(' ').enumerate();
        let varied: Vec<String> = words
            .map(|(place, word)| match (round + place) % 3 {
                1 if round > 0 => word.chars().rev().collect(),
                _ => word.to_owned(),
            })
            .collect();
        Message::new(role, varied.join(" "))
    };
    Conversation {
        messages: (0..messages).map(turn).collect(),
    }
}

/// An agent that looks things up: a request, then calls with results of about 600 bytes.
fn agent(messages: usize) -> Conversation<'static> {
    let turn = |index: usize| match index {
        0 => Message::new(Role::User, REQUESTS[0]),
        _ if index % 2 == 1 => {
            let mut message = Message::new(Role::Assistant, "");
            message.tool_calls.push(ToolCall {
                id: format!("call_{index}").into(),
                name: "get_order".into(),
                arguments: format!(r#"{{"order": "W{index}", "customer": {{"id": 7731, "name": "Ada"}}}}"#).into(),
            });
            message
        }
        _ => {
            let item = |nth: usize| {
                format!(
                    r#"{{"article": "coffee machine {nth}", "price": {index}.5, "shipped": true, "note": "{index} left"}}"#
                )
            };
            let items: Vec<String> = (0..7).map(item).collect();
            let text = format!(r#"{{"order": "W{}", "items": [{}]}}"#, index - 1, items.join(", "));
            let mut message = Message::new(Role::Tool, text);
            message.tool_call_id = Some(format!("call_{}", index - 1).into());
            message
        }
    };
    Conversation {
        messages: (0..messages).map(turn).collect(),
    }
}

/// One tool result of a megabyte, which is read at its beginning and at its end.
fn large_result() -> Conversation<'static> {
    let mut conversation = agent(3);
    let result = conversation.messages.last_mut().expect("the result of the call");
    result.text = format!("[{}]", r#"{"order": "W1", "state": "shipped"},"#.repeat(1 << 15)).into();
    conversation
}

/// The same request in several scripts, and marks that open quotations.
const SCRIPTS: [(&str, &str); 5] = [
    (
        "English",
        "I need help with my order, because the goods have not arrived at my house yet. ",
    ),
    ("Chinese", "我的订单需要帮助，因为货物还没有送到我家。"),
    ("Hindi", "मुझे अपने ऑर्डर के बारे में मदद चाहिए, क्योंकि सामान अभी तक नहीं आया है। "),
    ("Thai", "ฉันต้องการความช่วยเหลือเกี่ยวกับคำสั่งซื้อของฉันที่ยังไม่ได้รับสินค้าเลยครับ "),
    ("marks", "«a „b “c "),
];

/// A reply of 10 KB.
fn long_reply(text: &str) -> Conversation<'static> {
    let text = text.repeat(10_000 / text.len());
    Conversation {
        messages: vec![Message::new(Role::User, "?"), Message::new(Role::Assistant, text)],
    }
}

fn analyzer(criterion: &mut Criterion) {
    let analyzer = Analyzer::new(Settings::default()).expect("the default settings are valid");
    let mut group = criterion.benchmark_group("analyzer");
    // In another order: what the default settings ask for is compiled once a process.
    let mut settings = Settings::default();
    settings.languages.reverse();
    group.bench_function("new", |bencher| {
        bencher.iter(|| Analyzer::new(black_box(settings.clone())))
    });
    let scripts = SCRIPTS.map(|(name, text)| (name, long_reply(text)));
    let cases = [
        ("support", support(8)),
        ("support", support(25)),
        ("agent", agent(25)),
        ("large result", large_result()),
    ];
    for (name, conversation) in cases.into_iter().chain(scripts) {
        let messages = conversation.messages.len();
        let bytes: usize = conversation.messages.iter().map(|message| message.text.len()).sum();
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(format!("{name}, {messages} messages, {bytes} B"), |bencher| {
            bencher.iter(|| analyzer.analyze(black_box(&conversation)));
        });
    }
    group.finish();
}

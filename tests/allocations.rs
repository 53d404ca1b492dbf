//! The analyzer allocates at most twice a message, whatever is found. One test alone: the heap is counted for the whole process.

use plano::signals::{Analyzer, Conversation, Message, Role, Settings, ToolCall};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// What goes well, what goes wrong in several languages, code and quotation, and an agent's calls that fail again and again.
fn conversations() -> Vec<Conversation<'static>> {
    let calm = [
        "I'd like to move my appointment from Tuesday to Thursday, please. Is there anything in the morning?",
        "There is a slot at nine and another one at half past ten. Which of them would suit you better?",
        "Half past ten, thanks! Does that cost anything?",
        "No, moving an appointment is free of charge up to a day before. You will get a message with the new time.",
    ];
    let angry = [
        "no, I meant Boston, this is useless!!! das ist doch Quatsch, je veux parler à un humain, 转人工，谢谢",
        "I am sorry that you are not content with my answer; please tell me once more which city you would like to fly to.",
        "I ALREADY TOLD YOU, stop it, I give up \"that is wrong\" `let a = b;` 😡 担当者に繋いでください",
        "I am sorry that you are not content with my answer; please tell me once more which city you would like to fly to.",
    ];
    let talk = |texts: [&'static str; 4]| {
        let turn = |(n, text): (usize, &&'static str)| {
            Message::new(if n % 2 == 0 { Role::User } else { Role::Assistant }, *text)
        };
        Conversation {
            messages: texts.iter().cycle().take(24).enumerate().map(turn).collect(),
        }
    };
    let call = |n: usize| {
        let mut asks = Message::new(Role::Assistant, "");
        asks.tool_calls = vec![ToolCall {
            id: format!("call_{n}").into(),
            name: "search_orders".into(),
            arguments: r#"{"customer": "c-17", "open": true, "limit": 20}"#.into(),
        }];
        let mut answers = Message::new(
            Role::Tool,
            r#"{"error": {"code": 429, "message": "rate limit exceeded"}}"#,
        );
        answers.tool_call_id = Some(format!("call_{n}").into());
        answers.name = Some("search_orders".into());
        [asks, answers]
    };
    let calls = Conversation {
        messages: (0..12).flat_map(call).collect(),
    };
    vec![talk(calm), talk(angry), calls]
}

#[test]
fn at_most_two_allocations_a_message() {
    let analyzer = Analyzer::new(Settings::default()).expect("the lexicons compile");
    let conversations = conversations();
    // What the thread keeps from one conversation to the next has grown after the first time.
    for conversation in &conversations {
        let _report = analyzer.analyze(conversation);
    }
    let profiler = dhat::Profiler::builder().testing().build();
    for conversation in &conversations {
        let before = dhat::HeapStats::get().total_blocks;
        let report = analyzer.analyze(conversation);
        let blocks = dhat::HeapStats::get().total_blocks - before;
        let (messages, found) = (conversation.messages.len(), report.signals.len());
        println!("{blocks} allocations for {messages} messages and {found} signals");
        assert!(blocks > 0, "nothing was counted");
        assert!(
            blocks <= 2 * messages as u64,
            "{blocks} allocations for {messages} messages"
        );
    }
    drop(profiler);
}

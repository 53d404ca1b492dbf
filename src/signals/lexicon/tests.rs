//! Lexicon files: what they may say, what is refused, and how guards decide.

use super::*;

fn compile(yaml: &str) -> Result<Lexicon, (String, Fault)> {
    Lexicon::compile(&[("mine.yaml", yaml)])
}

fn found(lexicon: &Lexicon, text: &str) -> Vec<String> {
    let (mut words, mut hits) = (Words::default(), Hits::default());
    words.read(text, Some(lexicon.vocabulary()));
    lexicon.find(&words, &mut hits);
    hits.found
        .iter()
        .map(|hit| {
            let tokens = &words.tokens[hit.words.0..hit.words.1];
            text[tokens[0].start as usize..tokens[tokens.len() - 1].end as usize].to_owned()
        })
        .collect()
}

const SMALL: &str = r#"
words:
  "do not": ["don't", dont]
sets:
  much: [lot, whole lot]
cues:
  negation: ["not"]
  unnegated: [know]
  hypothetical: [if]
  reporting: [says]
  lead: [well]
  tail: [please]
  opener: [i]
neutral: [red tape]
mention: [translate]
mention_behind: [in german]
signals:
  interaction.disengagement.quit:
    - phrases: ["^ (stop|end) it $", "a <much>", "blue _ moon", "tape"]
    - phrases: ["do not bother"]
      unless: []
    - phrases: [quit]
      at: message
      confidence: 0.5
"#;

fn check(text: &str, expected: &[&str]) {
    let lexicon = compile(SMALL).unwrap();
    assert_eq!(found(&lexicon, text), expected, "{text}");
}

#[test]
fn phrases_match_whole_words_in_order() {
    check("a lot", &["a lot"]);
    check("a whole lot", &["a whole lot"]);
    check("alot", &[]);
    check("a. lot", &[]);
    check("blue and moon", &["blue and moon"]);
    check("blue moon", &[]);
}

#[test]
fn anchors_want_the_ends_of_a_clause() {
    check("stop it", &["stop it"]);
    check("Well, stop it please!", &["stop it"]);
    check("stop it i said", &["stop it"]);
    check("stop it from running", &[]);
    check("never stop it", &[]);
}

#[test]
fn guards_take_the_force_of_a_phrase() {
    check("not a lot", &[]);
    check("I don't know a lot", &["a lot"]);
    check("if a lot", &[]);
    check("she says a lot", &[]);
    check("not now, a lot", &["a lot"]);
    check("dont bother", &["dont bother"]);
}

#[test]
fn false_friends_and_mentions_hide_matches() {
    check("tape", &["tape"]);
    check("red tape", &[]);
    check("translate a lot", &[]);
    check("translate this. a lot", &["a lot"]);
    check("a lot in German", &[]);
    check("a lot. In German", &["a lot"]);
}

#[test]
fn a_whole_message_allows_only_courtesies_beside() {
    check("quit", &["quit"]);
    check("well quit please", &["quit"]);
    check("quit smoking", &[]);
}

fn refuse(yaml: &str, expected: &str) {
    let (name, fault) = compile(yaml).err().unwrap_or_else(|| panic!("accepted: {yaml}"));
    assert_eq!(name, "mine.yaml");
    let text = match fault {
        Fault::Malformed(reason) => reason,
        Fault::UnknownType(given) => format!("unknown type {given}"),
    };
    assert!(text.contains(expected), "{yaml}: {text}");
}

#[test]
fn faulty_lexicons_are_refused() {
    refuse("signals: {interaction.quit: []}", "unknown type interaction.quit");
    refuse("phrases: []", "phrases");
    refuse("signals: [", "");
    refuse(
        "signals: {interaction.disengagement.quit: [{phrases: ['(a']}]}",
        "phrase `(a`",
    );
    refuse(
        "signals: {interaction.disengagement.quit: [{phrases: [a], at: sometimes}]}",
        "sometimes",
    );
    refuse(
        "signals: {interaction.disengagement.quit: [{phrases: [a], unless: [happy]}]}",
        "happy",
    );
    refuse(
        "signals: {interaction.disengagement.quit: [{phrases: [a], confidence: 2}]}",
        "confidence 2",
    );
    refuse("words: {a: [b c]}", "not one word");
    refuse("words: {a: [b], c: [b]}", "stands twice");
}

#[test]
fn the_shipped_lexicons_compile_and_stay_small() {
    for language in LANGUAGES {
        let yaml = shipped(language).expect("ships");
        let lexicon = Lexicon::compile(&[(language, yaml)]).unwrap();
        assert!(
            lexicon.automaton.state_count() < 60_000,
            "{language}: {}",
            lexicon.automaton.state_count()
        );
    }
}

#[test]
fn an_empty_lexicon_finds_nothing() {
    let lexicon = Lexicon::compile(&[]).unwrap();
    assert!(found(&lexicon, "I give up").is_empty());
}

//! German, as people write it to assistants, and what only looks like a signal.

use super::check;
use crate::signals::SignalType::{
    self, Clarification, Confirmation, Correction, Escalation, Gratitude, NegativeStance, Quit, Rephrase, Success,
};

const MEANT: &[(&str, &[SignalType])] = &[
    ("Kann ich bitte mit einem echten Mitarbeiter reden?", &[Escalation]),
    ("Verbinden Sie mich mit dem Kundenservice", &[Escalation]),
    ("ich moechte keinen bot, ich will einen menschen", &[Escalation]),
    ("Mitarbeiter bitte", &[Escalation]),
    ("vergiss es", &[Quit]),
    ("ich gebe auf", &[Quit]),
    ("Dann mache ich es eben selbst", &[Quit]),
    ("Das ist doch ein schlechter Witz", &[NegativeStance]),
    ("du bist echt dumm", &[NegativeStance]),
    ("ihr seid unfähig", &[NegativeStance]),
    ("ich hab das jetzt schon dreimal gesagt", &[NegativeStance]),
    ("scheiß bot", &[NegativeStance]),
    ("Ich bin echt sauer auf euch", &[NegativeStance]),
    ("Nein, ich meinte Hamburg", &[Correction]),
    ("Das habe ich nicht gefragt", &[Correction]),
    ("das stimmt so nicht", &[Correction]),
    ("Lass mich das anders formulieren", &[Rephrase]),
    ("versteh ich nicht", &[Clarification]),
    ("Was meinst du damit?", &[Clarification]),
    ("Kannst du das nochmal erklären?", &[Clarification]),
    ("dankeschön für die schnelle Hilfe", &[Gratitude]),
    ("perfekt", &[Confirmation]),
    ("Super, jetzt funktioniert es", &[Confirmation, Success]),
    ("Problem gelöst", &[Success]),
];

const NEUTRAL: &[&str] = &[
    "Ich will nicht mit einem Menschen sprechen",
    "Wie sagt man \"ich gebe auf\" auf Englisch?",
    "Mein Chef ist nutzlos",
    "Ich möchte mein Abo kündigen",
    "Mein Drucker funktioniert nicht",
    "Bist du ein echter Mensch?",
    "Nein danke",
    "Ich verstehe nicht, warum meine Rechnung so hoch ist",
    "Wie viele Menschen leben in Deutschland?",
    "Ich suche einen Berater für meine Steuer",
    "Das ist nicht schlimm",
    "Ich gebe auf diesem Weg meine Adresse bekannt",
    "Was heißt danke auf Spanisch",
    "Wo ist meine Bestellung?",
];

#[test]
fn phrases_that_mean_it_fire() {
    for (text, expected) in MEANT {
        check(text, expected);
    }
}

#[test]
fn false_friends_do_not() {
    for text in NEUTRAL {
        check(text, &[]);
    }
}

//! Spanish, as people write it to assistants, and what only looks like a signal.

use super::check;
use crate::signals::SignalType::{
    self, Clarification, Confirmation, Correction, Escalation, Gratitude, NegativeStance, Quit, Rephrase, Success,
};

const MEANT: &[(&str, &[SignalType])] = &[
    ("pásame con un agente por favor", &[Escalation]),
    ("quiero hablar con alguien real", &[Escalation]),
    ("no quiero hablar con un robot", &[Escalation]),
    ("Necesito que me atienda una persona", &[Escalation]),
    ("olvídalo", &[Quit]),
    ("me rindo", &[Quit]),
    ("mejor me voy a la competencia", &[Quit]),
    ("esto es una porquería", &[NegativeStance]),
    ("no sirves para nada", &[NegativeStance]),
    ("Eres un inútil", &[NegativeStance]),
    ("estoy harto de esperar", &[NegativeStance]),
    ("qué servicio tan malo", &[NegativeStance]),
    ("ya te lo dije tres veces", &[NegativeStance]),
    ("no, me refería a Sevilla", &[Correction]),
    ("eso no es lo que pregunté", &[Correction]),
    ("te equivocas", &[Correction]),
    ("no te pregunté eso", &[Correction]),
    ("déjame explicarlo de otra manera", &[Rephrase]),
    ("no entiendo nada", &[Clarification]),
    ("a que te refieres?", &[Clarification]),
    ("puedes repetirlo por favor", &[Clarification]),
    ("muchas gracias", &[Gratitude]),
    ("mil grax", &[Gratitude]),
    ("perfecto", &[Confirmation]),
    ("ya funciona", &[Success]),
    ("problema resuelto", &[Success]),
];

const NEUTRAL: &[&str] = &[
    "No quiero hablar con un humano",
    "Cómo se dice \"me rindo\" en inglés",
    "mi jefe es inútil",
    "quiero cancelar mi suscripción",
    "mi agente de viajes no contesta",
    "eres un humano?",
    "no, no tengo el número",
    "no gracias",
    "No entiendo por qué mi factura es tan alta",
    "mi impresora no funciona",
    "cuánto cuesta el envío?",
    "no está mal",
    "no, es para mañana",
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

//! French, as people write it to assistants, and what only looks like a signal.

use super::check;
use crate::signals::SignalType::{
    self, Clarification, Confirmation, Correction, Escalation, Gratitude, NegativeStance, Quit, Rephrase, Success,
};

const MEANT: &[(&str, &[SignalType])] = &[
    ("Passez-moi un conseiller svp", &[Escalation]),
    ("je peux parler a quelqu'un ?", &[Escalation]),
    ("mettez moi en relation avec le service client", &[Escalation]),
    ("Je ne veux pas parler à un robot", &[Escalation]),
    ("laisse tomber", &[Quit]),
    ("j'abandonne", &[Quit]),
    ("je vais aller voir ailleurs", &[Quit]),
    ("c nul", &[NegativeStance]),
    ("sa marche pas", &[NegativeStance]),
    ("Votre service est lamentable", &[NegativeStance]),
    ("tu sers à rien", &[NegativeStance]),
    ("j'en ai marre de répéter", &[NegativeStance]),
    ("vous vous foutez de moi", &[NegativeStance]),
    ("Quelle perte de temps !", &[NegativeStance]),
    ("Non, je voulais dire Lyon", &[Correction]),
    ("ce n'est pas ce que j'ai demandé", &[Correction]),
    ("Vous vous trompez", &[Correction]),
    ("Vous n'avez pas répondu à ma question", &[Correction]),
    ("je reformule ma question", &[Rephrase]),
    ("je comprends rien", &[Clarification]),
    ("qu'est-ce que tu veux dire ?", &[Clarification]),
    ("Tu peux répéter stp", &[Clarification]),
    ("merci bcp", &[Gratitude]),
    ("vous m'avez beaucoup aidé", &[Gratitude]),
    ("parfait", &[Confirmation]),
    ("ça marche maintenant", &[Success]),
    ("le problème est résolu", &[Success]),
];

const NEUTRAL: &[&str] = &[
    "Je ne veux pas parler à un humain",
    "Comment dit-on « j'abandonne » en anglais ?",
    "Mon patron est nul",
    "je voudrais résilier mon abonnement",
    "Mon agent immobilier ne répond pas",
    "Es-tu un humain ?",
    "non merci",
    "Merci de me confirmer la date",
    "Je ne comprends pas pourquoi ma facture est si élevée",
    "Mon imprimante ne marche pas",
    "Je veux manger une pizza",
    "traduis ta gueule en allemand",
    "c'est pas grave",
    "Quel est le prix du billet ?",
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

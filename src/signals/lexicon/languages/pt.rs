//! Portuguese, as people write it to assistants, and what only looks like a signal.

use super::check;
use crate::signals::SignalType::{
    self, Clarification, Confirmation, Correction, Escalation, Gratitude, NegativeStance, Quit, Rephrase, Success,
};

const MEANT: &[(&str, &[SignalType])] = &[
    ("quero falar com uma pessoa de verdade", &[Escalation]),
    ("me passa para um atendente", &[Escalation]),
    ("posso falar com o supervisor?", &[Escalation]),
    ("não quero falar com robô", &[Escalation]),
    ("atendente", &[Escalation]),
    ("deixa pra lá", &[Quit]),
    ("desisto", &[Quit]),
    ("nunca mais compro aqui", &[Quit]),
    ("isso é um lixo", &[NegativeStance]),
    ("vc é burro", &[NegativeStance]),
    ("vcs são incompetentes", &[NegativeStance]),
    ("que palhaçada", &[NegativeStance]),
    ("já falei mais de dez vezes", &[NegativeStance]),
    ("tô puto com vocês", &[NegativeStance]),
    ("não, eu quis dizer Recife", &[Correction]),
    ("nao foi isso que eu pedi", &[Correction]),
    ("você entendeu errado", &[Correction]),
    ("isso está errado", &[Correction]),
    ("deixa eu reformular", &[Rephrase]),
    ("não entendi nada", &[Clarification]),
    ("o que você quer dizer?", &[Clarification]),
    ("pode repetir por favor", &[Clarification]),
    ("obg", &[Gratitude]),
    ("valeu, me ajudou muito", &[Gratitude]),
    ("perfeito", &[Confirmation]),
    ("agora funcionou", &[Success]),
    ("deu certo", &[Success]),
];

const NEUTRAL: &[&str] = &[
    "Não quero falar com um humano",
    "como se diz \"desisto\" em inglês",
    "meu chefe é inútil",
    "quero cancelar minha assinatura",
    "meu agente de viagens não responde",
    "você é um robô?",
    "não, obrigado",
    "sou obrigado a pagar a taxa?",
    "não entendo por que minha fatura veio alta",
    "minha impressora não funciona",
    "qual o valor do frete?",
    "não é tão ruim",
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

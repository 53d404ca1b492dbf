//! Japanese.

use super::check;
use crate::signals::SignalType::{self, *};

const PROBES: &[(&str, &[SignalType])] = &[
    ("オペレーターに繋いで", &[Escalation]),
    ("オペレーターにつないでください", &[Escalation]),
    ("ｵﾍﾟﾚｰﾀｰに繋いで", &[Escalation]),
    ("人間と話したい", &[Escalation]),
    ("担当者を出して", &[Escalation]),
    ("上司を出せ", &[Escalation]),
    ("有人チャットをお願いします", &[Escalation]),
    ("人と話したいです", &[Escalation]),
    ("ロボットじゃなくて人間に代わって", &[Escalation]),
    ("使えない", &[NegativeStance]),
    ("全然役に立たないね", &[NegativeStance]),
    ("ふざけるな", &[NegativeStance]),
    ("何回同じことを言わせるの", &[NegativeStance]),
    ("いい加減にしてください", &[NegativeStance]),
    ("最悪です", &[NegativeStance]),
    ("使えないボット", &[NegativeStance]),
    ("話が通じない", &[NegativeStance]),
    ("お前は本当に無能だな", &[NegativeStance]),
    ("まだ直らないんですけど", &[NegativeStance]),
    ("時間の無駄", &[NegativeStance]),
    ("違います、そうじゃなくて", &[Correction]),
    ("そういう意味じゃない", &[Correction]),
    ("聞いているのはそれじゃない", &[Correction]),
    ("いえ、間違っていますよ", &[Correction]),
    ("意味がわからない", &[Clarification]),
    ("もう一度", &[Clarification]),
    ("もう一度説明してください", &[Clarification]),
    ("よくわかりません", &[Clarification]),
    ("どういう意味ですか？", &[Clarification]),
    ("もっとわかりやすく説明して", &[Clarification]),
    ("もういいです", &[Quit]),
    ("諦めます", &[Quit]),
    ("自分で調べます", &[Quit]),
    ("二度と使わない", &[Quit]),
    ("言い換えると、返品したいのです", &[Rephrase]),
    ("さっきも言いましたが、色は赤です", &[Rephrase]),
    ("ありがとうございます", &[Gratitude]),
    ("有難うございます！", &[Gratitude]),
    ("あざす", &[Gratitude]),
    ("助かりました", &[Gratitude]),
    ("できました", &[Success]),
    ("無事に解決しました、ありがとう", &[Success, Gratitude]),
    ("完璧です", &[Confirmation]),
    ("なるほど", &[Confirmation]),
];

/// Negated, quoted, of others, parts of other words, plain requests.
const NEUTRAL: &[&str] = &[
    "人間と話したくない",
    "オペレーターに繋いでほしくない",
    "オペレーターにつないでもらわなくていいです",
    "「役に立たない」を英語に訳して",
    "役に立たないを英語に訳して",
    "ありがとうって英語で何と言う",
    "会社の担当者と話したい",
    "会社の担当者にメールを書いて",
    "友人と話したい",
    "カードが使えない",
    "このクーポンはもう使えないの？",
    "予約できましたか？",
    "最低気温を教えて",
    "最悪の場合どうなりますか",
    "意味のある名前を考えて",
    "色が違います",
    "AとBの違いは何ですか",
    "はい",
    "いいえ",
    "大丈夫です",
    "お願いします",
    "彼は役に立たないと言った",
    "もう一度再生して",
    "注文をキャンセルしたい",
    "上司に怒られた",
    "教えてもらえると助かります",
    "感謝の手紙を書きたい",
    "クレームを入れたいと言われたら",
    "ゴミの日はいつ",
];

#[test]
fn phrases_are_found() {
    for (text, expected) in PROBES {
        check(text, expected);
    }
}

#[test]
fn false_friends_are_left_alone() {
    for text in NEUTRAL {
        check(text, &[]);
    }
}

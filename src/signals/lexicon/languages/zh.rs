//! Chinese, in simplified and traditional characters.

use super::check;
use crate::signals::SignalType::{self, *};

const PROBES: &[(&str, &[SignalType])] = &[
    ("轉真人", &[Escalation]),
    ("我要人工客服", &[Escalation]),
    ("帮我转人工", &[Escalation]),
    ("我想跟真人说话", &[Escalation]),
    ("叫你们经理出来", &[Escalation]),
    ("我要投诉", &[Escalation]),
    ("有没有人工客服？", &[Escalation]),
    ("我不想跟机器人聊", &[Escalation]),
    ("能不能转人工", &[Escalation]),
    ("客服", &[Escalation]),
    ("什么破机器人", &[NegativeStance]),
    ("答非所问", &[NegativeStance]),
    ("你听不懂人话吗", &[NegativeStance]),
    ("真沒用", &[NegativeStance]),
    ("一点用都没有", &[NegativeStance]),
    ("你是智障吗", &[NegativeStance]),
    ("说了三遍了", &[NegativeStance]),
    ("服务太差了", &[NegativeStance]),
    ("气死我了", &[NegativeStance]),
    ("垃圾客服", &[NegativeStance]),
    ("還是不行", &[NegativeStance]),
    ("不是这个意思", &[Correction]),
    ("你没明白", &[Correction]),
    ("你理解错了", &[Correction]),
    ("不对，我说的是上海", &[Correction]),
    ("我问的不是这个", &[Correction]),
    ("再说一遍", &[Clarification]),
    ("什么意思？", &[Clarification]),
    ("没听懂", &[Clarification]),
    ("能说得简单一点吗", &[Clarification]),
    ("算了", &[Quit]),
    ("我自己查吧", &[Quit]),
    ("以后再也不用你们了", &[Quit]),
    ("我换个说法", &[Rephrase]),
    ("换句话说，我要退款", &[Rephrase]),
    ("謝謝", &[Gratitude]),
    ("辛苦了", &[Gratitude]),
    ("谢谢你，搞定了！", &[Gratitude, Success]),
    ("问题解决了", &[Success]),
    ("太好了", &[Confirmation]),
    ("明白了，谢谢", &[Confirmation, Gratitude]),
    ("你没用 转人工", &[Escalation, NegativeStance]),
];

/// Negated, quoted, of others, parts of other words, plain requests.
const NEUTRAL: &[&str] = &[
    "不用了",
    "不用了，谢谢",
    "不用转人工",
    "不要转人工，我自己先看看说明",
    "人工智能是什么",
    "安装要人工费吗",
    "我的老板很烦",
    "'答非所问'是什么意思",
    "答非所问用英语怎么说",
    "把“你没明白”翻译成英语",
    "谢谢你的爱这首歌",
    "放一首《谢谢》",
    "客服电话是多少",
    "垃圾怎么分类",
    "怎么没用上优惠券",
    "帮我算一下房贷",
    "你能做什么？",
    "问题解决了吗？",
    "今天天气不错",
    "这个药没用过",
    "好的",
    "不是",
    "没有",
    "我想退货",
    "他说你没用",
    "帮我给老板写一封感谢信",
    "差旅费怎么报销",
    "感恩节是哪天",
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

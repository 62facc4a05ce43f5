"""Invented surges for studies.terms: ordinary talk of a brand and a crisis planted in half of a window's mentions.

Two sets of everything: constants were chosen on the first, figures are of the second, which shares with it no crisis,
no frame of a sentence and no ordinary word but the smallest ones.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final, NamedTuple

from detectors.topics.told import Told


class Talk(NamedTuple):
    """How a language talks in one set.

    Attributes:
        frames: ordinary sentences, {a} to {d} for words of the lists below.
        words: lists of ordinary words by letter.
        crisis_frames: sentences about a crisis, {p} for what it is called.
        crises: what may happen: forms parted by |, the first the usual one; keys parted by + after a colon.
    """

    frames: Sequence[str]
    words: dict[str, Sequence[str]]
    crisis_frames: Sequence[str]
    crises: Sequence[str]


class Surge(NamedTuple):
    """A window of mentions and what is known about it."""

    language: str
    background: list[str]
    told: list[Told]
    crisis_texts: frozenset[str]
    phrase: str
    keys: tuple[str, ...]
    mentions: int


def _words(text: str) -> list[str]:
    return text.split()


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


EN: Final = (
    Talk(
        _lines("""
        Just picked up the {a} from the {b} and the {c} looks {d}
        Anyone else using the {a} with a {b}? Mine feels {d}
        The {c} of my {a} is {d}, got it at the {b} last week
        Walking past the {b} and everybody carries a {a} now, {d}
        Thinking about the {a}, is the {c} {d} enough for the {b}?
        My sister says the {a} is {d} but the {c} took a while
        {d} {a}, {d} {c}, see you at the {b}
        Review of the {a}: {c} {d}, price fair, would pick again
        Does the {a} come in green? The {c} at the {b} was only in grey
        New {c} for the {a} arrived, unboxing at the {b}
        """),
        {
            "a": _words("phone tablet watch speaker headset laptop camera router"),
            "b": _words("store mall office station gym airport kitchen campus"),
            "c": _words("screen strap colour sound menu keyboard packaging charger battery design"),
            "d": _words("neat lovely solid fine decent pretty smooth stylish okay plain"),
        },
        _lines("""
        {p} again, this is unacceptable
        So they knew about the {p} and kept selling it
        My cousin had the same {p}, support told her to reboot
        WARNING: {p} reported by dozens of customers, share this
        Has anybody got a refund after the {p}?
        The {p} story is all over the news, where is the statement
        Third case of {p} in our street alone
        I have photos of the {p} and nobody answers
        Boycott until the {p} is investigated
        Lawyers are collecting reports of {p}
        {p}?! I trusted you for ten years
        How can {p} pass a quality check
        """),
        _lines("""
        battery swelling|swelling battery|battery is swelling:swelling
        data leak|leak of customer data|leaked data:leak
        child labour|child labour in the factory|labour of children:child+labour
        glass shards|shards of glass|glass shards in the jar:shards
        salmonella outbreak|salmonella|outbreak of salmonella:salmonella
        hidden fees|hidden fee scandal|fees hidden in the contract:hidden+fees
        brake failure|brakes failed|failure of the brakes:failure
        error 500|error 500 at login|error 500 page:error 500
        """),
    ),
    Talk(
        _lines("""
        Tried the {a} at {b} this morning, {c} was {d}
        {b} has the {a} on the list again and I am {d} about it
        Can somebody recommend a {a} with less {c}? The one from {b} is {d}
        Two {a} please, extra {c}, said the {d} gentleman at {b}
        Grandma swears by the {a}, she finds the {c} {d}
        Saw the advert for the {a}: {d} music, nice {c}
        Our team ordered {a} for the meeting in {b}, {d} choice
        The {a} goes well with {c}, {d} as ever
        Queue at {b} was short, {a} in hand, feeling {d}
        Is the {a} still {d} when you leave the {c} out?
        Photo of my {a} next to the window in {b}, {d} light
        """),
        {
            "a": _words("latte muffin croissant espresso smoothie bagel cookie sandwich salad"),
            "b": _words("soho brixton camden leeds bristol oxford dublin cardiff"),
            "c": _words("foam cinnamon butter syrup milk cream topping sugar"),
            "d": _words("cheerful tasty warm cosy sweet crisp curious happy fresh"),
        },
        _lines("""
        Not buying anything there until they explain the {p}
        {p}. I am shaking. How is this legal
        Reporters found {p} at four branches
        My whole family is talking about {p} and head office stays silent
        Another victim of {p} here, ask me
        They deleted my comment on {p} within a minute
        A former employee confirms {p}
        If {p} is what you stand for, goodbye
        Petition about {p} reached ten thousand signatures
        Why does the regulator tolerate {p}
        Shares fall after {p} becomes public
        Somebody must answer for {p}
        """),
        _lines("""
        dead mouse|mouse in a muffin|mouse found dead:mouse
        stolen tips|tips stolen by managers|stealing tips:tips
        racist tweet|racist tweet of the boss|a racist post:racist
        carbon monoxide|carbon monoxide alarm|monoxide:monoxide
        expired chicken|chicken expired in march|expired meat:expired
        unpaid overtime|overtime unpaid|unpaid extra shifts:unpaid
        oil spill|spill of oil|oil spilled in the bay:oil
        fake reviews|faked reviews|reviews that are fake:reviews
        payment outage|outage of payments|payment terminal outage:payment+outage
        animal cruelty|cruelty to animals|cruelty:cruelty
        lead paint|lead in the paint|paint with lead:paint
        locked accounts|accounts locked|account locked without reason:locked
        """),
    ),
)

ZH: Final = (
    Talk(
        _lines("""
        今天在{b}买了新{a}，{c}看着{d}
        有人用过这款{a}吗？{c}{d}不{d}
        {a}的{c}真的{d}，{b}的店员也热情
        刚从{b}回来，{a}开箱，{c}{d}
        同事推荐的{a}，感觉{c}还算{d}
        想换{a}，{b}有活动吗，{c}要{d}一点的
        {d}的{a}配{d}的{c}，周末去{b}拍照
        测评：{a}{c}{d}，价格合适
        路过{b}看到好多人排队买{a}
        {a}新颜色上架了，{c}还是老样子，{d}
        """),
        {
            "a": _words("手机 平板 手表 音箱 耳机 笔记本 相机 路由器"),
            "b": _words("商场 专卖店 公司 地铁站 机场 校园 网店 超市"),
            "c": _words("屏幕 表带 颜色 音质 界面 键盘 包装 充电器 电池 设计"),
            "d": _words("漂亮 不错 轻巧 清晰 顺滑 大方 舒服 普通 精致 结实"),
        },
        _lines("""
        {p}！必须给个说法
        我家的也是{p}，客服让我重启
        早就知道{p}还继续卖，太过分了
        {p}上热搜了，官方还在装死
        已经有几十个用户反映{p}，大家扩散
        因为{p}要求退款被拒绝
        记者调查{p}，门店拒绝采访
        {p}谁来负责？等了三天没人理
        拍了{p}的照片发过去，没有回复
        抵制到底，{p}不处理就不买
        律师正在收集{p}的证据
        又见{p}，质检是干什么的
        """),
        _lines("""
        电池鼓包|电池都鼓包了|鼓包的电池:鼓包
        泄露隐私|隐私被泄露|用户隐私泄露:泄露
        过期食材|食材过期|使用过期的食材:过期
        虚假宣传|宣传虚假|虚假广告宣传:虚假
        刹车失灵|刹车突然失灵|失灵的刹车:失灵
        辱骂顾客|顾客被辱骂|店员辱骂女顾客:辱骂
        甲醛超标|甲醛严重超标|超标的甲醛:甲醛
        拖欠工资|工资被拖欠|拖欠员工工资:拖欠
        """),
    ),
    Talk(
        _lines("""
        早上一杯{a}，{c}{d}，{b}店人不多
        {b}的{a}又出新品了，期待{c}
        求推荐{c}少一点的{a}，{b}那家有点{d}
        两杯{a}打包，多加{c}，{d}的一天
        外婆喜欢喝{a}，说{c}{d}
        看到{a}的广告，音乐{d}，画面有{c}
        团建点了{a}，{b}送过来的，{d}
        {a}配{c}，味道{d}
        {b}排队十分钟拿到{a}，心情{d}
        {a}去掉{c}以后口感{d}吗
        窗边的{a}，{b}的阳光{d}
        """),
        {
            "a": _words("拿铁 奶茶 可颂 美式 果汁 贝果 曲奇 三明治 沙拉"),
            "b": _words("徐汇 朝阳 天河 武侯 西湖 江汉 鼓楼 南山"),
            "c": _words("奶泡 肉桂 黄油 糖浆 牛奶 奶油 椰果 珍珠"),
            "d": _words("开心 香浓 温暖 惬意 香甜 酥脆 好奇 愉快 新鲜"),
        },
        _lines("""
        不解释清楚{p}以后绝不进店
        {p}，看得我发抖，这合法吗
        暗访发现四家门店{p}
        全家都在讨论{p}，总部一声不吭
        我也遇到{p}，评论一分钟就被删
        前员工证实{p}确有其事
        如果这就是你们的态度，{p}，再见
        联名投诉{p}的人过万了
        监管部门为什么容忍{p}
        {p}曝光后股价大跌
        {p}这件事总得有人道歉
        央视点名{p}，活该
        """),
        _lines("""
        老鼠乱窜|后厨有老鼠乱窜|老鼠到处乱窜:老鼠
        克扣小费|小费被克扣|经理克扣小费:克扣
        歧视言论|高管歧视言论|发表歧视女性言论:歧视
        一氧化碳中毒|一氧化碳泄漏中毒|一氧化碳:一氧化碳
        更换标签|私自更换标签|标签被更换:标签
        强制加班|加班被强制|强制员工加班:加班
        污水直排|污水偷偷直排|直排污水:污水
        刷单造假|刷单造假好评|造假刷单:刷单
        支付瘫痪|支付系统瘫痪|瘫痪的支付:瘫痪
        虐待动物|动物被虐待|虐待小动物:虐待
        重金属超标|重金属严重超标|检出重金属:重金属
        账号被封|账号无故被封|封了账号:账号
        """),
    ),
)

JA: Final = (
    Talk(
        _lines("""
        {b}で新しい{a}を買いました。{c}が{d}です
        この{a}使ってる人いますか？{c}は{d}ですか
        {a}の{c}が本当に{d}、{b}の店員さんも親切
        {b}から帰って{a}を開封、{c}が{d}
        同僚に勧められた{a}、{c}は{d}な感じ
        {a}を買い替えたい。{b}でセールあるかな、{c}が{d}なのがいい
        {d}な{a}に{d}な{c}、週末は{b}で撮影
        レビュー：{a}、{c}は{d}、値段も手頃
        {b}の前を通ったら{a}の行列ができていた
        {a}の新色が出た、{c}は前と同じで{d}
        """),
        {
            "a": _words("スマホ タブレット 腕時計 スピーカー イヤホン パソコン カメラ ルーター"),
            "b": _words("駅前 専門店 会社 空港 大学 通販 百貨店 渋谷"),
            "c": _words("画面 ベルト 色 音質 操作 キーボード 箱 充電器 バッテリー デザイン"),
            "d": _words("綺麗 快適 軽量 鮮明 上品 普通 丈夫 便利 素敵 静か"),
        },
        _lines("""
        {p}！説明を求めます
        うちも{p}。サポートは再起動しろと言うだけ
        {p}を知っていて売り続けたのか、ひどすぎる
        {p}がトレンド入りしてるのに公式は沈黙
        {p}の報告が数十件、拡散希望
        {p}で返金を求めたら断られた
        記者が{p}を取材、店舗は回答拒否
        {p}の責任は誰が取るのか、三日待っても連絡なし
        {p}の写真を送ったのに返事が来ない
        {p}が解決するまで不買
        弁護士が{p}の被害者を集めている
        また{p}か、検品はどうなっている
        """),
        _lines("""
        バッテリー膨張|バッテリーが膨張|膨張したバッテリー:膨張
        個人情報流出|個人情報が流出|流出した個人情報:流出
        異物混入|異物が混入|混入した異物:異物
        虚偽広告|広告が虚偽|虚偽の広告:虚偽
        ブレーキ故障|ブレーキが故障|故障したブレーキ:故障
        パワハラ|店長のパワハラ|パワハラ問題:パワハラ
        発火事故|発火する事故|充電中の発火:発火
        賃金未払い|賃金の未払い|未払いの賃金:未払
        """),
    ),
    Talk(
        _lines("""
        朝の{a}、{c}が{d}で{b}の店は空いてた
        {b}の{a}に新作が出た、{c}が楽しみ
        {c}少なめの{a}を教えて、{b}のは{d}すぎる
        {a}を二つ持ち帰り、{c}多めで{d}な一日
        祖母は{a}が好きで{c}が{d}だと言う
        {a}の広告を見た、音楽が{d}で{c}も映る
        会議に{a}を注文、{b}から届いて{d}
        {a}と{c}の組み合わせは{d}
        {b}で十分並んで{a}を受け取り{d}な気分
        {a}から{c}を抜いても{d}かな
        窓際の{a}、{b}の日差しが{d}
        """),
        {
            "a": _words("ラテ 抹茶 クロワッサン コーヒー ジュース ベーグル クッキー サンドイッチ サラダ"),
            "b": _words("新宿 梅田 博多 札幌 横浜 京都 仙台 神戸"),
            "c": _words("泡 シナモン バター シロップ 牛乳 クリーム ナッツ 砂糖"),
            "d": _words("幸せ 濃厚 温か 優雅 甘め 爽やか 不思議 愉快 新鮮"),
        },
        _lines("""
        {p}の説明があるまで二度と行かない
        {p}って震えるんだけど。合法なの？
        潜入取材で四店舗の{p}が発覚
        家族みんな{p}の話をしているのに本社は無言
        私も{p}に遭った。コメントは一分で削除された
        元従業員が{p}を証言
        {p}が御社の姿勢ならさようなら
        {p}への抗議署名が一万人を超えた
        {p}をなぜ行政は放置するのか
        {p}の発覚で株価が急落
        {p}について誰かが謝罪すべき
        ニュースで{p}やってた、最低
        """),
        _lines("""
        ネズミ混入|ネズミが混入|厨房にネズミ:ネズミ
        残業代未払い|残業代が未払い|未払いの残業代:残業代
        差別発言|社長の差別発言|差別的な発言:差別
        一酸化炭素中毒|一酸化炭素で中毒|一酸化炭素:一酸化炭素
        産地偽装|産地を偽装|偽装された産地:偽装
        食中毒|集団食中毒|食中毒の発生:食中毒
        廃液垂れ流し|廃液を垂れ流し|廃液:廃液
        やらせレビュー|レビューのやらせ|やらせ:やらせ
        決済障害|決済システム障害|障害で決済できない:障害
        動物虐待|動物を虐待|虐待される動物:虐待
        アレルギー表示漏れ|アレルギー表示の漏れ|表示漏れ:表示
        アカウント凍結|アカウントが凍結|凍結されたアカウント:凍結
        """),
    ),
)

TALKS: Final = {"en": EN, "zh": ZH, "ja": JA}


def surge(language: str, *, held_out: bool, crisis: int, mentions: int, background: int, seed: int) -> Surge:
    """One window: every other mention is ordinary talk, and every other one of each kind copies an earlier one.

    Which one is copied is drawn among the mentions, so that a few texts have most of the copies.
    """
    rng = random.Random(f"{language} {held_out} {crisis} {mentions} {seed}")
    talk = TALKS[language][held_out]
    forms, _, keys = talk.crises[crisis].partition(":")
    phrase, *others = forms.split("|")
    counts: dict[str, int] = {}
    crisis_texts = set()
    kinds: tuple[list[str], list[str]] = ([], [])
    for n in range(mentions):
        said = kinds[n % 2]
        if said and rng.random() < 0.5:
            text = rng.choice(said)
        elif n % 2:
            text = rng.choice(talk.crisis_frames).format(p=phrase if rng.random() < 0.6 else rng.choice(others))
            if rng.random() < 0.5:  # people add something of their own
                text += " " + _ordinary(talk, rng)
            crisis_texts.add(text)
        else:
            text = _ordinary(talk, rng)
        said.append(text)
        counts[text] = counts.get(text, 0) + 1
    told = [
        Told(text, language, float(count), float(count if text in crisis_texts else 0))
        for text, count in counts.items()
    ]
    past = [_ordinary(talk, rng) for _ in range(background)]
    return Surge(language, past, told, frozenset(crisis_texts), phrase, tuple(keys.split("+")), mentions)


def _ordinary(talk: Talk, rng: random.Random) -> str:
    return rng.choice(talk.frames).format(**{letter: rng.choice(words) for letter, words in talk.words.items()})

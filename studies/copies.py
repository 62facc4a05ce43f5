"""Which texts are taken for copies, and which should be: python -m studies.copies [--seeds N] [--tuning].

Texts of invented words in five scripts, a few of them copied, quoted, made from a template, signed or shouted under the
same hashtags; each set goes through the stories of one bucket as the mentions of a brand do. Pairs of texts are
counted: of those that were made one story, how many should be (precision), and of those that should, how many were
(recall). The threshold was chosen on the words and seeds of --tuning; without it words, frames and seeds are others.
"""

from __future__ import annotations

import json
import random
import sys
import unicodedata
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Final, NamedTuple

import click
import msgspec

from pipeline.engine.buckets.stories import BucketStories
from schemas.mention import Mention, decode_mention

BASES: Final = 6
COPIES: Final = 4
STRANGERS: Final = 10
FIRST_SEED: Final = {True: 1, False: 100_001}

LATIN: Final = """
kettle hinge parcel refund battery screen courier voucher warranty charger branch hotline invoice ticket agent
queue manual motor filter handle after before nobody always never really because without promised waited cracked
melted arrived returned called answered ignored broken useless furious patient third second month yesterday
morning window garden neighbour daughter kitchen counter receipt manager apology silence excuse another
expensive cheap | suitcase zipper wheel airport luggage desk delay flight gate captain blanket headphones socket
cable adapter monitor keyboard driver update password account locked deleted restored twice nightmare weekend
holiday hotel lobby breakfast towel stain carpet smell reception smiled shrugged offered discount coupon expired
yesterday evening train platform conductor fine appeal letter stamp signature lawyer cousin friend bicycle brake
pedal chain rust wet cold
"""
HAN: Final = """
水壶 漏水 客服 电话 退款 拒绝 三次 上周 快递 包装 破损 屏幕 电池 发热 维修 网点 排队 两个 小时 经理 态度 恶劣
发票 保修 过期 骗人 孩子 烫伤 医院 投诉 平台 没有 回复 等了 一个 月份 还是 不行 真的 失望 再也 不买 朋友 推荐
后悔 质量 太差 说明 看不 明白 声音 很大 | 行李 箱子 轮子 机场 航班 延误 登机 毯子 耳机 插座 显示 键盘 驱动 更新
密码 账号 锁定 删除 恢复 周末 酒店 大堂 早餐 毛巾 地毯 气味 前台 微笑 优惠 过期 火车 站台 罚款 信件 律师 表哥
单车 刹车 链条 生锈 下雨 寒冷 昨天 晚上 已经 第二 次了 到底 谁来 负责 赔偿 说法
"""
KANA: Final = """
ケトルが 溶けて 電話しても 返事がなく 先週の 配達は 遅れて 箱が つぶれて いました 画面に ひびが 入り 電池は
すぐ 切れる 修理の 店で 二時間 待たされ 店長は 謝らず 領収書を なくしたと 言われ 子どもが やけどを して 本当に
怖かった もう 買わない 友だちにも すすめません 説明書も 読めない 音が うるさくて 返金を 断られ 三回目の 苦情です
誰か 責任を 取って ください | スーツケースの 車輪が 取れて 空港で 困り 便は 遅延し 毛布も なく イヤホンは 片方
聞こえず 更新の あと 暗証番号が 変わり 口座が 止まり 週末の ホテルは 絨毯が 臭く 朝食は 冷めて 受付は 笑うだけ
割引券は 期限切れ 列車の 中で 罰金を 払い 手紙を 書いたが 弁護士に 相談 自転車の 鎖が 錆びて 雨の 夜に 止まり
昨日も 同じで どこに 言えば いいのか わからない
"""
HANGUL: Final = """
주전자가 녹아서 전화해도 답이 없고 지난주 배송은 늦었고 상자가 찌그러져 화면에 금이 가고 배터리는 금방 꺼지고
수리점에서 두시간 기다렸는데 점장은 사과도 안하고 영수증을 잃어버렸다며 아이가 데어서 정말 무서웠어요 다시는
사지 않겠습니다 친구에게도 말리고 설명서도 읽기 힘들고 소리가 시끄러워 환불을 거절당한 세번째 불만입니다 누가
책임지나요 | 여행가방 바퀴가 빠져서 공항에서 곤란했고 비행기는 연착하고 담요도 없고 이어폰은 한쪽만 들리고
업데이트후 비밀번호가 바뀌어 계좌가 잠기고 주말 호텔은 카펫냄새가 심하고 아침식사는 식어있고 직원은 웃기만 하고
할인권은 만료되고 기차에서 벌금을 내고 편지를 썼지만 변호사와 상담중 자전거 체인이 녹슬어 비오는 밤에 멈췄어요
"""
CYRILLIC: Final = """
чайник расплавился телефон молчит неделю курьер опоздал коробка помята экран треснул батарея садится ремонт
очередь два часа менеджер нагрубил чек потеряли ребёнок обжёгся очень страшно больше никогда друзьям тоже скажу
инструкция непонятная шумит вернуть деньги отказали третья жалоба кто ответит поддержка обещала завтра снова
ничего | чемодан колесо отвалилось аэропорт рейс задержали плед наушники розетка монитор клавиатура драйвер
обновление пароль счёт закрыли удалили выходные гостиница ковёр запах завтрак полотенце пятно улыбнулись скидка
просрочена поезд штраф письмо юрист сосед велосипед тормоз цепь ржавчина дождь ночью вчера опять второй раз куда
писать
"""


class Script(NamedTuple):
    """How texts of a script are made.

    Attributes:
        name: of the script.
        words: for tuning and for the report.
        between: words.
        length: least and most words of a text.
        comment: what somebody says before a copy.
        ends: of a text that is cut off.
    """

    name: str
    words: tuple[list[str], list[str]]
    between: str
    length: tuple[int, int]
    comment: tuple[str, str]
    ends: str = "…"


def _script(name: str, words: str, between: str, length: tuple[int, int], comment: tuple[str, str]) -> Script:
    tuning, report = (part.split() for part in words.split("|"))
    return Script(name, (tuning, report), between, length, comment)


SCRIPTS: Final = (
    _script("Latin", LATIN, " ", (13, 24), ("so true", "exactly this")),
    _script("Han", HAN, "", (13, 30), ("转发", "说得对")),
    _script("Kana and Kanji", KANA, "", (9, 18), ("ほんとそれ", "拡散")),
    _script("Hangul", HANGUL, " ", (9, 18), ("공감", "맞아요")),
    _script("Cyrillic", CYRILLIC, " ", (12, 22), ("именно", "вот так")),
)
EMOJI: Final = "😡🤬👎💔🔥"


class Text(msgspec.Struct, frozen=True):
    """A text and what it is: texts of one kind and story are copies of each other."""

    words: str
    kind: str
    story: int


def sentence(rng: random.Random, script: Script, *, tuning: bool, parts: float = 1.0) -> list[str]:
    """Words of a text, or of a part of one."""
    count = max(round(rng.randint(*script.length) * parts), 1)
    return rng.choices(script.words[not tuning], k=count)


def copied(rng: random.Random, script: Script, words: list[str], *, tuning: bool) -> str:
    """A copy as people and robots make them."""
    whole = script.between.join(words)
    another = rng.choice(script.words[not tuning])
    changed = list(words)
    changed[rng.randrange(len(words))] = another
    cut = round(len(whole) * rng.uniform(0.65, 0.9))
    comment = script.comment[not tuning]
    ways: tuple[Callable[[], str], ...] = (
        lambda: whole,
        whole.upper,
        lambda: unicodedata.normalize("NFD", whole),
        lambda: f"RT @user{rng.randrange(999)}: {whole}",
        lambda: f"{whole} https://x.example/{rng.randrange(10**6)}",
        lambda: f"@friend{rng.randrange(999)} {whole}!!!",
        lambda: f"{whole} {rng.choice(EMOJI) * 4} #{another}",
        lambda: f"<p>{whole} &amp; <b>!</b></p>",
        lambda: f"{comment}: {whole}",
        lambda: script.between.join(changed),
        lambda: whole[:cut] + script.ends,
    )
    return rng.choice(ways)()


def texts(rng: random.Random, script: Script, *, tuning: bool) -> list[Text]:
    """The texts of one bucket."""
    join = script.between.join

    def own(parts: float = 1.0) -> str:
        return join(sentence(rng, script, tuning=tuning, parts=parts))

    bases = [sentence(rng, script, tuning=tuning) for _ in range(BASES)]
    found = [Text(join(words), "copy", story) for story, words in enumerate(bases)]
    number = BASES
    for story, words in enumerate(bases):
        found += [Text(copied(rng, script, words, tuning=tuning), "copy", story) for _ in range(rng.randint(1, COPIES))]
    frame, rest = own(0.25), own(0.25)
    signature = own(0.4)
    tags = " ".join(f"#{join(sentence(rng, script, tuning=tuning, parts=0.2)).replace(' ', '')}" for _ in range(3))
    shout = rng.choice(EMOJI) * 10
    for _ in range(STRANGERS):
        quoted = rng.choice(bases)
        half = join(quoted[: max(len(quoted) // 2, 1)])
        strangers = {
            "quote": f"{own(0.8)} “{half}” {own(0.3)}",
            "template": f"{frame} {own(0.35)} {rest} {own(0.35)}",
            "signature": f"{own(0.8)} -- {signature}",
            "hashtags": f"{shout} {own(0.6)} {tags}",
            "other": own(),
        }
        for kind, said in strangers.items():
            found.append(Text(said, kind, number))
            number += 1
    rng.shuffle(found)
    return found


def stories_of(found: list[Text]) -> list[int]:
    """The story of each text, as the open bucket of a brand and its closing tell them apart."""
    stories = BucketStories()
    numbers: list[int] = []
    ids: dict[str, int] = {}
    for place, text in enumerate(found):
        mention: Mention = decode_mention(
            json.dumps(
                {
                    "id": f"m{place}",
                    "brand": "acme",
                    "text": text.words,
                    "event_time": "2026-03-01T00:00:00Z",
                    "platform": "x",
                }
            ).encode()
        )
        own = f"m{place}"
        number = stories.join(mention, own, ids, 0.0, negative=False, read=True, sampled=False)
        ids[own] = number
        numbers.append(number)
    stories.unite_copies()
    return [stories.resolve(number) if number else -place for place, number in enumerate(numbers)]


class Pairs(msgspec.Struct):
    """Pairs of texts: that are copies, that were taken for copies, and both."""

    true: int = 0
    joined: int = 0
    both: int = 0

    @property
    def precision(self) -> float:
        return self.both / self.joined if self.joined else 1.0

    @property
    def recall(self) -> float:
        return self.both / self.true if self.true else 1.0


def measure(script: Script, seeds: range, *, tuning: bool) -> tuple[Pairs, dict[str, float]]:
    """All pairs, and the share of the texts of each kind that were joined with a stranger."""
    total = Pairs()
    wrong: dict[str, int] = {}
    count: dict[str, int] = {}
    for seed in seeds:
        found = texts(random.Random(f"{script.name} {seed}"), script, tuning=tuning)
        stories = stories_of(found)
        mixed: set[int] = set()
        for one, other in combinations(range(len(found)), 2):
            is_true, is_joined = found[one].story == found[other].story, stories[one] == stories[other]
            total.true += is_true
            total.joined += is_joined
            total.both += is_true and is_joined
            if is_joined and not is_true:
                mixed |= {one, other}
        for place, text in enumerate(found):
            count[text.kind] = count.get(text.kind, 0) + 1
            wrong[text.kind] = wrong.get(text.kind, 0) + (place in mixed)
    return total, {kind: wrong[kind] / number for kind, number in sorted(count.items())}


def rows(seeds: int, *, tuning: bool) -> Iterator[str]:
    """The table, line by line."""
    first = FIRST_SEED[tuning]
    yield "| script | precision | recall | joined with a stranger: quotes | templates | signed | hashtags | others |"
    yield "|---|---|---|---|---|---|---|---|"
    for script in SCRIPTS:
        pairs, wrong = measure(script, range(first, first + seeds), tuning=tuning)
        shares = " | ".join(
            f"{100 * wrong[kind]:.1f} %" for kind in ("quote", "template", "signature", "hashtags", "other")
        )
        yield f"| {script.name} | {pairs.precision:.3f} | {pairs.recall:.3f} | {shares} |"


@click.command(help=__doc__)
@click.option("--seeds", default=100, help="Sets of texts per script.")
@click.option("--tuning", is_flag=True, help="The words and seeds on which the threshold was chosen.")
def main(seeds: int, *, tuning: bool) -> None:
    """Print the table."""
    for row in rows(seeds, tuning=tuning):
        print(row)
        sys.stdout.flush()


if __name__ == "__main__":
    main()

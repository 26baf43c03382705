"""Seeded strings that are hard for tokenizers: the same ones for the same seed."""

import random

WORDS = (
    "the lamp is not bright enough walking unhappiness Bright FILM it's wouldn't we'd I'LL they're café naïve Ångström "
    "Straße İstanbul ıssız ΣΊΣΥΦΟΣ ǅungla ﬁne oﬃce ½ №5 ²³ 3.14 1,000,000 10:30 24/7 a.b.c. user@mail.example "
    "https://x.example/a?b=c&d=%20 C++ #tag @name $9.99 €5 £3 ¥7 50% -- ... ?! '' `` “quoted” «ёлка» хороший ПОЙДЁМ "
    "не-плохо ґанок қазақ שלום בְּרֵאשִׁית مرحبا السَّلام हिन्दी क्षत्रिय ไทยภาษา ภาษาไทย สวัสดี 東京 今日は カタカナ ｶﾀｶﾅ ﾊﾞ "
    "中文字 𠀀𠮷 한국어 각 각 ქართული հայերեն አማርኛ བོད་ཡིག Ａｂｃ１２３ 𝒜𝓫𝔠 ⅣⅨ ㍿ ㎏ ﷺ ①②"
).split(" ")
MARKS = ["\u0301", "\u0308", "\u030a", "\u0327", "\u0336", "\u20e3", "\u0306", "\u093c", "\u05b0", "\ufe0f", "\u3099"]
EMOJI = ["😀", "👍🏽", "👨‍👩‍👧‍👦", "🇩🇪", "❤️", "☺", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "1️⃣", "🫠", "™", "©"]
CONTROLS = [chr(code) for code in (0, 1, 7, 8, 0x1B, 0x1F, 0x7F, 0x80, 0x85, 0x9F, 0xAD, 0x200B, 0x200C, 0x200D)] + [
    "\u200e", "\u202e", "\u2060", "\ufeff", "\ufffd", "\ufffe", "\U000e0001", "\ue000", "\U0010fffd", "\u0378", "\u061c",
]  # fmt: skip
SPACES = [" ", " ", " ", "  ", "\t", "\n", "\r\n", "\v", "\f", "\x1c", "\u00a0", "\u1680", "\u2003", "\u2009"] + [
    "\u2028", "\u2029", "\u202f", "\u205f", "\u3000", "   \n\n  ", "",
]  # fmt: skip
SPECIAL_TEXTS = [
    "[CLS]", "[SEP]", "[MASK]", "[UNK]", "[PAD]", "[sep]", "[ MASK ]", "<s>", "</s>", "<pad>", "<unk>", "<mask>",
    "<MASK>", " <mask> ", "x<mask>y", "<s>NOTUSED", "##ing", "##", "▁", "▁the", "Ġ", "Ġthe", "Ċ", "<0x0A>", "<|endoftext|>",
]  # fmt: skip


def random_character(rng: random.Random) -> str:
    """Any code point that Unicode text may hold: no surrogates."""
    block = rng.choice([(0x20, 0x7E), (0xA0, 0x24F), (0x250, 0x1FFF), (0x2000, 0x2BFF), (0x3000, 0x9FFF)])
    if rng.random() < 0.2:
        block = rng.choice([(0xA000, 0xD7FF), (0xE000, 0xFFFF), (0x10000, 0x1FFFF), (0x20000, 0x10FFFF)])
    return chr(rng.randint(*block))


def hard_part(rng: random.Random, longest: int) -> str:
    draw = rng.random()
    if draw < 0.42:
        return rng.choice(WORDS)
    if draw < 0.50:
        word = rng.choice(WORDS)
        return "".join(c + (rng.choice(MARKS) if rng.random() < 0.4 else "") for c in word)
    if draw < 0.58:
        return "".join(rng.choice(EMOJI) for _ in range(rng.randint(1, 3)))
    if draw < 0.66:
        return rng.choice(CONTROLS) + (rng.choice(WORDS) if rng.random() < 0.5 else "")
    if draw < 0.76:
        return rng.choice(SPECIAL_TEXTS)
    if draw < 0.82:
        return "".join(rng.choice("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~–—…„“‚‘·¿¡") for _ in range(rng.randint(1, 5)))
    if draw < 0.90:
        return "".join(random_character(rng) for _ in range(rng.randint(1, 6)))
    if draw < 0.96:
        first, second = rng.choice(WORDS), rng.choice(WORDS)
        return first[: rng.randint(1, len(first))] + second
    # around the 100 characters from which WordPiece gives up a word
    length = rng.choice([99, 100, 101, longest])
    return rng.choice(["a", "bright", "ё", "漢", "é", "e\u0301", "😀", "-", "1"] * 2)[:1] * min(length, longest)


def hard_strings(count: int, seed: int, longest: int = 600) -> list[str]:
    """COUNT different strings, the edge cases first."""
    rng = random.Random(seed)
    strings = ["", " ", "\n", "\u00a0", "a", "A", "é", "e\u0301", "漢", "😀", "\0", "\u200b", " the", "the ", "  the  "]
    strings += SPECIAL_TEXTS
    seen = set(strings)
    while len(strings) < count:
        text = rng.choice(SPACES) if rng.random() < 0.15 else ""
        for _ in range(rng.choice([1, 2, 3, 4, 5, 8])):
            text += hard_part(rng, longest) + rng.choice(SPACES)
        if rng.random() < 0.7:
            text = text.rstrip(" ")
        if text not in seen:
            seen.add(text)
            strings.append(text)
    return strings[:count]

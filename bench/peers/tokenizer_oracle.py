"""The ids that Hugging Face tokenizers give, for every kind of tokenizer that an encoder has.

Use:  python tokenizer_oracle.py fixtures testing/families/fixtures/tokenizers
          Makes one small tokenizer of each kind and writes it twice: with tokenizer.json, and under older/ as
          vocab.txt, vocab.json + merges.txt or a sentencepiece model alone; with the ids of 200 strings.
      python tokenizer_oracle.py ids FOLDER OUT.jsonl [--count 2000] [--seed 16] [--texts FILE.jsonl]
          The ids that the tokenizer of any model folder gives for COUNT seeded hard strings, and for the `text` of
          every line of FILE.jsonl; one line each: { text, ids }, and `library` where tokenizer.json alone, without
          transformers, gives other ids.
Needs: pip install tokenizers transformers sentencepiece protobuf (0.23.3, 5.24.0, 0.2.3, 7.36.2 were used)
"""

import argparse
import gzip
import io
import json
import os
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
# sums in one order: training gives the same pieces every time
os.environ["RAYON_NUM_THREADS"] = "1"

import sentencepiece
import tokenizers
import transformers
from hard_strings import WORDS, hard_strings
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer

# What the committed tokenizers are trained on. Written for this file.
CORPUS = [
    "The lamp on the table is not as bright as the one in the hall.",
    "It wasn't a bad film at all; we'd watch it again, wouldn't we?",
    "Deliver 24 boxes by 10:30, or call +1 (555) 010-2233 before noon!",
    "She's reading, he's singing, they're walking and I've been waiting.",
    "Prices rose 3.5 % in 2023 -- far less than the 7,000 they expected.",
    "unbelievable unhappiness, walking, talked, talks, brighter, brightest",
    "Das Wetter in Köln ist schön, aber die Straße ist naß und müde.",
    "Les élèves ont déjà mangé à la cantine; c'était très bon, n'est-ce pas ?",
    "El niño comió mañana y tarde; ¿cuándo llegará el señor Muñoz?",
    "Сегодня хорошая погода, и мы пойдём гулять в парк с ёжиком.",
    "Этот фильм совсем не плохой, но и не очень хороший.",
    "今日は天気がいいので、東京へ行きます。",
    "這部電影不錯，我們明天再看。",
    "오늘은 날씨가 좋아서 산책을 갑니다.",
    "הסרט הזה לא רע בכלל",
    "هذا الفيلم ليس سيئا على الإطلاق",
    "Ο καιρός είναι καλός σήμερα στην Αθήνα.",
    "यह फ़िल्म बुरी नहीं है",
]

# Rules of a sentencepiece normalizer, a few of each sort that nmt_nfkc has; all of nmt_nfkc would be 240 kB a model.
# code points (hex) -> code points; the longest match wins.
NORMALIZATION_RULES = [
    *[(f"{0xFF01 + i:X}", f"{0x21 + i:X}") for i in range(94)],
    *[(code, "20") for code in ("9", "A", "D", "A0", "2003", "2009", "200B", "2028", "3000", "FEFF")],
    *[(code, "") for code in ("AD", "200C", "200D", "1", "2", "7F")],
    ("FB01", "66 69"),
    ("FB03", "66 66 69"),
    ("BD", "31 2044 32"),
    ("2116", "4E 6F"),
    ("65 301", "E9"),
    ("65 308", "EB"),
    ("61 30A", "E5"),
    ("418 306", "419"),
    ("438 306", "439"),
    ("212B", "C5"),
    ("FDFA", "635 644 649"),
]


@dataclass(frozen=True)
class Kind:
    """One kind of tokenizer: its class in transformers and the entries of its tokenizer_config.json."""

    model: str  # wordpiece, byte-bpe or unigram
    tokenizer_class: str
    specials: dict[str, str]
    # the model's first ids, in order; mask last of all where it is not among them
    first: list[str]
    config: dict = field(default_factory=dict)
    sentencepiece_file: str = ""
    mask_takes_space: bool = False


BERT_SPECIALS = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
ROBERTA_SPECIALS = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "cls_token": "<s>",
    "sep_token": "</s>",
    "pad_token": "<pad>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
}
BERT_FIRST = list(BERT_SPECIALS.values())


def bert_like(tokenizer_class: str, lowercase: bool) -> Kind:
    config = {"do_lower_case": lowercase, "strip_accents": None, "tokenize_chinese_chars": True}
    return Kind("wordpiece", tokenizer_class, BERT_SPECIALS, BERT_FIRST, config)


KINDS: dict[str, Kind] = {
    "wordpiece-uncased": bert_like("BertTokenizer", True),
    "wordpiece-cased": bert_like("BertTokenizer", False),
    "wordpiece-distilbert": bert_like("DistilBertTokenizer", True),
    "wordpiece-electra": bert_like("ElectraTokenizer", True),
    "wordpiece-mpnet": Kind(
        "wordpiece",
        "MPNetTokenizer",
        {**ROBERTA_SPECIALS, "unk_token": "[UNK]"},
        ["<s>", "<pad>", "</s>", "<unk>", "[UNK]"],
        {"do_lower_case": True, "strip_accents": None, "tokenize_chinese_chars": True},
        mask_takes_space=True,
    ),
    "byte-bpe-roberta": Kind(
        "byte-bpe",
        "RobertaTokenizer",
        ROBERTA_SPECIALS,
        ["<s>", "<pad>", "</s>", "<unk>"],
        {"add_prefix_space": False, "errors": "replace", "trim_offsets": True},
        mask_takes_space=True,
    ),
    "unigram-xlm-roberta": Kind(
        "unigram",
        "XLMRobertaTokenizer",
        ROBERTA_SPECIALS,
        [],
        sentencepiece_file="sentencepiece.bpe.model",
        mask_takes_space=True,
    ),
    "unigram-camembert": Kind(
        "unigram",
        "CamembertTokenizer",
        ROBERTA_SPECIALS,
        [],
        {"additional_special_tokens": ["<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"]},
        sentencepiece_file="sentencepiece.bpe.model",
        mask_takes_space=True,
    ),
    "unigram-albert": Kind(
        "unigram",
        "AlbertTokenizer",
        {
            "bos_token": "[CLS]",
            "eos_token": "[SEP]",
            "cls_token": "[CLS]",
            "sep_token": "[SEP]",
            "pad_token": "<pad>",
            "unk_token": "<unk>",
            "mask_token": "[MASK]",
        },
        [],
        {"do_lower_case": True, "keep_accents": False, "remove_space": True},
        sentencepiece_file="spiece.model",
        mask_takes_space=True,
    ),
}


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


def make_wordpiece(kind: Kind, corpus: list[str], size: int, folder: Path) -> None:
    """Every character, then the most frequent beginnings and ## rests of words. The library's trainer orders ties by
    hash tables, anew in every process."""
    normalizer = normalizers.BertNormalizer(lowercase=kind.config["do_lower_case"])
    splitter = pre_tokenizers.BertPreTokenizer()
    characters: set[str] = set()
    counts: Counter[str] = Counter()
    for text in corpus:
        for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text)):
            characters.update(word[:1], ("##" + c for c in word[1:]))
            counts.update(word[:end] for end in range(2, len(word) + 1))
            counts.update("##" + word[start:] for start in range(1, len(word) - 1))
    tokens = kind.first + sorted(characters)
    frequent = sorted(counts, key=lambda piece: (-counts[piece], piece))
    mask = [kind.specials["mask_token"]] if kind.specials["mask_token"] not in kind.first else []
    tokens += frequent[: max(0, size - len(tokens) - len(mask))] + mask
    (folder / "vocab.txt").write_text("".join(token + "\n" for token in tokens), encoding="utf-8")


def train_byte_bpe(kind: Kind, corpus: list[str], size: int, folder: Path, all_bytes: bool) -> None:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=kind.config["add_prefix_space"])
    trainer = trainers.BpeTrainer(
        vocab_size=size - 1,
        special_tokens=kind.first,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()) if all_bytes else [],
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    vocab = {**model["vocab"], kind.specials["mask_token"]: len(model["vocab"])}
    write_json(folder / "vocab.json", dict(sorted(vocab.items(), key=lambda entry: entry[1])))
    merges = "".join(f"{left} {right}\n" for left, right in model["merges"])
    (folder / "merges.txt").write_text("#version: 0.2\n" + merges, encoding="utf-8")


def train_unigram(
    kind: Kind, corpus: list[str], size: int, folder: Path, rules: list[tuple[str, str]]
) -> None:
    proto = io.BytesIO()
    if kind.tokenizer_class == "AlbertTokenizer":
        ids = dict(pad_id=0, unk_id=1, bos_id=-1, eos_id=-1, control_symbols=["[CLS]", "[SEP]", "[MASK]"])
        corpus = [text.lower() for text in corpus]
    else:
        ids = dict(unk_id=0, bos_id=1, eos_id=2)
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as file:
        file.write("".join(f"{source}\t{target}\n" for source, target in rules))
        file.flush()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(corpus),
            model_writer=proto,
            model_type="unigram",
            vocab_size=size,
            hard_vocab_limit=False,
            character_coverage=1.0,
            **({"normalization_rule_tsv": file.name} if rules else {"normalization_rule_name": "identity"}),
            num_threads=1,
            minloglevel=2,
            **ids,
        )
    (folder / kind.sentencepiece_file).write_bytes(named_without_path(proto.getvalue()))


def named_without_path(model: bytes) -> bytes:
    """The trainer notes the name of the rules' file, a temporary one, in the model."""
    from sentencepiece import sentencepiece_model_pb2 as pb

    proto = pb.ModelProto.FromString(model)
    proto.normalizer_spec.normalization_rule_tsv = ""
    proto.normalizer_spec.name = "fixture"
    return proto.SerializeToString(deterministic=True)


def write_older(
    name: str, corpus: list[str], size: int, folder: Path, max_length: int, whole: bool = True
) -> None:
    """Makes a tokenizer and writes what transformers 4 saved beside tokenizer.json, without that file.

    A tokenizer that is not whole is smaller: byte-level BPE has the corpus's bytes alone, Unigram no normalizer's rules.
    """
    kind = KINDS[name]
    folder.mkdir(parents=True, exist_ok=True)
    if kind.model == "wordpiece":
        make_wordpiece(kind, corpus, size, folder)
    elif kind.model == "byte-bpe":
        train_byte_bpe(kind, corpus, size, folder, all_bytes=whole)
    else:
        train_unigram(kind, corpus, size, folder, NORMALIZATION_RULES if whole else [])
    config = {**kind.config, **kind.specials, "model_max_length": max_length, "tokenizer_class": kind.tokenizer_class}
    write_json(folder / "tokenizer_config.json", config)
    ids = AutoTokenizer.from_pretrained(folder).get_vocab()
    extra = kind.config.get("additional_special_tokens", [])

    def added(token: str) -> dict:
        lstrip = kind.mask_takes_space and token == kind.specials["mask_token"]
        flags = {"lstrip": lstrip, "normalized": False, "rstrip": False, "single_word": False, "special": True}
        return {"content": token, **flags}

    tokens = sorted({*kind.specials.values(), *(token for token in extra if token in ids)}, key=ids.__getitem__)
    config["added_tokens_decoder"] = {str(ids[token]): added(token) for token in tokens}
    write_json(folder / "tokenizer_config.json", config)
    mask = {key: value for key, value in added(kind.specials["mask_token"]).items() if key != "special"}
    write_json(folder / "special_tokens_map.json", {**kind.specials, "mask_token": mask})


def write_current(older: Path, folder: Path) -> None:
    """Writes what transformers 5 saves: tokenizer.json and tokenizer_config.json, without line breaks in them."""
    AutoTokenizer.from_pretrained(older).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        value = json.loads((folder / name).read_text(encoding="utf-8"))
        for key in ("is_local", "local_files_only"):
            value.pop(key, None)
        write_json(folder / name, value)


def write_gzip(path: Path, value: object) -> None:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    path.write_bytes(gzip.compress(text.encode("utf-8"), compresslevel=9, mtime=0))


def versions() -> str:
    return f"tokenizers {tokenizers.__version__}, transformers {transformers.__version__}, sentencepiece {sentencepiece.__version__}"


def ids_of(tokenizer, strings: list[str]) -> list[list[int]]:
    return [tokenizer(text)["input_ids"] for text in strings]


def library_ids_of(folder: Path, strings: list[str]) -> list[list[int]] | None:
    """What the library makes of tokenizer.json alone; transformers 5 makes its own normalizer and pre-tokenizer."""
    file = folder / "tokenizer.json"
    if not file.exists():
        return None
    library = Tokenizer.from_file(str(file))
    library.no_truncation()
    library.no_padding()
    return [library.encode(text).ids for text in strings]


def write_metaspace(source: Path, folder: Path) -> None:
    """The tokenizer.json of multilingual-e5 and others of XLM-R's kin: no cut at white space before the Metaspace."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = json.loads((source / "tokenizer.json").read_text(encoding="utf-8"))
    spaces = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
    tokenizer["normalizer"] = {"type": "Sequence", "normalizers": [tokenizer["normalizer"], spaces]}
    tokenizer["pre_tokenizer"] = {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True}
    tokenizer["decoder"] = tokenizer["pre_tokenizer"]
    write_json(folder / "tokenizer.json", tokenizer)
    shutil.copy(source / "tokenizer_config.json", folder)


def write_fixtures(out: Path, count: int, seed: int, size: int) -> None:
    out.mkdir(parents=True, exist_ok=True)
    strings = hard_strings(count, seed, longest=120)
    write_gzip(out / "strings.json.gz", strings)
    for name, kind in KINDS.items():
        if kind.tokenizer_class in ("DistilBertTokenizer", "ElectraTokenizer", "CamembertTokenizer"):
            continue  # BertTokenizer under other names, and XLMRobertaTokenizer with other special tokens
        folder, older = out / name, out / name / "older"
        write_older(name, CORPUS + WORDS[::2], size, older, max_length=512)
        write_current(older, folder)
        write_expected(folder, older, strings)
    write_metaspace(out / "unigram-xlm-roberta", out / "unigram-metaspace")
    write_expected(out / "unigram-metaspace", None, strings)


def write_expected(folder: Path, older: Path | None, strings: list[str]) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = ids_of(tokenizer, strings)

    def others(found: list[list[int]]) -> dict[int, list[int]]:
        return {i: b for i, (a, b) in enumerate(zip(ids, found)) if a != b}

    pairs = [[i, i + 1] for i in range(40, min(len(strings) - 1, 60))]
    encodings = [tokenizer(strings[a], strings[b], return_token_type_ids=True) for a, b in pairs]
    expected = {
        "made_by": versions(),
        "class": type(tokenizer).__name__,
        "ids": ids,
        # string number -> ids, where they are others: of older/, and of the library without transformers
        "older": others(ids_of(AutoTokenizer.from_pretrained(older), strings)) if older else {},
        "library": others(library_ids_of(folder, strings) or []),
        "pairs": [
            {"strings": pair, "ids": e["input_ids"], "type_ids": e["token_type_ids"]}
            for pair, e in zip(pairs, encodings)
        ],
    }
    write_gzip(folder / "expected.json.gz", expected)
    differ = f"{len(expected['older'])} differ in older/, {len(expected['library'])} without transformers"
    print(f"{folder.name}: {expected['class']}, {len(tokenizer)} tokens, {len(ids)} strings; {differ}")


def write_ids(folder: Path, out: Path, count: int, seed: int, texts: Path | None) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    strings = hard_strings(count, seed)
    if texts is not None:
        with open(texts, encoding="utf-8") as lines:
            strings += [json.loads(line)["text"] for line in lines]
    ids = ids_of(tokenizer, strings)
    library_ids = library_ids_of(folder, strings) or ids
    differing = 0
    with open(out, "w", encoding="utf-8") as file:
        for text, own, alone in zip(strings, ids, library_ids):
            line = {"text": text, "ids": own}
            if own != alone:
                line["library"] = alone
                differing += 1
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    name = type(tokenizer).__name__
    print(f"{out}: {len(strings)} strings by {name}, {differing} differ without transformers; {versions()}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    fixtures = commands.add_parser("fixtures")
    fixtures.add_argument("out", type=Path)
    fixtures.add_argument("--count", type=int, default=200)
    fixtures.add_argument("--size", type=int, default=330, help="tokens of a vocabulary")
    ids = commands.add_parser("ids")
    ids.add_argument("folder", type=Path)
    ids.add_argument("out", type=Path)
    ids.add_argument("--count", type=int, default=2000)
    ids.add_argument("--texts", type=Path)
    for command in (fixtures, ids):
        command.add_argument("--seed", type=int, default=16)
    options = parser.parse_args()
    if options.command == "fixtures":
        write_fixtures(options.out, options.count, options.seed, options.size)
    else:
        write_ids(options.folder, options.out, options.count, options.seed, options.texts)


if __name__ == "__main__":
    main()

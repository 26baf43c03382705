"""Our reader of safetensors beside the reference, which is written in Rust: seeded files, whole and mutated.

Use:   python bench/peers/safetensors_oracle.py [--cases 20000] [--seed 1]
Needs: pip install safetensors (0.8.0 was used), and node; no test of the package needs it.

A file is taken by both with the same names, types, shapes and bytes, or refused by both. Every other outcome is counted by
what the one that refused said of it. Ends with 1 where an outcome is none of both and none of KNOWN.
"""

import argparse
import hashlib
import json
import re
import struct
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random

import safetensors

BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1}
BYTES |= {"U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1}
# of the reference alone, with their bits
OTHER_BITS = {"F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "C64": 64, "F4": 4, "F6_E2M3": 6}
NAMES = ["weight", "bias", "a.b.c", "слой", "層", "", " ", "__proto__", "constructor", "x" * 300, 'quo"te', "new\nline"]
NUMBERS = ["-1", "-0", "1.0", "1e0", "0.5", "9007199254740993", "18446744073709551616", "1e400", "null", "true", '"4"', "[]"]
BATCH = 2000
# differences that are meant
KNOWN = [
    # no layer is stored in these types
    r'^ours alone refuses: .*has type "(%s)"' % "|".join(OTHER_BITS),
    # of a tensor of no elements, whose other dimension is beyond 2^53
    r"^ours alone refuses: .*has shape \[.*\d{16}",
    # JSON.parse gives 1 for 1.0 and 0 for -0
    r"^the reference alone refuses: .*floating point",
]


def valid(random):
    """Entries of a file that both take, in the order of the data, and the data."""
    entries, at = {}, 0
    for i in range(random.randrange(6)):
        dtype = random.choice(list(BYTES))
        shape = [random.choice([0, 1, 1, 2, 3, 5]) for _ in range(random.randrange(4))]
        size = BYTES[dtype]
        for dim in shape:
            size *= dim
        name = random.choice(NAMES) if random.random() < 0.5 else f"layer.{i}"
        if name in entries:
            continue
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    return entries, random.randbytes(at)


def mutate_entry(random, entries, name):
    """The entry is made wrong, or at least unusual."""
    entry = entries[name]
    kind = random.randrange(9)
    if kind == 0:
        entry["dtype"] = random.choice([*BYTES, *OTHER_BITS, "XX", "f32", 4, None])
    elif kind == 1:
        entry["shape"] = [*entry["shape"], random.choice([0, 1, 2, 2**31, 2**53, 2**63])]
        random.shuffle(entry["shape"])
    elif kind == 2:
        entry["data_offsets"][random.randrange(2)] += random.choice([-8, -1, 1, 4, 2**32, 2**62])
    elif kind == 3:
        entry["data_offsets"] = [offset + random.choice([-4, -1, 1, 4]) for offset in entry["data_offsets"]]
    elif kind == 4:
        del entry[random.choice(list(entry))]
    elif kind == 5:
        entry["other"] = random.choice([1, "x", None, {"a": []}])
    elif kind == 6:
        bits = random.choice(list(OTHER_BITS))
        entry["dtype"], begin = bits, entry["data_offsets"][0]
        count = (entry["data_offsets"][1] - begin) * 8 // OTHER_BITS[bits]
        entry["shape"] = [count]
    elif kind == 7:
        entries[name] = random.choice([None, 1, "x", [], {}])
    else:
        entries["__metadata__"] = random.choice(
            [{}, {"format": "pt"}, {"a": 1}, {"a": None}, {"a": {}}, [], None, "x", 1, {"__proto__": "b"}]
        )


def mutate_text(random, text):
    """The header as JSON that json.dumps does not write, or as no JSON."""
    kind = random.randrange(7)
    at = random.randrange(len(text) + 1)
    if kind == 0:
        numbers = list(re.finditer(r"(?<=[\[ ,])\d+(?=[\],])", text))
        if not numbers:
            return text.encode()
        one = random.choice(numbers)
        return (text[: one.start()] + random.choice(NUMBERS) + text[one.end() :]).encode()
    if kind == 1:
        return b" " * random.randrange(1, 9) + text.encode()
    if kind == 2:
        return text.encode() + random.choice([b" " * 7, b"\n", b"\0", b"x", b"{}", b"\t"])
    if kind == 3:
        return text.encode()[:at] + random.choice([b"\xff", b"\xc0\x80", b"\xed\xa0\x80"]) + text.encode()[at:]
    if kind == 4:
        return random.choice([b"\xef\xbb\xbf", b"[", b"null", b"{"]) + text.encode()
    if kind == 5:
        return text.replace('"layer.', random.choice(['"\\ud800', '"\\u0000', '"\\ud83d\\ude00', '"\\x']), 1).encode()
    # the first entry twice: in JSON the last one holds
    return (text[:-1] + ("," if len(text) > 2 else "") + text[1:]).encode()


def case_of(random):
    entries, data = valid(random)
    kind = random.randrange(5)
    if kind == 1 and entries:
        for name in random.sample(list(entries), min(len(entries), random.choice([1, 1, 2]))):
            mutate_entry(random, entries, name)
    items = list(entries.items())
    random.shuffle(items)
    text = json.dumps(dict(items), ensure_ascii=random.random() < 0.5)
    header = mutate_text(random, text) if kind == 2 else text.encode()
    length = len(header)
    if kind == 3:
        length = random.choice([length - 1, length + 1, 0, 1, 7, 2**31, 2**63, 2**64 - 1, 100_000_001])
    case = bytearray(struct.pack("<Q", max(0, length)) + header + data)
    if kind == 4:
        change = random.randrange(4)
        at = random.randrange(len(case))
        if change == 0:
            case[at] ^= 1 << random.randrange(8)
        elif change == 1:
            del case[at:]
        elif change == 2:
            case += random.randbytes(random.randrange(1, 9))
        else:
            case[at:at] = random.randbytes(1)
    return bytes(case)


def reference(case):
    try:
        found = safetensors.deserialize(case)
    except Exception as error:  # a panic of Rust as well: it is told by its name
        return {"refused": f"{type(error).__name__}: {error}"}
    return {
        "tensors": {
            f"tensor {name}": [one["dtype"], one["shape"], hashlib.sha256(one["data"]).hexdigest()]
            for name, one in found
        }
    }


def ours(cases):
    packed = b"".join(struct.pack("<I", len(case)) + case for case in cases)
    script = Path(__file__).with_name("safetensors-cases.ts")
    done = subprocess.run(["node", script], input=packed, stdout=subprocess.PIPE, check=True)
    answers = [json.loads(line) for line in done.stdout.decode().rstrip("\n").split("\n")]
    assert len(answers) == len(cases), f"{len(answers)} answers to {len(cases)} files"
    return answers


def compare(mine, theirs):
    """The outcome in words, and whether it is as it shall be."""
    if "refused" in mine and "refused" in theirs:
        return "refused by both", True
    if mine == theirs:
        return "taken by both, the same tensors", True
    if "refused" in mine:
        what = f"ours alone refuses: {mine['refused']}"
    elif "refused" in theirs:
        what = f"the reference alone refuses: {theirs['refused']}"
    else:
        return "other tensors", False
    return words(what), any(re.search(known, what, flags=re.S) for known in KNOWN)


def words(refusal):
    """A refusal without names and numbers."""
    return re.sub(r"\b\d+", "N", re.sub(r"'.*'", "'…'", refusal.replace("\n", " "), flags=re.S))[:120]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    random = Random(args.seed)
    counts, wrong = Counter(), 0
    for start in range(0, args.cases, BATCH):
        cases = [case_of(random) for _ in range(min(BATCH, args.cases - start))]
        for mine, theirs in zip(ours(cases), map(reference, cases)):
            what, is_right = compare(mine, theirs)
            counts[what] += 1
            wrong += not is_right
    print(f"safetensors {safetensors.__version__}, seed {args.seed}: {args.cases} files")
    for what, n in counts.most_common():
        print(f"{n:8d}  {what}")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()

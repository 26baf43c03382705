"""What int8 rounding costs an embedder, part by part: weights and activations rounded in f32 as the kernels round them.

    python bench/peers/embedding_rounding.py all-MiniLM-L6-v2 test.txt [TEXTS]

Of the first and the second half of test.txt (scripts/embedding-sentences.ts: films, mail) TEXTS / 2 each, 500 in all unless given.
Prints for each part 1 - the mean cosine to the vectors before, and the share of the ten nearest neighbours kept among these texts.
Needs torch and transformers.
"""

import sys

import torch
from transformers import AutoTokenizer, BertModel

torch.set_num_threads(1)
folder, path = sys.argv[1:3]
count = int(sys.argv[3]) if len(sys.argv) > 3 else 500
texts = open(path, encoding="utf-8").read().strip().split("\n")
half = len(texts) // 2
texts = texts[: count // 2] + texts[half : half + count // 2]
tokenizer = AutoTokenizer.from_pretrained(folder)


def round_rows(x):
    """Symmetric, one scale for each row, as weights and activations are quantized."""
    scale = x.abs().amax(-1, keepdim=True) / 127
    scale = torch.where(scale == 0, torch.ones_like(scale), scale)
    return (x / scale).round() * scale


@torch.no_grad()
def vectors(model):
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    found = torch.zeros(len(texts), model.config.hidden_size)
    for begin in range(0, len(texts), 32):
        chosen = order[begin : begin + 32]
        batch = tokenizer(
            [texts[i] for i in chosen], padding=True, truncation=True, max_length=128, return_tensors="pt"
        )
        rows = model(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1).float()
        found[chosen] = torch.nn.functional.normalize((rows * mask).sum(1) / mask.sum(1), dim=1)
    return found


def nearest(v):
    similarity = v @ v.T
    similarity.fill_diagonal_(-2)
    return similarity.topk(10).indices


PARTS = {
    "query, key, value": ("query", "key", "value"),
    "attention output": ("attention.output",),
    "intermediate": ("intermediate",),
    "output": (".output.dense",),
}


def part_of(name):
    return next(part for part, words in PARTS.items() if any(word in name for word in words))


def rounded(weights, activations):
    model = BertModel.from_pretrained(folder).eval()
    for name, linear in model.encoder.named_modules():
        if not isinstance(linear, torch.nn.Linear):
            continue
        if weights:
            linear.weight.data = round_rows(linear.weight.data)
        if part_of(name) in activations:
            linear.register_forward_pre_hook(lambda _, args: (round_rows(args[0]),) + args[1:])
    return model


base = vectors(rounded(False, ()))
near = nearest(base)


def report(name, model):
    made = vectors(model)
    cosine = (base * made).sum(1).mean().item()
    kept = sum(len(set(a) & set(b)) for a, b in zip(near.tolist(), nearest(made).tolist())) / (10 * len(texts))
    print(f"{name:40s} 1 - cosine {1 - cosine:.2e}  kept {kept:.3f}", flush=True)


report("weights", rounded(True, ()))
report("activations", rounded(False, tuple(PARTS)))
report("both", rounded(True, tuple(PARTS)))
for part in PARTS:
    report(f"activations of {part}", rounded(False, (part,)))

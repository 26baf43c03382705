"""A BERT classifier fine-tuned by PyTorch with this project's recipe, and its quantize_dynamic form: the study's own tool.

Use:  python torch_classifier.py MODEL_DIR TRAIN.tsv TEST.tsv OUT.json [--epochs 2] [--rate 1e-4] [--batch 32] [--seed 1]
TRAIN and TEST hold label<TAB>text under a header line. Texts are packed side by side as in ts/train: one row of tokens, each
text seeing itself alone, so that nothing is padded. AdamW (0.9, 0.98, 1e-6), decay 0.01 on matrices and tables, linear
warm-up over a tenth of the steps, then linearly to 0, gradients clipped to norm 1, dropout 0.1 on the embeddings, on the
outputs of attention and feed-forward and on the pooled vector. With --epochs 0 a classifier's folder is scored as it is.
OUT.json: F1, accuracy, bytes, and milliseconds for one text of the median length, of fp32 and of int8 (quantize_dynamic).
Needs: pip install torch==2.13.0 transformers
"""

import argparse
import io
import json
import platform
import statistics
import time

import torch
from torch import nn
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

MAX_TOKENS = 128


def read(path: str, drop: set[str]) -> tuple[list[str], list[int]]:
    with open(path, encoding="utf-8") as lines:
        rows = [line.rstrip("\n").split("\t", 1) for line in lines][1:]
    kept = [(text, int(label)) for label, text in rows if text not in drop]
    return [text for text, _ in kept], [label for _, label in kept]


class Classifier(nn.Module):
    """BERT with pooler and classifier over texts packed into one row."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self.bert = AutoModel.from_pretrained(folder, attn_implementation="sdpa", attention_probs_dropout_prob=0.0)
        hidden = self.bert.config.hidden_size
        self.dropout = nn.Dropout(0.1)
        self.classifier = nn.Linear(hidden, 2)
        nn.init.normal_(self.classifier.weight, std=0.02)
        nn.init.zeros_(self.classifier.bias)
        weights = load_file(f"{folder}/model.safetensors")
        if "classifier.weight" in weights:
            self.classifier.load_state_dict({part: weights[f"classifier.{part}"] for part in ("weight", "bias")})

    def forward(self, texts: list[list[int]]) -> torch.Tensor:
        lengths = [len(ids) for ids in texts]
        ids = torch.tensor([[i for text in texts for i in text]])
        positions = torch.cat([torch.arange(length) for length in lengths])[None]
        owner = torch.repeat_interleave(torch.arange(len(texts)), torch.tensor(lengths))
        mask = None if len(texts) == 1 else (owner[:, None] == owner[None, :])[None, None]
        embedded = self.bert.embeddings(input_ids=ids, position_ids=positions, token_type_ids=torch.zeros_like(ids))
        hidden = embedded
        for layer in self.bert.encoder.layer:
            found = layer(hidden, mask)
            hidden = found[0] if isinstance(found, tuple) else found
        starts = torch.tensor([0, *lengths[:-1]]).cumsum(0)
        pooled = torch.tanh(self.bert.pooler.dense(hidden[0, starts]))
        return self.classifier(self.dropout(pooled))


def scores(model: nn.Module, texts: list[list[int]], labels: list[int]) -> dict[str, float]:
    model.eval()
    predicted: list[int] = []
    with torch.no_grad():
        for begin in range(0, len(texts), 32):
            predicted += model(texts[begin : begin + 32]).argmax(1).tolist()
    right = sum(p == e for p, e in zip(predicted, labels))
    both = sum(p == 1 and e == 1 for p, e in zip(predicted, labels))
    return {"f1": 2 * both / (sum(predicted) + sum(labels)), "accuracy": right / len(labels)}


def milliseconds(model: nn.Module, text: list[int], threads: int) -> float:
    torch.set_num_threads(threads)
    model.eval()
    times = []
    with torch.no_grad():
        for _ in range(60):
            start = time.perf_counter()
            model([text])
            times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times[10:])


def size(model: nn.Module) -> int:
    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)
    return buffer.tell()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("out")
    parser.add_argument("--epochs", type=float, default=2)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    tokenizer = AutoTokenizer.from_pretrained(options.folder)
    encode = lambda texts: tokenizer(texts, truncation=True, max_length=MAX_TOKENS)["input_ids"]
    test_texts, test_labels = read(options.test, set())
    train_texts, train_labels = read(options.train, set(test_texts))
    train, test = encode(train_texts), encode(test_texts)
    model = Classifier(options.folder)
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": 0.01}, {"params": vectors, "weight_decay": 0.0}]
    adam = torch.optim.AdamW(groups, lr=options.rate, betas=(0.9, 0.98), eps=1e-6)
    steps = round(options.epochs * len(train) / options.batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        adam, lambda step: min((step + 0.5) / max(1, steps) / 0.1, (1 - (step + 0.5) / max(1, steps)) / 0.9)
    )
    model.train()
    order: list[int] = []
    begin = time.time()
    for step in range(steps):
        while len(order) < options.batch:
            order += torch.randperm(len(train)).tolist()
        chosen, order = order[: options.batch], order[options.batch :]
        logits = model([train[i] for i in chosen])
        loss = nn.functional.cross_entropy(logits, torch.tensor([train_labels[i] for i in chosen]))
        adam.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        schedule.step()
        if step % 100 == 99:
            left = (time.time() - begin) / (step + 1) * (steps - step - 1)
            print(f"step {step + 1} of {steps}, loss {loss.item():.3f}, {left:.0f} s left", flush=True)
    seconds = time.time() - begin
    int8 = torch.ao.quantization.quantize_dynamic(model.eval(), {nn.Linear}, dtype=torch.qint8)
    text = sorted(test, key=len)[len(test) // 2]
    rows = {}
    for name, form in (("fp32", model), ("quantize_dynamic", int8)):
        rows[name] = {
            **scores(form, test, test_labels),
            "bytes": size(form),
            "ms": {str(threads): milliseconds(form, text, threads) for threads in (1, 2)},
        }
        print(name, rows[name], flush=True)
    found = {
        "torch": torch.__version__,
        "cpu": platform.processor() or platform.machine(),
        "recipe": vars(options) | {"folder": "", "train": "", "test": "", "out": ""},
        "trainTexts": len(train),
        "testTexts": len(test),
        "steps": steps,
        "seconds": seconds,
        "tokens": len(text),
        "rows": rows,
    }
    with open(options.out, "w", encoding="utf-8") as file:
        json.dump(found, file, indent=2)
        file.write("\n")


main()

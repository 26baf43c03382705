"""Mean-pooled, normalised sentence embeddings of texts by PyTorch: the oracle for `pipeline('feature-extraction')`.

Use:  python embed_oracle.py MODEL_DIR TEXTS.txt OUT.json [COUNT]
TEXTS.txt holds one text a line (or label<TAB>text). OUT.json: { texts, ids, embeddings }.
Needs: pip install torch==2.13.0 transformers
"""

import json
import sys

import torch
from transformers import AutoModel, AutoTokenizer


def main() -> None:
    folder, source, out = sys.argv[1:4]
    count = int(sys.argv[4]) if len(sys.argv) > 4 else 200
    with open(source, encoding="utf-8") as lines:
        texts = [line.rstrip("\n").split("\t")[-1] for line in lines][:count]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
    ids, embeddings = [], []
    with torch.no_grad():
        for text in texts:
            tokens = tokenizer(text, truncation=True, max_length=512, return_tensors="pt")
            hidden = model(**tokens).last_hidden_state[0]
            mean = hidden.mean(dim=0)
            ids.append(tokens["input_ids"][0].tolist())
            embeddings.append((mean / mean.norm().clamp_min(1e-12)).tolist())
    with open(out, "w", encoding="utf-8") as file:
        json.dump({"texts": texts, "ids": ids, "embeddings": embeddings}, file)


main()

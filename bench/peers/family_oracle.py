"""Tiny random models of every encoder family and head, with what PyTorch computes for them: the oracle for the families.

Use:  python family_oracle.py testing/families/fixtures [--seed 16] [--only NAME ...]
          Writes models/NAME (a folder as save_pretrained writes it, with expected.json) and refused/NAME (folders that
          are to be refused by name). testing/families/fixtures/README.md describes expected.json.
Needs: pip install torch==2.13.0 transformers tokenizers sentencepiece protobuf
       (2.13.0+cpu, 5.24.0, 0.23.3, 0.2.3, 7.36.2 were used)
"""

import argparse
import copy
import json
import shutil
import tempfile
import zlib
from pathlib import Path

from tokenizer_oracle import versions, write_current, write_json, write_older  # sets the environment first
from family_fixtures import (
    CORPUS,
    KIND_OF_FAMILY,
    LENGTH,
    LONG,
    OFFSET_FAMILIES,
    REFUSED,
    REFUSED_WITH_WEIGHTS,
    VOCABULARY,
    Fixture,
    fixtures,
    texts_of,
)

import safetensors.torch
import torch
import transformers
from transformers import AutoConfig, AutoModel, AutoTokenizer, pipeline
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification

HEADS = {
    "classification": AutoModelForSequenceClassification,
    "token": AutoModelForTokenClassification,
    "encoder": AutoModel,
}
def config_of(fixture: Fixture, tokenizer) -> transformers.PretrainedConfig:
    sizes_of = {"small": (8, 2, 1, 12), "medium": (12, 3, 2, 20), "large": (16, 2, 2, 24)}
    width, heads, layers, ffn = sizes_of[fixture.size]
    positions = fixture.length + (2 if fixture.family in OFFSET_FAMILIES else 0)
    common = {
        "vocab_size": len(tokenizer),
        "max_position_embeddings": positions,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    if fixture.labels:
        common["id2label"] = dict(enumerate(fixture.labels))
        common["label2id"] = {label: i for i, label in enumerate(fixture.labels)}
    if fixture.problem_type:
        common["problem_type"] = fixture.problem_type
    if fixture.family == "distilbert":
        sizes = {"dim": width, "n_heads": heads, "n_layers": layers, "hidden_dim": ffn}
    else:
        sizes = {
            "hidden_size": width,
            "num_attention_heads": heads,
            "num_hidden_layers": layers,
            "intermediate_size": ffn,
        }
        if fixture.family in ("roberta", "camembert", "xlm-roberta"):
            # layer_norm_eps as roberta-base and xlm-roberta-base have it
            sizes |= {"type_vocab_size": 1, "layer_norm_eps": 1e-5}
        elif fixture.family == "mpnet":
            sizes |= {"relative_attention_num_buckets": 32, "layer_norm_eps": 1e-5}
        else:
            sizes |= {"type_vocab_size": 2}
    return AutoConfig.for_model(fixture.family, **{**common, **sizes, **fixture.config})


def randomize(model: torch.nn.Module, generator: torch.Generator) -> None:
    """Every parameter: biases are not 0, gains not 1, the padding token's row not empty."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            value = torch.randn(parameter.shape, generator=generator)
            is_norm = "LayerNorm" in name or "layer_norm" in name
            if is_norm and name.endswith("weight"):
                parameter.copy_(1 + 0.2 * value)
            elif parameter.dim() == 1:
                parameter.copy_(0.2 * value)
            else:
                parameter.copy_((0.5 if "embedding" in name or "attention_bias" in name else 0.35) * value)


def head_rows(fixture: Fixture, config) -> tuple[str, int, dict[int, torch.Tensor]]:
    """For pruned heads: the columns that go, by layer."""
    size = config.hidden_size // config.num_attention_heads
    gone = {
        layer: torch.tensor([head * size + i for head in heads for i in range(size)])
        for layer, heads in fixture.pruned.items()
    }
    return "bert.encoder.layer.{}.attention.", size, gone


def silence_pruned(fixture: Fixture, model: torch.nn.Module) -> None:
    """A head whose columns of the output projection are 0 adds nothing: the model without it computes the same."""
    stem, _, gone = head_rows(fixture, model.config)
    state = model.state_dict()
    for layer, columns in gone.items():
        state[stem.format(layer) + "output.dense.weight"][:, columns] = 0


def write_pruned(fixture: Fixture, folder: Path, config) -> None:
    """What transformers 4 wrote after prune_heads; transformers 5 has no such function."""
    stem, _, gone = head_rows(fixture, config)
    tensors = safetensors.torch.load_file(folder / "model.safetensors")
    for layer, columns in gone.items():
        kept = torch.tensor([i for i in range(config.hidden_size) if i not in columns.tolist()])
        for part in ("query", "key", "value"):
            for kind in ("weight", "bias"):
                name = f"{stem.format(layer)}self.{part}.{kind}"
                tensors[name] = tensors[name][kept].contiguous()
        name = stem.format(layer) + "output.dense.weight"
        tensors[name] = tensors[name][:, kept].contiguous()
    safetensors.torch.save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    update_json(folder / "config.json", {"pruned_heads": {str(k): v for k, v in fixture.pruned.items()}})


def update_json(path: Path, changes: dict) -> None:
    value = {**json.loads(path.read_text(encoding="utf-8")), **changes}
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def rounded(tensor: torch.Tensor) -> list:
    """9 digits, which say a float32 exactly and a float64 to 1e-9 of itself."""

    def shorten(value):
        return [shorten(v) for v in value] if isinstance(value, list) else float(f"{value:.9g}")

    return shorten(tensor.tolist())


def outputs(model, tokens: dict, head: str, detailed: bool) -> dict[str, torch.Tensor]:
    with torch.no_grad():
        result = model(**tokens, output_hidden_states=True)
    found = {}
    if head != "encoder":
        found["logits"] = result.logits[0]
    hidden = result.hidden_states[-1][0]
    if detailed:
        found["hidden"] = hidden
    elif head == "encoder":
        found["mean"] = hidden.mean(dim=0)
    if head == "encoder" and getattr(result, "pooler_output", None) is not None:
        found["pooled"] = result.pooler_output[0]
    return found


def plain(value):
    """Pipelines answer with numpy numbers."""
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {key: plain(v) for key, v in value.items()}
    return float(f"{float(value):.8g}") if hasattr(value, "dtype") or isinstance(value, float) else value


def expected_of(fixture: Fixture, model, tokenizer) -> dict:
    double = copy.deepcopy(model).double()
    rows: list[dict] = []
    gap = largest = 0.0
    for number, text in enumerate(texts_of(fixture)):
        tokens = tokenizer(
            text["text"], text.get("text_pair"), truncation=True, return_tensors="pt", return_offsets_mapping=True
        )
        offsets = tokens.pop("offset_mapping")[0].tolist()
        row = {
            **text,
            "ids": tokens["input_ids"][0].tolist(),
            "type_ids": tokens["token_type_ids"][0].tolist() if "token_type_ids" in tokens else None,
        }
        if fixture.head == "token":
            row |= {"offsets": offsets, "word_ids": tokens.word_ids(0)}
        # Hidden states are long: those of few texts do, of the others their mean
        detailed = number < 1 or (fixture.head == "encoder" and number == 2)
        single, reference = (outputs(m, tokens, fixture.head, detailed) for m in (model, double))
        for name, value in single.items():
            gap = max(gap, (value - reference[name]).abs().max().item())
            largest = max(largest, value.abs().max().item())
            if name == "logits" and (fixture.head != "token" or detailed):
                row["logits"] = rounded(value)
            row[name + "64"] = rounded(reference[name])
        rows.append(row)
    print(f"{fixture.name}: f32 is within {gap:.1e} of f64; the largest output is {largest:.2f}")
    return {
        "family": fixture.family,
        "head": fixture.head,
        "problem_type": fixture.problem_type,
        "made_by": f"torch {torch.__version__}, {versions()}",
        "tokenizer_class": type(tokenizer).__name__,
        "inputs": rows,
    }


def with_activation(model, activation: str, tokenizer, texts: list[dict]) -> list[list[float]]:
    """float64 logits of the same weights under another hidden_act."""
    config = copy.deepcopy(model.config)
    config.hidden_act = activation
    other = type(model)._from_config(config, attn_implementation="eager").eval()
    other.load_state_dict(model.state_dict())
    other.double()
    found = []
    for text in texts:
        tokens = tokenizer(text["text"], text.get("text_pair"), truncation=True, return_tensors="pt")
        with torch.no_grad():
            found.append(rounded(other(**tokens).logits[0]))
    return found


def add_tasks(fixture: Fixture, model, tokenizer, expected: dict) -> None:
    """What the pipelines of transformers answer."""
    rows = expected["inputs"]
    if fixture.head == "classification":
        classify = pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu", top_k=None)
        for row in rows:
            given = {key: row[key] for key in ("text", "text_pair") if key in row}
            row["scores"] = plain(classify(given, truncation=True))
    if fixture.head == "token":
        for row in rows[:2]:
            row["entities"] = {}
            for strategy in ("none", "simple", "first"):
                tag = pipeline(
                    "token-classification",
                    model=model,
                    tokenizer=tokenizer,
                    device="cpu",
                    aggregation_strategy=strategy,
                )
                row["entities"][strategy] = plain(tag(row["text"]))
    if fixture.zero_shot:
        zero = pipeline("zero-shot-classification", model=model, tokenizer=tokenizer, device="cpu")
        expected["zero_shot"] = [
            {
                "text": text,
                "candidate_labels": labels,
                "hypothesis_template": template,
                "multi_label": multi,
                "result": plain(zero(text, labels, hypothesis_template=template, multi_label=multi)),
            }
            for text, labels, template, multi in (
                ("a good film", ["gold", "fog", "a boat"], "it is {}.", False),
                ("a good film", ["gold", "fog", "a boat"], "it is {}.", True),
                ("so sad!", ["good"], "it is not {}", False),
            )
        ]


def write_sentence_files(fixture: Fixture, folder: Path, width: int) -> None:
    wanted = fixture.sentence
    names = ["Transformer", "Pooling"] + ["Normalize"] * wanted["normalize"]
    modules = [
        {
            "idx": i,
            "name": str(i),
            "path": "" if i == 0 else f"{i}_{name}",
            "type": f"sentence_transformers.models.{name}",
        }
        for i, name in enumerate(names)
    ]
    pooling = {"word_embedding_dimension": width}
    for name in ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens"):
        pooling[f"pooling_mode_{name}"] = name.startswith(wanted["pooling"] + "_to")
    (folder / "1_Pooling").mkdir(exist_ok=True)
    write_json(folder / "modules.json", modules)
    write_json(folder / "1_Pooling" / "config.json", pooling)
    write_json(
        folder / "sentence_bert_config.json", {"max_seq_length": wanted["max_seq_length"], "do_lower_case": False}
    )
    write_json(
        folder / "config_sentence_transformers.json",
        {
            "prompts": wanted["prompts"],
            "default_prompt_name": wanted.get("default_prompt_name"),
            "similarity_fn_name": "cosine",
        },
    )


def embeddings_of(fixture: Fixture, model, tokenizer) -> list[dict]:
    """The folder's own embeddings, by the formulas of sentence-transformers, in float64."""
    wanted = fixture.sentence
    default = wanted.get("default_prompt_name")
    prompts = {None: wanted["prompts"].get(default, ""), **wanted["prompts"], "": ""}
    double = copy.deepcopy(model).double()
    rows = []
    for name, prompt in prompts.items():
        for text in ("a good film", LONG):
            tokens = tokenizer(prompt + text, truncation=True, max_length=wanted["max_seq_length"], return_tensors="pt")
            with torch.no_grad():
                hidden = double(**tokens).last_hidden_state[0]
            vector = hidden.mean(dim=0) if wanted["pooling"] == "mean" else hidden[0]
            if wanted["normalize"]:
                vector = vector / vector.norm()
            row = {"prompt_name": name, "prompt": prompt, "text": text, "ids": tokens["input_ids"][0].tolist()}
            rows.append({**row, "embedding64": rounded(vector)})
    return rows


def write_fixture(fixture: Fixture, out: Path, seed: int) -> None:
    folder = out / fixture.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    kind = KIND_OF_FAMILY[fixture.family]
    with tempfile.TemporaryDirectory() as made:
        older = Path(made)
        write_older(kind, CORPUS, VOCABULARY, older, max_length=fixture.length, whole=False)
        if fixture.files == "older":
            shutil.copytree(older, folder, dirs_exist_ok=True)
        else:
            write_current(older, folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    generator = torch.Generator().manual_seed(seed ^ zlib.crc32(fixture.name.encode()))
    config = config_of(fixture, tokenizer)
    model = HEADS[fixture.head].from_config(config, attn_implementation="eager").eval()
    randomize(model, generator)
    silence_pruned(fixture, model)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    expected = expected_of(fixture, model, tokenizer)
    add_tasks(fixture, model, tokenizer, expected)
    if fixture.family == "mpnet" and fixture.length > LENGTH:
        expected["relative_buckets"] = buckets(model, fixture.length)
    if fixture.activations:
        expected["hidden_act"] = {
            activation: with_activation(model, activation, tokenizer, texts_of(fixture))
            for activation in fixture.activations
        }
    if fixture.pruned:
        write_pruned(fixture, folder, config)
    if fixture.sentence:
        write_sentence_files(fixture, folder, config.hidden_size)
        expected["embeddings"] = embeddings_of(fixture, model, tokenizer)
    write_json(folder / "expected.json", expected)


def buckets(model, length: int) -> list[int]:
    """The bucket of key - query = 1 - length ... length - 1; made in float32, where a logarithm may round across a border."""
    distances = torch.arange(1 - length, length)
    return model.mpnet.encoder.relative_position_bucket(distances, num_buckets=32).tolist()


def write_refused(name: str, out: Path, seed: int) -> None:
    family, changes, names = REFUSED[name]
    folder = out / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    sizes = {"hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 1, "intermediate_size": 12}
    sizes |= {"vocab_size": VOCABULARY, "max_position_embeddings": LENGTH, "pad_token_id": 0}
    sizes |= {"bos_token_id": 2, "eos_token_id": 3}
    config = AutoConfig.for_model(family, **sizes, **changes)
    model = AutoModelForSequenceClassification.from_config(config, attn_implementation="eager").eval()
    randomize(model, torch.Generator().manual_seed(seed ^ zlib.crc32(name.encode())))
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    # transformers 5 leaves out what it does not know; transformers 4 wrote these
    update_json(folder / "config.json", changes)
    weights = folder / "model.safetensors"
    if name not in REFUSED_WITH_WEIGHTS:
        weights.unlink()
    elif name == "bert-relative-key":
        tensors = safetensors.torch.load_file(weights)
        generator = torch.Generator().manual_seed(seed)
        tensors["bert.encoder.layer.0.attention.self.distance_embedding.weight"] = torch.randn(
            2 * LENGTH - 1, 4, generator=generator
        )
        safetensors.torch.save_file(tensors, weights, metadata={"format": "pt"})
    write_json(folder / "expected.json", {"refused": names})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=16)
    parser.add_argument("--only", nargs="*", default=None, help="names of fixtures")
    options = parser.parse_args()
    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    made = fixtures()
    assert len({fixture.name for fixture in made}) == len(made)
    known = {fixture.name for fixture in made} | REFUSED.keys()
    if options.only is not None and (unknown := set(options.only) - known):
        parser.error(f"--only {' '.join(sorted(unknown))}: expected names among {', '.join(sorted(known))}")
    for fixture in made:
        if options.only is None or fixture.name in options.only:
            write_fixture(fixture, options.out / "models", options.seed)
    for name in REFUSED:
        if options.only is None or name in options.only:
            write_refused(name, options.out / "refused", options.seed)


if __name__ == "__main__":
    main()

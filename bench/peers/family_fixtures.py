"""Which tiny models family_oracle.py makes, and the texts that it gives them."""

from dataclasses import dataclass, field

# Words of thirteen letters, so that a vocabulary of 48 spells them all.
CORPUS = [
    "a good film is not so bad at last",
    "no, it is a bad film. so sad!",
    "is it a fine model? is it not so good?",
    "good moods, old songs, fat lions, tiled floors.",
    "it is as good as gold, no doubt about it",
    "bold tales, no end of fog, a lost boat",
]
VOCABULARY = 48
# most tokens of a text; RoBERTa's kin count positions from 2
LENGTH = 24
LONG = "a good film is not so bad at last, no, it is a bad film. so sad! is it a fine model? old songs, fat lions."

KIND_OF_FAMILY = {
    "bert": "wordpiece-uncased",
    "distilbert": "wordpiece-distilbert",
    "electra": "wordpiece-electra",
    "mpnet": "wordpiece-mpnet",
    "roberta": "byte-bpe-roberta",
    "camembert": "unigram-camembert",
    "xlm-roberta": "unigram-xlm-roberta",
    "albert": "unigram-albert",
}
# positions from padding_idx + 1 = 2
OFFSET_FAMILIES = ("mpnet", "roberta", "camembert", "xlm-roberta")
NLI = ["contradiction", "neutral", "entailment"]
STARS = ["bad", "middling", "good"]
TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]


@dataclass(frozen=True)
class Fixture:
    name: str
    family: str
    head: str
    labels: list[str] = field(default_factory=list)
    problem_type: str | None = None
    # small: 1 layer of width 8, 2 heads; medium: 2 layers of width 12, 3 heads; large: 2 layers of width 16, 2 heads
    size: str = "small"
    config: dict = field(default_factory=dict)
    # tokenizer files: "current" = tokenizer.json, "older" = vocab.txt and its like alone
    files: str = "current"
    length: int = LENGTH
    zero_shot: bool = False
    # values of hidden_act for which the same weights are run as well
    activations: tuple[str, ...] = ()
    # sentence-transformers: what is to be written beside the model
    sentence: dict = field(default_factory=dict)
    pruned: dict[int, list[int]] = field(default_factory=dict)


def fixtures() -> list[Fixture]:
    sizes = {
        "electra": {"embedding_size": 6},
        "albert": {"embedding_size": 6, "num_hidden_groups": 1, "inner_group_num": 1},
    }
    size_of = {"bert": "large", "albert": "large", "camembert": "small", "xlm-roberta": "small"}
    labels_of = {"roberta": NLI, "camembert": ["politics", "sport", "art", "trade"]}
    made: list[Fixture] = []
    for family in KIND_OF_FAMILY:
        config = sizes.get(family, {})
        made += [
            Fixture(
                f"{family}-classification", family, "classification", labels_of.get(family, STARS),
                "multi_label_classification" if family == "camembert" else None,
                size=size_of.get(family, "medium"), config=config, zero_shot=family == "roberta",
                # MPNet's relative positions meet its largest bucket from a distance of 128 on
                length=132 if family == "mpnet" else LENGTH,
            ),
        ]  # fmt: skip
        # CamemBERT and XLM-R have RoBERTa's tensors under RoBERTa's names
        if family != "camembert":
            # ELECTRA whose embedding size is the hidden size has no projection
            same = {"embedding_size": 8} if family == "electra" else config
            made.append(Fixture(f"{family}-token", family, "token", TAGS, files="older", config=same))
        if family not in ("bert", "mpnet", "camembert", "xlm-roberta"):
            made.append(Fixture(f"{family}-encoder", family, "encoder", config=config))
    made += [
        # the encoders of BERT and MPNet, as sentence-transformers saves them
        Fixture(
            "minilm-sentence", "bert", "encoder", config={"num_hidden_layers": 2},
            sentence={"pooling": "mean", "normalize": True, "max_seq_length": 16, "prompts": {}},
        ),
        Fixture(
            "mpnet-sentence", "mpnet", "encoder",
            sentence={
                "pooling": "cls", "normalize": False, "max_seq_length": 20,
                "prompts": {"query": "a good ", "document": "so "}, "default_prompt_name": "query",
            },
        ),
        Fixture(
            "bert-binary", "bert", "classification", ["negative", "positive"], "single_label_classification",
            activations=("relu", "gelu_new", "gelu_pytorch_tanh", "silu", "gelu_python"),
        ),
        Fixture("distilbert-regression", "distilbert", "classification", ["score"], "regression"),
        # rerankers have one label and no problem_type: their score is the sigmoid of it
        Fixture("xlm-roberta-reranker", "xlm-roberta", "classification", ["LABEL_0"]),
        Fixture(
            "bert-pruned", "bert", "classification", STARS, config={"num_hidden_layers": 2}, pruned={0: [1]},
        ),
        Fixture(
            "albert-groups", "albert", "classification", STARS,
            config={"embedding_size": 6, "num_hidden_groups": 2, "num_hidden_layers": 4, "inner_group_num": 1},
        ),
    ]  # fmt: skip
    return made


def texts_of(fixture: Fixture) -> list[dict]:
    texts = [
        {"text": "a good film"},
        {"text": "not so bad, is it? no!"},
        {"text": "it is gold", "text_pair": "so it is not bad."},
        {"text": ""},
        {"text": LONG},
        {"text": LONG, "text_pair": "is it so? " + LONG},
    ]
    whole = fixture.size != "small"
    if whole and fixture.family != "roberta":  # whose tiny vocabulary has no bytes for these
        texts += [{"text": "A Good Film"}, {"text": "a \u6f22 film, \u6f22\u5b57"}]
    if whole and fixture.family in OFFSET_FAMILIES:
        # a padding token inside a text has attention, and the position that padding has
        texts.append({"text": "a <pad> good film"})
    if fixture.length > LENGTH:
        texts.append({"text": " ".join([LONG] * 4)})
    if not whole:
        texts = texts[: 4 if fixture.head == "token" else 5]
    return texts


# name -> (config.json beside the family's small sizes, what the refusal must name)
REFUSED: dict[str, tuple[str, dict, str]] = {
    "deberta": ("deberta", {}, "model_type deberta"),
    "deberta-v2": ("deberta-v2", {}, "model_type deberta-v2"),
    "modernbert": ("modernbert", {}, "model_type modernbert"),
    "gpt2": ("gpt2", {}, "model_type gpt2"),
    "t5": ("t5", {}, "model_type t5"),
    "roberta-prelayernorm": ("roberta-prelayernorm", {}, "model_type roberta-prelayernorm"),
    "bert-is-decoder": ("bert", {"is_decoder": True}, "is_decoder"),
    "roberta-is-decoder": ("roberta", {"is_decoder": True}, "is_decoder"),
    "bert-relative-key": ("bert", {"position_embedding_type": "relative_key"}, "position_embedding_type relative_key"),
    "electra-relative-key-query": (
        "electra",
        {"position_embedding_type": "relative_key_query"},
        "position_embedding_type relative_key_query",
    ),
    "albert-inner-group": ("albert", {"embedding_size": 6, "inner_group_num": 2}, "inner_group_num 2"),
}
REFUSED_WITH_WEIGHTS = ("bert-relative-key",)

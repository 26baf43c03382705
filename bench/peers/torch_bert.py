"""PyTorch as a contender of `bench models`: the requests of bench/lib/host.ts, a line of JSON each, on stdin and stdout.

BertForSequenceClassification of transformers, attention by scaled_dot_product_attention, inference_mode, no attention mask.
A variant with int8 layers is quantize_dynamic (qint8, nn.Linear) of the same weights in f32; every other one runs in f32.
As torch-cuda it runs on the CUDA device, f32 alone, TF32 off as PyTorch has it by default.
Needs: pip install torch==2.13.0 transformers
"""

import json
import os
import sys
import time

# Replies alone go to stdout, whatever a library prints.
replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import torch
from torch import nn
from transformers import BertForSequenceClassification


class Torch:
    def __init__(self) -> None:
        self.model: nn.Module = nn.Module()
        self.ids = torch.zeros(1, 1, dtype=torch.long)
        self.logits = torch.zeros(0)
        self.notes: list[str] = []
        self.device = "cpu"

    def prepare(self, task: dict) -> None:
        if task["densePath"] is None:
            raise ValueError(f"torch: no dense weights were exported for '{task['variant']}'")
        self.device = "cuda" if task["device"] == "gpu" else "cpu"
        if self.device == "cuda":
            if not torch.cuda.is_available():
                raise ValueError(f"torch: {torch.__version__} finds no CUDA device here")
            if task["int8"]:
                raise ValueError("torch: quantize_dynamic has no kernels for CUDA")
        torch.set_num_threads(task["threads"])
        torch.set_num_interop_threads(1)
        model, loading = BertForSequenceClassification.from_pretrained(
            task["densePath"], attn_implementation="sdpa", output_loading_info=True
        )
        if loading["missing_keys"] or loading["unexpected_keys"]:
            raise ValueError(f"torch: the weights do not fit BertForSequenceClassification: {loading}")
        self.model = model.eval().to(self.device)
        form = "fp32"
        if task["int8"]:
            self.model = torch.ao.quantization.quantize_dynamic(self.model, {nn.Linear}, dtype=torch.qint8)
            form = f"quantize_dynamic (qint8, nn.Linear, engine {torch.backends.quantized.engine})"
        self.notes = [f"{form} for '{task['variant']}', eager, inference_mode, {self.machine()}"]

    def machine(self) -> str:
        if self.device == "cuda":
            return f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}, TF32 off"
        return torch.backends.cpu.get_cpu_capability()

    def feed(self, given: dict) -> None:
        self.ids = torch.tensor(given["ids"], dtype=torch.long).reshape(given["batch"], given["tokens"])
        self.ids = self.ids.to(self.device)

    def run(self) -> float:
        """Milliseconds of one forward pass."""
        begin = time.perf_counter()
        with torch.inference_mode():
            # to the host: logits that are only promised are not there yet
            self.logits = self.model(input_ids=self.ids).logits.cpu()
        return (time.perf_counter() - begin) * 1000

    def gpu_ms(self) -> float | None:
        """GPU time of one more forward pass between two events."""
        if self.device != "cuda":
            return None
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        with torch.inference_mode():
            self.model(input_ids=self.ids)
        end.record()
        end.synchronize()
        return start.elapsed_time(end)

    def burst(self, request: dict) -> dict:
        samples: list[float] = []
        begin, cpu = time.perf_counter(), time.process_time()
        while len(samples) < request["minRuns"] or (time.perf_counter() - begin) * 1000 < request["minMs"]:
            samples.append(self.run())
        share = (time.process_time() - cpu) / (time.perf_counter() - begin)
        # The parent puts its own calibration in.
        return {"round": request["round"], "calibrationMs": 0, "cpuShare": share, "samplesMs": samples}

    def answer(self, request: dict) -> dict:
        verb = request["verb"]
        if verb == "prepare":
            begin = time.perf_counter()
            self.prepare(request["task"])
            return {"prepareMs": (time.perf_counter() - begin) * 1000}
        if verb == "first":
            self.feed(request["input"])
            first = self.run()
            description = {
                "engine": "torch",
                "engineVersion": torch.__version__,
                "device": "gpu" if self.device == "cuda" else "cpu",
                "threads": 1 if self.device == "cuda" else torch.get_num_threads(),
                "notes": self.notes,
            }
            return {"firstMs": first, "output": self.logits.flatten().tolist(), "description": description}
        if verb == "output":
            self.feed(request["input"])
            self.run()
            return {"output": self.logits.flatten().tolist()}
        if verb == "burst":
            return {"burst": self.burst(request), "gpuMs": self.gpu_ms()}
        if verb == "dispose":
            return {}
        raise ValueError(f"torch: no verb '{verb}'")


def main() -> None:
    contender = Torch()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = {"verb": request["verb"], **contender.answer(request)}
        except Exception as error:  # whatever it is, the parent tells it
            reply = {"verb": "error", "message": f"{type(error).__name__}: {error}"}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()
        if request["verb"] == "dispose":
            return


main()

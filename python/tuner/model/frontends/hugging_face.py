# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Folders as the Hugging Face Hub has them: an ONNX file in it, or else what transformers loads and torch exports.

Nothing is downloaded, and no code of the folder is run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tuner.errors import InputError
from tuner.foreign import reason_of, shown
from tuner.model.frontends import check_installed
from tuner.model.frontends.apart import import_apart
from tuner.model.frontends.onnx import import_onnx
from tuner.model.frontends.torch import import_exported
from tuner.model.shapes import OpenInput, Shapes, bound_sizes

_CONFIG = "config.json"
# Where exporters of ONNX put a whole model.
_ONNX = ("model.onnx", "onnx/model.onnx")
_YOURSELF = "export it yourself by torch.export.export, and give the .pt2 file"


class HuggingFaceFrontEnd:
    """Takes a folder's ONNX file, or loads its weights by transformers."""

    priority = 0

    def reads(self, path: Path) -> bool:
        """By the files in the folder."""
        return path.is_dir() and any((path / name).is_file() for name in (_CONFIG, *_ONNX))

    def import_file(self, path: Path, shapes: Shapes, output: Path) -> None:
        """As `FrontEnd` says."""
        onnx = next((path / name for name in _ONNX if (path / name).is_file()), None)
        if onnx is not None:
            import_onnx(onnx, shapes, output)
            return
        check_installed(f"{path} without model.onnx", ("torch", "transformers"), "transformers")
        import_apart(__name__, path, shapes, output)


def convert(path: Path, shapes: Shapes, output: Path) -> None:
    """Writes the model of a folder as MLIR to `output`. Raises InputError, or what torch raises."""
    import torch

    model = _loaded(path)
    taken = _input(model, path)
    (sizes,) = bound_sizes([taken], shapes, path)
    kind = torch.int64 if taken.element_type == "i64" else model.dtype
    given = {taken.name: torch.zeros(sizes, dtype=kind), "return_dict": False}
    if hasattr(model.config, "use_cache"):
        given["use_cache"] = False
    with torch.no_grad():
        program = torch.export.export(model, (), given)
    import_exported(program, Shapes(), output, str(path))


def _loaded(path: Path) -> Any:
    """The model of a folder, of the class that the folder's configuration names."""
    import transformers

    try:
        config = transformers.AutoConfig.from_pretrained(path, local_files_only=True)
        named = (config.architectures or ["AutoModel"])[0]
        kind = getattr(transformers, named, None)
        if kind is None:
            raise InputError(f"transformers {transformers.__version__} has no {shown(named)}, which {path} holds")
        return kind.from_pretrained(path, local_files_only=True).eval()
    except (OSError, RuntimeError, TypeError, ValueError, KeyError) as error:
        raise InputError(f"transformers cannot load {path} ({reason_of(error)})") from error


def _input(model: Any, path: Path) -> OpenInput:
    """What a model is called with: its main input alone. Raises InputError if that is no tokens and no image."""
    name, config = model.main_input_name, model.config
    if not getattr(config, "is_encoder_decoder", False):
        if name == "input_ids":
            return OpenInput(name, ("batch", "tokens"), "i64")
        if name == "pixel_values" and hasattr(config, "num_channels"):
            side = getattr(config, "image_size", None)
            height, width = side if isinstance(side, list | tuple) else (side or "height", side or "width")
            return OpenInput(name, ("batch", config.num_channels, height, width))
    raise InputError(f"{path} holds a {type(model).__name__}, which takes more than tokens or an image; {_YOURSELF}")


FRONT_END = HuggingFaceFrontEnd()

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Folders that transformers saved: tokens and images are imported, other models are refused with a reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tuner.errors import InputError
from tuner.model.model import Model, import_model
from tuner.model.shapes import Shapes
from tuner.targets.cpu import CpuTarget

_REASON = "it is not installed: pip install 'iree-tuner[transformers]'"
torch = pytest.importorskip("torch", reason=_REASON)
transformers = pytest.importorskip("transformers", reason=_REASON)

pytestmark = [pytest.mark.compiler, pytest.mark.filterwarnings("ignore:::(?!tuner)")]

_SMALL = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
_TEXT = {**_SMALL, "vocab_size": 50, "max_position_embeddings": 32}


def classifier() -> Any:
    return transformers.BertForSequenceClassification(transformers.BertConfig(**_TEXT))


def decoder() -> Any:
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**_TEXT))


def of_images() -> Any:
    return transformers.ViTForImageClassification(transformers.ViTConfig(**_SMALL, image_size=16, patch_size=4))


def saved(folder: Path, model: Any) -> Path:
    model.save_pretrained(folder / "model")
    return folder / "model"


@pytest.mark.parametrize(
    ("make", "dims", "data"),
    [
        (classifier, ["batch=1", "tokens=9"], np.arange(9)[None]),
        (decoder, ["batch=1", "tokens=9"], np.arange(9)[None]),
        (of_images, ["batch=2"], np.linspace(-1, 1, 2 * 3 * 256, dtype=np.float32).reshape(2, 3, 16, 16)),
    ],
)
def test_a_folder_computes_what_transformers_does(make: Any, dims: list[str], data: Any, tmp_path: Path) -> None:
    import iree.runtime as runtime

    torch.manual_seed(0)
    model = make().eval()
    imported = import_model(saved(tmp_path, model), Shapes.parse(dims, []), tmp_path)
    binary = tmp_path / "model.vmfb"
    Model(imported, imported, CpuTarget().compile_flags).compile_or_reject(binary)
    found = runtime.load_vm_flatbuffer_file(str(binary), driver="local-sync").main(data).to_host()
    with torch.no_grad():
        expected = model(torch.from_numpy(data)).logits.numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


def test_open_sizes_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"leaves sizes open: input_ids \[batch, tokens\]; bind them by --dim"):
        import_model(saved(tmp_path, classifier()), Shapes(), tmp_path)


def test_a_model_of_more_inputs_is_told(tmp_path: Path) -> None:
    small = {"d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_heads": 2, "vocab_size": 20}
    path = saved(tmp_path, transformers.T5ForConditionalGeneration(transformers.T5Config(**small)))
    message = r"holds a T5ForConditionalGeneration, which takes more than tokens or an image; export it yourself"
    with pytest.raises(InputError, match=message):
        import_model(path, Shapes.parse(["batch=1"], []), tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architectures": ["NoSuchModel"]}, "has no NoSuchModel, which"),
        ({"model_type": "no-such-type"}, r"transformers cannot load .*no-such-type"),
    ],
)
def test_a_folder_that_transformers_does_not_know_is_told(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    config = saved(tmp_path, classifier()) / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), **changes}))
    with pytest.raises(InputError, match=message):
        import_model(config.parent, Shapes.parse(["batch=1", "tokens=9"], []), tmp_path)

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs of `torch.export`, from the object and from its file: what is imported, computed, tuned and refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tuner
from tuner.errors import InputError
from tuner.model.frontends import write_program
from tuner.model.model import Model, import_model
from tuner.model.shapes import Shapes
from tuner.targets.cpu import CpuTarget

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'iree-tuner[torch]'")

pytestmark = [pytest.mark.compiler, pytest.mark.filterwarnings("ignore:::(?!tuner)")]


def network() -> Any:
    """A convolution, a normalization over the batch, and a product."""
    torch.manual_seed(0)
    layers = [torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.ReLU(), torch.nn.Flatten()]
    return torch.nn.Sequential(*layers, torch.nn.Linear(8 * 14 * 14, 10)).eval()


def attention() -> Any:
    torch.manual_seed(0)
    return torch.nn.TransformerEncoderLayer(32, 4, 64, batch_first=True).eval()


def saved(path: Path, program: Any) -> Path:
    torch.export.save(program, path)
    return path


def outputs(path: Path, folder: Path, *inputs: Any) -> Any:
    """What IREE computes from a model that was imported."""
    import iree.runtime as runtime

    binary = folder / "model.vmfb"
    Model(path, path, CpuTarget().compile_flags).compile_or_reject(binary)
    module = runtime.load_vm_flatbuffer_file(str(binary), driver="local-sync")
    return module.main(*(each.numpy() for each in inputs)).to_host()


@pytest.mark.parametrize(("make", "shape"), [(network, (1, 3, 16, 16)), (attention, (1, 12, 32))])
def test_a_file_computes_what_torch_does(make: Any, shape: tuple[int, ...], tmp_path: Path) -> None:
    data, module = torch.randn(shape), make()
    path = saved(tmp_path / "model.pt2", torch.export.export(module, (data,)))
    found = outputs(import_model(path, Shapes(), tmp_path), tmp_path, data)
    np.testing.assert_allclose(found, module(data).detach().numpy(), rtol=1e-4, atol=1e-5)


def test_equal_programs_are_one_file(tmp_path: Path) -> None:
    data = torch.randn(1, 3, 16, 16)
    first, second = (write_program(torch.export.export(network(), (data,)), Shapes(), tmp_path) for _ in range(2))
    assert first == second
    assert list(tmp_path.iterdir()) == [first]


class Sum(torch.nn.Module):  # type: ignore[misc,name-defined]  # the type of torch's modules is not known
    """Takes two tensors of one open size, and a number."""

    def forward(self, x: Any, y: Any, times: int) -> Any:
        return torch.relu(x) + y * times


def open_program() -> Any:
    batch = torch.export.Dim("batch")
    sizes = {"x": {0: batch}, "y": {0: batch}, "times": None}
    return torch.export.export(Sum(), (torch.randn(4, 6), torch.randn(4, 6), 3), dynamic_shapes=sizes)


def test_open_sizes_are_bound(tmp_path: Path) -> None:
    path = saved(tmp_path / "model.pt2", open_program())
    x, y = torch.randn(2, 6), torch.randn(2, 6)
    imported = import_model(path, Shapes.parse([], ["2x6xf32", "2x6xf32"]), tmp_path)
    np.testing.assert_allclose(outputs(imported, tmp_path, x, y), (torch.relu(x) + 3 * y).numpy(), rtol=1e-6)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([], r"leaves sizes open: x \[s\d+, 6\]; y \[s\d+, 6\]; bind them by --dim NAME=SIZE or --input SHAPE"),
        (["2x6xf32", "3x6xf32"], r"dimension 0 \(s\d+\) of input 'y' of .* is 2, not 3 as in 3x6xf32"),
        (["2x6xf16", "2x6xf16"], "holds f32, not f16"),
    ],
)
def test_sizes_that_do_not_fit_are_told(inputs: list[str], message: str, tmp_path: Path) -> None:
    path = saved(tmp_path / "model.pt2", open_program())
    with pytest.raises(InputError, match=message):
        import_model(path, Shapes.parse([], inputs), tmp_path)


def test_a_module_in_training_is_told(tmp_path: Path) -> None:
    program = torch.export.export(torch.nn.BatchNorm2d(3), (torch.randn(2, 3, 4, 4),))
    with pytest.raises(InputError, match=r"this program of torch changes running_mean while it runs.*module\.eval"):
        write_program(program, Shapes(), tmp_path)


def test_a_module_that_is_not_exported_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"says nothing of its inputs; give torch\.export\.export"):
        tuner.tune(network(), run_dir=tmp_path)


@pytest.mark.parametrize("content", [b"PK no archive", None], ids=["junk", "weights"])
def test_a_file_without_a_program_is_told(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    if content is None:
        torch.save(network().state_dict(), path)
    else:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"model\.pt is no program that torch\.export\.save wrote .* write one by"):
        import_model(path, Shapes(), tmp_path)


@pytest.mark.runs
def test_a_program_is_tuned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    program = torch.export.export(network(), (torch.randn(1, 3, 16, 16),))
    result = tuner.tune(program, keep_flags=True, trials=2, run_dir=tmp_path / "run")
    assert [each.dispatch.name for each in result.dispatches]
    (made,) = (tmp_path / ".iree-tuner" / "programs").iterdir()
    assert str(Path(".iree-tuner", "programs", made.name)) in result.compile_command
    again = tuner.tune(program, keep_flags=True, trials=2, run_dir=tmp_path / "run", resume=True)
    assert len(again.dispatches) == len(result.dispatches)

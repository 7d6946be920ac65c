# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Which front end reads what, what is said without its framework, and a front end of another package."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import samples
import tuner
from blocked import BLOCK
from foreign_spec import FOREIGN
from tuner import plugins
from tuner.errors import InputError
from tuner.model.frontends import GROUP, ProgramFrontEnd, front_end_of, write_program
from tuner.model.frontends.apart import import_apart
from tuner.model.model import Model, import_model, made_of
from tuner.model.shapes import Shapes
from tuner.options import Options
from tuner.runs.record import asked_of

# A front end of another package: files that name a product's size.
_TOY = f"""
from tuner.model.shapes import Shapes

class Toy:
    priority = 0
    def reads(self, path):
        return path.suffix == ".toy"
    def import_file(self, path, shapes, output):
        output.write_text({samples.matmul(24, 16, 8)!r})

FRONT_END = Toy()
"""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("model.onnx", "onnx"),
        ("MODEL.ONNX", "onnx"),
        ("model.pt2", "torch"),
        ("weights.pth", "torch"),
        ("model.jaxexport", "jax"),
        ("list.txt", "problems"),
        ("model.mlir", None),
        ("model.mlirbc", None),
        ("model", None),
    ],
)
def test_the_ending_says_who_reads_a_model(name: str, expected: str | None) -> None:
    found = front_end_of(Path(name))
    assert found is (None if expected is None else plugins.load(GROUP, expected))


@pytest.mark.parametrize("name", ["config.json", "model.onnx", "onnx/model.onnx"])
def test_a_folder_of_hugging_face_is_known_by_its_files(name: str, tmp_path: Path) -> None:
    assert front_end_of(tmp_path) is None
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("{}")
    assert front_end_of(tmp_path) is plugins.load(GROUP, "hugging-face")
    assert Model.open(tmp_path, ()).source == tmp_path


def test_another_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is a folder without model\.onnx and config\.json; name a model file"):
        Model.open(tmp_path, ())


def test_a_folder_has_a_name_even_as_the_current_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bert").mkdir()
    monkeypatch.chdir(tmp_path / "bert")
    assert made_of(Path()) == ("bert.declared.mlirbc", "bert.imported.mlir")


def test_a_run_knows_a_folder_by_the_files_in_it(tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    before = asked_of(model, Options())
    assert asked_of(model, Options()) == before
    (model / "model.safetensors").write_bytes(b"weights")
    assert asked_of(model, Options()) != before


def test_no_front_end_takes_just_any_object() -> None:
    every = [plugins.load(GROUP, name) for name in plugins.names(GROUP)]
    assert sum(isinstance(each, ProgramFrontEnd) for each in every) == 2
    message = (
        r"takes the path of a model or a program \(jax\.export\.Exported, .*torch\.export\.ExportedProgram\), not 7"
    )
    with pytest.raises(InputError, match=message):
        tuner.tune(7)


def test_an_object_that_no_front_end_takes_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        write_program(object(), Shapes(), tmp_path / "programs")
    assert list(tmp_path.iterdir()) == []


def without(packages: list[str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command on a machine that lacks some packages."""
    # `find_spec` of a missing package finds nothing; it raises nothing.
    block = BLOCK.format(blocked=packages) + "import importlib.util as util\nfind = util.find_spec\n"
    block += f"util.find_spec = lambda name, *rest: None if name in {packages!r} else find(name, *rest)\n"
    block += f"sys.argv = {['iree-tune', *map(str, arguments)]!r}\nfrom tuner.__main__ import main\nsys.exit(main())\n"
    return subprocess.run([sys.executable, "-c", block], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("command", "name", "package", "extra"),
    [
        *((command, "model.pt2", "torch", "torch") for command in ("list", "space", "run", "compile", "check")),
        ("list", "model.jaxexport", "jax", "jax"),
        ("list", "model.onnx", "onnx", "onnx"),
        ("list", "folder", "transformers", "transformers"),
    ],
)
def test_a_missing_framework_is_one_sentence(command: str, name: str, package: str, extra: str, tmp_path: Path) -> None:
    model, spec = tmp_path / name, tmp_path / "spec.mlir"
    if name == "folder":
        model.mkdir()
        (model / "config.json").write_text("{}")
    else:
        model.write_bytes(b"a model")
    spec.write_text(FOREIGN)
    more: dict[str, list[str | Path]] = {
        "run": ["--run-dir", tmp_path / "run"],
        "compile": [spec, "-o", tmp_path / "model.vmfb"],
        "check": [spec],
    }
    # What transformers needs itself is missing too on a machine that has none of it.
    done = without([package, "torch"], command, model, *more.get(command, []))
    assert done.returncode == 2, done.stderr
    *_, last = done.stderr.splitlines()
    assert last.startswith(f"iree-tune: reading {model}")
    first = "torch" if name == "folder" else package
    assert last.endswith(f"needs the package {first}; install it by: pip install 'iree-tuner[{extra}]'")
    assert "Traceback" not in done.stderr


def test_an_import_that_does_not_end_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"did not end within 0 s; export the model yourself"):
        import_apart("tuner.model.frontends.torch", tmp_path / "m.pt2", Shapes(), tmp_path / "m.mlir", timeout_s=0.01)


def test_a_module_that_fails_is_told_by_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"m\.pt2 cannot be imported \(AttributeError: .*convert.*\); export the model"
    ):
        import_apart("tuner.model.shapes", tmp_path / "m.pt2", Shapes(), tmp_path / "m.mlir")


@pytest.mark.compiler
def test_a_list_of_problems_takes_no_sizes(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("matmul 8x8x8 f32\n")
    assert "linalg.matmul" in import_model(path, Shapes(), tmp_path).read_text()
    with pytest.raises(InputError, match="is a list of problems: write sizes there"):
        import_model(path, Shapes.parse(["m=2"], []), tmp_path)


@pytest.mark.compiler
def test_a_front_end_of_another_package_is_used(tmp_path: Path) -> None:
    site = tmp_path / "site"
    described = site / "toy_front_end-1.0.0.dist-info"
    described.mkdir(parents=True)
    (site / "toy_front_end.py").write_text(_TOY)
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-front-end\nVersion: 1.0.0\n")
    (described / "entry_points.txt").write_text(f"[{GROUP}]\ntoy = toy_front_end:FRONT_END\n")
    (tmp_path / "model.toy").write_text("toy")
    path = os.pathsep.join((str(site), os.environ.get("PYTHONPATH", "")))
    command = [sys.executable, "-m", "tuner", "space", "model.toy"]
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    assert "matmul_24x16x8_f32" in done.stdout


@pytest.mark.compiler
def test_the_onnx_file_of_a_folder_is_the_model(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    folder = tmp_path / "hub"
    (folder / "onnx").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", 8]) for name in ("x", "y")]
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", ends[:1], ends[1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
    onnx.save(model, str(folder / "onnx" / "model.onnx"))
    with pytest.raises(InputError, match=r"leaves sizes open: x \[batch, 8\]"):
        import_model(folder, Shapes(), tmp_path)
    imported = import_model(folder, Shapes.parse(["batch=3"], []), tmp_path)
    assert imported == tmp_path / "hub.declared.mlirbc"

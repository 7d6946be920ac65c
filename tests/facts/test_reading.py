# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Facts are read from what iree-compile writes; what is something else has none, and nothing fails."""

from __future__ import annotations

import random
import subprocess
import zipfile
from pathlib import Path

import pytest

import samples
from tuner.facts import BinaryFacts, check_facts, read_facts
from tuner.facts.ptxas import find_ptxas
from tuner.toolchain.tools import tool_path

# Operands of f16, sums of f32, for matrix instructions.
PRODUCT = samples.matmul(256, 128, 512).replace("256x512xf32", "256x512xf16").replace("512x128xf32", "512x128xf16")
FLAGS = {
    "cuda": ("--iree-hal-target-device=cuda", "--iree-cuda-target=sm_80"),
    "rocm": ("--iree-hal-target-device=hip", "--iree-rocm-target=gfx942"),
    "cpu": ("--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu"),
}


@pytest.fixture(scope="module", name="binaries")
def compile_all(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("binaries")
    source = folder / "model.mlir"
    source.write_text(PRODUCT)
    found = {}
    for name, flags in FLAGS.items():
        found[name] = folder / f"{name}.vmfb"
        command = [str(tool_path("iree-compile")), str(source), *flags, "-o", str(found[name])]
        subprocess.run(command, check=True, capture_output=True)
    return found


@pytest.mark.compiler
def test_code_for_nvidia_says_what_it_is(binaries: dict[str, Path]) -> None:
    facts = read_facts(binaries["cuda"])
    assert facts is not None
    assert facts.chip == "sm_80"
    assert facts.workgroup_size[0] % 32 == 0
    assert facts.shared_memory_bytes is not None
    assert facts.shared_memory_bytes > 1000
    assert facts.instructions["mma"] >= facts.loop["mma"] > 0
    assert facts.loop["ld.shared"] > 0


@pytest.mark.compiler
@pytest.mark.skipif(find_ptxas() is None, reason="needs ptxas")
def test_code_for_nvidia_is_assembled_for_a_later_chip(binaries: dict[str, Path]) -> None:
    facts = read_facts(binaries["cuda"], "sm_90")
    assert facts is not None
    assert (facts.chip, facts.note, facts.spilled_bytes) == ("sm_90", "", 0)
    assert facts.registers is not None
    assert 16 <= facts.registers <= 255
    assert facts.occupancy is not None


@pytest.mark.compiler
def test_code_for_amd_says_what_it_is(binaries: dict[str, Path]) -> None:
    facts = read_facts(binaries["rocm"], "gfx942")
    assert facts is not None
    assert facts.chip == "gfx942"
    assert facts.registers is not None
    assert facts.scalar_registers is not None
    assert facts.spilled_registers == 0
    assert facts.occupancy is not None
    assert 1 <= facts.occupancy <= 8
    # Without llvm-objdump, or with one that does not know the chip, there is a reason.
    assert bool(facts.note) != bool(facts.loop.get("mma"))


@pytest.mark.compiler
def test_code_for_cpus_has_no_facts(binaries: dict[str, Path]) -> None:
    assert read_facts(binaries["cpu"]) is None


@pytest.mark.compiler
@pytest.mark.parametrize("name", ["cuda", "rocm"])
def test_a_spoilt_binary_has_facts_or_none(binaries: dict[str, Path], name: str, tmp_path: Path) -> None:
    """Spoilt in the executable, and written so that the zip file itself is sound."""
    with zipfile.ZipFile(binaries[name]) as members:
        member = next(one for one in members.namelist() if one.endswith("_fb.fb"))
        content = members.read(member)
    rng = random.Random(0)
    for number in range(300):
        spoilt = bytearray(content)
        for _ in range(rng.choice((1, 8, 64))):
            spoilt[rng.randrange(min(len(spoilt), rng.choice((200, 2000, 10**6))))] = rng.randrange(256)
        if rng.random() < 0.3:
            del spoilt[rng.randrange(len(spoilt)) :]
        path = tmp_path / f"{number}.vmfb"
        with zipfile.ZipFile(path, "w") as members:
            members.writestr(member, bytes(spoilt))
        found = read_facts(path)
        assert found is None or isinstance(found, BinaryFacts)


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04" + bytes(30)])
def test_a_file_of_another_kind_has_no_facts(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "binary"
    path.write_bytes(content)
    assert read_facts(path) is None
    assert read_facts(tmp_path / "absent") is None


def test_impossible_facts_are_refused() -> None:
    check_facts(None)
    check_facts(BinaryFacts("sm_80", registers=40, workgroup_size=(1,), instructions={"mma": 0}))
    for wrong in (BinaryFacts("sm_80", registers=-1), BinaryFacts("", loop={"mma": -1}), BinaryFacts("", None, -3)):
        with pytest.raises(ValueError, match="negative number"):
            check_facts(wrong)

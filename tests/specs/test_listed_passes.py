# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Entries that list passes: a compiler that lacks one, and one of another release."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from places import DATA
from tuner.dispatch import Annotations, Feeding
from tuner.specs.passes import of_another_release
from tuner.specs.read import UnreadableSpecError, read_spec
from tuner.specs.write import late_spec
from tuner.targets.gpu_pipelines import TILE_AND_FUSE, pipeline_attribute

BUILT_IN = "#iree_gpu.pipeline<TileAndFuse>"
(RECORDED,) = read_spec(DATA / "h200_run" / "spec.late.mlir").entries
LISTED = Annotations(
    {
        name: text.replace(BUILT_IN, pipeline_attribute(TILE_AND_FUSE, Feeding(128, 3, True)))
        for name, text in RECORDED.annotations.root.items()
    }
)


@pytest.mark.parametrize("missing", ["iree-codegen-gpu-infer-memory-space", "iree-tuner-load-matrices"])
def test_a_pass_that_is_unknown_is_named_in_one_sentence(
    missing: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "spec.late.mlir"
    text = late_spec([replace(RECORDED.rewritten(), annotations=LISTED)])
    path.write_text(text.replace(f"{missing},", f"{missing}-of-old,"))
    with pytest.raises(UnreadableSpecError) as raised:
        read_spec(path)
    assert str(raised.value).endswith(f"(it lacks the pass {missing}-of-old, which an entry lists; tune again with it)")
    assert capfd.readouterr() == ("", "")


def test_a_list_of_another_release_is_reported() -> None:
    certificate = RECORDED.certificate
    made = certificate.circumstances.compiler_version
    assert of_another_release([("entry_0", LISTED, certificate)], made) == []
    assert of_another_release([("entry_0", LISTED, certificate)], f"{made}.post1") == []
    (said,) = of_another_release([("entry_0", LISTED, certificate)], "3.99.0")
    assert said.startswith(f"entry_0 lists the passes of IREE {made}, and this is 3.99.0: ")
    assert of_another_release([("entry_0", RECORDED.annotations, certificate)], "3.99.0") == []

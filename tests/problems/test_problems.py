# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Problems without a model: what lines are read as, what is refused, and the model that they become."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tuner.errors import InputError
from tuner.problems import is_list, module_of, write_list
from tuner.problems.drivers import is_driver_line, read_driver_line
from tuner.problems.notation import read_problem
from tuner.problems.ops import Attention, Convolution, Matmul

CONVOLUTION = Convolution(2, 34, 34, 1280, 640, (3, 3), "f16")


@pytest.mark.parametrize(
    ("text", "op"),
    [
        ("matmul 512x4096x1024 f16", Matmul(512, 4096, 1024, "f16")),
        ("batch_matmul 8x512x256x128 i8 transposed", Matmul(512, 256, 128, "i8", batch=8, transposed=True)),
        ("conv 2x32x32x1280->640 3x3 f16", CONVOLUTION),
        ("conv 2x32x32x1280->640 3x3 f16 stride 2", replace(CONVOLUTION, stride=(2, 2))),
        ("conv 2x32x32x1280->640 3x3 f16 pad 0 stride 2x1", replace(CONVOLUTION, height=32, width=32, stride=(2, 1))),
        (
            "conv 2x32x32x1280->640 3x3 f16 dilation 2 nchw_fchw groups 4",
            replace(CONVOLUTION, height=36, width=36, dilation=(2, 2), groups=4, layout="nchw_fchw"),
        ),
        ("attention 20x4096x1024x64 bf16 masked", Attention(20, 4096, 1024, 64, 64, "bf16", masked=True)),
        ("attention 20x4096x1024x64x128 f16", Attention(20, 4096, 1024, 64, 128, "f16")),
    ],
)
def test_words_are_read(text: str, op: object) -> None:
    assert read_problem(text) == op
    assert not is_driver_line(text)


@pytest.mark.parametrize(
    ("line", "op"),
    [
        (
            "./bin/MIOpenDriver convfp16 -n 2 -c 1280 -H 32 -W 32 -k 640 -y 3 -x 3 -p 1 -q 1 -u 1 -v 1 -l 1 -j 1"
            " -m conv -g 1 -F 1 -t 1",
            replace(CONVOLUTION, layout="nchw_fchw"),
        ),
        (
            "convbfp16 -n 2 -c 1280 --in_h 32 -W 32 -k 640 -p 1 -q 1 -I NHWC -f NHWC -O NHWC",
            replace(CONVOLUTION, element_type="bf16", layout="nhwc_fhwc"),
        ),
        (
            "conv -F 1 --bf16 -n 2 -c 1280 -H 34 -W 34 -k 640 -u 2 -v 2 -g 2 --spatial_dim 2",
            replace(CONVOLUTION, element_type="bf16", stride=(2, 2), groups=2, layout="nchw_fchw"),
        ),
        ("MIOpenDriver gemmfp16 --a_w 32 --a_h 64 --b_w 128", Matmul(64, 128, 32, "f16")),
        ("matmul -M 64 -N 128 -K 32 --a_type bf16 --b_type bf16 --out_type bf16", Matmul(64, 128, 32, "bf16")),
    ],
)
def test_command_lines_of_drivers_are_read(line: str, op: object) -> None:
    assert is_driver_line(line)
    assert read_driver_line(line) == op


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("conf 1x2x3x4->5 3x3 f16", "is no problem; it starts with one of matmul, batch_matmul, conv, attention"),
        ("matmul 512x4096 f16", "'512x4096' is not the sizes (3 sizes); write matmul MxNxK TYPE"),
        ("matmul 512x0x16 f16", "'512x0x16' is not the sizes"),
        ("matmul 512x4x16", "the type is missing"),
        ("matmul 512x4x16 float", "'float' is no type; choose one of f16, bf16"),
        ("matmul 512x4x16 f16 quickly", "'quickly' says nothing here"),
        ("conv 2x32x32x1280 3x3 f16", "the sizes say no image and output channels"),
        ("conv 2x32x32x30->64 3x3 f16 groups 4", "4 groups do not divide its channels"),
        ("conv 2x2x2x30->64 5x5 f16 pad 0", "its window is larger than its padded image"),
        ("conv 2x32x32x30->64 3x3 f16 stride", "'' is not a number behind 'stride'"),
        ("attention 20x4096x64x64 i8", "attention has no integers"),
        (
            "MIOpenDriver conv -n 1 -F 6",
            "--forw is one direction: 1 (forward), 2 (backward data) or 4 (backward weights)",
        ),
        ("MIOpenDriver conv -n 1 --spatial_dim 3", "only convolutions of two dimensions"),
        ("MIOpenDriver conv -n many", "--batchsize is a number of at least 1, not 'many'"),
        ("MIOpenDriver conv -n 1 --in_layout NHWC", "its layouts NCHW, NHWC are not one of NHWC, NCHW"),
        ("MIOpenDriver conv --tensor 4", "its option '--tensor' is not known here"),
        ("MIOpenDriver conv -n", "its option -n has no value"),
        ("matmul -M 64 -N 128 --a_type f16 --b_type f16", "-K is a number of at least 1, not ''"),
        ("matmul -M 64 -N 128 -K 8 --a_type f16", "its operands are f16 and f32, not both one of"),
        ("MIOpenDriver conv -n '1", "it cannot be read (No closing quotation)"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_that_names_the_line(text: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "problems.txt"
    path.write_text(f"# A comment\n\nmatmul 8x8x8 f32\n{text}\n")
    with pytest.raises(InputError) as error:
        module_of(path)
    message = str(error.value)
    assert message.startswith(f"{path}:4: ")
    assert why in message
    assert "\n" not in message


def test_a_list_is_known_by_its_name_and_has_each_problem_once(tmp_path: Path) -> None:
    path = write_list(["matmul 8x16x32 f32", "matmul  8x16x32   f32", "attention 2x16x16x8 f16"], tmp_path / "new")
    assert is_list(path)
    assert not is_list(tmp_path / "model.mlir")
    assert path == write_list(["matmul 8x16x32 f32", "matmul 8x16x32 f32", "attention 2x16x16x8 f16"], tmp_path / "new")
    text = module_of(path)
    assert text.count("linalg.matmul") == 1
    assert text.count("iree_linalg_ext.attention") == 1


@pytest.mark.parametrize(
    "row",
    [
        "{words}",
        "12.5\t{words}\tgfx942",
        "{cells}",
    ],
    ids=["a column of commands", "other columns beside it", "a column for each word"],
)
def test_a_table_of_commands_is_the_list_of_them(row: str, tmp_path: Path) -> None:
    words = "convfp16 -n 2 -c 64 -H 32 -W 32 -k 128 -y 3 -x 3 -p 1 -q 1 -u 1 -v 1 -l 1 -j 1 -m conv -g 1 -F 1 -t 1"
    table, commands = tmp_path / "commands.tsv", tmp_path / "commands.txt"
    table.write_text(
        "# recorded\n" + row.format(words=words, cells="\t".join(words.split())) + "\nmatmul 8x16x32 f16\n"
    )
    commands.write_text(f"{words}\nmatmul 8x16x32 f16\n")
    assert is_list(table)
    assert module_of(table) == module_of(commands)


def test_a_row_of_a_table_without_a_command_is_named(tmp_path: Path) -> None:
    path = tmp_path / "commands.tsv"
    path.write_text("time\tcommand\n")
    with pytest.raises(InputError, match=r"commands\.tsv:1: 'time command' is no problem"):
        module_of(path)


def test_an_empty_list_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "problems.txt"
    path.write_text("# nothing\n")
    with pytest.raises(InputError, match="has no problem; write one on each line"):
        module_of(path)

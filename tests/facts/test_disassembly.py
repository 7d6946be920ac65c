# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What llvm-objdump prints of AMD's code is counted, of every generation; a disassembler that fails is a reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tuner.facts import objdump
from tuner.facts.instructions import counted, main_loop
from tuner.facts.objdump import disassembled, find_objdump, parse

# Long instructions have no space before the address.
CDNA = """\

product.hsaco:\tfile format elf64-amdgpu

Disassembly of section .text:

0000000000001700 <product>:
\ts_load_dwordx2 s[2:3], s[0:1], 0x0                         // 000000001700: C0060080 00000000
\ts_branch 58                                                // 000000001708: BF82003A <product+0x100>
\tglobal_load_lds_dword v[2:3], off                          // 00000000170C: DD278000 007F0002
\tbuffer_load_dwordx4 v[0:3], v5, s[0:3], 0 offen            // 000000001714: E05C1000 80000005
\tds_read2_b64 v[96:99], v4 offset1:8                        // 00000000171C: D8EE0800 60000004
\tv_mfma_f32_16x16x16_f16 v[62:65], v[96:97], v[112:113], v[62:65]// 000000001724: D3CD003E 04FAE160
\tv_mfma_f32_16x16x16_f16 v[58:61], v[96:97], v[114:115], v[58:61]// 00000000172C: D3CD003A 04EAE560
\ts_barrier                                                  // 000000001734: BF8A0000
\ts_cbranch_scc1 65318                                       // 000000001738: BF85FF26 <product+0x1c>
\tscratch_store_dword off, v1, s32                           // 00000000173C: DC706000 00200100
\tbuffer_store_dword v62, v0, s[0:3], 0 offen                // 000000001744: E0701000 80003E00
\ts_endpgm                                                   // 00000000174C: BF810000
"""
RDNA4 = """\
0000000000001500 <product>:
\tds_load_u16_d16_hi v9, v1                                  // 000000001500: DA9C0000 09000001
\tds_store_2addr_b64 v0, v[2:3], v[4:5] offset1:1            // 000000001508: D9380100 00040200
\tv_wmma_f32_16x16x16_f16 v[0:7], v[8:11], v[12:15], v[0:7]  // 000000001510: CC404000 1C021908
\ts_barrier_signal -1                                        // 000000001518: BE804EC1
\ts_barrier_wait 0xffff                                      // 00000000151C: BF94FFFF
\ts_cbranch_scc1 65530                                       // 000000001520: BFA2FFFA <product>
"""


@pytest.fixture(autouse=True)
def forget_tools() -> Iterator[None]:
    find_objdump.cache_clear()
    yield
    find_objdump.cache_clear()


def tool(folder: Path, script: str, name: str = "llvm-objdump") -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_instructions_of_cdna() -> None:
    found = list(parse(CDNA))
    assert len(found) == 12
    assert counted(found) == {
        "cp.async": 1,
        "ld.global": 1,
        "ld.shared": 1,
        "mma": 2,
        "bar": 1,
        "st.local": 1,
        "st.global": 1,
    }
    # The branch at the start goes forwards, and makes no loop.
    assert counted(main_loop(found)) == {"ld.shared": 1, "mma": 2, "bar": 1}


def test_instructions_of_rdna() -> None:
    found = list(parse(RDNA4))
    assert counted(found) == counted(main_loop(found)) == {"ld.shared": 1, "st.shared": 1, "mma": 1, "bar": 1}


def test_the_code_is_handed_over(tmp_path: Path) -> None:
    script = f'test "$1" = -d && cp "$2" {tmp_path}/code; cat <<\'END\'\n{CDNA}END'
    found, failure = disassembled(tool(tmp_path, script), b"code")
    assert (len(found), failure) == (12, "")
    assert (tmp_path / "code").read_bytes() == b"code"


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo \"objdump: error: '$2': can't find target\" >&2; exit 1", "error: 'the code': can't find target"),
        ("exit 0", "llvm-objdump: no instructions"),
        ("kill -ABRT $$", "llvm-objdump died: Aborted"),
    ],
)
def test_a_disassembler_that_fails_is_a_reason(script: str, says: str, tmp_path: Path) -> None:
    found, failure = disassembled(tool(tmp_path, script), b"code")
    assert not found
    assert failure.endswith(says)
    assert "/tmp" not in failure


def test_the_newest_disassembler_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(objdump.VARIABLE, raising=False)
    monkeypatch.setattr(objdump, "_OF_ROCM", str(tmp_path / "no-rocm"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_objdump() is None
    for name in ("llvm-objdump", "llvm-objdump-14", "llvm-objdump-19", "llvm-objdump-9", "llvm-objdump-20.bak"):
        tool(tmp_path, "", name)
    find_objdump.cache_clear()
    assert find_objdump() == str(tmp_path / "llvm-objdump-19")
    find_objdump.cache_clear()
    monkeypatch.setenv(objdump.VARIABLE, str(tmp_path / "llvm-objdump-9"))
    assert find_objdump() == str(tmp_path / "llvm-objdump-9")

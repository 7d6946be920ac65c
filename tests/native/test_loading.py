# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Loading: twice, from many threads, into a compiler that lacks what we need."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import iree.compiler
import pytest
from iree.compiler import ir
from iree.compiler.passmanager import PassManager

from configured_dispatches import dispatch_text
from release_under_test import RELEASE
from tuner import native

LIBRARIES = Path(iree.compiler.__file__).parent / "_mlir_libs"
PIPELINE = "--pass-pipeline=builtin.module(iree-tuner-annotate-root-ops)"
# Before 3.11 the library exports its C++ functions too, and a stripped one serves as well.
NEEDS_SYMBOL_TABLE = RELEASE >= (3, 11)
MODULE = dispatch_text("first", "second")


def run(*command: str | Path, text: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
        check=False,
    )


@pytest.fixture(scope="module")
def stripped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of IREE's package whose compiler library has lost its symbol table."""
    site = tmp_path_factory.mktemp("stripped")
    package = Path(iree.compiler.__file__).parent
    copy = site / "iree" / "compiler"

    def link(source: str, target: str) -> None:
        Path(target).symlink_to(source)

    shutil.copytree(package, copy, copy_function=link, ignore=shutil.ignore_patterns("__pycache__"))
    library = copy / "_mlir_libs" / "libIREECompiler.so"
    library.unlink()
    subprocess.run(["strip", "-o", library, LIBRARIES / "libIREECompiler.so"], check=True, timeout=120)
    # The linker looks for libraries where a program really is: a link will not do.
    program = copy / "_mlir_libs" / "iree-opt"
    program.unlink()
    shutil.copy2(LIBRARIES / "iree-opt", program)
    return site


def test_stripped_library_under_iree_opt(stripped: Path) -> None:
    tool = stripped / "iree" / "compiler" / "_mlir_libs" / "iree-opt"
    finished = run(tool, f"--load-pass-plugin={native.plugin_path()}", PIPELINE, text=MODULE)
    if not NEEDS_SYMBOL_TABLE:
        assert finished.returncode == 0, finished.stderr
        assert finished.stdout.count("iree_tuner.dispatch") == 2
        return
    assert finished.returncode == 1
    messages = [line for line in finished.stderr.splitlines() if "iree-tuner cannot" in line]
    assert len(messages) == 1
    assert "has no symbol table (was it stripped?)" in messages[0]


def test_stripped_library_in_python(stripped: Path) -> None:
    script = f"""
import iree.compiler
assert iree.compiler.__file__.startswith({str(stripped)!r}), iree.compiler.__file__
from iree.compiler import ir
from tuner import native
for _ in range(2):
    try:
        native.register_passes()
    except native.HostError as error:
        print(error)
with ir.Context():
    module = ir.Module.parse({MODULE!r})
    native.annotate_root_ops(module)  # In-process, the registry is not needed.
    assert len(native.find_root_ops(module)) == 2
"""
    path = os.pathsep.join([str(stripped), os.environ.get("PYTHONPATH", "")])
    finished = run(sys.executable, "-c", script, PYTHONPATH=path)
    assert finished.returncode == 0, finished.stderr
    if not NEEDS_SYMBOL_TABLE:
        assert finished.stdout == ""
        return
    first, second = finished.stdout.splitlines()
    assert first == second
    assert "was it stripped?" in first


def test_missing_compiler_is_one_clear_error() -> None:
    script = "import sys; sys.modules['iree.compiler'] = None; import tuner.native"
    finished = run(sys.executable, "-c", script)
    assert finished.returncode == 1
    assert "ImportError: tuner.native needs IREE's compiler: pip install" in finished.stderr


def test_only_the_seam_is_exported() -> None:
    output = run("nm", "--dynamic", "--defined-only", native.plugin_path()).stdout
    names = {line.split()[-1] for line in output.splitlines()}
    assert {name for name in names if not name.startswith("ireeTuner")} == {"mlirGetPassPluginInfo"}
    assert len(names) == 6
    core = run("nm", "--dynamic", "--defined-only", native._core.__file__).stdout
    assert [line.split()[-1] for line in core.splitlines()] == ["PyInit__core"]
    for library in (native.plugin_path(), native._core.__file__):
        needed = run("readelf", "--dynamic", library).stdout
        assert "libIREECompiler" not in needed


def test_plugin_given_twice(tmp_path: Path) -> None:
    """The same file twice, and a copy of it: one registration, no crash."""
    copy = tmp_path / "copy.so"
    shutil.copy2(native.plugin_path(), copy)
    plugins = [f"--load-pass-plugin={path}" for path in (native.plugin_path(),) * 2 + (copy,)]
    finished = run(LIBRARIES / "iree-opt", *plugins, PIPELINE, text=MODULE)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.count("iree_tuner.dispatch") == 2


def test_loading_in_threads(tmp_path: Path) -> None:
    """Eight threads import the package, load a copy of the plugin, and register at once."""
    copy = tmp_path / "copy.so"
    shutil.copy2(native.plugin_path(), copy)
    script = f"""
import ctypes, threading
start = threading.Barrier(8)
failures = []
def load(number):
    try:
        start.wait()
        from tuner import native
        native.register_passes()
        plugin = ctypes.CDLL({str(copy)!r} if number % 2 else str(native.plugin_path()))
        message = ctypes.create_string_buffer(2048)
        plugin.ireeTunerRegisterPasses.restype = ctypes.c_bool
        if not plugin.ireeTunerRegisterPasses(message, ctypes.c_size_t(2048)):
            failures.append(message.value)
        native.register_passes()
    except BaseException as error:
        failures.append(error)
threads = [threading.Thread(target=load, args=(n,)) for n in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert not failures, failures
from iree.compiler import ir
from iree.compiler.passmanager import PassManager
from tuner import native
with ir.Context():
    module = ir.Module.parse({MODULE!r})
    PassManager.parse("builtin.module(iree-tuner-annotate-root-ops)").run(module.operation)
    assert len(native.find_root_ops(module)) == 2
"""
    for _ in range(5):
        finished = run(sys.executable, "-c", script)
        assert finished.returncode == 0, finished.stderr


def test_plugin_loads_again_in_process() -> None:
    native.register_passes()
    again = ctypes.CDLL(str(native.plugin_path()))
    message = ctypes.create_string_buffer(64)
    again.ireeTunerRegisterPasses.restype = ctypes.c_bool
    assert again.ireeTunerRegisterPasses(message, ctypes.c_size_t(64))
    assert message.value == b""


def test_functions_in_parallel(context: ir.Context) -> None:
    """MLIR runs a pass that is nested on functions on all of them at once."""
    native.register_passes()
    text = dispatch_text(*(f"f{n}" for n in range(8)))
    serial = ir.Module.parse(text, context)
    native.annotate_root_ops(serial)
    native.strip_root_configuration(serial)
    passes = "iree-tuner-annotate-root-ops,iree-tuner-strip-root-configuration"
    manager = PassManager.parse(f"builtin.module(func.func({passes}))", context)
    context.enable_multithreading(True)
    for _ in range(50):
        parallel = ir.Module.parse(text, context)
        manager.run(parallel.operation)
        assert str(parallel) == str(serial)


def test_python_threads() -> None:
    """Eight threads, each with a context of its own, annotate and strip."""

    def work(number: int) -> str:
        with ir.Context() as context:
            for _ in range(20):
                module = ir.Module.parse(dispatch_text(f"f{number}"), context)
                native.annotate_root_ops(module)
                (root,) = native.find_root_ops(module)
                with pytest.raises(native.PassError, match="no root op"):
                    native.strip_root_configuration(ir.Module.parse(dispatch_text(f"f{number}"), context))
            return root.dispatch

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [f"f{n}" for n in range(8)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no file with content"),
        (b"\x7fELF", "is too short for an ELF file"),
        (b"#!/bin/sh\n" + bytes(100), "is no 64-bit little-endian ELF file"),
    ],
)
def test_damaged_library(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "damaged.so"
    path.write_bytes(content)
    with pytest.raises(RuntimeError, match=message):
        native._core.find_elf_symbol(str(path), "f")


def test_truncated_library(tmp_path: Path) -> None:
    """The section table stands at the end: a file cut short has lost it."""
    path = tmp_path / "cut.so"
    image = native.plugin_path().read_bytes()
    path.write_bytes(image[: len(image) // 2])
    with pytest.raises(RuntimeError, match=r"has no section table|is cut off"):
        native._core.find_elf_symbol(str(path), "mlirGetPassPluginInfo")


def test_symbol_of_a_library() -> None:
    plugin = str(native.plugin_path())
    with pytest.raises(RuntimeError, match=r"cannot open '/nonexistent/x.so'"):
        native._core.find_elf_symbol("/nonexistent/x.so", "f")
    with pytest.raises(RuntimeError, match=r"does not hold the symbol no_such_symbol|no symbol table"):
        native._core.find_elf_symbol(plugin, "no_such_symbol")
    value = native._core.find_elf_symbol(str(LIBRARIES / "libIREECompiler.so"), "mlirContextCreate")
    loaded = ctypes.CDLL(str(LIBRARIES / "libIREECompiler.so"))
    other = native._core.find_elf_symbol(str(LIBRARIES / "libIREECompiler.so"), "mlirContextDestroy")

    def address(name: str) -> int:
        return ctypes.cast(getattr(loaded, name), ctypes.c_void_p).value or 0

    assert other - value == address("mlirContextDestroy") - address("mlirContextCreate")

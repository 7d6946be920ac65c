# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Candidates are applied as asked, read back, and come to one of the named ends."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import shutil
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from iree.compiler import ir

import faults
import samples
from extraction import extract_text
from tuner.compile.pool import CompileJob, CompilePool
from tuner.compile.session import flags_for_library
from tuner.dispatch import Configuration
from tuner.dispatches.extract import Extracted
from tuner.model.model import Model
from tuner.outcome import DEFAULT, Candidate, Compilation, Fate
from tuner.stopwatch import Stopwatch
from tuner.targets.cpu import CpuTarget

pytestmark = pytest.mark.runs

GOOD = Configuration(
    "DoubleTilingExpert",
    {
        "distribution": (32, 64, 0),
        "vector_common_parallel": (4, 32, 0),
        "vector_reduction": (0, 0, 8),
    },
)


@pytest.fixture(name="job")
def make_job(fused: Extracted, target: CpuTarget, tmp_path: Path) -> CompileJob:
    (dispatch,) = fused.dispatches
    assert dispatch.program is not None
    return CompileJob(
        dispatch.program,
        dispatch.name,
        Candidate(1, configuration=GOOD),
        target,
        tmp_path / "a.vmfb",
        tmp_path / "a.log",
    )


def configured(job: CompileJob, configuration: Configuration) -> CompileJob:
    return replace(job, candidate=Candidate(1, configuration=configuration))


def compile_one(job: CompileJob, timeout_s: float = 60.0) -> Compilation:
    with CompilePool(1, timeout_s) as pool:
        (end,) = pool.compile([job])
    return end


def test_a_configuration_is_applied_and_read_back(job: CompileJob) -> None:
    end = compile_one(job)
    assert end.fate is Fate.COMPILED, end.detail
    assert end.binary is not None
    assert end.binary.stat().st_size > 1000
    assert end.configured is not None
    assert any("distribution = [32, 64, 0]" in config for config in end.configured.lowering_configs)


def test_a_folder_whose_path_must_be_quoted_serves(job: CompileJob, tmp_path: Path) -> None:
    folder = tmp_path / "a folder of ours"
    folder.mkdir()
    binary = folder / "x.vmfb"
    with CompilePool(1, 60.0, temporary=folder) as compilers:
        (end,) = compilers.compile([replace(job, binary=binary)])
    assert end.binary == binary, end.detail
    assert binary.exists()


def test_without_one_the_compilers_default_comes_back(job: CompileJob, fused: Extracted) -> None:
    end = compile_one(replace(job, candidate=DEFAULT))
    assert end.fate is Fate.COMPILED, end.detail
    assert end.configured == fused.dispatches[0].default


def test_equal_configurations_give_equal_binaries_and_others_do_not(job: CompileJob, tmp_path: Path) -> None:
    other = replace(GOOD, levels={**GOOD.levels, "vector_reduction": (0, 0, 4)})
    jobs = [
        job,
        replace(job, binary=tmp_path / "b.vmfb"),
        replace(job, binary=tmp_path / "c.vmfb", candidate=Candidate(2, configuration=other)),
    ]
    with CompilePool(2, 60.0) as pool:
        ends = pool.compile(jobs)
    binaries = [end.binary.read_bytes() for end in ends if end.binary is not None]
    assert binaries[0] == binaries[1] != binaries[2]


def test_what_a_worker_compiled_before_leaves_no_trace_in_a_binary(job: CompileJob, tmp_path: Path) -> None:
    other = replace(GOOD, levels={**GOOD.levels, "vector_reduction": (0, 0, 4)})
    broken = replace(GOOD, levels={"distributoin": (32, 64, 0)})
    before = [
        replace(
            job,
            candidate=Candidate(number, configuration=configuration),
            binary=tmp_path / f"{number}.vmfb",
            log=tmp_path / f"{number}.log",
        )
        for number, configuration in enumerate((other, None, broken, other))
    ]
    with CompilePool(1, 60.0) as pool:
        *earlier, last = pool.compile([*before, replace(job, binary=tmp_path / "last.vmfb")])
    assert [end.fate for end in earlier] == [Fate.COMPILED, Fate.COMPILED, Fate.COMPILE_FAILED, Fate.COMPILED]
    alone = compile_one(job)
    assert alone.binary is not None
    assert last.binary is not None
    assert alone.binary.read_bytes() == last.binary.read_bytes()


@pytest.mark.parametrize("flags", [(), ("--iree-opt-level=O3",), ("--iree-llvmcpu-loop-unrolling",)])
def test_a_worker_compiles_what_iree_compile_compiles_by_the_same_flags(
    flags: tuple[str, ...], target: CpuTarget, tmp_path: Path
) -> None:
    """Byte for byte, once neither says where the IR came from."""
    nameless = ("--iree-llvmcpu-debug-symbols=false", "--iree-vm-bytecode-module-strip-source-map")
    (dispatch,) = extract_text(samples.softmax(64, 96), tmp_path, target, *flags, *nameless).dispatches
    assert dispatch.program is not None
    end = compile_one(
        CompileJob(dispatch.program, dispatch.name, DEFAULT, target, tmp_path / "a.vmfb", tmp_path / "a.log")
    )
    configured, binary = tmp_path / "configured.mlir", tmp_path / "b.vmfb"
    configured.write_text(dispatch.program.default_text)
    phase = ("--compile-from=executable-configurations", "--mlir-disable-threading")
    result = Model.open(configured, dispatch.program.flags).compile(binary, *phase)
    assert result.exit_code == 0, result.first_error
    assert end.binary is not None, end.detail
    assert end.binary.read_bytes() == binary.read_bytes()


def test_models_of_other_flags_get_workers_of_their_own(target: CpuTarget, tmp_path: Path) -> None:
    (dispatch,) = extract_text(samples.softmax(64, 96), tmp_path, target).dispatches
    assert dispatch.program is not None
    jobs = [
        CompileJob(
            replace(dispatch.program, flags=flags),
            dispatch.name,
            DEFAULT,
            target,
            tmp_path / f"{number}.vmfb",
            tmp_path / f"{number}.log",
        )
        for number, flags in enumerate(((), ("--iree-opt-level=O3",), ()))
    ]
    with CompilePool(1, 60.0) as pool:
        binaries = [end.binary.read_bytes() for end in pool.compile(jobs) if end.binary is not None]
    assert binaries[0] == binaries[2] != binaries[1]


def test_a_flag_that_the_compiler_does_not_know_is_said(job: CompileJob) -> None:
    end = compile_one(replace(job, program=replace(job.program, flags=("--iree-no-such-flag",))))
    assert end.fate is Fate.COMPILE_FAILED
    assert "--iree-no-such-flag" in end.log.read_text()


def test_what_only_the_tool_reads_is_left_to_it() -> None:
    """Or dumps, which every candidate would write anew."""
    kept = ["--iree-opt-level=O3", "--iree-input-type", "auto", "-iree-llvmcpu-loop-unrolling"]
    left = ["-o", "x.vmfb", "--verify=false", "--iree-hal-dump-executable-files-to=x", "--compile-to", "vm"]
    assert list(flags_for_library([*left, *kept, *left])) == kept


@pytest.mark.parametrize(
    ("levels", "says"),
    [
        # A reduction loop tiled among the parallel ones: taken without a verifier, it would give wrong numbers.
        ({"distribution": (32, 64, 0), "vector_common_parallel": (4, 32, 8)}, "parallel"),
        (
            {"distribution": (32, 64, 0), "vector_common_parallel": (64, 128, 0), "vector_reduction": (0, 0, 64)},
            "large",
        ),
        ({"distributoin": (32, 64, 0)}, "distributoin"),
        ({"distribution": (-1, 64, 0)}, "-1"),
    ],
    ids=["reduction tiled as parallel", "vectors too large", "misspelled level", "negative size"],
)
def test_what_iree_refuses_is_a_compile_failure_with_its_reason(
    job: CompileJob, levels: dict[str, tuple[int, ...]], says: str
) -> None:
    end = compile_one(configured(job, Configuration("DoubleTilingExpert", levels)))
    assert end.fate is Fate.COMPILE_FAILED
    assert says in end.detail
    assert end.log.read_text()


def test_an_unknown_pipeline_is_a_compile_failure(job: CompileJob) -> None:
    end = compile_one(configured(job, replace(GOOD, pipeline="Wishful")))
    assert end.fate is Fate.COMPILE_FAILED


def test_an_identity_that_is_not_there_is_never_taken_for_applied(job: CompileJob) -> None:
    end = compile_one(replace(job, identity="another_dispatch"))
    assert end.fate in (Fate.NOT_APPLIED, Fate.COMPILE_FAILED)
    assert end.binary is None


def test_a_timeout_is_an_end_and_the_next_job_is_served(job: CompileJob, tmp_path: Path) -> None:
    with CompilePool(1, 0.05) as pool:
        (end,) = pool.compile([job])
        assert end.fate is Fate.COMPILE_TIMED_OUT
    assert compile_one(replace(job, binary=tmp_path / "again.vmfb")).fate is Fate.COMPILED


@dataclass(frozen=True, slots=True)
class Saboteur(CpuTarget):
    """A target that does to its worker what a broken compiler does."""

    deed: str = ""
    # Where it is noted that it was done, if it is to be done once.
    done: Path | None = None

    def compilation_info(self, configuration: Configuration, context: ir.Context) -> Any:
        if self.done is None or not self.done.exists():
            if self.done is not None:
                self.done.touch()
            self.do()
        return CpuTarget.compilation_info(self, configuration, context)

    def do(self) -> None:
        match self.deed:
            case "abort":
                os.abort()
            case "segfault":
                ctypes.string_at(0)
            case "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            case "hang":
                time.sleep(600)
            case "eat memory":
                bytearray(64 << 30)
            case "lose its folder":
                shutil.rmtree(os.environ["TMPDIR"])
            case _:
                os.kill(os.getpid(), signal.Signals[self.deed])


@pytest.mark.parametrize(
    ("deed", "fate", "says", "timeout_s"),
    [
        ("abort", Fate.COMPILE_FAILED, "died", 60.0),
        ("segfault", Fate.COMPILE_FAILED, "died", 60.0),
        ("killed", Fate.COMPILE_FAILED, "died", 60.0),
        # On a busy machine a neighbour may not be compiled within these seconds.
        pytest.param("hang", Fate.COMPILE_TIMED_OUT, "not compiled within 6 s", 6.0, marks=pytest.mark.measures),
        ("eat memory", Fate.COMPILE_FAILED, "more than 6 GiB", 60.0),
    ],
)
def test_a_broken_compiler_costs_its_candidate_only(
    job: CompileJob, tmp_path: Path, deed: str, fate: Fate, says: str, timeout_s: float
) -> None:
    """The candidate's fate names what happened; its neighbours in the batch and the next batch are compiled."""
    broken = replace(job, target=Saboteur(deed=deed), binary=tmp_path / "broken.vmfb", log=tmp_path / "broken.log")
    with CompilePool(2, timeout_s) as pool:
        first = pool.compile([job, broken, replace(job, binary=tmp_path / "b.vmfb", log=tmp_path / "b.log")])
        second = pool.compile([replace(job, binary=tmp_path / "c.vmfb", log=tmp_path / "c.log")])
    assert [end.fate for end in (*first, *second)] == [Fate.COMPILED, fate, Fate.COMPILED, Fate.COMPILED]
    assert says in first[1].detail
    assert first[1].binary is None
    # What somebody else did to it is not the candidate's fault, and no store keeps it.
    assert first[1].by_chance == (deed == "killed")
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize(
    ("deed", "says"),
    [
        ("SIGTERM", "was killed (SIGTERM)"),
        ("SIGHUP", "was killed (SIGHUP)"),
        ("SIGKILL", "was killed (SIGKILL)"),
        ("segfault", "crashed once (SIGSEGV)"),
        ("lose its folder", "lost its folder of temporary files"),
    ],
)
def test_what_happens_to_a_compiler_once_is_no_candidates_fate(
    job: CompileJob, tmp_path: Path, deed: str, says: str
) -> None:
    end = compile_one(replace(job, target=Saboteur(deed=deed, done=tmp_path / "done")))
    assert (end.fate, end.detail) == (Fate.COMPILED, f"compiled again, for its compiler {says}")
    assert end.binary is not None
    assert end.binary.exists()
    assert not end.by_chance


def test_a_worker_that_is_killed_while_idle_costs_nothing(job: CompileJob, tmp_path: Path) -> None:
    with CompilePool(1, 30.0, taken_timeout_s=5.0) as pool:
        (first,) = pool.compile([job])
        for worker in multiprocessing.active_children():
            worker.kill()
            worker.join()
        (second,) = pool.compile([replace(job, binary=tmp_path / "b.vmfb")])
    assert first.fate is second.fate is Fate.COMPILED
    assert multiprocessing.active_children() == []


def test_a_lost_job_is_compiled_after_all(job: CompileJob) -> None:
    """A thread of ours takes it under the lock that workers take jobs under, as one that is killed then has done."""
    locked = threading.Event()
    with CompilePool(1, 5.0, taken_timeout_s=1.0) as pool:
        pool.begin()
        pool.wait()
        channel = pool._pool._pool_manager.worker_manager.workers_channel

        def take() -> object:
            channel.mutex.acquire()
            locked.set()
            return channel.recv()

        with ThreadPoolExecutor(1) as threads:
            taken = threads.submit(take)
            locked.wait()
            (end,) = pool.compile([job])
        assert taken.done()
    assert end.fate is Fate.COMPILED, end.detail


def test_ir_that_does_not_parse_is_a_compile_failure(job: CompileJob) -> None:
    end = compile_one(replace(job, program=replace(job.program, ir_text="not MLIR", default_text="not MLIR")))
    assert end.fate is Fate.COMPILE_FAILED


@pytest.mark.measures
def test_workers_that_began_are_there_before_the_first_job(job: CompileJob) -> None:
    watch = Stopwatch()
    with CompilePool(2, 60.0, watch) as pool:
        pool.begin()
        pool.wait()
        assert len(faults.children(os.getpid())) == 2
        before = watch.read()
        (end,) = pool.compile([job])
        after = watch.read()
    assert end.fate is Fate.COMPILED, end.detail
    assert before.compiling_s == 0 < before.starting_s
    assert end.seconds == pytest.approx(after.compiling_s, abs=0.05)
    # Nothing starts any more: that would take as long as before.
    assert after.starting_s - before.starting_s < before.starting_s / 2


def test_a_pool_ends_its_own_workers_alone(job: CompileJob, tmp_path: Path) -> None:
    """The older pool replaces its workers, for others' flags and at last in a hurry, while the younger one has some."""
    other = replace(job, program=replace(job.program, flags=("--iree-opt-level=O3",)), binary=tmp_path / "b.vmfb")
    with CompilePool(1, 60.0) as younger:
        with pytest.raises(RuntimeError, match="in a hurry"), CompilePool(1, 60.0) as older:
            older.compile([job])
            before = set(faults.children(os.getpid()))
            younger.begin()
            younger.wait()
            youngers = set(faults.children(os.getpid())) - before
            assert len(youngers) == 1
            (end,) = older.compile([other])
            assert end.fate is Fate.COMPILED, end.detail
            assert youngers < set(faults.children(os.getpid()))
            raise RuntimeError("in a hurry")
        assert set(faults.children(os.getpid())) == youngers
        (end,) = younger.compile([replace(job, binary=tmp_path / "c.vmfb")])
        assert end.fate is Fate.COMPILED, end.detail
        assert set(faults.children(os.getpid())) == youngers
    assert multiprocessing.active_children() == []


def test_a_worker_that_dies_while_it_starts_is_replaced(job: CompileJob) -> None:
    with CompilePool(2, 60.0) as pool:
        pool.begin()
        while not faults.kill(list(faults.children(os.getpid()))):
            time.sleep(0.01)
        pool.wait()
        (end,) = pool.compile([job])
    assert end.fate is Fate.COMPILED, end.detail

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The device's clock: what CUPTI records of dispatches becomes seconds of a run, or a reason why there are none."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from commands import assert_fails, iree_tune
from tuner.bundle.manifest import BundledDevice
from tuner.errors import InputError, MeasurementError
from tuner.jsonable import from_given, to_plain
from tuner.measuring.cupti import VARIABLE, Cupti
from tuner.measuring.dispatch_data import Array
from tuner.measuring.presence import check_clock
from tuner.measuring.programs import DispatchProgram
from tuner.measuring.served import ServedPrograms
from tuner.options import Options
from tuner.runs.record import RunRecord, asked_of
from tuner.specs.certificate import circumstances
from tuner.targets import Device
from tuner.targets.cpu import CpuTarget
from tuner.targets.cuda import CudaTarget
from tuner.targets.device import CUPTI
from tuner.targets.rocm import RocmTarget

ON_DEVICE = Device("cuda", (), CUPTI, "a GPU")
# Values of CUpti_ActivityKind.
COPY, SERIAL, CONCURRENT = 1, 3, 10
# Sizes of the record of a dispatch in several releases, and of that of a copy.
SIZES, COPY_SIZE = (144, 208, 224), 104


class Record(ctypes.Structure):
    """The first fields of CUpti_ActivityKernel3 to 10, as NVIDIA documents them."""

    _fields_ = (
        ("kind", ctypes.c_uint32),
        ("cache_config", ctypes.c_uint8),
        ("shared_memory_config", ctypes.c_uint8),
        ("registers_per_thread", ctypes.c_uint16),
        ("partitioned_cache_requested", ctypes.c_uint32),
        ("partitioned_cache_executed", ctypes.c_uint32),
        ("start", ctypes.c_uint64),
        ("end", ctypes.c_uint64),
        ("completed", ctypes.c_uint64),
        ("device", ctypes.c_uint32),
        ("context", ctypes.c_uint32),
    )


def dispatch(start: int, end: int, *, kind: int = CONCURRENT, size: int = SIZES[-1]) -> bytes:
    record = Record(kind, 0xFF, 0xFF, 0xFFFF, 2**32 - 1, 2**32 - 1, start, end, 2**64 - 1, 7, 7)
    return bytes(record).ljust(size, b"\xff")


COPIED = bytes(Record(COPY, start=1, end=10**9)).ljust(COPY_SIZE, b"\xff")


FUNCTIONS = {
    "cuptiActivityRegisterCallbacks": "register",
    "cuptiActivityEnable": "enable",
    "cuptiActivityDisable": "disable",
    "cuptiActivityFlushAll": "flush",
    "cuptiActivityGetNextRecord": "following",
    "cuptiGetResultString": "reason",
}


class Library:
    """Stands in for NVIDIA's library, which needs a GPU: after a run it hands out the records that it has."""

    def __init__(self, *buffers: Sequence[bytes], refuses: str = "") -> None:
        self.buffers = list(buffers)
        self.is_on = False
        self.has_run = False
        self.given: list[int] = []
        self._refuses = refuses
        self._sizes: dict[int, list[int]] = {}

    def __getattr__(self, name: str) -> Callable[..., int]:
        if name == self._refuses:
            return lambda *_: 35
        function = getattr(self, FUNCTIONS[name])
        return lambda *arguments: function(*arguments) or 0

    def run(self, _times: int) -> None:
        assert self.is_on
        self.has_run = True

    def register(self, give: Any, take: Any) -> None:
        self._give, self._take = give, take

    def enable(self, kind: int) -> None:
        self.is_on = kind == CONCURRENT

    def disable(self, kind: int) -> None:
        self.is_on = self.is_on and kind != CONCURRENT

    def flush(self, _flags: int) -> None:
        while self.has_run and self.buffers:
            records = self.buffers.pop(0)
            place, size, most = ctypes.c_void_p(), ctypes.c_size_t(), ctypes.c_size_t()
            self._give(ctypes.byref(place), ctypes.byref(size), ctypes.byref(most))
            content = b"".join(records)
            assert place.value
            assert place.value % 8 == 0
            assert len(content) <= size.value
            ctypes.memmove(place.value, content, len(content))
            self._sizes[place.value] = [len(record) for record in records]
            self.given.append(place.value)
            self._take(None, 0, place, size, len(content))

    def following(self, buffer: ctypes.c_void_p, size: ctypes.c_size_t, record: Any) -> int:
        start, sizes = buffer.value or 0, self._sizes[buffer.value or 0]
        assert sum(sizes) == size.value
        found = record._obj
        places = [start + sum(sizes[:count]) for count in range(len(sizes))]
        number = 0 if found.value is None else places.index(found.value) + 1
        if number == len(places):
            return 12
        found.value = places[number]
        return 0

    def reason(self, _code: int, text: Any) -> None:
        text._obj.value = b"CUPTI_ERROR_INSUFFICIENT_PRIVILEGES"


@pytest.mark.parametrize("size", SIZES)
def test_a_run_takes_the_mean_of_its_dispatches(size: int) -> None:
    library = Library([dispatch(1000, 3000, size=size), dispatch(10**12, 10**12 + 4000, kind=SERIAL, size=size)])
    assert Cupti(library).seconds(library.run, 2) == pytest.approx(3e-6)
    assert not library.is_on


def test_buffers_are_read_in_turn_and_used_again_and_copies_are_no_dispatches() -> None:
    library = Library([COPIED, dispatch(1, 501), COPIED], [dispatch(1, 1501), COPIED])
    clock = Cupti(library)
    # Two dispatches make up a run.
    assert clock.seconds(library.run, 1) == pytest.approx(2e-6)
    library.buffers = [[dispatch(5, 1005)]]
    assert clock.seconds(library.run, 1) == pytest.approx(1e-6)
    assert len(library.given) == 3
    assert library.given[2] in library.given[:2]


@pytest.mark.parametrize(
    ("buffers", "says"),
    [
        ([], "CUPTI recorded 0 dispatches of 2 runs"),
        ([[dispatch(1, 2)] * 3], "CUPTI recorded 3 dispatches of 2 runs"),
        ([[dispatch(1, 2), dispatch(0, 0)]], "CUPTI recorded dispatches without their times"),
        ([[dispatch(1, 2), dispatch(9, 8)]], "CUPTI recorded dispatches without their times"),
    ],
)
def test_records_that_give_no_time_are_a_reason(buffers: list[list[bytes]], says: str) -> None:
    library = Library(*buffers)
    with pytest.raises(MeasurementError, match=says):
        Cupti(library).seconds(library.run, 2)


def test_what_cupti_refuses_is_a_reason() -> None:
    says = r"cuptiActivityEnable failed \(CUPTI_ERROR_INSUFFICIENT_PRIVILEGES, 35\)"
    with pytest.raises(MeasurementError, match=says):
        Cupti(Library(refuses="cuptiActivityEnable"))


def test_a_run_that_fails_leaves_nothing_on() -> None:
    library = Library([dispatch(1, 501)], [dispatch(1, 501)])
    clock = Cupti(library)

    def fail(times: int) -> None:
        library.run(times)
        raise MeasurementError("it crashed")

    with pytest.raises(MeasurementError, match="it crashed"):
        clock.seconds(fail, 1)
    assert not library.is_on
    library.buffers = [[dispatch(1, 301)]]
    assert clock.seconds(library.run, 1) == pytest.approx(3e-7)


MISSING = "the device's clock needs CUPTI, and libcupti.so is not at {}, which IREE_TUNER_CUPTI names; install it"


def test_a_missing_library_is_reported_before_the_device_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "none.so"))
    with pytest.raises(InputError, match=MISSING.format(tmp_path / "none.so")):
        check_clock(ON_DEVICE)
    check_clock(Device("cuda", (), "wall", "a GPU"))
    problem = ("--problem", "matmul 64x64x64 f16")
    done = iree_tune("run", *problem, "--target", "cuda:sm_80", "--clock", "device", cwd=tmp_path)
    assert_fails(done, 2, MISSING.format(tmp_path / "none.so"))
    assert not (tmp_path / ".iree-tuner").exists() or not list((tmp_path / ".iree-tuner").glob("*/log.jsonl"))


@pytest.mark.parametrize("target", [CpuTarget(1), RocmTarget("gfx942")], ids=["cpu", "rocm"])
def test_a_target_without_a_clock_says_so(target: CpuTarget | RocmTarget) -> None:
    with pytest.raises(InputError, match=f"--clock device finds no clock to read on {target.device.uri}; leave it out"):
        target.by_device_clock()


def test_the_report_says_by_which_clock() -> None:
    (device,) = CudaTarget("sm_80", "NVIDIA H200").by_device_clock().devices
    assert device.label == "NVIDIA H200, code for sm_80, dispatches timed by the device's clock (CUPTI)"
    assert "clock" not in CudaTarget("sm_80", "NVIDIA H200").device.label


def test_results_of_two_clocks_do_not_stand_for_one_another() -> None:
    here, there = (
        circumstances("cuda", "sm_80", (), target.device.timed_as, 1, ())
        for target in (CudaTarget(), CudaTarget().by_device_clock())
    )
    assert here.shared != there.shared
    assert there.differences(here) == ["the device was cuda by cupti, here it is cuda"]


def test_a_resumed_run_must_have_the_same_clock(tmp_path: Path) -> None:
    model = tmp_path / "model.mlir"
    model.write_text("")
    by_host, by_device = (asked_of(model, from_given(Options, {"clock": clock})) for clock in ("host", "device"))
    assert asked_of(model, Options()) == by_host
    # Runs of before there was a choice say nothing of it.
    before = {option: value for option, value in by_host.items() if option != "--clock"}
    RunRecord.of_this_process(model, before).check_resumable(tmp_path, model, by_host)
    with pytest.raises(InputError, match="holds a run with --clock left out, not device"):
        RunRecord.of_this_process(model, by_host).check_resumable(tmp_path, model, by_device)


def test_an_unknown_clock_is_refused() -> None:
    with pytest.raises(InputError, match="--clock must be one of host, device, not sun"):
        Options(clock="sun")  # type: ignore[arg-type]


def test_a_bundle_keeps_the_clock() -> None:
    bundled = BundledDevice.of(CudaTarget().by_device_clock().device)
    assert to_plain(bundled)["clock"] == CUPTI
    assert (bundled.asked_clock, bundled.device("cuda://1").timed_as) == ("device", "cuda://1 by cupti")
    assert BundledDevice.of(CudaTarget().device).asked_clock == "host"


class Counted:
    """A loaded program that computes nothing."""

    def fill(self, seed: int) -> None:
        """It has no data."""

    def run(self, times: int) -> None:
        sum(range(times))

    def outputs(self) -> list[Array]:
        return []


class CountedFunction:
    def load(self, device_uri: str) -> Counted:
        del device_uri
        return Counted()


class CountedDispatch(DispatchProgram):
    def load(self, device_uri: str) -> Counted:
        del device_uri
        return Counted()


def test_only_dispatches_are_timed_by_the_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "none.so"))
    programs = ServedPrograms(ON_DEVICE)
    programs.load("function", CountedFunction())
    programs.load("dispatch", CountedDispatch(tmp_path, "", "", 0, ()))
    assert programs.time("function", 1000) > 0
    with pytest.raises(MeasurementError, match="the device's clock needs CUPTI"):
        programs.time("dispatch", 1000)

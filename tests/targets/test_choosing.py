# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What a user writes for a target, and the chip that a GPU gets."""

from __future__ import annotations

import os

import pytest

from tuner.errors import InputError
from tuner.targets.choosing import choose_target
from tuner.targets.cpu import CpuTarget
from tuner.targets.cuda import CudaTarget
from tuner.targets.cuda_chip import CudaDevice, chip_for
from tuner.targets.gpu import device_uris
from tuner.targets.rocm import RocmTarget


@pytest.mark.parametrize(
    ("text", "name", "flag"),
    [
        ("cpu", "cpu", "--iree-llvmcpu-target-cpu=host"),
        ("cuda:sm_86", "cuda", "--iree-cuda-target=sm_86"),
        ("rocm:gfx942", "rocm", "--iree-rocm-target=gfx942"),
    ],
)
def test_a_target_is_named_with_its_chip(text: str, name: str, flag: str) -> None:
    target = choose_target(text)
    assert target.name == name
    assert flag in target.compile_flags


def test_devices_are_named_by_the_user() -> None:
    target = choose_target("cuda:sm_80", devices=("cuda://0", "cuda://1"))
    assert [device.uri for device in target.devices] == ["cuda://0", "cuda://1"]
    assert target.device == target.devices[0]


def test_a_processor_is_shared_out_by_naming_parts_of_it() -> None:
    first, *_, last = sorted(os.sched_getaffinity(0))
    target = choose_target("cpu", devices=(f"local-sync://{first}", f"local-sync://{last}"))
    assert [device.processors for device in target.devices] == [(first,), (last,)]
    assert {device.uri for device in target.devices} == {"local-sync"}
    assert target.device.name == f"local-sync://{first}"
    threaded = choose_target("cpu", 2, devices=(f"local-task://{first}-{last}",))
    assert {first, last} <= set(threaded.device.processors)


@pytest.mark.parametrize(
    ("text", "threads", "devices", "said"),
    [
        ("cpu", 1, ("local-task://0",), "no device for --threads 1; write local-sync://"),
        ("cpu", 2, ("local-sync://0",), "no device for --threads 2; write local-task://"),
        ("cpu", 1, ("local-sync://0", "local-sync"), "'local-sync' is no device"),
        ("cpu", 1, ("all",), "'all' is no device"),
        ("cpu", 1, ("local-sync://0-1", "local-sync://1"), "two --device name processor 1"),
        ("cpu", 1, ("local-sync://98765",), "processors that do not exist here"),
        ("cpu", 1, ("local-sync://1-0",), "processors that do not exist here"),
        ("cpu", 2, ("local-task://0",), "fewer processors than --threads 2"),
        ("cuda:sm_80", 1, ("hip://0",), "'hip://0' is no device"),
        ("cuda:sm_80", 1, ("cuda", "cuda://0"), "names a device twice"),
        ("rocm:gfx942", 1, ("hip://0", "hip://0"), "names a device twice"),
        ("rocm:gfx942", 1, ("cuda://0",), "'cuda://0' is no device"),
        ("rocm:gfx1", 1, ("all",), "not every GPU of this machine is gfx1"),
    ],
)
def test_bad_devices_are_refused_in_a_sentence(text: str, threads: int, devices: tuple[str, ...], said: str) -> None:
    with pytest.raises(InputError, match=said):
        choose_target(text, threads, devices)


def test_all_devices_are_those_that_the_machine_has() -> None:
    assert device_uris("cuda", ("all",), 3) == ("cuda://0", "cuda://1", "cuda://2")
    with pytest.raises(InputError, match="no device cuda://3: this machine has 3"):
        device_uris("cuda", ("cuda://0", "cuda://3"), 3)
    with pytest.raises(InputError, match="'all' is no device"):
        device_uris("cuda", ("all", "cuda://1"), 3)


@pytest.mark.parametrize(
    ("text", "threads", "said"),
    [
        ("tpu", 1, "no target named 'tpu'"),
        ("cuda:", 1, "names no chip after the colon"),
        ("cpu:zen4", 1, "takes no chip"),
        ("rocm", 1, "name the AMD GPU's chip"),
        ("cuda:sm_80", 4, "--threads is for the target cpu"),
        ("vulkan", 1, "vulkan cannot be tuned: .* ignores tuning specs .* targets that can be tuned"),
    ],
)
def test_bad_targets_are_refused_in_a_sentence(text: str, threads: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        choose_target(text, threads)


@pytest.mark.parametrize(
    ("capability", "chip"),
    [
        ((9, 0), "sm_80"),
        ((10, 0), "sm_80"),
        ((8, 9), "sm_89"),
        ((8, 6), "sm_86"),
        ((7, 5), "sm_75"),
        ((12, 0), "sm_120"),
    ],
)
def test_a_gpu_gets_a_chip_whose_code_it_runs(capability: tuple[int, int], chip: str) -> None:
    assert chip_for(CudaDevice("a GPU", capability, 132)) == chip


def test_programs_become_machine_code_for_the_gpu_that_runs_them() -> None:
    """Which IREE need not compile for; without a GPU it is the chip that code is for."""
    assert CudaDevice("NVIDIA H200", (9, 0), 132).chip == "sm_90"
    assert CudaTarget("sm_80", runs_on="sm_90").machine_code_for == "sm_90"
    assert CudaTarget("sm_80").machine_code_for == "sm_80"
    assert CudaTarget("sm_80", is_hopper=True).machine_code_for == "sm_90"
    assert RocmTarget("gfx942").machine_code_for == "gfx942"
    assert CpuTarget(1).machine_code_for == ""


def test_races_hide_on_gpus() -> None:
    assert [(device.may_race, device.has_racecheck) for device in CudaTarget("sm_80").devices] == [(True, True)]
    assert [(device.may_race, device.has_racecheck) for device in RocmTarget("gfx942").devices] == [(True, False)]
    assert not CpuTarget(2).device.may_race


def test_a_gpu_without_matrix_instructions_is_refused() -> None:
    with pytest.raises(InputError, match="GTX"):
        chip_for(CudaDevice("GTX 1080", (6, 1), 20))

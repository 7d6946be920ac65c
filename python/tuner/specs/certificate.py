# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The certificate of a measured speed-up: what was compared, where, with what, how sure, and how it was verified.

One schema, for a dispatch and for a whole model alike, wherever a certificate is written.
"""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any, Literal

from tuner.dispatch import Configuration, Problem, check_problem
from tuner.errors import InputError
from tuner.foreign import check_ratios, check_rounds, parse_json, shown
from tuner.jsonable import from_plain, to_plain
from tuner.measuring import Tolerance
from tuner.measuring.racecheck import RaceCheck, check_checked
from tuner.speedup import Ratio
from tuner.targets import Allocator
from tuner.toolchain.tools import compiler_version

SCHEMA = "iree-tuner-certificate/6"
Moment = Literal["early", "late"]
# Features or flags that a difference names.
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What all certificates of a run share: the machine, the versions and the flags.

    `processor` is for people, `features` the processor's as the compiler names them. `device` is IREE's URI, and the
    clock of dispatches if that is the device's own. `allocator` is that of the whole model; a dispatch that runs alone
    needs none.
    """

    target: str
    processor: str
    features: tuple[str, ...]
    device: str
    threads: int
    allocator: Allocator
    compiler_version: str
    runtime_version: str
    tuner_version: str
    flags: tuple[str, ...]

    @property
    def shared(self) -> dict[str, Any]:
        """The circumstances that two results of a store must share to stand for one another."""
        return {
            "target": self.target,
            "processor": self.processor,
            "features": self.features,
            "device": self.device,
            "threads": self.threads,
        }

    def differences(self, now: Circumstances) -> list[str]:
        """What may change a measurement and is different now, one sentence for each difference."""
        found = []
        for what, then, today in (
            ("the target", self.target, now.target),
            ("the device", self.device, now.device),
            ("the number of threads", self.threads, now.threads),
            ("the allocator", self.allocator, now.allocator),
            ("iree-compile", self.compiler_version, now.compiler_version),
            ("iree-runtime", self.runtime_version, now.runtime_version),
        ):
            if then != today:
                found.append(f"{what} was {then}, here it is {today}")
        gone, new = (sorted(set(a) - set(b)) for a, b in ((self.features, now.features), (now.features, self.features)))
        if gone or new:
            found.append(f"the processor was {self.processor}, here it is {now.processor}: {_listed(gone, new)}")
        elif self.processor != now.processor and self.threads == now.threads:
            found.append(f"the processor was {self.processor}, here it is {now.processor}")
        if self.flags != now.flags:
            dropped = [flag for flag in self.flags if flag not in now.flags]
            added = [flag for flag in now.flags if flag not in self.flags]
            found.append(f"the flags were others; here they are {_listed(dropped, added) or 'in another order'}")
        return found


@dataclass(frozen=True, slots=True)
class Verified:
    """How outputs were compared with the default's: on the data of these seeds, within this tolerance.

    `runs`: how often on the data of each seed. `races`: what compute-sanitizer found, None if it was not asked.
    """

    seeds: tuple[int, ...]
    tolerance: Tolerance
    max_error: float
    runs: int
    races: RaceCheck | None

    def __str__(self) -> str:
        repeated = f", {self.runs} runs each" if self.runs > 1 else ""
        races = "" if self.races is None else f"; {self.races}"
        return f"on {len(self.seeds)} seeds{repeated}{races}"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A comparison with the default, of a dispatch or of the whole model (then without problem and configuration).

    `accepted`: whether it went into the spec. `moment`: whether plain iree-compile applies it (early) or only
    `iree-tune compile` (late). `baseline_s`, `candidate_s`: the seconds of one run, round by round. `ratio`:
    baseline / candidate, with the bounds of its 95 % interval. `baseline`: what stood in for the default, if that does
    not compile.
    """

    name: str
    problem: Problem | None
    configuration: Configuration | None
    moment: Moment | None
    accepted: bool
    circumstances: Circumstances
    baseline_s: tuple[float, ...]
    candidate_s: tuple[float, ...]
    ratio: Ratio
    verified: Verified
    baseline: Configuration | None = None

    @property
    def baseline_words(self) -> str:
        """What it was compared with, for people."""
        return "the default" if self.baseline is None else "what stands in for the default, which does not compile"

    def to_json(self) -> dict[str, Any]:
        """The certificate as plain JSON, without a baseline if that was the default."""
        plain = {"schema": SCHEMA, **to_plain(self)}
        if self.baseline is None:
            del plain["baseline"]
        return plain

    @staticmethod
    def from_json(data: Any) -> Certificate:
        """The certificate that `to_json` wrote. Raises InputError if it is something else."""
        schema = data.get("schema") if isinstance(data, dict) else None
        if schema != SCHEMA:
            raise InputError(f"a certificate of the schema {shown(schema)}; this version reads {SCHEMA}")
        try:
            fields = {name: value for name, value in data.items() if name != "schema"}
            read = from_plain(Certificate, {"baseline": None, **fields})
            check_certificate(read)
            return read
        except ValueError as error:
            raise InputError(f"a broken certificate: {error}") from error

    def to_text(self) -> str:
        """The certificate as one line of JSON in ASCII, for specs. The samples are reduced to their medians."""
        reduced = replace(
            self,
            baseline_s=(statistics.median(self.baseline_s),),
            candidate_s=(statistics.median(self.candidate_s),),
        )
        return json.dumps(reduced.to_json(), separators=(",", ":"))

    @staticmethod
    def from_text(text: str) -> Certificate:
        """The certificate that `to_text` wrote. Raises InputError if it is something else."""
        try:
            return Certificate.from_json(parse_json(text))
        except ValueError as error:
            raise InputError(f"a broken certificate: {error}") from error


def check_certificate(certificate: Certificate) -> None:
    """Raises ValueError for values that no measurement gives, and for an impossible problem."""
    check_rounds(certificate.baseline_s, certificate.candidate_s)
    ratio = certificate.ratio
    check_ratios("ratio", (ratio.value, ratio.low, ratio.high))
    if certificate.problem is not None:
        check_problem(certificate.problem)
    verified = certificate.verified
    if verified.max_error < 0:
        raise ValueError(f"max_error is {verified.max_error:g}, and must not be negative")
    check_checked(verified.runs, verified.races)


def _listed(gone: list[str], new: list[str]) -> str:
    return "; ".join(
        f"{word} {' '.join(words[:_SHOWN])}{' …' if len(words) > _SHOWN else ''}"
        for word, words in (("without", gone), ("with", new))
        if words
    )


def circumstances(
    target: str,
    processor: str,
    features: tuple[str, ...],
    device: str,
    threads: int,
    flags: tuple[str, ...],
    allocator: Allocator = "default",
) -> Circumstances:
    """The circumstances of a run, with the versions that are installed."""
    return Circumstances(
        target=target,
        processor=processor,
        features=features,
        device=device,
        threads=threads,
        allocator=allocator,
        compiler_version=compiler_version(),
        runtime_version=version("iree-base-runtime"),
        tuner_version=version("iree-tuner"),
        flags=flags,
    )

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What specs record of how they were made: the target, the threads and the flags of a check."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tuner.check.options import CheckOptions
from tuner.errors import InputError
from tuner.foreign import shown
from tuner.op_choices import is_needed_flag
from tuner.options import Options
from tuner.specs.certificate import Circumstances
from tuner.specs.preprocessing import beside, text_in
from tuner.specs.read import ReadSpec
from tuner.targets import Target
from tuner.tuning.flag_plan import is_choice

_DEFAULTS = Options()
# A target and a chip, as users write them.
_TARGET = re.compile(r"[\w-]+(:[\w+-]+)?", re.ASCII)


def recorded_in(specs: Sequence[ReadSpec]) -> list[Circumstances]:
    """The circumstances that the specs were made in, each once; those of whole models come first."""
    whole = [spec.certificate for spec in specs if spec.certificate is not None]
    single = [entry.certificate for spec in specs for entry in spec.entries]
    return list({certificate.circumstances: None for certificate in (*whole, *single)})


def run_options(specs: Sequence[ReadSpec], options: CheckOptions) -> Options:
    """The options of a run that the check repeats, without flags.

    Target, threads and allocator are as asked, else as recorded. Raises InputError if the specs record several targets
    or numbers of threads; of several allocators that of the whole model counts.
    """
    recorded = recorded_in(specs)
    names = sorted({made.target for made in recorded}) or [_DEFAULTS.target]
    odd = next((name for name in names if not _TARGET.fullmatch(name)), None)
    if options.target is None and odd is not None:
        raise InputError(f"the entries were made for '{shown(odd)}', which is no target; name one by --target")
    if options.target is None and len(names) > 1:
        raise InputError(f"the entries were made for several targets ({', '.join(names)}); name one by --target")
    target = options.target or names[0]
    threads = sorted({made.threads for made in recorded if made.target == target}) or [_DEFAULTS.threads]
    if options.threads is None and len(threads) > 1:
        counts = ", ".join(map(str, threads))
        raise InputError(f"the entries were made for several numbers of threads ({counts}); give one by --threads")
    return Options(
        target=target,
        threads=threads[0] if options.threads is None else options.threads,
        allocator=options.allocator or (recorded[0].allocator if recorded else "default"),
        function=options.function,
        output=options.output,
        run_dir=options.run_dir,
        seed=options.seed,
        shapes=options.shapes,
    )


def flags_of(
    specs: Sequence[ReadSpec], target_name: str, target: Target, given_now: Sequence[str] | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The flags that the user gave, now or when the specs were made, and those that were chosen beside them.

    A flag of iree-compile can name a program that it runs, so on a certificate's word alone only those are used that
    may be chosen for the target. Raises InputError for another one, unless flags are given now.
    """
    made = next(((spec, found) for spec in specs for found in recorded_in([spec]) if found.target == target_name), None)
    recorded = () if made is None else beside(_beside_target(made[1].flags, target), made[0].path)
    chosen = () if made is None else tuple(flag for spec in specs for flag in spec.flags)
    allowed = {flag for flag in (*recorded, *chosen) if is_choice(target.name, flag) or is_needed_flag(flag)}
    # A preprocessing spec is as trusted as the spec that it was delivered with.
    allowed |= {flag for flag in chosen if text_in([flag])}
    if given_now is None:
        for spec in specs[:1]:
            _check_known(spec, [flag for flag in (*recorded, *chosen) if flag not in allowed], target)
        given = tuple(flag for flag in recorded if flag not in chosen)
    else:
        given = tuple(given_now)
    settled = {_flag_name(flag) for flag in given}
    chosen = tuple(flag for flag in dict.fromkeys(chosen) if flag in allowed and _flag_name(flag) not in settled)
    return given, chosen


def _beside_target(flags: Sequence[str], target: Target) -> tuple[str, ...]:
    """The recorded flags without those that select the target, which come first and may name another chip."""
    own = [_flag_name(flag) for flag in target.compile_flags]
    return tuple(flags[len(own) :] if [_flag_name(flag) for flag in flags[: len(own)]] == own else flags)


def _check_known(spec: ReadSpec, unknown: Sequence[str], target: Target) -> None:
    if unknown:
        flags = " ".join(dict.fromkeys(unknown))
        raise InputError(
            f"{spec.path} was made with {flags}, which is no choice of flags for {target.name} and is not used on a"
            f" file's word; if you trust it, give it after --, as in iree-tune check MODEL SPEC -- {flags}"
        )


def _flag_name(flag: str) -> str:
    return flag.lstrip("-").partition("=")[0]

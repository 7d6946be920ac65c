# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The stages of a run, each from what is known so far to what is known then.

A client composes its own road of these and of stages that it writes: `tuner.tune(model, stages=(tune, prove_model))`.

A stage that needs a device takes `bench.runner`, and lets DeviceLostError pass. If that device is lost and there is
another, the stage is called again from its start, with the same `known`; `bench.runner` is then the other's. So a stage
may be called several times: files that it writes exist already, and `bench.store` and `bench.finished` hold what the
calls before came to. An error that a stage raises ends the run; winners in `bench.finished`, or among `known.results`
if that is empty, are then written down as unproved. Once `bench.stop()` is true, a stage searches no further.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tuner.dispatch import Dispatch
from tuner.dispatches.extract import Extracted, extract
from tuner.errors import DeviceLostError, InputError, ToolError
from tuner.evaluate.budget import Budget
from tuner.events import CandidateEnded, Event, Note, PhaseStarted
from tuner.model.model import Model
from tuner.rates.breakdown import Breakdown
from tuner.runs.folder import Aside
from tuner.specs.allocator import UNCHOSEN, AllocatorChoice
from tuner.specs.certificate import Circumstances
from tuner.specs.circumstances import circumstances_of
from tuner.speedup import Gains
from tuner.tuning import race
from tuner.tuning.allocator import compare_allocators
from tuner.tuning.break_down import break_down_model
from tuner.tuning.dispatch_search import DispatchSearch
from tuner.tuning.dispatches import DEFAULTS_PART, Field, search_field, start_field, start_waiting
from tuner.tuning.flag_plan import default_passes, pins_of, remade_by
from tuner.tuning.flag_search import FlagChoice, choose_flags
from tuner.tuning.op_plan import may_choose_ops, ops_of
from tuner.tuning.op_search import ChosenOps, choose_ops
from tuner.tuning.plan import chosen
from tuner.tuning.prove import Proof, prove, prove_unrun
from tuner.tuning.race import Contender
from tuner.tuning.reserve import proof_s
from tuner.tuning.result import DispatchResult
from tuner.tuning.rivals import flags_are_better
from tuner.tuning.run_specs import winners_of
from tuner.tuning.whole_model import PlainModel
from tuner.tuning.workbench import Workbench


@dataclass(frozen=True, slots=True)
class Known:
    """What a run knows so far.

    `plain` is the model as it was given, `flags` what was chosen for its compilation, `ops` what was chosen for single
    ops, which `flags` apply too, `extracted` its dispatches if it is compiled with them, `results` one for each of
    these, `proof` what was measured with the whole model, `allocator` what that ran with. `untuned` are the dispatches
    of `plain`, `breakdown` says where the time of both models goes. `searches`: those behind `results`, which can
    still compare candidates with defaults.
    """

    plain: PlainModel
    extracted: Extracted
    flags: FlagChoice
    ops: ChosenOps | None = None
    results: tuple[DispatchResult, ...] = ()
    proof: Proof | None = None
    allocator: AllocatorChoice = UNCHOSEN
    untuned: tuple[Dispatch, ...] = ()
    breakdown: Breakdown | None = None
    searches: tuple[DispatchSearch, ...] = ()

    @property
    def gains(self) -> Gains | None:
        """What each part of the result gives; None if the default stays."""
        if self.proof is None or self.proof.model is None:
            return None
        is_joint = self.ops is not None and self.ops.beside_flags
        ops = None if self.ops is None or is_joint else self.ops.ratio
        flags = None if self.flags.ratio == ops else self.flags.ratio
        return Gains(ops, flags, self.proof.spec_gain, self.proof.model.ratio, is_joint)

    @property
    def model(self) -> Model:
        """The model with the flags that were chosen."""
        return self.plain.model.with_flags(*self.flags.flags)

    def circumstances(self, bench: Workbench) -> Circumstances:
        """What the certificates of this run share."""
        allocator = self.plain.program.allocator
        return circumstances_of(bench.options, bench.target, self.extracted, self.model.flags, allocator)


Stage = Callable[[Workbench, Known], Known]


def choose_allocator(bench: Workbench, known: Known) -> Known:
    """Chooses the allocator that the whole model is measured with from now on."""
    if bench.stop():
        return known
    choice = compare_allocators(bench, known.plain, known.extracted.dispatches)
    return replace(known, plain=known.plain.with_allocator(choice.allocator), allocator=choice)


def search_ops(bench: Workbench, known: Known) -> Known:
    """Chooses what becomes of single ops, and reads the dispatches that this makes."""
    if bench.stop() or not may_choose_ops(bench.options, bench.target.name):
        return known
    ops = ops_of(known.plain.model, bench.folder.path / "ops", bench.listen)
    found = choose_ops(bench, known.plain, ops, _before_proof(bench, known), known.extracted.seconds)
    if found is None:
        return known
    budget, read_s = _before_proof(bench, known), known.extracted.seconds
    if flags_are_better(bench, known.plain, known.extracted.dispatches, found, budget, read_s):
        return known
    bench.listen(Note(f"Choices for single ops: {found.name}; the model is {found.ratio} without a spec"))
    then = _compiled_with(bench, known, FlagChoice({}, found.flags, found.ratio), bench.folder.path / "chosen")
    return known if then is known else replace(then, ops=found)


def search_flags(bench: Workbench, known: Known) -> Known:
    """Chooses the flags of the whole compilation, given what was chosen for single ops, and reads the dispatches."""
    if bench.options.dispatches:
        bench.listen(
            Note("The flags stay as they are: with others there may be no dispatch of the names that were given")
        )
        return known
    base, held, fixed = known.plain, dict[str, str](), tuple[str, ...]()
    options = bench.options
    if known.ops is not None:
        held, fixed = pins_of(bench.target.name, known.ops.flags)
        base = known.ops.base(known.plain, fixed)
        kept = default_passes(bench.target.name) if known.ops.has_convolutions else {}
        options = replace(options, pins={**kept, **held, **options.pins})
    budget, read_s = _before_proof(bench, known), known.extracted.seconds
    bench_of_flags = replace(bench, options=options)
    flags = choose_flags(bench_of_flags, base, known.extracted.dispatches, budget, read_s, held)
    if flags.right is not None:
        known = replace(known, plain=replace(known.plain, right=flags.right))
    with_ops = flags if known.ops is None else _beside(known.ops, fixed, flags)
    if not flags.flags or (known.ops is not None and flags.values == held):
        with_rival = replace(known.flags, rival=with_ops.rival, run_s=with_ops.run_s)
        return replace(known, flags=with_ops if known.ops is None else with_rival)
    measured = f", {flags.ratio} without a spec" if flags.ratio else ""
    bench.listen(Note(f"Flags for the whole model: {flags.name}{measured}"))
    return _compiled_with(bench, known, with_ops, bench.folder.path / "flagged")


def search_ops_again(bench: Workbench, known: Known) -> Known:
    """Chooses what becomes of single ops for the model with the chosen flags, if they leave its convolutions to that.

    What was not worth it without them may be now: in blocks of 16 channels a convolution of three pays for 16.
    """
    flags = known.flags
    if bench.stop() or known.ops is not None or not may_choose_ops(bench.options, bench.target.name):
        return known
    if not remade_by(bench.target.name, flags.values):
        return known
    if flags.ratio is None or flags.run_s is None or flags.binary is None or flags.stand_ins:
        return known
    base = known.plain.compiled_with(flags.flags, flags.binary, flags.ratio.value)
    ops = [op for op in ops_of(base.model, bench.folder.path / "ops", bench.listen) if op.has_window]
    found = choose_ops(bench, base, ops, _before_proof(bench, known), known.extracted.seconds)
    if found is None:
        return known
    bench.listen(Note(f"Choices for single ops beside these flags: {found.name}; the model is {found.ratio} with them"))
    ratio, run_s = flags.ratio.times(found.ratio), flags.run_s / found.ratio.value
    with_ops = replace(flags, flags=(*flags.flags, *found.flags), ratio=ratio, run_s=run_s, binary=found.binary)
    then = _compiled_with(bench, known, with_ops, bench.folder.path / "chosen")
    return known if then is known else replace(then, ops=replace(found, beside_flags=True))


def _beside(ops: ChosenOps, fixed: Sequence[str], flags: FlagChoice) -> FlagChoice:
    """The flags and those that apply what was chosen for single ops, their speed-ups together. The same for a rival."""
    ratio = ops.ratio if flags.ratio is None else ops.ratio.times(flags.ratio)
    rival = flags.rival and _beside(ops, fixed, flags.rival)
    return replace(flags, flags=(*fixed, *flags.flags), ratio=ratio, rival=rival)


def _compiled_with(bench: Workbench, known: Known, flags: FlagChoice, folder: Path) -> Known:
    """What is known with these flags and their dispatches, read in `folder`; without them if these cannot be read."""
    bench.listen(PhaseStarted("reading the model compiled with these flags"))
    folder.mkdir(exist_ok=True)
    try:
        extracted = extract(known.plain.model.with_flags(*flags.flags), bench.target, folder)
    except (InputError, ToolError) as error:
        bench.listen(Note(f"The flags are dropped, for the dispatches that they make cannot be read: {error}"))
        return known
    return replace(known, flags=flags, extracted=extracted)


def tune(bench: Workbench, known: Known) -> Known:
    """Tunes every dispatch that is worth it."""
    budget = _before_proof(bench, known)
    field = _started(bench, known, DEFAULTS_PART * budget.left_s)
    ahead = _overtaking(bench, known, field, budget)
    if ahead is not None:
        known, field = ahead
        budget = _before_proof(bench, known)
        field = start_waiting(field, budget.part(DEFAULTS_PART * budget.left_s))
    then_s = known.plain.costs.proof_s(known.flags.speedup)
    try:
        results = search_field(field, budget, then_s)
    except BaseException:
        if ahead is not None:
            # The run would write them down with the flags that were overtaken. The store has what was measured.
            bench.finished.clear()
        raise
    return replace(known, results=tuple(results), searches=field.searches)


def _started(bench: Workbench, known: Known, budget_s: float, enough_s: float = math.inf) -> Field:
    """The dispatches with their defaults timed, within some seconds, or until the defaults take `enough_s`."""
    dispatches = chosen(known.extracted.dispatches, bench.options.dispatches)
    budget = _before_proof(bench, known).part(budget_s)
    return start_field(bench, dispatches, known.extracted.limits, budget, enough_s, known.flags.stand_ins)


def _overtaking(bench: Workbench, known: Known, field: Field, budget: Budget) -> tuple[Known, Field] | None:
    """What is known with the rival of the chosen flags, and its dispatches, if these overtake those of `field`."""
    flags, rival = known.flags, known.flags.rival
    if rival is None or not flags.run_s or not rival.run_s or bench.stop():
        return None
    first = Contender(flags.name, flags.run_s, field)
    if not first.is_known:
        return None
    folder = Aside.of(bench.folder, "rival")
    waiting: list[Event] = []

    def listen(event: Event) -> None:
        # Programs that read a run's events know its dispatches by name, and a rival's may have the same names.
        if isinstance(event, CandidateEnded) and not folder.has_taken_over.is_set():
            waiting.append(event)
        else:
            bench.listen(event)

    aside = replace(bench, folder=folder, listen=listen)
    then = _compiled_with(aside, known, rival, folder.path)
    if then is known:
        return None
    others = _started(aside, then, race.DEFAULTS_PART * budget.left_s, race.ENOUGH_PART * rival.run_s)
    second = Contender(rival.name, rival.run_s, others)
    if not second.is_known or not race.is_overtaken(first, second, budget):
        return None
    folder.take_over()
    for event in waiting:
        bench.listen(event)
    # A rival has no choices for ops that were made beside the other flags.
    return (replace(then, ops=None) if then.ops is not None and then.ops.beside_flags else then), others


def prove_model(bench: Workbench, known: Known) -> Known:
    """Keeps the entries that hold and pay in the whole model, and compares it with the plain one."""
    shared = known.circumstances(bench)
    flags = known.flags
    model, results, searches = known.model, known.results, known.searches
    proof = prove(bench, known.plain, model, results, shared, flags.speedup, flags.stand_ins, searches)
    return replace(known, proof=proof)


def read_back(bench: Workbench, known: Known) -> Known:
    """Keeps the entries that the compiled model holds. The model does not run: whether it is faster stays open."""
    shared, plain = known.circumstances(bench), bench.options.plain
    proof = prove_unrun(known.model, bench.target, bench.folder, known.results, shared, bench.listen, plain=plain)
    if winners_of(proof.dispatches):
        bench.listen(
            Note("The whole model was not run with these entries: --resume goes on, or iree-tune check judges them")
        )
    return replace(known, proof=proof)


def break_down(bench: Workbench, known: Known) -> Known:
    """Times each dispatch of the untuned model and of the tuned one alone, as far as there is time for it.

    What was proved stays if that fails.
    """
    if known.proof is None or bench.stop():
        return known
    tuned, results = known.extracted.dispatches, known.proof.dispatches
    if known.proof.model is None or not known.proof.flags_hold:
        # The untuned model stays. Results for a model of other flags say nothing about it.
        results = results if tuned == known.untuned else ()
        tuned = ()
    reserve_s = known.plain.costs.command_s(known.flags.speedup)
    try:
        return replace(known, breakdown=break_down_model(bench, known.untuned, tuned, results, reserve_s))
    except (DeviceLostError, ToolError) as error:
        bench.listen(Note(f"Where the time goes is not known: {error}"))
        return known


def _before_proof(bench: Workbench, known: Known) -> Budget:
    """The time until the proof must start."""
    return bench.budget.less(proof_s(bench.budget.seconds or 0.0, known.plain.costs, known.flags.speedup))


STAGES: tuple[Stage, ...] = (
    choose_allocator,
    search_ops,
    search_flags,
    search_ops_again,
    tune,
    prove_model,
    break_down,
)
# The stages of a run that ends before it compares whole models, and so chooses nothing for the whole of one.
DISPATCH_STAGES: tuple[Stage, ...] = (tune, read_back)

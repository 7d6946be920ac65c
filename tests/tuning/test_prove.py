# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The whole model decides: entries that do not pay there are dropped, the others stay."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import samples
import tuner
from tuner.compile.pool import CompileJob
from tuner.dispatch import Configuration
from tuner.evaluate.budget import Budget
from tuner.events import Event, Note
from tuner.outcome import Candidate, Evaluation
from tuner.tuning.prove import Proof
from tuner.tuning.result import TuneResult
from tuner.tuning.stages import Known, prove_model, tune
from tuner.tuning.workbench import Workbench

pytestmark = pytest.mark.runs

# A large product, and a small one of prime sizes whose default is poor.
TWO = """
func.func @two(%a: tensor<384x384xf32>, %b: tensor<384x384xf32>, %c: tensor<101x211xf32>, %d: tensor<211x103xf32>)
    -> (tensor<384x384xf32>, tensor<101x103xf32>) {
  %z = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<384x384xf32>
  %f = linalg.fill ins(%z : f32) outs(%e : tensor<384x384xf32>) -> tensor<384x384xf32>
  %g = linalg.matmul ins(%a, %b : tensor<384x384xf32>, tensor<384x384xf32>)
    outs(%f : tensor<384x384xf32>) -> tensor<384x384xf32>
  %h = tensor.empty() : tensor<101x103xf32>
  %i = linalg.fill ins(%z : f32) outs(%h : tensor<101x103xf32>) -> tensor<101x103xf32>
  %j = linalg.matmul ins(%c, %d : tensor<101x211xf32>, tensor<211x103xf32>)
    outs(%i : tensor<101x103xf32>) -> tensor<101x103xf32>
  return %g, %j : tensor<384x384xf32>, tensor<101x103xf32>
}
"""


# Four elements at a time: on no processor is it fast.
SLOW = Configuration(
    "DoubleTilingExpert",
    {"distribution": (4, 4, 0), "vector_common_parallel": (1, 4, 0), "vector_reduction": (0, 0, 1)},
)


def crown_a_slow_one(bench: Workbench, known: Known) -> Known:
    """As if noise had made a slow candidate of the large product its winner."""
    spoiled = []
    for result in known.results:
        if "384" in result.dispatch.name:
            assert result.final is not None
            assert result.dispatch.program is not None
            binary, log = bench.folder.path / "slow.vmfb", bench.folder.path / "slow.log"
            candidate = Candidate(result.final.evaluation.candidate.number, configuration=SLOW)
            job = CompileJob(result.dispatch.program, result.dispatch.name, candidate, bench.target, binary, log)
            (compilation,) = bench.compilers.compile([job])
            slow = replace(result.final.evaluation, compilation=compilation)
            result = replace(result, final=replace(result.final, evaluation=slow, accepted=True))
        spoiled.append(result)
    return replace(known, results=tuple(spoiled))


@dataclass(frozen=True, slots=True)
class Proved:
    """What two proofs made of the same winners: one without time, and the run's own."""

    unproved: Proof
    result: TuneResult
    notes: tuple[str, ...]


@pytest.fixture(name="proved", scope="module")
def prove_twice(tmp_path_factory: pytest.TempPathFactory) -> Proved:
    """Two products, one of whose winners is slow."""
    folder = tmp_path_factory.mktemp("proved")
    (folder / "model.mlir").write_text(TWO)
    unproved: list[Proof] = []
    notes: list[str] = []

    def prove_when_the_time_is_over(bench: Workbench, known: Known) -> Known:
        proof = prove_model(replace(bench, budget=Budget(1e-3)), known).proof
        assert proof is not None
        unproved.append(proof)
        return known

    def listen(event: Event) -> None:
        if isinstance(event, Note):
            notes.append(event.text)

    result = tuner.tune(
        folder / "model.mlir",
        trials=3,
        keep_flags=True,
        allocator="default",
        flags=(samples.NO_PEELING,),
        stages=(tune, crown_a_slow_one, prove_when_the_time_is_over, prove_model),
        run_dir=folder / "run",
        listen=listen,
    )
    (without_time,) = unproved
    return Proved(without_time, result, tuple(notes))


def test_an_entry_that_does_not_pay_is_dropped_and_the_others_stay(proved: Proved) -> None:
    result = proved.result
    large, small = sorted(result.dispatches, key=lambda tuned: "384" not in tuned.dispatch.name)
    assert large.winner is None
    assert "the whole model is slower with it" in large.verdict
    assert small.winner is not None
    assert result.model is not None
    assert result.model.ratio.high >= 1.0
    assert result.spec.count("transform.iree.match.contraction") == 1
    assert any("Half of the 2 entries" in note for note in proved.notes)


def test_without_time_to_find_out_which_entry_does_not_pay_none_is_kept_unproved(proved: Proved) -> None:
    dispatches = proved.unproved.dispatches
    assert [tuned.winner for tuned in dispatches] == [None, None]
    assert {tuned.verdict for tuned in dispatches} == {
        "the default stays: the budget ended before its entry could be shown to pay"
    }
    assert "match" not in proved.unproved.spec
    dropped = ": dropped, the budget ended before its entry could be shown to pay"
    assert len([note for note in proved.notes if note.endswith(dropped)]) == 2


def test_the_model_chooses_among_the_best_candidates(tmp_path: Path) -> None:
    # By default the large one takes seven times as long as most candidates, with AVX2 and AVX-512.
    two = [samples.matmul(1, 4096, 1024, "large"), samples.matmul(101, 103, 211, "small")]
    (tmp_path / "model.mlir").write_text(samples.together("two", two))
    notes: list[str] = []
    crowned: list[Evaluation] = []

    def crown_another(_: Workbench, known: Known) -> Known:
        """As if noise had made the slowest candidate of the large product that beats the default its winner."""
        (search,) = (search for search in known.searches if "4096" in search.name)
        faster = [end for end in search.finalists if end.speedup is not None and end.speedup > 1.0]
        crowned.extend((faster[0], faster[-1]))
        results = [
            search.against_default(crowned[-1], Budget()) if result.dispatch.name == search.name else result
            for result in known.results
        ]
        search.rest()
        return replace(known, results=tuple(results))

    result = tuner.tune(
        tmp_path / "model.mlir",
        trials=6,
        # Known operations would say where to start, and all candidates would be as fast.
        records=[],
        keep_flags=True,
        allocator="default",
        stages=(tune, crown_another, prove_model),
        run_dir=tmp_path / "run",
        listen=lambda event: notes.append(event.text) if isinstance(event, Note) else None,
    )
    best, slow = (end.speedup for end in crowned)
    assert best is not None and slow is not None
    assert best > 1.2 * slow > 1.2
    (large,) = (found for found in result.dispatches if "4096" in found.dispatch.name)
    assert large.final is not None and large.winner is not None and large.winner.speedup is not None
    assert large.winner.speedup > 1.1 * slow
    # It was compared with the default as any winner is, and its entry is the one in the spec.
    assert large.final.ratio.value > 1.1 * slow
    changed = f"candidate {large.winner.candidate.number} instead of "
    assert any(changed in note and "with which the model is" in note for note in notes)
    assert f"{large.final.ratio} over the default" in result.spec

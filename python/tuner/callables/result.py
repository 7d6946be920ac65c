# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What tuning a function found."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuner.evaluate.final import Final
from tuner.outcome import Evaluation
from tuner.speedup import Ratio
from tuner.tuning import notebook

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, slots=True)
class CallableResult:
    """The result of `tuner.tune_callable()`. A notebook shows it as a table; `repr` is one line.

    Attributes:
        default: The point that candidates were compared with.
        evaluations: Every candidate as it ended, the default first.
        final: The best candidate against the default, in interleaved rounds; None if no candidate ran.
        verdict: One sentence: `tuned`, or why the default stays.
    """

    default: Mapping[str, int]
    evaluations: tuple[Evaluation, ...]
    final: Final | None
    verdict: str

    @property
    def is_faster(self) -> bool:
        """Whether a candidate is shown to be faster than the default."""
        return self.final is not None and self.final.accepted

    @property
    def point(self) -> Mapping[str, int]:
        """What to use: the winner's point, or the default's if that stays."""
        return self.final.evaluation.candidate.point if self.final is not None and self.is_faster else self.default

    @property
    def ratio(self) -> Ratio | None:
        """The speed-up of the best candidate over the default with its 95 % interval, accepted or not."""
        return None if self.final is None else self.final.ratio

    @property
    def speedup(self) -> float:
        """How many times faster `point` is than the default; 1.0 if that stays."""
        return self.final.ratio.value if self.final is not None and self.is_faster else 1.0

    def to_pandas(self) -> pandas.DataFrame:
        """Every candidate as a row of a `pandas.DataFrame`, the default first.

        Columns: `candidate` (0 is the default), `fate`, `detail`, `time_s` (seconds of one run), `speedup` (over the
        default), `is_winner`, and `knob_NAME` for each knob.

        Raises:
            InputError: If pandas is not installed.
        """
        return notebook.frame([self._row(evaluation) for evaluation in self.evaluations])

    def __repr__(self) -> str:
        gain = f"{self.ratio}, " if self.is_faster else ""
        return f"<CallableResult {gain}{self.verdict}, {len(self.evaluations) - 1} candidates: {dict(self.point)}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the default and the winner. It holds no script."""
        heads = ("", *(name for name in self.default), "ms", "speed-up [95 %]", "")
        rows = [("default", *map(str, self.default.values()), self._default_ms, "", "")]
        if self.final is not None:
            best = self.final.evaluation.candidate.point
            best_ms = f"{statistics.median(self.final.paired.candidate_s) * 1e3:.4g}"
            knobs = (str(best[name]) for name in self.default)
            rows.append(("best candidate", *knobs, best_ms, str(self.final.ratio), self.verdict))
        return notebook.page(f"{self.verdict}, {len(self.evaluations) - 1} candidates", heads, rows, {})

    @property
    def _default_ms(self) -> str:
        if self.final is not None:
            return f"{statistics.median(self.final.paired.baseline_s) * 1e3:.4g}"
        return f"{(self.evaluations[0].time_s or 0.0) * 1e3:.4g}"

    def _row(self, evaluation: Evaluation) -> dict[str, Any]:
        candidate = evaluation.candidate
        winner = self.final.evaluation.candidate.number if self.final is not None and self.is_faster else None
        return {
            "candidate": candidate.number,
            "fate": evaluation.fate.value,
            "detail": evaluation.detail,
            "time_s": evaluation.time_s,
            "speedup": evaluation.speedup,
            "is_winner": candidate.number == winner,
            **notebook.knob_columns(candidate.point),
        }

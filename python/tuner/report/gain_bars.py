# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What choices for single ops, flags and the spec give: all against the untuned model."""

from __future__ import annotations

from dataclasses import dataclass

from tuner.report.plot import Plot
from tuner.report.svg import WIDTH, Canvas
from tuner.speedup import Gains, Ratio

_ROW = 36.0


@dataclass(frozen=True, slots=True)
class Step:
    """The model after one more part of the result: `over_untuned` is measured; `alone` is what this part adds."""

    name: str
    over_untuned: Ratio
    alone: Ratio | None


def steps_of(gains: Gains) -> list[Step]:
    """The parts of the result that were chosen, in the order in which they were."""
    steps = []
    if gains.ops is not None:
        steps.append(Step("choices for single ops", gains.ops, gains.ops))
    if gains.flags is not None:
        alone = gains.flags if gains.ops is None else None
        steps.append(Step(gains.flags_name if gains.ops is None else "choices and flags", gains.flags, alone))
    if gains.spec is not None or not steps:
        steps.append(Step("the spec" if not steps else "all together, with the spec", gains.together, gains.spec))
    else:
        steps.append(Step("all together", gains.together, None))
    return steps


def gain_bars(identity: str, gains: Gains) -> Plot:
    """A bar for the speed of the model after each step, as multiples of the untuned model's."""
    title = "What each part gives, over the untuned model"
    steps = steps_of(gains)
    longest = max(1.0, *(step.over_untuned.value for step in steps))
    text = "; ".join(f"{step.name}: {step.over_untuned}" for step in steps)
    canvas = Canvas(identity, title, text, _ROW * (len(steps) + 1) + 4)
    canvas.text(0, 13, "untuned model: 1.00x", "ink")
    canvas.box(0, 18, WIDTH / longest, 12, "dot", "the untuned model")
    for row, step in enumerate(steps, 1):
        ratio = step.over_untuned
        canvas.text(0, _ROW * row + 13, f"{step.name}: {ratio}", "ink")
        canvas.box(0, _ROW * row + 18, WIDTH * ratio.value / longest, 12, "winner", f"{step.name}: {ratio}")
    rows = tuple((step.name, str(step.over_untuned), str(step.alone) if step.alone else "-") for step in steps)
    return Plot(title, str(canvas), ("with", "over the untuned model [95 %]", "this part alone"), rows)

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Preprocessing specs: transform-dialect modules by which plain iree-compile applies choices for single ops.

An op is found by its name and the types of its operands; equal ops are all found. iree-compile applies the file given
by `--iree-preprocessing-transform-spec-filename` after the passes of `--iree-preprocessing-pass-pipeline`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tuner.model.model import PREPROCESSING_MARK
from tuner.op_choices import InputOp, OpChoice, Rewriting

_OP, _VALUE = "!transform.any_op", "!transform.any_value"


def preprocessing_spec(choices: Sequence[OpChoice], header: Iterable[str] = ()) -> str:
    """The file that applies the choices, at most one for each op. `header`: lines of a comment at its top."""
    comments = "".join(f"// {' '.join(line.split())}\n" for line in header)
    rewritings = [choice.rewriting for choice in choices]
    functions = "".join(
        f"  util.func private @{_function(index)}{rewriting.function}\n"
        for index, rewriting in enumerate(rewritings)
        if rewriting.function
    )
    sequences = "".join(
        _matcher(index, choice) + _action(index, choice.op, rewriting)
        for index, (choice, rewriting) in enumerate(zip(choices, rewritings, strict=True))
    )
    pairs = ",\n".join(f"      @match_{index} -> @choose_{index}" for index in range(len(choices)))
    passes = dict.fromkeys(name for rewriting in rewritings for name in rewriting.passes)
    return f"""\
{comments}{PREPROCESSING_MARK} attributes {{ transform.with_named_sequence }} {{
{functions}{sequences}
  transform.named_sequence @__transform_main(%module: {_OP} {{transform.consumed}}) {{
    %chosen = transform.foreach_match in %module
{pairs}
      : ({_OP}) -> {_OP}
{"".join(_pass(index, name) for index, name in enumerate(passes))}\
    %cleared = transform.apply_registered_pass "symbol-dce" to %chosen : ({_OP}) -> {_OP}
    transform.yield
  }}
}}
"""


def _function(index: int) -> str:
    return f"iree_tuner_op_{index}"


def _matcher(index: int, choice: OpChoice) -> str:
    op = choice.op
    lines = [f'transform.match.operation_name %op ["{op.name}"] : {_OP}']
    for number, operand in enumerate(op.operands):
        lines += [
            f"%operand{number} = transform.get_operand %op[{number}] : ({_OP}) -> {_VALUE}",
            f"transform.iree.match.cast_compatible_type %operand{number} = {operand} : {_VALUE}",
        ]
    if op.spread:
        lines += [
            f"%insertion = transform.get_producer_of_operand %op[0] : ({_OP}) -> {_OP}",
            f'transform.match.operation_name %insertion ["tensor.insert_slice"] : {_OP}',
            f"%spread = transform.get_operand %insertion[0] : ({_OP}) -> {_VALUE}",
            f"transform.iree.match.cast_compatible_type %spread = {op.spread} : {_VALUE}",
        ]
    body = "".join(f"    {line}\n" for line in lines)
    return f"""
  // {choice.label}
  transform.named_sequence @match_{index}(%op: {_OP} {{transform.readonly}}) -> {_OP} {{
{body}    transform.yield %op : {_OP}
  }}
"""


def _action(index: int, op: InputOp, rewriting: Rewriting) -> str:
    lines = []
    for number, (name, value) in enumerate(rewriting.attributes.items()):
        if value:
            lines += [
                f"%value{number} = transform.param.constant {value} -> !transform.any_param",
                f'transform.annotate %op "{name}" = %value{number} : {_OP}, !transform.any_param',
            ]
        else:
            lines.append(f'transform.annotate %op "{name}" : {_OP}')
    if rewriting.function:
        lines += _call(_function(index), op)
    body = "".join(f"    {line}\n" for line in lines)
    return f"""\
  transform.named_sequence @choose_{index}(%op: {_OP} {{transform.readonly}}) {{
{body}    transform.yield
  }}
"""


def _call(function: str, op: InputOp) -> list[str]:
    """Puts the function's body in the op's place. The compiler removes the op, which nothing uses any more."""
    first = ["%operand0 = transform.get_operand %op[0] : ({op}) -> {value}"]
    if op.spread:
        first = [
            "%insertion = transform.get_producer_of_operand %op[0] : ({op}) -> {op}",
            "%operand0 = transform.get_operand %insertion[0] : ({op}) -> {value}",
        ]
    numbers = range(len(op.operands))
    others = [f"%operand{number} = transform.get_operand %op[{number}] : ({_OP}) -> {_VALUE}" for number in numbers[1:]]
    operands = ", ".join(f"%operand{number}" for number in numbers)
    return [
        *(line.format(op=_OP, value=_VALUE) for line in first),
        *others,
        f"%operands = transform.merge_handles {operands} : {_VALUE}",
        f"%result = transform.get_result %op[0] : ({_OP}) -> {_VALUE}",
        f"%table = transform.util.get_nearest_symbol_table %op : ({_OP}) -> {_OP}",
        f"%function = transform.util.import_symbol @{function} into %table if undefined : ({_OP}) -> {_OP}",
        "transform.util.cast_and_call inline_call %function(%operands) -> %result after %op"
        f" : ({_OP}, {_VALUE}, {_VALUE}, {_OP}) -> ()",
    ]


def _pass(index: int, name: str) -> str:
    """Runs a pass on every function."""
    return f"""\
    %functions_{index} = transform.structured.match ops{{["util.func"]}} in %chosen : ({_OP}) -> {_OP}
    %passed_{index} = transform.apply_registered_pass "{name}" to %functions_{index} : ({_OP}) -> {_OP}
"""

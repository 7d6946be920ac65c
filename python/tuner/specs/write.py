# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tuning specs: transform-dialect modules that find root ops and annotate them with a compilation info.

The same annotations serve search and deployment. In a search the ops are found by their identity. A user's IR has no
identities: a spec for plain iree-compile finds ops by a matcher of the problem, and a late spec names the problem, so
that `tuner.compile.late` can find its dispatches. Each entry, and the whole spec, can carry a certificate, which the
compiler ignores and `tuner.specs.read` reads.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner import kinds
from tuner.dispatch import Annotations, Problem
from tuner.jsonable import to_plain
from tuner.specs.certificate import Certificate
from tuner.specs.preprocessing import portable
from tuner.specs.range import Range
from tuner.targets.gpu_pipelines import DERIVED_FOR
from tuner.targets.plugin_passes import needs_plugin
from tuner.targets.target import SPEC_ENTRY_POINT

# The attribute of a module of late entries, and of each of its sequences: the key of its problem.
LATE, PROBLEM = "iree_tuner.late_spec", "iree_tuner.problem"
# The attribute of an entry or a spec: its certificate as JSON, the samples reduced to their medians.
CERTIFICATE = "iree_tuner.certificate"
# The attribute of an early entry for a range of sizes: the range as JSON.
SIZES = "iree_tuner.sizes"
# The attribute of a late entry without a certificate: what the compiler says of the default that it stands in for.
STAND_IN = "iree_tuner.stand_in"
# The attribute of a spec: the flags that were chosen for the whole compilation beside the user's, as JSON.
FLAGS = "iree_tuner.flags"
# The attribute of a late spec whose entries name passes of our plugin.
NEEDS_PLUGIN = "iree_tuner.needs_plugin"
_PLUGIN = (
    "It needs iree-tuner's pass plugin, which `iree-tune compile` loads (iree-compile --load=PATH), and the passes of"
    f" IREE {DERIVED_FOR}."
)


# The attributes of the root op that most entries consist of.
_PLAIN = ("compilation_info",)


def _action(name: str, attributes: Sequence[str] = _PLAIN, function: Mapping[str, str] | None = None) -> str:
    """The sequence that annotates a matched op with the values of `attributes`, which its matcher hands over.

    `function`: the attributes of the op's function, with their values.
    """
    arguments = [f"%value{index}" for index in range(len(attributes))]
    declared = "".join(f",\n      {argument}: !transform.any_param {{transform.readonly}}" for argument in arguments)
    steps = "".join(
        f'    transform.annotate %op "{attribute}" = {argument} : !transform.any_op, !transform.any_param\n'
        for attribute, argument in zip(attributes, arguments, strict=True)
    )
    steps += "".join(
        _of_function("op", f"asked{index}", attribute, value)
        for index, (attribute, value) in enumerate((function or {}).items())
    )
    return f"""\
  transform.named_sequence @{name}(%op: !transform.any_op {{transform.readonly}}{declared}) {{
{steps}    transform.yield
  }}
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a spec: a problem, its configuration, and the certificate that it is faster.

    `stands_in`: what the compiler says of the default, if that does not compile and nothing faster was found. `sizes`:
    those that the entry is for beside the problem's own.
    """

    problem: Problem
    annotations: Annotations
    comment: str = ""
    certificate: Certificate | None = None
    stands_in: str = ""
    sizes: Range | None = None


def identity_spec(identity: str, annotations: Annotations) -> str:
    """A spec for search: annotates the ops of the one dispatch that carries this identity."""
    return f"""\
module attributes {{ transform.with_named_sequence }} {{
{_sequence(SPEC_ENTRY_POINT, identity, annotations)}}}
"""


def late_spec(
    entries: Sequence[Entry],
    header: Iterable[str] = (),
    certificate: Certificate | None = None,
    flags: Sequence[str] = (),
) -> str:
    """A spec for `iree-tune compile`, which applies it when the compiler has configured everything.

    `certificate` is that of the whole model, `flags` were chosen for its compilation. Each sequence is one of a search,
    and names its problem. `tuner.compile.late` gives the dispatches of that problem the sequence's name as their
    identity.
    """
    needs = {NEEDS_PLUGIN: ""} if any(map(_needs_plugin, entries)) else {}
    comments = "".join(_comment(line) for line in (*header, *([_PLUGIN] if needs else [])))
    sequences = "".join(
        f"  {_comment(entry.comment)}"
        + _sequence(
            f"entry_{index}",
            f"entry_{index}",
            entry.annotations,
            {PROBLEM: _quoted(entry.problem.key), **_certified(entry.certificate), **_standing_in(entry.stands_in)},
        )
        for index, entry in enumerate(entries)
    )
    attributes = _printed(
        {"transform.with_named_sequence": "", LATE: "", **needs, **_certified(certificate), **_flagged(flags)}
    )
    return f"""\
{comments}module @iree_tuner_late_spec{attributes} {{
{sequences}}}
"""


def late_path(spec: Path) -> Path:
    """The file of a spec's late entries: `spec.late.mlir` beside `spec.mlir`."""
    return spec.with_name(f"{spec.stem}.late{spec.suffix}")


def _needs_plugin(entry: Entry) -> bool:
    return any(map(needs_plugin, entry.annotations.root.values()))


def _comment(text: str) -> str:
    return f"// {' '.join(text.split())}\n"


def _certified(certificate: Certificate | None) -> dict[str, str]:
    return {} if certificate is None else {CERTIFICATE: _quoted(certificate.to_text())}


def _standing_in(reason: str) -> dict[str, str]:
    line = " ".join(reason.split()).encode("ascii", "replace").decode()
    return {STAND_IN: _quoted(line)} if reason else {}


def _flagged(flags: Sequence[str]) -> dict[str, str]:
    return {FLAGS: _quoted(json.dumps(portable(flags)))} if flags else {}


def _quoted(text: str) -> str:
    """A string of printable ASCII in MLIR's syntax."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _printed(attributes: Mapping[str, str]) -> str:
    """The attributes of an op, by name, as printed after its signature. The value "" is a unit attribute."""
    printed = ", ".join(f"{name} = {value}" if value else name for name, value in attributes.items())
    return f" attributes {{ {printed} }}" if attributes else ""


def _sequence(name: str, identity: str, annotations: Annotations, attributes: Mapping[str, str] | None = None) -> str:
    """A sequence that finds the ops of a dispatch by identity and number, and annotates them.

    Its argument is read-only: with `foreach_match` on a consumed one, iree-opt was seen to hang.
    """
    steps = [
        _annotation(f'iree_tuner.dispatch = "{identity}"', f"root{index}", attribute, value)
        for index, (attribute, value) in enumerate(annotations.root.items())
    ]
    steps += [
        _annotation(f'iree_tuner.op = "{identity}#{number}"', f"other{number}", "lowering_config", value)
        for number, value in annotations.others.items()
    ]
    steps += [
        _match(f'iree_tuner.dispatch = "{identity}"', f"inside{index}")
        + _of_function(f"inside{index}", f"asked{index}", attribute, value)
        for index, (attribute, value) in enumerate(annotations.function.items())
    ]
    return f"""\
  transform.named_sequence @{name}(%module: !transform.any_op {{transform.readonly}}){_printed(attributes or {})} {{
{"".join(steps)}    transform.yield
  }}
"""


def _match(mark: str, value: str) -> str:
    return f"""\
    %{value} = transform.structured.match attributes {{{mark}}} in %module : (!transform.any_op) -> !transform.any_op
"""


def _annotation(mark: str, value: str, name: str, attribute: str) -> str:
    return f"""\
{_match(mark, value)}\
    %{value}_config = transform.param.constant {attribute} -> !transform.any_param
    transform.annotate %{value} "{name}" = %{value}_config : !transform.any_op, !transform.any_param
"""


def _of_function(op: str, value: str, name: str, attribute: str) -> str:
    """Annotates the function of the op. The generic form is the same in all releases; the custom form is not."""
    return f"""\
    %{value}_function = "transform.get_parent_op"(%{op}) <{{op_name = "func.func"}}>
      : (!transform.any_op) -> !transform.any_op
    %{value} = transform.param.constant {attribute} -> !transform.any_param
    transform.annotate %{value}_function "{name}" = %{value} : !transform.any_op, !transform.any_param
"""


def has_matcher(problem: Problem) -> bool:
    """Whether a spec that plain iree-compile reads can reach this problem's op."""
    return kinds.matcher(problem) != ""


def problem_spec(
    entries: Sequence[Entry],
    header: Iterable[str] = (),
    certificate: Certificate | None = None,
    flags: Sequence[str] = (),
) -> str:
    """A spec for `iree-compile --iree-codegen-tuning-spec-path=`, one matcher for each entry.

    Entries for a range of sizes come last, since the first matcher that fits is the one that counts. Without entries
    the spec is valid and changes nothing. `certificate` is that of the whole model, `flags` were
    chosen for its compilation.
    """
    access = "consumed" if entries else "readonly"
    entries = sorted(entries, key=lambda entry: entry.sizes is not None)
    comments = "".join(_comment(line) for line in header)
    matchers = "".join(_matcher(index, entry) for index, entry in enumerate(entries))
    own = {
        index: f"apply_config_{index}"
        for index, entry in enumerate(entries)
        if entry.annotations.function or tuple(entry.annotations.root) != _PLAIN
    }
    actions = _action("apply_config") if len(own) < len(entries) else ""
    for index, name in own.items():
        asked = entries[index].annotations
        actions += _action(name, tuple(asked.root), asked.function)
    if entries:
        pairs = ",\n".join(
            f"      @match_{index} -> @{own.get(index, 'apply_config')}" for index in range(len(entries))
        )
        body = f"""\
    %result = transform.foreach_match in %root
{pairs}
      : (!transform.any_op) -> !transform.any_op
    transform.yield %result : !transform.any_op
"""
    else:
        body = "    transform.yield %root : !transform.any_op\n"
    attributes = _printed({"transform.with_named_sequence": "", **_certified(certificate), **_flagged(flags)})
    return f"""\
{comments}module @iree_tuner_spec{attributes} {{
{actions}{matchers}
  transform.named_sequence @{SPEC_ENTRY_POINT}(%root: !transform.any_op {{transform.{access}}})
      -> !transform.any_op attributes {{ iree_codegen.tuning_spec_entrypoint }} {{
{body}  }}
}}
"""


def _matcher(index: int, entry: Entry) -> str:
    comment = f"  {_comment(entry.comment)}" if entry.comment else ""
    values = [f"%value{number}" for number in range(len(entry.annotations.root))]
    constants = "".join(
        f"    {value} = transform.param.constant {attribute} -> !transform.any_param\n"
        for value, attribute in zip(values, entry.annotations.root.values(), strict=True)
    )
    types = ", ".join(["!transform.any_op", *("!transform.any_param" for _ in values)])
    problem, limits = (entry.problem, "") if entry.sizes is None else entry.sizes.matcher(entry.problem)
    ranged = {} if entry.sizes is None else {SIZES: _quoted(json.dumps(to_plain(entry.sizes)))}
    return f"""
{comment}  transform.named_sequence @match_{index}(%op: !transform.any_op {{transform.readonly}})
      -> ({types}){_printed({**_certified(entry.certificate), **ranged})} {{
{kinds.matcher(problem)}\
{limits}\
{constants}    transform.yield {", ".join(["%op", *values])} : {types}
  }}
"""

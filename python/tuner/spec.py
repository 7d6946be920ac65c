# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tuning specs: transform-dialect modules that find root ops and annotate them with a compilation info.

The same annotation serves search and deployment. In search the op is found by its identity; in the spec that is
delivered, by a matcher of its problem, since a user's IR carries no identities.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.dispatch import Problem
from tuner.errors import InputError

ENTRY_POINT = "__kernel_config"

_APPLY = """\
  transform.named_sequence @apply_config(%op: !transform.any_op {transform.readonly},
                                         %config: !transform.any_param {transform.readonly}) {
    transform.annotate %op "compilation_info" = %config : !transform.any_op, !transform.any_param
    transform.yield
  }
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a spec: which problem gets which configuration (`compilation_info` as printed by IREE)."""

    problem: Problem
    compilation_info: str
    comment: str = ""


def identity_spec(identity: str, annotations: Mapping[str, str], others: Mapping[int, str] | None = None) -> str:
    """A spec for search: annotates the one op that carries this `iree_tuner.dispatch` identity.

    `annotations` are attributes of that op, printed; `others` the lowering configs of the dispatch's other configured
    ops, by number. The entry takes its argument read-only: with `foreach_match` on a consumed one, iree-opt was seen
    to hang.
    """
    steps = [
        _annotation(f'iree_tuner.dispatch = "{identity}"', f"root{index}", name, value)
        for index, (name, value) in enumerate(annotations.items())
    ]
    steps += [
        _annotation(f'iree_tuner.op = "{identity}#{number}"', f"other{number}", "lowering_config", value)
        for number, value in (others or {}).items()
    ]
    return f"""\
module attributes {{ transform.with_named_sequence }} {{
  transform.named_sequence @{ENTRY_POINT}(%root: !transform.any_op {{transform.readonly}}) {{
{"".join(steps)}    transform.yield
  }}
}}
"""


def _annotation(mark: str, value: str, name: str, attribute: str) -> str:
    return f"""\
    %{value} = transform.structured.match attributes {{{mark}}} in %root : (!transform.any_op) -> !transform.any_op
    %{value}_config = transform.param.constant {attribute} -> !transform.any_param
    transform.annotate %{value} "{name}" = %{value}_config : !transform.any_op, !transform.any_param
"""


def has_matcher(problem: Problem) -> bool:
    """Whether a spec that plain iree-compile reads can reach this problem's op.

    Contractions keep their form from there to the code generator. A convolution of one output column is made anew
    after specs were applied, and an entry that matched it breaks the compilation; data-tiled products appear later.
    """
    return problem.kind == "contraction"


def problem_spec(entries: Sequence[Entry], header: Iterable[str] = ()) -> str:
    """A spec for `iree-compile --iree-codegen-tuning-spec-path=`, one matcher for each entry.

    Without entries it is valid and changes nothing.
    """
    access = "consumed" if entries else "readonly"
    comments = "".join(f"// {line}\n" for line in header)
    matchers = "".join(_matcher(index, entry) for index, entry in enumerate(entries))
    if entries:
        pairs = ",\n".join(f"      @match_{index} -> @apply_config" for index in range(len(entries)))
        body = f"""\
    %result = transform.foreach_match in %root
{pairs}
      : (!transform.any_op) -> !transform.any_op
    transform.yield %result : !transform.any_op
"""
    else:
        body = "    transform.yield %root : !transform.any_op\n"
    return f"""\
{comments}module @iree_tuner_spec attributes {{ transform.with_named_sequence }} {{
{_APPLY if entries else ""}{matchers}
  transform.named_sequence @{ENTRY_POINT}(%root: !transform.any_op {{transform.{access}}})
      -> !transform.any_op attributes {{ iree_codegen.tuning_spec_entrypoint }} {{
{body}  }}
}}
"""


def _matcher(index: int, entry: Entry) -> str:
    problem = entry.problem
    lhs, rhs, out = problem.operands
    maps = ", ".join(f"affine_map<{operand.indexing_map}>" for operand in problem.operands)
    sizes = {role: [loop.extent for loop in problem.loops if loop.role == role] for role in ("batch", "m", "n", "k")}
    checks = "\n".join(
        f"    transform.iree.match.dims_equal %{role}, {extents} : !transform.param<i64>"
        for role, extents in sizes.items()
    )
    comment = f"  // {entry.comment}\n" if entry.comment else ""
    return f"""
{comment}  transform.named_sequence @match_{index}(%op: !transform.any_op {{transform.readonly}})
      -> (!transform.any_op, !transform.any_param) {{
    %batch, %m, %n, %k = transform.iree.match.contraction %op,
      lhs_type = {lhs.element_type}, rhs_type = {rhs.element_type}, output_type = {out.element_type},
      indexing_maps = [{maps}]
      : !transform.any_op -> !transform.param<i64>
{checks}
    %config = transform.param.constant {entry.compilation_info} -> !transform.any_param
    transform.yield %op, %config : !transform.any_op, !transform.any_param
  }}
"""


def check_writable(path: Path, *, never: Path) -> None:
    """Raises InputError unless a file can be put at `path`, before any work is done for it.

    `never` is the user's model, which must not be overwritten.
    """
    if path.exists() and path.samefile(never):
        raise InputError(f"{path} is the model itself; choose another -o")
    if path.is_dir():
        raise InputError(f"{path} is a folder; name a file to write the spec to")
    folder = path.parent
    if not folder.is_dir():
        raise InputError(f"cannot write {path}: there is no folder {folder}; create it first")
    try:
        if path.exists():
            with path.open("ab"):
                pass
        with tempfile.NamedTemporaryFile(dir=folder, prefix=f".{path.name}."):
            pass
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; choose another -o") from error


def write_atomically(path: Path, text: str) -> None:
    """Puts `text` at `path` in one step: a reader or a crash never sees half of it."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

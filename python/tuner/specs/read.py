# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads a spec file, ours or somebody else's, back into its entries."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from iree.compiler import ir

from tuner import native
from tuner.dispatch import Annotations, Problem
from tuner.errors import InputError
from tuner.foreign import parse_json, printable, reason_of
from tuner.jsonable import from_plain
from tuner.model.model import PREPROCESSING_MARK
from tuner.specs.certificate import Certificate, Moment
from tuner.specs.passes import unknown_pass
from tuner.specs.preprocessing import beside, left_out
from tuner.specs.range import Range
from tuner.specs.write import CERTIFICATE, FLAGS, LATE, PROBLEM, SIZES, STAND_IN, Entry, has_matcher
from tuner.targets.target import SPEC_ENTRY_POINT
from tuner.toolchain.contexts import new_context
from tuner.toolchain.operations import ops_named

# Levels of nesting that are read. A few thousand would end the process in MLIR's parser.
_DEEPEST = 200
# Strings and comments, whose brackets do not count, then brackets.
_TOKENS = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|->|[<>]=|[\[({<\])}>]')
_STEPS = {**dict.fromkeys("[({<", 1), **dict.fromkeys("])}>", -1)}
# Exceptions when IR has a form other than ours.
_OTHER_FORM = (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError)


class UnreadableSpecError(InputError):
    """The installed compiler does not parse a spec. `reason` is its message."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} is no tuning spec that this compiler reads ({reason})")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class CertifiedEntry:
    """An entry of a spec with its certificate. `name` is that of its sequence in the spec.

    `sizes`: those that the entry is for beside the problem's own.
    """

    name: str
    problem: Problem
    annotations: Annotations
    certificate: Certificate
    sizes: Range | None = None

    @property
    def label(self) -> str:
        """Its name with its problem."""
        return f"{self.name} ({self.problem.label})"

    def reaches(self, problem: Problem) -> bool:
        """Whether it is for this problem."""
        return problem == self.problem or (self.sizes is not None and self.sizes.holds(self.problem, problem))

    def rewritten(self, certificate: Certificate | None = None) -> Entry:
        """The entry for a new spec, with another certificate if one is given."""
        certificate = certificate or self.certificate
        # That of another size of the range, if it was measured at that one.
        problem = certificate.problem or self.problem
        comment = f"{certificate.name}: {problem.label}, {certificate.ratio} over {certificate.baseline_words}"
        if self.sizes is not None:
            comment += f"; {self.sizes.words(problem)}"
        return Entry(problem, self.annotations, comment, certificate, sizes=self.sizes)


@dataclass(frozen=True, slots=True)
class ReadSpec:
    """The contents of a spec file, in its order.

    `moment` says whether plain iree-compile applies it or only `iree-tune compile`. `foreign` names the entries
    without a certificate: sequences that match some unknown problem. `stand_ins` names those that are in place of a
    default that does not compile. `certificate` is that of the whole model that the
    spec was made for; `flags` were chosen for its compilation beside the user's, and name the preprocessing spec that
    lies beside the file, if it goes with one.
    """

    path: Path
    moment: Moment
    entries: tuple[CertifiedEntry, ...]
    foreign: tuple[str, ...] = ()
    certificate: Certificate | None = None
    flags: tuple[str, ...] = ()
    stand_ins: tuple[str, ...] = ()

    @property
    def is_needed(self) -> bool:
        """Whether a model does not compile with its flags without an entry for each default that is refused."""
        return bool(self.stand_ins) or any(entry.certificate.baseline is not None for entry in self.entries)


def read_spec(path: Path) -> ReadSpec:
    """Reads a spec. Raises InputError if it is no spec, or if the preprocessing spec that it goes with is missing.

    Raises UnreadableSpecError if the compiler does not parse it.
    """
    with new_context():
        module = parse_spec(path).operation
        late = LATE in module.attributes
        sequences = {text_of(op, "sym_name", str(path)): op for op in ops_named(module, "transform.named_sequence")}
        if not late and SPEC_ENTRY_POINT not in sequences:
            named = f"module @{text_of(module, 'sym_name', str(path))}" if "sym_name" in module.attributes else ""
            if named == PREPROCESSING_MARK:
                raise InputError(f"{path} is a preprocessing spec: give the tuning spec beside it instead")
            raise InputError(f"{path} is no tuning spec: it has no sequence @{SPEC_ENTRY_POINT}")
        actions = dict.fromkeys(_late_entries(sequences), "") if late else _early_entries(module, path)
        entries, foreign, stand_ins = [], [], []
        for name, action in actions.items():
            entry = _entry(path, name, sequences.get(name), sequences.get(action), late=late)
            if entry is None and late and STAND_IN in sequences[name].attributes:
                stand_ins.append(name)
            elif entry is None:
                foreign.append(name)
            else:
                entries.append(entry)
        return ReadSpec(
            path=path,
            moment="late" if late else "early",
            entries=tuple(entries),
            foreign=tuple(foreign),
            certificate=_certificate(module, str(path)) if CERTIFICATE in module.attributes else None,
            flags=beside(_flags(module, path), path) if FLAGS in module.attributes else (),
            stand_ins=tuple(stand_ins),
        )


def missed_preprocessing(paths: Iterable[Path], flags: Sequence[str]) -> str:
    """A sentence if one of these specs goes with a preprocessing spec that `flags` do not name; "" otherwise.

    Raises InputError if one is no spec.
    """
    return next(filter(None, (left_out(_recorded_flags(path), path, flags) for path in paths)), "")


def _recorded_flags(path: Path) -> tuple[str, ...]:
    """The flags that a spec says it was made with, as it holds them; () if it says none that can be read."""
    found: tuple[str, ...] = ()
    with new_context():
        module = parse_spec(path).operation
        with contextlib.suppress(InputError):
            found += _flags(module, path) if FLAGS in module.attributes else ()
            if CERTIFICATE in module.attributes:
                found += _certificate(module, str(path)).circumstances.flags
    return found


def check_one_of_each(moments: Iterable[tuple[Path, Moment]]) -> None:
    """Raises InputError if two of these specs are for the same moment."""
    known: dict[Moment, Path] = {}
    for path, moment in moments:
        if moment in known:
            raise InputError(f"{known[moment]} and {path} are both {moment} specs; merge them first (iree-tune merge)")
        known[moment] = path


def _entry(
    path: Path, name: str, sequence: ir.Operation | None, action: ir.Operation | None, *, late: bool
) -> CertifiedEntry | None:
    """An entry that we wrote, or None if it has no certificate or another form."""
    if sequence is None or CERTIFICATE not in sequence.attributes:
        return None
    where = f"{path}: the entry {name}"
    certificate = _certificate(sequence, where)
    problem = certificate.problem
    if problem is None:
        raise InputError(f"{where} carries a whole model's certificate; tune again")
    if late and text_of(sequence, PROBLEM, where) != problem.key:
        raise InputError(f"{where} and its certificate are for two problems; tune again")
    if not late and not has_matcher(problem):
        raise InputError(f"{where} is for a problem that a spec for plain iree-compile cannot reach; tune again")
    try:
        annotations = _late_annotations(sequence) if late else _early_annotations(sequence, action)
    except _OTHER_FORM:
        return None
    sizes = None if late else _sizes(sequence, problem, where)
    return None if annotations is None else CertifiedEntry(name, problem, annotations, certificate, sizes)


def parse_spec(path: Path) -> ir.Module:
    """The module of a spec, in the current context. Raises InputError or UnreadableSpecError."""
    try:
        text = path.read_text()
        if _depth(text) > _DEEPEST:
            raise InputError(f"{path} is no tuning spec: it is nested more than {_DEEPEST} levels deep")
        if missing := unknown_pass(text, ir.Context.current):
            raise UnreadableSpecError(path, f"it lacks the pass {missing}, which an entry lists; tune again with it")
        return ir.Module.parse(text)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the spec {path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    except native.HostError as error:
        raise InputError(f"{path} needs passes of iree-tuner, which this compiler cannot use ({error})") from error
    except ir.MLIRError as error:
        raise UnreadableSpecError(path, reason_of(error)) from error


def _depth(text: str) -> int:
    """The depth of nested brackets in MLIR text."""
    return max(accumulate(_STEPS.get(token, 0) for token in _TOKENS.findall(text)), default=0)


def _late_entries(sequences: dict[str, ir.Operation]) -> list[str]:
    return [name for name, op in sequences.items() if PROBLEM in op.attributes]


def _early_entries(module: ir.Operation, path: Path) -> dict[str, str]:
    """The matchers, in the order in which they are tried, each with its action."""
    try:
        return {
            printable(str(ir.FlatSymbolRefAttr(matcher).value)): printable(str(ir.FlatSymbolRefAttr(action).value))
            for loop in ops_named(module, "transform.foreach_match")
            for matcher, action in zip(
                ir.ArrayAttr(loop.attributes["matchers"]), ir.ArrayAttr(loop.attributes["actions"]), strict=True
            )
        }
    except _OTHER_FORM as error:
        raise InputError(f"{path} is no tuning spec that can be read: its matchers have no plain names") from error


def _early_annotations(matcher: ir.Operation, action: ir.Operation | None) -> Annotations | None:
    """What our matchers hand to their action, which writes it onto the op, and constants onto its function."""
    (results,) = ops_named(matcher, "transform.yield")
    handed = [str(value.owner.attributes["value"]) for value in list(results.operands)[1:]]
    root: dict[str, str] = {}
    function: dict[str, str] = {}
    for annotate in () if action is None else ops_named(action, "transform.annotate"):
        name, value = _attribute_name(annotate), annotate.operands[1]
        if _is_of_function(annotate):
            function[name] = str(value.owner.attributes["value"])
        else:
            root[name] = handed[ir.BlockArgument(value).arg_number - 1]
    return Annotations(root, function=function) if "compilation_info" in root else None


def _is_of_function(annotate: ir.Operation) -> bool:
    target = annotate.operands[0].owner
    return isinstance(target, ir.OpView | ir.Operation) and target.name == "transform.get_parent_op"


def _late_annotations(sequence: ir.Operation) -> Annotations | None:
    """What our late sequences write: each op is found by identity, or by its number behind it, then annotated."""
    root: dict[str, str] = {}
    others: dict[int, str] = {}
    function: dict[str, str] = {}
    for annotate in ops_named(sequence, "transform.annotate"):
        match, constant = (operand.owner for operand in annotate.operands)
        if _is_of_function(annotate):
            function[_attribute_name(annotate)] = str(constant.attributes["value"])
            continue
        wanted = ir.DictAttr(match.attributes["op_attrs"])
        value = str(constant.attributes["value"])
        if "iree_tuner.op" in wanted:
            number = str(ir.StringAttr(wanted["iree_tuner.op"]).value).rpartition("#")[2]
            others[int(number)] = value
        elif "iree_tuner.dispatch" in wanted:
            root[_attribute_name(annotate)] = value
        else:
            return None
    return Annotations(root, others, function) if "compilation_info" in root else None


def _attribute_name(annotate: ir.Operation) -> str:
    """The name of an attribute. Raises ValueError for a name that we never write."""
    name = str(ir.StringAttr(annotate.attributes["name"]).value)
    if not re.fullmatch(r"[\w.]+", name):
        raise ValueError(f"an attribute is named '{name}'")
    return name


def _certificate(op: ir.Operation, where: str) -> Certificate:
    text = text_of(op, CERTIFICATE, where)
    try:
        return Certificate.from_text(text)
    except InputError as error:
        raise InputError(f"{where} carries {error}") from error


def _sizes(sequence: ir.Operation, problem: Problem, where: str) -> Range | None:
    if SIZES not in sequence.attributes:
        return None
    try:
        sizes = from_plain(Range, parse_json(text_of(sequence, SIZES, where)))
        sizes.check(problem)
    except ValueError as error:
        raise InputError(f"{where} carries a broken range of sizes: {error}") from error
    return sizes


def _flags(module: ir.Operation, path: Path) -> tuple[str, ...]:
    try:
        return from_plain(tuple[str, ...], parse_json(text_of(module, FLAGS, str(path))))
    except ValueError as error:
        raise InputError(f"{path} carries broken flags: {error}") from error


def text_of(op: ir.Operation, attribute: str, where: str) -> str:
    """The text of an attribute of a spec's op. Raises InputError if the attribute holds no text."""
    try:
        return printable(str(ir.StringAttr(op.attributes[attribute]).value))
    except _OTHER_FORM as error:
        raise InputError(f"{where} carries no text as {attribute}; tune again, or take that entry out") from error

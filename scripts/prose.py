# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Finds the most frequent slips of language in our pages and in the comments, docstrings and messages of our code.

    python scripts/prose.py [FILE...]

Prints a line for each slip; without FILE in every page and in everything in python/. `tests/house/test_prose.py` allows
none.
"""

from __future__ import annotations

import argparse
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Slip:
    """A slip of language: how it is found, and what to write in its place."""

    name: str
    pattern: re.Pattern[str]
    advice: str


@dataclass(frozen=True, slots=True)
class Found:
    """A slip in a file: the line in which its passage starts, and its words."""

    path: str
    line: int
    slip: Slip
    words: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: [{self.slip.name}] “{self.words}”: {self.slip.advice}"


# The start of a sentence, a clause or a passage.
_START = r"(?:^|(?<=[.:;!?] ))"
IN_PROSE = (
    Slip(
        "where",
        re.compile(
            rf"{_START}Where [^.?:]*?,|\b(?:Raises \w+|None|True|False|\"\"|[01]) where\b"
            r"|\bwhere (?:there (?:is|are)|it is|one is|no|none|not|nothing)\b"
        ),
        "say `if` or `when` for a condition",
    ),
    Slip("neither", re.compile(r"\bneither\b(?![^.]*\bnor\b)"), "start with the negation, or start a new sentence"),
    Slip(
        "so many",
        re.compile(
            rf"{_START}(?:So (?:many|much|long|often|few|far)\b(?! as)|Of more\b|Of [a-z ]+ so (?:many|long)\b)"
        ),
        "name the constant, then say its unit and why",
    ),
    Slip("empty docstring", re.compile(r"\bSee the module's\b|^See [A-Z]\w*\.$"), "say what it does, or leave it out"),
    Slip("kernel", re.compile(r"(?<!Linux )\b[Kk]ernels?\b(?! Tuner)"), "a unit of generated code is a dispatch"),
    Slip(
        "trial",
        re.compile(r"(?<![-=])\b[Tt]rials?\b(?!=)|\b[Ee]valuations?\b"),
        "one configuration that is tried is a candidate",
    ),
    Slip(
        "tell",
        re.compile(
            r"\b(?:is|are|was|were) (?:said|told(?! apart)|heard)\b|\b(?:which|it) says so\b|\bhears?\b|\blistened\b"
        ),
        "report, log, print or receive it",
    ),
    Slip("begin", re.compile(r"\b[Bb]eg(?:in|ins|an|un|inning)\b"), "use `start`"),
)
# Statements of SQL, and definitions of columns.
_SQL = re.compile(r"^\s*(?:begin|create|delete|insert|pragma|select|update)\b|\bnot null\b")
IN_CODE = (
    Slip(
        "each",
        re.compile(r"\bfor (?:\w+, )*each(?:, \w+)* in\b"),
        "name what it is: candidate, dispatch, entry, row",
    ),
)


def files() -> list[str]:
    """Our pages, and every module of the package."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return sorted(str(path.relative_to(ROOT)) for path in [*pages, *(ROOT / "python").rglob("*.py")])


def slips(name: str, text: str) -> list[Found]:
    """The slips in the text of a page or, if its name ends in `.py`, of a module."""
    if name.endswith(".py"):
        code = [(number, line, IN_CODE) for number, line in enumerate(text.splitlines(), 1)]
        passages = code + [(line, words, IN_PROSE) for line, words in _prose_of_code(text)]
    else:
        passages = [(line, words, IN_PROSE) for line, words in _prose_of_page(text)]
    return [
        Found(name, line, slip, found[0])
        for line, words, kinds in passages
        for slip in kinds
        for found in slip.pattern.finditer(words)
    ]


def _prose_of_code(text: str) -> Iterator[tuple[int, str]]:
    """Comments, those on successive lines as one, and strings of more than one word that are no SQL."""
    comment: list[str] = []
    started = last = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        line = token.start[0]
        if token.type == tokenize.COMMENT:
            if comment and line != last + 1:
                yield started, _plain(" ".join(comment))
                comment = []
            if not comment:
                started = line
            comment.append(token.string.lstrip("# "))
            last = line
        elif token.type == tokenize.STRING and " " in token.string:
            words = re.sub(r"^\w*(\"\"\"|'''|\"|')|(\"\"\"|'''|\"|')$", "", token.string)
            if _SQL.search(words):
                continue
            # Names of parameters and attributes, which docstrings list with a colon, are code.
            words = re.sub(r"^( +)\*{0,2}[a-z]\w*:(?= )", r"\1`…`:", words, flags=re.M)
            for paragraph in re.finditer(r"(?:.+\n?)+", words):
                yield line + words[: paragraph.start()].count("\n"), _plain(re.sub(r"\{[^{}]*\}", "…", paragraph[0]))
    if comment:
        yield started, _plain(" ".join(comment))


def _prose_of_page(text: str) -> Iterator[tuple[int, str]]:
    """Paragraphs, items of lists and rows of tables; no blocks of code and no headings."""
    blank = re.sub(r"^( *)```.*?^\1```$|<!--.*?-->", lambda block: "\n" * block[0].count("\n"), text, flags=re.M | re.S)
    passage: list[str] = []
    started = 0
    for number, line in enumerate([*blank.splitlines(), ""], 1):
        new = not line.strip() or re.match(r"\s*(?:[-*|#]|\d+\.)\s?", line) is not None
        if new and passage:
            yield started, _plain(" ".join(passage))
            passage = []
        if line.strip() and not line.startswith("#"):
            started = started if passage else number
            passage.append(re.sub(r"^\s*(?:[-*]|\d+\.) |\*\*", "", line))


def _plain(words: str) -> str:
    """Words without code, addresses of links and line breaks."""
    return re.sub(r"\s+", " ", re.sub(r"`[^`]*`", "`…`", re.sub(r"\]\([^)]*\)", "]", words))).strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", metavar="FILE", help="default: every page, and everything in python/")
    options = parser.parse_args()
    found = [slip for name in options.files or files() for slip in slips(name, (ROOT / name).read_text())]
    for slip in found:
        print(slip)
    raise SystemExit(1 if found else 0)


if __name__ == "__main__":
    main()

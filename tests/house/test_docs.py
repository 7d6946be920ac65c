# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The documentation: it builds without a warning, its links lead somewhere, and what it prints can be run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click
import pytest

import samples
from places import ROOT
from printed import blocks
from tuner import plugins
from tuner.targets.target import NO_THREADS

OURS = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")
PAGES = (*OURS, *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").rglob("*.md"))))
# Pages whose commands are run as printed, each in a folder of its own. Those that tune take a minute or more.
RUN = [
    "docs/passes.md",
    "docs/spaces.md",
    "docs/functions.md",
    *(
        pytest.param(page, marks=pytest.mark.slow)
        for page in ("README.md", "docs/tutorial.md", "docs/commands.md", "docs/running.md")
    ),
]
TIMEOUT_S = 600


def build(source: Path, site: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)],
        capture_output=True,
        text=True,
        check=False,
        cwd=source,
        timeout=TIMEOUT_S,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )


class Links(HTMLParser):
    """What a page of the site links to, and the places in it that can be linked to."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.places: set[str] = set()
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.addresses.append(value)
            if name in ("id", "name") and value:
                self.places.add(value)


def test_the_site_builds_strictly_and_every_link_leads_somewhere(tmp_path: Path) -> None:
    site = tmp_path / "site"
    done = build(ROOT, site)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    pages = {page: Links(page) for page in site.rglob("*.html") if page.name != "404.html"}
    assert len(pages) >= len(PAGES)
    checked = 0
    for page, links in pages.items():
        for address in links.addresses:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                assert parts.scheme in ("https", "data", "mailto"), f"{page} links to {address}"
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            assert target.exists(), f"{page} links to {address}, which is not there"
            if parts.fragment and target in pages:
                assert unquote(parts.fragment) in pages[target].places, f"{page} links to {address}: no such place"
            checked += 1
    assert checked > 500
    # The examples' code is shown, and the reference is made of what the code says.
    assert "AnnealingStrategy" in (site / "extending" / "strategy.html").read_text()
    assert "SquareTiles" in (site / "extending" / "space.html").read_text()
    assert "PortableCpu" in (site / "extending" / "target.html").read_text()
    assert "enumerate_space" in (site / "reference" / "constraints.html").read_text()


@pytest.mark.parametrize("page", PAGES)
def test_links_hold_in_the_repository_too(page: str) -> None:
    text = (ROOT / page).read_text()
    addresses = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:href|src)="([^"]+)"', text)
    for address in addresses:
        parts = urlsplit(address)
        if not parts.scheme and parts.path:
            assert ((ROOT / page).parent / parts.path).exists(), f"{page} links to {address}"


@pytest.mark.parametrize("page", PAGES)
def test_printed_commands_have_options_and_examples_that_exist(page: str) -> None:
    """Of every command, whether it is run or not."""
    for block in blocks(page):
        for example in re.findall(r"examples/[\w/]+\.\w+", block.text):
            assert (ROOT / example).exists(), example
        for line in block.text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if block.language == "sh" and words[:1] == ["iree-tune"]:
                assert words[1] in plugins.names("tuner.commands"), line
                command: click.Command = plugins.load("tuner.commands", words[1])
                if isinstance(command, click.Group):
                    assert words[2] in command.commands, line
                    command = command.commands[words[2]]
                known = {option for parameter in command.params for option in (*parameter.opts, "--")}
                ours = words[2 : words.index("--") if "--" in words else None]
                assert {word.partition("=")[0] for word in ours if word.startswith("-")} <= known, line


def test_printed_commands_with_a_spec_cannot_hang() -> None:
    """Those of IREE's own tools, in blocks or within sentences (docs/upstream/iree-compile-hang.md)."""
    found = []
    for page in PAGES:
        text = (ROOT / page).read_text().replace("\\\n", " ")
        for command in re.findall(r"iree-(?:compile|opt) [^`]*?(?=`|\n\S|\n\n)", text):
            if " -o " in command and re.search(
                r"--iree-codegen-(tuning-spec-path|transform-dialect-library)=", command
            ):
                found.append(page)
                assert NO_THREADS in command.split(), f"{page}: {command}"
    assert {"docs/tutorial.md", "docs/amd.md", "docs/passes.md"} <= set(found)


@pytest.mark.parametrize("page", RUN)
@pytest.mark.compiler
def test_what_is_printed_runs(page: str, tmp_path: Path) -> None:
    """In order, in one folder, which has the examples and a small model.mlir."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (tmp_path / "model.mlir").write_text(samples.matmul(48, 64, 32))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    ran = 0
    for block in blocks(page):
        if block.not_run:
            continue
        if block.language == "sh":
            command = ["bash", "-euo", "pipefail", "-c", block.text]
        else:
            script = tmp_path / f"block{ran}.py"
            script.write_text(block.text)
            command = [sys.executable, str(script)]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment, timeout=TIMEOUT_S
        )
        assert done.returncode == 0, f"{block.text}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        ran += 1
    assert ran > 0

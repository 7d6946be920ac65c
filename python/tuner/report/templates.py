# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The templates of pages, which lie beside the formats."""

from __future__ import annotations

from pathlib import Path

import jinja2

from tuner.report.svg import palette_style
from tuner.terminal.units import duration

_FOLDER = Path(__file__).parent / "formats"


def page_template(name: str) -> jinja2.Template:
    """A template of a page. What it shows is escaped unless it is marked as safe."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["duration"] = duration
    environment.globals["palette"] = palette_style()
    return environment.get_template(name)


def static_file(name: str) -> str:
    """The text of a file that lies beside the templates."""
    return (_FOLDER / name).read_text()

# Copyright 2026 The iree-tuner Authors
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Puts the repository's own pages (README, ARCHITECTURE, …) into the site, their links rewritten to where pages are."""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

_PAGES = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "architecture.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Called by mkdocs when it has found the pages in `docs`."""
    root = Path(config.config_file_path).parent
    for source, page in _PAGES.items():
        files.append(File.generated(config, page, content=_rewritten((root / source).read_text())))
    return files


def _rewritten(text: str) -> str:
    """Links as they are within `docs`; in HTML, which mkdocs leaves alone, as they are within the site."""
    text = re.sub(r'(href|src)="docs/([^"]+?)(\.md)?"', lambda at: f'{at[1]}="{at[2]}{".html" if at[3] else ""}"', text)
    text = text.replace("](docs/", "](")
    for source, page in _PAGES.items():
        text = text.replace(f"]({source})", f"]({page})")
    return text

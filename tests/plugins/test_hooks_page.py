"""The guide to hooks has every hook, each with an example that fits its specification."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

from blocks import ROOT, blocks
from zoo_core.hooks.implementations import HookSource, implementation, is_first_result
from zoo_core.hooks.names import HOOKS

PAGE = "docs/hooks.md"


def test_every_hook_is_documented_in_its_order() -> None:
    text = Path(ROOT / PAGE).read_text("utf-8")
    assert tuple(re.findall(r"^## (\w+)$", text, re.M)) == HOOKS


def test_every_example_fits_its_hook() -> None:
    module = ModuleType("zoo_plugin_mine.hooks")
    code = "\n".join(block.text for block in blocks(PAGE) if block.language == "python")
    exec(compile(code, PAGE, "exec"), vars(module))
    source = HookSource("zoo-plugin-mine", module, "zoo_plugin_mine.hooks", "mine")
    for hook in HOOKS:
        assert implementation(hook, source) is not None, hook


def test_the_page_says_which_hooks_take_one_answer() -> None:
    sections = re.split(r"^## ", Path(ROOT / PAGE).read_text("utf-8"), flags=re.M)[1:]
    for section in sections:
        assert ("One answer" in section) == is_first_result(section.split()[0]), section.split()[0]

"""What listing leaves out of sys.modules, seen in processes of their own."""

from __future__ import annotations

from textwrap import dedent

import pytest

from registry.sites import HEADER, Site, registry_file

HEAVY = "('torch', 'pydantic', 'huggingface_hub', 'pluggy', 'numpy', 'importlib.metadata')"
REPORT = f"""
import sys
heavy = [m for m in sys.modules if m.startswith('zoo_plugin_') or m in {HEAVY}]
print(sorted(heavy))
"""


@pytest.mark.parametrize("warm", [False, True])
def test_listing_imports_nothing_heavy_and_no_plugin(site: Site, warm: bool) -> None:
    site.plugin("good", registry_file("good", 3), models="raise SystemExit('imported')")
    site.plugin("bad", "schema: [")
    code = """
    from zoo_core import plugins, registry
    plugins.installed(), plugins.problems(), plugins.commands()
    registry.list_models('*', provides='Generator'), registry.list_architectures()
    registry.info('good/model-1'), registry.info('good/arch-0'), registry.closest('god/model')
    """
    code = dedent(code) + REPORT
    if warm:
        site.run(code)
        assert list((site.folder / "_home" / "registry").iterdir())
    assert site.run(code) == "[]\n"


def test_a_warm_listing_reads_no_yaml(site: Site) -> None:
    site.plugin("good", registry_file("good", 3))
    code = "from zoo_core import registry; import sys; print(len(registry.list_models('good/*')))"
    assert site.run(code) == "3\n"
    assert site.run(code + "; print('yaml' in sys.modules)") == "3\nFalse\n"


def test_a_hook_module_is_imported_when_its_hook_is_called(site: Site) -> None:
    hooks = "  hooks: {module: zoo_plugin_good.hooks, implements: [zoo_datasets]}\n"
    module = """
    from zoo_core.hooks import hookimpl
    @hookimpl
    def zoo_datasets():
        return {'mine': list}
    """
    site.plugin("good", HEADER.format("good") + hooks, hooks=module)
    code = """
    import sys
    from zoo_core.plugins import facade
    facade.metrics()
    print('zoo_plugin_good.hooks' in sys.modules)
    print(facade.datasets()['mine'], 'zoo_plugin_good.hooks' in sys.modules)
    """
    assert site.run(code, ZOO_PLUGINS="good") == "False\n<class 'list'> True\n"

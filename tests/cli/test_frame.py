"""What all commands share: help, laziness, errors and exit codes, plugins' own commands."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence

import click
import pytest
from click.testing import CliRunner, Result

import zoo_core
from registry.sites import Site, registry_file
from zoo_core import errors
from zoo_core.cli.root import COMMANDS, zoo

Run = Callable[..., Result]
HEAVY = ("torch", "pydantic", "huggingface_hub", "rich", "yaml", "numpy", "PIL", "pluggy")

COMMAND = """
commands:
  greet: {target: "zoo_plugin_greeter.command:greet", help: Say hello.}
"""
GREET = """
import click

@click.command()
@click.argument("name")
def greet(name):
    click.echo(f"hello {name}")
    return 3
"""


def _spawn(site: Site, *args: str, code: str = "", **settings: object) -> subprocess.Popen[str]:
    program = f"import sys; sys.argv[0] = 'zoo'\n{code}\nfrom zoo_core.cli import main\nmain()"
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(
        [sys.executable, "-c", program, *args], env=site.environment(), **{**pipes, **settings}
    )  # type: ignore[call-overload]


def _run(site: Site, *args: str, code: str = "") -> tuple[int, str, str]:
    process = _spawn(site, *args, code=code)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def _greeter(site: Site, source: str = GREET) -> None:
    text = registry_file("greeter").replace("  api: 0\n", "  api: 0\n" + _indented(COMMAND))
    site.plugin("greeter", text, command=source)


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.strip().splitlines())


@pytest.mark.parametrize(
    "path",
    [(name,) for name in COMMANDS] + [("registry", "check"), ("cache", "show"), ("cache", "clear")],
)
def test_every_command_has_help_with_an_example(run: Run, path: Sequence[str]) -> None:
    for flag in ("--help", "-h"):
        done = run(*path, flag)
        assert done.exit_code == 0
        group = path in [("registry",), ("cache",)]
        assert group or f"Examples:\n  zoo {' '.join(path[:1])}" in done.stdout


def test_one_line_helps_are_those_of_the_commands() -> None:
    context = click.Context(zoo)
    for name, entry in COMMANDS.items():
        command = zoo.get_command(context, name)
        assert command is not None and command.name == name
        assert (command.help or "").split("\n")[0] == entry.help


def test_zoo_alone_is_help_and_has_a_version(run: Run) -> None:
    assert run().stdout == run("--help").stdout
    assert run().exit_code == 0
    assert run("--version").stdout == f"zoo {zoo_core.__version__}\n"


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["smaple"], "there is no command 'smaple'. Did you mean sample? See `zoo --help`."),
        (["--nonsense"], "'--nonsense'"),
        (["sample"], "missing argument 'REF'. See `zoo sample --help`."),
        (["list", "--tga"], "See `zoo list --help`."),
        (["registry", "chekc"], "chekc"),
        (["cache", "clear"], "say what"),
        (["info", "core/lable"], "core/label"),
        (["info", "owner/Repo"], "is written hf://owner/Repo."),
        (["info", "https://huggingface.co/o/r/tree/v1"], "is written hf://o/r@v1."),
        (["sample", "x/y", "--temperature", "2"], "--option temperature=…"),
        (["sample", "x/y", "--prompt", "2"], "Did you mean --condition or --observed?"),
        (["sample", "x/y", "--max-length", "2"], "Did you mean --length?"),
        (["list", "--prompt", "2"], "no such option '--prompt'. See"),
    ],
)
def test_mistakes_are_one_line(run: Run, args: list[str], says: str) -> None:
    done = run(*args)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("zoo: ") and done.stderr.count("\n") == 1
    assert says in done.stderr


@pytest.mark.parametrize("where", [0, 1, 2])
def test_a_traceback_only_with_debug(run: Run, where: int) -> None:
    args = ["info", "core/lable"]
    assert "Traceback" not in run(*args).stderr
    args.insert(where, "--debug")
    done = run(*args)
    assert done.exit_code == 2
    assert "Traceback" in done.stderr and done.stderr.splitlines()[-1].startswith("zoo: ")


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (errors.DataError("Two\nlines", remedy="Mend\nit."), 2, "zoo: Two lines. Mend it.\n"),
        (ValueError("oh\nno"), 1, "zoo: unexpected ValueError: oh no (--debug shows the"),
        (click.ClickException("broken"), 2, "zoo: broken\n"),
        (KeyboardInterrupt(), 130, "zoo: interrupted.\n"),
    ],
)
def test_each_error_has_its_exit_code(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, says: str
) -> None:
    @click.command()
    def failing() -> None:
        raise error

    monkeypatch.setattr(type(zoo), "get_command", lambda *_: failing)
    done = run("list")
    assert done.exit_code == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_warnings_are_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def warning() -> None:
        import warnings

        warnings.warn("mind\nthe gap", stacklevel=1)

    monkeypatch.setattr(type(zoo), "get_command", lambda *_: warning)
    assert run("list").stderr == "zoo: warning: mind the gap\n"


def test_it_can_be_run_inside_another_program() -> None:
    with pytest.raises(click.UsageError):
        CliRunner().invoke(zoo, ["--nonsense"], standalone_mode=False, catch_exceptions=False)


def test_a_closed_pipe_is_no_error(site: Site) -> None:
    site.plugin("many", registry_file("many", models=3000))
    process = _spawn(site, "list")
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(60) in (0, 1)
    assert process.stderr.read() == ""
    process.stderr.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for a child")
def test_an_interrupt_is_no_traceback(site: Site) -> None:
    # A parent that runs in the background hands on that interrupts are ignored.
    heard = "signal.signal(signal.SIGINT, signal.default_int_handler)"
    sent = "os.kill(os.getpid(), signal.SIGINT)"
    _greeter(site, f"import os, signal, time\n{heard}\n{sent}\ntime.sleep(60)")
    code, out, err = _run(site, "greet", "you")
    assert (code, out) == (130, "")
    assert err.strip().splitlines()[-1] == "zoo: interrupted."


@pytest.mark.parametrize(
    "args",
    [["--help"], ["list"], ["info", "p1/model-0"], ["plugins"], ["--version"], ["completion"]],
)
def test_what_needs_no_model_loads_nothing_heavy(site: Site, args: list[str]) -> None:
    for i in range(3):
        site.plugin(f"p{i}", registry_file(f"p{i}", models=2), models="raise RuntimeError")
    assert _run(site, "list")[0] == 0  # Compiles the index, which needs yaml.
    code = (
        "import atexit, json\n"
        "atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))"
    )
    status, out, err = _run(site, *args, code=code)
    assert status == 0 and out
    loaded = set(json.loads(err.splitlines()[-1]))
    assert not loaded & {*HEAVY, *(f"zoo_plugin_p{i}" for i in range(3))}


def test_a_plugins_command_is_one_of_zoos(site: Site) -> None:
    _greeter(site)
    code, out, _ = _run(site, "--help")
    assert code == 0 and "greet" in out and "Say hello. (zoo-plugin-greeter)" in out
    assert _run(site, "greet", "you") == (0, "hello you\n", "")
    code, _, err = _run(site, "greet")
    assert (code, err) == (2, "zoo: missing argument 'NAME'. See `zoo greet --help`.\n")


@pytest.mark.parametrize("source", ["def greet(:", "greet = 3", "import no_such_module", ""])
def test_a_broken_command_breaks_only_itself(site: Site, source: str) -> None:
    _greeter(site, source)
    for args in (["--help"], ["list"], ["plugins"]):
        assert _run(site, *args)[0] == 0
    code, _, err = _run(site, "greet", "you")
    assert code == 2
    assert err.startswith("zoo: ") and err.count("\n") == 1 and "zoo-plugin-greeter" in err


def test_a_command_of_a_known_plugin_says_how_to_install_it(site: Site) -> None:
    text = registry_file("greeter").replace("  api: 0\n", "  api: 0\n" + _indented(COMMAND))
    index = site.folder / "index.yaml"
    body = "".join(f"    {line}\n" for line in text.splitlines() if not line.startswith("schema"))
    index.write_text("schema: 1\nplugins:\n  -" + body[3:], encoding="utf-8")
    code = f"import os; os.environ['ZOO_REGISTRY'] = {str(index)!r}"
    status, _, err = _run(site, "greet", "you", code=code)
    assert status == 2
    assert "pip install zoo-plugin-greeter" in err and err.count("\n") == 1
    _greeter(site)
    off = f"{code}; os.environ['ZOO_DISABLE'] = 'greeter'"
    status, _, err = _run(site, "greet", "you", code=off)
    assert status == 2 and "is disabled: ZOO_DISABLE names it." in err


def test_it_runs_as_a_module(site: Site) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "zoo_core.cli", "--version"],
        env=site.environment(),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, f"zoo {zoo_core.__version__}\n")

"""Against the real Hub, where a person asks for it: ZOO_LIVE_HUB=1.

Reading needs nothing else. Writing needs a token and ZOO_LIVE_REPO=owner/repo, a repository of
yours that may be written to.
"""

from __future__ import annotations

import os

import pytest

import zoo_core as zoo
from hub.standins import models
from zoo_core.errors import HubError, PrivateRepositoryError, RevisionNotFoundError
from zoo_core.hub import HubReference, resolve
from zoo_core.publishing import push
from zoo_core.publishing.comparing import compare

REPO = "hf-internal-testing/tiny-random-gpt2"
pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        os.environ.get("ZOO_LIVE_HUB") != "1",
        reason="talks to the real Hub; set ZOO_LIVE_HUB=1 to run it",
    ),
]


def test_a_public_repository() -> None:
    fetched = resolve(HubReference(REPO)).bring(["config.json"])
    assert fetched.pinned.is_pinned
    assert fetched.files["config.json"].path.stat().st_size
    again = resolve(fetched.pinned).bring(["config.json"])
    assert again.files == fetched.files


def test_a_large_file_comes_verified() -> None:
    fetched = resolve(HubReference(REPO)).bring(["model.safetensors"])
    assert len(fetched.files["model.safetensors"].sha256 or "") == 64


def test_refusals() -> None:
    with pytest.raises(RevisionNotFoundError):
        resolve(HubReference(REPO, "no-such-tag"))
    with pytest.raises((PrivateRepositoryError, HubError)):
        resolve(HubReference("hf-internal-testing/there-is-no-such-thing"))


@pytest.mark.skipif("ZOO_LIVE_REPO" not in os.environ, reason="set ZOO_LIVE_REPO=owner/repo")
@pytest.mark.filterwarnings("ignore::zoo_core.loading.locating.UnpinnedWarning")
def test_push_and_load() -> None:
    model = models()["vae"]
    pushed = push(model, os.environ["ZOO_LIVE_REPO"], private=True)
    compare(model, zoo.load(pushed.pin))

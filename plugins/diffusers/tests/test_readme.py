"""The README runs, with tiny pipelines in the large ones' places on a Hub of the tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from blocks import run_page
from hub.loopback import LoopbackHub

REPOSITORIES = {
    "stable-diffusion-v1-5/stable-diffusion-v1-5": "stable_diffusion",
    "cvssp/audioldm-s-full-v2": "audio_ldm",
    "ali-vilab/text-to-video-ms-1.7b": "text_to_video",
    "Wan-AI/Wan2.1-T2V-1.3B-Diffusers": "wan",
}


def test_every_block_of_the_readme_runs(saved: Callable[[str], Path], tmp_path: Path) -> None:
    with LoopbackHub() as hub:
        for repository, name in REPOSITORIES.items():
            folder = saved(name)
            inside = [path for path in folder.rglob("*") if path.is_file()]
            files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in inside}
            hub.repository(repository).put(files)
        surroundings = {
            "HF_ENDPOINT": hub.endpoint,
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
        }
        for variable in ("HF_HOME", "ZOO_HOME", "XDG_CONFIG_HOME", "APPDATA"):
            surroundings[variable] = str(tmp_path / variable)
        run_page("plugins/diffusers/README.md", tmp_path, surroundings)

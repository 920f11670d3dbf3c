from __future__ import annotations

import subprocess
import sys

from polymodal_core.config import ImporterConfig
from polymodal_datasets.plugin import register_importers


def test_importers() -> None:
    configs = register_importers()
    assert all(issubclass(config, ImporterConfig) for config in configs)
    assert [config.kind_name() for config in configs] == [
        "rooms",
        "manifest",
        "image_folder",
        "merge",
        "flickr8k",
        "flickr30k",
        "coco",
        "cc3m",
        "cifar10",
        "cifar100",
        "vqa2",
        "cub",
        "sunrgbd",
        "nyuv2",
        "speech_commands",
        "ljspeech",
        "fsdd",
        "mnist_fsdd",
    ]


def test_listing_importers_reads_no_data_library() -> None:
    code = (
        "import sys, polymodal_datasets.plugin as plugin; plugin.register_importers(); "
        "print([name for name in ('torch', 'numpy', 'pyarrow', 'lmdb', 'PIL') if name in "
        "sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""What polymodal-datasets adds: importers."""

from __future__ import annotations

from collections.abc import Sequence

from polymodal_core.config import ImporterConfig
from polymodal_core.hookspecs import hookimpl

from polymodal_datasets.importers.cc3m import CC3MConfig
from polymodal_datasets.importers.cifar import CIFAR10Config, CIFAR100Config
from polymodal_datasets.importers.coco import COCOConfig
from polymodal_datasets.importers.cub import CUBConfig
from polymodal_datasets.importers.flickr8k import Flickr8kConfig
from polymodal_datasets.importers.flickr30k import Flickr30kConfig
from polymodal_datasets.importers.fsdd import FSDDConfig
from polymodal_datasets.importers.image_folder import ImageFolderConfig
from polymodal_datasets.importers.ljspeech import LJSpeechConfig
from polymodal_datasets.importers.manifest import ManifestConfig
from polymodal_datasets.importers.merge import MergeConfig
from polymodal_datasets.importers.mnist_fsdd import MnistFsddConfig
from polymodal_datasets.importers.nyuv2 import NYUv2Config
from polymodal_datasets.importers.speech_commands import SpeechCommandsConfig
from polymodal_datasets.importers.sunrgbd import SUNRGBDConfig
from polymodal_datasets.importers.vqa2 import VQA2Config
from polymodal_datasets.rooms.importer import RoomsConfig


@hookimpl
def register_importers() -> Sequence[type[ImporterConfig]]:
    """Rendered rooms, tables of files, and original layouts of known data sets."""
    return (
        RoomsConfig,
        ManifestConfig,
        ImageFolderConfig,
        MergeConfig,
        Flickr8kConfig,
        Flickr30kConfig,
        COCOConfig,
        CC3MConfig,
        CIFAR10Config,
        CIFAR100Config,
        VQA2Config,
        CUBConfig,
        SUNRGBDConfig,
        NYUv2Config,
        SpeechCommandsConfig,
        LJSpeechConfig,
        FSDDConfig,
        MnistFsddConfig,
    )

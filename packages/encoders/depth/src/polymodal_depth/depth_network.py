"""A depth-estimation model of transformers, as a function from pixels to a map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from polymodal_core.errors import PolymodalError

Map = NDArray[np.float32]
METRIC_TYPES = frozenset({"glpn", "zoedepth", "depth_pro"})
"""Architectures that predict metres."""


class DepthNetwork:
    """Predicts a map of what the model calls depth: metres, or nearness without a scale."""

    def __init__(self, name: str, *, device: str = "cpu") -> None:
        """Load a model by name, or from a folder as save_pretrained writes it.

        Raises PolymodalError where transformers, the model or the device is missing.
        """
        try:
            import transformers
        except ImportError:
            raise PolymodalError(
                "depth is estimated by transformers, which is not installed: "
                "pip install 'polymodal-depth[estimate]'"
            ) from None
        model, processor = (
            _loaded(kind.from_pretrained, name)
            for kind in (transformers.AutoModelForDepthEstimation, transformers.AutoImageProcessor)
        )
        try:
            self._model = model.eval().to(device)
        except (RuntimeError, AssertionError) as error:
            reason = str(error).splitlines()[0]
            raise PolymodalError(f"device '{device}' cannot be used: {reason}") from None
        self._processor, self._device = processor, device

    @property
    def metric(self) -> bool:
        """Whether the model says that it predicts metres."""
        config = self._model.config
        kind = getattr(config, "depth_estimation_type", None)
        return bool(kind == "metric" or config.model_type in METRIC_TYPES)

    def __call__(self, pixels: NDArray[np.uint8]) -> Map:
        """Predict from uint8 [height, width, 3] a map float32 [height, width] of the same place."""
        import torch
        from torch.nn.functional import interpolate

        inputs = self._processor(images=[np.array(pixels)], return_tensors="pt")
        with torch.inference_mode():
            found = self._model(pixel_values=inputs["pixel_values"].to(self._device))
            wide = interpolate(
                found.predicted_depth.float().unsqueeze(1),
                size=pixels.shape[:2],
                mode="bilinear",
                align_corners=False,
            )
        return np.asarray(wide[0, 0].cpu().numpy(), dtype=np.float32)


def _loaded(load: Any, name: str) -> Any:
    folder = Path(name).expanduser()
    local = folder.is_absolute() or name.startswith((".", "~"))
    if local and not folder.is_dir():
        raise PolymodalError(
            f"model '{name}': no such folder; wanted one with config.json and "
            f"preprocessor_config.json, or the name of a depth-estimation model on huggingface.co"
        )
    try:
        return load(str(folder) if folder.is_dir() else name)
    except Exception as error:  # transformers raises OSError, ValueError, SafetensorError, ...
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise PolymodalError(
            f"model '{name}' cannot be loaded for depth estimation: {reason}; give the path of a "
            f"folder with its files instead of the name (on a machine with a connection: "
            f"`hf download NAME --local-dir FOLDER`)"
        ) from error

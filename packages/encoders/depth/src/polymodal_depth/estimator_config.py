"""Options of the estimator of depth from pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from polymodal_core.config import EstimatorConfig

if TYPE_CHECKING:
    from polymodal_depth.estimator import DepthEstimator


class DepthEstimatorConfig(EstimatorConfig):
    """Depth from single pictures by a model of transformers, by name or the path of a folder.

    `metric` says whether the model predicts metres, or nearness without a scale; by default its
    own files say so. `device` is where it runs.
    """

    source: ClassVar[str] = "image"
    metric: bool | None = None
    device: str = "cpu"

    def build(self) -> DepthEstimator:
        """Load the model; raises PolymodalError where it is missing."""
        from polymodal_depth.depth_network import DepthNetwork
        from polymodal_depth.estimator import DepthEstimator

        network = DepthNetwork(self.model, device=self.device)
        metric = network.metric if self.metric is None else self.metric
        return DepthEstimator(network, metric=metric, name=self.model)

"""A small depth-estimation model with random weights, saved as users find theirs."""

from __future__ import annotations

from pathlib import Path

import torch

SCALE = 12


def save_dpt(folder: Path, *, kind: str | None = None) -> Path:
    """Save a DPT whose `depth_estimation_type` is `kind`, with its image processor."""
    from transformers import DPTConfig, DPTForDepthEstimation, DPTImageProcessor

    config = DPTConfig(
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=32,
        patch_size=8,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8,
        is_hybrid=False,
    )
    if kind is not None:
        config.depth_estimation_type = kind
    torch.manual_seed(0)
    model = DPTForDepthEstimation(config)
    # Fresh weights give the same value everywhere, and the last ReLU may make a 0 of it.
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if name == "head.head.4.bias":
                weights.fill_(1.0)
            elif weights.dim() > 1 and name.startswith(("neck", "head")):
                weights.mul_(SCALE)
    model.save_pretrained(folder)
    DPTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder

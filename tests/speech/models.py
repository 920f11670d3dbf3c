"""Tiny speech transformers with random weights, in folders as Hugging Face lays them out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

CONVOLUTIONS: dict[str, Any] = {
    "conv_dim": (8, 8, 8),
    "conv_kernel": (10, 3, 2),
    "conv_stride": (5, 2, 2),
    "num_feat_extract_layers": 3,
}
SMALL: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
    **CONVOLUTIONS,
}
KINDS: dict[str, dict[str, Any]] = {
    "hubert-base": {"model_type": "hubert", "feat_extract_norm": "group"},
    "hubert-large": {
        "model_type": "hubert",
        "feat_extract_norm": "layer",
        "do_stable_layer_norm": True,
        "conv_bias": True,
    },
    "wav2vec2-base": {"model_type": "wav2vec2", "feat_extract_norm": "group"},
    "wav2vec2-large": {
        "model_type": "wav2vec2",
        "feat_extract_norm": "layer",
        "do_stable_layer_norm": True,
    },
    "wavlm": {"model_type": "wavlm", "feat_extract_norm": "group"},
}


def save_model(folder: Path, kind: str, *, seed: int = 0, normalise: bool | None = True) -> str:
    """Write a waveform model; `normalise` goes to preprocessor_config.json, None writes none."""
    import transformers

    config = transformers.AutoConfig.for_model(**KINDS[kind], **SMALL)
    architectures: Any = transformers.AutoModel
    torch.manual_seed(seed)
    _untied(architectures.from_config(config)).save_pretrained(str(folder))
    if normalise is not None:
        settings = {
            "feature_extractor_type": "Wav2Vec2FeatureExtractor",
            "do_normalize": normalise,
            "sampling_rate": 16_000,
        }
        (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return str(folder)


def save_whisper(folder: Path, *, positions: int = 50) -> str:
    """Write a Whisper model that hears positions * 20 ms."""
    import transformers

    config = transformers.WhisperConfig(
        d_model=16,
        encoder_layers=2,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=24,
        decoder_ffn_dim=24,
        num_mel_bins=20,
        max_source_positions=positions,
        max_target_positions=8,
        vocab_size=12,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
    )
    torch.manual_seed(0)
    _untied(transformers.WhisperModel(config)).save_pretrained(str(folder))
    return str(folder)


def _untied(model: Any) -> Any:
    # At random every layer says nearly the same: weights five times as large tell them apart.
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2 and "embed" not in name:
                parameter.mul_(5)
    return model

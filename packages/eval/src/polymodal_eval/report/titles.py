"""What tasks and metrics are called where people read."""

from __future__ import annotations

TASKS = {
    "retrieval": "Retrieval",
    "enrichment": "Enrichment",
    "zero_shot": "Zero-shot classification",
    "prompts": "Zero-shot classification by class names",
    "probe": "Probes",
    "few_shot": "Few-shot classification",
    "episodes": "Few-shot classification by episodes",
    "classification": "Classification",
    "robustness": "Robustness",
    "segmentation": "Segmentation",
    "vqa": "Visual question answering",
}
METRICS = {
    "accuracy": "Accuracy",
    "mean_iou": "Mean IoU",
    "pixel_accuracy": "Pixel accuracy",
    "class_accuracy": "Class accuracy",
    "number": "Number",
    "other": "Other",
    "t1": "T1",
    "usual": "Usual answer",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "f1_weighted": "F1 weighted",
    "top5": "Top 5",
    "r_precision": "R-Precision",
    "map": "mAP",
    "yes/no": "Yes/no",
    "median_rank": "Median rank",
}


def task_title(task: str) -> str:
    """Title a task; one of another package by its own name: `sound_probe` is `Sound probe`."""
    return TASKS.get(task, task.replace("_", " ").capitalize())


def metric_name(name: str) -> str:
    """Write a metric as people do: `r@1` as `R@1`."""
    return METRICS.get(name, name.replace("r@", "R@"))

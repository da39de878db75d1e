"""The network of a folder in torch, made here or imported."""

import os
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # nothing here may wait for a network

import torch
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils import logging

logging.disable_progress_bar()

Network = Any


def load(folder: Path) -> Network:
    """Read a network made here or imported: safetensors only, no code of the folder, 32 bits."""
    return AutoModelForCausalLM.from_pretrained(
        folder,
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
        dtype=torch.float32,
    ).eval()


def empty(folder: Path) -> Network:
    """Return a network of the folder's shape; its weights are to be filled in."""
    config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()

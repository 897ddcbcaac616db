"""What a measurement was made on: processor, memory, system, versions, commit."""

import functools
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from materials.errors import RequestError, unknown

MATRIX_FLAGS = (
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx_vnni",
    "avx512_bf16",
    "amx_bf16",
    "amx_int8",
    "asimd",
    "i8mm",
    "bf16",
)
DEVICES = ("cpu", "cuda")
PACKAGES = (
    "distilbench",
    "torch",
    "transformers",
    "tokenizers",
    "onnx",
    "onnxscript",
    "onnxruntime",
    "onnxruntime-gpu",
    "openvino",
    "nncf",
    "numpy",
    "fasttext-numpy2-wheel",
    "scikit-learn",
    "model2vec",
)


@functools.cache
def describe_machine() -> dict[str, Any]:
    """Processor, its matrix instruction sets, cores, memory in bytes, and operating system."""
    import cpuinfo
    import psutil

    processor = cpuinfo.get_cpu_info()
    return {
        "processor": processor.get("brand_raw", platform.processor()),
        "instruction_sets": [flag for flag in MATRIX_FLAGS if flag in processor.get("flags", ())],
        "cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def check_device(device: str) -> None:
    """Raise RequestError for a device that this machine lacks."""
    if device not in DEVICES:
        raise RequestError(unknown("device", device, DEVICES))
    if device == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise RequestError("device is cuda, but torch sees no GPU here; choose cpu")


def describe_gpu() -> dict[str, Any] | None:
    """Name and memory in bytes of the GPU, and the CUDA version of torch; none without a GPU."""
    import torch

    if not torch.cuda.is_available():
        return None
    properties = torch.cuda.get_device_properties(0)
    return {"gpu": properties.name, "memory_bytes": properties.total_memory, "cuda": torch.version.cuda}


@functools.cache
def package_versions() -> dict[str, str]:
    """The versions of the packages that compute or time anything; absent ones are left out."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def git_commit() -> str | None:
    """The commit of the checkout that distilbench runs from, with '+' when it has changes; none outside a checkout."""
    folder = Path(__file__).parent
    if _git(folder, "ls-files", "--error-unmatch", Path(__file__).name) is None:
        return None
    commit = _git(folder, "rev-parse", "HEAD")
    return commit and commit + ("+" if _git(folder, "status", "--porcelain") else "")


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        answer = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None

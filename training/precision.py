"""Which precision trains fastest without harm on the processor or GPU at hand."""

import torch


def has_bf16(device: str) -> bool:
    """Whether the device multiplies bfloat16 matrices in hardware (AMX or AVX-512 BF16 on a CPU)."""
    if device.startswith("cuda"):
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()


def autocast(device: str, *, enabled: bool = True) -> torch.autocast:
    """Automatic bfloat16 where the device has it; otherwise a context that changes nothing."""
    return torch.autocast(device.split(":")[0], dtype=torch.bfloat16, enabled=enabled and has_bf16(device))

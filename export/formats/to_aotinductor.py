"""Compiles a model ahead of time into a package of machine code for this kind of processor."""

import os
import shutil
from pathlib import Path

from export.graphs.example import example_inputs
from export.graphs.prepared import deployed_module
from export.graphs.torch_archive import rewrite_archive
from export.origin import Origin
from export.quiet import quiet

LINE_TABLES = "aot_inductor.enable_line_tables"
GENERATED_CODE = ".cpp"  # with the commands that compiled it, which are nothing that runs


def write_aotinductor(origin: Origin, folder: Path) -> None:
    """Write model.pt2 through torch.export and AOTInductor; needs a C++ compiler."""
    import torch
    from torch._inductor import aoti_compile_and_package

    encoder = origin.classifier.encoder
    example = tuple(torch.from_numpy(array) for array in example_inputs(encoder).values())
    shapes = tuple(
        {axis: torch.export.Dim.AUTO for axis, name in enumerate(graph_input.dimensions) if isinstance(name, str)}
        for graph_input in encoder.inputs
    )
    lean = {LINE_TABLES: False} if LINE_TABLES in torch._inductor.list_options() else {}
    with quiet(), torch.no_grad(), torch._inductor.utils.fresh_cache(dir=str(origin.scratch)):
        program = torch.export.export(deployed_module(origin), example, dynamic_shapes=shapes)
        package = aoti_compile_and_package(
            program, package_path=str(origin.scratch / "model.pt2"), inductor_configs=lean
        )
    folders = (origin.scratch, Path(torch.__file__).parent.parent)  # in messages of errors, as __FILE__
    rewrite_archive(Path(package), folder / "model.pt2", left_out=(GENERATED_CODE,), blanked=folders)


def has_compiler() -> bool:
    """Whether there is a C++ compiler by one of the names that AOTInductor tries."""
    return any(shutil.which(name) for name in (os.environ.get("CXX", "g++"), "g++", "clang++"))

"""Python runs this first in every process that has this folder on its path: the tests' engines.

It changes two of mlx-vlm's modules at the moment they are imported; the product itself never does.
"""

import os
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType, SimpleNamespace
from typing import Any

DEFECT = "TORCH_TEST_DEFECT"
"""The environment variable that names a defect to bring back: "llava_newline" is the one there is. It begins
as variables do that reach an engine."""


def size_tower_by_config(vision: ModuleType) -> None:
    """Phi-3.5's tower takes CLIP-L's dimensions from the code; here from the configuration, as others do.

    A configuration without dimensions gets CLIP-L's as before.
    """
    tower, nn = vision.VisionModel, vision.nn
    original = tower.__init__

    def init(self: Any, config: Any) -> None:
        size = getattr(config, "vision_config", config)  # its checks of weights pass the inner one alone
        tower.CLIP_VIT_LARGE_PATCH14_336_CONFIG = SimpleNamespace(**vars(size))
        original(self, config)
        wide = 4 * size.hidden_size
        self.image_dim_out = size.hidden_size
        self.glb_GN, self.sub_GN = vision.mx.zeros([1, 1, wide]), vision.mx.zeros([1, 1, 1, wide])
        self.img_projection[0] = nn.Linear(wide, config.hidden_size)

    tower.__init__ = init


def overwrite_newline(llava_next: ModuleType) -> None:
    """The defect of mlx-vlm up to 0.4.0 (PR 821): the forward pass overwrote a parameter with a view of
    three dimensions, so that every image after the first failed until the model was loaded again."""
    model = llava_next.Model
    original = model.get_input_embeddings

    def get_input_embeddings(self: Any, input_ids: Any = None, pixel_values: Any = None, **more: Any) -> Any:
        embeddings = original(self, input_ids, pixel_values, **more)
        if pixel_values is not None:
            self.image_newline = llava_next.np.array(self.image_newline)[None, None, :]
        return embeddings

    model.get_input_embeddings = get_input_embeddings


PATCHES: dict[str, Callable[[ModuleType], None]] = {"mlx_vlm.models.phi3_v.vision": size_tower_by_config}
if os.environ.get(DEFECT) == "llava_newline":
    PATCHES["mlx_vlm.models.llava_next.llava_next"] = overwrite_newline


class Patching(MetaPathFinder):
    """Finds the modules of `PATCHES` where they are, and patches each right after its own code ran."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path) if name in PATCHES else None
        if spec is not None and spec.loader is not None:
            self._patch_after(spec.loader, PATCHES[name])
        return spec

    def _patch_after(self, loader: Loader, patch: Callable[[ModuleType], None]) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            patch(module)

        loader.exec_module = exec_module  # type: ignore[method-assign]


sys.meta_path.insert(0, Patching())

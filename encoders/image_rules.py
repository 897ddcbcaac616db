"""The rules by which an image becomes numbers, from a complete preprocessor_config.json of transformers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from materials.errors import RequestError

Size = tuple[int, int]
Colours = tuple[float, ...]
Settings = Mapping[str, Any]

LARGEST_SIDE = 4096  # of an encoded image
ROUNDING = 0.02  # of what is seen of an image, between two sizes
SWITCHES = ("do_resize", "do_center_crop", "do_rescale", "do_normalize")
KEYS = {*SWITCHES, "size", "crop_size", "resample", "rescale_factor", "image_mean", "image_std", "do_convert_rgb"}
WITHOUT_EFFECT = {  # on the pixels of an image that is to be classified
    "image_processor_type",
    "processor_class",
    "_valid_processor_keys",
    "do_reduce_labels",
    "default_to_square",
    "data_format",
    "input_data_format",
    "return_tensors",
    "device",
    "disable_grouping",
    "image_seq_length",
    "pad_size",
}


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """How an image gets its size: `exact` (height, width), or its shorter side to `shortest_edge`; then the crops."""

    exact: Size | None = None
    shortest_edge: int | None = None
    crops: tuple[Size, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ImageRules:
    """An image is resized with Pillow's filter `resample` and cropped around its centre, black where it is too small.

    Its colours then become (value * factor - mean) / std, each in the order red, green, blue, or the reverse.
    """

    geometry: Geometry
    resample: int
    factor: float
    mean: Colours
    std: Colours
    reverse_colours: bool

    @property
    def size(self) -> Size:
        """Height and width of every encoded image."""
        sizes = [*self.geometry.crops[-1:], *([self.geometry.exact] if self.geometry.exact else [])]
        return sizes[0]


def read_rules(settings: Settings, where: object) -> ImageRules:
    """The rules in the settings of an image processor, which `where` names in errors.

    Raises RequestError for a processor or a setting that is not known here, as it might change pixels, and for a
    setting that is missing, as its default is known to transformers only.
    """
    kind = str(settings.get("image_processor_type")).removesuffix("Pil").removesuffix("Fast")
    if kind not in PROCESSORS:
        raise RequestError(f"{where} is for '{kind}', which is not known here; known: {', '.join(sorted(PROCESSORS))}")
    own_keys, geometry_of = PROCESSORS[kind]
    known_keys = {*KEYS, *own_keys, *WITHOUT_EFFECT}
    if unknown_keys := sorted(
        key for key, value in settings.items() if value not in (None, False) and key not in known_keys
    ):
        raise RequestError(f"{where} sets {', '.join(unknown_keys)}, which {kind} is not known to have here")
    if missing_switches := [key for key in SWITCHES if key not in settings]:
        raise RequestError(
            f"{where} does not say {', '.join(missing_switches)}; export the model's folder, which completes it"
        )
    try:
        geometry = geometry_of(settings)
        rules = _with_colours(geometry, settings, kind)
    except (AttributeError, KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise RequestError(f"{where} is damaged or of an unknown form ({type(error).__name__}: {error})") from None
    if not geometry.crops and not geometry.exact:
        raise RequestError(
            f"{where} leaves images in sizes of their own; expected a crop, or a size of height and width"
        )
    sizes = [*geometry.crops, *([geometry.exact] if geometry.exact else [])]
    sides = [*(side for size in sizes for side in size), *([geometry.shortest_edge] if geometry.shortest_edge else [])]
    if not all(1 <= side <= LARGEST_SIDE for side in sides):
        raise RequestError(f"{where} makes images {max(sides):,} pixels wide or high; expected 1 to {LARGEST_SIDE:,}")
    return rules


def square_settings(size: int) -> dict[str, Any]:
    """A complete preprocessor_config.json: resized to a square with a bilinear filter, pixels from -1 to 1."""
    return {
        "image_processor_type": "ViTImageProcessor",
        "do_resize": True,
        "size": {"height": size, "width": size},
        "resample": 2,
        "do_center_crop": False,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }


def settings_as(rules: ImageRules, size: int) -> dict[str, Any]:
    """The settings of `square_settings` for the part of an image that other rules show: of both a view is the same."""
    settings, geometry = square_settings(size), rules.geometry
    if not geometry.crops:
        return settings
    height, width = rules.size
    if geometry.shortest_edge:
        if height != width:
            raise RequestError(f"the teacher crops images to {height} x {width}; expected a square, as students read")
        resized = {"shortest_edge": round(size * geometry.shortest_edge / height)}
    else:
        exact_height, exact_width = geometry.exact or rules.size
        resized = {"height": round(size * exact_height / height), "width": round(size * exact_width / width)}
    crop = {"do_center_crop": True, "crop_size": {"height": size, "width": size}}
    return {**settings, "image_processor_type": "BitImageProcessor", "size": resized, **crop}


def shows_alike(rules: ImageRules, other: ImageRules) -> bool:
    """Whether two rules show the same part of an image, but for what rounding takes."""
    (kind, *shares), (other_kind, *other_shares) = _part(rules), _part(other)
    return kind == other_kind and all(
        abs(share - other_share) < ROUNDING for share, other_share in zip(shares, other_shares, strict=True)
    )


def _part(rules: ImageRules) -> tuple[str, float, float]:
    """What is shown, and how much of its height and width."""
    geometry, (height, width) = rules.geometry, rules.size
    if not geometry.crops:
        return "the whole", 1.0, 1.0
    if geometry.shortest_edge:
        return "the middle", height / geometry.shortest_edge, width / geometry.shortest_edge
    exact_height, exact_width = geometry.exact or rules.size
    return "the whole", height / exact_height, width / exact_width


def _with_colours(geometry: Geometry, settings: Settings, kind: str) -> ImageRules:
    mean: Colours = (0.0, 0.0, 0.0)
    std: Colours = (1.0, 1.0, 1.0)
    if settings["do_normalize"] and kind != "MobileViTImageProcessor":  # which has the switch, and never normalises
        mean, std = (_three(settings[key]) for key in ("image_mean", "image_std"))
    if settings.get("rescale_offset") and settings["do_rescale"]:
        mean = tuple(value + 1 for value in mean)  # EfficientNet takes 1 off before it takes off the mean
    if settings.get("include_top"):  # EfficientNet divides once more
        std = tuple(value * divisor for value, divisor in zip(std, _three(settings["image_std"]), strict=True))
    return ImageRules(
        geometry=geometry,
        resample=int(settings["resample"]) if settings["do_resize"] else 0,
        factor=float(settings["rescale_factor"]) if settings["do_rescale"] else 1.0,
        mean=mean,
        std=std,
        reverse_colours=bool(settings.get("do_flip_channel_order")),
    )


def _three(value: Any) -> Colours:
    values = tuple(map(float, value)) if isinstance(value, (list, tuple)) else (float(value),) * 3
    if len(values) != 3:
        raise ValueError(f"expected one number for each of 3 colours, got {len(values)}")
    return values


def _plain(settings: Settings) -> Geometry:
    return _sized(settings, settings["size"] if settings["do_resize"] else {})


def _convnext(settings: Settings) -> Geometry:
    """Below 384, resize to the size over crop_pct and crop; from there on, resize to a square without a crop."""
    if not settings["do_resize"]:
        return _sized(settings, {})
    edge = int(settings["size"]["shortest_edge"])
    if edge >= 384:
        return _sized(settings, {"height": edge, "width": edge})
    return _sized(settings, {"shortest_edge": int(edge / settings["crop_pct"])}, (edge, edge))


def _levit(settings: Settings) -> Geometry:
    """A shorter side is resized to 256/224 of what the settings say."""
    size = settings["size"] if settings["do_resize"] else {}
    if size.get("shortest_edge"):
        size = {"shortest_edge": int(256 / 224 * size["shortest_edge"])}
    return _sized(settings, size)


def _poolformer(settings: Settings) -> Geometry:
    """Every size is divided by crop_pct; a square one is that of the shorter side."""
    if not settings["do_resize"]:
        return _sized(settings, {})
    size = {name: int(value / settings["crop_pct"]) for name, value in settings["size"].items() if value}
    if "height" in size and size["height"] == size["width"]:
        size = {"shortest_edge": size["height"]}
    return _sized(settings, size)


def _sized(settings: Settings, size: Settings, *crops: Size) -> Geometry:
    """The geometry for a size of either form, with the crop of the settings after other `crops`."""
    size = {name: int(value) for name, value in size.items() if value}
    if set(size) not in ({"height", "width"}, {"shortest_edge"}, set()) or (not size and settings["do_resize"]):
        raise ValueError(f"size is {size}; expected height and width, or shortest_edge")
    if settings["do_center_crop"]:
        crops = (*crops, (int(settings["crop_size"]["height"]), int(settings["crop_size"]["width"])))
    exact = (size["height"], size["width"]) if "height" in size else None
    return Geometry(exact=exact, shortest_edge=size.get("shortest_edge"), crops=crops)


PROCESSORS: dict[str, tuple[tuple[str, ...], Callable[[Settings], Geometry]]] = {
    "BeitImageProcessor": ((), _plain),
    "BitImageProcessor": ((), _plain),
    "CLIPImageProcessor": ((), _plain),
    "ConvNextImageProcessor": (("crop_pct",), _convnext),
    "DeiTImageProcessor": ((), _plain),
    "EfficientNetImageProcessor": (("rescale_offset", "include_top"), _plain),
    "LevitImageProcessor": ((), _levit),
    "MobileNetV1ImageProcessor": ((), _plain),
    "MobileNetV2ImageProcessor": ((), _plain),
    "MobileViTImageProcessor": (("do_flip_channel_order",), _plain),
    "PoolFormerImageProcessor": (("crop_pct",), _poolformer),
    "PvtImageProcessor": ((), _plain),
    "SiglipImageProcessor": ((), _plain),
    "ViTImageProcessor": ((), _plain),
}

#!/usr/bin/env python3
"""Makes the screen model of the exact one: 8-bit integers instead of floats. Run by scripts/make-screen-model.

    quantize_screen_model.py MANIFEST OUTPUT_DIRECTORY RECIPE

MANIFEST is the exact model's; RECIPE names what the result was made by, and goes into the screen model's own manifest.
Writes <name>-int8.onnx and <name>-int8.json. The same machine makes the same bytes: what is random is seeded, what is listed
is sorted, and one thread computes. Another processor's last bits may round a weight's scale the other way.
"""
import hashlib
import io
import json
import os
import pathlib
import sys
import tempfile

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import numpy as np
import onnx
import onnxruntime
from onnx import version_converter
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from PIL import Image, ImageDraw

SEED = 20
# By how much another processor's integer arithmetic may move the self-test's score.
SELF_TEST_TOLERANCE = 0.02
# Pictures of the gate's own fixtures, beside the generated ones: among them the patterns that excite the model most.
FIXTURES = [
    "gradient.jpg", "noise.jpg", "nsfw-pattern.jpg", "nsfw-pattern.png", "nsfw-pattern-large.jpg",
    "nsfw-pattern-orientation-6.jpg", "scene.jpg", "scene-grey.jpg", "shapes.jpg",
]


def grid(random, cells):
    """Blurred patches of colour."""
    colours = random.integers(0, 256, (cells, cells, 3), np.uint8)
    return Image.fromarray(colours).resize((256, 256), Image.BICUBIC)


def spectrum(random):
    """Noise with the spectrum and the correlated colours of photographs."""
    frequency = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256)[None])
    frequency[0, 0] = 1
    slope = random.uniform(0.8, 1.6)
    planes = []
    for _ in range(3):
        phases = np.exp(2j * np.pi * random.random((256, 256)))
        planes.append(np.fft.ifft2(phases / frequency**slope).real)
    planes = [plane / plane.std() for plane in planes]
    mean = random.uniform(60, 190, 3)
    contrast = random.uniform(20, 70)
    grey = planes[0]
    pixels = [mean[c] + contrast * (grey + random.uniform(0.1, 0.5) * planes[c]) for c in range(3)]
    return Image.fromarray(np.clip(np.stack(pixels, 2), 0, 255).astype(np.uint8))


def leaves(random):
    """Discs, boxes and lines of all sizes that cover one another: edges as they are in pictures of things."""
    picture = spectrum(random)
    draw = ImageDraw.Draw(picture)
    base = random.integers(40, 220, 3)
    for _ in range(int(random.integers(20, 200))):
        x, y = random.integers(-20, 276, 2)
        radius = int(min(120, 3 / random.uniform(0.01, 1)))
        spread = base + random.integers(-90, 90, 3) if random.random() < 0.6 else random.integers(0, 256, 3)
        colour = tuple(int(value) for value in np.clip(spread, 0, 255))
        shape = random.integers(0, 4)
        box = [int(x - radius), int(y - radius * random.uniform(0.4, 1.6)), int(x + radius), int(y)]
        box[3] = box[1] + max(1, int(radius * random.uniform(0.5, 3)))
        if shape < 2:
            draw.ellipse(box, fill=colour)
        elif shape == 2:
            draw.rectangle(box, fill=colour)
        else:
            draw.line(box, fill=colour, width=int(random.integers(1, 12)))
    return picture


def page(random):
    """Rows of marks on plain ground, as of text and tables."""
    ground, ink = (255, 20) if random.random() < 0.7 else (15, 230)
    picture = Image.new("RGB", (256, 256), (ground,) * 3)
    draw = ImageDraw.Draw(picture)
    height = int(random.integers(3, 12))
    for y in range(8, 248, height * 2):
        x = 8
        while x < 240:
            width = int(random.integers(2, height * 4))
            draw.rectangle([x, y, min(248, x + width), y + height // 2], fill=(ink,) * 3)
            x += width + height
    return picture


def pictures(fixtures):
    random = np.random.default_rng(SEED)
    for level in (0, 128, 255):
        yield Image.new("RGB", (256, 256), (level,) * 3)
    for cells in (2, 3, 4, 6, 8, 12, 16, 24):
        yield grid(random, cells)
    for _ in range(12):
        yield spectrum(random)
    for _ in range(36):
        yield leaves(random)
    for _ in range(4):
        yield page(random)
    for name in FIXTURES:
        with Image.open(fixtures / name) as picture:
            yield picture.convert("RGB")


def tensor(picture, manifest):
    """As the gate preprocesses it."""
    wanted, mean = manifest["preprocessing"], np.array(manifest["input"]["mean"], np.float32)
    _, height, width, _ = manifest["input"]["shape"]
    left, top = (wanted["width"] - width) // 2, (wanted["height"] - height) // 2
    small = picture.resize((wanted["width"], wanted["height"]), Image.BILINEAR)
    small = small.crop((left, top, left + width, top + height))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=wanted["jpeg_quality"])
    return ordered(np.asarray(Image.open(buffer)).astype(np.float32), manifest, mean)


def ordered(pixels, manifest, mean):
    if manifest["input"]["channel_order"] == "BGR":
        pixels = pixels[:, :, ::-1]
    return ((pixels - mean) * manifest["input"]["scale"])[None].astype(np.float32)


def self_test_tensor(manifest):
    """The exact manifest's known tensor: a grid of colours, blown up bilinearly, its edges held."""
    test, mean = manifest["self_test"], np.array(manifest["input"]["mean"], np.float32)
    size = test["grid_size"]
    colours = np.array([list(bytes.fromhex(text)) for text in test["colours"]], float).reshape(size, size, 3)
    _, height, width, _ = manifest["input"]["shape"]

    def spread(count):
        position = (np.arange(count) + 0.5) * size / count - 0.5
        low = np.floor(position).astype(int)
        return np.maximum(low, 0), np.minimum(low + 1, size - 1), position - low

    (top, bottom, down), (left, right, along) = spread(height), spread(width)
    along, down = along[None, :, None], down[:, None, None]
    upper = colours[top][:, left] * (1 - along) + colours[top][:, right] * along
    lower = colours[bottom][:, left] * (1 - along) + colours[bottom][:, right] * along
    return ordered((upper * (1 - down) + lower * down).astype(np.float32), manifest, mean)


class Calibration(CalibrationDataReader):
    def __init__(self, name, tensors):
        self.feeds = iter([{name: value} for value in tensors])

    def get_next(self):
        return next(self.feeds, None)


def fold_first_convolution(path, manifest):
    """Makes the first convolution, 7x7 with stride 2 over three channels, one of 4x4 with stride 1 over twelve: each 2x2 pixels
    become one with all their channels, and the weights move along. The numbers that come out are the same; but integer
    kernels want channels by fours, and spend more time on moving three than on multiplying them. Other models stay as they
    are.
    """
    model = onnx.load(path)
    graph = model.graph
    transpose, quantize, convolution = graph.node[:3]
    _, height, width, channels = manifest["input"]["shape"]
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in convolution.attribute}
    if ([node.op_type for node in graph.node[:3]] != ["Transpose", "QuantizeLinear", "QLinearConv"]
            or [attributes.get(name) for name in ("kernel_shape", "strides", "pads")] != [[7, 7], [2, 2], [3, 3, 3, 3]]
            or height % 2 or width % 2):
        return
    kernel = next(tensor for tensor in graph.initializer if tensor.name == convolution.input[3])
    weights = onnx.numpy_helper.to_array(kernel)
    outputs = weights.shape[0]
    # One more row and column of nothing in front: the first pixel of a pair is the second that the old kernel saw.
    padded = np.pad(weights, ((0, 0), (0, 0), (1, 0), (1, 0)))
    folded = padded.reshape(outputs, channels, 4, 2, 4, 2).transpose(0, 3, 5, 1, 2, 4).reshape(outputs, 4 * channels, 4, 4)
    kernel.CopyFrom(onnx.numpy_helper.from_array(np.ascontiguousarray(folded), kernel.name))
    shapes = {"pairs": [-1, height // 2, 2, width // 2, 2 * channels], "folded": [-1, height // 2, width // 2, 4 * channels]}
    for name, shape in shapes.items():
        graph.initializer.append(onnx.numpy_helper.from_array(np.array(shape, np.int64), f"fold/{name}"))
    node = onnx.helper.make_node
    first = [
        node("QuantizeLinear", [transpose.input[0], *quantize.input[1:]], ["fold/pixels"]),
        node("Reshape", ["fold/pixels", "fold/pairs"], ["fold/lines"]),
        node("Transpose", ["fold/lines"], ["fold/squares"], perm=[0, 1, 3, 2, 4]),
        node("Reshape", ["fold/squares", "fold/folded"], ["fold/last"]),
        node("Transpose", ["fold/last"], ["fold/first"], perm=[0, 3, 1, 2]),
        node("QLinearConv", ["fold/first", *convolution.input[1:]], convolution.output, kernel_shape=[4, 4],
             strides=[1, 1], pads=[2, 2, 1, 1]),
    ]
    rest = list(graph.node[3:])
    del graph.node[:]
    graph.node.extend(first + rest)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def score(path, manifest, value):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    (answer,) = session.run([manifest["output"]["name"]], {manifest["input"]["name"]: value})
    return float(answer[0][manifest["output"]["index"]])


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main(manifest_path, output, recipe):
    manifest_path, output = pathlib.Path(manifest_path), pathlib.Path(output)
    manifest = json.loads(manifest_path.read_text())
    exact = manifest_path.parent / manifest["file"]
    if manifest["input"]["layout"] != "NHWC" or not manifest["preprocessing"].get("jpeg_quality"):
        sys.exit(f"{manifest_path}: only NHWC models with recompression are quantized here")
    if sha256(exact) != manifest["sha256"]:
        sys.exit(f"{exact} is not the file that {manifest_path} describes")
    stem = manifest_path.stem + "-int8"
    target = output / f"{stem}.onnx"
    fixtures = manifest_path.resolve().parent.parent / "fixtures"
    with tempfile.TemporaryDirectory(dir=output) as work:
        converted, prepared = pathlib.Path(work, "opset13.onnx"), pathlib.Path(work, "prepared.onnx")
        # Per-channel weights need opset 13.
        onnx.save(version_converter.convert_version(onnx.load(exact), 13), converted)
        quant_pre_process(str(converted), str(prepared))
        # Seven bits of weight: eight overflow the 16-bit sums of processors without VNNI.
        quantize_static(
            str(prepared), str(target), Calibration(manifest["input"]["name"], [tensor(p, manifest) for p in pictures(fixtures)]),
            quant_format=QuantFormat.QOperator, per_channel=True, reduce_range=True,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, calibrate_method=CalibrationMethod.MinMax)
    fold_first_convolution(target, manifest)
    described = {
        "file": target.name,
        "sha256": sha256(target),
        "exact_sha256": manifest["sha256"],
        "made_by": f"onnxruntime {onnxruntime.__version__}, onnx {onnx.__version__}",
        "recipe": recipe,
        "self_test": {"score": round(score(target, manifest, self_test_tensor(manifest)), 5), "tolerance": SELF_TEST_TOLERANCE},
    }
    (output / f"{stem}.json").write_text(json.dumps(described, indent=2) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

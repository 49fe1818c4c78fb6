#!/usr/bin/env python3
"""GIF, WebP and APNG for scripts/make-fixtures.py."""
import io
import struct
import zlib

import numpy as np
from PIL import Image

from gif_writer import composed, gif, image
from png_writer import SIGNATURE, chunk, header, image_data, png


def indexed(picture, colours=128):
    """Palette indices (height × width) and the palette (colours × 3) of an RGB picture, dithered."""
    table = picture.quantize(colours, Image.Quantize.MAXCOVERAGE)
    result = picture.quantize(palette=table, dither=Image.Dither.FLOYDSTEINBERG)
    palette = np.array(result.getpalette(), np.uint8).reshape(-1, 3)
    return np.asarray(result), palette[: int(np.asarray(result).max()) + 1]


def rgba(indices, palette):
    return np.dstack([palette[indices], np.full(indices.shape, 255, np.uint8)])


def pillow_frames(data):
    picture = Image.open(io.BytesIO(data))
    frames = []
    for number in range(getattr(picture, "n_frames", 1)):
        picture.seek(number)
        frames.append(np.asarray(picture.convert("RGBA")).copy())
    return frames


def calm_blocks(count, width, height):
    """Small images, all different, that change little of a canvas."""
    for number in range(count):
        block = np.full((4, 4), number % 4, np.uint8)
        block[number // 4 % 4, number // 16 % 4] = (number + 1) % 4
        yield block, number * 5 % (width - 4), number * 3 % (height - 4)


GREYS = np.array([[90, 90, 90], [120, 120, 120], [150, 150, 150], [180, 180, 180]], np.uint8)


def long_gif(bad, place, count):
    """`count` frames of harmless blocks, with the pattern as frame `place`, which is taken back after it."""
    indices, palette = indexed(bad)
    height, width = indices.shape
    blocks = list(calm_blocks(count, width, height))
    images, frames, canvas = [], [], np.zeros((height, width, 4), np.uint8)
    for number, (block, left, top) in enumerate(blocks):
        if number == place:
            images.append(image(indices, colours=palette, disposal=3, delay=0))
            frames.append(rgba(indices, palette))
            continue
        if number == 0:
            block, left, top = np.zeros((height, width), np.uint8), 0, 0
        images.append(image(block, left, top, disposal=1, bits=2))
        canvas[top : top + block.shape[0], left : left + block.shape[1]] = rgba(block, GREYS)
        frames.append(canvas.copy())
    return gif(width, height, images, GREYS), frames


def gifs(all_files, pictures):
    small = pictures.pattern(160, 120)
    scene = pictures.scene(160, 120)
    for name, picture in {"nsfw-pattern": small, "scene": scene}.items():
        indices, palette = indexed(picture)
        for suffix, interlaced in {"": False, "-interlaced": True}.items():
            data = gif(160, 120, [image(indices, colours=palette, interlaced=interlaced)])
            all_files.scored(f"{name}{suffix}.gif", data)
    tiny = pictures.pattern(64, 48)
    indices, palette = indexed(tiny)
    shown = rgba(indices, palette)
    for name, place, count in (
        ("last-of-200", 199, 200), ("first-of-200", 0, 200), ("10th-of-20", 9, 20), ("short-delay", 1, 3),
    ):
        data, frames = long_gif(tiny, place, count)
        all_files.animated(f"nsfw-pattern-{name}.gif", data, frames)
    data, frames = long_gif(tiny, 2, 200)
    all_files.animated("unseen-second-of-200.gif", data, frames,
                       "not defended: of more than 64 frames the third is not among those looked at")

    base = image(np.zeros((48, 64), np.uint8), bits=2)
    tiles = [(left, top) for top in (0, 24) for left in (0, 32)]
    cut = lambda left, top, width=32, height=24: indices[top : top + height, left : left + width]
    parts = [image(cut(*place), *place, colours=palette, disposal=1) for place in tiles]
    all_files.animated("nsfw-pattern-by-parts.gif", gif(64, 48, [base] + parts, GREYS), None,
                       "four tiles, each with its own palette, make the pattern together")
    cover = image(np.full((48, 32), 3, np.uint8), disposal=3, bits=2)
    data = gif(64, 48, [base, image(cut(0, 0, 32, 48), colours=palette, disposal=1), cover,
                        image(cut(32, 0, 32, 48), 32, 0, colours=palette, disposal=1)], GREYS)
    all_files.animated("nsfw-pattern-restored.gif", data, None, "whole only where disposal 3 is honoured")
    y, x = np.mgrid[0:48, 0:64]
    layers = []
    for phase in range(4):
        layer = np.where((x % 2 + y % 2 * 2) == phase, indices, len(palette))
        layers.append(image(layer, colours=np.vstack([palette, [[1, 2, 3]]]), disposal=1, transparent=len(palette)))
    all_files.animated("nsfw-pattern-deltas.gif", gif(64, 48, [base] + layers, GREYS), None,
                       "transparent deltas make the pattern together")
    all_files.expected("nsfw-pattern-beyond-canvas.gif", gif(10, 10, [image(indices, colours=palette)]), shown[..., :3],
                       "browsers extend the canvas to hold the first image")
    far = gif(1, 1, [image(indices, 400, 300, colours=palette)])
    extended = np.zeros((348, 464, 4), np.uint8)
    extended[300:, 400:] = shown
    all_files.animated("nsfw-pattern-far-away.gif", far, [extended, shown],
                       "a large canvas that is empty but for a corner in one browser, and only the corner in another")
    cleared = dict(indices=indices, colours=palette, disposal=2)
    calm = dict(indices=np.zeros((8, 8), np.uint8), disposal=1, bits=2)
    images = [calm, cleared, calm]
    data = gif(64, 48, [image(**one) for one in images], GREYS, background=2)
    all_files.animated("nsfw-pattern-cleared.gif", data, composed(64, 48, images, GREYS), "the pattern is cleared after it")
    images, colours = disposals()
    all_files.animated("disposals.gif", gif(40, 30, [image(**one) for one in images], colours),
                       composed(40, 30, images, colours), "every disposal, palette, place and interlacing, mixed")


def disposals(seed=11):
    random = np.random.default_rng(seed)
    colours = random.integers(0, 256, (16, 3), np.uint8)
    images = [dict(indices=random.integers(0, 16, (30, 40), np.uint8), disposal=1, bits=4)]
    for number in range(20):
        width, height = random.integers(1, 30, 2)
        left, top = random.integers(0, 40 - width), random.integers(0, 30 - height)
        images.append(dict(
            indices=random.integers(0, 8, (height, width), np.uint8), left=int(left), top=int(top),
            disposal=int(random.integers(0, 4)), colours=random.integers(0, 256, (8, 3), np.uint8) if number % 2 else None,
            transparent=int(random.integers(0, 8)) if number % 3 else None, interlaced=number % 4 == 0, bits=4))
    return images, colours


# WebP


def webp(picture, **options):
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", method=6, **options)
    return buffer.getvalue()


def riff(kind, data):
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def webp_file(chunks):
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks


def webp_payload(picture, **options):
    """The chunks of a still WebP that hold the picture itself."""
    data = webp(picture, **options)
    offset, payload = 12, b""
    while offset < len(data):
        size = struct.unpack("<I", data[offset + 4 : offset + 8])[0]
        if data[offset : offset + 4] in (b"ALPH", b"VP8 ", b"VP8L"):
            payload += data[offset : offset + 8 + size + size % 2]
        offset += 8 + size + size % 2
    return payload


def animated_webp(width, height, frames, background=0xFFFFFFFF):
    """Frames of (payload, left, top, width, height, blended, disposed)."""
    flags = 0x02 | 0x10
    three = lambda value: struct.pack("<I", value)[:3]
    chunks = riff(b"VP8X", struct.pack("<I", flags) + three(width - 1) + three(height - 1))
    chunks += riff(b"ANIM", struct.pack("<IH", background, 0))
    for payload, left, top, across, down, blended, disposed in frames:
        place = three(left // 2) + three(top // 2) + three(across - 1) + three(down - 1) + three(40)
        chunks += riff(b"ANMF", place + bytes([(0 if blended else 2) | (1 if disposed else 0)]) + payload)
    return webp_file(chunks)


def webps(all_files, pictures):
    bad, view = pictures.pattern(320, 240), pictures.scene(160, 120)
    all_files.scored("nsfw-pattern.webp", webp(bad, quality=80))
    all_files.scored("nsfw-pattern-lossless.webp", webp(pictures.pattern(160, 120), lossless=True))
    all_files.scored("scene.webp", webp(view, quality=80))
    note = "the highest of: over black, over white, alpha ignored"
    half = np.asarray(pictures.pattern(160, 120))
    hidden = np.dstack([half, np.zeros((120, 160), np.uint8)])
    data = webp(Image.fromarray(hidden), lossless=True, exact=True)
    all_files.expected("nsfw-pattern-alpha-0.webp", data, hidden, note)
    colour, alpha = np.asarray(pictures.pattern(160, 120)), np.mgrid[0:120, 0:160][1] * 255 // 159
    data = webp(Image.fromarray(np.dstack([colour, alpha.astype(np.uint8)])), quality=90, exact=True)
    all_files.expected("nsfw-pattern-lossy-alpha.webp", data, np.asarray(Image.open(io.BytesIO(data))), note)
    turned = pictures.stored_for(pictures.pattern(160, 120), 6)
    data = webp(turned, quality=80, exif=b"Exif\0\0" + pictures.exif(6))
    upright = Image.open(io.BytesIO(data)).convert("RGB").transpose(Image.Transpose.ROTATE_270)
    all_files.expected("nsfw-pattern-exif.webp", data, np.asarray(upright),
                       "some viewers turn a WebP by its EXIF data, some do not: the highest of both")
    calm = webp_payload(Image.fromarray(np.full((48, 64, 3), 128, np.uint8)), lossless=True)
    tiny = webp_payload(pictures.pattern(64, 48), quality=85)
    dots = [(webp_payload(Image.new("RGB", (2, 2), (number * 2, 90, 90)), lossless=True), number % 30 * 2, number % 20 * 2,
             2, 2, True, False) for number in range(68)]
    frames = [(calm, 0, 0, 64, 48, False, False)] + dots + [(tiny, 0, 0, 64, 48, True, False)]
    all_files.animated("nsfw-pattern-last-of-70.webp", animated_webp(64, 48, frames), None)
    blends = webp_blends()
    all_files.animated("blends.webp", blends, pillow_frames(blends), "every blending and disposal, mixed")


def with_holes(random, width, height):
    """A picture whose pixels are opaque or transparent."""
    picture = random.integers(0, 256, (height, width, 4), np.uint8)
    picture[..., 3] = np.where(picture[..., 3] < 100, 0, 255)
    return picture


def webp_blends(seed=13):
    random = np.random.default_rng(seed)
    frames = [(webp_payload(Image.fromarray(with_holes(random, 40, 30)), lossless=True, exact=True), 0, 0, 40, 30, False, False)]
    for number in range(12):
        width, height = (int(value) for value in random.integers(1, 20, 2))
        left, top = int(random.integers(0, 10)) * 2, int(random.integers(0, 5)) * 2
        picture = Image.fromarray(with_holes(random, width, height))
        frames.append((webp_payload(picture, lossless=True, exact=True), left, top, width, height, number % 2 == 0,
                       number % 3 == 0))
    return animated_webp(40, 30, frames)


# APNG


class APNG:
    """An animated PNG, put together frame by frame; the first may be the default picture."""

    def __init__(self, picture, depth=8, kind="rgb", interlaced=False, before=b""):
        self.height, self.width = picture.shape[:2]
        self.picture, self.depth, self.kind, self.interlaced = picture, depth, kind, interlaced
        self.before, self.body, self.sequence, self.count, self.first = before, b"", 0, 0, b""

    def control(self, width, height, left, top, disposal, blended):
        data = struct.pack(">IIIIIHHBB", self.sequence, width, height, left, top, 1, 25, disposal, int(blended))
        self.sequence += 1
        self.count += 1
        return chunk(b"fcTL", data)

    def default(self, disposal=0, blended=False):
        """Makes the default picture the first frame."""
        self.first = self.control(self.width, self.height, 0, 0, disposal, blended)
        return self

    def frame(self, picture, left=0, top=0, disposal=0, blended=False, pieces=1):
        self.body += self.control(picture.shape[1], picture.shape[0], left, top, disposal, blended)
        data = zlib.compress(image_data(picture.astype(int), self.depth, self.interlaced), 9)
        size = -(-len(data) // pieces)
        for at in range(0, len(data), size):
            self.body += chunk(b"fdAT", struct.pack(">I", self.sequence) + data[at : at + size])
            self.sequence += 1
        return self

    def data(self, announced=None):
        control = chunk(b"acTL", struct.pack(">II", self.count if announced is None else announced, 0))
        return png(self.picture.astype(int), self.depth, self.kind, self.interlaced, self.before + control + self.first,
                   self.body)


def apngs(all_files, pictures):
    bad, calm = (np.asarray(make(160, 120)) for make in (pictures.pattern, pictures.gradient))
    opaque = lambda picture: np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)])
    all_files.animated("nsfw-pattern-first-frame.png", APNG(bad).default().frame(calm).data(), [opaque(bad), opaque(calm)])
    all_files.animated("nsfw-pattern-second-frame.png", APNG(calm).default().frame(bad, pieces=3).data(),
                       [opaque(calm), opaque(bad)])
    all_files.animated("nsfw-pattern-default-only.png", APNG(bad).frame(calm).frame(calm).data(), [opaque(bad)] + [opaque(calm)] * 2,
                       "only viewers without animation show the pattern")
    all_files.animated("nsfw-pattern-not-default.png", APNG(calm, interlaced=True).frame(calm).frame(bad).data(),
                       [opaque(calm)] * 2 + [opaque(bad)], "only viewers with animation show the pattern; interlaced")
    tiny, grey = np.asarray(pictures.pattern(64, 48)), np.full((48, 64, 4), 128, np.uint8)
    tiny = opaque(tiny)
    y, x = np.mgrid[0:48, 0:64]
    animation, canvas = APNG(grey, kind="rgba").default(), grey.copy()
    frames = [canvas.copy()]
    for phase in range(4):
        layer = tiny.copy()
        layer[(x // 4 % 2 + y // 4 % 2 * 2) != phase] = 0
        animation.frame(layer, blended=True)
        canvas[layer[..., 3] == 255] = layer[layer[..., 3] == 255]
        frames.append(canvas.copy())
    all_files.animated("nsfw-pattern-deltas.png", animation.data(), frames, "transparent deltas make the pattern together")
    blends = png_blends()
    all_files.animated("blends.png", blends, pillow_frames(blends), "every blending and disposal, mixed")


def png_blends(seed=17):
    random = np.random.default_rng(seed)
    animation = APNG(with_holes(random, 40, 30), kind="rgba").default()
    for number in range(12):
        width, height = (int(value) for value in random.integers(1, 20, 2))
        left, top = int(random.integers(0, 20)), int(random.integers(0, 10))
        animation.frame(with_holes(random, width, height), left, top, disposal=number % 3, blended=number % 2 == 0)
    return animation.data()


def hostile(all_files, pictures):
    refuse = all_files.refuse
    indices, palette = indexed(pictures.scene(80, 60), 32)
    still = gif(80, 60, [image(indices, colours=palette)])
    moving = gif(80, 60, [image(indices, colours=palette), image(indices[:20], colours=palette)])
    refuse("truncated.gif", still[: len(still) // 2], "unscannable", "cut off")
    refuse("truncated-last-frame.gif", moving[:-100], "unscannable", "cut off in its last frame")
    refuse("truncated-end.gif", moving[:-1], "unscannable", "without its trailer")
    refuse("short-data.gif", gif(80, 60, [image(indices, colours=palette).replace(
        struct.pack("<HHHH", 0, 0, 80, 60), struct.pack("<HHHH", 0, 0, 80, 90))]), "unscannable", "fewer rows than announced")
    refuse("no-image.gif", gif(80, 60, [], GREYS), "unscannable", "no image")
    refuse("no-palette.gif", gif(80, 60, [image(indices, bits=5)]), "unscannable", "no palette")
    refuse("outside-palette.gif", gif(4, 4, [image(np.full((4, 4), 9, np.uint8), bits=4)], GREYS), "unscannable",
           "a colour that the palette does not have")
    refuse("huge-canvas.gif", gif(65535, 65535, [image(indices, colours=palette)]), "unscannable", "65,535² pixels announced")
    spot = image(np.zeros((1, 1), np.uint8), bits=2)
    refuse("large-frames.gif", gif(7000, 7000, [spot] * 70, GREYS), "unscannable",
           "more pixels in what has to be looked at than the limit allows")
    picture = webp(pictures.scene(160, 120), quality=60)
    refuse("truncated.webp", picture[: len(picture) // 2], "unscannable", "cut off")
    short = picture[:-200]
    refuse("truncated-glued.webp", short[:4] + struct.pack("<I", len(short) - 8) + short[8:16]
           + struct.pack("<I", len(short) - 20) + short[20:], "unscannable", "cut off, sizes adjusted")
    lossless = webp(pictures.gradient(40, 30), lossless=True)
    size = struct.pack("<I", 16382 | 16382 << 14)
    refuse("huge-header.webp", lossless[:21] + size + lossless[25:], "unscannable", "16,383² pixels announced")
    frame = webp_payload(pictures.gradient(40, 30), lossless=True)
    outside = animated_webp(40, 30, [(frame, 2, 0, 40, 30, True, False)])
    refuse("frame-outside.webp", outside, "unscannable", "a frame outside its canvas")
    cut = animated_webp(40, 30, [(frame, 0, 0, 40, 30, True, False), (frame[:8] + frame[8:40], 0, 0, 40, 30, True, False)])
    refuse("corrupt-frame.webp", cut, "unscannable", "a damaged second frame")
    hostile_apngs(all_files, np.asarray(pictures.gradient(40, 30)))


def hostile_apngs(all_files, calm):
    refuse = all_files.refuse
    whole = APNG(calm).default().frame(calm).data()
    refuse("truncated-animation.png", whole[:-60], "unscannable", "cut off in its second frame")
    refuse("missing-frames.png", APNG(calm).default().frame(calm).data(3), "unscannable", "fewer frames than announced")
    at = whole.index(b"fdAT")
    order = struct.pack(">I", 7) + whole[at + 8 : whole.index(b"IEND") - 8]
    refuse("out-of-order.png", whole[: at - 4] + chunk(b"fdAT", order) + chunk(b"IEND", b""), "unscannable",
           "frames out of order")
    damaged = bytearray(whole)
    damaged[at + 30] ^= 0x55
    refuse("corrupt-animation.png", bytes(damaged), "unscannable", "a flipped byte in the second frame")
    outside = APNG(calm).default().frame(calm, 1, 0).data()
    refuse("frame-outside.png", outside, "unscannable", "a frame outside its picture")
    late = APNG(calm)
    late.frame(calm)
    refuse("late-animation.png", png(calm.astype(int), 8, "rgb", False, b"", chunk(b"acTL", struct.pack(">II", 1, 0)) + late.body),
           "unscannable", "an animation announced after the picture")
    width, height = 7000, 7000
    bomb = APNG(np.zeros((height, width, 1), np.uint8), 1, "grey").default()
    small = np.zeros((8, 8, 1), np.uint8)
    for _ in range(12):
        bomb.body += bomb.control(width, height, 0, 0, 0, False)
        bomb.body += chunk(b"fdAT", struct.pack(">I", bomb.sequence) + zlib.compress(image_data(small, 1, False)))
        bomb.sequence += 1
    refuse("large-frames.png", bomb.data(), "unscannable", "13 frames of 49 megapixels announced")


def add(all_files, pictures):
    """`pictures` is make-fixtures.py, which has the pictures."""
    gifs(all_files, pictures)
    webps(all_files, pictures)
    apngs(all_files, pictures)
    hostile(all_files, pictures)

#!/usr/bin/env python3
"""TIFF, AVIF, HEIC, JPEG XL and SVG for scripts/make-fixtures.py, which calls `add`.

What Pillow does not write comes from Debian's encoders (libavif-bin, libheif-examples, libjxl-tools). The reference
pixels come from Pillow and its plugins, which bring decoders of their own, never from the libraries that the project uses.
Two decoders of a lossy picture differ by their arithmetic, and the model by up to `tolerance` with them.
"""
import base64
import io
import pathlib
import re
import struct
import subprocess
import tempfile
import zlib

import numpy as np
import pillow_heif
import pillow_jxl  # registers JPEG XL with Pillow
from PIL import Image, ImageOps

import heif_writer as heif
import png_writer
import tiff_writer

pillow_heif.register_heif_opener()

HIGHEST = "the highest of: over black, over white, alpha ignored"


def add(all_files, kit):
    tiffs(all_files, kit)
    avifs(all_files, kit)
    heics(all_files, kit)
    jpeg_xls(all_files, kit)
    svgs(all_files, kit)


def run(*command, files, output):
    """What `command` writes to `output`, run in a folder that holds `files`."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for file, data in files.items():
            (folder / file).write_bytes(data)
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        return (folder / output).read_bytes()


def shown(data):
    """The pixels of a file as Pillow shows them."""
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    return np.asarray(picture.convert("RGBA" if picture.mode in ("RGBA", "LA", "PA") else "RGB"))


def saved(picture, kind, **options):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def with_alpha(picture, alpha):
    pixels = np.asarray(picture)
    return Image.fromarray(np.dstack([pixels, np.broadcast_to(np.uint8(alpha), pixels.shape[:2])]))


def timeless(data):
    """An AVIF sequence without the moments of its making."""
    data = bytearray(data)
    for kind in (b"mvhd", b"tkhd", b"mdhd"):
        place = data.find(kind)
        while place >= 0:
            data[place + 8 : place + (24 if data[place + 4] == 1 else 16)] = bytes(16 if data[place + 4] == 1 else 8)
            place = data.find(kind, place + 4)
    return bytes(data)


def cut(all_files, name, data, share=6):
    all_files.refuse(name, data[: len(data) * share // 10], "unscannable", "cut off")


# TIFF


def tiffs(all_files, kit):
    bad, view = kit.pattern(160, 120), kit.scene(120, 90)
    pixels = np.asarray(bad)
    small = np.asarray(view)
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
        all_files.scored(f"nsfw-pattern-{compression.replace('tiff_', '').replace('_', '-')}.tif",
                         saved(bad if compression != "raw" else kit.pattern(80, 60), "TIFF", compression=compression))
    lossy = saved(kit.pattern(320, 240), "TIFF", compression="jpeg", quality=80)
    all_files.expected("nsfw-pattern-jpeg.tif", lossy, shown(lossy), "JPEG inside TIFF", tolerance=0.01)
    all_files.scored("scene-palette.tif", saved(view.quantize(16), "TIFF", compression="tiff_lzw"))
    all_files.scored("scene-grey.tif", saved(view.convert("L"), "TIFF", compression="tiff_lzw"))
    all_files.scored("scene-fax.tif", saved(view.convert("1"), "TIFF", compression="group4"))
    for number in range(1, 9):
        turned = saved(kit.stored_for(kit.pattern(80, 60), number), "TIFF", compression="tiff_lzw", exif=orientation_exif(number))
        all_files.expected(f"nsfw-pattern-orientation-{number}.tif", turned, np.asarray(kit.pattern(80, 60)), "turned by its tag")
    first = saved(view, "TIFF", compression="tiff_lzw", save_all=True, append_images=[kit.gradient(60, 40), kit.pattern(80, 60)])
    all_files.several("nsfw-pattern-pages.tif", first, [small, np.asarray(kit.gradient(60, 40)), np.asarray(kit.pattern(80, 60))],
                      "the third of three pages")
    calm = saved(view, "TIFF", compression="tiff_lzw", save_all=True, append_images=[kit.gradient(60, 40)])
    all_files.several("scene-pages.tif", calm, [small, np.asarray(kit.gradient(60, 40))], "two pages")
    written = lambda name, page, picture, note, **more: all_files.expected(
        name, tiff_writer.tiff([page], **more), picture, note)
    few = np.asarray(kit.pattern(80, 60))
    written("nsfw-pattern-tiles.tif", tiff_writer.page(few, tile=32), few, "tiles, cut off at the edges")
    written("nsfw-pattern-planar.tif", tiff_writer.page(few, planar=2), few, "a plane for each colour")
    written("nsfw-pattern-big.tif", tiff_writer.page(few), few, "BigTIFF", big=True)
    deep = few.astype(np.uint16) * 257
    written("nsfw-pattern-16.tif", tiff_writer.page(deep[::2, ::2], 16), few[::2, ::2], "16 bits, scaled")
    grey = small[..., 1:2].astype(np.uint16) * 257
    written("scene-grey-16.tif", tiff_writer.page(grey, 16, photometric=1), np.repeat(small[..., 1:2], 3, 2),
            "16 bits of grey, scaled")
    inks = np.dstack([255 - few, np.zeros(few.shape[:2], np.uint8)])
    written("nsfw-pattern-cmyk.tif", tiff_writer.page(inks, photometric=5), few, "inks")
    hidden = np.dstack([few, np.zeros(few.shape[:2], np.uint8)])
    written("nsfw-pattern-alpha-0.tif", tiff_writer.page(hidden, extra=2), hidden, HIGHEST)
    written("nsfw-pattern-alpha-0-planar.tif", tiff_writer.page(hidden, extra=2, planar=2), hidden, HIGHEST)
    least = few.min(2, keepdims=True).astype(int)
    over_white = np.dstack([few - least, 255 - least]).astype(np.uint8)
    all_files.several("nsfw-pattern-over-white.tif", tiff_writer.tiff([tiff_writer.page(over_white, extra=1)]),
                      [over_white, few], "colours multiplied with alpha: what is seen over white")
    hostile_tiffs(all_files, kit, few)


def orientation_exif(number):
    exif = Image.Exif()
    exif[0x0112] = number
    return exif


def hostile_tiffs(all_files, kit, few):
    refuse = all_files.refuse
    page = tiff_writer.page(few)
    calm = tiff_writer.tiff([tiff_writer.page(np.asarray(kit.gradient(40, 30)))] * 2)
    refuse("loop.tif", tiff_writer.tiff([page, page], next_of_last=0), "unscannable", "its pages come back to the first")
    refuse("loop-self.tif", tiff_writer.tiff([page], next_of_last=0), "unscannable", "a page that is its own next one")
    cut(all_files, "truncated.tif", tiff_writer.tiff([page]))
    refuse("truncated-second.tif", calm[:-30], "unscannable", "its second page's directory is cut off")
    lzw = saved(kit.pattern(160, 120), "TIFF", compression="tiff_lzw")
    refuse("corrupt-lzw.tif", lzw[:2000] + bytes(2000) + lzw[4000:], "unscannable", "zeros inside its data")
    lossy = saved(kit.pattern(160, 120), "TIFF", compression="jpeg", quality=80)
    scan = lossy.index(b"\xff\xda") + 400
    refuse("corrupt-jpeg.tif", lossy[:scan] + b"\xff\xd9" + bytes(300) + lossy[scan + 302 :], "unscannable",
           "the JPEG inside ends early")
    refuse("magic-only.tif", b"II*\0", "unscannable", "four bytes")
    real = few[..., :1].astype(np.float32) / 255
    refuse("float.tif", tiff_writer.tiff([tiff_writer.page(real, 32, photometric=1, sample_format=3)]), "unscannable",
           "floating-point samples")
    announce = lambda w, h, **more: tiff_writer.tiff([tiff_writer.page(
        few, tags={256: (4, [w]), 257: (4, [h]), 278: (4, [h])} | more.get("tags", {}))])
    refuse("huge-header.tif", announce(65000, 65000), "unscannable", "4 gigapixels announced")
    refuse("zero-size.tif", announce(0, 10), "unscannable", "no columns")
    refuse("many-pages.tif", tiff_writer.tiff([({**tiff_writer.page(few)[0], 256: (4, [7000]), 257: (4, [7000]),
           278: (4, [7000])}, [b"x"])] * 30), "unscannable", "30 pages of 49 megapixels each")
    bomb = zlib.compress(bytes(2000 * 2000), 9)
    entries = {**tiff_writer.page(few[..., :1], photometric=1)[0], 256: (4, [2000]), 257: (4, [2000]), 278: (4, [2000]),
               259: (3, [8])}
    all_files.expected("black-4-megapixels.tif", tiff_writer.tiff([(entries, [bomb])]), np.zeros((64, 64, 3), np.uint8),
                       "one strip, deflated to 4 kilobytes")


# AVIF


def avifs(all_files, kit):
    bad = kit.pattern(320, 240)
    pixels = np.asarray(bad)
    png = kit.pillow_png(bad)
    enter = lambda name, data, note=None, **more: all_files.expected(
        name, data, shown(data), note or "as another decoder shows it", tolerance=0.02, **more)
    enter("nsfw-pattern.avif", saved(bad, "AVIF", quality=60, max_threads=1))
    enter("nsfw-pattern-444.avif", saved(bad, "AVIF", quality=60, subsampling="4:4:4", max_threads=1))
    enter("scene.avif", saved(kit.scene(320, 240), "AVIF", quality=50, max_threads=1))
    avifenc = lambda *options, source=png: run(
        "avifenc", "--jobs", "1", "--speed", "6", "--min", "20", "--max", "30", *options, "in.png", "out.avif",
        files={"in.png": source}, output="out.avif")
    for bits in (10, 12):
        enter(f"nsfw-pattern-{bits}.avif", avifenc("--depth", str(bits)), f"{bits} bits")
    enter("scene-grey.avif", avifenc("--yuv", "400", source=kit.pillow_png(kit.scene(160, 120))), "grey")
    enter("nsfw-pattern-limited.avif", avifenc("--range", "limited"), "limited range")
    enter("nsfw-pattern-grid.avif", avifenc("--grid", "2x2"), "a grid of four")
    hidden = kit.pillow_png(with_alpha(bad, 0))
    enter("nsfw-pattern-alpha-0.avif", avifenc(source=hidden), HIGHEST)
    # irot turns counterclockwise, then imir mirrors.
    for name, options, number in (
        ("turned-1", ("--irot", "1"), 8), ("turned-2", ("--irot", "2"), 3), ("turned-3", ("--irot", "3"), 6),
        ("mirrored-0", ("--imir", "0"), 4), ("mirrored-1", ("--imir", "1"), 2),
        ("turned-mirrored-0", ("--irot", "1", "--imir", "0"), 5), ("turned-mirrored-1", ("--irot", "1", "--imir", "1"), 7),
    ):
        data = avifenc(*options, source=kit.pillow_png(kit.stored_for(bad, number)))
        all_files.expected(f"nsfw-pattern-{name}.avif", data, pixels, "turned and mirrored by the container", tolerance=0.02)
    framed = np.asarray(kit.gradient(480, 360)).copy()
    framed[40:280, 80:400] = pixels
    data = avifenc("--crop", "80,40,320,240", source=kit.pillow_png(Image.fromarray(framed)))
    all_files.several("nsfw-pattern-cropped.avif", data, [pixels, framed],
                      "cropped by the container; some viewers crop, some do not", tolerance=0.02)
    frames = [kit.scene(160, 120), kit.gradient(160, 120), kit.pattern(160, 120)]
    data = timeless(saved(frames[0], "AVIF", save_all=True, append_images=frames[1:], quality=70, max_threads=1))
    all_files.several("nsfw-pattern-sequence.avif", data, [np.asarray(one) for one in frames[:1] + frames],
                      "the third frame of a sequence, beside a still picture", tolerance=0.02)
    whole = saved(bad, "AVIF", quality=60, max_threads=1)
    cut(all_files, "truncated.avif", whole)
    all_files.refuse("truncated-end.avif", whole[:-1], "unscannable", "its last byte is missing")
    all_files.refuse("truncated-header.avif", whole[:40], "unscannable", "cut off in its header")
    start = whole.index(b"mdat") + 4
    middle = start + (len(whole) - start) // 3
    all_files.refuse("corrupt.avif", whole[:middle] + bytes(range(200)) + whole[middle + 200 :], "unscannable",
                     "garbage inside its data")
    place = whole.index(b"ispe") + 8
    huge = whole[:place] + struct.pack(">II", 60000, 60000) + whole[place + 8 :]
    all_files.refuse("huge-header.avif", huge, "unscannable", "3.6 gigapixels announced")


# HEIC


def heics(all_files, kit):
    bad = kit.pattern(320, 240)
    pixels = np.asarray(bad)
    heic = lambda picture, *options: run(
        "heif-enc", "-q", "60", *options, "in.png", "-o", "out.heic",
        files={"in.png": picture if isinstance(picture, bytes) else kit.pillow_png(picture)}, output="out.heic")
    enter = lambda name, data, note=None: all_files.expected(
        name, data, shown(data), note or "as another decoder shows it", tolerance=0.02)
    plain = heic(bad)
    enter("nsfw-pattern.heic", plain)
    enter("scene.heic", heic(kit.scene(320, 240)))
    enter("nsfw-pattern-444.heic", heic(bad, "-p", "chroma=444"))
    deep = deep_png(pixels)
    enter("nsfw-pattern-10.heic", heic(deep, "-b", "10"), "10 bits")
    enter("size-odd.heic", heic(kit.scene(157, 93)))
    enter("nsfw-pattern-alpha-0.heic", heic(with_alpha(bad, 0)), HIGHEST)
    configuration, data = heif.coded(plain)
    whole = heif.size(320, 240)
    single = lambda *more, source=(configuration, data), own=whole, **options: heif.heif(
        [(b"hvc1", source[1], [own, source[0], *more], (), False)], **options)
    # irot turns counterclockwise.
    for name, number, more in (("turned-1", 8, (heif.rotation(1),)), ("turned-2", 3, (heif.rotation(2),)),
                               ("turned-3", 6, (heif.rotation(3),))):
        stored = kit.stored_for(bad, number)
        all_files.expected(f"nsfw-pattern-{name}.heic",
                           single(*more, source=heif.coded(heic(stored)), own=heif.size(*stored.size)), pixels,
                           "turned by the container", tolerance=0.02)
    for axis, number in ((0, 4), (1, 2)):
        stored = kit.stored_for(bad, number)
        all_files.expected(f"nsfw-pattern-mirrored-{axis}.heic",
                           single(heif.mirror(axis), source=heif.coded(heic(stored)), own=heif.size(*stored.size)), pixels,
                           "mirrored by the container", tolerance=0.02)
    framed = np.asarray(kit.gradient(480, 360)).copy()
    framed[40:280, 80:400] = pixels
    source = heif.coded(heic(Image.fromarray(framed)))
    all_files.expected("nsfw-pattern-cropped.heic",
                       single(heif.aperture(320, 240, 80, 40, 480, 360), source=source, own=heif.size(480, 360)), pixels,
                       "cropped by the container", tolerance=0.02)
    large = np.asarray(kit.pattern(512, 384))
    tiles = [heif.coded(heic(Image.fromarray(large[y : y + 192, x : x + 256]))) for y in (0, 192) for x in (0, 256)]
    items = [(b"grid", heif.grid(2, 2, 512, 384), [heif.size(512, 384)], (2, 3, 4, 5), False)]
    items += [(b"hvc1", one, [heif.size(256, 192), own], (), True) for own, one in tiles]
    all_files.expected("nsfw-pattern-grid.heic", heif.heif(items), large, "a grid of four, as telephones write them",
                       tolerance=0.02)
    calm = heif.coded(heic(kit.scene(320, 240)))
    pair = [(b"hvc1", calm[1], [whole, calm[0]], (), False), (b"hvc1", data, [whole, configuration], (), False)]
    all_files.several("nsfw-pattern-second.heic", heif.heif(pair), [np.asarray(kit.scene(320, 240)), pixels],
                      "the second picture of a collection, which viewers do not show", tolerance=0.02)
    avif = saved(bad, "AVIF", quality=60, max_threads=1).replace(b"avif", b"mif1", 2)
    all_files.expected("nsfw-pattern-av1.heic", avif, pixels, "AV1 under HEIF's general brand", tolerance=0.02)
    cut(all_files, "truncated.heic", plain)
    all_files.refuse("truncated-end.heic", plain[:-1], "unscannable", "its last byte is missing")
    all_files.refuse("truncated-header.heic", plain[:60], "unscannable", "cut off in its header")
    short = data[: len(data) * 2 // 3]
    all_files.refuse("short-stream.heic", single(source=(configuration, struct.pack(">I", len(short) - 4) + short[4:])),
                     "unscannable", "its stream ends early")
    middle = len(data) // 2
    all_files.refuse("corrupt.heic", single(source=(configuration, data[:middle] + bytes(range(64)) + data[middle + 64 :])),
                     "unscannable", "garbage inside its stream")
    all_files.refuse("sequence.heic", single(extra=heif.box(b"moov")), "unscannable",
                     "a sequence beside the picture, which is not decoded")
    all_files.refuse("huge-header.heic", single(own=heif.size(60000, 60000)), "unscannable", "3.6 gigapixels announced")
    items = [(b"grid", heif.grid(200, 200, 20000, 20000), [heif.size(20000, 20000)], [2] * 40, False),
             (b"hvc1", data, [whole, configuration], (), True)]
    all_files.refuse("huge-grid.heic", heif.heif(items), "unscannable", "a grid of 400 megapixels from one small picture")
    items = [(b"grid", heif.grid(1, 1, 320, 240), [whole], (2,), False),
             (b"grid", heif.grid(1, 1, 320, 240), [whole], (1,), True)]
    all_files.refuse("loop.heic", heif.heif(items), "unscannable", "grids that are made of each other")


def deep_png(pixels):
    return png_writer.png(pixels.astype(int) * 257, 16, "rgb")


# JPEG XL


def jpeg_xls(all_files, kit):
    bad = kit.pattern(320, 240)
    pixels = np.asarray(bad)
    png = kit.pillow_png(bad)
    cjxl = lambda *options, source=png, name="in.png": run(
        "cjxl", name, "out.jxl", "--num_threads=0", *options, files={name: source}, output="out.jxl")
    enter = lambda name, data, note=None: all_files.expected(
        name, data, shown(data), note or "as another decoder shows it", tolerance=0.02)
    lossy = cjxl("-d", "2")
    enter("nsfw-pattern.jxl", lossy)
    enter("nsfw-pattern-container.jxl", cjxl("-d", "2", "--container=1"), "in a container")
    enter("nsfw-pattern-progressive.jxl", cjxl("-d", "2", "-p"), "progressive")
    enter("scene.jxl", cjxl("-d", "2", source=kit.pillow_png(kit.scene(320, 240))))
    enter("scene-grey.jxl", cjxl("-d", "1", source=kit.pillow_png(kit.scene(160, 120).convert("L"))), "grey")
    few = kit.pattern(160, 120)
    all_files.expected("nsfw-pattern-lossless.jxl", cjxl("-d", "0", source=kit.pillow_png(few)), np.asarray(few), "lossless")
    hidden = with_alpha(few, 0)
    all_files.expected("nsfw-pattern-alpha-0.jxl", cjxl("-d", "0", source=kit.pillow_png(hidden)), np.asarray(hidden), HIGHEST)
    half = np.asarray(kit.pattern(160, 120)).astype(int) * 257
    all_files.expected("nsfw-pattern-16.jxl", cjxl("-d", "0.5", source=png_writer.png(half, 16, "rgb")), np.asarray(few), "16 bits",
                       tolerance=0.02)
    jpeg = kit.jpeg(kit.stored_for(bad, 6), exif=b"Exif\0\0" + kit.exif(6), quality=60)
    all_files.expected("nsfw-pattern-recompressed.jxl", cjxl(source=jpeg, name="in.jpg"),
                       np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(jpeg)))),
                       "a recompressed JPEG that its orientation turns", tolerance=0.02)
    frames = [kit.scene(160, 120), kit.gradient(160, 120), kit.pattern(160, 120)]
    gif = saved(frames[0].convert("RGB"), "PNG", save_all=True, append_images=frames[1:], duration=100)
    all_files.several("nsfw-pattern-animation.jxl", cjxl("-d", "2", source=gif, name="in.png"),
                      [np.asarray(one) for one in frames], "the third frame of an animation", tolerance=0.02)
    cut(all_files, "truncated.jxl", lossy)
    all_files.refuse("truncated-end.jxl", lossy[:-1], "unscannable", "its last byte is missing")
    all_files.refuse("magic-only.jxl", b"\xff\x0a", "unscannable", "two bytes")
    # The size's header: not small, 30 bits for a side less one, no ratio.
    bits = [0, 1, 1] + [999_999_999 >> bit & 1 for bit in range(30)] + [0, 0, 0] + [1, 1] + [999_999_999 >> bit & 1 for bit in range(30)]
    bits += [1]  # everything else as usual
    packed = np.packbits(np.array(bits, np.uint8), bitorder="little").tobytes()
    all_files.refuse("huge-header.jxl", b"\xff\x0a" + packed + bytes(100), "unscannable", "a billion pixels a side announced")
    black = kit.pillow_png(Image.new("RGB", (7000, 7000)))
    all_files.refuse("black-49-megapixels.jxl", cjxl("-d", "0", "-e", "1", source=black), "unscannable",
                     "more than the library may need memory for, in a few kilobytes")


# SVG


def svgs(all_files, kit):
    bad, calm = kit.pattern(160, 120), np.asarray(kit.shapes(160, 120))
    pixels = np.asarray(bad)
    svg = lambda body, size='width="320" height="240" viewBox="0 0 160 120"', head="": (
        f'{head}<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {size}>{body}</svg>').encode()
    link = lambda data, kind="png": f"data:image/{kind};base64," + base64.b64encode(data).decode()
    shot = lambda data: shown(run("rsvg-convert", "-w", "320", "in.svg", "-o", "out.png", files={"in.svg": data}, output="out.png"))
    drawn = '<rect width="160" height="120" fill="#eee"/><circle cx="70" cy="60" r="40" fill="#c33"/><path d="M80 10L150 100L60 90z" fill="#48c"/>'
    # The pattern is a small grid blown up linearly, which stripes of linear gradients repeat.
    grid = np.asarray(Image.open(kit.FIXTURES / "pattern-grid.png").convert("RGB")).astype(float)
    columns, places = grid.shape[1], (np.arange(grid.shape[0]) + 0.5) * 120 / grid.shape[0]
    blend = lambda y: [[round(float(np.interp(y + 0.5, places, grid[:, x, channel]))) for channel in range(3)] for x in range(columns)]
    stripe = lambda y: "".join('<stop offset="{:.4f}" stop-color="#{:02x}{:02x}{:02x}"/>'.format((x + 0.5) / columns, *colour)
                               for x, colour in enumerate(blend(y)))
    stripes = "".join(f'<linearGradient id="g{y}">{stripe(y)}</linearGradient><path fill="url(#g{y})" d="M0 {y}h160v1h-160z"/>'
                      for y in range(120))
    vectors = lambda size: svg(f'<g shape-rendering="crispEdges">{stripes}</g>', size)
    blocks = pixels
    all_files.expected("nsfw-pattern.svg", vectors('viewBox="0 0 160 120"'), blocks, "drawn of stripes", tolerance=0.02)
    for name, data in {
        "shapes": svg(drawn), "shapes-tiny": svg(drawn, 'width="8" height="6" viewBox="0 0 160 120"'),
        "shapes-huge": svg(drawn, 'width="1600000" height="1200000" viewBox="0 0 160 120"'),
        "shapes-transparent": svg(drawn[drawn.index("<circle"):]),
        "shapes-styled": svg('<style>@import url("http://127.0.0.1:9/a.css"); circle { fill: #c33 }</style>' + drawn),
    }.items():
        all_files.expected(f"{name}.svg", data, shot(svg(drawn) if name in ("shapes-tiny", "shapes-huge", "shapes-styled") else data),
                           "as librsvg's own tool draws it", tolerance=0.02)
    outside = svg(drawn + '<image width="160" height="120" href="http://127.0.0.1:9/a.png"/><image width="160" height="120" '
                  'xlink:href="file:///etc/hostname"/><use href="other.svg#a"/><xi:include xmlns:xi="http://www.w3.org/2001/XInclude" '
                  'href="file:///etc/passwd" parse="text"/>&outside;',
                  head='<!DOCTYPE svg [<!ENTITY outside SYSTEM "file:///etc/passwd">]>')
    all_files.expected("shapes-outside.svg", outside, shot(svg(drawn)), "what lies outside the file is not fetched", tolerance=0.02)
    filters = "".join(f'<filter id="f{index}">{one}</filter><rect width="9" height="9" filter="url(#f{index})"/>' for index, one in enumerate((
        '<feGaussianBlur stdDeviation="9999"/>', '<feDropShadow dx="1" dy="1" stdDeviation="8"/>', '<feTurbulence numOctaves="99"/>',
        '<feDiffuseLighting><fePointLight/></feDiffuseLighting>', '<feSpecularLighting><feDistantLight/></feSpecularLighting>',
        '<feMorphology radius="2"/>', '<feConvolveMatrix kernelMatrix="1 0 0 0 1 0 0 0 1"/>', '<feColorMatrix type="saturate"/>',
        '<feDisplacementMap in2="SourceGraphic" scale="3"/>', '<feTile/>', '<feComponentTransfer/>', '<feMerge/>',
        '<feImage href="#none"/>', '<feBlend in2="SourceGraphic"/>', '<feComposite in2="SourceGraphic"/>')))
    all_files.expected("shapes-filters.svg", svg(filters + '<rect width="9" height="9" style="filter: blur(3px) drop-shadow(1px 1px 2px red)"/>'
                       + drawn + "<text y='50'>Text</text>"), shot(svg(drawn)), "filters that would start threads, and text", tolerance=0.02)
    embed = lambda data, kind="png", more="": f'<image width="160" height="120" {more} href="{link(data, kind)}"/>'
    png = kit.pillow_png(bad)
    for name, data, kind in (("png", png, "png"), ("jpeg", kit.jpeg(bad, quality=80), "jpeg"), ("avif", saved(bad, "AVIF", quality=70, max_threads=1), "avif"),
                             ("wrong-type", kit.jpeg(bad, quality=80), "png")):
        all_files.several(f"nsfw-pattern-embedded-{name}.svg", svg(embed(data, kind)), [pixels, shown(data)], "an embedded picture",
                          tolerance=0.02)
    turned = kit.jpeg(kit.stored_for(bad, 6), quality=80, exif=b"Exif\0\0" + kit.exif(6))
    all_files.several("nsfw-pattern-embedded-turned.svg", svg(embed(turned, "jpeg")), [pixels, pixels],
                      "an embedded picture that its orientation turns", tolerance=0.02)
    tiles = [(x, y, np.asarray(bad)[y : y + 24, x : x + 20]) for y in range(0, 120, 24) for x in range(0, 160, 20)]
    body = "".join(f'<image x="{x}" y="{y}" width="20" height="24" preserveAspectRatio="none" xlink:href="{link(kit.jpeg(Image.fromarray(tile), quality=60, subsampling=0))}"/>'
                   for x, y, tile in tiles)
    all_files.several("nsfw-pattern-embedded-tiles.svg", svg(body), [tile for _, _, tile in tiles] + [pixels],
                      "a picture in forty pieces", tolerance=0.05)
    hidden = {
        "defs": f"<defs>{embed(png)}</defs>", "transparent": embed(png, more='opacity="0"'),
        "css": f'<style>rect {{ mask: url("{link(png)}") }}</style>', "attribute": f'<rect style="background: url({link(png)})"/>',
        "foreign": f'<foreignObject><img xmlns="http://www.w3.org/1999/xhtml" src="{link(png)}"/></foreignObject>',
        "script": f"<script>show('{link(png)}')</script>", "spaced": embed(png).replace("base64,", "base64,\n  ").replace("data:", " DATA:"),
    }
    for name, body in hidden.items():
        all_files.several(f"nsfw-pattern-embedded-{name}.svg", svg(drawn + body), [pixels, calm], "an embedded picture that is not drawn, or not at first", tolerance=0.02)
    entity = svg(drawn + '<image width="160" height="120" href="&picture;"/>', head=f'<!DOCTYPE svg [<!ENTITY picture "{link(png)}">]>')
    all_files.several("nsfw-pattern-embedded-entity.svg", entity, [pixels, calm], "an embedded picture in an entity", tolerance=0.02)
    inner = "data:image/svg+xml," + vectors('width="480" height="360" viewBox="0 0 160 120"').decode().replace("#", "%23").replace('"', "'").replace("<", "&lt;")
    all_files.several("nsfw-pattern-embedded-svg.svg", svg(f'<image width="160" height="120" href="{inner}"/>'), [blocks, blocks],
                      "an SVG inside an SVG", tolerance=0.02)
    clipped = svg('<clipPath id="c"><text>Text</text></clipPath><g clip-path="url(#c)">' + stripes + "</g>")
    all_files.expected("nsfw-pattern-clipped.svg", clipped, blocks, "cut out by letters, which are not drawn", tolerance=0.05)
    wide = ('<?xml version="1.0" encoding="UTF-16"?>' + svg(drawn).decode()).encode("utf-16")
    all_files.expected("shapes-utf16.svg", wide, shot(svg(drawn)), "UTF-16", tolerance=0.02)
    foreign_svgs(all_files, svg, drawn, stripes)
    hostile_svgs(all_files, kit, svg, link, drawn, png)


def foreign_svgs(all_files, svg, drawn, stripes):
    """The pattern as browsers show it and librsvg does not."""
    refuse = lambda name, data, note: all_files.refuse(f"nsfw-pattern-{name}.svg", data, "unscannable", note)
    modern = re.sub('stop-color="#(..)(..)(..)"', lambda found: 'style="stop-color:color(srgb {:.3f} {:.3f} {:.3f})"'.format(
        *(int(value, 16) / 255 for value in found.groups())), stripes)
    # As a picture in a page, a document of 320 pixels has 320 units in 100vw, and shows 160 of them.
    relative = re.sub(r'd="M0 (\d+)h160v1h-160z"', lambda found: 'd="M0 0h0"', stripes)
    relative += "".join(f'<rect fill="url(#g{y})" y="{y / 2.4:.4f}vh" width="50vw" height="{1 / 2.4:.4f}vh"/>' for y in range(120))
    lines = re.findall(r"<linearGradient[^>]*>(.*?)</linearGradient>", stripes)
    lines = [", ".join(f"{colour} {float(place) * 100}%" for place, colour in re.findall('offset="(.*?)" stop-color="(.*?)"', line))
             for line in lines]
    html = "".join(f'<p style="margin:0;height:1px;background:linear-gradient(90deg, {line})"/>' for line in lines)
    refuse("html", svg(f'{drawn}<foreignObject width="160" height="120"><div xmlns="http://www.w3.org/1999/xhtml">{html}</div>'
                       "</foreignObject>"), "drawn by HTML inside")
    refuse("modern-colours", svg(drawn + modern), "colours of CSS Color 4")
    refuse("modern-units", svg(drawn + relative), "units that librsvg does not have")
    refuse("uncovered", svg(f'{stripes}<g style="translate: 160px 0">{drawn}</g>'), "under a drawing that browsers move away")
    refuse("animated", svg(f'{drawn}<g opacity="0">{stripes}<animate attributeName="opacity" to="1" dur="1s" fill="freeze"/></g>'),
           "shown by an animation")
    refuse("in-the-dark", svg("<style>g { display: none } @media (prefers-color-scheme: dark) { g { display: inline } }</style>"
                              f"{drawn}<g>{stripes}</g>"), "shown to whoever prefers dark colours")


def hostile_svgs(all_files, kit, svg, link, drawn, png):
    refuse = lambda name, data, note: all_files.refuse(f"{name}.svg", data, "unscannable", note)
    refuse("truncated", svg(drawn)[:150], "cut off")
    refuse("empty", svg(drawn, 'width="0" height="10"'), "no columns")
    laughs = "".join(f'<!ENTITY a{index} "{f"&a{index - 1};" * 10}">' for index in range(1, 10))
    refuse("entity-bomb", svg("<g id='&a9;'/>", head=f'<!DOCTYPE svg [<!ENTITY a0 "lol">{laughs}]>'), "entities of a billion letters")
    long = "x" * 25_000
    refuse("entity-square", svg("<g>" + "&a;" * 4_000 + "</g>", head=f'<!DOCTYPE svg [<!ENTITY a "{long}">]>'),
           "a long entity, four thousand times")
    refuse("deep", svg("<g>" * 300 + "</g>" * 300), "300 elements in each other")
    nested = svg(drawn)
    for _ in range(5):
        nested = svg(f'<image width="160" height="120" href="{link(nested, "svg+xml")}"/>')
    refuse("nested", nested, "six SVGs in each other")
    refuse("embedded-truncated", svg(f'<image width="9" height="9" href="{link(png[:500])}"/>'), "an embedded picture that is cut off")
    refuse("embedded-unknown", svg(f'<image width="9" height="9" href="{link(b"8BPS" + bytes(100))}"/>'), "an embedded Photoshop document")
    bomb = kit.SIGNATURE + kit.header(100_000, 100_000, 8, "rgb") + kit.chunk(b"IDAT", b"") + kit.chunk(b"IEND", b"")
    refuse("embedded-bomb", svg(f'<image width="9" height="9" href="{link(bomb)}"/>'), "an embedded picture of 10 gigapixels")

#!/usr/bin/env python3
"""BMP and ICO for scripts/make-fixtures.py. Pixels are those that were written here: Pillow takes some of these otherwise
than browsers do (alpha, rows that run lengths leave out)."""
import struct

import numpy as np

from animation_fixtures import indexed
from png_writer import SIGNATURE, png

RGB, RLE8, RLE4, BITFIELDS, ALPHA_BITFIELDS = 0, 1, 2, 3, 6


def padded_rows(rows, top_down=False):
    rows = [row + b"\0" * (-len(row) % 4) for row in rows]
    return b"".join(rows if top_down else rows[::-1])


def palette_rows(indices, bits):
    for row in indices:
        spread = (row[:, None].astype(int) >> np.arange(bits - 1, -1, -1)) & 1
        yield np.packbits(spread.astype(np.uint8).reshape(-1)).tobytes()


def pixel_rows(values, size):
    """Rows of whole pixels as little-endian integers of `size` bytes."""
    for row in values:
        yield b"".join(int(value).to_bytes(size, "little") for value in row)


def header(width, height, bits, compression=RGB, size=40, colours=0, masks=()):
    """The header of a bitmap, of any version."""
    if size == 12:
        return struct.pack("<IHHHH", 12, width, height, 1, bits)
    data = struct.pack("<IiiHHIIiiII", size, width, height, 1, bits, compression, 0, 2835, 2835, colours, 0)
    masks = b"".join(struct.pack("<I", mask) for mask in masks)
    if size <= 40:
        return data[:size] + masks
    return data + masks + bytes(size - 40 - len(masks))


def palette(colours, size=4):
    return b"".join(bytes([blue, green, red, 0][:size]) for red, green, blue in colours)


def bmp(head, table, pixels, offset=None):
    start = 14 + len(head) + len(table) if offset is None else offset
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + head + table + pixels


def run_lengths(indices, bits):
    """Rows from the bottom; runs, literals, and the rest of a row left out where it is colour 0."""
    output = bytearray()
    for row in indices[::-1]:
        row = [int(value) for value in row]
        while row and row[-1] == 0:
            row.pop()
        at = 0
        while at < len(row):
            count = 1
            while at + count < len(row) and row[at + count] == row[at] and count < 255:
                count += 1
            if count > 2 or len(row) - at < 3:
                output += bytes([count, row[at] if bits == 8 else row[at] * 17])
                at += count
                continue
            count = min(len(row) - at, 40)
            literal = row[at : at + count]
            if bits == 4:
                literal = literal + [0] * (count % 2)
                literal = [high << 4 | low for high, low in zip(literal[::2], literal[1::2])]
            output += bytes([0, count]) + bytes(literal) + b"\0" * (len(literal) % 2)
            at += count
        output += b"\0\0"
    return bytes(output[:-2]) + b"\0\1"


def packed(colour, masks):
    """RGB (and alpha) of 8 bits as pixels with these masks, and what they stand for then, rounded to the nearest."""
    values, shown = np.zeros(colour.shape[:2], np.int64), []
    for channel, mask in enumerate(masks):
        shift, top = (mask & -mask).bit_length() - 1, mask >> ((mask & -mask).bit_length() - 1)
        level = (colour[..., channel].astype(np.int64) * top + 127) // 255
        values |= level << shift
        shown.append((level * 510 + top) // (2 * top))
    return values, np.dstack(shown).astype(np.uint8)


def bitmaps(all_files, pictures):
    picture = pictures.pattern(80, 60)
    colour = np.asarray(picture)
    note = "pixels as written"
    add = lambda name, data, shown, more=note: all_files.expected(name, data, shown, more)
    plain = [row[:, ::-1].tobytes() for row in colour]
    add("nsfw-pattern-24.bmp", bmp(header(80, 60, 24), b"", padded_rows(plain)), colour)
    add("nsfw-pattern-top-down.bmp", bmp(header(80, -60, 24), b"", padded_rows(plain, True)), colour)
    for bits, count in ((8, 256), (4, 16), (1, 2)):
        indices, colours = indexed(picture, count)
        name = "nsfw-pattern" if bits == 8 else "pattern"
        data = bmp(header(80, 60, bits, colours=len(colours)), palette(colours), padded_rows(palette_rows(indices, bits)))
        add(f"{name}-{bits}.bmp", data, colours[indices])
    indices, colours = indexed(picture, 200)
    full = np.vstack([colours, np.zeros((256 - len(colours), 3), np.uint8)])
    data = bmp(header(80, 60, 8, size=12), palette(full, 3), padded_rows(palette_rows(indices, 8)))
    add("nsfw-pattern-os2.bmp", data, colours[indices], note + "; OS/2's header")
    for bits, kind in ((8, RLE8), (4, RLE4)):
        indices, colours = indexed(picture, 1 << bits)
        shown = np.dstack([colours[indices], np.full(indices.shape, 255, np.uint8)])
        left_out = np.cumprod((indices == 0)[:, ::-1], 1)[:, ::-1].astype(bool)
        shown[left_out, 3] = 0
        name = "nsfw-pattern" if bits == 8 else "pattern"
        data = bmp(header(80, 60, bits, kind, colours=len(colours)), palette(colours), run_lengths(indices, bits))
        add(f"{name}-run-lengths-{bits}.bmp", data, shown, "what run lengths leave out is transparent")
    for name, bits, masks, size in (
        ("555", 16, (0x7C00, 0x3E0, 0x1F), 40), ("565", 16, (0xF800, 0x7E0, 0x1F), 40),
        ("10-bits", 32, (0x3FF00000, 0xFFC00, 0x3FF), 52), ("swapped", 32, (0xFF, 0xFF00, 0xFF0000), 56),
    ):
        values, shown = packed(colour, masks)
        head = header(80, 60, bits, RGB if name == "555" else BITFIELDS, size, masks=() if name == "555" else masks)
        add(f"nsfw-pattern-{name}.bmp", bmp(head, b"", padded_rows(pixel_rows(values, bits // 8))), shown)
    alpha_note = "the highest of: over black, over white, alpha ignored"
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    hidden = np.dstack([colour, np.where(np.arange(80) == 79, 1, 0)[None].repeat(60, 0)])
    for name, size, kind in (("v5", 124, BITFIELDS), ("alpha-bitfields", 40, ALPHA_BITFIELDS), ("unofficial-alpha", 40, RGB)):
        values, shown = packed(hidden, masks)
        head = header(80, 60, 32, kind, size, masks=() if kind == RGB else masks)
        add(f"nsfw-pattern-{name}.bmp", bmp(head, b"", padded_rows(pixel_rows(values, 4))), shown, alpha_note)
    values, _ = packed(colour, masks[:3])
    data = bmp(header(80, 60, 32), b"", padded_rows(pixel_rows(values, 4)))
    add("nsfw-pattern-32.bmp", data, colour, "alpha that is 0 throughout does not count")
    add("nsfw-pattern-gap.bmp", bmp(header(80, 60, 24), b"", bytes(300) + padded_rows(plain), 54 + 300), colour,
        "pixels some way after the header")
    add("nsfw-pattern-trailing.bmp", bmp(header(80, 60, 24), b"", padded_rows(plain)) + bytes(500), colour)


def icon(pictures, kind=1):
    """A file of (width, height, content)."""
    data, body, offset = struct.pack("<HHH", 0, kind, len(pictures)), b"", 6 + 16 * len(pictures)
    for width, height, content in pictures:
        data += struct.pack("<BBBBHHII", width % 256, height % 256, 0, 0, 1, 32, len(content), offset + len(body))
        body += content
    return data + body


def icon_bitmap(rgba):
    height, width = rgba.shape[:2]
    rows = [row[:, [2, 1, 0, 3]].tobytes() for row in rgba]
    mask = padded_rows(palette_rows(np.zeros((height, width), int), 1))
    return header(width, height * 2, 32) + padded_rows(rows) + mask


def masked_bitmap(indices, colours, transparent):
    height, width = indices.shape
    return (header(width, height * 2, 8) + palette(np.vstack([colours, np.zeros((256 - len(colours), 3), np.uint8)]))
            + padded_rows(palette_rows(indices, 8)) + padded_rows(palette_rows(transparent.astype(int), 1)))


def icons(all_files, pictures):
    opaque = lambda picture: np.dstack([np.asarray(picture), np.full(np.asarray(picture).shape[:2], 255, np.uint8)])
    calm = [opaque(pictures.gradient(size, size)) for size in (16, 32, 48)]
    entries = [(len(one), len(one), icon_bitmap(one)) for one in calm]
    bad = pictures.pattern(64, 64)
    encoded = png(np.asarray(bad).astype(int), 8, "rgb")
    all_files.animated("nsfw-pattern-one-of-four.ico", icon(entries + [(64, 64, encoded)]), calm + [opaque(bad)])
    all_files.animated("nsfw-pattern-first.ico", icon([(64, 64, icon_bitmap(opaque(bad)))] + entries), [opaque(bad)] + calm)
    all_files.animated("gradient.ico", icon(entries), calm)
    indices, colours = indexed(bad)
    half = np.mgrid[0:64, 0:64][1] >= 60
    shown = np.dstack([colours[indices], np.where(half, 0, 255)]).astype(np.uint8)
    all_files.animated("nsfw-pattern-masked.cur", icon([(64, 64, masked_bitmap(indices, colours, half))], 2), [shown])


def hostile(all_files, pictures):
    refuse = all_files.refuse
    colour = np.asarray(pictures.gradient(40, 30))
    pixels = padded_rows([row[:, ::-1].tobytes() for row in colour])
    whole = bmp(header(40, 30, 24), b"", pixels)
    refuse("truncated.bmp", whole[:-50], "unscannable", "cut off")
    refuse("truncated-header.bmp", whole[:40], "unscannable", "cut off in its header")
    refuse("huge-header.bmp", bmp(header(2**31 - 1, -(2**31), 32), b"", pixels), "unscannable", "2^31 × 2^31 pixels announced")
    refuse("too-large-header.bmp", bmp(header(8000, 6300, 24), b"", pixels), "unscannable", "50.4 megapixels announced")
    refuse("zero-size.bmp", bmp(header(40, 0, 24), b"", pixels), "unscannable", "no rows")
    refuse("jpeg-inside.bmp", bmp(header(40, 30, 0, 4), b"", pictures.jpeg(pictures.gradient(40, 30))), "unscannable",
           "a JPEG inside, which browsers do not show")
    indices, colours = indexed(pictures.gradient(40, 30), 16)
    refuse("truncated-run-lengths.bmp", bmp(header(40, 30, 8, RLE8, colours=16), palette(colours), run_lengths(indices, 8)[:-60]),
           "unscannable", "cut off")
    refuse("gaps-in-masks.bmp", bmp(header(40, 30, 32, BITFIELDS, masks=(0xF0F00000, 0xFF00, 0xFF)), b"", bytes(40 * 30 * 4)),
           "unscannable", "bit masks with gaps")
    small = icon_bitmap(np.full((16, 16, 4), 200, np.uint8))
    refuse("truncated.ico", icon([(16, 16, small)])[:-20], "unscannable", "cut off")
    refuse("too-many.ico", icon([(16, 16, small)] * 65), "unscannable", "65 pictures")
    refuse("nested.ico", icon([(16, 16, icon([(16, 16, small)]))]), "unscannable", "an icon inside an icon")
    large = SIGNATURE + png(np.zeros((7000, 7000, 1), np.uint8), 1, "grey")[8:]
    shared = struct.pack("<HHH", 0, 1, 20) + b"".join(
        struct.pack("<BBBBHHII", 0, 0, 0, 0, 1, 32, len(large), 6 + 16 * 20) for _ in range(20))
    refuse("shared-picture.ico", shared + large, "unscannable", "20 pictures of 49 megapixels in the same place")


def add(all_files, pictures):
    """`pictures` is make-fixtures.py, which has the pictures."""
    bitmaps(all_files, pictures)
    icons(all_files, pictures)
    hostile(all_files, pictures)

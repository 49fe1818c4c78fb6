#!/usr/bin/env python3
"""A GIF encoder for scripts/make-fixtures.py, for what Pillow does not leave to its caller: disposal, places, palettes and
interlacing of each image."""
import struct

import numpy as np


def lzw(indices, bits):
    """The compressed data of palette indices, in sub-blocks."""
    clear, end = 1 << bits, (1 << bits) + 1
    width, table, following = bits + 1, {bytes([one]): one for one in range(clear)}, end + 1
    buffer, filled, output = 0, 0, bytearray()

    def emit(code):
        nonlocal buffer, filled
        buffer |= code << filled
        filled += width
        while filled >= 8:
            output.append(buffer & 255)
            buffer >>= 8
            filled -= 8

    emit(clear)
    prefix = b""
    for index in indices:
        longer = prefix + bytes([index])
        if longer in table:
            prefix = longer
            continue
        emit(table[prefix])
        if following < 4096:
            table[longer] = following
            following += 1
            if following > 1 << width and width < 12:
                width += 1
        else:
            emit(clear)
            width, table, following = bits + 1, {bytes([one]): one for one in range(clear)}, end + 1
        prefix = bytes([index])
    emit(table[prefix])
    emit(end)
    if filled:
        output.append(buffer & 255)
    blocks = [bytes(output[at : at + 255]) for at in range(0, len(output), 255)]
    return bytes([bits]) + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


def palette_bits(count):
    return max(1, (count - 1).bit_length())


def padded(colours):
    bits = palette_bits(len(colours))
    return np.asarray(colours, np.uint8).tobytes() + bytes(3 * ((1 << bits) - len(colours)))


def image(indices, left=0, top=0, colours=None, disposal=0, transparent=None, delay=4, interlaced=False, bits=8):
    """One image: palette indices (height × width), with a palette of its own or with the common one of 2^bits colours."""
    height, width = indices.shape
    control = b"\x21\xf9\x04" + struct.pack(
        "<BHBB", disposal << 2 | (transparent is not None), delay, transparent or 0, 0)
    flags = 0x40 if interlaced else 0
    palette = b""
    if colours is not None:
        bits = palette_bits(len(colours))
        flags |= 0x80 | (bits - 1)
        palette = padded(colours)
    if interlaced:
        indices = np.concatenate([indices[0::8], indices[4::8], indices[2::4], indices[1::2]])
    header = b"," + struct.pack("<HHHHB", left, top, width, height, flags)
    return control + header + palette + lzw(indices.astype(np.uint8).reshape(-1).tolist(), max(2, bits))


def gif(width, height, images, colours=None, background=0, version=b"89a", trailer=b";"):
    flags, palette = 0x70, b""
    if colours is not None:
        flags |= 0x80 | (palette_bits(len(colours)) - 1)
        palette = padded(colours)
    screen = struct.pack("<HHBBB", width, height, flags, background, 0)
    return b"GIF" + version + screen + palette + b"".join(images) + trailer


def composed(width, height, images, colours):
    """The frames (RGBA) that `gif` with these images, as the arguments of `image`, shows in a browser: disposal 2 makes
    transparent, which Pillow paints with the background's colour instead."""
    canvas, frames = np.zeros((height, width, 4), np.uint8), []
    for one in images:
        indices, left, top = one["indices"], one.get("left", 0), one.get("top", 0)
        table = np.asarray(one["colours"] if one.get("colours") is not None else colours)
        before = canvas.copy()
        area = canvas[top : top + indices.shape[0], left : left + indices.shape[1]]
        drawn = indices != one["transparent"] if one.get("transparent") is not None else np.full(indices.shape, True)
        area[drawn, :3], area[drawn, 3] = table[np.where(drawn, indices, 0)][drawn], 255
        frames.append(canvas.copy())
        if one["disposal"] == 2:
            area[:] = 0
        elif one["disposal"] == 3:
            canvas = before
    return frames

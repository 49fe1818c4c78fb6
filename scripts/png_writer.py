#!/usr/bin/env python3
"""A PNG encoder for scripts/make-fixtures.py, for what Pillow does not write: 16 bits, interlacing, odd chunks."""
import struct
import zlib

import numpy as np


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pack_row(samples, depth):
    """Samples (width × channels) of one row, as PNG packs them."""
    flat = samples.reshape(-1)
    if depth == 16:
        return flat.astype(">u2").tobytes()
    if depth == 8:
        return flat.astype(np.uint8).tobytes()
    bits = (flat[:, None] >> np.arange(depth - 1, -1, -1)) & 1
    return np.packbits(bits.astype(np.uint8).reshape(-1)).tobytes()


def filtered(rows, bytes_per_pixel):
    """Rows with filter Sub, which is enough to make the decoder undo one."""
    result = bytearray()
    for row in rows:
        values = np.frombuffer(row, np.uint8)
        shifted = np.concatenate([np.zeros(bytes_per_pixel, np.uint8), values])[: len(values)]
        result += b"\x01" + (values - shifted).tobytes()
    return bytes(result)


ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def image_data(samples, depth, interlaced):
    """The uncompressed image data of samples (height × width × channels)."""
    step = max(1, samples.shape[2] * depth // 8)
    if not interlaced:
        return filtered([pack_row(row, depth) for row in samples], step)
    result = b""
    for left, top, across, down in ADAM7:
        part = samples[top::down, left::across]
        if part.size:
            result += filtered([pack_row(row, depth) for row in part], step)
    return result


COLOUR_TYPES = {"grey": 0, "rgb": 2, "palette": 3, "grey-alpha": 4, "rgba": 6}
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def header(width, height, depth, kind, interlaced=False):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, COLOUR_TYPES[kind], 0, 0, int(interlaced)))


def png(samples, depth, kind, interlaced=False, before=b"", after=b""):
    height, width = samples.shape[:2]
    data = zlib.compress(image_data(samples, depth, interlaced), 9)
    return (
        SIGNATURE + header(width, height, depth, kind, interlaced) + before + chunk(b"IDAT", data) + after
        + chunk(b"IEND", b"")
    )


def widen(samples, depth):
    """Samples of any depth as 8 bits, rounded to the nearest."""
    top = (1 << depth) - 1
    return ((samples.astype(np.int64) * 510 + top) // (2 * top)).astype(np.uint8)

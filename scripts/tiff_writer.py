#!/usr/bin/env python3
"""Writes TIFF files of any structure, sound or not, uncompressed or with data that were compressed before."""
import struct

SHORT, LONG, LONG8 = 3, 4, 16
SIZES = {SHORT: (2, "H"), LONG: (4, "I"), LONG8: (8, "Q")}


def page(samples, bits=8, photometric=2, compression=1, extra=None, planar=1, tile=None, sample_format=None, tags=()):
    """The directory entries and data blocks of a picture of (height, width, channels) samples."""
    height, width, channels = samples.shape
    kind = {1: "u1", 2: "<u2", 4: "<f4"}[samples.dtype.itemsize]
    layers = [samples[..., index : index + 1] for index in range(channels)] if planar == 2 else [samples]
    if tile:
        blocks = []
        for layer in layers:
            for y in range(0, height, tile):
                for x in range(0, width, tile):
                    block = layer[y : y + tile, x : x + tile]
                    padded = __import__("numpy").zeros((tile, tile, layer.shape[2]), samples.dtype)
                    padded[: block.shape[0], : block.shape[1]] = block
                    blocks.append(padded.astype(kind).tobytes())
    else:
        blocks = [layer.astype(kind).tobytes() for layer in layers]
    entries = {
        256: (LONG, [width]), 257: (LONG, [height]), 258: (SHORT, [bits] * channels), 259: (SHORT, [compression]),
        262: (SHORT, [photometric]), 277: (SHORT, [channels]), 284: (SHORT, [planar]),
    }
    if tile:
        entries |= {322: (LONG, [tile]), 323: (LONG, [tile])}
    else:
        entries[278] = (LONG, [height])
    if extra is not None:
        entries[338] = (SHORT, [extra])
    if sample_format:
        entries[339] = (SHORT, [sample_format] * channels)
    entries.update(tags)
    return entries, blocks


def tiff(pages, big=False, next_of_last=None):
    """A file of `pages`. `next_of_last` is the number of the page that the last one's directory points to."""
    head, count_format, pointer, entry_size = (16, "Q", "Q", 20) if big else (8, "H", "I", 12)
    pointer_size = struct.calcsize(pointer)
    data, directories, links = bytearray(head), [], []
    for entries, blocks in pages:
        entries = dict(entries)
        offsets = []
        for block in blocks:
            offsets.append(len(data))
            data += block
        offset_tag, count_tag = (324, 325) if 322 in entries else (273, 279)
        wide = LONG8 if big else LONG
        entries.setdefault(offset_tag, (wide, offsets))
        entries.setdefault(count_tag, (wide, [len(block) for block in blocks]))
        rows = []
        for tag, (kind, values) in sorted(entries.items()):
            packed = struct.pack(f"<{len(values)}{SIZES[kind][1]}", *values)
            if len(packed) > pointer_size:
                data += bytes(len(data) % 2)
                place, packed = len(data), packed
                data += packed
                packed = struct.pack("<" + pointer, place)
            rows.append(struct.pack("<HH" + pointer, tag, kind, len(values)) + packed.ljust(pointer_size, b"\0"))
        data += bytes(len(data) % 2)
        directories.append(len(data))
        data += struct.pack("<" + count_format, len(rows)) + b"".join(rows)
        links.append(len(data))
        data += bytes(pointer_size)
    for index, link in enumerate(links):
        target = directories[index + 1] if index + 1 < len(links) else 0
        if index + 1 == len(links) and next_of_last is not None:
            target = directories[next_of_last]
        struct.pack_into("<" + pointer, data, link, target)
    first = struct.pack("<HHHHQ", 0x4949, 43, 8, 0, directories[0]) if big else struct.pack("<HHI", 0x4949, 42, directories[0])
    data[: len(first)] = first
    return bytes(data)

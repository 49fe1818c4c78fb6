#!/usr/bin/env python3
"""Takes single HEVC pictures out of the files of heif-enc and puts them together again: grids, several pictures, and
pictures that are turned, mirrored or cropped by the container."""
import struct


def box(kind, *parts):
    body = b"".join(parts)
    return struct.pack(">I", len(body) + 8) + kind + body


def full(kind, version, flags, *parts):
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def boxes(data, begin, end):
    while begin + 8 <= end:
        length, kind = struct.unpack_from(">I4s", data, begin)
        yield kind, begin, begin + length
        begin += length


def child(data, begin, end, *path):
    for kind, start, stop in boxes(data, begin, end):
        if kind == path[0]:
            if len(path) == 1:
                return data[start:stop]
            return child(data, start + (12 if kind == b"meta" else 8), stop, *path[1:])
    raise KeyError(path)


def coded(data):
    """The configuration box and the coded picture of a file of heif-enc that holds one picture."""
    configuration = child(data, 0, len(data), b"meta", b"iprp", b"ipco", b"hvcC")
    return configuration, child(data, 0, len(data), b"mdat")[8:]


def size(width, height):
    return full(b"ispe", 0, 0, struct.pack(">II", width, height))


def rotation(quarters):
    return box(b"irot", bytes([quarters]))


def mirror(axis):
    return box(b"imir", bytes([axis]))


def aperture(width, height, left, top, whole_width, whole_height):
    """A crop, whose offsets are those of its middle from the picture's middle."""
    horizontal, vertical = 2 * left + width - whole_width, 2 * top + height - whole_height
    return box(b"clap", struct.pack(">IIIIiIiI", width, 1, height, 1, horizontal, 2, vertical, 2))


def grid(columns, rows, width, height):
    return struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height)


def heif(items, primary=1, brand=b"heic", compatible=(b"mif1", b"heic"), extra=b""):
    """`items`: (type, data, properties, numbers of the items that it is made of, hidden), numbered from 1."""
    properties, associations = [], []
    for _, _, own, _, _ in items:
        numbers = []
        for one in own:
            if one not in properties:
                properties.append(one)
            numbers.append(properties.index(one) + 1)
        associations.append(numbers)

    def meta(offset):
        locations = b""
        for number, (_, data, _, _, _) in enumerate(items, 1):
            locations += struct.pack(">HHHHII", number, 0, 0, 1, offset, len(data))
            offset += len(data)
        entries = [full(b"infe", 2, int(hidden), struct.pack(">HH4s", number, 0, kind), b"\0")
                   for number, (kind, _, _, _, hidden) in enumerate(items, 1)]
        references = [box(b"dimg", struct.pack(f">HH{len(parts)}H", number, len(parts), *parts))
                      for number, (_, _, _, parts, _) in enumerate(items, 1) if parts]
        # Properties that change the picture are essential.
        linked = b"".join(struct.pack(">HB", number, len(own)) + bytes(
            (0x80 if properties[one - 1][4:8] in (b"hvcC", b"irot", b"imir", b"clap") else 0) | one for one in own)
            for number, own in enumerate(associations, 1))
        return full(
            b"meta", 0, 0, full(b"hdlr", 0, 0, struct.pack(">I4s", 0, b"pict"), bytes(13)),
            full(b"pitm", 0, 0, struct.pack(">H", primary)),
            full(b"iloc", 1, 0, struct.pack(">BBH", 0x44, 0, len(items)), locations),
            full(b"iinf", 0, 0, struct.pack(">H", len(entries)), *entries),
            *([full(b"iref", 0, 0, *references)] if references else []),
            box(b"iprp", box(b"ipco", *properties),
                full(b"ipma", 0, 0, struct.pack(">I", len(items)), linked)))

    head = box(b"ftyp", brand, bytes(4), *compatible)
    offset = len(head) + len(meta(0)) + 8
    return head + meta(offset) + box(b"mdat", *(data for _, data, _, _, _ in items)) + extra

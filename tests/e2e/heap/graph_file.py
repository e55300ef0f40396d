"""A second reader of graph-only files, from docs/formats/heap-graph.md alone: for tests. Slow and strict."""
import ctypes
import struct

ZSTD = ctypes.CDLL("libzstd.so.1")
ZSTD.ZSTD_decompress.restype = ctypes.c_size_t
ZSTD.ZSTD_decompress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
MASK = (1 << 64) - 1
COLUMN_USES = 8


class Bytes:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        assert self.at + count <= len(self.data), "past the end"
        self.at += count
        return self.data[self.at - count:self.at]

    def varint(self):
        number = shift = 0
        while True:
            byte = self.take(1)[0]
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return number

    def signed(self):
        number = self.varint()
        return (number >> 1) ^ -(number & 1)

    def text(self):
        return self.take(self.varint())

    def column(self, count):
        word, width = self.varint(), self.take(1)[0]
        planes = self.take(width * (count - 1))
        words = [word]
        for i in range(count - 1):
            step = sum(planes[plane * (count - 1) + i] << (8 * plane) for plane in range(width))
            word = (word + ((step >> 1) ^ -(step & 1))) & MASK
            words.append(word)
        return words


class Shape:
    def __init__(self, size, kind, contents, pointer_free, references):
        self.size, self.type, self.contents, self.pointer_free = size, kind, contents, pointer_free
        self.references = references  # (label, target type)
        self.objects = []


class GraphFile:
    """objects: {address: (bytes, type, [(label, target, target type)], contents)}; texts: every name, fact and type's
    name; facts; raw: the inflated bytes of all blocks."""

    def __init__(self, path):
        data = open(path, "rb").read()
        magic, version, length = struct.unpack_from("<8sII", data)
        assert (magic, version) == (b"TMHGRAPH", 1)
        self.format = data[16:16 + length].decode()
        self.objects, self.texts, self.facts, self.raw, self.events, self.ended = {}, [], {}, b"", 0, False
        at = 16 + length + 8
        number = 0
        while at < len(data):
            magic, kind, raw_bytes, stored_bytes, told, _ = struct.unpack_from("<4sIIIQQ", data, at)
            assert (magic, told) == (b"TBLK", number) and not self.ended
            stored = data[at + 32:at + 32 + stored_bytes]
            at += 32 + stored_bytes
            number += 1
            if kind == 2:
                assert Bytes(stored).varint() == self.events
                self.ended = True
                continue
            raw = ctypes.create_string_buffer(raw_bytes)
            assert ZSTD.ZSTD_decompress(raw, raw_bytes, stored, stored_bytes) == raw_bytes
            self.raw += raw.raw
            self.block(Bytes(raw.raw))

    def block(self, data):
        op_count, shape_count = data.varint(), data.varint()
        sizes = [data.varint() for _ in range(6)]
        ops, shapes, addresses, rows, columns, records = (Bytes(data.take(size)) for size in sizes)
        shapes = self.shapes(shapes, shape_count)
        behind, expected, new = addresses.take(1)[0], 0, 0
        order = []
        self.last = {}
        for _ in range(op_count):
            op = ops.varint()
            if op < 15:
                self.record(op, records)
                continue
            shape = shapes[new if op == 15 else op - 16]
            new += op == 15
            address = (expected + addresses.signed()) & MASK
            expected = address + (shape.size if behind else 0)
            shape.objects.append([address, [], b""])
            order.append((shape, shape.objects[-1]))
        self.events += op_count
        for shape, row in order:
            if shape.references and len(shape.objects) >= COLUMN_USES:
                continue
            target = row[0]
            for _ in shape.references:
                target = (target + rows.signed()) & MASK
                row[1].append(target)
            row[2] = rows.take(shape.contents)
        for shape in shapes:
            self.columns(shape, columns)
        for shape, (address, targets, contents) in order:
            links = [(label, target, kind) for (label, kind), target in zip(shape.references, targets)]
            self.objects[address] = (shape.size, shape.type, links, contents)
        assert records.at == len(records.data) and columns.at == len(columns.data)

    @staticmethod
    def shapes(data, count):
        shapes, kind, target_type = [], 0, 0
        for _ in range(count):
            size = data.varint()
            kind = (kind + data.signed()) & MASK
            contents = data.varint()
            label, references = 0, []
            for _ in range(data.varint()):
                word = data.varint()
                step = word >> 2
                label = (label + ((step >> 1) ^ -(step & 1))) & 0xffffffff
                if word & 3 == 1:
                    target_type = (target_type + data.signed()) & MASK
                references.append((label, target_type if word & 3 else 0))
            shapes.append(Shape(size, kind, contents >> 1, contents & 1, references))
        return shapes

    @staticmethod
    def columns(shape, data):
        count = len(shape.objects)
        if not shape.references or count < COLUMN_USES:
            return
        for _ in shape.references:
            for row, word in zip(shape.objects, data.column(count)):
                row[1].append(word)
        if shape.contents % 8 == 0:
            for _ in range(shape.contents // 8):
                for row, word in zip(shape.objects, data.column(count)):
                    row[2] += struct.pack("<Q", word)
        else:
            for row in shape.objects:
                row[2] = data.take(shape.contents)

    def record(self, op, data):
        if op == 0:  # type
            data.signed(), data.varint(), data.take(1)
            self.texts.append(data.text())
        elif op == 1:  # root
            data.take(1), data.signed()
        elif op == 2:  # holder
            data.take(1)
            self.texts.append(data.text())
            data.signed(), data.varint()
            for _ in range(data.varint()):
                self.link(data)
        elif op == 3:  # reference
            data.signed()
            self.link(data)
        elif op == 4:  # fact
            key, value = data.text(), data.text()
            self.facts[key.decode()] = value.decode()
            self.texts += [key, value]
        else:
            assert op == 5, op
            self.texts.append(data.text())

    @staticmethod
    def link(data):
        typed = data.varint() & 1
        data.signed()
        if typed:
            data.signed()

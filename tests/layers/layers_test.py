#!/usr/bin/env python3
"""The layer check itself: it passes on this tree and refuses an upward and a sideways include."""
import pathlib
import tempfile
import unittest

import layers


class LayersTest(unittest.TestCase):
    def check(self, files):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in files.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
            return [(str(path.relative_to(root)), included) for path, included in layers.violations(root)]

    def test_this_tree_keeps_to_the_layers(self):
        self.assertEqual(layers.violations(pathlib.Path(__file__).parents[2] / "src"), [])

    def test_an_upward_include_is_refused(self):
        self.assertEqual(self.check({"model/a.h": '#include "storage/store.h"\n'}), [("model/a.h", "storage")])

    def test_a_sideways_include_is_refused(self):
        self.assertEqual(self.check({"codec/a.cc": '#include "storage/store.h"\n'}), [("codec/a.cc", "storage")])

    def test_a_downward_include_passes(self):
        self.assertEqual(self.check({"query/a.cc": '#include "model/span.h"\n#include <vector>\n'}), [])

    def test_an_unknown_folder_is_named(self):
        self.assertEqual(len(self.check({"misc/a.h": ""})), 1)


if __name__ == "__main__":
    unittest.main()

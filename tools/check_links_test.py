#!/usr/bin/env python3
"""The link check itself: it finds what leads nowhere and passes what leads somewhere."""
import pathlib
import tempfile
import unittest

import check_links


class CheckLinksTest(unittest.TestCase):
    def check(self, files):
        """(file, line, problem) found in a tree of these files."""
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in files.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
            markdown = [pathlib.Path(name) for name in files if name.endswith(".md")]
            return [(str(file), line, problem) for file, line, problem in check_links.broken(root, markdown)]

    def test_files_and_folders_that_exist_pass(self):
        self.assertEqual(self.check({"a.md": "[b](docs/b.md) [d](docs) ![i](i.png)\n", "docs/b.md": "[up](../a.md)\n",
                                     "i.png": ""}), [])

    def test_a_missing_file_is_named_with_its_line(self):
        self.assertEqual(self.check({"a.md": "x\n\n[b](b.md)\n"}), [("a.md", 3, "'b.md': no such file")])

    def test_a_missing_image_is_found(self):
        self.assertEqual(len(self.check({"a.md": "![b](b.png)\n"})), 1)

    def test_a_definition_is_a_link(self):
        self.assertEqual(self.check({"a.md": "[b]: b.md\n"}), [("a.md", 1, "'b.md': no such file")])

    def test_headings_are_found_here_and_in_other_files(self):
        self.assertEqual(self.check({"a.md": "# What it is, *and* `why`\n[x](#what-it-is-and-why) [y](b.md#two-1)\n",
                                     "b.md": "## Two\n## Two\n"}), [])

    def test_a_missing_heading_is_found(self):
        self.assertEqual(self.check({"a.md": "# One\n[x](#two)\n"}), [("a.md", 2, "'#two': no such heading")])

    def test_a_comment_in_a_code_block_is_no_heading(self):
        self.assertEqual(len(self.check({"a.md": "```\n# one\n```\n[x](#one)\n"})), 1)

    def test_code_is_not_looked_at(self):
        self.assertEqual(self.check({"a.md": "`[b](b.md)` ``[c](c.md)``\n```\n[b](b.md)\n```\n"}), [])

    def test_links_to_other_hosts_pass(self):
        self.assertEqual(self.check({"a.md": "[a](https://example.org/b.md) [m](mailto:a@example.org)\n"}), [])

    def test_a_link_out_of_the_tree_is_refused(self):
        self.assertEqual(self.check({"a.md": "[a](../../etc/hosts)\n"}),
                         [("a.md", 1, "'../../etc/hosts' leads out of the tree")])

    def test_named_decisions_must_exist(self):
        files = {"docs/decisions/0001-layers.md": "", "a.md": "See decision 0001.\nDecisions 0001 and 0002.\n"}
        self.assertEqual(self.check(files), [("a.md", 2, "there is no decision 0002")])

    def test_a_number_of_a_decision_is_used_once(self):
        found = self.check({"docs/decisions/0001-a.md": "", "docs/decisions/0001-b.md": ""})
        self.assertEqual([line for _, line, _ in found], [1])


if __name__ == "__main__":
    unittest.main()

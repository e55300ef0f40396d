#!/usr/bin/env python3
"""Checks the Markdown files of the tree: what they point at is there.

    check_links.py [ROOT]       exits 1 and names each broken one as FILE:LINE: what is wrong

Checked: links and images to files and to headings, in this file or another; decisions named by number
("decision 0041") and that no number is used twice. Not checked: links to other hosts, text within code.
"""
import pathlib
import re
import subprocess
import sys
import unicodedata

FENCE = re.compile(r"^\s*(```|~~~)")
CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")
INLINE = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
DEFINITION = re.compile(r"^\s{0,3}\[[^\]]+\]:\s*<?(\S+?)>?(?:\s|$)")
HEADING = re.compile(r"^\s{0,3}#{1,6}\s+(.*?)\s*#*\s*$")
DECISION = re.compile(r"\b[Dd]ecisions?((?:(?:,|\s|and|to)*\s*\b\d{4}\b)+)")
ELSEWHERE = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def lines_without_fences(text):
    """(number, line) of what stands outside code blocks, numbered from 1."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            yield number, line


def anchor(heading):
    """The fragment that Markdown viewers give a heading: lower case, no punctuation, spaces to hyphens."""
    heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
    kept = "".join(c for c in heading if c in "-_ " or unicodedata.category(c)[0] in "LN")
    return kept.strip().replace(" ", "-")


def anchors(text):
    """All fragments of a file; equal headings are numbered from the second on."""
    found, seen = set(), {}
    for _, line in lines_without_fences(text):
        heading = HEADING.match(line)
        if not heading:
            continue
        name = anchor(heading[1])
        count = seen.get(name, 0)
        seen[name] = count + 1
        found.add(f"{name}-{count}" if count else name)
    return found


def targets(line):
    """What the links of one line point at."""
    plain = CODE.sub("", line)
    yield from INLINE.findall(plain)
    definition = DEFINITION.match(plain)
    if definition:
        yield definition[1]


def broken(root, files):
    """(file, line number, what is wrong) of every reference that leads nowhere. `files` are relative to `root`."""
    texts = {file: (root / file).read_text(encoding="utf-8") for file in files}
    decisions = {}
    for file in files:
        number = re.match(r"(\d{4})-", file.name)
        if number and file.parent.name == "decisions":
            if number[1] in decisions:
                yield file, 1, f"number {number[1]} is also that of {decisions[number[1]]}"
            decisions[number[1]] = file
    for file, text in texts.items():
        for number, line in lines_without_fences(text):
            for target in targets(line):
                problem = check(root, file, target)
                if problem:
                    yield file, number, problem
            for named in DECISION.findall(CODE.sub("", line)):
                for one in re.findall(r"\d{4}", named):
                    if one not in decisions:
                        yield file, number, f"there is no decision {one}"


def check(root, file, target):
    """What is wrong with one target of a link in `file`, or None."""
    if ELSEWHERE.match(target):
        return None
    path, _, fragment = target.partition("#")
    place = (root / file).parent / path if path else root / file
    if not place.resolve().is_relative_to(root.resolve()):
        return f"'{target}' leads out of the tree"
    if not place.exists():
        return f"'{target}': no such file"
    if fragment and place.suffix == ".md" and fragment not in anchors(place.read_text(encoding="utf-8")):
        return f"'{target}': no such heading"
    return None


def markdown_files(root):
    """Those that git knows or would add, relative to `root`."""
    names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"], cwd=root,
                           capture_output=True, check=True, text=True).stdout
    return [pathlib.Path(name) for name in names.split("\0") if name and (root / name).is_file()]


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[1])
    files = markdown_files(root)
    found = list(broken(root, files))
    for file, number, problem in found:
        print(f"{file}:{number}: {problem}")
    print(f"{len(found)} broken references in {len(files)} Markdown files")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

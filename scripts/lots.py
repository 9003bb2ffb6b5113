#!/usr/bin/python3 -B
"""Sources to be read in lots: most of the time that a compiler takes for a small file goes into what it includes.

lots.py FOLDER SIZE SOURCE... writes a file for each lot into the folder, and prints their paths, one a line.
"""
import functools
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


@functools.cache
def defined(path):
    """What a file may define at its outermost level: too much of it rather than too little."""
    lines = re.findall(r"^(?!#|//|namespace\b|using namespace\b|TEST_CASE)[A-Za-z].*", path.read_text(), re.MULTILINE)
    return {name for line in lines for name in re.findall(r"(?<!::)\b(\w+)\s*(?:[({\[=;]|$)", line)} - {"const", "int"}


@functools.cache
def introduced(path):
    """Names of others that a file uses as its own; that another does so too is no harm."""
    return set(re.findall(r"^using [\w:]+::(\w+);", path.read_text(), re.MULTILINE))


@functools.cache
def local(path):
    """What may be declared further in, where it would shadow what another file defines."""
    text = re.sub(r'//.*|"(?:\\.|[^"\\])*"', "", path.read_text())
    return set(re.findall(r"(?:[\w>&*\]]\s+|[&*]|, )(\w+)\s*[=;{(:\]),]", text))


@functools.cache
def included(path):
    """The headers of ours that a file sees."""
    found = set()
    for name in re.findall(r'^#include "(.+?)"', path.read_text(), re.MULTILINE):
        header = next((there for there in (path.parent / name, ROOT / name) if there.exists()), None)
        if header and header.resolve() not in found:
            found |= {header.resolve()} | included(header.resolve())
    return found


def lots(sources, size, careful=True):
    """Two files that define the same do not stand together; if it is to be careful, nor do two of which one defines what
    the other may see or declares."""
    made = [([], set(), set(), set()) for _ in range(-(-len(sources) // size))]
    for source in sources:
        path = pathlib.Path(source).resolve()
        own = defined(path)
        used = introduced(path)
        declares = local(path) if careful else set()
        seen = declares.union(*map(defined, included(path))) if careful else set()
        apart = [lot for lot in made
                 if not own & (lot[1] | lot[2]) and not seen & lot[1]
                 and not used & lot[2] - lot[3] and not declares & lot[3] - used]
        if not apart:
            made.append(([], set(), set(), set()))
            apart = made[-1:]
        files, all_own, all_seen, all_used = min(apart, key=lambda lot: len(lot[0]))
        files.append(source)
        all_own |= own
        all_seen |= seen
        all_used |= used
    return [files for files, *_ in made]


def unit(files):
    """The text of a source that includes them all."""
    return "".join(f'#include "{file}"  // NOLINT(bugprone-suspicious-include)\n' for file in files)


def main():
    folder, size, *sources = sys.argv[1:]
    for number, files in enumerate(lots(sources, int(size))):
        path = pathlib.Path(folder) / f"lot{number}.cpp"
        path.write_text(unit(files), encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()

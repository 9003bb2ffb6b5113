#!/usr/bin/python3 -B
"""Sources to be read in lots: most of the time that a compiler takes for a small file goes into what it includes.

lots.py FOLDER SIZE SOURCE... writes a file for each lot into the folder, and prints their paths, one a line.
"""
import functools
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


# What is no name, or in nobody's way if it means the same in two files.
ORDINARY = {"const", "default", "false", "final", "int", "is", "json", "noexcept", "to_string", "true", "void"}
IN_NOBODYS_WAY = re.compile(r"^using \w+ = nlohmann::.*| : (?:public|private) .*|\.\w+ =", re.MULTILINE)


def names(text):
    """What a text may define at its outermost level: too much of it rather than too little."""
    lines = re.findall(r"^(?!#|//|namespace\b|using namespace\b|TEST_CASE)[A-Za-z].*", IN_NOBODYS_WAY.sub("", text), re.MULTILINE)
    found = {name for line in lines for name in re.findall(r"(?<!::)\b([A-Za-z_]\w*)\s*(?:[({\[=;]|$)", line)}
    return found - ORDINARY


@functools.cache
def defined(path):
    return names(path.read_text())


@functools.cache
def introduced(path):
    """Names of others that a file uses as its own; that another does so too is no harm."""
    return set(re.findall(r"^using [\w:]+::(\w+);", path.read_text(), re.MULTILINE))


@functools.cache
def local(path):
    """What may be declared further in, where it would shadow what another file defines."""
    text = re.sub(r"//.*|'(?:\\.|[^'\\])'|" r'"(?:\\.|[^"\\])*"', "", path.read_text())
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


@functools.cache
def seen(path):
    return set().union(*map(defined, included(path)))


@functools.cache
def hidden(path):
    """What a file defines for itself, in the way of another's of that name: in a namespace without one, or no header declares it."""
    own = re.findall(r"^namespace {$(.*?)^}  // namespace$", path.read_text(), re.MULTILINE | re.DOTALL)
    return names("".join(own)) | (defined(path) - seen(path))


class Lot:
    def __init__(self):
        self.files, self.defined, self.hidden, self.seen, self.declared, self.introduced = [], set(), set(), set(), set(), set()

    def takes(self, path, careful):
        """Two files do not stand together if one hides what the other defines; if it is to be careful, nor if the other
        may see it or declares it further in."""
        if hidden(path) & self.defined or self.hidden & defined(path):
            return False
        if not careful:
            return not (introduced(path) & self.declared or hidden(path) & self.seen or self.hidden & seen(path))
        return not (hidden(path) & (self.seen | self.declared) or self.hidden & (seen(path) | local(path))
                    or introduced(path) & (self.seen | self.declared) - self.introduced
                    or self.introduced & (seen(path) | local(path)) - introduced(path)
                    or defined(path) & self.declared or self.defined & local(path))

    def take(self, source, path):
        self.files.append(source)
        self.defined |= defined(path)
        self.hidden |= hidden(path)
        self.seen |= seen(path)
        self.declared |= local(path)
        self.introduced |= introduced(path)


def is_test(source):
    """Such a file defines nothing that another needs, so that it can have a namespace of its own, in nobody's way."""
    return str(source).endswith("_test.cpp")


def lots(sources, size, careful=True):
    """As few lots as can be, of about `size` files each."""
    tests = sorted(filter(is_test, sources), key=lambda test: -pathlib.Path(test).stat().st_size)
    count = -(-len(tests) // size)
    return beside_each_other([source for source in sources if not is_test(source)], size, careful) + [
        tests[first::count] for first in range(count)]


def beside_each_other(sources, size, careful):
    made = [Lot() for _ in range(-(-len(sources) // size))]
    for source in sources:
        path = pathlib.Path(source).resolve()
        fitting = [lot for lot in made if lot.takes(path, careful)]
        if not fitting:
            made.append(Lot())
            fitting = made[-1:]
        min(fitting, key=lambda lot: len(lot.files)).take(source, path)
    return [lot.files for lot in made]


def include(file):
    return f'#include "{file}"  // NOLINT(bugprone-suspicious-include)\n'


def apart(file):
    """In a namespace of its own, before which stands what it includes."""
    path = pathlib.Path(file).resolve()
    headers = re.findall(r'^#include ([<"].+[>"])', path.read_text(), re.MULTILINE)
    beside = [f'"{path.parent / header[1:-1]}"' if (path.parent / header[1:-1]).exists() else header for header in headers]
    return "".join(f"#include {header}\n" for header in beside) + f"namespace {path.stem} {{\n{include(path)}}}\n"


def unit(files):
    """The text of a source that includes them all. What libseccomp includes defines a name of libev's as a macro: it comes last."""
    ordered = sorted(files, key=lambda file: "<seccomp.h>" in pathlib.Path(file).read_text())
    return "".join(apart(file) if is_test(file) else include(file) for file in ordered)


def main():
    folder, size, *sources = sys.argv[1:]
    for number, files in enumerate(lots(sources, int(size))):
        path = pathlib.Path(folder) / f"lot{number}.cpp"
        path.parent.mkdir(exist_ok=True)
        path.write_text(unit(files), encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()

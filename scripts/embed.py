#!/usr/bin/python3 -B
"""Files as part of the program: embed.py OUTPUT FILE... writes a C++ source that defines page_files() of core/page_files.hpp.

index.html is served at /, the others by their names.
"""
import pathlib
import sys

TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
         ".svg": "image/svg+xml"}
LINE = 24


def array(number, data):
    octets = [str(octet) for octet in data]
    lines = (", ".join(octets[at:at + LINE]) for at in range(0, len(octets), LINE))
    return f"constexpr unsigned char kFile{number}[] = {{\n" + ",\n".join(lines) + "};\n"


def main():
    output, *names = sys.argv[1:]
    paths = [pathlib.Path(name) for name in names]
    arrays = "".join(array(number, path.read_bytes()) for number, path in enumerate(paths))
    rows = "".join(
        f'    {{"/{"" if path.name == "index.html" else path.name}", "{TYPES[path.suffix]}", text(kFile{number})}},\n'
        for number, path in enumerate(paths))
    pathlib.Path(output).write_text(f"""#include "core/page_files.hpp"

namespace anyprobe {{
namespace {{

{arrays}
template <std::size_t size>
std::string_view text(const unsigned char (&octets)[size]) {{
  return {{reinterpret_cast<const char*>(octets), size}};
}}

}}  // namespace

std::span<const PageFile> page_files() {{
  static const PageFile kFiles[] = {{
{rows}  }};
  return kFiles;
}}

}}  // namespace anyprobe
""", encoding="utf-8")


if __name__ == "__main__":
    main()

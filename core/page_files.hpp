// The files of the page, as they stand in core/page; part of the program (scripts/embed.py).
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace anyprobe {

struct PageFile {
  std::string_view path;  // "/page.css"
  std::string_view type;  // of its media, for a Content-Type header
  std::string_view body;
};

std::span<const PageFile> page_files();

}  // namespace anyprobe

// Files of the configuration, and those that it names, as they were read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "outcome.hpp"

namespace anyprobe {

struct SourceFile {
  enum class Role : std::uint8_t {
    configuration,
    attachment,  // a file that the configuration names; its name is the path as it stands there
    missing,     // such a file that could not be read; its text says why
  };

  std::string name;  // as errors call it
  std::string text;
  Role role = Role::configuration;
};

inline constexpr std::size_t kLargestFile = 16U << 20U;

// A regular file of at most kLargestFile octets; /dev/stdin may be a pipe too, and is read where it stands.
Outcome<SourceFile> read_source_file(const std::string& path, const std::string& name);

// The main file and, with `drop_ins`, each conf.d/*.json beside it, in the order of their names.
Outcome<std::vector<SourceFile>> read_source_files(const std::string& path, bool drop_ins);

}  // namespace anyprobe

// What may be in the kernel, so that the next run knows it whatever becomes of this one.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "core/advertisement.hpp"

namespace anyprobe {

class KeeperMemory {
 public:
  using Recall = std::function<std::vector<Advertisement>()>;
  using Remember = std::function<void(const std::vector<Advertisement>&)>;

  // Either may be empty.
  KeeperMemory(Recall recall, Remember remember)
      : recall_(std::move(recall)), remember_(std::move(remember)) {}

  // What an earlier run left; asked once.
  const std::vector<Advertisement>& recalled();
  // Before any of it can be in the kernel.
  void add(const std::vector<Advertisement>& advertisements);
  // Once nothing else than this can be there. Of what was added.
  void keep(const std::vector<Advertisement>& advertisements);

 private:
  void write();

  Recall recall_;
  Remember remember_;
  std::vector<Advertisement> all_;  // sorted
};

}  // namespace anyprobe

#include "keeper_memory.hpp"

#include <algorithm>

namespace anyprobe {

const std::vector<Advertisement>& KeeperMemory::recalled() {
  if (const auto recall = std::exchange(recall_, nullptr)) {
    all_ = recall();
    std::sort(all_.begin(), all_.end());
  }
  return all_;
}

void KeeperMemory::add(const std::vector<Advertisement>& advertisements) {
  auto all = recalled();
  all.insert(all.end(), advertisements.begin(), advertisements.end());
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  if (all.size() == all_.size()) return;
  all_ = std::move(all);
  write();
}

void KeeperMemory::keep(const std::vector<Advertisement>& advertisements) {
  if (all_.size() == advertisements.size()) return;
  all_ = advertisements;
  std::sort(all_.begin(), all_.end());
  write();
}

void KeeperMemory::write() {
  if (remember_) remember_(all_);
}

}  // namespace anyprobe

#include "keeper_memory.hpp"

#include <algorithm>
#include <iterator>

namespace anyprobe {

const std::vector<Advertisement>& KeeperMemory::recalled() {
  if (const auto recall = std::exchange(recall_, nullptr)) {
    all_ = recall();
    std::sort(all_.begin(), all_.end());
  }
  return all_;
}

void KeeperMemory::add(const std::vector<Advertisement>& advertisements) {
  const auto& known = recalled();
  std::vector<Advertisement> fresh;
  std::copy_if(advertisements.begin(), advertisements.end(), std::back_inserter(fresh),
               [&](const auto& what) { return !std::binary_search(known.begin(), known.end(), what); });
  if (fresh.empty()) return;
  std::sort(fresh.begin(), fresh.end());
  fresh.erase(std::unique(fresh.begin(), fresh.end()), fresh.end());
  const auto middle = static_cast<std::ptrdiff_t>(all_.size());
  all_.insert(all_.end(), fresh.begin(), fresh.end());
  std::inplace_merge(all_.begin(), all_.begin() + middle, all_.end());
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

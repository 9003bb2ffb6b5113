#include "interface_watch.hpp"

#include <algorithm>
#include <utility>

namespace anyprobe {

std::vector<std::string> InterfaceWatch::look(std::span<const Desired> desired, const Snapshot& seen) {
  std::map<std::string, Interface> next;
  for (const auto& one : desired) {
    const auto& what = one.advertisement;
    if (what.interface.empty()) continue;  // of a route that names none
    auto& wanted = next[what.interface];
    wanted.must_be_up = wanted.must_be_up || what.kind == Advertisement::Kind::route;
    wanted.carries = wanted.carries || what.kind == Advertisement::Kind::link;
  }
  for (const auto& link : seen.links) {
    const auto at = next.find(link.name);
    if (at == next.end()) continue;
    auto& found = at->second;
    found.index = link.index;
    found.fit = link.up || !found.must_be_up;
    found.forgetful = found.carries && link.forgets_ipv6;
  }
  std::vector<std::string> news;
  for (const auto& [name, now] : next) {
    const auto before = links_.find(name);
    const bool known = before != links_.end();
    const bool was_unfit = known && !before->second.fit;
    const bool is_other = !known || before->second.index != now.index;
    if (!now.fit && (!was_unfit || is_other)) {
      news.push_back("interface " + name + (now.index == 0 ? " is missing" : " is down") +
                     ": waiting for it");
    }
    if (now.fit && was_unfit)
      news.push_back("interface " + name + (before->second.index == 0 ? " is there" : " is up"));
    if (now.forgetful && (is_other || !before->second.forgetful)) {
      news.push_back("link " + name +
                     " loses its IPv6 addresses when it is set down: it needs net.ipv6.conf." + name +
                     ".keep_addr_on_down=1");
    }
  }
  links_ = std::move(next);
  return news;
}

bool InterfaceWatch::concerns(const TableEvent& event) const {
  return links_.contains(event.interface) || std::any_of(links_.begin(), links_.end(), [&](const auto& link) {
           return link.second.index == event.index;
         });
}

bool InterfaceWatch::is(const std::string& name, int index) const {
  const auto link = links_.find(name);
  return link != links_.end() && link->second.index == index;
}

std::vector<std::string> InterfaceWatch::problems() const {
  std::vector<std::string> out;
  for (const auto& [name, link] : links_) {
    if (!link.fit) out.push_back("interface " + name + (link.index == 0 ? " is missing" : " is down"));
  }
  return out;
}

}  // namespace anyprobe

// What is known of each advertisement by the link-state databases, since when, and when to ask again. Pure:
// it takes the time as an argument and says what is to be logged.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/advertisement.hpp"
#include "core/confirmation.hpp"
#include "core/event_loop.hpp"
#include "core/log.hpp"
#include "link_state.hpp"

namespace anyprobe {

struct OwnAdvertisement {
  std::uint32_t index = 0;  // in the configuration
  Advertisement what;
  AdvertisementState state = AdvertisementState::withdrawn;
};

class ConfirmationBook {
 public:
  using Say = std::function<void(LogLevel level, const std::string& text, const Advertisement& what)>;

  explicit ConfirmationBook(Say say) : say_(std::move(say)) {}

  // All there are, as the kernel has them now.
  void see(const std::vector<OwnAdvertisement>& all, TimePoint now);

  struct Due {
    std::uint32_t index = 0;
    Advertisement what;
  };
  // Those of the family that are to be asked for now, those that have waited longest first.
  [[nodiscard]] std::vector<Due> due(Family family, TimePoint now, std::size_t most) const;
  [[nodiscard]] TimePoint next() const;  // max(): there is nothing to ask
  [[nodiscard]] std::set<Prefix> prefixes(Family family) const;

  // The daemon told this when it was asked at `asked`; one change later it tells nothing.
  void take(const Advertisement& what, const Finding& finding, const Neighbours& neighbours, TimePoint asked,
            TimePoint now, const IpAddress& router_id = {});
  // It cannot be told now.
  void lose(Family family, TimePoint now);

  [[nodiscard]] Confirmation of(const Advertisement& what, TimePoint now) const;
  // In the order of their router ids; none where that cannot be told.
  [[nodiscard]] std::optional<Announcers> announcers_of(const Advertisement& what, TimePoint now) const;
  [[nodiscard]] std::optional<Sighting> sighting_of(const Advertisement& what) const;

  // Somebody waits for what others do about these: they are asked for again and again, and all others seldom.
  void watch(std::set<Advertisement> watched, TimePoint now);

 private:
  struct Entry {
    Advertisement what;
    std::uint32_t index = 0;
    bool seen = false;
    std::optional<bool> wanted;  // in the databases; none: it is not ours to say
    TimePoint changed{};         // since when it is wanted so, or found otherwise again
    TimePoint due{};
    Duration gap{};
    std::optional<Finding> found;  // last
    TimePoint asked{};
    TimePoint found_at{};
    bool confirmed = false;   // as it is wanted, once; then it is acknowledged for good
    bool complained = false;  // that it is not
  };
  void replace(const std::vector<OwnAdvertisement>& all, std::size_t count);
  static void note(Entry& entry, std::optional<bool> wants, TimePoint now);
  void judge(Entry& entry, const Neighbours& neighbours, TimePoint now);
  [[nodiscard]] std::optional<std::size_t> place_of(const Advertisement& what) const;
  [[nodiscard]] const Entry* find(const Advertisement& what) const;
  [[nodiscard]] Entry* find(const Advertisement& what);

  Say say_;
  std::vector<Entry> entries_;         // in the order of the configuration
  std::vector<std::uint32_t> sorted_;  // where each is, by its advertisement
  std::set<Advertisement> watched_;
  std::array<IpAddress, 2> router_ids_;  // ours, of each family
};

}  // namespace anyprobe

// The prober's half of a daemon: services, signals, and what follows from them. It holds no address; it says
// which are wanted.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "closed_socket.hpp"
#include "command_line.hpp"
#include "command_runner.hpp"
#include "config.hpp"
#include "confirmation.hpp"
#include "drain_queue.hpp"
#include "event_loop.hpp"
#include "keeper_link.hpp"
#include "linger_watch.hpp"
#include "plugin_table.hpp"
#include "service.hpp"
#include "service_elsewhere.hpp"

namespace anyprobe {

class Prober {
 public:
  // `commands` outlives the prober.
  Prober(EventLoop& loop, const CommandLine& line, PluginTable& plugins, CommandRunner& commands,
         ProberPart part);
  ~Prober();

  // Before anything else; the link outlives the prober's last call to it.
  void use(KeeperLink& link) { link_ = &link; }

  // Tells what the routing daemon makes of an advertisement.
  void consult(std::function<Confirmation(const Advertisement& what)> routing) {
    routing_ = std::move(routing);
  }

  // The same, of an advertisement that others may announce; and who is waited for is asked for often.
  void look_by(std::function<std::optional<Sighting>(const Advertisement& what)> sight,
               std::function<void(const std::set<Advertisement>& watched)> watch) {
    sight_ = std::move(sight);
    watch_ = std::move(watch);
  }

  // `watch` is told the ports whose closing is of interest. Then socket_closed() says what is closed,
  // sockets_lost() that some may be. `is_local`: whether an address is one of this host.
  void hear_of_sockets(std::function<void(const std::set<std::uint16_t>& ports)> watch,
                       std::function<bool(const IpAddress& address)> is_local);
  void socket_closed(const ClosedSocket& closed);
  void sockets_lost();
  void interface_down(const std::string& name);

  // Takes the configuration, at start or as a reload, or returns what is wrong with it and keeps what it had.
  // Services that did not change are not touched. wishes() must be told behind it.
  ConfigErrors configure(const std::vector<SourceFile>& files, const Circumstances& circumstances);
  void reload() { link_->request_reload(); }
  // What configure() read is of use no more. To take thousands of services apart again takes a while.
  void forget_documents() { documents_.clear(); }
  // Withdraws services as planned, whatever their health, or lets them be announced again by it; all where
  // none is named. Empty, or what is wrong, and then nothing was done.
  // `force`: also what nobody else announces.
  std::string drain(const std::vector<std::string>& names, bool force);
  std::string resume(const std::vector<std::string>& names);
  // In its turn, each of which has a token; to be said again at least each second until it is drained. Empty,
  // or why it will not be. What is said no more, or has left, is not drained.
  std::string queue(const std::vector<std::string>& names);
  std::string leave_queue(const std::vector<std::string>& names);
  [[nodiscard]] DrainQueue::State queue_of(const std::string& name) const;
  [[nodiscard]] bool drained(const std::string& name) const { return drained_.contains(name); }
  // What stays announced although its service is down, one line each.
  [[nodiscard]] std::vector<std::string> last_instances() const;

  // What is to become of each advertisement of the configuration, by what is known of its service now.
  [[nodiscard]] std::vector<Wish> wishes();

  // Somebody asks for what is counted. Of many services it is not, until then or a configuration with
  // metrics.
  void count();

  [[nodiscard]] const std::vector<std::unique_ptr<Service>>& services() const { return services_; }
  // Of what there is one of for each advertisement of the configuration: those of services().
  template <typename Each>
  [[nodiscard]] std::vector<Each> of_own(const std::vector<Each>& all) const {
    std::vector<Each> out;
    for (const auto at : places_of_own()) {
      if (at < all.size()) out.push_back(all[at]);
    }
    return out;
  }
  // The services that another prober asks; kept by the one of our own probes, which tells of them too.
  [[nodiscard]] const std::vector<ServiceElsewhere>& elsewhere() const { return elsewhere_; }
  // Where in the configuration they stand.
  [[nodiscard]] std::vector<std::uint32_t> places_of_own() const;
  // The kernel has what was wanted last, and this is how: those of of_own(). Who is about to end has waited
  // for nothing to stand any more.
  void look(const std::vector<AdvertisementState>& own);  // prober_places.cpp

 private:
  void on_event(Service& service, const HealthEvent& event);
  // prober_hooks.cpp. Hooks wait until the change has been asked for: they are never in its way.
  struct Hook {
    CommandName name;
    HookState state;
    std::string reason;
  };
  void add_hook(const Service& service, HookState state, std::string_view reason);
  void run_hooks();
  void run_hooks_of_all_up(std::string_view reason);
  // prober_last_instance.cpp
  [[nodiscard]] LastInstance::Others others_of(const Service& service) const;
  [[nodiscard]] std::string last_of(const Service& service) const;
  [[nodiscard]] std::vector<std::string> kept_of(const Service& service) const;
  void note_last_instance(Service& service, const HealthEvent& event);
  bool keeps_any(Service& service);
  // prober_sockets.cpp
  void on_check(Service& service, const Service::Check& check);
  void index_endpoints();
  [[nodiscard]] bool is_own(const IpAddress& address) const;
  [[nodiscard]] bool was_asked_at(const Service& service, const ClosedSocket& closed) const;
  void ask_who_was_hit();
  // prober_queue.cpp
  struct Queue {
    DrainQueue queue;
    std::string refusal;  // to be told to who asks next, if that is soon
    TimePoint refused_at{};
  };
  void set_up_queues();
  void tend();
  [[nodiscard]] bool tend_queues();
  [[nodiscard]] bool any_lingered();
  void take_turn(Service& service, Queue& mine);
  [[nodiscard]] Wish wish_for_token(const Service& service) const;
  [[nodiscard]] std::string held_by_another(const Service& service) const;
  [[nodiscard]] bool is_back(const Service& service) const;
  bool has_lingered(const Service& service, const Advertisement& what);
  [[nodiscard]] std::string wrong_with_order(const std::vector<std::string>& names) const;
  void set_drained(const std::set<std::string>& names, bool drain);
  std::string administer(const std::vector<std::string>& names, bool drain, bool force);
  [[nodiscard]] Wish wish_of(Service& service) const;
  void add_wishes(Service& service, std::vector<Wish>& to);
  void want();
  void start_all();
  void terminate(const char* signal);
  void leave();
  void suspend();
  void stop_itself();
  void resume();
  void hand_over();

  EventLoop& loop_;
  const CommandLine& line_;
  PluginTable& plugins_;
  CommandRunner& commands_;
  KeeperLink* link_ = nullptr;
  std::function<Confirmation(const Advertisement&)> routing_;
  std::function<std::optional<Sighting>(const Advertisement&)> sight_;
  std::function<void(const std::set<Advertisement>&)> watch_;
  std::function<void(const std::set<std::uint16_t>&)> watch_ports_;
  std::function<bool(const IpAddress&)> is_local_;
  std::vector<ConfigDocument> documents_;
  const ProberPart part_;
  const Service::Listener of_services_;
  ReturnPolling returns_;
  std::vector<std::unique_ptr<Service>> services_;
  // Of each service of the configuration, also of those that are another prober's (null).
  struct Place {
    Service* service = nullptr;
    std::size_t advertisements = 0;
  };
  std::set<std::string> drained_;
  std::set<std::string> taken_up_;   // what stood at our start, and no answer has made them up or down yet
  std::set<std::string> returning_;  // resumed, and no answer from after that has made them up or down yet
  std::vector<Place> places_;
  std::vector<ServiceElsewhere> elsewhere_;
  std::map<std::string, Queue> queues_;  // of those that have a token
  std::set<Advertisement> watched_;
  LingerWatch lingering_;
  std::vector<std::pair<std::uint16_t, Service*>> by_port_;  // in order
  std::vector<ClosedSocket> closed_;                         // of this pass of the loop
  std::set<std::string> downs_;                              // interfaces, the same
  bool lost_ = false;
  std::vector<Hook> hooks_;
  bool suspended_ = false;
  bool leaving_ = false;
  bool left_ = false;
  bool configured_ = false;
  bool counts_ = false;
  Duration lsa_spacing_{};
  Duration lsa_flooding_{};
  Signal term_;
  Signal int_;
  Signal tstp_;
  Signal cont_;
  Signal hup_;
  Signal usr2_;
  Deferred told_;
  Deferred changed_;
  Deferred ask_;
  Deferred reindex_;
  Deferred stop_;
  Timer renew_;
  Timer lingered_;
  Timer tend_;
};

}  // namespace anyprobe

// The prober's half of a daemon: services, signals, and what follows from them. It holds no address; it says
// which are wanted.
#pragma once

#include <memory>
#include <vector>

#include "command_line.hpp"
#include "config.hpp"
#include "event_loop.hpp"
#include "keeper_link.hpp"
#include "plugin_table.hpp"
#include "service.hpp"

namespace anyprobe {

class Prober {
 public:
  Prober(EventLoop& loop, const CommandLine& line, PluginTable& plugins);

  // Before anything else; the link outlives the prober's last call to it.
  void use(KeeperLink& link) { link_ = &link; }

  // Takes the configuration, at start or as a reload, or returns what is wrong with it and keeps what it had.
  // Services that did not change are not touched.
  ConfigErrors configure(const std::vector<SourceFile>& files);
  // What is wanted of the configuration that it has.
  [[nodiscard]] std::vector<bool> wanted() const;

  [[nodiscard]] const std::vector<std::unique_ptr<Service>>& services() const { return services_; }

 private:
  void on_event(Service& service, const HealthEvent& event);
  void on_check(const Service& service, const Service::Check& check);
  void start_all();
  void terminate(const char* signal);
  void suspend();
  void resume();

  EventLoop& loop_;
  const CommandLine& line_;
  PluginTable& plugins_;
  KeeperLink* link_ = nullptr;
  std::vector<std::unique_ptr<Service>> services_;
  bool suspended_ = false;
  bool leaving_ = false;
  bool configured_ = false;
  Signal term_;
  Signal int_;
  Signal tstp_;
  Signal cont_;
  Signal hup_;
  Deferred changed_;
};

}  // namespace anyprobe

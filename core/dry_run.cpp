#include "dry_run.hpp"

#include <set>

#include "check.hpp"
#include "exit_codes.hpp"
#include "local_commands.hpp"
#include "log.hpp"
#include "own_process.hpp"

namespace anyprobe {
namespace {

// Says what would be, and reads the files itself.
class DryRun final : public KeeperLink {
 public:
  DryRun(const CommandLine& line, Prober& prober) : line_(line), prober_(prober) {}

  void want(const std::vector<Wish>& wishes) override {
    std::set<Advertisement> next;
    std::size_t i = 0;
    for (const auto& service : prober_.services()) {
      for (const auto& advertisement : service->config().advertise) {
        if (i < wishes.size() && wishes[i] == Wish::announce) next.insert(advertisement);
        ++i;
      }
    }
    for (const auto& what : next) {
      if (!announced_.contains(what)) log(LogLevel::info, "would announce " + what.to_string());
    }
    for (const auto& what : announced_) {
      if (!next.contains(what)) log(LogLevel::info, "would withdraw " + what.to_string());
    }
    announced_ = std::move(next);
    prober_.look({});
  }

  bool settle(Duration) override { return true; }

  void request_reload() override {
    const auto files = read_files(line_);
    ConfigErrors errors;
    if (files)
      errors = prober_.configure(*files, {});
    else
      errors.add(files.error());
    for (const auto& what : errors.lines()) log(LogLevel::error, what);
    if (!errors.empty()) log(LogLevel::error, "the configuration is refused, the old one is kept");
    prober_.forget_documents();
    want(prober_.wishes());
  }

  void tell_suspended(bool) override {}
  void keep_drained(const std::vector<bool>&) override {}
  void hand_over() override {}

 private:
  const CommandLine& line_;
  Prober& prober_;
  std::set<Advertisement> announced_;
};

}  // namespace

int run_dry(const CommandLine& line, PluginTable& plugins, Background& background, const Hearing& hearing) {
  EventLoop loop;
  LocalCommands commands(loop);
  Prober prober(loop, line, plugins, commands, ProberPart::whole);
  DryRun link(line, prober);
  prober.use(link);
  const auto heard = hearing(loop, prober);
  const auto files = read_files(line);
  ConfigErrors errors;
  if (files)
    errors = prober.configure(*files, {});
  else
    errors.add(files.error());
  if (!errors.empty()) return refuse(line, errors);
  prober.forget_documents();
  give_back_memory();
  Timer settled(loop, give_back_memory);
  settled.start(kSettled);
  background.tell(kDone);
  loop.run();
  return kDone;
}

}  // namespace anyprobe

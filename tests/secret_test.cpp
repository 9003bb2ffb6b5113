// What holds for every option of the kind secret: where it may stand, and that it is shown to nobody. The
// radius probe stands for all that have one.
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "core/command_line.hpp"
#include "core/config.hpp"
#include "core/config_reader.hpp"
#include "probes/builtin.hpp"

using namespace anyprobe;

namespace {

namespace fs = std::filesystem;

constexpr const char* kSecret = "hunter2 \xc3\xa4\"\\";  // as it is; in JSON:
constexpr const char* kSecretJson = R"("hunter2 \u00e4\"\\")";

struct Loaded {
  Config config;
  std::vector<std::string> errors;
};

// A folder to be in, so that paths may be relative.
class Folder {
 public:
  Folder() : before_(fs::current_path()) {
    char name[] = "/tmp/anyprobe-secret-XXXXXX";
    if (::mkdtemp(name) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = name;
    fs::current_path(path_);
  }
  ~Folder() {
    fs::current_path(before_);
    fs::remove_all(path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  // Returns the whole path.
  [[nodiscard]] std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return (path_ / name).string();
  }
  [[nodiscard]] std::string path(const std::string& name) const { return (path_ / name).string(); }

 private:
  fs::path before_;
  fs::path path_;
};

// As the program started with these words reads its configuration.
Loaded start(const std::vector<std::string>& words) {
  static EventLoop loop;
  PluginTable plugins(builtin_probes());
  const auto line = parse_command_line(words, plugins);
  if (!line) return {{}, {line.error()}};
  const auto files = read_files(*line);
  if (!files) return {{}, {files.error()}};
  ConfigErrors errors;
  const auto documents = assemble(*line, *files, errors);
  ConfigContext context;
  context.loop = &loop;
  context.plugins = &plugins;
  Loaded out;
  if (errors.empty()) out.config = load_config(documents, context, errors);
  out.errors = errors.lines();
  return out;
}

Loaded validate(const Folder& folder, const std::string& text) {
  return start({"anyprobe", "validate", "--config", folder.write("anyprobe.json", text)});
}

std::string service(const std::string& probe) {
  return R"({"services": [{"name": "r", "advertise": [{"address": "192.0.2.1"}], )" + probe + "}]}";
}

// One service whose secret is this JSON.
Loaded with_secret(const Folder& folder, const std::string& secret) {
  return validate(folder, service(R"("probe": {"type": "radius", "secret": )" + secret + "}"));
}

std::string in_file(const std::string& path) {
  return R"({"file": ")" + path + "\"}";
}

Loaded with_flags(std::vector<std::string> flags) {
  flags.insert(flags.begin(), {"radius-probe", "--address", "192.0.2.1"});
  return start(flags);
}

std::string printed(const Loaded& loaded) {
  REQUIRE(loaded.errors.empty());
  return describe(loaded.config).dump();
}

std::string error_of(const Loaded& loaded) {
  CHECK(loaded.errors.size() == 1);
  return loaded.errors.empty() ? "" : loaded.errors.front();
}

const std::string kWhere = "anyprobe.json: services[0].probe.secret: ";

// The secret that an option comes to.
std::string value_of(const std::string& json, const Attachments& attachments = {}) {
  static constexpr OptionSpec kSpecs[] = {{.name = "secret", .kind = OptionKind::secret, .required = true}};
  ConfigErrors errors;
  auto document = parse_document("test", R"({"secret": )" + json + "}");
  REQUIRE(document);
  auto root = *document;
  root.attachments = std::make_shared<Attachments>(attachments);
  const Options options(ConfigReader(root, errors), kSpecs);
  return errors.empty() ? options.text("secret") : "error: " + errors.lines().front();
}

}  // namespace

TEST_CASE("a secret is a text, or what is in a file but for its line end") {
  CHECK(value_of(kSecretJson) == kSecret);
  const auto file = [](const std::string& text) {
    return value_of(in_file("/f"), {{"/f", Outcome<std::string>(text)}});
  };
  CHECK(file(kSecret) == kSecret);
  CHECK(file("hunter2\n") == "hunter2");
  CHECK(file("hunter2\r\n") == "hunter2");
  CHECK(file(" hunter2 \n") == " hunter2 ");
  CHECK(file("hunter2\n\n") == "hunter2\n");
  CHECK(file("\xff\xfe\n") == "\xff\xfe");  // no UTF-8: a secret is octets
}

TEST_CASE("a secret in a file is read with the configuration") {
  const Folder folder;
  CHECK(with_secret(folder, in_file(folder.write("secret", "hunter2\n"))).errors.empty());
  CHECK(with_flags({"--secret-file", folder.path("secret")}).errors.empty());
  CHECK(with_flags({"--secret-file=secret"}).errors.empty());  // relative to here
  CHECK(with_flags({"--secret", "hunter2"}).errors.empty());
  CHECK(start({"anyprobe", "check", "--type", "radius", "--secret-file", "secret"}).errors.size() == 1);
}

TEST_CASE("a file that gives no secret is named, with its place") {
  const Folder folder;
  CHECK(error_of(with_secret(folder, in_file(folder.path("none")))) ==
        kWhere + folder.path("none") + ": No such file or directory");
  const auto empty = folder.write("empty", "");
  CHECK(error_of(with_secret(folder, in_file(empty))) == kWhere + empty + ": is empty");
  const auto line = folder.write("line", "\n");
  CHECK(error_of(with_secret(folder, in_file(line))) == kWhere + line + ": is empty");
  CHECK(error_of(with_secret(folder, in_file(folder.path("")))) ==
        kWhere + folder.path("") + ": is a directory");
  CHECK(error_of(with_secret(folder, in_file("secret"))) == kWhere + "\"secret\" is no absolute path");
  CHECK(error_of(with_secret(folder, in_file(""))) == kWhere + "\"\" is no absolute path");
  const auto nul = folder.write("nul", std::string("hunt\0er2", 8));
  CHECK(error_of(with_secret(folder, in_file(nul))) == kWhere + "has a NUL in it");
}

TEST_CASE("an error of a flag names the flag") {
  const Folder folder;
  CHECK(error_of(with_flags({"--secret-file", "none"})) ==
        "--secret-file: " + folder.path("none") + ": No such file or directory");
  CHECK(error_of(with_flags({"--secret-file", ""})) == "--secret-file: is empty");
  CHECK(error_of(with_flags({"--secret", ""})) == "--secret: is empty");
  // Of both, the last counts, and is at fault.
  CHECK(with_flags({"--secret-file", "none", "--secret", "hunter2"}).errors.empty());
  CHECK(error_of(with_flags({"--secret-file", "none", "--secret", ""})) == "--secret: is empty");
  CHECK(
      error_of(with_flags({"--secret", "hunter2", "--secret-file", "none"})).starts_with("--secret-file: "));
}

TEST_CASE("a flag wins over the file of the configuration") {
  const Folder folder;
  const auto config =
      folder.write("c.json", service(R"("probe": {"type": "radius", "secret": )" + in_file("/none") + "}"));
  CHECK(with_flags({"--config", config}).errors.size() == 1);
  CHECK(with_flags({"--config", config, "--secret", "hunter2"}).errors.empty());
  const auto secret = folder.write("secret", "hunter2");
  CHECK(with_flags({"--config", config, "--secret-file", secret}).errors.empty());
}

TEST_CASE("no secret is printed") {
  const Folder folder;
  const auto text = printed(with_secret(folder, kSecretJson));
  CHECK(text.find("hunter2") == std::string::npos);
  CHECK(text.find("\"secret\":\"(not shown)\"") != std::string::npos);
  const auto several =
      printed(validate(folder, service(R"("probes": [{"type": "radius", "secret": "hunter2"}, {"type": "dns"},
                                    {"type": "radius", "server": "::1", "secret": "hunter2"}])")));
  CHECK(several.find("hunter2") == std::string::npos);
  // Where it is read from is no secret.
  const auto file = folder.write("secret", "hunter2\n");
  const auto named = printed(with_secret(folder, in_file(file)));
  CHECK(named.find("hunter2") == std::string::npos);
  CHECK(named.find(file) != std::string::npos);
}

TEST_CASE("no error has a secret in it") {
  const Folder folder;
  const auto clean = [](const Loaded& loaded) {
    CHECK_FALSE(loaded.errors.empty());
    for (const auto& line : loaded.errors) {
      CAPTURE(line);
      CHECK(line.find("hunter2") == std::string::npos);
    }
  };
  const auto kind = kWhere + R"(is neither a text nor {"file": "/path"})";
  CHECK(error_of(with_secret(folder, R"({"file": 5})")) == kind);
  CHECK(error_of(with_secret(folder, R"({"file": "/x", "value": "hunter2"})")) == kind);
  CHECK(error_of(with_secret(folder, R"({"value": "hunter2"})")) == kind);
  CHECK(error_of(with_secret(folder, "5")) == kind);
  CHECK(error_of(with_secret(folder, R"(["hunter2", "hunter2"])")) ==
        kWhere + "takes one value, not an array");
  CHECK(error_of(with_secret(folder, "\"\"")) == kWhere + "is empty");
  CHECK(error_of(with_secret(folder, R"("hunter2\u0000")")) == kWhere + "has a NUL in it");
  // What is wrong elsewhere.
  clean(with_secret(folder, R"("hunter2", "server": "local host")"));
  clean(with_secret(folder, R"("hunter2", "secret": "hunter2")"));
  clean(validate(folder, service(R"("probe": {"type": "radius", "Secret": "hunter2"})")));
  // What is no JSON behind it, in it and before it.
  for (const std::string text :
       {R"("hunter2)", R"("hunter2" x)", "\"hunter2\xff\"", R"("x'; expected hunter2\q")", "\"hunter2\n\"",
        R"("hunter2\q")", R"('hunter2')", R"("hunter2", "server": "'; expected)"}) {
    CAPTURE(text);
    clean(with_secret(folder, text));
  }
  clean(with_flags({"--secret", "hunter2\xff"}));
  clean(with_flags({"--secret", "hunter2", "--server", "local host"}));
  clean(with_flags({"--secert=hunter2"}));
}

TEST_CASE("another content of the file is another question") {
  const Folder folder;
  const auto file = folder.write("secret", "hunter2\n");
  const auto asks = [&](const std::string& secret) {
    const auto loaded = with_secret(folder, secret);
    REQUIRE(loaded.errors.empty());
    return loaded.config.services.front().asks;
  };
  const auto before = asks(in_file(file));
  CHECK(asks(in_file(file)) == before);
  CHECK(folder.write("secret", "hunter3\n") == file);
  CHECK(asks(in_file(file)) != before);
  CHECK(asks("\"a\"") != asks("\"b\""));
}

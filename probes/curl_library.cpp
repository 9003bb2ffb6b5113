#include "probes/curl_library.hpp"

#include <stdexcept>

#include "core/shared_library.hpp"

namespace anyprobe {
namespace {

struct Loaded {
  Loaded() {
    SharedLibrary library("libcurl.so.4");
    const auto find = [&](const char* name, auto& function) { library.find(name, function); };
    find("curl_easy_cleanup", functions.easy_cleanup);
    find("curl_easy_getinfo", functions.easy_getinfo);
    find("curl_easy_init", functions.easy_init);
    find("curl_easy_setopt", functions.easy_setopt);
    find("curl_easy_strerror", functions.easy_strerror);
    find("curl_free", functions.free);
    find("curl_global_init", functions.global_init);
    find("curl_multi_add_handle", functions.multi_add_handle);
    find("curl_multi_cleanup", functions.multi_cleanup);
    find("curl_multi_info_read", functions.multi_info_read);
    find("curl_multi_init", functions.multi_init);
    find("curl_multi_remove_handle", functions.multi_remove_handle);
    find("curl_multi_setopt", functions.multi_setopt);
    find("curl_multi_socket_action", functions.multi_socket_action);
    find("curl_slist_append", functions.slist_append);
    find("curl_slist_free_all", functions.slist_free_all);
    find("curl_url", functions.url);
    find("curl_url_cleanup", functions.url_cleanup);
    find("curl_url_get", functions.url_get);
    find("curl_url_set", functions.url_set);
    wrong = library.wrong();
    if (!wrong.empty()) return;
    // Before there are threads.
    const auto code = functions.global_init(CURL_GLOBAL_DEFAULT);
    if (code != CURLE_OK) wrong = std::string("libcurl: ") + functions.easy_strerror(code);
  }

  CurlLibrary functions{};
  std::string wrong;
};

// What throws is tried again by the next call.
const Loaded& loaded() {
  static const Loaded once;
  return once;
}

}  // namespace

const std::string& load_curl() {
  return loaded().wrong;
}

const CurlLibrary& curl() {
  const auto& all = loaded();
  if (!all.wrong.empty()) throw std::runtime_error(all.wrong);
  return all.functions;
}

}  // namespace anyprobe

// For tests against the real kernel: a network namespace of the test's own. Needs root, and fails without.
#pragma once

#include <string>
#include <vector>

namespace anyprobe {

// The calling thread is in a new network namespace, with lo up, for as long as this lives.
class NetworkNamespace {
 public:
  NetworkNamespace();  // throws std::runtime_error
  ~NetworkNamespace();
  NetworkNamespace(const NetworkNamespace&) = delete;
  NetworkNamespace& operator=(const NetworkNamespace&) = delete;

 private:
  int home_;
};

struct Ran {
  int status = -1;     // as the program exited
  std::string output;  // both streams
};

// Runs `ip` with these words, in the namespace of the calling thread.
Ran ip(std::vector<std::string> words);
// Writes the lines to a file and has `ip -batch` take them all.
Ran ip_batch(const std::vector<std::string>& lines);

// The `inet`, `inet6` lines of `ip addr show`, each with the line of its lifetimes; empty if there is none
// with it.
std::string address_lines(const std::string& prefix);

// How many datagrams that begin with this netlink message type were sent since the start of the program.
int datagrams_sent(int type);

}  // namespace anyprobe

// Whose a Unix socket is. Paths know nothing of network namespaces: what listens at one may be the daemon of
// another.
#pragma once

#include <string>

namespace anyprobe {

// Whether what listens at `path` was opened in the network namespace of this thread: empty, or one line why
// that is not so or cannot be told. Costs a list of the namespace's listeners (sock_diag(7), UDIAG_SHOW_VFS),
// no privilege and no waiting.
std::string why_foreign(const std::string& path);

}  // namespace anyprobe

// What a process can do that is confined for good: tried in a child.
#pragma once

#include <functional>
#include <string>

namespace anyprobe {

// What `does` returned in a child: empty is well. How the child ended, where that was otherwise than by
// itself. There is no doctest in the child.
std::string in_child(const std::function<std::string()>& does);

}  // namespace anyprobe

// How libmicrohttpd is given an answer, and what a request says of itself.
#pragma once

#include <microhttpd.h>

#include <cstddef>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "web_server.hpp"

namespace anyprobe {

using WebHeaders = std::initializer_list<std::pair<const char*, const char*>>;

inline constexpr std::size_t kWebBlock = std::size_t{8} * 1024;  // of what is read of an answer at a time

// What a header says; how often it is there is counted, since of two nobody knows which one holds.
struct WebHeader {
  const char* name;
  std::string_view value;
  std::size_t times = 0;
};
WebHeader header_of(MHD_Connection* connection, const char* name);

// Each with the headers that all answers have; `response` is given away.
MHD_Result queue(MHD_Connection* connection, int status, MHD_Response* response, WebHeaders more);
MHD_Result queue(MHD_Connection* connection, WebReply reply, WebHeaders more = {});
MHD_Result refuse(MHD_Connection* connection, int status, const char* why, WebHeaders more = {});

}  // namespace anyprobe

#include "web_reply.hpp"

#include <strings.h>

#include <memory>
#include <string>

namespace anyprobe {
namespace {

constexpr std::pair<const char*, const char*> kAlways[] = {
    {"Cache-Control", "no-store"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Content-Security-Policy",
     "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
     "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
};

MHD_Result look_for(void* into, MHD_ValueKind /*kind*/, const char* name, const char* value) {
  auto& wanted = *static_cast<WebHeader*>(into);
  if (strcasecmp(name, wanted.name) != 0) return MHD_YES;
  wanted.value = value == nullptr ? "" : value;
  ++wanted.times;
  return MHD_YES;
}

ssize_t read_body(void* from, std::uint64_t at, char* to, std::size_t room) {
  const auto& body = *static_cast<const std::string*>(from);
  return static_cast<ssize_t>(body.copy(to, room, static_cast<std::size_t>(at)));
}

void free_body(void* body) {
  delete static_cast<std::string*>(body);
}

}  // namespace

WebHeader header_of(MHD_Connection* connection, const char* name) {
  WebHeader out{name, {}};
  MHD_get_connection_values(connection, MHD_HEADER_KIND, look_for, &out);
  return out;
}

MHD_Result queue(MHD_Connection* connection, int status, MHD_Response* response, WebHeaders more) {
  if (response == nullptr) return MHD_NO;
  bool good = true;
  const auto add = [&](const auto& header) {
    good = good && MHD_add_response_header(response, header.first, header.second) == MHD_YES;
  };
  for (const auto& header : kAlways) add(header);
  for (const auto& header : more) add(header);
  const auto queued =
      good ? MHD_queue_response(connection, static_cast<unsigned int>(status), response) : MHD_NO;
  MHD_destroy_response(response);
  return queued;
}

MHD_Result queue(MHD_Connection* connection, WebReply reply, WebHeaders more) {
  auto body = std::make_unique<std::string>(std::move(reply.body));
  const auto size = body->size();
  auto* response = MHD_create_response_from_callback(size, kWebBlock, read_body, body.get(), free_body);
  if (response == nullptr) return MHD_NO;
  static_cast<void>(body.release());
  if (MHD_add_response_header(response, "Content-Type", reply.type.c_str()) != MHD_YES) {
    MHD_destroy_response(response);
    return MHD_NO;
  }
  return queue(connection, reply.status, response, more);
}

MHD_Result refuse(MHD_Connection* connection, int status, const char* why, WebHeaders more) {
  return queue(connection, {.status = status, .body = std::string(why) + '\n'}, more);
}

}  // namespace anyprobe

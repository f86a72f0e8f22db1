// What the targets about paths share: a host of the input's choice and a head made of method and target.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "fuzz/codec.h"
#include "fuzz/reference/host_path.h"

namespace halfdoor::fuzz {

// 11 bytes of the input.
inline reference::HostModel choose_host(Input& input) {
  reference::HostModel host;
  host.decodings = input.choose(5);
  host.resolves_first = input.flag();
  host.folds_overlong = input.flag();
  host.backslash_is_slash = input.flag();
  host.cuts_at_query = input.flag();
  host.cuts_at_nul = input.flag();
  host.drops_controls = input.flag();
  host.drops_params = !input.flag();
  host.resolves_dots = !input.flag();
  host.merges_slashes = !input.flag();
  host.trims_segments = input.flag();
  return host;
}

// The one request in `wire`; null where the codec refuses its head.
inline std::unique_ptr<ReadRequest> read_one_request(std::string_view wire) {
  Requests read = read_requests({wire}, MessageLimits{});
  if (!read.messages.front()->has_head) return nullptr;
  return std::move(read.messages.front());
}

inline std::unique_ptr<ReadRequest> request_for(std::string_view method, std::string_view target) {
  return read_one_request(std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n");
}

}  // namespace halfdoor::fuzz

#include "simulation/history.h"

#include "base/text.h"

namespace halfdoor {

std::string_view to_text(RequestKind kind) {
  switch (kind) {
    case RequestKind::read: return "read";
    case RequestKind::write: return "write";
    case RequestKind::allowed: return "allowed write";
    case RequestKind::denied: return "denied read";
    case RequestKind::overridden: return "overridden read";
    case RequestKind::read_with_body: return "read with a body";
    case RequestKind::hidden_override: return "override in a form";
    case RequestKind::tunnel: return "handshake";
    case RequestKind::local: return "question to halfdoor";
    case RequestKind::hostile: return "hostile request";
  }
  return "";
}

int id_of_target(std::string_view target) {
  target = target.substr(0, target.find('?'));
  const size_t slash = target.rfind('/');
  if (slash == std::string_view::npos) return 0;
  return static_cast<int>(parse_unsigned(target.substr(slash + 1)).value_or(0));
}

std::string pattern(uint64_t key, uint64_t from, uint64_t size) {
  std::string bytes(static_cast<size_t>(size), ' ');
  for (uint64_t i = 0; i < size; ++i) bytes[static_cast<size_t>(i)] = pattern_byte(key, from + i);
  return bytes;
}

}  // namespace halfdoor

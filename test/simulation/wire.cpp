#include "simulation/wire.h"

#include <cstdlib>

#include "base/text.h"

namespace halfdoor {

namespace {

constexpr std::string_view kLineEnd = "\r\n";

std::string word(const std::string& line, int index) {
  const auto words = split(line, ' ');
  return static_cast<size_t>(index) < words.size() ? std::string(words[static_cast<size_t>(index)]) : std::string();
}

// Takes a chunked body off `rest`, with its trailers; false: not complete.
bool take_chunked(std::string_view& rest, std::string& body) {
  while (true) {
    const size_t line_end = rest.find(kLineEnd);
    if (line_end == std::string_view::npos) return false;
    const size_t bytes = std::strtoull(std::string(rest.substr(0, line_end)).c_str(), nullptr, 16);
    rest.remove_prefix(line_end + 2);
    if (bytes == 0) break;
    body.append(rest.substr(0, bytes));
    if (rest.size() < bytes + 2) return false;
    rest.remove_prefix(bytes + 2);
  }
  while (true) {
    const size_t line_end = rest.find(kLineEnd);
    if (line_end == std::string_view::npos) return false;
    rest.remove_prefix(line_end + 2);
    if (line_end == 0) return true;
  }
}

}  // namespace

std::string WireMessage::method() const { return word(start_line, 0); }
std::string WireMessage::target() const { return word(start_line, 1); }
int WireMessage::status() const { return std::atoi(word(start_line, 1).c_str()); }

bool WireMessage::has_field(std::string_view name) const {
  for (std::string_view line : split(fields, '\n')) {
    if (line.size() > name.size() && line[name.size()] == ':' && iequals(line.substr(0, name.size()), name))
      return true;
  }
  return false;
}

std::string WireMessage::field(std::string_view name) const {
  for (std::string_view line : split(fields, '\n')) {
    if (line.size() <= name.size() || line[name.size()] != ':' || !iequals(line.substr(0, name.size()), name)) continue;
    line.remove_prefix(name.size() + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    return std::string(trim(line));
  }
  return {};
}

std::optional<WireMessage> cut_message(std::string_view bytes, const WireContext& context) {
  const size_t head_end = bytes.find("\r\n\r\n");
  if (head_end == std::string_view::npos) return std::nullopt;
  WireMessage message;
  const size_t line_end = bytes.find(kLineEnd);
  message.start_line = bytes.substr(0, line_end);
  if (line_end < head_end) message.fields = bytes.substr(line_end + 2, head_end - line_end);
  std::string_view rest = bytes.substr(head_end + 4);
  const size_t after_head = rest.size();
  const int status = context.is_response ? message.status() : 0;
  const bool has_no_body =
      context.is_response && (context.answers_head || status < 200 || status == 204 || status == 304);
  if (!has_no_body) {
    if (iequals(message.field("Transfer-Encoding"), "chunked")) {
      message.is_cut = !take_chunked(rest, message.body);
      if (message.is_cut) rest = {};
    } else if (message.has_field("Content-Length")) {
      const size_t length = std::strtoull(message.field("Content-Length").c_str(), nullptr, 10);
      message.body = rest.substr(0, length);
      message.is_cut = rest.size() < length;
      rest.remove_prefix(message.body.size());
    } else if (context.is_response) {
      if (!context.has_ended) return std::nullopt;
      message.body = rest;
      rest = {};
    }
  }
  if (message.is_cut && !context.has_ended) return std::nullopt;
  message.size = head_end + 4 + after_head - rest.size();
  return message;
}

}  // namespace halfdoor

#include "simulation/wire_reader.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace halfdoor {

namespace {

constexpr size_t kLongestLine = 100'000;

bool is_token(std::string_view text) {
  constexpr std::string_view kSigns = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || kSigns.find(c) != std::string_view::npos;
  });
}

bool is_visible(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

bool has_control_bytes(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && byte != '\t') || byte == 0x7f;
  });
}

}  // namespace

const std::string* WireHead::find(std::string_view name) const {
  const auto found =
      std::find_if(fields.begin(), fields.end(), [name](const auto& field) { return field.first == name; });
  return found == fields.end() ? nullptr : &found->second;
}
std::string WireHead::value(std::string_view name) const {
  const std::string* found = find(name);
  return found == nullptr ? std::string() : *found;
}
size_t WireHead::count(std::string_view name) const {
  return static_cast<size_t>(
      std::count_if(fields.begin(), fields.end(), [name](const auto& field) { return field.first == name; }));
}

void WireReader::break_at(const std::string& why) {
  if (problem_.empty()) problem_ = why;
  state_ = State::broken;
}

void WireReader::feed(std::string_view bytes) {
  while (!bytes.empty() && state_ != State::broken) {
    if (state_ == State::raw) {
      consumed_ += bytes.size();
      user_.on_body(std::exchange(bytes, {}));
    } else if (state_ == State::body) {
      take_body(bytes);
    } else if (take_line(bytes)) {
      on_line();
      line_.clear();
    }
  }
}

// Lines end with CRLF; a CR or LF alone is a fault.
bool WireReader::take_line(std::string_view& bytes) {
  const size_t end = bytes.find('\n');
  line_.append(bytes.substr(0, end));
  const size_t taken = end == std::string_view::npos ? bytes.size() : end + 1;
  bytes.remove_prefix(taken);
  consumed_ += taken;
  if (line_.size() > kLongestLine) break_at("a line without end");
  if (end == std::string_view::npos || state_ == State::broken) return false;
  if (line_.empty() || line_.back() != '\r') {
    break_at("bare LF");
    return false;
  }
  line_.pop_back();
  if (line_.find('\r') != std::string::npos) {
    break_at("bare CR");
    return false;
  }
  return true;
}

void WireReader::on_line() {
  switch (state_) {
    case State::head: return on_head_line();
    case State::chunk_line: return on_chunk_line();
    case State::chunk_end:
      if (!line_.empty()) return break_at("chunk data not followed by CRLF");
      state_ = State::chunk_line;
      return;
    case State::trailers:
      if (line_.empty()) return end_message();
      if (!read_field_line(trailers_)) break_at("trailer " + line_);
      return;
    case State::body:
    case State::raw:
    case State::broken: return;
  }
}

void WireReader::on_head_line() {
  if (!has_start_line_) {
    head_ = trailers_ = {};
    has_start_line_ = true;
    if (!read_start_line()) break_at("start line " + line_);
    return;
  }
  if (line_.empty()) return on_head_end();
  if (!read_field_line(head_)) break_at("field line " + line_);
}

bool WireReader::read_start_line() {
  head_.start_line = line_;
  if (has_control_bytes(line_)) return false;
  const size_t first = line_.find(' ');
  if (first == std::string::npos) return false;
  if (reads_ == Reads::responses) {
    head_.minor_version = line_.substr(0, first) == "HTTP/1.0" ? 0 : 1;
    if (line_.substr(0, first) != "HTTP/1.1" && line_.substr(0, first) != "HTTP/1.0") return false;
    const std::string status = line_.substr(first + 1, 3);
    if (status.size() != 3 || !parse_unsigned(status) || line_.size() < first + 5 || line_[first + 4] != ' ')
      return false;
    head_.status = static_cast<int>(*parse_unsigned(status));
    return head_.status >= 100 && head_.status < 600;
  }
  const size_t second = line_.find(' ', first + 1);
  if (second == std::string::npos || line_.substr(second + 1) != "HTTP/1.1") return false;
  head_.method = line_.substr(0, first);
  head_.target = line_.substr(first + 1, second - first - 1);
  return is_token(head_.method) && is_visible(head_.target);
}

bool WireReader::read_field_line(WireHead& into) {
  const size_t colon = line_.find(':');
  if (colon == std::string::npos || !is_token(std::string_view(line_).substr(0, colon))) return false;
  const std::string_view value = trim(std::string_view(line_).substr(colon + 1));
  if (has_control_bytes(value)) return false;
  into.fields.emplace_back(to_lower(line_.substr(0, colon)), std::string(value));
  return true;
}

void WireReader::on_head_end() {
  has_start_line_ = false;
  if (reads_ == Reads::requests && head_.count("host") != 1) return break_at("not one Host");
  if (!choose_framing()) return break_at("framing of " + head_.start_line);
  const bool has_body = framing_ != Framing::none;
  state_ = framing_ == Framing::chunked ? State::chunk_line : has_body ? State::body : State::head;
  user_.on_head(head_);
  if (state_ == State::raw) return;
  if (state_ != State::broken && !has_body) user_.on_message_end();
}

bool WireReader::choose_framing() {
  const size_t lengths = head_.count("content-length"), codings = head_.count("transfer-encoding");
  if (lengths + codings > 1) return false;
  if (codings == 1 && head_.value("transfer-encoding") != "chunked") return false;
  framing_ = codings == 1 ? Framing::chunked : Framing::none;
  if (lengths == 1) {
    const auto length = parse_unsigned(head_.value("content-length"));
    if (!length) return false;
    left_ = *length;
    framing_ = left_ > 0 ? Framing::length : Framing::none;
  }
  if (reads_ == Reads::requests) return true;
  const int status = head_.status;
  if (status == 101 && !expected_.empty()) expected_.pop_front();
  if (status < 200) {
    framing_ = Framing::none;
    return lengths + codings == 0;
  }
  std::string method = "GET";
  if (!expected_.empty()) {
    method = expected_.front();
    expected_.pop_front();
  }
  if (status == 204 && lengths + codings > 0) return false;
  if (codings == 1 && head_.minor_version == 0) return false;
  if (method == "HEAD" || status == 204 || status == 304) {
    framing_ = Framing::none;
  } else if (lengths + codings == 0) {
    framing_ = Framing::until_close;
  }
  return true;
}

void WireReader::on_chunk_line() {
  const bool is_hex = !line_.empty() && line_.size() <= 16 && std::all_of(line_.begin(), line_.end(), [](char c) {
    return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
  });
  if (!is_hex) return break_at("chunk line " + line_);
  left_ = std::stoull(line_, nullptr, 16);
  state_ = left_ > 0 ? State::body : State::trailers;
}

void WireReader::take_body(std::string_view& bytes) {
  const bool is_endless = framing_ == Framing::until_close;
  const auto taken = static_cast<size_t>(is_endless ? bytes.size() : std::min<uint64_t>(left_, bytes.size()));
  const std::string_view piece = bytes.substr(0, taken);
  bytes.remove_prefix(taken);
  consumed_ += taken;
  user_.on_body(piece);
  if (is_endless || state_ == State::broken) return;
  left_ -= taken;
  if (left_ > 0) return;
  if (framing_ == Framing::chunked) {
    state_ = State::chunk_end;
  } else {
    end_message();
  }
}

void WireReader::end_message() {
  state_ = State::head;
  user_.on_message_end();
}

bool WireReader::finish() {
  if (state_ == State::broken) return false;
  if (state_ == State::raw) return true;
  if (state_ == State::body && framing_ == Framing::until_close) {
    end_message();
    return true;
  }
  return !is_within_message();
}

}  // namespace halfdoor

#include "fuzz/reference/message.h"

#include <algorithm>
#include <optional>

namespace halfdoor::reference {

namespace {

bool is_one_of(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_tchar(char c) { return is_digit(c) || is_alpha(c) || is_one_of(c, "!#$%&'*+-.^_`|~"); }
bool is_blank(char c) { return c == ' ' || c == '\t'; }
// VCHAR, obs-text, SP, HTAB.
bool is_text(char c) { return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f); }

// One message; every step says whether to go on, and `reading_` how it ended.
class Reader {
 public:
  Reader(std::string_view bytes, Strictness strictness)
      : bytes_(bytes), is_strict_(strictness == Strictness::sent), rest_(bytes) {}

  Reading request() {
    if (!is_strict_ && rest_.substr(0, 2) == "\r\n") rest_.remove_prefix(2);
    std::string line;
    const size_t before = rest_.size();
    if (!take_line(line) || !start_of_request(line)) return reading_;
    message().start_line_bytes = line.size();
    if (!take_fields(message().fields)) return reading_;
    message().head_bytes = before - rest_.size();
    if (!check_host() || !find_framing()) return reading_;
    if (message().is_chunked && message().minor_version == 0) return refuse("Transfer-Encoding in HTTP/1.0");
    reading_.has_head = true;
    take_body();
    return reading_;
  }

  Reading response(ResponseContext context) {
    std::string line;
    const size_t before = rest_.size();
    if (!take_line(line) || !start_of_response(line)) return reading_;
    message().start_line_bytes = line.size();
    if (!take_fields(message().fields)) return reading_;
    message().head_bytes = before - rest_.size();
    if (!find_framing()) return reading_;
    const int status = message().status;
    const bool is_interim = status < 200;
    const bool says_framing = message().is_chunked || message().has_length;
    if (is_strict_ && (is_interim || status == 204) && says_framing) return refuse("framing in 1xx or 204");
    reading_.has_head = true;
    const bool has_no_body = is_interim || status == 204 || status == 304 || context.answers_head;
    if (has_no_body) return finish();
    if (says_framing) {
      take_body();
      return reading_;
    }
    message().is_until_close = true;
    message().body = rest_;
    rest_ = {};
    if (context.has_closed) return finish();
    return reading_;
  }

 private:
  Message& message() { return reading_.message; }
  Reading refuse(std::string_view why) {
    reading_.outcome = Outcome::refused;
    reading_.why = why;
    return reading_;
  }
  bool fail(std::string_view why) {
    refuse(why);
    return false;
  }
  Reading finish() {
    reading_.outcome = Outcome::complete;
    message().size = bytes_.size() - rest_.size();
    return reading_;
  }

  // Up to CRLF; a CR or LF by itself, and any control byte but tab, is refused.
  bool take_line(std::string& line) {
    for (size_t i = 0; i < rest_.size(); ++i) {
      const char c = rest_[i];
      if (c == '\r') {
        if (i + 1 == rest_.size()) return false;
        if (rest_[i + 1] != '\n') return fail("CR without LF");
        line = rest_.substr(0, i);
        rest_.remove_prefix(i + 2);
        return true;
      }
      if (!is_text(c)) return fail("control byte in a line");
    }
    return false;
  }

  bool start_of_request(const std::string& line) {
    const size_t first = line.find(' ');
    const size_t last = line.rfind(' ');
    if (first == std::string::npos || first == last) return fail("not three words");
    message().method = line.substr(0, first);
    message().target = line.substr(first + 1, last - first - 1);
    const std::string version = line.substr(last + 1);
    if (!is_token(message().method)) return fail("method");
    return check_version(version) && check_target();
  }

  // A higher minor version is spoken as the highest that is known (RFC 9110 2.5).
  bool check_version(std::string_view version) {
    const bool is_good = version.size() == 8 && version.starts_with("HTTP/1.") && is_digit(version[7]);
    if (!is_good || (is_strict_ && version[7] != '1')) return fail("version");
    message().minor_version = version[7] == '0' ? 0 : 1;
    return true;
  }

  bool check_target() {
    std::string target = message().target;
    if (target.empty()) return fail("no target");
    for (const char c : target) {
      if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f || c == '#') {
        return fail("byte in target");
      }
    }
    if (target == "*") return message().method == "OPTIONS" || fail("* without OPTIONS");
    if (!is_strict_ && target[0] != '/') {
      const std::string folded = lower(target);
      const size_t scheme = folded.starts_with("http://") ? 7 : folded.starts_with("https://") ? 8 : 0;
      if (scheme == 0) return fail("form of target");
      const size_t end = std::min(target.find_first_of("/?", scheme), target.size());
      if (!is_host(target.substr(scheme, end - scheme))) return fail("authority of target");
      target.erase(0, end);
    } else if (target[0] != '/') {
      return fail("form of target");
    }
    const std::string path = target.substr(0, target.find('?'));
    for (size_t i = 0; i < path.size(); ++i) {
      if (path[i] != '%') continue;
      if (i + 2 >= path.size() || !is_hex(path[i + 1]) || !is_hex(path[i + 2])) return fail("escape in path");
    }
    return true;
  }

  bool start_of_response(const std::string& line) {
    if (line.size() < 12 || line[8] != ' ') return fail("status line");
    if (!check_version(std::string_view(line).substr(0, 8))) return false;
    for (size_t i = 9; i < 12; ++i) {
      if (!is_digit(line[i])) return fail("status");
      message().status = message().status * 10 + (line[i] - '0');
    }
    if (message().status < 100) return fail("status below 100");
    // The blank behind the status is required even where no reason follows.
    if (line.size() > 12 && line[12] != ' ') return fail("status line");
    if (line.size() == 12 && is_strict_) return fail("no blank behind the status");
    if (line.size() > 13) message().reason = line.substr(13);
    return true;
  }

  bool take_fields(std::vector<Field>& fields) {
    while (true) {
      std::string line;
      if (!take_line(line)) return false;
      if (line.empty()) return true;
      const size_t colon = line.find(':');
      if (colon == std::string::npos) return fail("no colon");
      if (!is_token(std::string_view(line).substr(0, colon))) return fail("field name");
      std::string value = line.substr(colon + 1);
      while (!value.empty() && is_blank(value.front())) value.erase(0, 1);
      while (!value.empty() && is_blank(value.back())) value.pop_back();
      fields.push_back({lower(std::string_view(line).substr(0, colon)), value});
    }
  }

  bool check_host() {
    const std::vector<std::string> hosts = message().values("host");
    if (hosts.size() > 1) return fail("several Host");
    if (hosts.empty()) return message().minor_version == 0 || fail("no Host");
    return is_host(hosts[0]) || fail("Host");
  }

  bool find_framing() {
    const std::vector<std::string> codings = message().values("transfer-encoding");
    const std::vector<std::string> lengths = message().values("content-length");
    if (!codings.empty() && !lengths.empty()) return fail("two framings");
    if (codings.size() > 1 || lengths.size() > 1) return fail("a framing twice");
    if (!codings.empty()) {
      if (lower(codings[0]) != "chunked") return fail("coding");
      message().is_chunked = true;
    }
    if (lengths.empty()) return true;
    const std::string& digits = lengths[0];
    if (digits.empty() || !std::all_of(digits.begin(), digits.end(), is_digit)) return fail("length");
    if (is_strict_ && digits.size() > 1 && digits[0] == '0') return fail("length with zeros in front");
    for (const char c : digits) {
      if (message().length > (INT64_MAX - static_cast<uint64_t>(c - '0')) / 10) return fail("length too large");
      message().length = message().length * 10 + static_cast<uint64_t>(c - '0');
    }
    message().has_length = true;
    return true;
  }

  void take_body() {
    if (message().is_chunked) {
      take_chunks();
      return;
    }
    const size_t bytes = static_cast<size_t>(std::min<uint64_t>(message().length, rest_.size()));
    message().body = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    if (bytes == message().length) finish();
  }

  void take_chunks() {
    uint64_t bytes = 0;
    do {
      std::string line;
      if (!take_line(line) || !read_size(line, bytes)) return;
      const size_t present = static_cast<size_t>(std::min<uint64_t>(bytes, rest_.size()));
      if (bytes == 0) break;
      message().body += rest_.substr(0, present);
      rest_.remove_prefix(present);
      if (present < bytes) return;
      if (!rest_.empty() && rest_[0] != '\r') return void(refuse("no CRLF behind a chunk"));
      if (rest_.size() > 1 && rest_[1] != '\n') return void(refuse("no CRLF behind a chunk"));
      if (rest_.size() < 2) return;
      rest_.remove_prefix(2);
    } while (true);
    const size_t before = rest_.size();
    if (!take_fields(message().trailers)) return;
    message().trailer_bytes = before - rest_.size();
    for (const Field& field : message().trailers) {
      for (const std::string_view name :
           {"content-length", "transfer-encoding", "host", "authorization", "connection", "te", "trailer", "upgrade",
            "expect", "cookie", "set-cookie", "content-type", "content-encoding", "proxy-authorization",
            "x-http-method-override", "x-http-method", "x-method-override", "x-original-url", "x-forwarded-for"}) {
        if (field.name == name) return void(refuse("trailer that decides"));
      }
    }
    finish();
  }

  bool read_size(std::string_view line, uint64_t& bytes) {
    const size_t end = static_cast<size_t>(std::find_if_not(line.begin(), line.end(), is_hex) - line.begin());
    if (end == 0 || end > 16) return fail("chunk size");
    bytes = 0;
    for (const char c : line.substr(0, end)) {
      const unsigned digit =
          is_digit(c) ? static_cast<unsigned>(c - '0') : (static_cast<unsigned>(c) | 0x20U) - 'a' + 10;
      bytes = bytes << 4U | digit;
    }
    if (bytes > INT64_MAX) return fail("chunk too large");
    message().longest_chunk_line = std::max(message().longest_chunk_line, line.size());
    if (end == line.size()) return true;
    message().extension_bytes += line.size() - std::min(line.size(), line.find(';') + 1);
    return is_strict_ ? fail("chunk extension") : check_extensions(line.substr(end));
  }

  // *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS ( token / quoted-string ) ] )
  bool check_extensions(std::string_view text) {
    const auto skip_blanks = [&text] {
      while (!text.empty() && is_blank(text[0])) text.remove_prefix(1);
    };
    const auto skip_token = [&text] {
      const size_t before = text.size();
      while (!text.empty() && is_tchar(text[0])) text.remove_prefix(1);
      return text.size() < before;
    };
    while (!text.empty()) {
      skip_blanks();
      if (text.empty() || text[0] != ';') return fail("chunk extension");
      text.remove_prefix(1);
      skip_blanks();
      if (!skip_token()) return fail("chunk extension");
      std::string_view behind_name = text;
      skip_blanks();
      if (text.empty() || text[0] != '=') {
        text = behind_name;
        continue;
      }
      text.remove_prefix(1);
      skip_blanks();
      if (text.empty() || text[0] != '"') {
        if (!skip_token()) return fail("chunk extension");
        continue;
      }
      text.remove_prefix(1);
      while (!text.empty() && text[0] != '"')
        text.remove_prefix(text[0] == '\\' ? std::min<size_t>(2, text.size()) : 1);
      if (text.empty()) return fail("chunk extension");
      text.remove_prefix(1);
    }
    return true;
  }

  std::string_view bytes_;
  bool is_strict_;
  std::string_view rest_;
  Reading reading_;
};

}  // namespace

std::vector<std::string> Message::values(std::string_view name) const {
  std::vector<std::string> found;
  for (const Field& field : fields) {
    if (field.name == name) found.push_back(field.value);
  }
  return found;
}

Reading read_request(std::string_view bytes, Strictness strictness) { return Reader(bytes, strictness).request(); }

Reading read_response(std::string_view bytes, ResponseContext context, Strictness strictness) {
  return Reader(bytes, strictness).response(context);
}

bool is_token(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), is_tchar); }

bool is_host(std::string_view text) {
  std::string_view port;
  std::string_view name = text;
  if (!text.empty() && text[0] == '[') {
    const size_t end = text.find(']');
    if (end == std::string_view::npos || end < 3) return false;
    name = text.substr(1, end - 1);
    for (const char c : name) {
      if (!is_hex(c) && c != ':' && c != '.') return false;
    }
    text.remove_prefix(end + 1);
  } else {
    const size_t end = std::min(text.find(':'), text.size());
    name = text.substr(0, end);
    for (size_t i = 0; i < name.size(); ++i) {
      if (is_alpha(name[i]) || is_digit(name[i]) || is_one_of(name[i], "-._~!$&'()*+,;=")) continue;
      const bool is_escape = name[i] == '%' && i + 2 < name.size() && is_hex(name[i + 1]) && is_hex(name[i + 2]);
      if (!is_escape) return false;
    }
    text.remove_prefix(end);
  }
  if (name.empty()) return false;
  if (text.empty()) return true;
  if (text[0] != ':') return false;
  port = text.substr(1);
  return std::all_of(port.begin(), port.end(), is_digit);
}

std::string lower(std::string_view text) {
  std::string folded(text);
  for (char& c : folded) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return folded;
}

}  // namespace halfdoor::reference

#include "control/access.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/address.h"
#include "base/text.h"

namespace halfdoor {

namespace {

constexpr size_t kShortestToken = 16;

std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

bool names_this_machine(std::string_view host) {
  const std::string_view name = without_port(host);
  if (Address::parse(fmt::format("{}:1", name))) return true;
  char own[256] = {};
  ::gethostname(own, sizeof(own) - 1);
  return iequals(name, "localhost") || (*own != '\0' && iequals(name, own));
}

bool has_token(const AccessRequest& request, const std::string& token) {
  constexpr std::string_view kScheme = "bearer ";
  const std::string_view given = request.authorization;
  if (token.empty() || given.size() < kScheme.size() || !iequals(given.substr(0, kScheme.size()), kScheme))
    return false;
  return equal_in_constant_time(trim(given.substr(kScheme.size())), token);
}

}  // namespace

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  unsigned char differs = a.size() == b.size() ? 0 : 1;
  for (size_t i = 0; i < a.size(); ++i) {
    const char other = b.empty() ? '\0' : b[i % b.size()];
    differs = static_cast<unsigned char>(differs | (a[i] ^ other));
  }
  return differs == 0;
}

AccessDecision judge_tcp_access(const AccessRequest& request, const std::string& token) {
  const bool authorised = has_token(request, token);
  if (!authorised && !names_this_machine(request.host)) {
    return {403, "ask by an IP address or localhost, or send the bearer token: other names may be a foreign page's"};
  }
  if (request.method == "GET" || request.method == "HEAD") return {};
  if (token.empty()) return {403, "changes over TCP are off: set admin.token_file, or use the control socket"};
  if (!authorised)
    return {401, "changes over TCP need \"Authorization: Bearer TOKEN\" with the token of admin.token_file"};
  const std::string type =
      to_lower(trim(std::string_view(request.content_type).substr(0, request.content_type.find(';'))));
  if (type != "application/json") return {415, "send Content-Type: application/json"};
  return {};
}

Result<std::string> read_token(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Error{fmt::format("admin.token_file: cannot read {}: {}", path, std::strerror(errno))};
  struct stat found {};
  if (::stat(path.c_str(), &found) == 0 && (found.st_mode & S_IROTH) != 0) {
    return Error{fmt::format("admin.token_file: everybody may read {}: chmod o-r {}", path, path)};
  }
  std::string line;
  std::getline(file, line);
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
  if (line.size() < kShortestToken) {
    return Error{fmt::format("admin.token_file: the first line of {} has to be a token of at least {} characters", path,
                             kShortestToken)};
  }
  return line;
}

}  // namespace halfdoor

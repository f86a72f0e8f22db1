#include "control/control_client.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace halfdoor {

namespace {

constexpr Milliseconds kReadPatience{15'000};
constexpr long kConnectMs = 5'000;
constexpr size_t kLargestReply = 256 << 20;

size_t on_body(char* data, size_t size, size_t count, void* into) {
  auto& body = *static_cast<std::string*>(into);
  if (body.size() + size * count > kLargestReply) return 0;
  body.append(data, size * count);
  return size * count;
}

std::string user_name(uid_t uid) {
  const struct passwd* entry = ::getpwuid(uid);
  return entry != nullptr ? entry->pw_name : fmt::format("uid {}", uid);
}

std::string group_name(gid_t gid) {
  const struct group* entry = ::getgrgid(gid);
  return entry != nullptr ? entry->gr_name : fmt::format("gid {}", gid);
}

Error denied(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) {
    return Error{
        fmt::format("permission denied: user {} may not look into the folder of {}", user_name(::geteuid()), path)};
  }
  return Error{
      fmt::format("permission denied: {} has mode {:04o}, owner {}, group {}; you are {}: become a member of group "
                  "{} or use sudo",
                  path, found.st_mode & 07777, user_name(found.st_uid), group_name(found.st_gid),
                  user_name(::geteuid()), group_name(found.st_gid))};
}

Error unreachable(const std::string& path, CURLcode code, long os_error, Milliseconds patience) {
  if (os_error == EACCES || os_error == EPERM) return denied(path);
  if (os_error == ENOENT) {
    return Error{
        fmt::format("no daemon: {} does not exist; is halfdoor running? (--socket PATH or HALFDOOR_SOCKET)", path)};
  }
  if (os_error == ECONNREFUSED)
    return Error{fmt::format("no daemon: nobody listens at {}; is halfdoor running?", path)};
  if (code == CURLE_OPERATION_TIMEDOUT) {
    return Error{
        fmt::format("the daemon at {} did not answer within {}; what was asked may still happen: halfdoor status", path,
                    format_duration(patience))};
  }
  return Error{fmt::format("the daemon at {} cannot be asked: {}", path, ::curl_easy_strerror(code))};
}

}  // namespace

Result<ControlReply> ControlClient::get(const std::string& target) const { return ask(target, nullptr, kReadPatience); }

Result<ControlReply> ControlClient::post(const std::string& target, const std::string& json,
                                         Milliseconds patience) const {
  return ask(target, &json, patience);
}

Result<ControlReply> ControlClient::ask(const std::string& target, const std::string* json,
                                        Milliseconds patience) const {
  const std::unique_ptr<CURL, void (*)(CURL*)> curl(::curl_easy_init(), ::curl_easy_cleanup);
  if (!curl) return Error{"libcurl does not start"};
  ControlReply reply;
  const std::string url = "http://localhost" + target;
  std::unique_ptr<curl_slist, void (*)(curl_slist*)> fields(nullptr, ::curl_slist_free_all);
  ::curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  ::curl_easy_setopt(curl.get(), CURLOPT_UNIX_SOCKET_PATH, socket_path_.c_str());
  // Or libcurl would obey http_proxy.
  ::curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");
  ::curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  ::curl_easy_setopt(curl.get(), CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  ::curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(patience.count()));
  ::curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, on_body);
  ::curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &reply.body);
  if (json != nullptr) {
    fields.reset(::curl_slist_append(nullptr, "Content-Type: application/json"));
    ::curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, fields.get());
    ::curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(json->size()));
    ::curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, json->c_str());
  }
  const CURLcode code = ::curl_easy_perform(curl.get());
  if (code != CURLE_OK) {
    long os_error = 0;
    ::curl_easy_getinfo(curl.get(), CURLINFO_OS_ERRNO, &os_error);
    return unreachable(socket_path_, code, os_error, patience);
  }
  long status = 0;
  ::curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  reply.status = static_cast<int>(status);
  return reply;
}

}  // namespace halfdoor

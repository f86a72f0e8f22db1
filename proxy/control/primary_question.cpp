#include "control/primary_question.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace halfdoor {

namespace {

// The body says nothing that is needed; a long one is not read to its end.
size_t drop_body(char*, size_t size, size_t count, void* total) {
  constexpr size_t kMostRead = 64 << 10;
  size_t& read = *static_cast<size_t*>(total);
  read += size * count;
  return read > kMostRead ? 0 : size * count;
}

CaughtUpAnswer ask_server(const std::string& name, const Address& address, const PrimaryQuestion& question,
                          Milliseconds patience, bool& answered) {
  const std::unique_ptr<CURL, void (*)(CURL*)> curl(::curl_easy_init(), ::curl_easy_cleanup);
  answered = false;
  if (!curl) return {false, fmt::format("{} could not be asked", name)};
  const bool is_unix = address.is_unix();
  const std::string url = fmt::format("http://{}{}", is_unix ? "localhost" : address.text(), question.path);
  const std::string unix_path = is_unix ? address.text().substr(5) : "";
  std::unique_ptr<curl_slist, void (*)(curl_slist*)> fields(nullptr, ::curl_slist_free_all);
  if (!question.host.empty())
    fields.reset(::curl_slist_append(nullptr, fmt::format("Host: {}", question.host).c_str()));
  size_t read = 0;
  ::curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  if (is_unix) ::curl_easy_setopt(curl.get(), CURLOPT_UNIX_SOCKET_PATH, unix_path.c_str());
  // Or libcurl would obey http_proxy.
  ::curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");
  ::curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http");
  ::curl_easy_setopt(curl.get(), CURLOPT_PATH_AS_IS, 1L);
  ::curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  ::curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, fields.get());
  ::curl_easy_setopt(curl.get(), CURLOPT_USERAGENT, "halfdoor");
  ::curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(patience.count()));
  ::curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, drop_body);
  ::curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &read);
  const CURLcode code = ::curl_easy_perform(curl.get());
  long status = 0;
  ::curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  if (code == CURLE_OPERATION_TIMEDOUT) {
    return {false, fmt::format("no answer from {} within {}", name, format_duration(patience))};
  }
  if (status == 0) return {false, fmt::format("{}: {}", name, ::curl_easy_strerror(code))};
  answered = true;
  return {status >= 200 && status < 300, fmt::format("{} from {}", status, name)};
}

}  // namespace

PrimaryQuestion caught_up_question(const ServiceConfig& service, size_t index, const ServerAddresses& addresses) {
  PrimaryQuestion question;
  const std::vector<ServerConfig>& servers = service.side(Side::primary).servers;
  for (size_t i = 0; i < servers.size(); ++i) {
    question.servers.push_back({servers[i].name, addresses.of(index, Side::primary, i)});
  }
  question.path = service.failback.caught_up;
  const auto named = std::find_if(service.hosts.begin(), service.hosts.end(),
                                  [](const std::string& host) { return host.find('*') == std::string::npos; });
  if (named != service.hosts.end()) question.host = *named;
  return question;
}

CaughtUpAnswer ask_primary(const PrimaryQuestion& question) {
  CaughtUpAnswer last{false, "the primary has no server"};
  size_t attempts = 0;
  for (const PrimaryQuestion::Server& server : question.servers) attempts += server.addresses.size();
  const auto share = question.patience / static_cast<int64_t>(std::max<size_t>(1, attempts));
  for (const PrimaryQuestion::Server& server : question.servers) {
    if (server.addresses.empty()) last = {false, fmt::format("the name of {} is not resolved", server.name)};
    for (const Address& address : server.addresses) {
      bool answered = false;
      last = ask_server(server.name, address, question, std::max(share, Milliseconds(500)), answered);
      if (answered) return last;
    }
  }
  return last;
}

}  // namespace halfdoor

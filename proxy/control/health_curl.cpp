#include "control/health_curl.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "control/version.h"

namespace halfdoor {

namespace {

// A failure so long after its time says that this process did not run, not that the host did not answer.
constexpr Milliseconds kSlept{200};

SteadyTime steady_now() { return std::chrono::steady_clock::now(); }

// How long this machine has been suspended since it was started.
Milliseconds suspended_so_far() {
  timespec all{}, awake{};
  ::clock_gettime(CLOCK_BOOTTIME, &all);
  ::clock_gettime(CLOCK_MONOTONIC, &awake);
  const auto ms = [](const timespec& time) { return Milliseconds(time.tv_sec * 1000 + time.tv_nsec / 1'000'000); };
  return ms(all) - ms(awake);
}

bool is_own_fault(long error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM || error == EADDRNOTAVAIL;
}

std::string error_text(long error) {
  std::string text = std::strerror(static_cast<int>(error));
  if (!text.empty()) text[0] = ascii_lower(text[0]);
  return text;
}

}  // namespace

struct CurlProber::Probe {
  Probe() : easy(::curl_easy_init()) {}
  ~Probe() {
    ::curl_easy_cleanup(easy);
    ::curl_slist_free_all(fields);
  }
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  bool prepare(const ProbeTarget& target);
  bool is_expected(long status) const {
    return std::find(rules->expect.begin(), rules->expect.end(), status) != rules->expect.end();
  }
  bool has_text() const { return body.find(rules->expect_text) != std::string::npos; }
  ProbeResult judge(CURLcode code) const;
  std::string describe(CURLcode code, long status) const;

  CURL* easy;
  curl_slist* fields = nullptr;
  const HealthConfig* rules = nullptr;
  std::function<void(const ProbeResult&)> done;
  SteadyTime begun{};
  Milliseconds suspended{0};
  size_t head_bytes = 0;
  std::string body;
  bool knows_enough = false;  // ended from here
  bool no_socket = false;
};

struct CurlProber::Callbacks {
  static curl_socket_t open_socket(void* self, curlsocktype, struct curl_sockaddr* address) {
    const int fd = ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0) static_cast<Probe*>(self)->no_socket = is_own_fault(errno);
    return fd < 0 ? CURL_SOCKET_BAD : fd;
  }

  static size_t on_head(char*, size_t size, size_t count, void* self) {
    auto& probe = *static_cast<Probe*>(self);
    probe.head_bytes += size * count;
    return probe.head_bytes <= kMostProbeHead ? size * count : 0;
  }

  static size_t on_body(char* data, size_t size, size_t count, void* self) {
    auto& probe = *static_cast<Probe*>(self);
    long status = 0;
    ::curl_easy_getinfo(probe.easy, CURLINFO_RESPONSE_CODE, &status);
    probe.body.append(data, std::min(size * count, kMostProbeBody - probe.body.size()));
    probe.knows_enough = !probe.is_expected(status) || probe.body.size() == kMostProbeBody;
    return probe.knows_enough ? 0 : size * count;
  }

  static int watch_socket(CURL*, curl_socket_t fd, int what, void* self, void* watch) {
    auto& prober = *static_cast<CurlProber*>(self);
    if (watch != nullptr) ::event_free(static_cast<struct event*>(watch));
    struct event* made = nullptr;
    if (what != CURL_POLL_REMOVE) {
      const short wanted = static_cast<short>(((what & CURL_POLL_IN) != 0 ? EV_READ : 0) |
                                              ((what & CURL_POLL_OUT) != 0 ? EV_WRITE : 0) | EV_PERSIST);
      made = ::event_new(prober.base_, fd, wanted, on_socket, self);
      HALFDOOR_CHECK(made != nullptr && ::event_add(made, nullptr) == 0);
    }
    ::curl_multi_assign(prober.multi_, fd, made);
    return 0;
  }

  static int set_timer(CURLM*, long ms, void* self) {
    auto& prober = *static_cast<CurlProber*>(self);
    if (ms < 0) return ::evtimer_del(prober.timer_), 0;
    const timeval wait{ms / 1000, ms % 1000 * 1000};
    return ::evtimer_add(prober.timer_, &wait);
  }

  static void on_socket(evutil_socket_t fd, short what, void* self) {
    const int mask = ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) | ((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0);
    static_cast<CurlProber*>(self)->act(fd, mask);
  }
  static void on_timer(evutil_socket_t, short, void* self) {
    static_cast<CurlProber*>(self)->act(CURL_SOCKET_TIMEOUT, 0);
  }
  static void on_ended(evutil_socket_t, short, void* self) { static_cast<CurlProber*>(self)->tell_ended(); }
};

bool CurlProber::Probe::prepare(const ProbeTarget& target) {
  rules = target.rules;
  head_bytes = 0;
  knows_enough = no_socket = false;
  ::curl_slist_free_all(std::exchange(fields, nullptr));
  for (const std::string& field : {fmt::format("Host: {}", target.host), std::string("Connection: close")}) {
    curl_slist* longer = ::curl_slist_append(fields, field.c_str());
    if (longer == nullptr) return false;
    fields = longer;
  }
  const bool is_unix = target.address->is_unix();
  const std::string address = target.address->text();
  bool good = true;
  const auto set = [this, &good](CURLoption option, auto value) {
    good = ::curl_easy_setopt(easy, option, value) == CURLE_OK && good;
  };
  ::curl_easy_reset(easy);
  set(CURLOPT_URL, fmt::format("http://{}/", is_unix ? "localhost" : address).c_str());
  if (is_unix) set(CURLOPT_UNIX_SOCKET_PATH, address.substr(std::strlen("unix:")).c_str());
  set(CURLOPT_REQUEST_TARGET, rules->path.c_str());
  set(CURLOPT_HTTPHEADER, fields);
  static const std::string kAgent = fmt::format("halfdoor/{} (health check)", kVersion);
  set(CURLOPT_USERAGENT, kAgent.c_str());
  // Or libcurl would obey http_proxy.
  set(CURLOPT_PROXY, "");
  set(CURLOPT_PROTOCOLS_STR, "http");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_FRESH_CONNECT, 1L);
  set(CURLOPT_FORBID_REUSE, 1L);
  set(CURLOPT_NOSIGNAL, 1L);
  // Of the whole check, whatever comes meanwhile.
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(rules->timeout.count()));
  set(CURLOPT_OPENSOCKETFUNCTION, Callbacks::open_socket);
  set(CURLOPT_OPENSOCKETDATA, this);
  set(CURLOPT_HEADERFUNCTION, Callbacks::on_head);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, Callbacks::on_body);
  set(CURLOPT_WRITEDATA, this);
  begun = steady_now();
  suspended = suspended_so_far();
  return good;
}

ProbeResult CurlProber::Probe::judge(CURLcode code) const {
  using Verdict = ProbeResult::Verdict;
  long status = 0, error = 0;
  ::curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  ::curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &error);
  if (code != CURLE_OK && !knows_enough) {
    const bool own_fault = no_socket || code == CURLE_OUT_OF_MEMORY || code == CURLE_FAILED_INIT ||
                           (code == CURLE_COULDNT_CONNECT && is_own_fault(error));
    if (own_fault) return {Verdict::not_made, error_text(error)};
    const bool slept = steady_now() > begun + rules->timeout + kSlept || suspended_so_far() > suspended + kSlept;
    return {slept ? Verdict::slept : Verdict::failed, describe(code, status)};
  }
  if (!is_expected(status)) return {Verdict::failed, fmt::format("{}", status)};
  if (!has_text()) return {Verdict::failed, fmt::format("{}, but without the expected text", status)};
  return {Verdict::passed, fmt::format("{}", status)};
}

std::string CurlProber::Probe::describe(CURLcode code, long status) const {
  long error = 0;
  curl_off_t connected = 0;
  ::curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &error);
  ::curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connected);
  if (head_bytes > kMostProbeHead) return fmt::format("a head of more than {}", format_size(kMostProbeHead));
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT: {
      const char* missing = connected == 0 ? "connection" : status == 0 ? "answer" : "end of its answer";
      return fmt::format("no {} within {}", missing, format_duration(rules->timeout));
    }
    case CURLE_GOT_NOTHING: return "closed without an answer";
    case CURLE_PARTIAL_FILE: return "closed before the end of its answer";
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY: return "no HTTP/1 answer";
    default: break;
  }
  if (error != 0) return error_text(error);
  return code == CURLE_RECV_ERROR ? "a malformed answer" : to_lower(::curl_easy_strerror(code));
}

CurlProber::CurlProber(struct event_base* base)
    : base_(base),
      multi_(::curl_multi_init()),
      timer_(evtimer_new(base, Callbacks::on_timer, this)),
      ended_signal_(evtimer_new(base, Callbacks::on_ended, this)) {
  HALFDOOR_CHECK(multi_ != nullptr && timer_ != nullptr && ended_signal_ != nullptr);
  ::curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, Callbacks::watch_socket);
  ::curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  ::curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, Callbacks::set_timer);
  ::curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
}

CurlProber::~CurlProber() {
  for (const auto& probe : running_) ::curl_multi_remove_handle(multi_, probe->easy);
  running_.clear();
  idle_.clear();
  ::curl_multi_cleanup(multi_);
  ::event_free(timer_);
  ::event_free(ended_signal_);
}

std::unique_ptr<CurlProber::Probe> CurlProber::take_probe() {
  if (idle_.empty()) {
    auto made = std::make_unique<Probe>();
    return made->easy != nullptr ? std::move(made) : nullptr;
  }
  std::unique_ptr<Probe> probe = std::move(idle_.back());
  idle_.pop_back();
  return probe;
}

void CurlProber::begin(const ProbeTarget& target, std::function<void(const ProbeResult&)> done) {
  using Verdict = ProbeResult::Verdict;
  if (!target.address) return end_later(std::move(done), {Verdict::no_address, "its name has no address"});
  std::unique_ptr<Probe> probe = take_probe();
  if (!probe || !probe->prepare(target) || ::curl_multi_add_handle(multi_, probe->easy) != CURLM_OK) {
    return end_later(std::move(done), {Verdict::not_made, "not enough memory"});
  }
  probe->done = std::move(done);
  running_.push_back(std::move(probe));
}

void CurlProber::act(int socket, int what) {
  int running = 0;
  ::curl_multi_socket_action(multi_, socket, what, &running);
  take_ended();
}

void CurlProber::take_ended() {
  int left = 0;
  while (const CURLMsg* message = ::curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* const easy = message->easy_handle;
    const CURLcode code = message->data.result;
    const auto found = std::find_if(running_.begin(), running_.end(),
                                    [easy](const std::unique_ptr<Probe>& probe) { return probe->easy == easy; });
    HALFDOOR_CHECK(found != running_.end());
    ended_.emplace_back(std::exchange((*found)->done, nullptr), (*found)->judge(code));
    ::curl_multi_remove_handle(multi_, easy);
    (*found)->body = std::string();
    idle_.push_back(std::move(*found));
    running_.erase(found);
  }
  tell_ended();
}

void CurlProber::end_later(std::function<void(const ProbeResult&)> done, ProbeResult result) {
  ended_.emplace_back(std::move(done), std::move(result));
  constexpr timeval kAtOnce{0, 0};
  ::evtimer_add(ended_signal_, &kAtOnce);
}

void CurlProber::tell_ended() {
  for (auto& [done, result] : std::exchange(ended_, {})) done(result);
}

}  // namespace halfdoor

#include "control/dns_client.h"

#include <ares.h>
#include <event2/event.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/check.h"
#include "base/unique_fd.h"

namespace halfdoor {

namespace {

constexpr int kTries = 2;

timeval to_timeval(Milliseconds time) {
  return {static_cast<time_t>(time.count() / 1000), static_cast<suseconds_t>(time.count() % 1000 * 1000)};
}

// No packet is sent: the kernel only looks for a route.
bool has_route(Address address) {
  address.set_port(9);
  const UniqueFd probe(::socket(address.family(), SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return probe && ::connect(probe.get(), address.socket_address(), address.length()) == 0;
}

struct Found {
  FamilyAnswer answer;
  std::optional<std::chrono::seconds> ttl;
};

// Takes `info`.
Found read_answer(int status, struct ares_addrinfo* info, int family) {
  const std::unique_ptr<struct ares_addrinfo, void (*)(struct ares_addrinfo*)> owner(info, ::ares_freeaddrinfo);
  Found found;
  if (status != ARES_SUCCESS || info == nullptr) {
    const bool is_none = status == ARES_ENODATA || status == ARES_ENOTFOUND;
    found.answer.kind = is_none ? FamilyAnswer::Kind::none : FamilyAnswer::Kind::failed;
    found.answer.error = ::ares_strerror(status);
    return found;
  }
  const auto lower_ttl = [&found](int seconds) {
    const std::chrono::seconds ttl(std::max(0, seconds));
    found.ttl = found.ttl ? std::min(*found.ttl, ttl) : ttl;
  };
  for (const auto* node = info->nodes; node != nullptr; node = node->ai_next) {
    if (node->ai_family != family) continue;
    found.answer.addresses.push_back(Address::from_socket(node->ai_addr, node->ai_addrlen));
    found.answer.addresses.back().set_port(0);
    lower_ttl(node->ai_ttl);
  }
  for (const auto* alias = info->cnames; alias != nullptr; alias = alias->next) lower_ttl(alias->ttl);
  found.answer.kind = found.answer.addresses.empty() ? FamilyAnswer::Kind::none : FamilyAnswer::Kind::addresses;
  if (found.answer.addresses.empty()) found.answer.error = ::ares_strerror(ARES_ENODATA);
  return found;
}

struct ares_addrinfo_hints hints_for(int family) {
  struct ares_addrinfo_hints hints {};
  hints.ai_flags = ARES_AI_NOSORT;
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  return hints;
}

}  // namespace

// One c-ares channel with its sockets and its timer.
class DnsClient::Channel {
 public:
  Channel(struct event_base* base, const Options& options) : base_(base) {
    struct ares_options wanted {};
    wanted.flags = ARES_FLAG_NOALIASES;
    wanted.timeout = static_cast<int>(options.timeout.count());
    wanted.tries = kTries;
    wanted.lookups = const_cast<char*>("b");
    wanted.sock_state_cb = on_socket_state;
    wanted.sock_state_cb_data = this;
    const int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
    status_ = ::ares_init_options(&dns_, &wanted, mask);
    if (status_ == ARES_SUCCESS && !options.servers.empty()) {
      std::vector<std::string> texts;
      for (const Address& server : options.servers) texts.push_back(server.text());
      status_ = ::ares_set_servers_ports_csv(dns_, fmt::format("{}", fmt::join(texts, ",")).c_str());
    }
    if (status_ == ARES_SUCCESS) {
      struct ares_options hosts_only {};
      hosts_only.lookups = const_cast<char*>("f");
      status_ = ::ares_init_options(&hosts_, &hosts_only, ARES_OPT_LOOKUPS);
    }
    timer_ = evtimer_new(base_, on_timer, this);
    HALFDOOR_CHECK(timer_ != nullptr);
  }
  ~Channel() {
    if (dns_ != nullptr) ::ares_destroy(dns_);
    if (hosts_ != nullptr) ::ares_destroy(hosts_);
    for (const auto& [socket, watch] : watches_) event_free(watch);
    event_free(timer_);
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  int status() const { return status_; }
  ares_channel dns() const { return dns_; }
  ares_channel hosts() const { return hosts_; }
  void set_timer() {
    timeval wait{};
    if (::ares_timeout(dns_, nullptr, &wait) == nullptr) {
      evtimer_del(timer_);
    } else {
      evtimer_add(timer_, &wait);
    }
  }

  int open = 0;  // questions to DNS that c-ares has not answered

 private:
  static void on_socket_state(void* data, ares_socket_t socket, int readable, int writable) {
    auto& self = *static_cast<Channel*>(data);
    if (const auto known = self.watches_.find(socket); known != self.watches_.end()) {
      event_free(known->second);
      self.watches_.erase(known);
    }
    if (readable == 0 && writable == 0) return;
    const int what = EV_PERSIST | (readable != 0 ? EV_READ : 0) | (writable != 0 ? EV_WRITE : 0);
    struct event* watch = event_new(self.base_, socket, static_cast<short>(what), on_socket, &self);
    HALFDOOR_CHECK(watch != nullptr && event_add(watch, nullptr) == 0);
    self.watches_.emplace(socket, watch);
  }
  static void on_socket(evutil_socket_t socket, short what, void* data) {
    auto& self = *static_cast<Channel*>(data);
    ::ares_process_fd(self.dns_, (what & EV_READ) != 0 ? socket : ARES_SOCKET_BAD,
                      (what & EV_WRITE) != 0 ? socket : ARES_SOCKET_BAD);
    self.set_timer();
  }
  static void on_timer(evutil_socket_t, short, void* data) {
    auto& self = *static_cast<Channel*>(data);
    ::ares_process_fd(self.dns_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    self.set_timer();
  }

  struct event_base* base_;
  ares_channel dns_ = nullptr;
  ares_channel hosts_ = nullptr;
  int status_ = ARES_SUCCESS;
  struct event* timer_ = nullptr;
  std::map<ares_socket_t, struct event*> watches_;
};

// One name. It waits for what c-ares owes it even when its answer has been given.
class DnsClient::Question {
 public:
  Question(DnsClient& client, Done done) : client_(client), done_(std::move(done)) {
    timer_ = evtimer_new(client.base_, on_time, this);
    HALFDOOR_CHECK(timer_ != nullptr);
  }
  ~Question() { event_free(timer_); }
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;

  bool is_over() const { return open_ == 0 && !done_; }

  void fail(const std::string& error) {
    answer_.ipv4.error = answer_.ipv6.error = error;
    give_answer_after(Milliseconds(0));
  }
  void start(Channel& channel, const std::string& host) {
    channel_ = &channel;
    struct ares_addrinfo_hints hints = hints_for(AF_UNSPEC);
    // Answers at once: it reads the file.
    ::ares_getaddrinfo(channel.hosts(), host.c_str(), nullptr, &hints, on_hosts, this);
    if (is_in_hosts_) return give_answer_after(Milliseconds(0));
    open_ = 2;
    channel.open += 2;
    hints = hints_for(AF_INET);
    ::ares_getaddrinfo(channel.dns(), host.c_str(), nullptr, &hints, on_ipv4, this);
    hints = hints_for(AF_INET6);
    ::ares_getaddrinfo(channel.dns(), host.c_str(), nullptr, &hints, on_ipv6, this);
    channel.set_timer();
  }

 private:
  static void on_hosts(void* data, int status, int, struct ares_addrinfo* info) {
    auto& self = *static_cast<Question*>(data);
    if (status != ARES_SUCCESS) return;
    for (const auto* node = info->nodes; node != nullptr; node = node->ai_next) {
      FamilyAnswer& family = node->ai_family == AF_INET6 ? self.answer_.ipv6 : self.answer_.ipv4;
      family.addresses.push_back(Address::from_socket(node->ai_addr, node->ai_addrlen));
      family.addresses.back().set_port(0);
      self.is_in_hosts_ = true;
    }
    ::ares_freeaddrinfo(info);
    for (FamilyAnswer* family : {&self.answer_.ipv4, &self.answer_.ipv6}) {
      family->kind = family->addresses.empty() ? FamilyAnswer::Kind::none : FamilyAnswer::Kind::addresses;
    }
  }
  static void on_ipv4(void* data, int status, int, struct ares_addrinfo* info) {
    static_cast<Question*>(data)->on_dns(status, info, AF_INET);
  }
  static void on_ipv6(void* data, int status, int, struct ares_addrinfo* info) {
    static_cast<Question*>(data)->on_dns(status, info, AF_INET6);
  }
  void on_dns(int status, struct ares_addrinfo* info, int family) {
    Found found = read_answer(status, info, family);
    --open_;
    --channel_->open;
    if (status == ARES_EDESTRUCTION) return;
    if (!done_) return give_answer_after(Milliseconds(0));
    (family == AF_INET ? answer_.ipv4 : answer_.ipv6) = std::move(found.answer);
    if (found.ttl) answer_.ttl = answer_.ttl ? std::min(*answer_.ttl, *found.ttl) : found.ttl;
    const bool is_half = open_ == 1;
    const bool is_found =
        answer_.ipv4.kind == FamilyAnswer::Kind::addresses || answer_.ipv6.kind == FamilyAnswer::Kind::addresses;
    if (!is_half) return give_answer_after(Milliseconds(0));
    // Until it comes, nothing is known of the other family.
    (family == AF_INET ? answer_.ipv6 : answer_.ipv4).error = "no answer in time";
    if (is_found) give_answer_after(client_.options_.patience);
  }
  // From the loop, never from within ask() or c-ares.
  void give_answer_after(Milliseconds delay) {
    const timeval wait = to_timeval(delay);
    evtimer_add(timer_, &wait);
  }
  static void on_time(evutil_socket_t, short, void* data) {
    auto& self = *static_cast<Question*>(data);
    DnsClient& client = self.client_;
    const Done done = std::exchange(self.done_, nullptr);
    NameAnswer& answer = self.answer_;
    if (done) {
      answer.ipv6_first = !answer.ipv6.addresses.empty() && has_route(answer.ipv6.addresses.front());
      const NameAnswer given = std::move(answer);
      client.retire();
      done(given);
    } else {
      client.retire();
    }
  }

  DnsClient& client_;
  Done done_;
  struct event* timer_ = nullptr;
  Channel* channel_ = nullptr;
  NameAnswer answer_;
  bool is_in_hosts_ = false;
  int open_ = 0;
};

DnsClient::DnsClient(struct event_base* base, Options options) : base_(base), options_(std::move(options)) {
  if (const int status = ::ares_library_init(ARES_LIB_INIT_ALL); status != ARES_SUCCESS) {
    error_ = ::ares_strerror(status);
  }
}

DnsClient::~DnsClient() {
  channels_.clear();
  questions_.clear();
  ::ares_library_cleanup();
}

DnsClient::FileState DnsClient::system_file_now() const {
  struct stat found {};
  if (::stat(options_.system_file, &found) != 0) return {};
  return {found.st_mtim.tv_sec, found.st_mtim.tv_nsec, found.st_ino};
}

DnsClient::Channel* DnsClient::channel() {
  const FileState now = system_file_now();
  if (!channels_.empty() && now == system_file_) return channels_.back().get();
  auto made = std::make_unique<Channel>(base_, options_);
  if (made->status() != ARES_SUCCESS) {
    error_ = ::ares_strerror(made->status());
    return nullptr;
  }
  system_file_ = now;
  channels_.push_back(std::move(made));
  return channels_.back().get();
}

void DnsClient::retire() {
  std::erase_if(questions_, [](const std::unique_ptr<Question>& question) { return question->is_over(); });
  const Channel* const present = channels_.empty() ? nullptr : channels_.back().get();
  std::erase_if(channels_, [present](const std::unique_ptr<Channel>& channel) {
    return channel->open == 0 && channel.get() != present;
  });
}

void DnsClient::ask(const std::string& host, Done done) {
  questions_.push_back(std::make_unique<Question>(*this, std::move(done)));
  Question& question = *questions_.back();
  if (Channel* const present = channel(); present != nullptr) {
    question.start(*present, host);
  } else {
    question.fail(error_);
  }
}

}  // namespace halfdoor

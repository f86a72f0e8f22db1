// ScriptedHost: a host on loopback or a Unix socket that treats every connection as a test tells it.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/address.h"
#include "base/unique_fd.h"
#include "event/listen.h"

namespace halfdoor {

// One connection at a time, in a thread of its own: reads the head of a request, then runs the script.
class ScriptedHost {
 public:
  class Connection {
   public:
    Connection(int fd, const std::atomic<bool>& is_over) : fd_(fd), is_over_(is_over) {}
    void send(std::string_view text) const {
      [[maybe_unused]] const ssize_t sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
    }
    // A byte every `pause`, for as long as the other side takes them.
    void drip(std::string_view text, std::chrono::milliseconds pause) const {
      for (const char& c : text) {
        if (is_over_ || ::send(fd_, &c, 1, MSG_NOSIGNAL) != 1) return;
        std::this_thread::sleep_for(pause);
      }
    }
    void reset() const {
      const struct linger at_once { 1, 0 };
      ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    }
    void wait_until_closed() const {
      char byte;
      while (!is_over_ && ::recv(fd_, &byte, 1, 0) > 0) continue;
    }

   private:
    int fd_;
    const std::atomic<bool>& is_over_;
  };
  using Script = std::function<void(const Connection&)>;

  explicit ScriptedHost(Script script, const std::string& at = "127.0.0.1:0")
      : script_(std::move(script)), listening_(listen_on(*Address::parse(at), false).value()) {
    const Address bound = *local_address(listening_.get());
    address = bound.is_unix() ? *Address::parse(at) : bound;
    ::fcntl(listening_.get(), F_SETFL, ::fcntl(listening_.get(), F_GETFL) & ~O_NONBLOCK);
    thread_ = std::thread([this] { serve(); });
  }
  // Answers every request with `response` and closes.
  explicit ScriptedHost(std::string response, const std::string& at = "127.0.0.1:0")
      : ScriptedHost(Script([response = std::move(response)](const Connection& c) { c.send(response); }), at) {}
  ~ScriptedHost() {
    is_over_ = true;
    ::shutdown(listening_.get(), SHUT_RDWR);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (current_ >= 0) ::shutdown(current_, SHUT_RDWR);
    }
    thread_.join();
  }
  ScriptedHost(const ScriptedHost&) = delete;
  ScriptedHost& operator=(const ScriptedHost&) = delete;

  // The heads that came, one per connection.
  std::vector<std::string> requests() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return requests_;
  }

  Address address;

 private:
  void serve() {
    while (!is_over_) {
      const UniqueFd client(::accept(listening_.get(), nullptr, nullptr));
      if (!client) continue;
      set_current(client.get());
      std::string head;
      char byte;
      while (!head.ends_with("\r\n\r\n") && ::recv(client.get(), &byte, 1, 0) == 1) head += byte;
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        requests_.push_back(head);
      }
      if (!is_over_) script_(Connection(client.get(), is_over_));
      set_current(-1);
    }
  }
  void set_current(int fd) {
    const std::lock_guard<std::mutex> lock(mutex_);
    current_ = fd;
    if (is_over_ && fd >= 0) ::shutdown(fd, SHUT_RDWR);
  }

  Script script_;
  UniqueFd listening_;
  std::atomic<bool> is_over_{false};
  mutable std::mutex mutex_;
  int current_ = -1;
  std::vector<std::string> requests_;
  std::thread thread_;
};

}  // namespace halfdoor

// DnsClient: asks for the addresses of names on the control thread's loop: /etc/hosts first, then DNS, by c-ares.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/text.h"
#include "control/name_answer.h"

struct event;
struct event_base;

namespace halfdoor {

// Search rules and name servers are the system's (/etc/resolv.conf, read again whenever it has changed). A truncated
// answer is asked for again over TCP. Control thread; blocks for nothing but those local files.
class DnsClient final : public NameSource {
 public:
  struct Options {
    std::vector<Address> servers;  // in place of the system's
    // For the first try with each server; the second and last has twice as long.
    Milliseconds timeout{1'000};
    // For the other family, once one has been found: some servers never answer for IPv6.
    Milliseconds patience{300};
    const char* system_file = "/etc/resolv.conf";  // whose changes are noticed
  };

  DnsClient(struct event_base* base, Options options);
  // Nobody is called any more.
  ~DnsClient() override;
  DnsClient(const DnsClient&) = delete;
  DnsClient& operator=(const DnsClient&) = delete;

  void ask(const std::string& host, Done done) override;

 private:
  class Channel;
  class Question;
  struct FileState {
    int64_t seconds = -1, nanoseconds = -1;
    uint64_t inode = 0;
    bool operator==(const FileState&) const = default;
  };

  // The one for new questions; null: c-ares cannot be had, `error_` says why.
  Channel* channel();
  FileState system_file_now() const;
  void retire();

  struct event_base* base_;
  const Options options_;
  FileState system_file_;
  std::string error_;
  std::vector<std::unique_ptr<Channel>> channels_;  // the last is the present one, the others have questions out
  std::vector<std::unique_ptr<Question>> questions_;
};

}  // namespace halfdoor

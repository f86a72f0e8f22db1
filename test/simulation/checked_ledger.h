// CheckedLedger: a WriteLedger in memory that holds its user to the protocol and remembers what was said.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "exchange/write_ledger.h"

namespace halfdoor {

class CheckedLedger final : public WriteLedger {
 public:
  struct Entry {
    std::string method;
    std::string path;
    std::string request_id;
    std::string client;
    uint64_t epoch = 0;
    Side side = Side::primary;
    std::string server;
  };
  struct Uncertain {
    Entry entry;
    uint64_t bytes_sent = 0;
    std::string why;
  };

  size_t slots = 1000;
  std::function<void(const WriteIdentity&)> on_begin;

  std::map<Ticket, Entry> open;
  std::vector<Entry> begun;
  std::vector<Uncertain> uncertain;
  size_t cleared = 0;
  // What the protocol forbids: a ticket that is not open, an uncertain write of which no byte was sent.
  std::vector<std::string> violations;

  std::optional<Ticket> begin(const WriteIdentity& identity) override {
    if (on_begin) on_begin(identity);
    if (open.size() >= slots) return std::nullopt;
    Entry entry{std::string(identity.method),
                std::string(identity.path),
                std::string(identity.request_id),
                std::string(identity.client),
                identity.epoch,
                identity.side,
                std::string(identity.server)};
    begun.push_back(entry);
    open[next_] = entry;
    return next_++;
  }
  void clear(Ticket ticket) override {
    if (open.erase(ticket) == 0) violations.push_back("cleared a ticket that is not open");
    ++cleared;
  }
  void mark_uncertain(Ticket ticket, uint64_t bytes_sent, std::string_view why) override {
    const auto found = open.find(ticket);
    if (found == open.end()) return violations.push_back("an uncertain ticket that is not open");
    if (bytes_sent == 0) violations.push_back("an uncertain write of which nothing was sent");
    if (why.empty()) violations.push_back("an uncertain write without a reason");
    uncertain.push_back({found->second, bytes_sent, std::string(why)});
    open.erase(found);
  }

 private:
  Ticket next_ = 1;
};

}  // namespace halfdoor

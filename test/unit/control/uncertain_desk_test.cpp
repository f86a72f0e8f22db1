#include <catch2/catch.hpp>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <mutex>
#include <set>
#include <string>

#include "control/inflight_ledger.h"
#include "failover/helper_thread.h"
#include "folder.h"

namespace halfdoor {

namespace {

// Calls posted to the control thread, run by the test.
class Posted {
 public:
  void post(std::function<void()> call) {
    const std::lock_guard<std::mutex> lock(mutex_);
    calls_.push_back(std::move(call));
    changed_.notify_all();
  }
  // False: none came in 10 s.
  bool run_one() {
    std::unique_lock<std::mutex> lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(10), [this] { return !calls_.empty(); })) return false;
    const auto call = std::move(calls_.front());
    calls_.pop_front();
    lock.unlock();
    call();
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> calls_;
};

}  // namespace

TEST_CASE("the_slot_of_an_uncertain_write_is_free_again_only_when_the_list_has_it") {
  const Folder folder;
  Posted posted;
  HelperThread helper("files");
  const auto list = UncertainList::open(folder.path, helper).value();
  UncertainDesk desk(*list,
                     {[&](std::function<void()> call) { posted.post(std::move(call)); }, [] { return SteadyTime{}; }});
  const auto file = *InflightFile::open(inflight_path(folder.path, 0), 1);
  std::optional<std::pair<InflightFile::Ticket, UncertainWrite>> told;
  InflightLedger ledger(file, [&](InflightFile::Ticket ticket, UncertainWrite write) { told.emplace(ticket, write); });

  WriteIdentity identity;
  identity.wall_ms = 1'795'000'000'000;
  identity.request_id = "r1";
  identity.service = "salon";
  identity.epoch = 7;
  identity.method = "POST";
  identity.path = "/bookings";
  identity.client = "192.0.2.1";
  identity.side = Side::backup;
  identity.server = "10.9.0.10:8080";
  const auto ticket = ledger.begin(identity);
  REQUIRE(ticket);
  CHECK_FALSE(ledger.begin(identity));
  ledger.mark_uncertain(*ticket, 120, "reset by the server");
  REQUIRE(told);
  desk.take(file, told->first, told->second);
  CHECK_FALSE(ledger.begin(identity));
  REQUIRE(posted.run_one());
  CHECK(ledger.begin(identity));

  const std::vector<UncertainWrite> listed = list->newest("salon", 10);
  REQUIRE(listed.size() == 1);
  CHECK(listed[0].request_id == "r1");
  CHECK(listed[0].epoch == 7);
  CHECK(listed[0].method == "POST");
  CHECK(listed[0].path == "/bookings");
  CHECK(listed[0].client == "192.0.2.1");
  CHECK(listed[0].side == Side::backup);
  CHECK(listed[0].server == "10.9.0.10:8080");
  CHECK(listed[0].bytes_sent == 120);
  CHECK(listed[0].why == "reset by the server");
}

TEST_CASE("what_the_disk_did_not_take_is_listed_later_and_holds_its_slot_until_then") {
  const Folder folder;
  Posted posted;
  HelperThread helper("files");
  const std::string path = folder.path + "/uncertain.jsonl";
  const auto list = UncertainList::open(folder.path, helper, 1).value();
  SteadyTime now{};
  UncertainDesk desk(*list, {[&](std::function<void()> call) { posted.post(std::move(call)); }, [&] { return now; }});
  const auto file = *InflightFile::open(inflight_path(folder.path, 0), 3);
  InflightLedger ledger(file,
                        [&](InflightFile::Ticket ticket, UncertainWrite write) { desk.take(file, ticket, write); });
  const auto become_uncertain = [&](const char* id) {
    WriteIdentity identity;
    identity.request_id = id;
    identity.service = "salon";
    ledger.mark_uncertain(ledger.begin(identity).value(), 1, "reset by the server");
  };
  become_uncertain("r1");
  REQUIRE(posted.run_one());
  CHECK(file->in_use() == 0);
  // The next line needs a new file, and a folder stands where the old one has to go.
  std::filesystem::create_directories(path + ".1/in the way");
  become_uncertain("r2");
  REQUIRE(posted.run_one());
  become_uncertain("r3");
  CHECK(file->in_use() == 2);
  REQUIRE(desk.next_deadline() == now + std::chrono::seconds(1));
  std::filesystem::remove_all(path + ".1");
  desk.on_time();
  CHECK(file->in_use() == 2);
  now += std::chrono::seconds(1);
  desk.on_time();
  CHECK_FALSE(desk.next_deadline());
  REQUIRE(posted.run_one());
  CHECK(file->in_use() == 0);
  std::set<std::string> found;
  for (const std::string& part : {path, path + ".1"}) {
    read_lines(part, 0, [&](std::string_view line) {
      for (const char* id : {"r1", "r2", "r3"}) {
        if (line.find(id) != std::string_view::npos) found.insert(id);
      }
      return true;
    });
  }
  CHECK(found == std::set<std::string>{"r1", "r2", "r3"});
}

}  // namespace halfdoor

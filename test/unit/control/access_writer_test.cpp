// The thread that writes the access log, with workers that never wait for it.
#include "control/access_writer.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <thread>

#include "base/unique_fd.h"
#include "event/loop.h"
#include "folder.h"

namespace halfdoor {

namespace {

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

bool eventually(const std::function<bool()>& condition) {
  const int64_t until_ms = monotonic_ms() + 20'000;
  while (!condition()) {
    if (monotonic_ms() > until_ms) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

// Writes numbered lines as a worker does, each in a turn of its own.
class Writing {
 public:
  explicit Writing(std::unique_ptr<AccessLog> log, std::string name, size_t target_bytes = 10)
      : log_(std::move(log)), name_(std::move(name)), filler_(target_bytes, 'x') {}

  void write(size_t count) {
    RequestHead request;
    request.method = "GET";
    AccessRecord record;
    record.client = "192.0.2.1";
    record.request = &request;
    for (size_t i = 0; i < count; ++i) {
      const std::string target = "/" + name_ + "/" + std::to_string(written_++) + "/" + filler_;
      request.target = target;
      log_->write(record);
      log_->end_turn(monotonic_ms());
    }
  }
  // So that all of it is handed over.
  void pass_time() { log_->end_turn(monotonic_ms() + 1'000'000); }
  void end() { log_.reset(); }
  size_t written() const { return written_; }

 private:
  std::unique_ptr<AccessLog> log_;
  std::string name_;
  std::string filler_;
  size_t written_ = 0;
};

// How often each target of `name` stands in whole lines; a line that is not whole counts as "".
std::map<std::string, int> count_targets(const std::vector<std::string>& lines) {
  std::map<std::string, int> counts;
  for (const std::string& line : lines) {
    const bool is_whole = line.starts_with("192.0.2.1 - - [") && line.ends_with("why=\"-\"");
    const size_t begin = line.find("\"GET ");
    ++counts[is_whole && begin != std::string::npos ? line.substr(begin + 5, line.find('x', begin) - begin - 5) : ""];
  }
  return counts;
}

bool are_whole_and_single(const std::map<std::string, int>& counts) {
  return counts.count("") == 0 &&
         std::all_of(counts.begin(), counts.end(), [](const auto& entry) { return entry.second == 1; });
}

}  // namespace

TEST_CASE("what several workers wrote is in the file when the writer has stopped") {
  Folder folder;
  const std::string path = folder.path + "/logs/access.log";
  AccessWriter writer(path, AccessFormat::combined, 3);
  std::vector<std::thread> workers;
  for (int i = 0; i < 3; ++i) {
    workers.emplace_back([log = writer.make_log(i), i]() mutable {
      Writing worker(std::move(log), std::to_string(i));
      worker.write(2'000);
    });
  }
  for (std::thread& worker : workers) worker.join();
  CHECK(writer.stop(Milliseconds(20'000)));
  const auto counts = count_targets(lines_of(path));
  CHECK(are_whole_and_single(counts));
  CHECK(counts.size() + writer.dropped() == 6'000);
  CHECK(counts.size() == writer.written());
  CHECK(writer.dropped() == 0);
}

TEST_CASE("lines are in the file soon, without a stop") {
  Folder folder;
  AccessWriter writer(folder.path + "/access.log", AccessFormat::json, 1);
  Writing worker(writer.make_log(0), "w");
  worker.write(1);
  worker.pass_time();
  CHECK(eventually([&] { return writer.written() == 1; }));
  CHECK(lines_of(folder.path + "/access.log").size() == 1);
}

TEST_CASE("rotations in the middle of it lose no line and double none") {
  Folder folder;
  const std::string path = folder.path + "/access.log";
  AccessWriter writer(path, AccessFormat::combined, 2);
  std::atomic<bool> is_over{false};
  std::vector<size_t> written(2);
  std::vector<std::thread> workers;
  for (int i = 0; i < 2; ++i) {
    workers.emplace_back([&, log = writer.make_log(i), i]() mutable {
      Writing worker(std::move(log), std::to_string(i));
      while (!is_over) {
        worker.write(20);
        std::this_thread::yield();
      }
      written[static_cast<size_t>(i)] = worker.written();
    });
  }
  int rotated = 0;
  for (; rotated < 20; ++rotated) {
    const uint64_t before = writer.written();
    REQUIRE(eventually([&] { return writer.written() > before && std::filesystem::exists(path); }));
    std::filesystem::rename(path, path + "." + std::to_string(rotated));
    writer.reopen();
    REQUIRE(eventually([&] { return std::filesystem::exists(path); }));
  }
  is_over = true;
  for (std::thread& worker : workers) worker.join();
  CHECK(writer.stop(Milliseconds(20'000)));
  std::vector<std::string> lines = lines_of(path);
  for (int i = 0; i < rotated; ++i) {
    const auto more = lines_of(path + "." + std::to_string(i));
    lines.insert(lines.end(), more.begin(), more.end());
  }
  const auto counts = count_targets(lines);
  CHECK(are_whole_and_single(counts));
  CHECK(counts.size() + writer.dropped() == written[0] + written[1]);
}

TEST_CASE("without a log lines are dropped and counted, until it can be opened") {
  Folder folder;
  std::ofstream(folder.path + "/logs") << "in the way";
  AccessWriter writer(folder.path + "/logs/access.log", AccessFormat::combined, 1);
  Writing worker(writer.make_log(0), "w");
  worker.write(7);
  worker.pass_time();
  CHECK(eventually([&] { return writer.dropped() == 7; }));
  std::filesystem::remove(folder.path + "/logs");
  // By itself, after a while; nobody has asked for it.
  CHECK(eventually([&] { return std::filesystem::exists(folder.path + "/logs/access.log"); }));
  worker.write(3);
  worker.end();
  CHECK(writer.stop(Milliseconds(20'000)));
  CHECK(lines_of(folder.path + "/logs/access.log").size() == 3);
  CHECK(writer.written() == 3);
  CHECK(writer.dropped() == 7);
}

TEST_CASE("a pipe that nobody reads stops no worker, and what its reader gets later are whole lines") {
  std::signal(SIGPIPE, SIG_IGN);
  Folder folder;
  const std::string path = folder.path + "/pipe";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const UniqueFd reader(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  AccessWriter writer(path, AccessFormat::combined, 1);
  Writing worker(writer.make_log(0), "w", 5'000);
  // Many times what pipe and buffers hold.
  worker.write(4'000);
  CHECK(writer.dropped() > 1'000);
  std::string text;
  const auto read_some = [&] {
    std::vector<char> bytes(1 << 16);
    const ssize_t count = ::read(reader.get(), bytes.data(), bytes.size());
    if (count > 0) text.append(bytes.data(), static_cast<size_t>(count));
  };
  worker.end();
  REQUIRE(eventually([&] {
    read_some();
    return writer.written() + writer.dropped() == 4'000;
  }));
  CHECK(writer.stop(Milliseconds(20'000)));
  read_some();
  std::ofstream(folder.path + "/copy") << text;
  const auto counts = count_targets(lines_of(folder.path + "/copy"));
  CHECK(are_whole_and_single(counts));
  CHECK(counts.size() == writer.written());
}

TEST_CASE("a stop waits for a pipe that nobody reads only a moment, and counts what it gave up") {
  std::signal(SIGPIPE, SIG_IGN);
  Folder folder;
  const std::string path = folder.path + "/pipe";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const UniqueFd reader(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  AccessWriter writer(path, AccessFormat::combined, 1);
  Writing worker(writer.make_log(0), "w", 5'000);
  worker.write(1'000);
  worker.end();
  CHECK(writer.stop(Milliseconds(20'000)));
  CHECK(writer.dropped() > 500);
  CHECK(writer.written() > 0);
  CHECK(writer.written() + writer.dropped() == 1'000);
}

}  // namespace halfdoor

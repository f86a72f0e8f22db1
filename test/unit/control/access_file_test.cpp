// Where the access log goes: created as asked for, whole lines whatever the disk does, reopened without a loss.
#include "control/access_file.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "folder.h"

namespace halfdoor {

namespace {

std::string file_in(const Folder& folder, const std::string& name = "access.log") { return folder.path + "/" + name; }

std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

mode_t mode_of(const std::string& path) {
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  return info.st_mode & 07777;
}

// Files of this process may not grow beyond this: writes come short there, as on a full disk.
struct FullDisk {
  rlimit before{};
  explicit FullDisk(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before);
    const rlimit limit{bytes, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() { heal(); }
  void heal() { ::setrlimit(RLIMIT_FSIZE, &before); }
};

// A pipe with a name, and its reader.
struct Pipe {
  std::string path;
  UniqueFd reader;
  explicit Pipe(const Folder& folder) : path(file_in(folder, "pipe")) { REQUIRE(::mkfifo(path.c_str(), 0600) == 0); }
  void open_reader() {
    reader = UniqueFd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    REQUIRE(reader);
  }
  std::string read_all() {
    std::string text;
    char bytes[4096];
    for (ssize_t n = 0; (n = ::read(reader.get(), bytes, sizeof(bytes))) > 0;)
      text.append(bytes, static_cast<size_t>(n));
    return text;
  }
};

}  // namespace

TEST_CASE("the log and its folders are created for their owner and the group") {
  const mode_t before = ::umask(022);
  Folder folder;
  AccessFile file(file_in(folder, "a/b/access.log"));
  CHECK_FALSE(file.is_open());
  REQUIRE(file.open().ok());
  size_t from = 0;
  REQUIRE(file.write("one\ntwo\n", from).ok());
  CHECK(from == 8);
  CHECK(contents(file.path()) == "one\ntwo\n");
  CHECK(mode_of(file.path()) == 0640);
  CHECK(mode_of(file_in(folder, "a")) == 0755);
  CHECK(mode_of(file_in(folder, "a/b")) == 0755);
  ::umask(before);
}

TEST_CASE("a log that is there already is written on; half a line at its end stays a line of its own") {
  Folder folder;
  const auto [there, expected] = GENERATE(
      table<std::string, std::string>({{"", "new\n"}, {"old\n", "old\nnew\n"}, {"old\nhalf", "old\nhalf\nnew\n"}}));
  std::ofstream(file_in(folder)) << there;
  AccessFile file(file_in(folder));
  REQUIRE(file.open().ok());
  size_t from = 0;
  REQUIRE(file.write("new\n", from).ok());
  CHECK(contents(file.path()) == expected);
}

TEST_CASE("what cannot be opened is an error that names it") {
  Folder folder;
  std::ofstream(file_in(folder, "file")) << "x";
  for (const std::string& path : {folder.path, file_in(folder, "file/access.log")}) {
    AccessFile file(path);
    const Status opened = file.open();
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.error().message.find(folder.path) != std::string::npos);
    CHECK_FALSE(file.is_open());
  }
}

TEST_CASE("a line that did not fit on the disk is completed when there is room, with nothing between its halves") {
  Folder folder;
  AccessFile file(file_in(folder));
  REQUIRE(file.open().ok());
  size_t from = 0;
  const std::string lines = "first line\nsecond line\nthird line\n";
  {
    FullDisk disk(16);
    const Status written = file.write(lines, from);
    REQUIRE_FALSE(written.ok());
    CHECK(from == 16);
    CHECK_FALSE(file.write(lines, from).ok());
    CHECK(from == 16);
  }
  REQUIRE(file.write(lines, from).ok());
  CHECK(from == lines.size());
  CHECK(contents(file.path()) == lines);
}

TEST_CASE("half a line is taken back when the rest will not come") {
  Folder folder;
  AccessFile file(file_in(folder));
  REQUIRE(file.open().ok());
  size_t from = 0;
  const std::string lines = "first line\nsecond line\nthird line\n";
  const size_t room = GENERATE(0U, 5U, 11U, 16U, 24U);
  FullDisk disk(room);
  REQUIRE_FALSE(file.write(lines, from).ok());
  file.give_up(lines, from);
  const std::string whole = lines.substr(0, room < 11 ? 0 : room < 23 ? 11 : 23);
  CHECK(contents(file.path()) == whole);
  CHECK(from == whole.size());
}

TEST_CASE("after a rotation the next line goes to the new file, and a line that was half written goes there whole") {
  Folder folder;
  AccessFile file(file_in(folder));
  REQUIRE(file.open().ok());
  const std::string lines = "first line\nsecond line\nthird line\n";
  size_t from = 0;
  {
    FullDisk disk(16);
    REQUIRE_FALSE(file.write(lines, from).ok());
  }
  std::filesystem::rename(file_in(folder), file_in(folder, "access.log.1"));
  REQUIRE(file.open_again(lines, from).ok());
  REQUIRE(file.write(lines, from).ok());
  CHECK(contents(file_in(folder, "access.log.1")) == "first line\n");
  CHECK(contents(file_in(folder)) == "second line\nthird line\n");
}

TEST_CASE("reopening what has not moved changes nothing, not even a line that is half written") {
  Folder folder;
  AccessFile file(file_in(folder));
  REQUIRE(file.open().ok());
  const std::string lines = "first line\nsecond line\n";
  size_t from = 0;
  {
    FullDisk disk(16);
    REQUIRE_FALSE(file.write(lines, from).ok());
  }
  REQUIRE(file.open_again(lines, from).ok());
  CHECK(from == 16);
  REQUIRE(file.write(lines, from).ok());
  CHECK(contents(file_in(folder)) == lines);
}

TEST_CASE("where the new file cannot be opened the old one is written on") {
  Folder folder;
  std::filesystem::create_directory(file_in(folder, "logs"));
  AccessFile file(file_in(folder, "logs/access.log"));
  REQUIRE(file.open().ok());
  std::filesystem::rename(file_in(folder, "logs"), file_in(folder, "moved"));
  std::ofstream(file_in(folder, "logs")) << "in the way";
  size_t from = 0;
  REQUIRE_FALSE(file.open_again("", from).ok());
  CHECK(file.is_open());
  REQUIRE(file.write("line\n", from).ok());
  CHECK(contents(file_in(folder, "moved/access.log")) == "line\n");
}

TEST_CASE("a pipe that nobody reads is an error, not a hang, and works once somebody does") {
  Folder folder;
  Pipe pipe(folder);
  AccessFile file(pipe.path);
  const Status opened = file.open();
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.error().message.find("nobody reads") != std::string::npos);
  pipe.open_reader();
  REQUIRE(file.open().ok());
  size_t from = 0;
  REQUIRE(file.write("line\n", from).ok());
  CHECK(pipe.read_all() == "line\n");
}

TEST_CASE("a pipe whose reader lags takes what it can, and the rest later, in whole lines") {
  Folder folder;
  Pipe pipe(folder);
  pipe.open_reader();
  AccessFile file(pipe.path);
  REQUIRE(file.open().ok());
  std::string lines;
  while (lines.size() < (1 << 20)) lines += "line " + std::to_string(lines.size()) + "\n";
  size_t from = 0;
  std::string got;
  while (from < lines.size()) {
    const size_t before = from;
    REQUIRE(file.write(lines, from).ok());
    REQUIRE(from > before);
    size_t same = from;
    REQUIRE(file.open_again(lines, same).ok());
    REQUIRE(same == from);
    got += pipe.read_all();
  }
  CHECK(got == lines);
}

TEST_CASE("a pipe whose reader has gone is closed, and the line it did not get whole begins anew") {
  Folder folder;
  Pipe pipe(folder);
  pipe.open_reader();
  AccessFile file(pipe.path);
  REQUIRE(file.open().ok());
  std::signal(SIGPIPE, SIG_IGN);
  std::string lines;
  while (lines.size() < (1 << 18)) lines += "line " + std::to_string(lines.size()) + "\n";
  size_t from = 0;
  REQUIRE(file.write(lines, from).ok());
  REQUIRE(from < lines.size());
  pipe.reader.reset();
  REQUIRE_FALSE(file.write(lines, from).ok());
  CHECK_FALSE(file.is_open());
  CHECK((from == 0 || lines[from - 1] == '\n'));
  pipe.open_reader();
  REQUIRE(file.open_again(lines, from).ok());
  REQUIRE(file.write(lines, from).ok());
  CHECK(pipe.read_all().starts_with("line "));
}

}  // namespace halfdoor

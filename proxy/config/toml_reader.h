// TableReader: typed access to one table of the configuration. What is wrong is collected with its line; a key that
// nobody asked for is unknown.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "config/toml_tree.h"

namespace halfdoor {

// Problems and warnings of one file. One thread; outlives its readers.
class Findings {
 public:
  explicit Findings(std::string file) : file_(std::move(file)) {}

  void problem(int line, std::string_view what) { problems_.push_back({line, std::string(what)}); }
  void warning(int line, std::string_view what) { warnings_.push_back({line, std::string(what)}); }

  // A key that a reader asked for; a key that no reader of its table asked for.
  void know(const std::string& table, std::string_view key);
  void unknown(const std::string& table, const TomlEntry& entry) {
    unknown_.push_back({table, entry.name, entry.line, entry.value.kind == TomlNode::Kind::table});
  }
  // Turns the unknown keys into problems, once everything has been read.
  void judge_unknown();

  // "FILE:LINE: what", in the order of lines.
  std::vector<std::string> problems() const { return in_order(problems_); }
  std::vector<std::string> warnings() const { return in_order(warnings_); }
  // Every key asked for, as "service.failover.drain", in the order of the questions.
  std::vector<std::string> known() const;

 private:
  struct Finding {
    int line;
    std::string what;
  };
  struct Unknown {
    std::string table;
    std::string key;
    int line;
    bool is_table;
  };

  std::vector<std::string> in_order(std::vector<Finding> findings) const;
  std::string advice_for(const Unknown& key) const;

  std::string file_;
  std::vector<Finding> problems_;
  std::vector<Finding> warnings_;
  std::vector<Unknown> unknown_;
  std::vector<std::pair<std::string, std::vector<std::string>>> known_;  // keys by table
};

// Where a value stands, or would stand. True if the file has it and its type and range are right.
class Place {
 public:
  enum class Found : uint8_t { absent, wrong, good };

  Place(Findings& findings, std::string key, int line, Found found)
      : findings_(&findings), key_(std::move(key)), line_(line), found_(found) {}

  explicit operator bool() const { return found_ == Found::good; }
  bool is_absent() const { return found_ == Found::absent; }
  bool is_wrong() const { return found_ == Found::wrong; }
  int line() const { return line_; }
  const std::string& key() const { return key_; }  // in full: "service.failover.drain"

  void problem(std::string_view what) const { findings_->problem(line_, key_ + " " + std::string(what)); }
  void warning(std::string_view what) const { findings_->warning(line_, key_ + " " + std::string(what)); }
  // For keys that have no default.
  void required(std::string_view example) const {
    if (is_absent()) problem("is missing; write it, as in " + std::string(example));
  }
  // For keys whose meaning this version does not have: harmless, but the operator must not count on it.
  void no_effect_yet() const {
    if (*this) warning("has no effect in this version yet");
  }
  // For keys that nobody must believe to be in force.
  void not_in_this_version(std::string_view instead) const {
    if (*this) problem("is not in this version yet; " + std::string(instead));
  }

 private:
  Findings* findings_;
  std::string key_;
  int line_;
  Found found_;
};

// One table. Every getter leaves `into` alone where the key is absent or wrong; a wrong value is a problem.
class TableReader {
 public:
  // `table` null: absent, or wrong and already reported; then `line` is that of its parent.
  TableReader(const TomlNode* table, std::string name, int line, Findings& findings, bool is_wrong = false)
      : table_(table), name_(std::move(name)), line_(line), is_wrong_(is_wrong), findings_(findings) {}
  TableReader(const TableReader&) = delete;
  TableReader& operator=(const TableReader&) = delete;
  // Reports the keys that nobody asked for.
  ~TableReader();

  bool is_present() const { return table_ != nullptr; }
  int line() const { return line_; }
  Findings& findings() const { return findings_; }
  // The table as such.
  Place place() const { return {findings_, name_, line_, Place::Found::good}; }

  TableReader table(std::string_view key);
  // Calls `read` for each table of [[key]], as long as there are no more than `most`; returns how many the file has.
  size_t tables(std::string_view key, size_t most, const std::function<void(TableReader&)>& read);

  Place flag(std::string_view key, bool& into);
  Place duration(std::string_view key, Milliseconds least, Milliseconds most, Milliseconds& into);
  Place size(std::string_view key, uint64_t least, uint64_t most, uint64_t& into);
  // Not empty, no control characters.
  Place text(std::string_view key, std::string& into);
  // One of `names`, which are the values 0, 1, 2 ... of the enumeration.
  template <class Enum>
  Place choice(std::string_view key, std::initializer_list<std::string_view> names, Enum& into) {
    size_t index = 0;
    Place place = choose(key, names, index);
    if (place) into = static_cast<Enum>(index);
    return place;
  }
  template <std::integral Integer>
  Place number(std::string_view key, Integer least, Integer most, Integer& into) {
    int64_t value = 0;
    Place place = integer(key, static_cast<int64_t>(least), static_cast<int64_t>(most), value);
    if (place) into = static_cast<Integer>(value);
    return place;
  }
  // Calls `each` for every entry that is a text, not empty, without control characters; more than `most` entries are a
  // problem, told once.
  Place texts(std::string_view key, size_t most, const std::function<void(const std::string&, const Place&)>& each);
  Place numbers(std::string_view key, int least, int most, std::vector<int>& into);
  // Any value; for keys that are refused whatever they say.
  Place anything(std::string_view key);

 private:
  const TomlEntry* ask(std::string_view key);
  std::string full(std::string_view key) const;
  Place absent(std::string_view key) const {
    return {findings_, full(key), line_, is_wrong_ ? Place::Found::wrong : Place::Found::absent};
  }
  Place wrong(const TomlEntry& entry, std::string_view what) const;
  Place found(const TomlEntry& entry) const { return {findings_, full(entry.name), entry.line, Place::Found::good}; }
  Place choose(std::string_view key, std::initializer_list<std::string_view> names, size_t& index);
  Place integer(std::string_view key, int64_t least, int64_t most, int64_t& into);

  const TomlNode* table_;
  std::string name_;
  int line_;
  bool is_wrong_;
  Findings& findings_;
  std::vector<std::string> asked_;
};

}  // namespace halfdoor

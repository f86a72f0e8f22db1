#include "config/toml_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "config/nearest.h"

namespace halfdoor {

namespace {

using Kind = TomlNode::Kind;

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

// What is quoted from the file may contain anything; a finding is one line, and harmless on a terminal.
std::string on_one_line(std::string_view what) {
  std::string line;
  for (char c : what) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      line += fmt::format("\\x{:02x}", byte);
    } else {
      line += c;
    }
  }
  return line;
}

// What is wrong with a text as such; empty: nothing.
std::string_view text_problem(const TomlNode& node) {
  if (node.kind != Kind::text) return "needs a text in quotes";
  if (node.text.empty()) return "is empty; write a value, or leave the key out";
  if (has_control_character(node.text)) return "contains a control character; write it without";
  return {};
}

std::string full_key(std::string_view table, std::string_view key) {
  return table.empty() ? std::string(key) : fmt::format("{}.{}", table, key);
}

// As the operator writes it.
std::string header(const std::string& table) {
  return table == "listen" || table == "service" ? fmt::format("[[{}]]", table) : fmt::format("[{}]", table);
}

}  // namespace

void Findings::know(const std::string& table, std::string_view key) {
  auto at = std::find_if(known_.begin(), known_.end(), [&](const auto& entry) { return entry.first == table; });
  if (at == known_.end()) at = known_.insert(known_.end(), {table, {}});
  if (std::find(at->second.begin(), at->second.end(), key) == at->second.end()) at->second.emplace_back(key);
}

std::string Findings::advice_for(const Unknown& unknown) const {
  const std::vector<std::string>* own = nullptr;
  std::vector<std::string> elsewhere;
  for (const auto& [table, keys] : known_) {
    if (table == unknown.table) own = &keys;
    if (std::find(keys.begin(), keys.end(), unknown.key) == keys.end()) continue;
    const std::string full = full_key(table, unknown.key);
    elsewhere.push_back(header(unknown.is_table ? full : table));
  }
  if (own != nullptr) {
    if (const std::string* near = nearest(unknown.key, *own)) return fmt::format("did you mean \"{}\"?", *near);
  }
  if (!elsewhere.empty()) {
    return fmt::format("{} {}", unknown.is_table ? "write it as" : "it belongs in", fmt::join(elsewhere, " or "));
  }
  if (own == nullptr || own->empty()) return "leave it out";
  if (unknown.table.empty()) return fmt::format("the tables are {}", fmt::join(*own, ", "));
  return fmt::format("the keys of {} are {}", header(unknown.table), fmt::join(*own, ", "));
}

void Findings::judge_unknown() {
  for (const Unknown& unknown : unknown_) {
    const std::string full = full_key(unknown.table, unknown.key);
    problem(unknown.line, fmt::format("\"{}\" is not a known key; {}", full, advice_for(unknown)));
  }
  unknown_.clear();
}

std::vector<std::string> Findings::known() const {
  std::vector<std::string> all;
  for (const auto& [table, keys] : known_) {
    for (const std::string& key : keys) all.push_back(full_key(table, key));
  }
  return all;
}

std::vector<std::string> Findings::in_order(std::vector<Finding> findings) const {
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.line < b.line; });
  std::vector<std::string> lines;
  lines.reserve(findings.size());
  for (const Finding& finding : findings)
    lines.push_back(fmt::format("{}:{}: {}", file_, finding.line, on_one_line(finding.what)));
  return lines;
}

TableReader::~TableReader() {
  if (table_ == nullptr) return;
  for (const TomlEntry& entry : table_->entries) {
    if (std::find(asked_.begin(), asked_.end(), entry.name) == asked_.end()) findings_.unknown(name_, entry);
  }
}

const TomlEntry* TableReader::ask(std::string_view key) {
  asked_.emplace_back(key);
  findings_.know(name_, key);
  return table_ == nullptr ? nullptr : table_->find(key);
}

Place TableReader::wrong(const TomlEntry& entry, std::string_view what) const {
  Place place(findings_, full(entry.name), entry.line, Place::Found::wrong);
  place.problem(what);
  return place;
}

std::string TableReader::full(std::string_view key) const { return full_key(name_, key); }

TableReader TableReader::table(std::string_view key) {
  const TomlEntry* entry = ask(key);
  if (entry == nullptr) return {nullptr, full(key), line_, findings_, is_wrong_};
  const TomlNode* node = &entry->value;
  if (node->kind != Kind::table) {
    wrong(*entry,
          fmt::format("must be a table: write [{}] once, in single brackets, and its keys below it", full(key)));
    // What is in it is judged all the same, so that one run finds everything.
    const bool is_list_of_tables = node->kind == Kind::array && node->items.size() == 1;
    node = is_list_of_tables && node->items.front().kind == Kind::table ? &node->items.front() : nullptr;
  }
  return {node, full(key), entry->line, findings_, node == nullptr};
}

size_t TableReader::tables(std::string_view key, size_t most, const std::function<void(TableReader&)>& read) {
  const TomlEntry* entry = ask(key);
  if (entry == nullptr) return 0;
  const auto read_one = [&](const TomlNode& item) {
    TableReader reader(&item, full(key), item.line, findings_);
    read(reader);
  };
  const TomlNode& value = entry->value;
  const bool all_tables = value.kind == Kind::array && std::all_of(value.items.begin(), value.items.end(),
                                                                   [](const auto& i) { return i.kind == Kind::table; });
  if (!all_tables) {
    wrong(*entry, fmt::format("may come more than once: write [[{}]], in double brackets", full(key)));
    if (value.kind == Kind::table) read_one(value);
    return 1;
  }
  for (size_t i = 0; i < std::min(most, value.items.size()); ++i) read_one(value.items[i]);
  if (value.items.size() > most) {
    Place(findings_, full(key), value.items[most].line, Place::Found::wrong)
        .problem(fmt::format("is the {}. of {} such tables; write at most {}", most + 1, value.items.size(), most));
  }
  return value.items.size();
}

Place TableReader::flag(std::string_view key, bool& into) {
  const TomlEntry* entry = ask(key);
  if (entry == nullptr) return absent(key);
  if (entry->value.kind != Kind::boolean) return wrong(*entry, "must be true or false, without quotes");
  into = entry->value.boolean;
  return found(*entry);
}

Place TableReader::duration(std::string_view key, Milliseconds least, Milliseconds most, Milliseconds& into) {
  const TomlEntry* entry = ask(key);
  if (entry == nullptr) return absent(key);
  const TomlNode& value = entry->value;
  if (value.kind != Kind::text) return wrong(*entry, "is a duration; write it in quotes with its unit, as in \"10s\"");
  const auto duration = parse_duration(value.text);
  if (!duration) {
    return wrong(*entry, fmt::format("is not a duration: \"{}\"; write a whole number and ms, s, m, h or d without a "
                                     "blank, as in \"500ms\" or \"10s\"",
                                     value.text));
  }
  if (*duration < least || *duration > most) {
    return wrong(*entry, fmt::format("is out of range: \"{}\"; write \"{}\" to \"{}\"", value.text,
                                     format_duration(least), format_duration(most)));
  }
  into = *duration;
  return found(*entry);
}

Place TableReader::size(std::string_view key, uint64_t least, uint64_t most, uint64_t& into) {
  const TomlEntry* entry = ask(key);
  if (entry == nullptr) return absent(key);
  const TomlNode& value = entry->value;
  if (value.kind != Kind::text) return wrong(*entry, "is a size; write it in quotes with its unit, as in \"64KiB\"");
  const auto size = parse_size(value.text);
  if (!size) {
    return wrong(*entry, fmt::format("is not a size: \"{}\"; write a whole number and KiB, MiB or GiB without a blank, "
                                     "as in \"64KiB\"",
                                     value.text));
  }
  if (*size < least || *size > most) {
    return wrong(*entry, fmt::format("is out of range: \"{}\"; write \"{}\" to \"{}\"", value.text, format_size(least),
                                     format_size(most)));
  }
  into = *size;
  return found(*entry);
}

Place TableReader::text(std::string_view key, std::string& into) {
  const TomlEntry* entry = ask(key);
  if (entry == nullptr) return absent(key);
  if (const std::string_view problem = text_problem(entry->value); !problem.empty()) return wrong(*entry, problem);
  into = entry->value.text;
  return found(*entry);
}

Place TableReader::choose(std::string_view key, std::initializer_list<std::string_view> names, size_t& index) {
  const TomlEntry* entry = ask(key);
  if (entry == nullptr) return absent(key);
  const auto* at = std::find(names.begin(), names.end(), entry->value.text);
  if (entry->value.kind != Kind::text || at == names.end()) {
    return wrong(*entry, fmt::format("must be one of \"{}\"", fmt::join(names, "\", \"")));
  }
  index = static_cast<size_t>(at - names.begin());
  return found(*entry);
}

Place TableReader::integer(std::string_view key, int64_t least, int64_t most, int64_t& into) {
  const TomlEntry* entry = ask(key);
  if (entry == nullptr) return absent(key);
  if (entry->value.kind != Kind::integer || entry->value.integer < least || entry->value.integer > most) {
    return wrong(*entry, fmt::format("must be a whole number from {} to {}, without quotes", least, most));
  }
  into = entry->value.integer;
  return found(*entry);
}

Place TableReader::texts(std::string_view key, size_t most,
                         const std::function<void(const std::string&, const Place&)>& each) {
  const TomlEntry* entry = ask(key);
  if (entry == nullptr) return absent(key);
  if (entry->value.kind != Kind::array) return wrong(*entry, "must be a list of texts, as in [\"one\", \"two\"]");
  const std::vector<TomlNode>& items = entry->value.items;
  bool is_wrong = items.size() > most;
  for (size_t i = 0; i < std::min(most, items.size()); ++i) {
    const TomlNode& item = items[i];
    const Place place(findings_, full(key), item.line, Place::Found::good);
    if (const std::string_view problem = text_problem(item); !problem.empty()) {
      place.problem(fmt::format("has an entry that {}", problem));
      is_wrong = true;
    } else {
      each(item.text, place);
    }
  }
  if (items.size() > most) {
    Place(findings_, full(key), items[most].line, Place::Found::wrong)
        .problem(fmt::format("has {} entries; write at most {}", items.size(), most));
  }
  return {findings_, full(key), entry->line, is_wrong ? Place::Found::wrong : Place::Found::good};
}

Place TableReader::numbers(std::string_view key, int least, int most, std::vector<int>& into) {
  const TomlEntry* entry = ask(key);
  if (entry == nullptr) return absent(key);
  if (entry->value.kind != Kind::array) return wrong(*entry, "must be a list of whole numbers, as in [200]");
  if (entry->value.items.empty()) return wrong(*entry, "is empty; write at least one number, or leave the key out");
  std::vector<int> values;
  for (const TomlNode& item : entry->value.items) {
    if (item.kind != Kind::integer || item.integer < least || item.integer > most) {
      Place place(findings_, full(key), item.line, Place::Found::wrong);
      place.problem(fmt::format("must be a list of whole numbers from {} to {}", least, most));
      return place;
    }
    values.push_back(static_cast<int>(item.integer));
  }
  into = std::move(values);
  return found(*entry);
}

Place TableReader::anything(std::string_view key) {
  const TomlEntry* entry = ask(key);
  return entry == nullptr ? absent(key) : found(*entry);
}

}  // namespace halfdoor

// TomlNode: a TOML document as a plain tree with lines, so that only one source file sees the parser.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace halfdoor {

struct TomlEntry;

// A value; which members mean something depends on `kind`. Immutable once parsed.
struct TomlNode {
  enum class Kind : uint8_t { table, array, text, integer, boolean, other };

  Kind kind = Kind::table;
  int line = 1;      // from 1
  std::string text;  // Kind::text; valid UTF-8
  int64_t integer = 0;
  bool boolean = false;
  std::vector<TomlNode> items;     // Kind::array
  std::vector<TomlEntry> entries;  // Kind::table; names are unique

  const TomlEntry* find(std::string_view name) const;
};

struct TomlEntry {
  std::string name;
  int line = 1;  // of the key
  TomlNode value;
};

struct TomlError {
  int line = 1;
  std::string message;  // what is wrong and what to write
};

// The document's root table, or its first syntax error.
Result<TomlNode, TomlError> parse_toml(std::string_view text);

}  // namespace halfdoor

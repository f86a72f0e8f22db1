#include "config/toml_tree.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <optional>

namespace halfdoor {

namespace {

int line_of(const toml::source_region& source) {
  return source.begin.line == 0 ? 1 : static_cast<int>(source.begin.line);
}

// Recurses as deep as the document: bounded by line_of_endless_key() and, for values, by toml++.
TomlNode convert(const toml::node& from) {
  TomlNode node;
  node.line = line_of(from.source());
  node.kind = TomlNode::Kind::other;
  if (const auto* table = from.as_table()) {
    node.kind = TomlNode::Kind::table;
    for (const auto& [key, value] : *table) {
      node.entries.push_back({std::string(key.str()), line_of(key.source()), convert(value)});
    }
  } else if (const auto* array = from.as_array()) {
    node.kind = TomlNode::Kind::array;
    for (const toml::node& item : *array) node.items.push_back(convert(item));
  } else if (const auto* text = from.as_string()) {
    node.kind = TomlNode::Kind::text;
    node.text = text->get();
  } else if (const auto* integer = from.as_integer()) {
    node.kind = TomlNode::Kind::integer;
    node.integer = integer->get();
  } else if (const auto* boolean = from.as_boolean()) {
    node.kind = TomlNode::Kind::boolean;
    node.boolean = boolean->get();
  }
  return node;
}

constexpr int kMostKeyParts = 100;

// The line of a dotted key with more parts than any document needs, or null. toml++ bounds the depth of values, but
// recurses as deep as such a key when it destroys the tables.
std::optional<int> line_of_endless_key(std::string_view text) {
  int line = 1, parts = 0;
  char before = '\n';
  for (char c : text) {
    if (c == '.') {
      if (before != '.' && ++parts > kMostKeyParts) return line;
    } else if (c == '\n') {
      ++line;
      parts = 0;
    } else if (std::string_view("=,#[]{}").find(c) != std::string_view::npos) {
      parts = 0;
    }
    before = c;
  }
  return std::nullopt;
}

// The parser's sentence, and what usually helps.
std::string explain(std::string_view description) {
  const auto says = [&](std::string_view words) { return description.find(words) != std::string_view::npos; };
  std::string_view advice;
  if (says("nested value depth")) {
    advice = "; leave out the brackets that are too many";
  } else if (says("cannot redefine existing table")) {
    advice = "; write each [table] once, with all of its keys";
  } else if (says("cannot redefine")) {
    advice = "; write each key once";
  } else if (says("unescaped control characters")) {
    advice = "; is a closing quote missing?";
  } else if (says("parsing array")) {
    advice = "; is a comma or the closing ] missing?";
  } else if (says("parsing table header")) {
    advice = "; write a table as [name] or [[name]] on a line of its own";
  } else if (says("expected '='")) {
    advice = "; write key = value";
  } else if (says("utf-8")) {
    advice = "; save the file as UTF-8";
  } else if (says("parsing boolean") || says("value type") || says("expected digit") || says("parsing value")) {
    advice = "; write text, durations and sizes in quotes, as in \"10s\"";
  }
  return fmt::format("not valid TOML: {}{}", description, advice);
}

}  // namespace

const TomlEntry* TomlNode::find(std::string_view name) const {
  for (const TomlEntry& entry : entries) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

Result<TomlNode, TomlError> parse_toml(std::string_view text) {
  if (const std::optional<int> line = line_of_endless_key(text)) {
    return TomlError{*line, "a key has too many dots; write [table] on one line and key = value on the next"};
  }
  try {
    return convert(toml::parse(text));
  } catch (const toml::parse_error& error) {
    return TomlError{line_of(error.source()), explain(error.description())};
  }
}

}  // namespace halfdoor

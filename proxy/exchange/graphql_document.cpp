#include "exchange/graphql_document.h"

#include <algorithm>

#include "base/text.h"
#include "exchange/graphql_tokens.h"

namespace halfdoor {

namespace {

using Kind = GraphqlToken::Kind;

// Recursive descent, one function per production of the grammar (B.2, B.3). Each says whether it was there.
class DocumentReader {
 public:
  explicit DocumentReader(std::string_view text) : tokens_(text) { advance(); }

  GraphqlDocument read() {
    size_t operations = 0;
    while (token_.kind != Kind::end) {
      if (token_.is_name("mutation") || token_.is_name("subscription")) return GraphqlDocument::other;
      if (token_.is_name("fragment")) {
        if (!fragment()) return GraphqlDocument::unreadable;
      } else {
        if (!query()) return GraphqlDocument::unreadable;
        ++operations;
      }
    }
    return operations > 0 ? GraphqlDocument::queries : GraphqlDocument::unreadable;
  }

 private:
  // Counts one level for as long as it lives.
  class Level {
   public:
    explicit Level(size_t& depth) : depth_(depth) { ++depth_; }
    ~Level() { --depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;
    bool is_too_deep() const { return depth_ > kMostGraphqlDepth; }

   private:
    size_t& depth_;
  };

  void advance() { token_ = ++count_ > kMostGraphqlTokens ? GraphqlToken{Kind::bad, {}} : tokens_.next(); }
  bool take(std::string_view punctuator) {
    if (!token_.is(punctuator)) return false;
    advance();
    return true;
  }
  bool take(Kind kind) {
    if (token_.kind != kind) return false;
    advance();
    return true;
  }
  bool take_name(std::string_view name) {
    if (!token_.is_name(name)) return false;
    advance();
    return true;
  }

  // Anonymous ones too.
  bool query() {
    if (token_.is("{")) return selection_set();
    if (!take_name("query")) return false;
    take(Kind::name);
    if (token_.is("(") && !variable_definitions()) return false;
    return directives() && selection_set();
  }

  bool fragment() {
    advance();
    if (token_.is_name("on") || !take(Kind::name)) return false;
    return take_name("on") && take(Kind::name) && directives() && selection_set();
  }

  bool selection_set() {
    const Level level(depth_);
    if (level.is_too_deep() || !take("{")) return false;
    do {
      if (!selection()) return false;
    } while (!token_.is("}"));
    return take("}");
  }

  bool selection() {
    if (!take("...")) return field();
    if (token_.kind == Kind::name && !token_.is_name("on")) {
      advance();
      return directives();
    }
    if (take_name("on") && !take(Kind::name)) return false;
    return directives() && selection_set();
  }

  bool field() {
    if (!take(Kind::name)) return false;
    if (take(":") && !take(Kind::name)) return false;
    if (token_.is("(") && !arguments()) return false;
    return directives() && (!token_.is("{") || selection_set());
  }

  bool directives() {
    while (take("@")) {
      if (!take(Kind::name) || (token_.is("(") && !arguments())) return false;
    }
    return true;
  }

  bool arguments() {
    const Level level(depth_);
    if (level.is_too_deep() || !take("(")) return false;
    do {
      if (!take(Kind::name) || !take(":") || !value()) return false;
    } while (!token_.is(")"));
    return take(")");
  }

  bool variable_definitions() {
    const Level level(depth_);
    if (level.is_too_deep() || !take("(")) return false;
    do {
      if (!take("$") || !take(Kind::name) || !take(":") || !type()) return false;
      if (take("=") && !value()) return false;
      if (!directives()) return false;
    } while (!token_.is(")"));
    return take(")");
  }

  bool type() {
    const Level level(depth_);
    if (level.is_too_deep()) return false;
    if (take("[")) {
      if (!type() || !take("]")) return false;
    } else if (!take(Kind::name)) {
      return false;
    }
    take("!");
    return true;
  }

  bool value() {
    const Level level(depth_);
    if (level.is_too_deep()) return false;
    if (take("$")) return take(Kind::name);
    if (take(Kind::name) || take(Kind::number) || take(Kind::text)) return true;
    if (take("[")) {
      while (!token_.is("]")) {
        if (!value()) return false;
      }
      return take("]");
    }
    if (!take("{")) return false;
    while (!token_.is("}")) {
      if (!take(Kind::name) || !take(":") || !value()) return false;
    }
    return take("}");
  }

  GraphqlTokens tokens_;
  GraphqlToken token_;
  size_t count_ = 0;
  size_t depth_ = 0;
};

constexpr bool is_name_char(char c) {
  const char lower = ascii_lower(c);
  return c == '_' || is_digit(c) || (lower >= 'a' && lower <= 'z');
}

// A string of before 2018, or as much of it as its line has. `text` begins with its quotation mark.
size_t old_string_size(std::string_view text) {
  for (size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '"') return at + 1;
    if (text[at] == '\n' || text[at] == '\r') return at;
    if (text[at] == '\\') ++at;
  }
  return text.size();
}

// A host that does not know block strings reads `"""` as an empty string and the beginning of another, and so may find
// a definition in what is text to others. It is taken to forgive everything else.
bool hides_definition_in_block_string(std::string_view text) {
  if (text.find("\"\"\"") == std::string_view::npos) return false;
  size_t depth = 0;
  bool may_begin = true;
  while (!text.empty()) {
    const char c = text.front();
    size_t size = 1;
    if (is_name_char(c)) {
      size = static_cast<size_t>(std::find_if_not(text.begin(), text.end(), is_name_char) - text.begin());
      const std::string_view name = text.substr(0, size);
      if (may_begin && name != "query" && name != "fragment") return true;
      may_begin = false;
    } else if (c == '#') {
      size = std::min(text.find_first_of("\r\n"), text.size());
    } else if (c == '"') {
      size = old_string_size(text);
    } else if (c == '{' || c == '(' || c == '[') {
      ++depth;
      may_begin = false;
    } else if (c == '}' || c == ')' || c == ']') {
      if (depth > 0) --depth;
      may_begin = depth == 0 && c == '}';
    }
    text.remove_prefix(size);
  }
  return false;
}

}  // namespace

GraphqlDocument read_graphql_document(std::string_view text) {
  if (!is_plain_graphql_text(text)) return GraphqlDocument::unreadable;
  const GraphqlDocument found = DocumentReader(text).read();
  if (found != GraphqlDocument::queries) return found;
  return hides_definition_in_block_string(text) ? GraphqlDocument::unreadable : found;
}

}  // namespace halfdoor

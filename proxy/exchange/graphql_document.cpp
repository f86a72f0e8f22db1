#include "exchange/graphql_document.h"

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

// A host that does not know block strings reads `"""` as an empty string and the beginning of another, and so may find
// an operation in what is text to others. One that finds no tokens there refuses the document.
bool hides_operation_in_block_string(std::string_view text) {
  if (text.find("\"\"\"") == std::string_view::npos) return false;
  GraphqlTokens tokens(text, /*with_block_strings=*/false);
  bool names_operation = false;
  for (GraphqlToken token = tokens.next(); token.kind != Kind::end; token = tokens.next()) {
    if (token.kind == Kind::bad) return false;
    names_operation = names_operation || token.is_name("mutation") || token.is_name("subscription");
  }
  return names_operation;
}

}  // namespace

GraphqlDocument read_graphql_document(std::string_view text) {
  if (!is_plain_graphql_text(text)) return GraphqlDocument::unreadable;
  const GraphqlDocument found = DocumentReader(text).read();
  if (found != GraphqlDocument::queries) return found;
  return hides_operation_in_block_string(text) ? GraphqlDocument::unreadable : found;
}

}  // namespace halfdoor

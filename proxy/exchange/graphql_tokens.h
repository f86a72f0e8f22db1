// The tokens of a GraphQL document (specification of October 2021, 2.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace halfdoor {

struct GraphqlToken {
  enum class Kind : uint8_t { end, bad, punctuator, name, number, text };

  Kind kind = Kind::end;
  std::string_view text;  // as it stands in the document

  bool is(std::string_view punctuator) const { return kind == Kind::punctuator && text == punctuator; }
  bool is_name(std::string_view name) const { return kind == Kind::name && text == name; }
};

// Takes one token after the other off a text that is_plain_graphql_text().
class GraphqlTokens {
 public:
  explicit GraphqlTokens(std::string_view text) : rest_(text) {}

  // `bad` for what is no token; it stays with that.
  GraphqlToken next();

 private:
  void skip_ignored();
  GraphqlToken take(GraphqlToken::Kind kind, size_t bytes);
  // How many bytes the token in front has; 0: it is none.
  size_t number_size() const;
  size_t string_size() const;
  size_t block_string_size() const;

  std::string_view rest_;
};

// Well-formed UTF-8 without what some hosts take for the end of a line or of the text: control characters but tab, LF
// and CR, U+007F to U+009F, U+2028, U+2029.
bool is_plain_graphql_text(std::string_view text);

}  // namespace halfdoor

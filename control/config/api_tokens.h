// Who may call the engine's API and OFREP: bearer tokens, of which only hashes are on disk.
//
//   tokens:
//     - { name: alice, role: editor, tenants: [default], sha256: "9f86…" }
//
// `flagmesh keygen --token` makes a token and prints its entry. A token is 256 random bits, so a
// plain SHA-256 keeps it secret; the hashes are compared in constant time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "merkle/hash.h"
#include "proxy/base/diagnostic.h"
#include "proxy/base/result.h"

namespace flagmesh::config {

// Each may do what those before it may.
enum class ApiRole : uint8_t {
  kViewer,  // read and evaluate
  kEditor,  // change flags
  kAdmin,   // and kill them, and read the epoch log
};
std::string_view role_name(ApiRole role);

struct ApiToken {
  std::string name;  // the author of changes; unique
  ApiRole role = ApiRole::kViewer;
  std::vector<std::string> tenants;  // empty: all
  merkle::Hash sha256;               // of the token

  bool may(ApiRole wanted, std::string_view tenant) const;
};

// A token and its entry in the file.
struct NewToken {
  std::string token;
  std::string entry;
};
// Code "no_randomness".
Result<NewToken> make_api_token(const std::string& name, ApiRole role,
                                const std::vector<std::string>& tenants);

// Immutable; any thread.
class ApiTokens {
 public:
  static constexpr size_t kTokens = 1'000;

  // Codes "read_failed", "too_large", "bad_tokens": the message has every mistake with its place.
  static Result<std::shared_ptr<const ApiTokens>> read(const std::string& file);
  static Result<std::shared_ptr<const ApiTokens>> parse(std::string_view text,
                                                        const std::string& file);

  // The entry of that token, or null. Takes as long whichever it is.
  const ApiToken* find(std::string_view token) const;

  // An event stream's URL carries a ticket, because browsers cannot send a token with it: good for
  // one tenant on that day and the next, and the same at every process that has this file.
  std::string ticket(std::string_view tenant, int64_t unix_seconds) const;
  bool is_ticket(std::string_view text, std::string_view tenant, int64_t unix_seconds) const;

 private:
  std::vector<ApiToken> tokens_;
  merkle::Hash secret_;  // of the whole file's hashes: what tickets are made with
};

// The same bytes, in a time that depends on the length alone.
bool same_in_constant_time(std::string_view a, std::string_view b);

}  // namespace flagmesh::config

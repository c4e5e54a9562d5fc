#include "control/config/api_tokens.h"

#include <algorithm>

#include "control/config/object_reader.h"
#include "control/config/read_file.h"
#include "control/flags/yaml.h"
#include "merkle/encoding.h"
#include "merkle/secret_file.h"
#include "merkle/state_tree.h"

namespace flagmesh::config {

using flags::JsonValue;

namespace {

constexpr std::string_view kPrefix = "fm_";
constexpr int64_t kDay = 24 * 60 * 60;
constexpr size_t kTicketLetters = 32;

constexpr flags::ReadLimits kLimits{1024 * 1024, 8, 50'000, 0};

std::optional<ApiToken> parse_token(Report& report, const JsonValue& value, size_t number) {
  ObjectReader reader(report, value, "token " + std::to_string(number));
  if (!value.is_object()) return std::nullopt;
  const size_t errors = report.errors();
  ApiToken token;
  reader.text("name", token.name);
  if (!reader.has("name")) report.error(value.mark(), reader.what() + " has no 'name'");
  if (!reader.has("role")) {
    report.error(value.mark(), reader.what() + " has no 'role'", "viewer, editor or admin");
  }
  reader.choice<ApiRole>(
      "role", token.role,
      {{"viewer", ApiRole::kViewer}, {"editor", ApiRole::kEditor}, {"admin", ApiRole::kAdmin}});
  for (auto& [tenant, mark] : reader.text_list("tenants")) {
    if (!merkle::is_tenant_name(tenant)) {
      report.error(mark, in_quotes(tenant) + " is no name for a tenant");
    }
    token.tenants.push_back(tenant);
  }
  if (const JsonValue* tenants = reader.find("tenants");
      tenants != nullptr && tenants->is_array() && tenants->array().empty()) {
    report.error(tenants->mark(), reader.member("tenants") + " is empty", "leave it out for all");
  }
  std::string hex;
  reader.text("sha256", hex);
  const auto hash = merkle::Hash::from_hex(hex);
  if (hash) {
    token.sha256 = *hash;
  } else {
    report.error(reader.name_mark("sha256"), reader.what() + " has no 'sha256' of 64 letters",
                 "flagmesh keygen --token prints the whole entry");
  }
  reader.finish();
  return report.errors() == errors ? std::optional(std::move(token)) : std::nullopt;
}

void refuse_twins(Report& report, const std::vector<ApiToken>& tokens, const ApiToken& token,
                  flags::Mark mark) {
  for (const ApiToken& other : tokens) {
    if (other.name == token.name) {
      report.error(mark, "two tokens are named " + in_quotes(token.name),
                   "changes are told apart by the name: give each its own");
    } else if (other.sha256 == token.sha256) {
      report.error(mark, "two entries are for one token", "remove one");
    }
  }
}

}  // namespace

std::string_view role_name(ApiRole role) {
  static constexpr std::string_view kNames[] = {"viewer", "editor", "admin"};
  return kNames[static_cast<size_t>(role)];
}

bool ApiToken::may(ApiRole wanted, std::string_view tenant) const {
  return role >= wanted && (tenants.empty() || std::ranges::find(tenants, tenant) != tenants.end());
}

bool same_in_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  volatile unsigned char difference = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<unsigned char>(difference | (a[i] ^ b[i]));
  }
  return difference == 0;
}

Result<NewToken> make_api_token(const std::string& name, ApiRole role,
                                const std::vector<std::string>& tenants) {
  const auto bytes = merkle::random_bytes(32);
  if (!bytes) return std::unexpected(bytes.error());
  NewToken made;
  made.token = std::string(kPrefix) + merkle::hex_encode(*bytes);
  made.entry = "- { name: \"" + name + "\", role: " + std::string(role_name(role));
  if (!tenants.empty()) {
    made.entry += ", tenants: [";
    for (const std::string& tenant : tenants) {
      if (made.entry.back() != '[') made.entry += ", ";
      made.entry += "\"" + tenant + "\"";
    }
    made.entry += "]";
  }
  made.entry += ", sha256: \"" + merkle::sha256(made.token).hex() + "\" }";
  return made;
}

Result<std::shared_ptr<const ApiTokens>> ApiTokens::read(const std::string& file) {
  const auto text = read_file(file);
  if (!text) return fail(text.error().code, text.error().message, file);
  return parse(*text, file);
}

Result<std::shared_ptr<const ApiTokens>> ApiTokens::parse(std::string_view text,
                                                          const std::string& file) {
  auto tokens = std::make_shared<ApiTokens>();
  Diagnostics mistakes;
  Report report(file, mistakes);
  const auto document = flags::read_document(text, file, kLimits);
  if (!document) {
    mistakes.push_back(document.error());
  } else if (!document->is_object()) {
    report.error({1, 1}, "this is no file of tokens", "write tokens: [ … ]");
  } else {
    ObjectReader root(report, *document, "the file");
    const JsonValue* list = root.find("tokens");
    if (list == nullptr || !list->is_array() || list->array().empty()) {
      report.error(root.name_mark("tokens"), "the file has no list 'tokens'",
                   "flagmesh keygen --token prints an entry");
    } else if (list->array().size() > kTokens) {
      report.error(list->mark(), "more than 1000 tokens");
    } else {
      for (size_t i = 0; i < list->array().size(); ++i) {
        auto token = parse_token(report, list->array()[i], i + 1);
        if (!token) continue;
        refuse_twins(report, tokens->tokens_, *token, list->array()[i].mark());
        tokens->tokens_.push_back(std::move(*token));
      }
    }
    root.finish();
  }
  std::string all;
  for (const Diagnostic& mistake : mistakes) {
    if (mistake.severity != Severity::kError) continue;
    all.append(all.empty() ? "" : "\n  ").append(mistake.text());
  }
  if (!all.empty()) return fail("bad_tokens", std::move(all));
  std::string hashes("flagmesh tickets");
  for (const ApiToken& token : tokens->tokens_) hashes.append(token.sha256.view());
  tokens->secret_ = merkle::sha256(hashes);
  return tokens;
}

const ApiToken* ApiTokens::find(std::string_view token) const {
  const merkle::Hash hash = merkle::sha256(token);
  const ApiToken* found = nullptr;
  for (const ApiToken& entry : tokens_) {
    if (same_in_constant_time(entry.sha256.view(), hash.view())) found = &entry;
  }
  return found;
}

std::string ApiTokens::ticket(std::string_view tenant, int64_t unix_seconds) const {
  const std::string text = std::string(tenant) + " " + std::to_string(unix_seconds / kDay);
  return merkle::hmac_sha256(secret_.view(), text).hex().substr(0, kTicketLetters);
}

bool ApiTokens::is_ticket(std::string_view text, std::string_view tenant,
                          int64_t unix_seconds) const {
  return same_in_constant_time(text, ticket(tenant, unix_seconds)) ||
         same_in_constant_time(text, ticket(tenant, unix_seconds - kDay));
}

}  // namespace flagmesh::config
